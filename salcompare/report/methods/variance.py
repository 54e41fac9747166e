"""Methods of variance explained."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from salcompare.report.data import ReportData


def variance(data: ReportData) -> str:
    """Say how variance explained was computed and tested."""
    n = data.settings["statistics"]["n_permutations"]
    shoots = "shoot" in data.images and data.images["shoot"].notna().any()
    moved = "whole shoots, whose images are alike whoever is shown, among actors" if shoots else (
        "images freely among actors")
    return ("R² is the between-actor sum of squares over the total, pooled over pixels (Anderson 2001). Its null "
            f"permutes {moved}, {n:,} times; p = (1 + permutations at least as large) / (1 + "
            "permutations) (Phipson & Smyth 2010). Adjusted R², omega² and the bias-corrected between-actor share "
            "stand beside it, because R² alone grows with the number of actors. The original study reports 0.92 "
            "without a definition (Sun et al. 2020); no number here should be held against it. " + _beside(data, n))


def _beside(data: ReportData, n: int) -> str:
    replicates = "shoots' means" if "shoot" in data.images and data.images["shoot"].notna().any() else "images"
    groups = (" Groups of actors are compared by permuting whole actors." if "group" in data.images
              and data.images["group"].notna().any() else "")
    what = "boxes" if data.people == "boxes" else "responses"
    boxes = (f" People's {what} are split over actors, images, workers and the rest, from inner products of pairs of "
             "them: the components are differences of mean squared distances, unbiased however many boxes an image "
             "has, and on balanced data those of an analysis of variance." if data.workers_known else "")
    return ("Other distances than Euclidean (Bray-Curtis; the root of the Jensen-Shannon divergence of maps of unit "
            "sum) go the same way through the Gower-centred matrix; photographs are averaged over channels for them. "
            f"Spread: distances of {replicates} to their actor's spatial median are compared by a one-way F (Anderson "
            "2006); deviations from the actors' centroids are permuted and medians computed anew, because distances "
            f"to one centre depend on each other ({min(n, 999):,} permutations). Partial R² takes the photographs' "
            "leading principal components out first, as many as carry 90% of the photographs' variance but no more "
            "than half the degrees of freedom that the actors leave; residuals given the components are permuted "
            f"(Freedman & Lane 1983).{groups} Variance components of maps follow from mean squares between and within "
            f"actors.{boxes}")
