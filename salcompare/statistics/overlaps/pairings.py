"""Three kinds of pairing of human and classifier maps, and what their differences say.

From one matrix of all pairs: people's map of an image with the classifier's map of the same image, of another image of
the same actor, and of another actor.

- The *image effect* is the first mean less the second. Under its null hypothesis an actor's classifier maps can be
  exchanged among the actor's images: among whole shoots where images share one, as these are alike in both maps.
- The *actor effect* is the second less the third. Under its null hypothesis the actors' whole sets of classifier maps
  can be exchanged among actors.

The test of the actor effect permutes mean / standard deviation over actors: means over pairs of an actor's own images
vary more than means over pairs between actors (there are fewer pairs, and if both maps follow the photograph, pairs i-j
and j-i are nearly the same number), so that the plain difference rejects too often. Before, row and column means and
their product are taken away (Tukey's one degree of freedom for non-additivity): an actor whose images vary more on both
sides lowers its row by a factor and its column by another. Sums alone would leave a product of the two, largest where
both are low or both are high, so that actors seem to agree with themselves: of simulated studies in which they do not,
double centring rejected 11% at 5%, and this rejects 5%. A single actor's effect has no test: the rank of its maps among
those of A actors is at least 1 / A, which no adjustment for A actors leaves below 1. Nor have single actors intervals:
over their images they leave out what workers have in common, and covered 90% at 95%.

References: Tukey (1949), doi:10.2307/3001938.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from salcompare.errors import InputError, Problem
from salcompare.maps.checks import require_maps
from salcompare.random_numbers import drawing
from salcompare.statistics.inference.permutation import Alternative, sign_flip_test
from salcompare.statistics.inference.resampling import WORKERS_SHARED, t_interval
from salcompare.statistics.kernels import Values
from salcompare.statistics.metrics.ranking import SHARE
from salcompare.statistics.metrics.registry import EVERY_METRIC
from salcompare.statistics.overlaps.pairs import (
    Pairs,
    actor_effect_test,
    actors_image_effects,
    blocked,
    effect_sides,
    image_effect_test,
    pairing_means,
    population_intervals,
)
from salcompare.statistics.overlaps.same_image import overlap_matrix

CONTRASTS = ("same image", "same actor, other image", "other actor", "image effect", "actor effect")


@drawing
def pairing_tests(matrix: xr.DataArray, *, rng: np.random.Generator, better: Literal["higher", "lower"] = "higher",
                  groups: str | None = None, clusters: str | None = None, same_image: xr.Dataset | None = None,
                  n_permutations: int = 9999) -> xr.Dataset:
    """Compare the three kinds of pairing and test both effects.

    Parameters
    ----------
    matrix : DataArray (image, image_other)
        As `pairwise` gives it, the same images in the same order along both dims, with coordinate ``actor``.
    rng : Generator
        Draws permutations.
    better : {"higher", "lower"}
        Which values mean more agreement; the tests are one-sided.
    groups : str, optional
        A coordinate along ``image``, a factor of the actor such as ``group``. Actors then meet actors of their own
        group only, and sets of classifier maps are exchanged within groups: an agreement on the group alone, as
        between women and men, is no actor effect. An actor alone in its group has none.
    clusters : str, optional
        A coordinate along ``image`` nested in the actors, such as ``shoot``: images that share a value are exchanged
        together, and none of them is another's "other image".
    same_image : Dataset, optional
        The "mean score" that `share_of_ceiling` gives of the same images, or most of them: its interval over workers
        and actors is given to the same image.
    n_permutations : int
        Drawn for each test; where there are no more in all, each comes once.

    Returns
    -------
    Dataset
        Over ``contrast`` (the three pairings and both effects):

        - **value**: mean over actors. An actor with one image (or cluster) has no other image; the actor effect leaves
          such actors out on both sides. **ci_low**, **ci_high**: of the effects, over actors, by t or (of the actor
          effect) by jackknife (**ci_method**, **resampled**); NaN below eight actors. The pairings have none, but for
          `same_image`'s: people's maps of all actors are by the same workers, whose variance does not shrink with the
          actors.
        - **one**, **other**: of the effects, the two means that the value is the difference of, over the same actors.
        - **p_value**, **p_attainable**, **null_mean** (exactly 0), **n_permutations**, of the effects, and
          **exchanged**, their null in words; **n** actors, **n_undefined** without a value, **reason** for NaN.
        - **null** (contrast, permutation): the effects under permutation; NaN beyond the number drawn or enumerated.

        Over ``contrast`` and ``actor``: **actor_value**, **actor_one**, **actor_other**, **actor_reason**, and of the
        image effect **actor_p_value**, **actor_p_attainable**, **actor_n_permutations**. **actor_n** (actor): images.

        An image whose own pair is NaN (its human or classifier map is undefined) is left out; attrs ``n_undefined``
        counts them. Under ``alternative`` "less" (for `better` "lower") small values are extreme.

    Raises
    ------
    InputError
        If no image has a pair of its own that is defined, an actor's images are of two groups, or a cluster's of two
        actors.
    """
    pairs, actors, left_out = blocked(matrix, groups=groups, clusters=clusters)
    alternative: Alternative = "greater" if better == "higher" else "less"
    tests = _population(pairs, alternative, n_permutations, rng, same_image).merge(
        _per_actor(pairs, alternative, n_permutations, rng))
    tests = tests.assign_coords(contrast=list(CONTRASTS), actor=actors)
    moved = f"classifier maps of whole {clusters}s" if clusters else "classifier maps"
    exchanged = ["", "", "", f"{moved} permuted among the {pairs.unit}s of each actor",
                 "whole sets of classifier maps permuted among actors" + (f" within {groups}" if groups else "")]
    return tests.assign(exchanged=("contrast", exchanged)).assign_attrs(
        alternative=alternative, n_undefined=left_out)


def _population(pairs: Pairs, alternative: Alternative, n_permutations: int, rng: np.random.Generator,
                same_image: xr.Dataset | None) -> xr.Dataset:
    p, n_drawn, null = np.full(5, np.nan), np.zeros(5, int), np.full((5, n_permutations), np.nan)
    sides, one = np.full((2, 5), np.nan), _contrasts(pairs, same_image)
    for effect, at in enumerate((3, 4)):
        if not one["n"][at]:
            continue
        p[at], draws = image_effect_test(pairs, alternative, n_permutations, rng) if at == 3 else actor_effect_test(
            pairs.actors, pairs.groups[pairs.rivals], alternative, n_permutations, rng)
        n_drawn[at], null[at, :draws.size] = draws.size, draws
        of_actors = effect_sides(pairs)[effect]
        sides[:, at] = of_actors[:, ~np.isnan(of_actors).any(axis=0)].mean(axis=1)
    # the mean over all arrangements of either effect is 0 by construction
    one |= {"one": sides[0], "other": sides[1], "p_value": p, "p_attainable": _floors(n_drawn),
            "n_permutations": n_drawn, "null_mean": np.where(np.isnan(p), np.nan, 0.0)}
    return xr.Dataset({name: ("contrast", values) for name, values in one.items()} | {
        "null": (("contrast", "permutation"), null)})


def _contrasts(pairs: Pairs, same_image: xr.Dataset | None) -> dict[str, NDArray[Any]]:
    """Means over actors of the contrasts, (contrast,) each, their intervals and numbers of actors.

    All actors share workers, so that pairings, and differences of two classifiers' pairings, have no interval over
    actors alone; in effects what workers have in common cancels.
    """
    means = pairing_means(pairs)
    low, high, method, reason = population_intervals(pairs, means)
    n, value = (~np.isnan(means)).sum(axis=1), _mean_over_actors(means)
    low[:3], high[:3], method[:3], reason[:3] = np.nan, np.nan, "", WORKERS_SHARED
    resampled, freedom = np.where(method == "", "", "actors").astype(object), n - 1
    if same_image is not None:
        half = float(same_image["ci_high"] - same_image["ci_low"]) / 2
        low[0], high[0], reason[0] = value[0] - half, value[0] + half, same_image["reason"].item() or WORKERS_SHARED
        freedom[0] = min(n[0], int(same_image["n_workers"])) - 1
        if not np.isnan(half):
            method[0], resampled[0], reason[0] = *(same_image.attrs[name] for name in ("ci_method", "resampled")), ""
    return {"value": value, "ci_low": low, "ci_high": high, "ci_method": method, "resampled": resampled, "n": n,
            "n_undefined": means.shape[1] - n, "freedom": freedom,
            "reason": np.where(n > 0, reason, f"no actor with two {pairs.unit}s, or one actor only")}


def _mean_over_actors(means: Values) -> Values:
    defined = ~np.isnan(means)
    n = defined.sum(axis=1)
    return np.asarray(np.where(defined, means, 0).sum(axis=1) / np.where(n > 0, n, np.nan))


def _per_actor(pairs: Pairs, alternative: Alternative, n_permutations: int, rng: np.random.Generator) -> xr.Dataset:
    means = pairing_means(pairs)
    p, n_arranged = np.full(means.shape, np.nan), np.zeros(means.shape, int)
    p[3], n_arranged[3] = actors_image_effects(pairs, alternative, n_permutations, rng)
    sides = np.full((2, *means.shape), np.nan)
    sides[:, 3:] = effect_sides(pairs).transpose(1, 0, 2)
    reason = np.where(np.isnan(means), f"one {pairs.unit} only, or no other actor", "").astype(object)
    tables = {"value": means, "one": sides[0], "other": sides[1], "p_value": p,
              "p_attainable": _floors(n_arranged), "n_permutations": n_arranged, "reason": reason}
    return xr.Dataset({f"actor_{name}": (("contrast", "actor"), table) for name, table in tables.items()} | {
        "actor_n": ("actor", pairs.sizes)})


def _floors(n_permutations: NDArray[np.intp]) -> Values:
    """Give the smallest p that so many permutations can give; NaN where there is none."""
    return np.where(n_permutations > 0, 1 / (1 + n_permutations), np.nan)


@drawing
def overlap_tests(human: xr.DataArray, classifier: xr.DataArray, *, metric: str, rng: np.random.Generator,
                  share: float = SHARE, sigma: float | None = None, groups: str | None = None,
                  clusters: str | None = None, images: Collection[str] | None = None,
                  n_permutations: int = 9999) -> xr.Dataset:
    """Test whether people and the classifier agree on the image, and on the actor, beyond what all faces share.

    Parameters
    ----------
    human, classifier : DataArray (image, y, x)
        Non-negative maps on one grid, with coordinate ``actor`` along ``image``.
    metric, share, sigma
        One of `METRICS`, the share of pixels in the areas of iou and dice, and the Gaussian in pixels that all maps are
        first smoothed with, if any.
    images : collection of str, optional
        Ids of the only images to use.
    rng, n_permutations
        How many permutations to draw for each test: as for `pairing_tests`.
    groups, clusters : str, optional
        Coordinates of the human maps along ``image``: a factor of the actor, so that actors meet, and are exchanged
        with, actors of their own group only; and images that are exchanged together, such as those of a ``shoot``.

    Returns
    -------
    Dataset
        As `pairing_tests` gives it, with the counts and settings of `overlap` in attrs.

    Raises
    ------
    InputError
        As for `overlap` and `pairing_tests`, and where there is no actor.
    """
    matrix = overlap_matrix(human, classifier, metric=metric, share=share, sigma=sigma, images=images)
    tests = pairing_tests(matrix, better=EVERY_METRIC[metric].better, groups=groups, clusters=clusters,
                          n_permutations=n_permutations, rng=rng)
    return tests.assign_attrs(matrix.attrs, metric=metric)


@drawing
def compare_classifiers(human: xr.DataArray, one: xr.DataArray, other: xr.DataArray, *, metric: str,
                        rng: np.random.Generator, share: float = SHARE, sigma: float | None = None,
                        clusters: str | None = None, n_permutations: int = 9999) -> xr.Dataset:
    """Compare two classifiers' overlap with people, such as a finetuned network's with the frozen one's.

    Parameters
    ----------
    human, one, other : DataArray (image, y, x)
        People's maps and two classifiers', on one grid, with coordinate ``actor`` along ``image``; images that all
        three have are compared.
    metric, share, sigma
        One of `METRICS`, the share of pixels in the areas of iou and dice, and the Gaussian in pixels that all maps are
        first smoothed with, if any.
    clusters : str, optional
        A coordinate of the human maps, as for `compare_pairings`.
    rng, n_permutations : Generator, int
        How many sign flips to draw; where there are no more in all, each comes once.

    Returns
    -------
    Dataset
        As `compare_pairings` gives it.

    Raises
    ------
    InputError
        If the grids differ, a metric is unknown, there is no actor, or no image of all three is defined.
    """
    matrices = [overlap_matrix(human, maps, metric=metric, share=share, sigma=sigma) for maps in (one, other)]
    return compare_pairings(*matrices, rng=rng, clusters=clusters, n_permutations=n_permutations).assign_attrs(
        metric=metric, better=EVERY_METRIC[metric].better)


@drawing
def compare_pairings(one: xr.DataArray, other: xr.DataArray, *, rng: np.random.Generator,
                     clusters: str | None = None, same_image: xr.Dataset | None = None,
                     n_permutations: int = 9999) -> xr.Dataset:
    """Compare two classifiers by their matrices of all pairs with the same human maps.

    Parameters
    ----------
    one, other : DataArray (image, image_other)
        As `overlap_matrix` gives them; images that both have are compared.
    clusters : str, optional
        A coordinate of `one` along ``image``, nested in the actors: images that share a value are not each other's
        "other image". (Both classifiers' maps are exchanged by whole actors in any case.)
    same_image : Dataset, optional
        What `share_of_ceiling` says of the same images' "mean score above null", `other` being the null, or some of
        them: its interval over workers and actors is given to the same image.
    rng, n_permutations : Generator, int
        How many sign flips to draw; where there are no more in all, each comes once.

    Returns
    -------
    Dataset
        Over ``contrast`` (the three pairings and both effects): **value**, mean over actors of `one` less `other`, in
        the metric's unit, and the two means, **one** and **other**, over the same images; of the effects, **ci_low**,
        **ci_high** by t over actors (**ci_method**, **resampled**), NaN below eight, with degrees of **freedom**, and
        **p_value** (two-sided), **p_attainable**, **n_permutations**; **n** actors, **n_undefined**, **reason** for
        NaN. Over ``contrast`` and ``actor``: **actor_value**; **actor_n** (actor): images. Images on which either side
        is NaN are left out; attrs ``n_undefined`` counts them.

    Raises
    ------
    InputError
        If they have no image in common, or none on which both are defined.

    Notes
    -----
    Null hypothesis: within each actor, whole sets of both classifiers' maps are exchangeable. Exchanging those of one
    actor turns the signs of all pairs of people's maps with them, so that the signs of the matrix' columns are flipped,
    actor by actor: exact, though actors meet in pairs. (To permute images or actors of the difference would test that
    neither classifier has any effect, not that both have the same.) Of networks, one trained copy is compared with
    another: other seeds are not covered. Pairings have neither interval nor test over actors: what workers have in
    common suits one of two classifiers on all actors at once (where workers alone vary, t intervals of the same image's
    difference from a centre-biased copy held the truth in 91% of simulated studies). An actor's effects are averaged
    over people's and the classifier's side for the interval, which is wide rather than narrow: a jackknife over actors
    covered 89% with eight actors.
    """
    for matrix, where in ((one, "one"), (other, "other")):
        require_maps(matrix, where, dims=("image", "image_other"), named=("image", "image_other"))
    images = one.image.values[np.isin(one.image.values, other.image.values)]
    if not images.size:
        raise InputError(Problem("classifiers", "no image in common", "overlaps on the same images"))
    first, second = (matrix.sel(image=images, image_other=images).transpose(*one.dims) for matrix in (one, other))
    difference = first.copy(data=first.values - second.values)
    pairs, actors, left_out = blocked(difference, clusters=clusters)
    effects, whole = pairing_means(replace(pairs, matrix=pairs.matrix.T))[3:], _contrasts(pairs, same_image)
    both_sides = t_interval((pairing_means(pairs)[4] + effects[1])[:, np.newaxis] / 2, resampled="actors")
    half = (both_sides.high[0] - both_sides.low[0]) / 2
    whole["ci_low"][4], whole["ci_high"][4] = whole["value"][4] - half, whole["value"][4] + half
    whole["ci_method"][4] = "t"
    p, least, null = zip(*(sign_flip_test(values, rng=rng, n_permutations=n_permutations) for values in effects),
                         strict=True)
    untested = [np.nan] * 3
    both = [_mean_over_actors(pairing_means(blocked(difference.copy(data=side.where(difference.notnull()).values),
                                                    clusters=clusters)[0])) for side in (first, second)]
    one_each = whole | {
        "one": both[0], "other": both[1], "p_value": [*untested, *p], "p_attainable": [*untested, *least],
        "n_permutations": [0, 0, 0, *(draws.size for draws in null)]}
    return xr.Dataset(
        {name: ("contrast", values) for name, values in one_each.items()}
        | {"actor_value": (("contrast", "actor"), pairing_means(pairs)), "actor_n": ("actor", pairs.sizes)},
        coords={"contrast": list(CONTRASTS), "actor": actors},
        attrs={"n_undefined": left_out, "alternative": "two-sided", "null_mean": 0.0,
               "null": "both classifiers' whole sets of maps exchanged within actors"})
