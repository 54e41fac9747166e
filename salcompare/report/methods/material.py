"""Methods of photographs, responses and maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from salcompare.phrases import counted, joined
from salcompare.report.methods.attribution import attributions
from salcompare.report.wording import number, percent, spread

if TYPE_CHECKING:
    from salcompare.report.data import ReportData


SIMULATION = (
    "Labels, boxes and workers come from a generative model. Label shares have the published means (Sun et al. 2020, "
    "Fig. 4e) and the spread between actors that the published counts have; images and workers spread around them. "
    "Boxes lie where a face's landmarks are, with sizes as published. Planted: labels raised for some actors, none for "
    "others, a preference for one side in one-sided labels, and workers' habits. Nothing relates the boxes to any "
    "classifier's maps. The planted values stand in report.json under 'planted'.")

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
_KEPT = {
    "best": "The iteration with the best validation accuracy is kept, for the finetuned network from iteration 1 on, "
            "so that it is never the frozen one again.",
    "last": "The weights after the last iteration are kept; no validation image was asked which are best."}


def human_maps(data: ReportData) -> str:
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


def given_maps(data: ReportData) -> str:
    """Say what was done with a classifier's ready-made maps."""
    names = " ".join(f"{name}: {given['n_maps']:,} maps, method '{given['method']}'."
                     for name, given in data.given_maps.items())
    maps = data.settings["maps"]
    return (f"{names} They were taken as they are, not trained or computed here, and brought to the grid where they "
            f"are of another size. {_prepared(maps, data.settings['study']['size'][1])}")


def photographs(data: ReportData) -> str:
    """Say how photographs were prepared."""
    height, width = data.settings["study"]["size"]
    into = [SPLIT_WORDS[split] for split in SPLIT_WORDS if data.images["split"].eq(split).any()]
    split = ("Nothing was trained on them: every image is a test image." if into == [SPLIT_WORDS["test"]] else
             f"Images of each actor were split at random, seeded, into {joined(into)} images"
             + ("; the classifier's maps are of the test images." if data.classifier_names else "."))
    return f"Every photograph was brought to a grid of {height} × {width} pixels without keeping its aspect. {split}"


def classifiers(data: ReportData) -> str:
    """Say how the classifiers were trained."""
    return " ".join(describe_classifier(settings) for settings in data.settings["classifier"]) + (
        " Batches are balanced over actors; the loss is the cross-entropy plus L2 times the sum of squared weights, "
        f"without biases; the optimiser is Adam. {_kept(data.settings['classifier'])} Accuracies are shares of images "
        "classified as their actor, with Wilson (1927) intervals.")


def _kept(classifiers: Sequence[Mapping[str, Any]]) -> str:
    """Say which weights were kept, of which classifiers where they differ."""
    names = {keep: [one["name"] for one in classifiers if one.get("keep", "best") == keep] for keep in _KEPT}
    found = [keep for keep in _KEPT if names[keep]]
    if len(found) == 1:
        return _KEPT[found[0]]
    return " ".join(f"Of {joined(names[keep])}: {_KEPT[keep][0].lower()}{_KEPT[keep][1:]}" for keep in found)


def describe_classifier(settings: Mapping[str, Any]) -> str:
    """Say what a classifier is and how it was trained, from its section of study.toml."""
    said = (f"{settings['name']}: {settings['backbone']} with weights '{settings['weights']}', then a layer of "
            f"{settings['hidden']} units, ReLU, dropout {number(settings['dropout'])} and a layer of the actors.")
    what = {"frozen": "new layers only", "finetuned": "all layers"}
    phases = [f"{variant} ({what[variant]}): {settings[variant]['iterations']:,} iterations with "
              f"{counted(settings[variant]['per_class'], 'image')} of each actor, learning rate "
              f"{settings[variant]['learning_rate']:g}, L2 {settings[variant]['l2']:g}"
              for variant in settings["variants"]]
    seeds = settings.get("seeds", 1)
    again = f" It was trained {seeds} times, each time with a seed of its own." if seeds > 1 else ""
    linear = (" Finetuning's L2 leaves the convolutions out." if settings.get("l2_on", "all") == "linear"
              and "finetuned" in settings["variants"] else "")
    return f"{said} Trained {'; '.join(phases)}.{linear}{again}"


def classifier_maps(data: ReportData) -> str:
    """Say how their maps were made."""
    settings = data.settings
    made = attributions(settings["attribution"], settings["classifier"])
    return f"{made} {_prepared(settings['maps'], settings['study']['size'][1])}"


def _prepared(maps: Mapping[str, Any], width: int) -> str:
    return (f"A mask is the top {percent(maps['mask_share'], 0)} of a map's pixels, exactly; an actor's heatmap is the "
            "mean of its test images' masks. Smoothed maps are convolved with a Gaussian of standard deviation "
            f"{number(maps['sigma'] * width)} pixels.")
