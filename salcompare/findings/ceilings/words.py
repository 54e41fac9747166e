"""What the report says of noise ceilings."""

from __future__ import annotations

import math
from collections.abc import Iterator

from salcompare.findings.agreement import ALPHA, BOX_IOU, SAME_LABEL
from salcompare.findings.ceilings import CEILING, POOLED, SHARE
from salcompare.findings.ceilings.design import IMAGES, needed, place_of, shares_of
from salcompare.findings.finding import Quantity
from salcompare.naming import PRIMARY, SMOOTHED
from salcompare.printing import counted, estimate, number
from salcompare.report.content import Section, classifier_table
from salcompare.report.tables import PrintedTable, one, pick, plain_table, table_of
from salcompare.statistics.inference.resampling import FEWEST_ACTORS
from salcompare.statistics.variance.components import RELIABILITY
from salcompare.study_data import StudyData


def summary(data: StudyData) -> list[str]:
    """Say what a perfect model could reach."""
    row = one(data.estimates, statistic=CEILING, metric=PRIMARY, form=SMOOTHED, level="population")
    if row is None:
        return []
    if math.isnan(row["value"]):
        return [f"The noise ceiling could not be computed: {row['reason']}."]
    said = [_agree(data, SAME_LABEL, "Two workers of an image name the same label with probability ", "labels"),
            _agree(data, BOX_IOU, "Two workers' boxes on one image overlap by a mean IoU of ", "boxes")]
    return [f"A model that knew the true human map of each image could correlate with the observed one by at most "
            f"{estimate(row)} on smoothed maps: the noise ceiling.", *filter(None, said), *_how_many(data)]


def _how_many(data: StudyData) -> list[str]:
    """Say how reliably actors are told apart, and what it would take."""
    shares = shares_of(data)
    if shares is None:
        return []
    place = place_of(data, shares)
    takes = " or ".join(f"{counted(int(workers), 'worker')} an image with {counted(int(images), 'image')} of each actor"
                        for images, workers in needed(shares).dropna().to_numpy().tolist())
    return [f"People's heatmaps tell actors apart with a reliability of {number(place.reliability, 2)} at this study's "
            f"size ({number(place.images, 1)} images of an actor, {number(place.workers, 1)} workers an image); by the "
            "same components of variance, without intervals, "
            + (f"{RELIABILITY:g} would take {takes}." if takes else
               f"{RELIABILITY:g} would take more than {int(IMAGES.max())} images of each actor.")]


def _agree(data: StudyData, quantity: Quantity, said: str, what: str) -> str:
    """Say how far two workers agree, and what that is against chance; empty where nobody has a partner."""
    agreement, alpha = (one(data.estimates, statistic=quantity.statistic, metric=metric, level="population")
                        for metric in (quantity.metric, ALPHA))
    if agreement is None or math.isnan(agreement["value"]):
        return ""
    chance = "" if alpha is None or math.isnan(alpha["value"]) else (
        f"; taken against {what} of any images, that is a Krippendorff's alpha of {estimate(alpha)}: 0 is chance, 1 "
        "perfect")
    return f"{said}{estimate(agreement)}{chance}."


def tables(data: StudyData) -> Iterator[PrintedTable]:
    """Make the tables of the ceiling and of shares of it."""
    shares = data.estimates[data.estimates["statistic"].isin([POOLED, SHARE])]
    yield table_of(
        "share_of_ceiling", "Share of the noise ceiling that a classifier reaches",
        "Pearson's correlation of smoothed maps, pooled over images, and divided by the ceiling; 1 is a perfect model. "
        "Beside it what maps reach that know neither image nor people (null_mean: a centred blob), and by how much the "
        "classifier reaches more, of random networks on their images. Intervals over workers and actors.",
        shares, ["statistic", "source", "contrast", "value", "ci_low", "ci_high", "value_one", "value_other",
                 "null_mean", "ceiling", "n", "reason"])
    shares_of_boxes = shares_of(data)
    if shares_of_boxes is not None:
        yield plain_table("workers_needed", f"Workers an image for a reliability of {RELIABILITY:g} of the differences "
                          "between actors' heatmaps, by images of each actor (none: no number is enough)",
                          needed(shares_of_boxes).assign(
                              responses="simulated" if data.simulated else "collected"))
    yield table_of("noise_ceiling", "Noise ceiling of the human maps", "", pick(data.estimates, statistic=CEILING),
                   ["form", "value", "ci_low", "ci_high", "n", "n_undefined", "reason"], folded=True)


_CEILING = (
    "The noise ceiling is the correlation that the map of endlessly many workers would have with the observed one: the "
    "root of the mean product of different workers' smoothed maps, less their means, over the mean energy of the "
    "observed mean map. Both are pooled first, over an actor's images and then over actors: a mean of images' roots "
    "is biased. There is one ceiling for a study, of Pearson's correlation of smoothed maps; other metrics have none.")

_SHARES = (
    "The share of the ceiling is the pooled correlation (products of people's mean maps with the classifier's, each "
    "brought to mean 0 and energy 1, over the root of both energies) divided by the ceiling: the correlation with what "
    "endlessly many workers would make (Spearman 1904). Variances of ceiling, score, share and its differences are "
    "delete-one jackknives over actors and over workers less that over what one worker did on one actor (Owen 2007), "
    "not below that of actors; intervals are t, and there are none below "
    f"{FEWEST_ACTORS} actors or workers. The classifier's maps are taken as given.")

_HOW_MANY = (
    "How reliably heatmaps tell actors apart in studies of other sizes follows from the components of variance of "
    "smoothed responses (Brennan 2001): actor / (actor + image / images + (worker + residual) / (images x workers)), "
    "with as many images of each actor and workers an image, drawn anew for each. Sizes of this study are harmonic "
    "means.")

_RESAMPLING = (
    "Each interval names what was resampled. Where workers are resampled with actors or images they are crossed, as "
    "they saw many images: the variance is 2 (V of workers + V of units) - V of both at once (Schütt et al. 2023), "
    "with a t interval, and none where it is not above 0. A resample draws one replicate fewer than there are, so that "
    "variances of means are unbiased (McCarthy & Snowden 1985). There are no intervals over fewer than "
    f"{FEWEST_ACTORS} actors: percentile intervals of 3 actors cover about 70%.")


def methods(data: StudyData) -> list[tuple[str, str]]:
    """Say what ceilings are, where it is known who responded to what."""
    if not data.workers_known:
        return []
    shares = [("Share of the ceiling", _SHARES)] if data.people != "none" and data.has_classifier else []
    ceiling = [("Noise ceiling", _CEILING), *shares] if data.people != "none" else []
    how_many = [("How many workers and images", _HOW_MANY)] if shares_of(data) is not None else []
    return [*ceiling, *how_many, ("Resampling", _RESAMPLING)]


def section(data: StudyData, name: str) -> Section:
    """Give a classifier's share of the ceiling on its page."""
    return Section("ceilings", "Share of the ceiling", tables=(classifier_table(
        data, name, "share_of_ceiling", "Share of the ceiling",
        "1 for a perfect model.", POOLED, SHARE),))


REFERENCES = (
    "Brennan, R. L. (2001). Generalizability Theory. Springer. doi:10.1007/978-1-4757-3456-0.",
    "Owen, A. B. (2007). The pigeonhole bootstrap. Annals of Applied Statistics, 1, 386–411. doi:10.1214/07-AOAS122.",
    "Spearman, C. (1904). The proof and measurement of association between two things. American Journal of Psychology, "
    "15, 72–101. doi:10.2307/1412159.",
)
