"""The report's summary: what the study found, in plain words with the numbers in them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from salcompare.report.wording import contrast, estimate, number, p_value, percent, verdict

if TYPE_CHECKING:
    import pandas as pd

    from salcompare.report.data import ReportData

PRIMARY = {"statistic": "overlap", "metric": "pearson", "form": "smoothed"}


@dataclass(frozen=True)
class Finding:
    """A question of the study and its answer."""

    question: str
    answers: tuple[str, ...]


def summarise(data: ReportData) -> list[Finding]:
    """Answer the study's questions as far as its estimates go; a question without estimates is left out."""
    writers: list[tuple[str, Callable[[ReportData], list[str]]]] = [
        ("What was compared?", _compared),
        ("Does the classifier know the people?", _accuracy),
        ("Are maps of one actor alike?", _alike),
        ("Do people agree with each other?", _ceiling),
        ("Does the classifier agree with people?", _agreement),
        ("Which actors and labels drive it?", _drivers),
        ("Are the maps symmetric?", _symmetry),
    ]
    found = [Finding(question, tuple(write(data))) for question, write in writers]
    return [finding for finding in found if finding.answers]


def pick(estimates: pd.DataFrame, **criteria: str) -> pd.DataFrame:
    """Rows of the estimates whose columns have these values; an empty text picks the rows that leave it open."""
    keep = estimates["statistic"].notna()
    for column, value in criteria.items():
        keep &= estimates[column].isna() | (estimates[column] == "") if value == "" else estimates[column] == value
    return estimates[keep]


def one(estimates: pd.DataFrame, **criteria: str) -> pd.Series[Any] | None:
    """Return the only row that fits, or None if there is none."""
    rows = pick(estimates, **criteria)
    if len(rows) > 1:
        message = f"{criteria} names {len(rows)} estimates"
        raise ValueError(message)
    return rows.iloc[0] if len(rows) else None


def main_source(estimates: pd.DataFrame) -> str | None:
    """Name the classifier that the summary speaks of: the last variant of the first classifier."""
    overlaps = [str(s) for s in estimates.loc[estimates["statistic"] == "variance_explained", "source"].unique()
                if str(s).count("/") == 2]
    first = [source for source in overlaps if source.split("/")[0] == overlaps[0].split("/")[0]]
    return first[-1] if first else None


def _compared(data: ReportData) -> list[str]:
    test = data.images[data.images["split"] == "test"]
    said = [f"{data.images['actor'].nunique()} actors with {len(data.images):,} photographs, of which {len(test):,} "
            "were kept for testing; the classifier's maps are made of those."]
    if data.responses is not None:
        kind = "simulated boxes" if data.simulated else "boxes"
        workers = f" by {_counted(data.responses['worker'], 'worker')}" if "worker" in data.responses else ""
        images = f" on {_counted(data.responses['image'], 'image')}" if "image" in data.responses else ""
        said.append(f"{len(data.responses):,} {kind}{workers}{images}.")
    if data.simulated:
        said.append("No person drew these boxes: they come from a generative model with planted effects, so whatever "
                    "is said of people below shows what the toolkit does, not what people do.")
    return said


def _accuracy(data: ReportData) -> list[str]:
    rows = pick(data.estimates, statistic="accuracy", metric="test")
    chance = 1 / data.images["actor"].nunique()
    said = [f"{row['source']}: {percent(row['value'])} of {number(row['n'])} test images "
            f"(95% CI {percent(row['ci_low'])} to {percent(row['ci_high'])}; chance {percent(chance)})."
            for _, row in rows.iterrows()]
    for name, tables in data.classifiers.items():
        finetuned = tables["summary"].get("variants", tables["summary"]).get("finetuned", {})
        if finetuned.get("beats_frozen") is False:
            said.append(f"No iteration of {name}'s finetuning beat the frozen network on the validation images.")
    return said


