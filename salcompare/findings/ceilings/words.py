"""What the report says of noise ceilings."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from salcompare.findings.agreement import ALPHA, BOX_IOU, SAME_LABEL
from salcompare.findings.ceilings import CEILING, RESAMPLED, SHARE
from salcompare.findings.overlap import OVERLAP
from salcompare.naming import PRIMARY, SMOOTHED
from salcompare.printing import estimate
from salcompare.report.content import Section, classifier_table
from salcompare.report.tables import PrintedTable, one, pick, table_of
from salcompare.statistics.ceilings.between_workers import N_SPLITS
from salcompare.statistics.inference.resampling import FEWEST_ACTORS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from salcompare.findings.finding import Quantity
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
            f"{estimate(row)} on smoothed maps: the noise ceiling.", *filter(None, said)]


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
    """Make the tables of ceilings and of resampling."""
    whole, single = (pick(data.estimates, statistic=SHARE, level=level) for level in ("population", "actor"))
    yield table_of(
        "share_of_ceiling", "Share of the noise ceiling that a classifier reaches",
        "Pearson's correlation of smoothed maps. A share (over a null) is (score - null) / (ceiling - null): 1 for a "
        "perfect model, 0 at the null, below 0 under it. \"ceiling over\" is how far the ceiling lies above the null; "
        "where its interval holds 0 the share is undefined. Workers and actors are both resampled.",
        whole, ["source", "contrast", "value", "ci_low", "ci_high", "null_mean", "ceiling", "n", "reason"])
    yield table_of(
        "resampled_overlap", "Overlap of human and classifier maps, by what was resampled",
        "Pearson's correlation of smoothed maps, mean over actors. Workers with images: for these actors. Workers with "
        "actors: for actors like these. Crossed intervals from 2 (V + V) - V of both.",
        pick(data.estimates, statistic=RESAMPLED),
        ["source", "resampled", "value", "ci_low", "ci_high", "ci_method", "n", "reason"])
    yield table_of("share_of_ceiling_actor", "Share of the noise ceiling of each actor", "", single,
                   ["actor", "source", "contrast", "value", "ci_low", "ci_high", "null_mean", "ceiling", "n",
                    "resampled", "reason"], folded=True)
    yield table_of("noise_ceiling", "Noise ceiling of the human maps", "", pick(data.estimates, statistic=CEILING),
                   ["level", "actor", "form", "value", "ci_low", "ci_high", "n", "reason"], folded=True)

_CEILINGS = (
    f"Workers of an image are split into random halves, {N_SPLITS} times; the mean correlation of the halves' coverage "
    "is stepped up to all workers by the Spearman-Brown formula (Brown 1910), and its root is the correlation that a "
    "perfect model would have with the observed coverage.")

_SHARES = (
    "The share of the ceiling is (score - null) / (ceiling - null): 1 for a perfect model, 0 at the null, below 0 "
    "under it, and never clipped. The null is the mean human map of the other actors, the classifier's maps of the "
    "other actors, or no correlation. Score, null and ceiling are computed in the same resamples, with the ceiling's "
    "limit for all splits, which rests on pairs of different workers: copies of a worker are never agreement. The "
    "interval is Fieller's (1954); where that of ceiling less null holds 0 the share is undefined.")

_RESAMPLING = (
    "Each interval names what was resampled. Workers saw many images, so they are crossed with actors or images: the "
    "variance is 2 (V of workers + V of units) - V of both at once (Schütt et al. 2023), with a t interval, and none "
    "where it is not above 0. Actors are resampled whole where the result speaks of actors like these; images within "
    "their actor where it speaks of these actors. A resample draws one replicate fewer than there are, so that "
    "variances of means are unbiased (McCarthy & Snowden 1985). There are no intervals over fewer than "
    f"{FEWEST_ACTORS} actors: percentile intervals of 3 actors cover about 70%.")


def methods(data: StudyData) -> list[tuple[str, str]]:
    """Say what ceilings are, where it is known who responded to what."""
    if not data.workers_known:
        return []
    if data.people != "none" and data.has_classifier:
        return [("Noise ceiling", _CEILINGS), ("Share of the ceiling", _SHARES),
                ("Resampling", _RESAMPLING)]
    return [("Noise ceiling", _CEILINGS)] if data.estimates["statistic"].eq(OVERLAP).any() else []


def section(data: StudyData, name: str) -> Section:
    """Give a classifier's share of the ceiling on its page."""
    return Section("ceilings", "Share of the ceiling", tables=(classifier_table(
        data, name, "share_of_ceiling", "Share of the ceiling",
        "(score - null) / (ceiling - null): 1 for a perfect model.", SHARE),))
