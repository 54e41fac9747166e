"""What the report says of noise ceilings."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from salcompare.findings.ceilings import SHARE
from salcompare.printing import estimate
from salcompare.report.content import Section, classifier_table
from salcompare.report.tables import PrintedTable, one, table_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from salcompare.study_data import StudyData


def summary(data: StudyData) -> list[str]:
    """Say what a perfect model could reach."""
    row = one(data.estimates, statistic="noise_ceiling", metric="pearson", form="smoothed", level="population")
    if row is None:
        return []
    if math.isnan(row["value"]):
        return [f"The noise ceiling could not be computed: {row['reason']}."]
    said = [_agree(data, "label_agreement", "same_label",
                   "Two workers of an image name the same label with probability ", "labels"),
            _agree(data, "box_agreement", "mean_iou", "Two workers' boxes on one image overlap by a mean IoU of ",
                   "boxes")]
    return [f"A model that knew the true human map of each image could correlate with the observed one by at most "
            f"{estimate(row)} on smoothed maps: the noise ceiling.", *filter(None, said)]


def _agree(data: StudyData, statistic: str, likeness: str, said: str, what: str) -> str:
    """Say how alike two workers' responses are, and what that is against chance; empty where nobody has a partner."""
    alike, alpha = (one(data.estimates, statistic=statistic, metric=metric, level="population")
                    for metric in (likeness, "krippendorff_alpha"))
    if alike is None or math.isnan(alike["value"]):
        return ""
    chance = "" if alpha is None or math.isnan(alpha["value"]) else (
        f"; taken against {what} of any images, that is a Krippendorff's alpha of {estimate(alpha)}: 0 is chance, 1 "
        "perfect")
    return f"{said}{estimate(alike)}{chance}."


def tables(data: StudyData) -> Iterator[PrintedTable]:
    """Make the tables of ceilings and of resampling."""
    estimates = data.estimates
    of = {name: estimates[estimates["statistic"] == name] for name in (
        "share_of_ceiling", "resampled_overlap", "half_ceiling", "rest_ceiling", "noise_ceiling")}
    share = of["share_of_ceiling"]
    yield table_of(
        "share_of_ceiling", "Share of the noise ceiling that a classifier reaches",
        "Pearson's correlation of smoothed maps. A share (over a null) is (score - null) / (ceiling - null): 1 for a "
        "perfect model, 0 at the null, below 0 under it. \"ceiling over\" is how far the ceiling lies above the null; "
        "where its interval holds 0 the share is undefined. Workers and actors are both resampled.",
        share[share["level"] == "population"],
        ["source", "contrast", "value", "ci_low", "ci_high", "null_mean", "ceiling", "n", "reason"])
    yield table_of(
        "resampled_overlap", "Overlap of human and classifier maps, by what was resampled",
        "Pearson's correlation of smoothed maps, mean over actors. Workers with images: for these actors. Workers with "
        "actors: for actors like these. Crossed intervals from 2 (V + V) - V of both.", of["resampled_overlap"],
        ["source", "resampled", "value", "ci_low", "ci_high", "ci_method", "n", "reason"])
    yield _against_people(pd.concat([of["half_ceiling"], of["rest_ceiling"]]))
    yield table_of("share_of_ceiling_actor", "Share of the noise ceiling of each actor", "",
                   share[share["level"] == "actor"],
                   ["actor", "source", "contrast", "value", "ci_low", "ci_high", "null_mean", "ceiling", "n",
                    "resampled", "reason"], folded=True)
    yield table_of("noise_ceiling", "Noise ceiling of the human maps", "", of["noise_ceiling"],
                   ["level", "actor", "form", "value", "ci_low", "ci_high", "n", "reason"], folded=True)


def _against_people(rows: pd.DataFrame) -> PrintedTable:
    """Print the classifier beside the people whom it is compared with, a row for each metric."""
    rows = rows.assign(target=rows["statistic"].map({"half_ceiling": "half of the workers",
                                                     "rest_ceiling": "single workers"}))
    people = rows[rows["contrast"] == "ceiling"]
    classifier = rows[rows["contrast"] == "score"]
    key = ["target", "metric", "form"]
    beside = people[[*key, "against", "value"]].rename(columns={"against": "source", "value": "people"})
    table = classifier.merge(beside, on=[*key, "source"], how="left")
    columns = ["source", "target", "metric", "form", "value", "ci_low", "ci_high", "people", "n"]
    made = table_of(
        "ceilings_of_metrics", "People against the same people, for other metrics",
        "The classifier (value) and other workers (people) scored against one target: half of an image's workers, or "
        "a single worker. Compare within a row only. t intervals over actors.", table, columns, folded=True)
    return replace(made, frame=made.frame.reset_index(drop=True))


CEILING = (
    "Workers of an image are split into random halves, 200 times; the mean correlation of the halves' coverage is "
    "stepped up to all workers by the Spearman-Brown formula (Brown 1910), and its root is the correlation that a "
    "perfect model would have with the observed coverage.")

SAME_TARGET = (
    "Score and ceiling have the same target. For other metrics, half of the workers stand in the classifier's place "
    "against the other half, and the classifier is scored against that same other half; or all other workers stand "
    "against a single one, and the classifier is scored against that one. These scores compare with their own ceiling "
    "only, as fewer workers are a noisier target.")

SHARES = (
    "The share of the ceiling is (score - null) / (ceiling - null): 1 for a perfect model, 0 at the null, below 0 "
    "under it, and never clipped. The null is the mean human map of the other actors, the classifier's maps of the "
    "other actors, or no correlation. Score, null and ceiling are computed in the same resamples, with the ceiling's "
    "limit for all splits, which rests on pairs of different workers: copies of a worker are never agreement. The "
    "interval is Fieller's (1954); where that of ceiling less null holds 0 the share is undefined.")

RESAMPLING = (
    "Each interval names what was resampled. Workers saw many images, so they are crossed with actors or images: the "
    "variance is 2 (V of workers + V of units) - V of both at once (Schütt et al. 2023), with a t interval, and none "
    "where it is not above 0. Actors are resampled whole where the result speaks of actors like these; images within "
    "their actor where it speaks of these actors. A resample draws one replicate fewer than there are, so that "
    "variances of means are unbiased (McCarthy & Snowden 1985). There are no intervals over fewer than eight actors: "
    "percentile intervals of 3 actors cover about 70%.")


def methods(data: StudyData) -> list[tuple[str, str]]:
    """Say what ceilings are, where it is known who responded to what."""
    if not data.workers_known:
        return []
    if data.people != "none" and data.has_classifier:
        return [("Noise ceiling", f"{CEILING} {SAME_TARGET}"), ("Share of the ceiling", SHARES),
                ("Resampling", RESAMPLING)]
    return [("Noise ceiling", CEILING)] if data.estimates["statistic"].eq("overlap").any() else []


def section(data: StudyData, name: str) -> Section:
    """Give a classifier's share of the ceiling on its page."""
    return Section("ceilings", "Share of the ceiling", tables=(classifier_table(
        data, name, "share_of_ceiling", "Share of the ceiling",
        "(score - null) / (ceiling - null): 1 for a perfect model.", SHARE),))
