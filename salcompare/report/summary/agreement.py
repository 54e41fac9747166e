"""Whether people agree with each other, and the classifier with them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from salcompare.phrases import joined
from salcompare.report.summary.picking import PRIMARY, main_source, one, pick
from salcompare.report.wording import contrast, estimate, number, percent, verdict

if TYPE_CHECKING:
    import pandas as pd

    from salcompare.report.data import ReportData


def ceiling(data: ReportData) -> list[str]:
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


def _agree(data: ReportData, statistic: str, likeness: str, said: str, what: str) -> str:
    """Say how alike two workers' responses are, and what that is against chance; empty where nobody has a partner."""
    alike, alpha = (one(data.estimates, statistic=statistic, metric=metric, level="population")
                    for metric in (likeness, "krippendorff_alpha"))
    if alike is None or math.isnan(alike["value"]):
        return ""
    chance = "" if alpha is None or math.isnan(alpha["value"]) else (
        f"; taken against {what} of any images, that is a Krippendorff's alpha of {estimate(alpha)}: 0 is chance, 1 "
        "perfect")
    return f"{said}{estimate(alike)}{chance}."


def agreement(data: ReportData) -> list[str]:
    """Answer against chance and every baseline."""
    source = main_source(data.estimates)
    same = None if source is None else one(data.estimates, **PRIMARY, level="population", source=source,
                                           contrast="same image")
    if same is None or source is None:
        return []
    ceiling = "" if math.isnan(same["ceiling"]) else f"; the ceiling is {number(same['ceiling'], 2)}"
    said = [f"On the same image, the smoothed maps of people and {source} correlate by {estimate(same)}{ceiling}."]
    claims = {
        "image effect": "a human map agrees with the classifier's map of the same image more than with its maps of "
                        "the actor's other images",
        "actor effect": "human maps agree with the classifier's maps of other images of the same actor more than with "
                        "those of other actors",
        "minus baseline/centre": "the classifier agrees with people {} than a centred blob does",
        "minus baseline/other actors":
            "the classifier agrees with people {} than the mean human map of the other actors does",
    }
    for name, claim in claims.items():
        row = one(data.estimates, **PRIMARY, level="population", source=source, contrast=name)
        if row is not None:
            said.append(verdict(row, claim) if "effect" in name else
                        contrast(row, claim.format("less" if row["value"] < 0 else "more")))
    return [*said, *_below_ceiling(data, source), *_others(data, source), *_other_classifiers(data, source)]


def _other_classifiers(data: ReportData, source: str) -> list[str]:
    """Give the overlap of the other classifiers' main sources."""
    same = pick(data.estimates, **PRIMARY, level="population", contrast="same image")
    same = same[same["value"].notna()].assign(name=same["source"].str.split("/").str[0])
    same = same[same["name"].isin(data.classifier_names) & (same["name"] != source.split("/")[0])]
    last = same.drop_duplicates("name", keep="last")
    found = [f"{row['source']} {estimate(row)}" for _, row in last.iterrows()]
    return [f"The other classifier{'s' if len(found) > 1 else ''}, likewise: {joined(found)}."] if found else []


_WAYS = {
    "over no correlation": "no correlation at all",
    "over other actors' classifier maps": "what the classifier's maps of other actors reach",
    "over other actors' human maps": "what the other actors' mean human map reaches",
}


def _below_ceiling(data: ReportData, source: str) -> list[str]:
    """Say how much of the way from each null to the ceiling the classifier goes."""
    said = []
    for name, start in _WAYS.items():
        row = one(data.estimates, statistic="share_of_ceiling", metric="pearson", form="smoothed", level="population",
                  source=source, contrast=name)
        if row is not None and not math.isnan(row["value"]):
            below = ": it falls short even of that" if row["value"] < 0 else ""
            said.append(f"from {start}, {_share(row)}{below}")
    return [f"Of the way to the ceiling the classifier goes, {'; '.join(said)}."] if said else []


def _share(row: pd.Series[Any]) -> str:
    ends = "" if math.isnan(row["ci_low"]) else f" (95% CI {percent(row['ci_low'], 0)} to {percent(row['ci_high'], 0)})"
    return f"{percent(row['value'], 0)}{ends}".replace("-", "−")


def _others(data: ReportData, source: str) -> list[str]:
    """Compare with the classifier's other variants, and ask which pairs of actors are alike."""
    said = []
    for _, row in pick(data.estimates, **PRIMARY, level="population", source=source).iterrows():
        other = str(row["contrast"]).removeprefix("minus ")
        if str(row["contrast"]).startswith("minus ") and other.count("/") == 2:
            way = "less" if row["value"] < 0 else "more"
            said.append(contrast(row, f"{source} agrees with people {way} than {other} does"))
    pairs = one(data.estimates, statistic="actor_similarity", metric="correlation", level="population", source=source)
    if pairs is not None:
        said.append(verdict(pairs, "people and the classifier find the same pairs of actors alike"))
    return said
