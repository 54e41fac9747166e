"""How stable a classifier is when it is trained again, and whether decay leaves weights near zero."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salcompare.report.summary.picking import pick
from salcompare.report.wording import contrast, interval, number, percent, verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from salcompare.report.data import ReportData

TUNED = "finetuned minus frozen"


def seeds(data: ReportData) -> list[str]:
    """Say how reliable maps, accuracies and overlaps are over training seeds; nothing for a single training."""
    estimates = data.estimates[data.estimates["level"] == "population"]
    return [*_maps(estimates), *_accuracies(estimates), *_overlaps(estimates), *_decay(data, estimates)]


def _maps(estimates: pd.DataFrame) -> Iterator[str]:
    smoothed = pick(estimates, statistic="seed_reliability", form="smoothed")
    for _, row in pick(smoothed, contrast="same image").iterrows():
        ceiling = pick(estimates, statistic="seed_ceiling", form="smoothed", source=str(row["source"]))
        above = f"; so the classifier's own noise ceiling is {number(ceiling['value'].iloc[0], 2)}" if len(
            ceiling) else ""
        yield (f"Trained again with another seed, {row['source']} gives maps of the same image that correlate by "
               f"{number(row['value'], 2)} ({interval(row)}){above}.")
    for _, row in pick(smoothed, contrast="image effect").iterrows():
        yield verdict(row, f"maps of {row['source']} speak of the image whatever the seed, more than of the actor's "
                           "other images")
    for _, row in pick(smoothed, contrast=TUNED).iterrows():
        more = "more" if row["value"] > 0 else "less"
        yield contrast(row, f"finetuning makes the maps of {str(row['source']).split('/')[0]} {more} reliable over "
                            "seeds")


def _accuracies(estimates: pd.DataFrame) -> Iterator[str]:
    of = pick(estimates, statistic="seed_accuracy", metric="test")
    for _, row in of[of["contrast"].isna()].iterrows():
        ends = (f"95% CI over seeds {percent(row['ci_low'])} to {percent(row['ci_high'])}"
                if row["ci_low"] == row["ci_low"] else interval(row))
        yield (f"{row['source']}: {percent(row['value'])} of test images right, mean of {number(row['n'])} seeds "
               f"({ends}).")
    for _, row in pick(of, contrast=TUNED).iterrows():
        more = "more" if row["value"] > 0 else "less"
        yield contrast(row, f"finetuning makes {str(row['source']).split('/')[0]} {more} accurate, over seeds")


def _overlaps(estimates: pd.DataFrame) -> Iterator[str]:
    of = pick(estimates, statistic="seed_overlap")
    for _, row in pick(of, contrast="mean over seeds, for these seeds").iterrows():
        said = (f"Over its seeds, maps of {row['source']} overlap with people's by {number(row['value'], 2)} "
                f"({interval(row)})")
        bound = ("" if row["ceiling"] != row["ceiling"] else
                 f"; people's noise and the seed's together allow {number(row['ceiling'], 2)}")
        yield f"{said}{bound}."


def _decay(data: ReportData, estimates: pd.DataFrame) -> Iterator[str]:
    """Compare classifiers that differ in whether the L2 penalty is on convolutions."""
    on = {settings["name"]: settings.get("l2_on", "all") for settings in data.settings["classifier"]}
    of = pick(estimates, statistic="near_zero_share", metric="convolutions", form="relative")
    for _, row in of[of["contrast"].notna()].iterrows():
        one, other = (str(row[column]).split("/")[0] for column in ("source", "against"))
        if on.get(one) == on.get(other) or row["value"] != row["value"]:
            continue
        more = "more" if row["value"] > 0 else "fewer"
        yield contrast(row, f"{row['source']} (L2 on {on.get(one)} weights) has {more} convolution weights near zero "
                            f"than {row['against']} (L2 on {on.get(other)} weights)")
