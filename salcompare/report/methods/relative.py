"""Methods of relative saliency and its tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salcompare.report.wording import number, percent
from salcompare.statistics.analysis.relative import MOST, MOST_BESIDE, TFCE
from salcompare.statistics.relative.material import SUPPORT

if TYPE_CHECKING:
    from salcompare.report.data import ReportData


def relative(data: ReportData) -> str:
    """Say what relative saliency is and how it was tested."""
    asked, width = data.settings["statistics"]["n_permutations"], data.settings["study"]["size"][1]
    sigma = number(data.settings["maps"]["sigma"] * width)
    draws, beside = min(asked, MOST), min(asked, MOST_BESIDE)
    return (
        "An actor's heatmap minus the mean over actors of the actors' heatmaps. It is tested at every pixel on "
        f"coverage, or masks, smoothed with a Gaussian of standard deviation {sigma} pixels: t of the actor's mean "
        "less the mean of the other actors' means, over the variance within actors pooled over them. Images are "
        f"permuted freely among actors ({draws} times; {beside} for the sensitivity analyses and for classifiers that "
        "no figure shows); p is adjusted over all pixels and all actors by the largest |t| (Nichols & Holmes 2002), "
        f"and cannot be below 1/{draws + 1}. A pixel is tested if Kish's (1965) effective number of images behind it "
        f"is at least {percent(SUPPORT, 0)} of the images, whoever is shown; what hardly any image but one actor's "
        "own reaches is not tested. A pixel is a place in the picture, not on the face: an actor whose face is "
        "placed otherwise differs, too. Unequal spread makes the pooled test reject where no mean differs; so a "
        "Welch statistic (a variance for each actor) and a test of Levene's (1960) deviations stand beside it. With "
        "few images of an actor the Welch statistic lessens that fault without mending it, and has little power. "
        "False discovery rates (Benjamini & Hochberg "
        "1995; Benjamini & Yekutieli 2001) rest on p from one null distribution pooled over pixels, actors and "
        "permutations, which assumes that t has the same null distribution everywhere: a pixel's own permutations "
        "cannot reach the small p that so many tests ask for. Cluster mass (threshold at a two-sided p of 0.001) and "
        f"threshold-free cluster enhancement (Smith & Nichols 2009; heights from |t| = {TFCE['start']:g} in steps of "
        f"{TFCE['step']:g}, the same for all permutations and actors) say that an actor differs somewhere in or "
        "around a cluster, and locate no pixel.")
