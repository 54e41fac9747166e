"""How much of the variance of maps lies between actors: R², its relatives, and a permutation test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from salcompare.blocks import one_thread
from salcompare.random_numbers import drawing
from salcompare.statistics.inference import permutation
from salcompare.statistics.inference.resampling import jackknife_interval
from salcompare.statistics.kernels import Codes, Values
from salcompare.statistics.variance.design import Design, Units, averaged, design_of, require_options, sample_of
from salcompare.statistics.variance.gram import (
    Distance,
    Sums,
    between_sums,
    class_sums,
    gower_gram,
    sums_of_squares,
    within_sums,
)

_ESTIMATES = ("r2", "r2_adjusted", "omega2", "pseudo_f", "between_actor_share", "ci_low", "ci_high", "f2", "p_value",
              "p_attainable", "p_value_free", "p_attainable_free", "null_mean")
_UNTESTED = {"f2": np.nan, "p_value": np.nan, "p_attainable": np.nan, "n_permutations": 0}
_FEWEST_UNITS = 3  # of a class in the test of F2: two do not show along how many modes they vary
_OF_MODES, _LEVEL_OF_MODES = 199, 0.01
_OF_PIXELS = ("r2_pixel_mean", "r2_uncentred", "r2_uncentred_null_mean")


@drawing
def variance_explained(maps: xr.DataArray, by: str = "actor", *, rng: np.random.Generator, n_permutations: int = 9999,
                       distance: Distance = "euclidean", clusters: str | None = None) -> xr.Dataset:
    """Share of the maps' variance that lies between actors, pooled over pixels, and whether actors differ.

    Parameters
    ----------
    maps : DataArray (image, ...)
        Any real maps with a coordinate `by` along ``image``; eager or dask; actors may have different numbers of
        images. Maps with a NaN or infinite pixel and maps of zeros only are left out, counted.
    by : str
        The coordinate that names the classes.
    rng, n_permutations : Generator, int
        How many permutations to draw for each test. Where no more distinct ones exist, all are enumerated instead.
    distance : {"euclidean", "bray_curtis", "jensen_shannon"}
        What squares are squares of: Euclidean distances, pixel by pixel; Bray-Curtis, sum |a - b| / sum (a + b); or
        the root of the Jensen-Shannon divergence of maps scaled to unit sum. The two others need values >= 0.
    clusters : str, optional
        A coordinate nested in the actors, such as ``shoot``: images that share a value move together in permutations
        (those of F2 take their mean), and are left out together by the jackknife. With an actor-level factor as `by`,
        such as ``group``: ``"actor"``.

    Returns
    -------
    Dataset of scalars, unless dims are given
        - **r2**: eta², sum over pixels of SSB / sum of SST; the R² of PERMANOVA. In [0, 1], with Bray-Curtis
          distances at most 1.
        - **r2_adjusted**: 1 - (1 - r2)(n-1)/(n-g). **omega2**: (SSB - (g-1) MSW) / (SST + MSW). Both about 0 by chance.
        - **r2_pixel** (...): SSB/SST of each pixel, NaN where it is constant; **r2_pixel_mean**, their unweighted mean.
        - **r2_uncentred**: (SSB + M) / (SST + M), M = n |grand mean map|²: the share of the squared norm that the class
          means carry. Large whenever all maps are alike, whoever is shown. Its p is r2's;
          **r2_uncentred_null_mean** is c + (1-c) times r2's, c = M / (SST + M).
        - **between_actor_share**: variance between actors over variance between and within, from mean squares
          (ICC(1) pooled over pixels): what r2 would be without its bias from few images. Can be negative.
          **ci_low**, **ci_high**: 95% interval by leaving out images within actors (see Notes).
        - **pseudo_f**: (SSB/(g-1)) / (SSW/(n-g)); infinite where images of an actor are all equal.
        - **f2**: sum n_g |m_g - m|² / sum (1 - n_g/N) s²_g, which weighs each actor's spread as it weighs on the
          means. **p_value**: of f2 being so large, images scaled to their actor's spread and permuted (see Notes);
          **p_attainable**, the smallest it can be, of **n_permutations**.
        - **p_value_free**: of r2 being so large, images permuted as they are; **p_attainable_free**,
          **n_permutations_free**; **null** (permutation): r2 so permuted. **null_mean**: its mean, which
          for single images is exactly (g-1)/(n-1), and otherwise that of the draws.
        - **n_images**, **n_actors** that it rests on, **n_undefined** (images left out).

        r2_pixel, r2_pixel_mean and the uncentred R² are there for Euclidean distances only.
        - attrs say what was permuted and resampled, and give the reason where something is NaN (``reason`` for all,
          ``ci_reason`` for the interval, ``p_reason`` for p, with the actors that have no part in it) or was left out
          (``left_out``). ``null`` is p_value's, ``null_free`` that of p_value_free.

    Raises
    ------
    InputError
        If a coordinate is missing, there is one class only, every class has one image, or a map has a negative value
        and the distance is not Euclidean.

    Notes
    -----
    p_value tests that actors have one mean map; they may differ in spread and in numbers of images. Deviations from the
    mean of the actors' means, divided by the actor's s_g, change places, are multiplied by the s_g of their new place,
    and s_g and F2 are computed anew. Actors of one or two images (or clusters), or without spread, have no part in it:
    two do not show along how many modes an actor's maps vary. It is approximate: with 12 actors it rejected 1 to 5% of
    true nulls whatever the spreads and numbers; it loses some power where spreads are equal. As s_g is one number, p is
    NaN where maps of an actor vary along fewer modes than the others': where the concentration of its covariance,
    tr(S²) / tr(S)², is beyond what 199 permutations give, at 1% over all actors. Where four of 12 actors varied along
    one mode each, the test without that rule rejected 16 to 26%; with it, it is refused in 96 to 99% of studies and
    rejects in 1 to 4% of all. With three images of each of 20 actors, five of which vary along one mode for the most
    part, it is refused in 70 to 83% and rejects 5 to 8%, with four in 91 to 94% and 2 to 6% (300 studies each). Of
    studies whose actors vary alike 1 to 3% are refused. For other distances than Euclidean ones p is NaN: there a
    larger spread moves the actor's centre, and F2 rejected 40% with unequal spread. p_value_free assumes that images
    are exchangeable among actors, spread included: with the largest spread on the actors of fewest images it rejected
    80%, and 91% where these had the fewest responses.

    Images of one shoot are alike whoever is shown; permuting them singly with 3 shoots an actor rejects nearly always.
    An actor-level factor tested without ``clusters="actor"`` takes images for actors. Workers who respond to few actors
    make an actor's images alike, too: see `shared_workers`.

    R² carries no interval: a bootstrap counts copies of an image as agreement and covers nothing. The interval of the
    between-actor share is for these actors, not others: a jackknife within actors and Student's t with n - g degrees
    of freedom; NaN where an actor has fewer than 3 images. Its coverage, measured by simulation with 8 and 17 actors
    and shares from 0 to 0.8: 95 to 100% for normal noise and 5 or more images of each actor, highest where actors
    differ least, 91 to 99% with 3 images, and 91 to 95% for exponential noise of unequal spread.

    Sun, Teoh & Guerzhoy (2020) report that 92% of the variance of maps is explained by the actor; no definition is
    published. r2_uncentred is the variant here that comes closest to such values.

    References
    ----------
    Anderson (2001), doi:10.1111/j.1442-9993.2001.01070.pp.x; Anderson et al. (2017), doi:10.1111/anzs.12176 (F2); Gower
    (1966), doi:10.1093/biomet/53.3-4.325; Olejnik & Algina (2003), doi:10.1037/1082-989X.8.4.434; Sun, Teoh & Guerzhoy
    (2020), arXiv:2003.08765
    """
    require_options(distance, n_permutations)
    stack, kept = sample_of(maps, by, clusters)
    exchange = permutation.exchangeability(kept[by], clusters=None if clusters is None else kept[clusters],
                                           among=f"{by}s")
    resampled = "images" if clusters is None else f"whole {clusters}s"
    attrs = {"by": by, "alternative": "greater", "left_out": stack.left_out, "distance": distance,
             "null": f"{resampled}, scaled to their {by}'s spread, permuted freely among {by}s",
             "null_free": exchange.null.replace("whole clusters of images", resampled),
             "ci_method": "jackknife", "resampled": resampled}
    codes = exchange.labels[exchange.units]
    n_images, n_actors = len(codes), len(np.unique(codes))
    counts = {"n_images": n_images, "n_actors": n_actors, "n_undefined": stack.n_undefined}
    reason = "too few images are left" if n_actors < 2 or n_actors == n_images else ""
    if not reason:
        sums = sums_of_squares(stack, codes) if distance == "euclidean" else None
        gram, negligible = gower_gram(stack, distance) if sums is None else (sums.gram, sums.negligible)
        reason = "all maps are equal" if np.trace(gram) <= negligible else ""
    if reason:
        return _undefined(maps, distance, reason).assign(counts).assign_attrs(attrs)
    design = design_of(gram, exchange, negligible)
    values, ci_reason = _pooled_estimates(design, resampled)
    scaled, p_reason = None, "unequal spread moves the centres of such distances"
    if distance == "euclidean":
        units = averaged(gram, negligible, exchange, np.unique(kept[by]).tolist())
        scaled, p_reason = _scaled_units(units, rng, f"{by}s", clusters or "image")
    values |= _tests(design, exchange, scaled, n_permutations, rng)
    if sums is not None:
        values |= _euclidean_estimates(sums, maps, values, design.total)
    return xr.Dataset({**values, **counts}, attrs={"reason": "", "ci_reason": ci_reason, "p_reason": p_reason, **attrs})


def _pooled_estimates(design: Design, resampled: str) -> tuple[dict[str, Any], str]:
    """Compute what is pooled over pixels, and why there is no interval where there is none."""
    between, class_sizes = design.between_squares()
    n, g, total = design.sizes.sum(), len(class_sizes), design.total
    within = (total - between) / (n - g)
    share, _ = design.between_share()
    interval = jackknife_interval(share, design.shares_without_one(), resampled=resampled, strata=design.labels,
                                  of="spread")
    return {
        "r2": between / total, "r2_adjusted": 1 - (1 - between / total) * (n - 1) / (n - g),
        "omega2": (between - (g - 1) * within) / (total + within),
        "pseudo_f": np.inf if total - between <= design.negligible else between / (g - 1) / within,
        "between_actor_share": share, "ci_low": float(interval.low), "ci_high": float(interval.high),
    }, str(interval.reason)


@dataclass(frozen=True)
class _Scaled:
    """Units (u) about the mean of their classes' means, over their class's spread."""

    gram: Values  # (u, u) inner products
    spread: Values  # (g,)
    labels: Codes  # (u,)
    tested: bool

    def f2(self, batch: Codes, within: Values) -> Values:
        """F2 (b,) where units take the places of a batch (b, u) and their classes' spread, given `within_sums`."""
        counts, n, squared = np.bincount(self.labels)[:, None], len(self.labels), (self.spread**2)[:, None]
        sums = squared * within
        left = squared * class_sums(np.diag(self.gram), self.labels, batch) - sums / counts
        factors = np.empty(batch.shape)
        np.put_along_axis(factors, batch, np.broadcast_to(self.spread[self.labels], batch.shape), axis=1)
        in_all = np.einsum("bu,bu->b", factors @ self.gram, factors)
        between = (sums / counts).sum(axis=0) - in_all / n
        return np.asarray(between / ((1 - counts / n) * left / (counts - 1)).sum(axis=0), np.float64)

    def sums(self, batch: Codes) -> Values:
        """Sum inner products within each class (g, b)."""
        return within_sums(self.gram, self.labels, batch)


