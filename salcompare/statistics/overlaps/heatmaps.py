"""Overlap of heatmaps: of each actor's, and of the population's."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import xarray as xr

from salcompare.errors import InputError, Problem
from salcompare.maps.checks import require_maps
from salcompare.random_numbers import drawing
from salcompare.statistics.inference.permutation import Alternative, smallest_p
from salcompare.statistics.inference.resampling import WORKERS_SHARED
from salcompare.statistics.kernels import Values
from salcompare.statistics.metrics.ranking import SHARE
from salcompare.statistics.metrics.registry import METRICS, required_metrics
from salcompare.statistics.overlaps.pairs import actor_effect_test, between_actors, means_of_others
from salcompare.statistics.overlaps.same_image import overlap, overlap_matrix

HEATMAP_CONTRASTS = ("same actor", "other actor", "same minus other actor")


@drawing
def heatmap_tests(human: xr.DataArray, classifier: xr.DataArray, *, metric: str, rng: np.random.Generator,
                  share: float = SHARE, sigma: float | None = None, n_permutations: int = 9999) -> xr.Dataset:
    """Compare each actor's human heatmap with the own and with the other actors' classifier heatmaps.

    Parameters
    ----------
    human, classifier : DataArray (actor, y, x)
        Heatmaps on one grid.
    metric : str
        One of `METRICS`. (emd solves a linear programme for each of A x A pairs: for few actors only.)
    rng : Generator
        Draws permutations.
    share, sigma
        As for `overlap`.
    n_permutations : int
        Permutations of actors; where there are no more in all, each comes once.

    Returns
    -------
    Dataset
        Over ``contrast`` (same actor; other actor; same minus other actor): **value**, mean over actors; of the
        difference **ci_low**, **ci_high** by jackknife over actors (**ci_method**), NaN below eight (the others have
        none: all actors share workers), **p_value** (one-sided towards better overlap), **p_attainable**,
        **null_mean** (0), **n_permutations**; **n**, **n_undefined** actors, **reason**; **one**, **other**, the two
        means that the difference is of; **null** (contrast, permutation). Over ``contrast`` and ``actor``:
        **actor_value**, **actor_one**, **actor_other**, **actor_reason**.

    Raises
    ------
    InputError
        As for `overlap`, or if no actor's heatmaps are both defined.

    Notes
    -----
    Null hypothesis: whole classifier heatmaps can be exchanged among actors. Where both heatmaps are of the same
    photographs, rejecting it says that they share those, or the actor; the actor effect of `overlap_tests`, from other
    images of the actor, tells these apart.
    """
    matrix = overlap_matrix(as_images(human), as_images(classifier), metric=metric, share=share, sigma=sigma)
    kept = np.flatnonzero(~np.isnan(np.diag(matrix.values)))
    if not kept.size:
        raise InputError(Problem("heatmaps", "no actor of whom both are defined", "at least one"))
    values, actors = matrix.values[np.ix_(kept, kept)], matrix.actor.values[kept]
    alternative: Alternative = "greater" if METRICS[metric].better == "higher" else "less"
    tests = _tested(values, alternative, n_permutations, rng).assign_coords(
        contrast=list(HEATMAP_CONTRASTS), actor=actors)
    return tests.assign(n_undefined=matrix.sizes["image"] - tests["n"]).assign_attrs(
        matrix.attrs | {"metric": metric, "alternative": alternative,
                        "null": "classifier heatmaps permuted among actors"})


def population_overlap(human: xr.DataArray, classifier: xr.DataArray, *, metrics: Collection[str] = tuple(METRICS),
                       share: float = SHARE, sigma: float | None = None) -> xr.Dataset:
    """Compare the population's human heatmap with its classifier heatmap: each the mean over actors of their heatmaps.

    Parameters
    ----------
    human, classifier : DataArray (actor, y, x)
        Heatmaps on one grid; actors whose heatmaps are both defined are used.
    metrics, share, sigma
        As for `overlap`.

    Returns
    -------
    Dataset
        Over ``metric``: **value**, which has no interval, as all actors share workers; **n** actors, **n_undefined**,
        **reason**. auc_top20_shuffled and information_gain are NaN: a single map has no others.

    Raises
    ------
    InputError
        As for `overlap`, or if no actor's heatmaps are both defined.
    """
    names = required_metrics(metrics)
    for maps, where in ((human, "human heatmaps"), (classifier, "classifier heatmaps")):
        require_maps(maps, where, dims=("actor", "y", "x"), named=("actor",))
    common = human.actor.values[np.isin(human.actor.values, classifier.actor.values)]
    both = [maps.reset_coords(drop=True).sel(actor=common).astype(np.float64) for maps in (human, classifier)]
    good = np.logical_and(*(maps.notnull().all(("y", "x")).values for maps in both))
    if not good.any():
        raise InputError(Problem("heatmaps", "no actor of whom both are defined", "at least one"))
    means = [maps.isel(actor=good).mean("actor").expand_dims(image=["population"]) for maps in both]
    used = [name for name in names if not METRICS[name].of_others] or ["pearson"]
    overlaps = overlap(*means, metrics=used, share=share, sigma=sigma)
    values = np.array([float(overlaps[name][0]) if name in used else np.nan for name in names])
    reason = np.where(np.isnan(values), "undefined on the population's heatmaps", "").astype(object)
    n = int(good.sum())
    return xr.Dataset(
        {"value": ("metric", values), "n": n, "n_undefined": human.sizes["actor"] - n, "reason": ("metric", reason)},
        coords={"metric": names}, attrs={"share": share} | ({} if sigma is None else {"sigma": float(sigma)}))


def _tested(values: Values, alternative: Alternative, n_permutations: int, rng: np.random.Generator) -> xr.Dataset:
    """Means, intervals and tests of a matrix of actors' heatmaps."""
    one_group = np.zeros(len(values), np.intp)
    same, others = np.diag(values), means_of_others(values, one_group)
    means = np.stack([same, others, same - others])
    none = (np.nan, np.nan, WORKERS_SHARED)
    intervals = [none, none if len(values) > 1 else (np.nan, np.nan, "no other actor"),
                 between_actors(values, one_group, itself=1)]
    p, n_drawn = np.full(3, np.nan), 0
    null = np.full((3, n_permutations), np.nan)
    if len(values) > 1:
        p[2], draws = actor_effect_test(values, one_group, alternative, n_permutations, rng)
        n_drawn, null[2, :draws.size] = draws.size, draws
    one_each = {"value": means.mean(axis=1), "ci_low": [one[0] for one in intervals],
                "ci_high": [one[1] for one in intervals], "reason": [one[2] for one in intervals],
                "ci_method": ["", "", "jackknife"], "resampled": ["", "", "actors"], "p_value": p,
                "p_attainable": np.where(np.isnan(p), np.nan, smallest_p(n_drawn)), "n_permutations": [0, 0, n_drawn],
                "null_mean": np.where(np.isnan(p), np.nan, 0), "n": (~np.isnan(means)).sum(axis=1)}
    nothing = np.full(means.shape[1], np.nan)
    sides = [np.stack([nothing, nothing, side]) for side in (same, others)]
    one_each |= {"one": sides[0].mean(axis=1), "other": sides[1].mean(axis=1)}
    of_actors = {"actor_value": means, "actor_one": sides[0], "actor_other": sides[1],
                 "actor_reason": np.where(np.isnan(means), "no other actor", "")}
    return xr.Dataset({name: ("contrast", column) for name, column in one_each.items()}
                      | {name: (("contrast", "actor"), table) for name, table in of_actors.items()}
                      | {"null": (("contrast", "permutation"), null)})


def as_images(heatmaps: xr.DataArray) -> xr.DataArray:
    """Give heatmaps as maps of images that have their actors' names."""
    require_maps(heatmaps, "heatmaps", dims=("actor", "y", "x"), named=("actor",))
    return heatmaps.reset_coords(drop=True).rename(actor="image").assign_coords(
        actor=("image", heatmaps.actor.values.astype(str)))
