"""What was compared, and whether the classifier knows the people."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from salcompare.config import Classifier
from salcompare.phrases import counted, joined
from salcompare.report.summary.picking import main_source, pick
from salcompare.report.wording import number, percent, spread

if TYPE_CHECKING:
    import pandas as pd

    from salcompare.report.data import ReportData


DEFAULT_NETWORK = (
    "The network is the default one, AlexNet with ImageNet weights and the original study's training, as study.toml "
    "asks for no other.")


def compared(data: ReportData) -> list[str]:
    """Say what was compared."""
    said = [_photographs(data), *_one_side(data), *_default_network(data), *_meant(data)]
    if data.given is not None:
        said.append(_given(data, data.given))
    if data.responses is not None:
        n = len(data.responses)
        kind = f"{'simulated ' if data.simulated else ''}{'box' if n == 1 else 'boxes'}"
        workers = f" by {counted(data.responses['worker'].nunique(), 'worker')}" if "worker" in data.responses else ""
        images = f" on {counted(data.responses['image'].nunique(), 'image')}" if "image" in data.responses else ""
        said.append(f"{n:,} {kind}{workers}{images}.")
    said += [f"{name}: {given['n_maps']:,} maps that were given ready-made ({given['method'].replace('_', ' ')}); no "
             "network was trained for them." for name, given in data.given_maps.items()]
    if data.simulated:
        said.append("No person drew these boxes: they come from a generative model with planted effects, so whatever "
                    "is said of people below shows what the toolkit does, not what people do.")
    return said


def _photographs(data: ReportData) -> str:
    """Say how many actors and photographs there are, and which of them classifiers' maps are made of."""
    said = (f"{counted(data.images['actor'].nunique(), 'actor')} with "
            f"{counted(len(data.images), 'photograph')}")
    test = int((data.images["split"] == "test").sum())
    if not data.has_classifier or test == len(data.images):
        return f"{said}."
    whose = "classifiers'" if len(data.classifier_names) > 1 else "classifier's"
    return f"{said}, of which {test:,} were kept for testing; the {whose} maps are made of those."


def _one_side(data: ReportData) -> list[str]:
    """Say what a study of people alone, or of classifiers alone, leaves out."""
    if not data.has_classifier:
        return ["This is a study of people alone: study.toml has no classifier, and all that would compare people with "
                "one is left out."]
    if data.people == "none":
        return ["This is a study of classifiers alone: there are no responses of people, and all that would compare "
                "with them is left out."]
    return []


def _default_network(data: ReportData) -> list[str]:
    """Say that the network is the default one, where study.toml asks for no other."""
    if list(data.settings["classifier"]) != [dataclasses.asdict(Classifier())]:
        return []
    return [DEFAULT_NETWORK]


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
