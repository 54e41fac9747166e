"""What the numbers cannot say."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from salcompare.report.data import ReportData


def limits(data: ReportData) -> list[str]:
    """Name what the numbers cannot say."""
    said = [
        "Guided Backpropagation hardly changes when a network's weights are replaced by random ones (Adebayo et al. "
        "2018): a map may show the photograph's edges more than what the network learned.",
        "Boxes are not gradients. A box says which feature a person would name; a gradient says which pixels move a "
        "logit. Agreement of the two is agreement of where, not of why.",
        "Both maps of an image share its pose and framing, which alone makes overlap on the same image beat overlap "
        "across images; the image effect and the baselines are there for that reason.",
        "Pixels are never replicates: every interval and p-value rests on actors, images or workers.",
        "p-values of different statistics are not adjusted for each other; where p is adjusted, the family is named.",
    ]
    if data.simulated:
        said.insert(0, "The responses are simulated. Nothing here is a finding about people.")
    return said
