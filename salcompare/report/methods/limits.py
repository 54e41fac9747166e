"""What the numbers cannot say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salcompare.phrases import joined
from salcompare.report.methods.attribution import is_guided, methods_of_classifiers
from salcompare.statistics.analysis.failures import FAILED

if TYPE_CHECKING:
    from salcompare.report.data import ReportData


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


def limits(data: ReportData) -> list[str]:
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


def _of_classifiers(data: ReportData) -> list[str]:
    said = []
    methods = [given["method"] for given in data.given_maps.values()]
    own = methods_of_classifiers(data.settings["attribution"], data.settings["classifier"]) if data.classifiers else {}
    methods += [method for names in own.values() for method in names]
    if is_guided(methods):
        said.append(
            "Guided Backpropagation hardly changes when a network's weights are replaced by random ones (Adebayo et "
            "al. 2018): a map may show the photograph's edges more than what the network learned.")
    if data.given_maps:
        said.append("Ready-made maps are taken on trust: whether the network had seen these photographs in training, "
                    "and how its maps were made, is not known here.")
    return said
