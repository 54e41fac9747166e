"""Methods of training seeds and of weights near zero."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from salcompare.report.data import ReportData

SEEDS = (
    "Some classifiers were trained several times, on the same photographs and split, with seeds derived from the "
    "study's; the first is the study's own, and all other statistics rest on it. New weights, batches, dropout and "
    "augmentation follow from the seed. Reliability is the mean correlation of the maps of one image over pairs of "
    "seeds; its root is the classifier's own noise ceiling, what the maps that all seeds have in common can correlate "
    "with the map of one training. It is tested against maps of the actor's other images, permuted within actors in "
    "each seed. The mean map of all seeds is stepped up by the Spearman-Brown formula (Brown 1910). Intervals over "
    "seeds are t intervals, from three seeds on; they speak of other trainings on these photographs, not of other "
    "photographs.")

NEAR_ZERO = (
    "A weight counts as near zero below 1% of the standard deviation that its layer's weights had before training, "
    "or, as the absolute form, below 0.001; biases and batch normalisation are left out. Where l2_on is linear, the L2 "
    "penalty leaves the convolutions out.")


DIFFERENCES = (
    "Accuracies of two classifiers, or of two variants of one, are compared on the same test images: the mean over "
    "actors of the difference of their shares of images named rightly, with a t interval over actors and p from "
    "exchanging both answers within actors.")


def seeds(data: ReportData) -> list[tuple[str, str]]:
    """Say how trainings with several seeds were compared, and what a weight near zero is."""
    several = any(settings.get("seeds", 1) > 1 for settings in data.settings["classifier"])
    return [*([("Training seeds", SEEDS)] if several and data.classifiers else []),
            *([("Differences of accuracy", DIFFERENCES)] if data.classifiers else []),
            *([("Weights near zero", NEAR_ZERO)] if data.classifiers else [])]
