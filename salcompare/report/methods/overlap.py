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


_PAIRINGS = (
    "Three pairings are told apart: same image; same actor, other image; other actor. The image effect is the first "
    "minus the second, with a null that permutes classifier maps within actors; the actor effect is the second minus "
    "the third, with a null that permutes actors' whole sets of maps. Intervals over actors are t intervals, by "
    "jackknife where actors meet other actors; none are given below 8 actors. p-values of single actors are adjusted "
    "over actors by Holm's (1979) method; in the actor effect of one actor among n, p is the rank of its own maps "
    "among the sets of all actors and cannot go below 1/n. Where images have groups, the actor effect is given within "
    "them, too, and all pairings for the images that the classifier got right. Two classifiers are compared by "
    "exchanging their maps within actors, which flips the signs of the columns of the difference of both matrices of "
    "pairs. ")


def overlap(data: ReportData) -> str:
    """Say how overlap was computed and tested."""
    share = percent(data.settings["maps"]["mask_share"], 0)
    said = ("The primary metric is Pearson's correlation of smoothed maps (CC); the others follow Bylinskii et al. "
            f"(2019). iou and dice compare the top {share} of each map at equal area, tied pixels weighed; the AUCs "
            "take the top 20% of people's coverage as positives (Judd et al. 2009), the shuffled one against other "
            "images' positives; information gain is in bits over the centred Gaussian (Kümmerer et al. 2015); emd is "
            f"on a coarse grid, a share of its diagonal. {_PAIRINGS if data.has_classifier else ''}")
    return (f"{said}Heatmaps of actors and of the population are compared as maps are. A table lists what was chosen "
            "where tools disagree about a metric.")


ACTOR_SIMILARITY = (
    "Whether people and classifier find the same pairs of actors alike is a Mantel (1967) test on distances between "
    "actors' mean smoothed maps, each map at mean 0 and standard deviation 1. People's distances come from one random "
    "half of each actor's images and the classifier's from the other, as maps of the same photographs agree whether "
    "actors differ or not; squared distances are unbiased, made of products of different images (Walther et al. 2016), "
    "as noise makes actors with few or varied images look far from all; each actor's mean distance is removed "
    "(U-centring, Székely & Rizzo 2014); the mean over ten splits is permuted over actors as a studentised statistic "
    "(DiCiccio & Romano 2017), as the errors of distances differ between actors. The interval is a jackknife over "
    "actors. What noise is left draws the correlation towards 0: it is no measure of how strong the relation is.")
