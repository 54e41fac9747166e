"""Methods of removal, and of enrichment in labels' regions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salcompare.report.wording import percent

if TYPE_CHECKING:
    from salcompare.report.data import ReportData

FILLS = {"mean": "the photograph's mean colour",
         "blur": "the photograph under a Gaussian of a tenth of its shorter side",
         "noise": "normal noise with the mean and standard deviation of each channel"}


def removal(data: ReportData) -> str:
    """Say what was removed, what stood in its place, and how losses were compared."""
    chosen = data.settings["removal"]
    images = "all test images" if not chosen["per_actor"] else f"the first {chosen['per_actor']} test images"
    fills = "; ".join(f"{fill}: {FILLS[fill]}" for fill in chosen["fills"])
    said = (
        f"Of {images} of each actor, {percent(chosen['area'], 0)} of the pixels are removed: those that the "
        "classifier's map marks most, and the same patches moved to a random place (wrapping around), and the centre")
    if data.people != "none":
        said += ("; those that people's coverage marks most, the same moved, and those that both mark (the product of "
                 "both maps, each scaled to mean 1)")
    said += (
        ". All maps are smoothed first, since of one area many small patches cost a network more than few large ones. "
        f"In place of what is removed stands, each by itself, {fills}. A changed photograph is unlike any that the "
        "network was trained on, so that a loss is read against that of the moved patches, and over all fills. Where "
        "a map has fewer pixels above 0 than are removed, the image is undefined. Deletion and insertion curves "
        "(Petsiuk et al. 2018) remove, or keep, the largest pixels in steps; their area is the trapezoidal mean "
        "height.")
    if data.people == "boxes":
        said += (
            " For the labels that people name most, the region of the same area where the other actors' boxes of the "
            "label lie most densely is removed, and its loss compared with the other labels'.")
    return said


ENRICHMENT = (
    "The share of a mask (what the map is 0 on left out) inside a label's region, divided by the region's share of the "
    "photograph, is its enrichment. An actor's region is the smallest that holds half of the area of the label's boxes "
    "that people drew on the other actors. Actors weigh the same; a test flips the signs of actors' enrichment - 1. 1 "
    "is what a mask laid anywhere has: one that keeps to the middle of the face is enriched in whatever lies there.")
