"""Methods of labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salcompare.statistics.analysis.labels import FEWEST_BOXES

if TYPE_CHECKING:
    from salcompare.report.data import ReportData


def labels(data: ReportData) -> str:
    """Say how shares of labels were estimated and compared, and how workers' agreement was."""
    statistics = data.settings["statistics"]
    resamples, permutations = statistics["n_resamples"], statistics["n_permutations"]
    said = [
        "Shares of labels are normalised within actor, images weighing the same, then averaged over actors. "
        f"Intervals are percentiles of {resamples:,} bootstrap resamples of workers, each with all responses. "
        "n_effective is Kish's (1965) effective number of responses: how many of equal weight would give the same "
        "variance; it measures balancing, not that responses of one worker are alike. Figures and headline numbers "
        "show the labels drawn most often, whether the task offered them or a worker typed them; the summary names no "
        f"label with fewer than {FEWEST_BOXES} boxes.",
        "Whether actors differ is tested by permuting whole images, with all their responses, among actors "
        f"({permutations:,} times): eta² is the share of the variance between images' label shares that actors "
        "explain. A cell compares an actor's share of a label with the mean of the other actors'; its t has the "
        "variance within actors, pooled. Cells are adjusted by the most extreme of all cells in each permutation "
        "(Westfall & Young 1993), each label's t on the scale of its own null, so that rare labels do not hide the "
        "others. Where actors differ in how many responses their images have, the same number of each image is drawn "
        "at random first. Workers are taken to meet images regardless of the actor.",
        "Krippendorff's (2004) nominal alpha has images as units and workers as coders; 0 means that labels on one "
        "image are no more alike than labels on any. Its t interval crosses workers with images within actors (Schütt "
        "et al. 2023). People may choose what to name, so that a low alpha is no defect.",
    ]
    if data.has_classifier:
        said.append(
            "For each label, the share of an actor's classifier mask inside the label's region is correlated, over "
            "actors, with people's share of the label. The region is the smallest that holds half of the area of the "
            "boxes of that label which people drew on the other actors, and the mask's share in it is taken against "
            "the region's area and against what the other actors' masks have there. Regions of an actor's own boxes "
            "would grow with the label's share, and random masks would correlate with it. The null permutes whole "
            "actors' masks; intervals are jackknife intervals of Fisher's z over actors.")
    return " ".join(said)