def _tests(design: Design, exchange: permutation.Exchangeability, scaled: _Scaled | None, n_permutations: int,
           rng: np.random.Generator) -> dict[str, Any]:
    """Permute the units as they are, for R²: its null draws, their mean and p; and scaled, for F2 and its p."""
    as_it_is = np.arange(exchange.n_units)[None]
    null, null_f2 = _nulls(design, exchange, scaled, n_permutations, rng)
    observed = between_sums(design.products, design.sizes, design.labels, as_it_is)[0] / design.total
    if exchange.free:
        null_mean = design.labels.max() / (exchange.n_units - 1)
    elif permutation.n_distinct(exchange, distinct="partitions") <= n_permutations:
        null_mean = np.append(null, observed).mean()
    else:
        null_mean = null.mean()
    values = {"p_value_free": float(permutation.p_value(observed, null)), "null": ("permutation", null),
              "p_attainable_free": permutation.smallest_p(len(null)), "n_permutations_free": len(null),
              "null_mean": float(null_mean)} | _UNTESTED
    if scaled is not None:
        of_units = np.arange(len(scaled.labels))[None]
        values["f2"] = f2 = float(scaled.f2(of_units, scaled.sums(of_units))[0])
        if scaled.tested:
            values |= {"p_value": float(permutation.p_value(f2, null_f2)), "n_permutations": len(null_f2),
                       "p_attainable": permutation.smallest_p(len(null_f2))}
    return values


