"""What the report says of what was compared."""

from __future__ import annotations

import dataclasses
import math
from itertools import chain

import pandas as pd

from salcompare.config import Classifier
from salcompare.config.methods import is_guided, methods_of_classifiers
from salcompare.findings.failures import FAILED
from salcompare.findings.preparation import SHARED_WORKERS
from salcompare.maps.alignment import is_aligned
from salcompare.printing import counted, joined, p_text, percent, spread
from salcompare.report.content import ready_made
from salcompare.report.tables import one
from salcompare.statistics.confounding import CONFOUNDED
from salcompare.study_data import StudyData

DEFAULT_NETWORK = (
    "The network is the default one, AlexNet with ImageNet weights and the original study's training, as study.toml "
    "asks for no other.")


def summary(data: StudyData) -> list[str]:
    """Say what was compared."""
    default = list(data.settings["classifier"]) == [dataclasses.asdict(Classifier())]
    said = [_photographs(data), *_one_side(data), *([DEFAULT_NETWORK] if default else []), *_meant(data)]
    if data.get("annotations") is not None:
        said.append(_annotations(data, data.get("annotations")))
    if data.responses is not None:
        n = len(data.responses)
        kind = f"{'simulated ' if data.simulated else ''}{'box' if n == 1 else 'boxes'}"
        workers = f" by {counted(data.responses['worker'].nunique(), 'worker')}" if "worker" in data.responses else ""
        images = f" on {counted(data.responses['image'].nunique(), 'image')}" if "image" in data.responses else ""
        said.append(f"{n:,} {kind}{workers}{images}.")
    said += _shared_workers(data)
    said += [f"{name}: {ready_made(maps)}" for name, maps in data.get("precomputed_maps", {}).items()]
    if data.simulated:
        said.append("No person drew these boxes: they come from a generative model with planted effects, so whatever "
                    "is said of people below shows what the toolkit does, not what people do.")
    return said


def _shared_workers(data: StudyData) -> list[str]:
    """Say how far workers are confounded with actors, and what follows."""
    row = one(data.estimates, **SHARED_WORKERS.name)
    if row is None or math.isnan(row["value"]):
        return []
    said = (f"Of two responses to two images of one actor {percent(row['value_one'])} come from one worker, to images "
            f"of two actors {percent(row['value_other'])} (one-sided {p_text(row)} if workers were given images at "
            "random)")
    return [f"{said}: workers are confounded with actors, and people's responses do not test whether actors differ."
            if row["p_value"] <= CONFOUNDED else f"{said}."]


def _photographs(data: StudyData) -> str:
    """Say how many actors and photographs there are, and which of them classifiers' maps are made of."""
    said = f"{counted(data.images['actor'].nunique(), 'actor')} with {counted(len(data.images), 'photograph')}"
    test = int((data.images["split"] == "test").sum())
    if not data.has_classifier or test == len(data.images):
        return f"{said}."
    whose = "classifiers'" if len(data.classifier_names) > 1 else "classifier's"
    return f"{said}, of which {test:,} were kept for testing; the {whose} maps are made of those."


def _one_side(data: StudyData) -> list[str]:
    """Say what a study of people alone, or of classifiers alone, leaves out."""
    if not data.has_classifier:
        return ["This is a study of people alone: study.toml has no classifier, and all that would compare people with "
                "one is left out."]
    if data.people == "none":
        return ["This is a study of classifiers alone: there are no responses of people, and all that would compare "
                "with them is left out."]
    return []


def _meant(data: StudyData) -> list[str]:
    """Say which of several classifiers' maps the summary speaks of."""
    names, main = data.classifier_names, data.main
    if len(names) < 2 or main is None:
        return []
    return [f"The study has {len(names)} classifiers: {joined(names)}. Below, the classifier is {main} where no other "
            "is named; the page Classifiers side by side has all of them."]


def _annotations(data: StudyData, table: pd.DataFrame) -> str:
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


SIMULATION = (
    "Labels, boxes and workers come from a generative model. Label shares have the published means (Sun et al. 2020, "
    "Fig. 4e) and the spread between actors that the published counts have; images and workers spread around them. "
    "Boxes lie around a face's features, by its landmarks in the ORL faces and else where the published boxes are, and "
    "vary in place and size. Planted: labels raised for some actors, none for others, a preference for one side in "
    "one-sided labels, and workers' habits. Nothing relates the boxes to any classifier's maps. The planted values "
    "stand in report.json under 'planted'.")

_BOXES = (
    "A box covers the pixels from its left and top edge up to, and without, its right and bottom edge. An image's "
    "coverage is the share of its responses whose box covers a pixel")
_FIXATIONS = (
    "People's side is gaze or clicks. Each fixation is a Gaussian with a standard deviation of {spread}, integrated "
    "over each pixel, cut at the photograph's edges and scaled so that all of its weight is inside. A trial is one "
    "showing of an image to a worker; its map is the mean of its fixations' Gaussians, weighed by duration, so that "
    "it sums to 1. An image's map, called coverage like that of boxes, is the mean over its trials")
_MAPS = (
    "People's side is ready-made maps, brought to the grid and each scaled to sum to 1, as their units are not "
    "known. An image's map, called coverage like that of boxes, is the mean of its maps")
