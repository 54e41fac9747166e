"""Methods of the controls: whether a map speaks of what a network has learnt."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from salcompare.report.data import ReportData

EDGES = (
    "Two controls know no network: the magnitude of the Sobel filters on the photographs' luma, and of the "
    "photographs' own gradient, summed over channels. Every classifier's overlap less theirs is paired over "
    "images; its interval is t over actors, and p flips the signs of actors' means. ")
DECISION = (
    "Unless the difference of the primary metric lies above 0 for both the randomised network and Sobel's edges, the "
    "overlap is called no evidence about the network. emd is left out of the controls for its cost.")


def controls(data: ReportData) -> str:
    """Say what the maps were held against, and how."""
    settings = data.settings["controls"]
    return (_networks(settings) if settings["classifiers"] != "none" and data.classifiers else "") + EDGES + DECISION


def _networks(settings: dict[str, object]) -> str:
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
        "randomisations. ")