def _nulls(design: Design, exchange: permutation.Exchangeability, scaled: _Scaled | None, n_permutations: int,
           rng: np.random.Generator) -> tuple[Values, Values]:
    """Compute R² and F2 under permutations, of both at once where they exchange the same units."""
    def r2(batch: Codes, within: Values) -> Values:
        """Compute R² (b,) under some permutations."""
        return np.asarray((within / class_sums(design.sizes, design.labels, batch)).sum(axis=0) / design.total)

    every = permutation.permutations(exchange, n_permutations, rng, distinct="partitions")
    one, two = [], []
    with one_thread():  # products of a batch are small
        if (scaled is not None and scaled.tested and len(scaled.labels) == exchange.n_units
                and permutation.n_distinct(exchange, distinct="partitions") > n_permutations):
            pair = design.products + 1j * scaled.gram  # read together, as one is read among many places
            for batch in every:
                within = within_sums(pair, design.labels, batch)
                one.append(r2(batch, within.real))
                two.append(scaled.f2(batch, within.imag))
            return permutation.joined(one), permutation.joined(two)
        null = permutation.joined(r2(batch, within_sums(design.products, design.labels, batch)) for batch in every)
        if scaled is None or not scaled.tested:
            return null, np.empty(0)
        among = permutation.exchangeability(scaled.labels.tolist())
        return null, permutation.joined(scaled.f2(batch, scaled.sums(batch)) for batch in permutation.permutations(
            among, n_permutations, rng))


