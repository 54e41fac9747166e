"""Whether people and a classifier find the same pairs of actors alike.

Both maps of an image share its photograph, so one side is computed from one half of each actor's images and the other
from the other half; the distance between noisy means is too large by their noise, so distances are unbiased and each
actor's mean distance is removed; actors with few or varied images have distances of larger error on both sides, so the
statistic that is permuted is studentised over actors.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import stats

from salcompare.maps import natural_order, smooth
from salcompare.maps.checks import require_choice, require_maps
from salcompare.printing import counted
from salcompare.random_numbers import drawing
from salcompare.statistics.inference.permutation import exchangeability, p_value, permutations, smallest_p
from salcompare.statistics.inference.resampling import FEWEST_ACTORS, LEVEL, jackknife_standard_error
from salcompare.statistics.kernels import Codes, Values, flat, maps_in_range, standardised
from salcompare.statistics.overlaps.same_image import matched

Distance = Literal["correlation", "euclidean"]
FEWEST = 4
"""Actors below which nothing is left of their pairs once each actor's mean is removed."""
N_SPLITS = 10
"""Random splits of each actor's images, unless said."""
_MOST_CROSSED = 2048  # pairs of actors, of which all pairs take 32 MiB


@drawing
def actor_similarity(human: xr.DataArray, classifier: xr.DataArray, *, rng: np.random.Generator,
                     distance: Distance = "correlation", sigma: float | None = None, n_splits: int = N_SPLITS,
                     clusters: str | None = None, n_permutations: int = 9999) -> xr.Dataset:
    """Correlate people's distances between actors with the classifier's, from disjoint images (Mantel).

    Parameters
    ----------
    human, classifier : DataArray (image, y, x)
        Maps on one grid, with coordinate ``actor`` along ``image``. Images that one side lacks, and images on which a
        map is constant or holds NaN, are left out, as are actors with fewer than two of the others.
    rng : Generator
        Draws splits, then permutations.
    distance : {"correlation", "euclidean"}
        Squared Euclidean distance between actors' mean maps, of maps each of mean 0 and standard deviation 1 (then
        half of it, over pixels, is one minus a correlation) or of maps as they are.
    sigma : float, optional
        Both maps are first smoothed with a Gaussian of so many pixels.
    n_splits : int
        Random splits of each actor's images into halves; people's distances come from one half and the classifier's
        from the other, and the other way round.
    clusters : str, optional
        A coordinate of the human maps along ``image`` nested in the actors, such as ``shoot``: maps of images that
        share a value are averaged first, and stand for one image.
    n_permutations : int
        Permutations of the classifier's actors; where there are no more in all, each comes once.

    Returns
    -------
    Dataset
        Scalars: **value**, mean over splits of the correlation between both sides' unbiased distances over pairs of
        actors, each actor's mean distance removed on both sides (U-centred); **ci_low**, **ci_high** by jackknife over
        actors, NaN below eight; **p_value** (one-sided, greater), **p_attainable**, **null_mean** (of the draws),
        **n_permutations**; **n** actors, **n_undefined** actors left out, **reason** for NaN. **null** (permutation):
        draws; **without** (left_out): the value without each actor. What is left of noise in the distances draws the
        correlation towards 0.

    Raises
    ------
    InputError
        As for `overlap`, if `distance` is neither, there is no actor, or a cluster is of two actors.

    Notes
    -----
    Null hypothesis: which actors' expected classifier maps are alike has nothing to do with which actors' expected
    human maps are. Images of an actor, or clusters of them, are taken as independent. In 2,000 simulated studies of 12
    actors, Mantel's plain test on Euclidean distances between heatmaps of the same images rejects 43% of the time at 5%
    where photographs differ and actors do not, 95% where they have 4 to 15 images each, 81% there without anything in
    common between the sides, and 100% where spread differs between actors; this test 5.8, 4.7 and 4.6% in the first two
    and the last, and between 3.6 and 5.5% where actors differ, unrelated on both sides, with 2 to 15 images and 6 to 20
    actors.

    References
    ----------
    Mantel (1967), PMID 6018555; unbiased distances: Walther et al. (2016), doi:10.1016/j.neuroimage.2015.12.012;
    U-centring: Székely & Rizzo (2014), doi:10.1214/14-AOS1255; studentised permutation: DiCiccio & Romano (2017),
    doi:10.1080/01621459.2016.1202117
    """
    require_choice(distance, ("correlation", "euclidean"), "distance")
    one, other = (maps_in_range(maps) for maps in matched(human, classifier))
    require_maps(one, "maps", dims=("image", "y", "x"), named=("actor",))
    if sigma is not None:
        one, other = smooth(one, sigma=sigma), smooth(other, sigma=sigma)
    rows = [_rows(maps, distance) for maps in (one, other)]
    actors, defined = one.actor.values.astype(str), np.logical_and(*(~np.isnan(r[:, 0]) for r in rows))
    units = np.arange(actors.size)
    if clusters is not None:
        of_images = human[clusters].sel(image=one.image).values.astype(str)
        units = exchangeability(actors.tolist(), clusters=of_images.tolist()).units  # refuses clusters of two actors
    places = [np.unique(units[(actors == name) & defined]) for name in natural_order(actors.tolist())]
    used = [at for at in places if at.size > 1]
    held = [name for name, at in zip(natural_order(actors.tolist()), places, strict=True) if at.size > 1]
    order, sizes = np.concatenate([np.empty(0, np.intp), *used]), np.array([at.size for at in used], dtype=np.intp)
    means = [_means(r[defined], units[defined], order) for r in rows]
    products = [mean @ mean.T for mean in means]
    result = _compared(products, sizes, n_splits, n_permutations, rng) if sizes.size >= FEWEST else _undefined(
        n_permutations, f"{counted(sizes.size, 'actor')} with two {clusters or 'image'}s or more; {FEWEST} are needed")
    about = {"distance": distance, "n_splits": n_splits, "alternative": "greater", "ci_method": "jackknife",
             "resampled": "actors", "null": "actors of the classifier's distances permuted"}
    if result.sizes["left_out"]:
        result = result.assign_coords(left_out=held)
    return result.assign(n=sizes.size, n_undefined=len(places) - sizes.size).assign_attrs(
        about | ({} if sigma is None else {"sigma": float(sigma)}))


