"""Methods of overlap and of its baselines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salcompare.report.wording import percent

if TYPE_CHECKING:
    from salcompare.report.data import ReportData


BASELINES = (
    "A uniform map (analytic values, no interval), a centred Gaussian whose standard deviation is a quarter of the "
    "grid, and the mean human map of the other actors. Differences from a baseline are paired over images and tested "
    "by flipping the signs of actors' means.")


def overlap(data: ReportData) -> str:
    """Say how overlap was computed and tested."""
    share = percent(data.settings["maps"]["mask_share"], 0)
    return ("The primary metric is Pearson's correlation of smoothed maps (CC); the others follow Bylinskii et al. "
            f"(2019). iou and dice compare the top {share} of each map at equal area, tied pixels weighed; the AUCs "
            "take the top 20% of people's coverage as positives (Judd et al. 2009), the shuffled one against other "
            "images' positives; information gain is in bits over the centred Gaussian (Kümmerer et al. 2015); emd is "
            "on a coarse grid, a share of its diagonal. Three pairings are told apart: same image; same actor, other "
            "image; other actor. The image effect is the first minus the second, with a null that permutes classifier "
            "maps within actors; the actor effect is the second minus the third, with a null that permutes actors' "
            "whole sets of maps. Intervals over actors are t intervals, by jackknife where actors meet other actors; "
            "none are given below 8 actors. p-values of single actors are adjusted over actors by Holm's (1979) "
            "method.")