_NO_LABELS = (" There are no labels and no boxes: their statistics are left out{workers}.")


SPLIT_WORDS = {"train": "training", "validation": "validation", "test": "test"}


def human_maps(data: StudyData) -> str:
    """Say how people's maps were made."""
    made = {"boxes": _BOXES, "fixations": _FIXATIONS, "maps": _MAPS}[data.people]
    if data.people == "fixations":
        made = made.format(spread=spread(data.settings["fixations"]))
    workers = (", and where statistics speak of responses, each is a trial or a map" if data.workers_known else
               "; nor do the maps say which worker made what, so that noise ceilings and shares of them are unknown")
    beside = ("; R², symmetry and overlap use those of the images that the classifier's maps are of"
              if data.has_classifier else "")
    return (f"{made}; an actor's heatmap is the mean of its images' coverage, so that images weigh the same. Every "
            f"image with responses has a map{beside}."
            + ("" if data.people == "boxes" else _NO_LABELS.format(workers=workers)))


def photographs(data: StudyData) -> str:
    """Say how photographs were prepared."""
    height, width = data.settings["study"]["size"]
    into = [SPLIT_WORDS[split] for split in SPLIT_WORDS if data.images["split"].eq(split).any()]
    split = ("Nothing was trained on them: every image is a test image." if into == [SPLIT_WORDS["test"]] else
             f"Images of each actor were split at random, seeded, into {joined(into)} images"
             + ("; the classifier's maps are of the test images." if data.classifier_names else "."))
    way = _ALIGNED.format(by=_ALIGN[data.settings["images"]["align"]]) if is_aligned(data.images) else (
        "without keeping its aspect.")
    return f"Every photograph was brought to a grid of {height} × {width} pixels {way} {split}"


_ALIGN = {"eyes": "the centres of both eyes are", "five_points": "five points of the face are"}
_ALIGNED = (
    "by the turn, scale and shift for which {by} nearest to a template (least squares), bicubic, its edge repeated "
    "where the grid reaches beyond it. Boxes, fixations and ready-made maps went with their photographs: densities "
    "keep their value at each place, points are moved. What the grid does not show of them, as of hair and ears, "
    "counts nowhere: it is part of what a map can show. Photographs without one face are left out, as their maps would "
    "lie elsewhere.")


_OF_PEOPLE = {
    "none": [],
    "boxes": [],
    "fixations": ["Looking is not recognising. Eyes go to the centre of a picture and to faces' middle whatever the "
                  "task: the centred baseline and other actors' maps are there for that reason.",
                  "The width of the Gaussians on fixations was chosen, not estimated; overlap and ceiling follow it."],
    "maps": ["People's maps were given ready-made: how they were made is not known here."],
}


_BOXES_AND_GRADIENTS = [
    "Boxes are not gradients. A box says which feature a person would name; a gradient says which pixels move a logit. "
    "Agreement of the two is agreement of where, not of why."]
_SHARED = ["Both maps of an image share its pose and framing, which alone makes overlap on the same image beat overlap "
           "across images; the image effect and the baselines are there for that reason."]


def limits(data: StudyData) -> list[str]:
    """Name what the numbers cannot say."""
    both = data.has_classifier and data.people != "none"
    said = [*_of_classifiers(data), *(_BOXES_AND_GRADIENTS if both and data.people == "boxes" else []),
        *_OF_PEOPLE[data.people], *(_SHARED if both else []),
        "Pixels are never replicates: every interval and p-value rests on actors, images or workers.",
        "p-values of different statistics are not adjusted for each other; where p is adjusted, the family is named.",
    ]
    failed = data.estimates[data.estimates["reason"].str.startswith(FAILED, na=False)]
    if len(failed):
        named = joined(sorted({str(name).replace("_", " ") for name in failed["statistic"]}))
        verb = "estimate has" if len(failed) == 1 else "estimates have"
        said.insert(0, f"{len(failed)} {verb} no value because the computation failed ({named}); the column reason of "
                       "the table of estimates says why of each.")
    if data.simulated:
        said.insert(0, "The responses are simulated. Nothing here is a finding about people.")
    return said


def _of_classifiers(data: StudyData) -> list[str]:
    said = []
    methods = [precomputed["method"] for precomputed in data.get("precomputed_maps", {}).values()]
    if data.classifiers:
        methods += chain(*methods_of_classifiers(data.settings["attribution"], data.settings["classifier"]).values())
    if is_guided(methods):
        said.append(
            "Guided Backpropagation hardly changes when a network's weights are replaced by random ones (Adebayo et "
            "al. 2018): a map may show the photograph's edges more than what the network learned.")
    if data.get("precomputed_maps", {}):
        said.append("Ready-made maps are taken on trust: whether the network had seen these photographs in training, "
                    "and how its maps were made, is not known here.")
    return said


def methods(data: StudyData) -> list[tuple[str, str]]:
    """Say how photographs were prepared, and how people's maps were made."""
    return [("Photographs", photographs(data)),
            *([("Simulated responses", SIMULATION)] if data.people != "none" and data.simulated else []),
            *([("Human maps", human_maps(data))] if data.people != "none" else [])]