def similarity_difference(one: xr.Dataset, other: xr.Dataset) -> xr.Dataset:
    """Compare the similarities of two classifiers with one people, of the same images and random splits.

    `one` and `other` are as `actor_similarity` gives them. Gives scalars **value**, `one` less `other`, and the two,
    **one**, **other**; **ci_low**, **ci_high** by jackknife over actors, NaN below eight; **n**, **n_undefined**,
    **reason**. Undefined where the two are not of the same actors.
    """
    value, same = float(one["value"] - other["value"]), np.array_equal(one["left_out"], other["left_out"])
    n = int(one["n"]) if same else 0
    half = np.nan
    if n >= FEWEST_ACTORS:
        spread = jackknife_standard_error(one["without"].values - other["without"].values)
        half = float(stats.t.ppf((1 + LEVEL) / 2, n - 1) * spread)
    reason = str(one["reason"].item() or other["reason"].item()) if same else "not of the same actors"
    columns = {"value": value if same else np.nan, "one": float(one["value"]), "other": float(other["value"]),
               "ci_low": value - half, "ci_high": value + half, "n": n, "n_undefined": int(one["n_undefined"]),
               "reason": reason}
    return xr.Dataset({name: ((), column) for name, column in columns.items()},
                      attrs={"ci_method": "jackknife", "resampled": "actors"})


def _rows(maps: xr.DataArray, distance: Distance) -> Values:
    """Give maps as rows, NaN throughout where one is constant or not finite."""
    rows = flat(maps.transpose("image", "y", "x").values)
    spread = standardised(rows)
    scaled = spread / np.sqrt(rows.shape[1]) if distance == "correlation" else rows.copy()
    scaled[~np.isfinite(spread).all(axis=1)] = np.nan
    return scaled


def _means(rows: Values, units: Codes, order: Codes) -> Values:
    """Average the rows (image, pixel) of each unit, in an order of units that leaves some out."""
    kept = np.concatenate([np.empty(0, np.intp), *(np.flatnonzero(units == unit) for unit in order)])
    if kept.size == order.size:
        return np.asarray(rows[kept])
    starts = np.flatnonzero(np.diff(units[kept], prepend=-1))
    return np.asarray(np.add.reduceat(rows[kept], starts, axis=0) / np.diff(starts, append=kept.size)[:, np.newaxis])


def _compared(products: list[Values], sizes: NDArray[np.intp], n_splits: int, n_permutations: int,
              rng: np.random.Generator) -> xr.Dataset:
    drawn = [pair for first, second in _halves(sizes, n_splits, rng) for pair in ((first, second), (second, first))]
    human, classifier = (np.stack([_mean_products(products[side], members[side]) for members in drawn])
                         for side in (0, 1))
    sums = _sums_of_actors(_centred_pairs(-human), _centred_pairs(-classifier), sizes.size, n_permutations, rng)
    sums /= len(drawn)
    values = sums.sum(axis=1) / 2
    mean, spread = sums.mean(axis=1), sums.std(axis=1)
    t = np.divide(mean, spread, out=np.copysign(np.inf, mean), where=spread > 0)  # studentised over actors
    if np.isnan(values[0]):
        return _undefined(n_permutations, "all pairs of actors are alike on one side")
    low, high, reason, without = _jackknife(human, classifier, float(values[0]))
    null = np.full(n_permutations, np.nan)
    null[:values.size - 1] = values[1:]
    scalars = {"value": values[0], "ci_low": low, "ci_high": high, "p_value": float(p_value(t[0], t[1:])),
               "p_attainable": smallest_p(values.size - 1), "null_mean": values[1:].mean(), "reason": reason,
               "n_permutations": values.size - 1}
    return xr.Dataset({name: ((), value) for name, value in scalars.items()} | {
        "null": ("permutation", null), "without": ("left_out", without)})