def _scaled_units(units: Units, rng: np.random.Generator, among: str, of: str) -> tuple[_Scaled | None, str]:
    """Scale units, such as images, to their class's spread; say which classes stay out, or why there is no test."""
    counts = np.bincount(units.labels, minlength=len(units.names))
    spread = _spread(units.gram, units.labels, np.arange(len(units.labels))[None])[:, 0]
    usable = np.flatnonzero((counts >= _FEWEST_UNITS) & (spread > units.negligible))
    out = [name for at, name in enumerate(units.names) if at not in usable]
    if len(usable) < 2:
        return None, f"fewer than two {among} have {_FEWEST_UNITS} {of}s that differ"
    compared = units.of_classes(usable)
    labels, s = compared.labels, np.sqrt(spread[usable] / (counts[usable] - 1))
    weights = 1 / (len(usable) * counts[usable])[labels]
    with_mean = compared.gram @ weights
    gram = compared.gram - with_mean - with_mean[:, None] + weights @ with_mean
    scaled = gram / np.outer(s[labels], s[labels])
    narrow = _narrow(scaled, permutation.exchangeability(labels.tolist()), rng)
    named = [name for name, one in zip(compared.names, narrow, strict=True) if one]
    reason = (f"maps of {', '.join(named)} vary along fewer modes than those of other {among}" if named else
              f"not in the test, with fewer than {_FEWEST_UNITS} {of}s or none that differ: {', '.join(out)}" if out
              else "")
    return _Scaled(scaled, s, labels, not named), reason


