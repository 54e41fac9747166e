"""What was compared, and whether the classifier knows the people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salcompare.phrases import counted, joined
from salcompare.report.summary.picking import main_source, pick
from salcompare.report.wording import number, percent, spread

if TYPE_CHECKING:
    import pandas as pd

    from salcompare.report.data import ReportData


def compared(data: ReportData) -> list[str]:
    """Say what was compared."""
    test = data.images[data.images["split"] == "test"]
    whose = "classifiers'" if len(data.classifier_names) > 1 else "classifier's"
    said = [f"{data.images['actor'].nunique()} actors with {len(data.images):,} photographs, of which {len(test):,} "
            f"were kept for testing; the {whose} maps are made of those.", *_meant(data)]
    if data.given is not None:
        said.append(_given(data, data.given))
    if data.responses is not None:
        kind = "simulated boxes" if data.simulated else "boxes"
        workers = f" by {counted(data.responses['worker'].nunique(), 'worker')}" if "worker" in data.responses else ""
        images = f" on {counted(data.responses['image'].nunique(), 'image')}" if "image" in data.responses else ""
        said.append(f"{len(data.responses):,} {kind}{workers}{images}.")
    said += [f"{name}: {given['n_maps']:,} maps that were given ready-made ({given['method'].replace('_', ' ')}); no "
             "network was trained for them." for name, given in data.given_maps.items()]
    if data.simulated:
        said.append("No person drew these boxes: they come from a generative model with planted effects, so whatever "
                    "is said of people below shows what the toolkit does, not what people do.")
    return said


def _meant(data: ReportData) -> list[str]:
    """Say which of several classifiers' maps the summary speaks of."""
    names, main = data.classifier_names, main_source(data.estimates)
    if len(names) < 2 or main is None:
        return []
    return [f"The study has {len(names)} classifiers: {joined(names)}. Below, the classifier is {main} where no other "
            "is named; the page Classifiers side by side has all of them."]


def _given(data: ReportData, table: pd.DataFrame) -> str:
    """Say what people's side is where it is not boxes."""
    images = counted(table["image"].nunique(), "image")
    if data.people == "maps":
        by = (f"of {counted(table['worker'].nunique(), 'worker')}" if data.workers_known else
              "which do not say which worker made what")
        return f"People's side is {len(table):,} ready-made maps, {by}, on {images}."
    trials = len(table.drop_duplicates(["worker", "image", "trial"]))
    return (f"People's side is gaze or clicks: {len(table):,} fixations by "
            f"{counted(table['worker'].nunique(), 'worker')} in {trials:,} trials on {images}, "
            f"spread by Gaussians of {spread(data.settings['fixations'])}.")


def accuracy(data: ReportData) -> list[str]:
    """Say how often each classifier is right."""
    rows = pick(data.estimates, statistic="accuracy", metric="test")
    chance = 1 / data.images["actor"].nunique()
    said = [f"{row['source']}: {percent(row['value'])} of {number(row['n'])} test images "
            f"(95% CI {percent(row['ci_low'])} to {percent(row['ci_high'])}; chance {percent(chance)})."
            for _, row in rows.iterrows()]
    said += [f"{settings['name']}: the weights after the last iteration, which no validation image was asked about."
             for settings in data.settings["classifier"] if said and settings.get("keep") == "last"]
    for name, tables in data.classifiers.items():
        finetuned = tables["summary"].get("variants", tables["summary"]).get("finetuned", {})
        if finetuned.get("beats_frozen") is False:
            said.append(f"No iteration of {name}'s finetuning beat the frozen network on the validation images.")
    return said