def _undefined(n_permutations: int, reason: str) -> xr.Dataset:
    names = ("value", "ci_low", "ci_high", "p_value", "p_attainable", "null_mean")
    return xr.Dataset(dict.fromkeys(names, ((), np.nan)) | {
        "reason": ((), reason), "n_permutations": ((), 0), "null": ("permutation", np.full(n_permutations, np.nan)),
        "without": ("left_out", np.empty(0))})


def _sums_of_actors(one: Values, other: Values, n_actors: int, n_permutations: int, rng: np.random.Generator) -> Values:
    """Sum, over splits and over each actor's pairs, the products of two sides: (1 + permutations, actor).

    The first row is as observed; in the others the actors of `other` are permuted. Each pair counts at both actors.
    """
    first, second = np.triu_indices(n_actors, 1)
    place = np.zeros((n_actors, n_actors), np.intp)
    place[first, second] = place[second, first] = np.arange(first.size)
    member = np.zeros((first.size, n_actors))
    member[np.arange(first.size), first] = member[np.arange(first.size), second] = 1
    exchange = exchangeability(range(n_actors), what="actors")
    crossed = one.T @ other if first.size <= _MOST_CROSSED else None  # summed over splits once, not for each draw
    sums = []
    for batch in [np.arange(n_actors)[np.newaxis], *permutations(exchange, n_permutations, rng)]:
        moved = place[batch[:, first], batch[:, second]]
        products = (np.add.reduce([a * b[moved] for a, b in zip(one, other, strict=True)]) if crossed is None
                    else crossed[np.arange(first.size), moved])
        sums.append(products @ member)
    return np.concatenate(sums)


def _jackknife(human: Values, classifier: Values, value: float) -> tuple[float, float, str, Values]:
    n = human.shape[-1]
    if n < FEWEST_ACTORS:
        return np.nan, np.nan, f"{counted(n, 'actor')}; an interval needs {FEWEST_ACTORS}", np.full(n, np.nan)
    kept = [np.delete(np.arange(n), at) for at in range(n)]
    without = [float((_centred_pairs(-human[:, at][:, :, at]) * _centred_pairs(-classifier[:, at][:, :, at]))
                     .sum(axis=1).mean()) for at in kept]
    half = float(stats.t.ppf((1 + LEVEL) / 2, n - 1) * jackknife_standard_error(without))
    return value - half, value + half, "", np.array(without)


def _halves(sizes: NDArray[np.intp], n_splits: int, rng: np.random.Generator) -> Iterator[tuple[Values, Values]]:
    """Split each actor's images, which stand together, into random halves, the first smaller or larger by turns.

    Yields for each split two arrays (A, n): 1 where an image is of the actor and in the half.
    """
    actors = np.repeat(np.arange(sizes.size), sizes)
    starts = np.cumsum(sizes) - sizes
    member = actors == np.arange(sizes.size)[:, np.newaxis]
    for split in range(n_splits):
        place = np.empty(actors.size, np.intp)
        place[np.lexsort((rng.random(actors.size), actors))] = np.arange(actors.size) - starts[actors]
        first = place < ((sizes + split % 2) // 2)[actors]
        yield (member & first).astype(np.float64), (member & ~first).astype(np.float64)


def _mean_products(products: Values, member: Values) -> Values:
    """Inner products of actors' mean maps, (A, A); unbiased but for the diagonal."""
    n = member.sum(axis=1)
    return np.asarray(member @ products @ member.T / np.outer(n, n))


def _centred_pairs(distances: Values) -> Values:
    """Rid a matrix of what is common to a row or column and give its pairs at unit norm: (..., A, A) -> (..., pairs).

    Diagonals are not seen. What is left sums to 0 in every row without its diagonal, so that an actor far from, or
    noisier than, everybody counts by its pairs only.
    """
    size = distances.shape[-1]
    rows = np.where(np.eye(size, dtype=bool), 0, distances)
    row_means = rows.sum(axis=-1) / (size - 2)
    total = rows.sum(axis=(-2, -1))[..., np.newaxis] / ((size - 1) * (size - 2))
    first, second = np.triu_indices(size, 1)
    pairs = rows[..., first, second] - row_means[..., first] - row_means[..., second] + total
    norm = np.sqrt((pairs**2).sum(axis=-1, keepdims=True))
    return np.asarray(pairs / np.where(norm > 0, norm, np.nan))