def _narrow(scaled: Values, exchange: permutation.Exchangeability, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Tell which classes' scaled units vary along fewer modes than exchanged ones do (g,), at 1% over the classes.

    The variance of the inner products of two units over the mean product of their squares: of a class without an effect
    about tr(S²) / tr(S)², S its covariance, which is the larger the fewer modes there are; an effect makes it smaller.
    0 of classes of two units, which show no modes.
    """
    labels, squares, norms = exchange.labels, scaled**2, np.diag(scaled)
    counts = np.bincount(labels)[:, None]
    n_pairs = counts * (counts - 1)

    def concentration(batch: Codes) -> Values:
        """Compute it (g, b) under some permutations."""
        sums, same = class_sums(norms, labels, batch), class_sums(norms**2, labels, batch)
        mean = (within_sums(scaled, labels, batch) - sums) / n_pairs
        variance = (within_sums(squares, labels, batch) - same) / n_pairs - mean**2
        return np.asarray(variance * n_pairs / np.maximum(sums**2 - same, np.finfo(float).tiny))

    batches = [np.arange(len(labels))[None], *permutation.permutations(exchange, _OF_MODES, rng)]
    values = np.concatenate([concentration(batch) for batch in batches], axis=1)
    values -= values.mean(axis=1, keepdims=True)
    values /= np.maximum(values.std(axis=1, keepdims=True), np.finfo(float).tiny)
    p = permutation.p_value(values[:, 0], values[:, 1:].max(axis=0)[:, None])
    return np.asarray(p <= _LEVEL_OF_MODES)


def _spread(gram: Values, labels: Codes, batch: Codes) -> Values:
    """Sum squares within each class (g, b)."""
    within = within_sums(gram, labels, batch) / np.bincount(labels)[:, None]
    return np.asarray(class_sums(np.diag(gram), labels, batch) - within, np.float64)


def _euclidean_estimates(sums: Sums, maps: xr.DataArray, values: dict[str, Any], total: float) -> dict[str, object]:
    """Compute what single pixels and the mean map say."""
    varies = sums.pixel_total > 0
    r2 = np.where(varies, sums.pixel_between / np.where(varies, sums.pixel_total, 1), np.nan)
    common = len(sums.gram) * sums.mean_norm
    share = common / (total + common)
    return {"r2_pixel": _of_pixels(r2, maps), "r2_pixel_mean": float(r2[varies].mean()) if varies.any() else np.nan,
            "r2_uncentred": share + (1 - share) * values["r2"],
            "r2_uncentred_null_mean": share + (1 - share) * values["null_mean"]}


def _of_pixels(values: Values, maps: xr.DataArray) -> xr.DataArray:
    sizes = {dim: size for dim, size in maps.sizes.items() if dim != "image"}
    return xr.DataArray(values.reshape(tuple(sizes.values())), dims=tuple(sizes),
                        coords={dim: maps.coords[dim] for dim in sizes if dim in maps.coords})


def _undefined(maps: xr.DataArray, distance: Distance, reason: str) -> xr.Dataset:
    values = permutation.undefined(_ESTIMATES) | {"n_permutations_free": 0}
    if distance == "euclidean":
        values |= dict.fromkeys(_OF_PIXELS, np.nan)
        values["r2_pixel"] = _of_pixels(np.full(maps.size // max(maps.sizes["image"], 1), np.nan), maps)
    return xr.Dataset(values, attrs={"reason": reason, "ci_reason": reason, "p_reason": ""})