def _alike(data: ReportData) -> list[str]:
    said = []
    rows = pick(data.estimates, statistic="variance_explained", metric="r2")
    main = main_source(data.estimates)
    for _, row in rows[rows["source"].isin(["human", main, "photographs"])].iterrows():
        if math.isnan(row["value"]):
            said.append(f"{_named(row)}: R² is not defined ({row['reason']}).")
            continue
        share = one(data.estimates, statistic="variance_explained", metric="between_actor_share",
                    source=str(row["source"]), form=str(row["form"]))
        beside = "" if share is None or math.isnan(share["value"]) else f"; bias-corrected, {estimate(share)}"
        said.append(f"{_named(row)}: who is shown explains {percent(row['value'])} of the variance, by chance "
                    f"{percent(row['null_mean'])} ({p_value(row['p_value'])}{beside}).")
    if rows["value"].notna().any() and "photographs" in set(rows["source"]):
        said.append("The photographs are the control: images of one actor are alike before any classifier or worker "
                    "looks at them, so a map's R² means something only beside theirs.")
    return said


def _ceiling(data: ReportData) -> list[str]:
    row = one(data.estimates, statistic="noise_ceiling", metric="pearson", form="smoothed", level="population")
    if row is None:
        return []
    if math.isnan(row["value"]):
        return [f"The noise ceiling could not be computed: {row['reason']}."]
    return [f"A model that knew the true human map of each image could correlate with the observed one by at most "
            f"{estimate(row)} on smoothed maps: the noise ceiling."]


def _agreement(data: ReportData) -> list[str]:
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
    return said


def _drivers(data: ReportData) -> list[str]:
    said = []
    labels = pick(data.estimates, statistic="label_share", level="population").sort_values("value", ascending=False)
    if len(labels):
        top = [f"{row['label']} {percent(row['value'])} ({percent(row['ci_low'])} to {percent(row['ci_high'])})"
               if not math.isnan(row["ci_low"]) else f"{row['label']} {percent(row['value'])}"
               for _, row in labels.head(4).iterrows()]
        said.append("Labels named most, each actor weighing the same: " + ", ".join(top) + ".")
    source = main_source(data.estimates)
    if source is not None:
        actors = pick(data.estimates, **PRIMARY, level="actor", source=source, contrast="same image")
        actors = actors[actors["value"].notna()].sort_values("value", ascending=False)
        if len(actors) >= 2:
            shown = min(3, len(actors) // 2)
            high, low = actors.head(shown), actors.tail(shown)
            said.append("Overlap on the same image is highest for " + _listed(high) + " and lowest for " + _listed(low)
                        + "; this is a description of the sample, not a test.")
    return said


def _symmetry(data: ReportData) -> list[str]:
    said = []
    source = main_source(data.estimates)
    rows = pick(data.estimates, statistic="symmetry", metric="index", level="population")
    for _, row in rows[rows["source"].isin(["human", source])].iterrows():
        null = "" if math.isnan(row["null_mean"]) else (
            f"; truly symmetric maps with as much noise would give {number(row['null_mean'], 2)}")
        said.append(f"{_named(row)}: symmetry index {estimate(row)}{null}.")
    odd = None if source is None else one(data.estimates, statistic="symmetry", metric="odd_share", level="population",
                                          source=source, contrast="human minus classifier")
    if odd is not None:
        less = "less" if odd["value"] < 0 else "more"
        said.append(contrast(odd, f"people's maps are {less} asymmetric than the classifier's (difference of the share "
                                  "of asymmetric energy)"))
    return said


def _counted(values: pd.Series[Any], what: str) -> str:
    n = values.nunique()
    return f"{n:,} {what}" + ("s" if n != 1 else "")


def _named(row: pd.Series[Any]) -> str:
    source = {"human": "Human maps", "photographs": "The photographs themselves"}.get(row["source"], row["source"])
    form = row["form"]
    return f"{source}, {form}" if isinstance(form, str) and form not in ("", "raw") else f"{source}"


def _listed(rows: pd.DataFrame) -> str:
    return ", ".join(f"{row['actor']} ({number(row['value'], 2)})" for _, row in rows.iterrows())
