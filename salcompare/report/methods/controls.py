"""Methods of the controls: whether a map speaks of what a network has learnt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salcompare.report.methods.attribution import methods_of_classifiers

if TYPE_CHECKING:
    from salcompare.report.data import ReportData

EDGES = (
    "Two controls know no network: the magnitude of the Sobel filters on the photographs' luma, and of the "
    "photographs' own gradient, summed over channels. Every classifier's overlap less theirs is paired over "
    "images; its interval is t over actors, and p flips the signs of actors' means. ")
DECISION = (
    "Unless the difference of the primary metric lies above 0 for both the randomised network and Sobel's edges, a "
    "source's overlap is called no evidence about the network. emd is left out of the controls for its cost.")


def controls(data: ReportData) -> str:
    """Say what the maps were held against, and how."""
    settings = data.settings["controls"]
    held = settings["classifiers"] != "none" and data.classifiers
    return (_networks(settings, alone=_alone(data)) if held else "") + EDGES + DECISION


def _alone(data: ReportData) -> bool:
    """Whether there is but one source, so that nothing is to be said of which others are held against what."""
    classifiers = data.settings["classifier"]
    methods = methods_of_classifiers(data.settings["attribution"], classifiers).values()
    return len(classifiers) == 1 and [len(names) for names in methods] == [1] and len(classifiers[0]["variants"]) == 1


def _sources(settings: dict[str, object]) -> str:
    """Say which overlaps are held against which networks."""
    whose = "every classifier" if settings["classifiers"] == "all" else "the first classifier"
    return (f"Networks with random weights are made of {whose} and explained by each of its attribution methods. Its "
            "variants are held against the same ones, as nothing of any variant is left in them; only where layers are "
            "drawn with the spread that their weights had does each variant have its own. Shuffled actors and the "
            "similarity curves are of the last variant and the main method. ")


def _networks(settings: dict[str, object], *, alone: bool) -> str:
    images = f"{settings['images']} of each actor's test images, taking turns" if settings["images"] else (
        "all test images")
    return (
        "Some attributions hardly change when a network loses what it has learnt (Adebayo et al. 2018), so that an "
        "overlap with people may say nothing of the network. "
        f"{settings['randomisations']} networks have all weights drawn anew as their layers draw them at first; batch "
        "normalisations take their statistics from 4 photographs. "
        f"{settings['shuffles']} more keep their layers but have a head trained on actors shuffled over the training "
        f"photographs, with the settings of the frozen phase. Each explains {images}, for the actor shown. The "
        "classifier's overlap less theirs is paired on photographs and averaged over networks, photographs and actors. "
        "Its interval asks whether the classifier is more than one more such network: standard error √(s²/A + t²(1 + "
        "1/R)) with s over A actors and t over R networks, Satterthwaite's degrees of freedom. For the similarity "
        f"curves, layers are randomised in {settings['layers']} steps from the head down, cumulatively and each alone; "
        "maps are compared with the intact network's by Spearman's correlation and SSIM (Wang et al. 2004; each map "
        f"over its largest value) on {settings['curve_images']} photographs a randomisation, with t intervals over "
        "randomisations. " + ("" if alone else _sources(settings)))
