"""What a classifier's maps are held against, to see whether it is the network that speaks."""

from __future__ import annotations

from dataclasses import dataclass

from salcompare.config.options import option

_SPREAD = ("the spread over networks, beside which a control is judged, needs two; for no controls, set classifiers = "
           "\"none\"")


@dataclass(frozen=True)
class Controls:
    """Whether a map speaks of what a classifier has learnt: the same network without that, and photographs' edges."""

    classifiers: str = option("all", "which classifiers are controlled: all, the first, or none",
                               choices=("all", "first", "none"))
    randomisations: int = option(5, "networks with random weights, which every variant and method is held against",
                                  low=2, remedy=_SPREAD)
    shuffles: int = option(2, "networks whose head is trained on shuffled actors; like the layers below, of the last "
                              "variant and the main method alone", low=2, remedy=_SPREAD)
    images: int = option(1, "test images of each actor that each of these explains, taking turns; 0 takes all", low=0)
    layers: int = option(5, "steps from the head down in which layers are randomised", low=2)
    curve_images: int = option(2, "test images that each randomisation of layers is looked at on", low=1)
