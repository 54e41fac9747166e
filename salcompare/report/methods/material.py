"""Methods of photographs, responses and maps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from salcompare.report.wording import number, percent

if TYPE_CHECKING:
    from salcompare.report.data import ReportData


SIMULATION = (
    "Labels, boxes and workers come from a generative model. Label shares have the published means (Sun et al. 2020, "
    "Fig. 4e) and the spread between actors that the published counts have; images and workers spread around them. "
    "Boxes lie where a face's landmarks are, with sizes as published. Planted: labels raised for some actors, none for "
    "others, a preference for one side in one-sided labels, and workers' habits. Nothing relates the boxes to any "
    "classifier's maps. The planted values stand in report.json under 'planted'.")

HUMAN_MAPS = (
    "A box covers the pixels from its left and top edge up to, and without, its right and bottom edge. An image's "
    "coverage is the share of its responses whose box covers a pixel; an actor's heatmap is the mean of its images' "
    "coverage, so that images weigh the same. Every image with responses has a map; R², symmetry and overlap use those "
    "of the images that the classifier's maps are of, where there are any.")


def photographs(data: ReportData) -> str:
    """Say how photographs were prepared."""
    height, width = data.settings["study"]["size"]
    return (f"Every photograph was brought to a grid of {height} × {width} pixels without keeping its aspect. Images "
            "of each actor were split at random, seeded, into training, validation and test images; the classifier's "
            "maps are of the test images.")


def classifiers(data: ReportData) -> str:
    """Say how the classifiers were trained."""
    return " ".join(_classifier(settings) for settings in data.settings["classifier"]) + (
        " Batches are balanced over actors; the loss is the cross-entropy plus L2 times the sum of squared weights, "
        "without biases; the optimiser is Adam. The iteration with the best validation accuracy is kept, for the "
        "finetuned network from iteration 1 on, so that it is never the frozen one again. Accuracies are shares of "
        "images classified as their actor, with Wilson (1927) intervals.")


def _classifier(settings: Mapping[str, Any]) -> str:
    said = (f"{settings['name']}: {settings['backbone']} with weights '{settings['weights']}', then a layer of "
            f"{settings['hidden']} units, ReLU, dropout {number(settings['dropout'])} and a layer of the actors.")
    what = {"frozen": "new layers only", "finetuned": "all layers"}
    phases = [f"{variant} ({what[variant]}): {settings[variant]['iterations']:,} iterations with "
              f"{settings[variant]['per_class']} images of each actor, learning rate "
              f"{settings[variant]['learning_rate']:g}, L2 {settings[variant]['l2']:g}"
              for variant in settings["variants"]]
    return f"{said} Trained {'; '.join(phases)}."


def classifier_maps(data: ReportData) -> str:
    """Say how their maps were made."""
    maps, attribution = data.settings["maps"], data.settings["attribution"]
    width = data.settings["study"]["size"][1]
    return ("Guided Backpropagation (Springenberg et al. 2015): the gradient of the actor's "
            f"{attribution['output']} with respect to the image, with negative gradients zeroed at every ReLU and at "
            f"the input; channels are reduced by their {attribution['channels']}. A mask is the top "
            f"{percent(maps['mask_share'], 0)} of a map's pixels, exactly; an actor's heatmap is the mean of its test "
            "images' masks. Smoothed maps are convolved with a Gaussian of standard deviation "
            f"{number(maps['sigma'] * width)} pixels.")
