"""Overlap with people and its share of the ceiling, with workers, images and actors resampled, alone and crossed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from salcompare.errors import InputError, Problem
from salcompare.printing import counted
from salcompare.random_numbers import drawing
from salcompare.statistics.ceilings.resamples import (
    BASELINES,
    Matched,
    Metric,
    Null,
    Resampler,
    Weights,
    match_responses,
)
from salcompare.statistics.inference import resampling
from salcompare.statistics.inference.crossed import (
    crossed_covariance,
    crossed_variance,
    fieller_interval,
    t_interval_of,
)
from salcompare.statistics.kernels import Values
from salcompare.statistics.overlaps.pairs import FEWEST_IMAGES
from salcompare.statistics.responses import Responses

Method = Literal["t", "percentile", "bca"]
WORKERS, IMAGES, ACTORS = "workers", "images within actors", "actors"
CROSSED = {f"{WORKERS} and {IMAGES}": (WORKERS, IMAGES), f"{WORKERS} and {ACTORS}": (WORKERS, ACTORS)}
RESAMPLED = (WORKERS, IMAGES, ACTORS, *CROSSED)
"""What may be resampled. Images within actors: for these actors; actors, whole: for actors like them."""
QUANTITIES = ("score", "ceiling", "null", "score above null", "ceiling above null", "share")
NULLS: tuple[Null, ...] = tuple(BASELINES)
_SUMS = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, -1], [0, 1, -1]])  # of score, ceiling, null
_UNKNOWN = "whether the ceiling is above the null is not known: its interval holds 0 or is undefined"
Table = dict[str, NDArray[np.generic]]


@drawing
def resampled_overlap(responses: Responses, images: pd.DataFrame, classifier_maps: xr.DataArray, *,
                      rng: np.random.Generator, metric: Metric = "pearson", sigma: float = 0.0,
                      n_resamples: int = 2000, method: Method = "t") -> xr.Dataset:
    """Intervals of the same-image overlap, mean over actors, for each kind of replicate and for crossed kinds.

    Parameters
    ----------
    responses, images : DataFrame or DataArray, DataFrame
        Boxes, one a row, in pixels of the image as shown, or maps (response, y, x); one row an image, ``image``,
        ``actor``, ``height``, ``width``: as for `noise_ceiling`.
    classifier_maps : DataArray (image, y, x)
        Eager or dask.
    metric : {"pearson", "nss"}
        The two metrics of `METRICS` that follow from inner products of maps, so that no resample draws a map.
    sigma : float
        Coverage and classifier maps are smoothed with a Gaussian of so many pixels of the grid; 0 for none.
    rng, n_resamples : Generator, int
        How many resamples of each kind to draw.
    method : {"t", "percentile", "bca"}
        Of the intervals of images and of actors; where workers are resampled there are t intervals only.

    Returns
    -------
    Dataset
        Over ``resampled`` (workers; images within actors; actors; workers and images within actors; workers and
        actors):

        - **ci_low**, **ci_high**, **ci_method**; **standard_error** of the draws, for crossed kinds the root of
          `crossed_variance`; **jackknife_error**, the same without any draws, as a check (NaN for
          crossed kinds); **freedom**; **n_undefined** draws; **reason** where the interval is NaN: a variance that is
          not above 0, fewer than eight actors or workers, or an actor with one image.
        - **draws** (resampled, resample).

        Scalar **value**, mean over actors of the mean over an actor's images; **n** actors. Over ``actor``:
        **actor_value**, **actor_n** images. attrs ``n_images``, ``n_left_out`` and the settings.

    Raises
    ------
    InputError
        If a column is missing, a response's image is unknown, the metric or method is, or no image has both.

    Notes
    -----
    A resampled worker is resampled on all images at once. Copies of workers make coverage rougher, so that draws with
    workers resampled lie below the observed value, and their percentiles with them; the t intervals stand about the
    observed value and use the draws' spread only.

    References
    ----------
    Schütt et al. (2023), doi:10.7554/eLife.82566
    """
    for where, value, known in (("metric", metric, ("pearson", "nss")), ("method", method, ("t", "percentile", "bca"))):
        if value not in known:
            raise InputError(Problem(where, repr(value), "one of " + ", ".join(known)))
    matched = match_responses(responses, images, classifier_maps, sigma=sigma)
    resampler = Resampler(matched, metric=metric)
    drawn = weights_of(matched, n_resamples, rng, kinds=RESAMPLED if method == "t" else RESAMPLED[:3],
                       fewer=int(method == "t"))
    both = resampler.draws({"observed": observed_weights(matched), **drawn})
    actors, means = both.pop("observed")
    draws = {name: population[0] for name, (_, population) in both.items()}
    once = observed_weights(matched)
    left_out = _one_by_one(once, *(1 - np.eye(part.shape[1]) for part in (once.workers, once.images, once.actors)))
    without = {name: resampler.draws({name: weights})[name][1][0] for name, weights in left_out.items()}
    table = [_one(name, float(means[0, 0]), draws, without, matched, method) for name in RESAMPLED]
    columns = {name: ("resampled", [row[name] for row in table]) for name in table[0]}
    every = np.stack([draws.get(name, np.full(n_resamples, np.nan)) for name in RESAMPLED])
    return xr.Dataset(
        {**columns, "value": float(means[0, 0]), "n": int((~np.isnan(actors[0, 0])).sum()),
         "actor_value": ("actor", actors[0, 0]), "actor_n": ("actor", matched.member.sum(axis=0)),
         "draws": (("resampled", "resample"), every)},
        coords={"resampled": list(RESAMPLED), "actor": matched.actors},
        attrs={"metric": metric, "sigma": float(sigma), "n_resamples": n_resamples, "level": resampling.LEVEL,
               "n_images": len(matched.boxes), "n_left_out": matched.left_out})


def observed_weights(matched: Matched) -> Weights:
    """Everything once."""
    return Weights(*(np.ones((1, size)) for size in (matched.n_workers, matched.actor.size, matched.actors.size)))


def weights_of(matched: Matched, n_resamples: int, rng: np.random.Generator, *, kinds: tuple[str, ...],
               fewer: int = 1) -> dict[str, Weights]:
    """Draw the weights of some kinds of `RESAMPLED`; crossed kinds hold the draws of the single ones."""
    once = observed_weights(matched)
    workers = resampling.bootstrap_weights(matched.n_workers, n_resamples, rng, fewer=fewer)
    images = resampling.bootstrap_weights(matched.actor.size, n_resamples, rng, strata=matched.actor, fewer=fewer)
    actors = resampling.bootstrap_weights(matched.actors.size, n_resamples, rng, fewer=fewer)
    first, second = CROSSED
    every = _one_by_one(once, workers, images, actors) | {
        first: Weights(workers, images, once.actors), second: Weights(workers, once.images, actors)}
    return {kind: every[kind] for kind in kinds}


def _one_by_one(once: Weights, workers: Values, images: Values, actors: Values) -> dict[str, Weights]:
    """Weigh workers, images and actors each alone."""
    return {WORKERS: replace(once, workers=workers), IMAGES: replace(once, images=images),
            ACTORS: replace(once, actors=actors)}


def _freedom_of(matched: Matched, kind: str) -> int:
    """Degrees of freedom of a kind of resample; of crossed ones the fewer."""
    single = {WORKERS: matched.n_workers - 1, IMAGES: matched.actor.size - matched.actors.size,
              ACTORS: matched.actors.size - 1}
    return min(single[part] for part in CROSSED.get(kind, (kind,)))


def _lone_images(matched: Matched, kind: str) -> str:
    """Say why images within actors cannot be resampled, or give an empty text."""
    lone = int((matched.member.sum(axis=0) < 2).sum())
    if IMAGES not in kind or not lone:
        return ""
    return f"{counted(lone, 'actor')} with one image, whose images' spread is unknown"


def _one(kind: str, value: float, draws: dict[str, Values], without: dict[str, Values], matched: Matched,
         method: Method) -> dict[str, object]:
    """Make the row of one kind."""
    freedom, strata = _freedom_of(matched, kind), matched.actor if kind == IMAGES else None
    error = float(resampling.jackknife_standard_error(without[kind], strata=strata)) if kind in without else np.nan
    interval, variance = _interval(kind, value, draws, without, freedom, method)
    reason = _lone_images(matched, kind) or str(interval.reason.item())
    known = not reason
    return {"ci_low": float(interval.low) if known else np.nan, "ci_high": float(interval.high) if known else np.nan,
            "ci_method": interval.method, "standard_error": float(np.sqrt(variance)) if variance >= 0 else np.nan,
            "jackknife_error": error, "freedom": freedom, "n_undefined": int(interval.n_undefined), "reason": reason}


def _interval(kind: str, value: float, draws: dict[str, Values], without: dict[str, Values], freedom: int,
              method: Method) -> tuple[resampling.Interval, float]:
    """Make the interval of one kind; give the variance behind it or, for percentiles, of the draws."""
    variance = _variance(kind, draws, method)
    drawn = draws.get(kind, np.empty(0))
    undefined: NDArray[np.intp] = np.isnan(drawn).sum()
    plain = t_interval_of(value, variance, freedom=freedom, resampled=kind, level=resampling.LEVEL,
                          n_undefined=undefined, n_resamples=drawn.size, method="crossed t" if kind in CROSSED else "t")
    if method == "t":
        return plain, variance
    if kind not in (IMAGES, ACTORS) or freedom < resampling.FEWEST_ACTORS - 1:
        reason = ("draws in which workers come twice lie off the estimate: t intervals only" if WORKERS in kind
                  else plain.reason)
        nothing = np.array(np.nan)
        return resampling.Interval(nothing, nothing, method, kind, resampling.LEVEL, drawn.size, undefined,
                        np.array(reason, object)), variance
    if method == "percentile":
        return resampling.percentile_interval(drawn, resampled=kind), variance
    return resampling.bca_interval(value, drawn, without[kind], resampled=kind), variance


def _variance(kind: str, draws: dict[str, Values], method: Method) -> float:
    if kind not in CROSSED:
        return float(np.nanvar(draws[kind], ddof=1)) if draws[kind].size > 1 else np.nan
    if method != "t":
        return np.nan
    first, second = CROSSED[kind]
    return float(crossed_variance(draws[first], draws[second], draws[kind]))


@drawing
def share_of_ceiling(responses: Responses, images: pd.DataFrame, classifier_maps: xr.DataArray, *,
                     rng: np.random.Generator, nulls: Sequence[Null] = NULLS, sigma: float = 0.0,
                     units: Literal["actors", "images within actors"] = "actors",
                     n_resamples: int = 2000) -> xr.Dataset:
    """Share of the way from a null to the noise ceiling that the correlation with people's coverage reaches.

    Parameters
    ----------
    responses, images : DataFrame or DataArray, DataFrame
        Boxes, one a row, in pixels of the image as shown, or maps (response, y, x); one row an image, ``image``,
        ``actor``, ``height``, ``width``: as for `noise_ceiling`.
    classifier_maps : DataArray (image, y, x)
        Eager or dask.
    rng, sigma : Generator, float
        Draws the resamples; all maps are smoothed with a Gaussian of so many pixels of the grid, 0 for none.
    nulls : sequence of {"others' human maps", "others' classifier maps", "zero"}
        Scores of maps that know nothing of the image: the mean human heatmap of the other actors; the classifier's
        maps of the other actors (the mean over permutations of actors); and no correlation.
    units : {"actors", "images within actors"}
        What is crossed with workers for the population: actors, whole (the result speaks of actors like these), or
        images within actors (of these actors).
    n_resamples : int
        Of each kind. Score, nulls and ceiling are computed in the same resamples.

    Returns
    -------
    Dataset
        Over ``null`` and ``quantity`` (score, ceiling, null, score above null, ceiling above null, share): **value**,
        mean over actors, **ci_low**, **ci_high**, **ci_method**, **reason** why something is NaN. The share is the
        fourth over the fifth quantity: 1 for a perfect model, 0 at the null, below 0 under it; it is never clipped,
        and NaN where the interval of ceiling above null holds 0 or is undefined. With ``actor`` beside them:
        **actor_value**, **actor_ci_low**, **actor_ci_high**, **actor_reason**; over ``actor``: **actor_n** images and
        **actor_resampled**: workers and images within actors, or workers for an actor with fewer than eight images.
        Scalars **n** and **n_undefined** actors. attrs say what was resampled.

    Raises
    ------
    InputError
        If a column is missing, a response's image or a null is unknown, or no image has both responses and a map.

    Notes
    -----
    The ceiling is that of `noise_ceiling` without drawing splits: correlations of halves, stepped up, tend to it. It
    rests on pairs of different workers, so that copies of a worker in a resample are never agreement between workers.
    Images without score, null or ceiling are left out of all. Intervals are t intervals from `crossed_variance`, of
    the share Fieller's from the same.

    References
    ----------
    Schütt et al. (2023), doi:10.7554/eLife.82566; Fieller (1954), doi:10.1111/j.2517-6161.1954.tb00159.x
    """
    unknown = [Problem("nulls", repr(null), "some of " + ", ".join(NULLS)) for null in nulls if null not in NULLS]
    if unknown or not nulls:
        raise InputError(unknown or Problem("nulls", "none", "some of " + ", ".join(NULLS)))
    matched = match_responses(responses, images, classifier_maps, sigma=sigma)
    several = bool((matched.member.sum(axis=0) >= FEWEST_IMAGES).any())
    both = f"{WORKERS} and {units}"
    kinds = dict.fromkeys([WORKERS, units, both, *([IMAGES, f"{WORKERS} and {IMAGES}"] if several else [])])
    draws = Resampler(matched, nulls=nulls, ceiling=True).draws(
        {"observed": observed_weights(matched), **weights_of(matched, n_resamples, rng, kinds=tuple(kinds))})
    n = int((~np.isnan(draws["observed"][0][0, 0])).sum())
    return xr.Dataset(
        {**_over_nulls(matched, draws, len(nulls), (WORKERS, units, both)), "n": n,
         "n_undefined": matched.actors.size - n, "actor_n": ("actor", matched.member.sum(axis=0)),
         "actor_resampled": ("actor", [_kinds_of_actor(matched, at)[0][-1] for at in range(matched.actors.size)])},
        coords={"null": list(nulls), "quantity": list(QUANTITIES), "actor": matched.actors},
        attrs={"metric": "pearson", "sigma": float(sigma), "resampled": both, "level": resampling.LEVEL,
               "n_resamples": n_resamples, "n_images": len(matched.boxes), "n_left_out": matched.left_out})


def _over_nulls(matched: Matched, draws: dict[str, tuple[Values, Values]], n_nulls: int,
                kinds: tuple[str, ...]) -> dict[str, tuple[tuple[str, ...], NDArray[np.generic]]]:
    """Make the estimates over each null, of the population and of every actor."""
    tables: dict[str, tuple[tuple[str, ...], NDArray[np.generic]]] = {}
    whole, single = [], []
    actors = [_kinds_of_actor(matched, at) for at in range(matched.actors.size)]
    for null in range(n_nulls):
        rows = [0, 1, 2 + null]
        whole.append(_of_quantities(draws["observed"][1][rows, 0], tuple(draws[kind][1][rows] for kind in kinds),
                                _freedom_of(matched, kinds[-1]), kinds[-1], _lone_images(matched, kinds[-1])))
        single.append([_of_quantities(draws["observed"][0][rows, 0, at],
                                      tuple(draws[kind][0][rows][:, :, at] for kind in of_actor), freedom, of_actor[-1])
                       for at, (of_actor, freedom) in enumerate(actors)])
    for name in whole[0]:
        tables[name] = ("null", "quantity"), np.stack([one[name] for one in whole])
        tables[f"actor_{name}"] = ("null", "quantity", "actor"), np.stack(
            [np.stack([one[name] for one in of_null], axis=1) for of_null in single])
    return tables


def _kinds_of_actor(matched: Matched, at: int) -> tuple[list[str], int]:
    """Say what is resampled for one actor, and with how many degrees of freedom."""
    n_images = int(matched.member[:, at].sum())
    workers = [box.worker for box, actor in zip(matched.boxes, matched.actor.tolist(), strict=True) if actor == at]
    freedom = np.unique(np.concatenate(workers)).size - 1
    if n_images < FEWEST_IMAGES:
        return [WORKERS], freedom
    return [WORKERS, IMAGES, f"{WORKERS} and {IMAGES}"], min(freedom, n_images - 1)


def _of_quantities(observed: Values, draws: tuple[Values, ...], freedom: int, resampled: str, fixed: str = "") -> Table:
    """Estimates and intervals of all quantities, from score, ceiling and null: (3,), and draws (3, r) of each kind."""
    values, kinds = _SUMS @ observed, [_SUMS @ kind for kind in draws]
    crossed, n_resamples = len(kinds) == 3, draws[0].shape[1]
    variances = np.array([_variance_of(kinds, at) for at in range(len(_SUMS))])
    sums = t_interval_of(values, variances, freedom=freedom, resampled=resampled, level=resampling.LEVEL,
                         n_resamples=n_resamples, method="crossed t" if crossed else "t",
                         n_undefined=np.zeros(len(_SUMS), np.intp))
    ratio = fieller_interval(values[3], values[4], variances=(variances[3], variances[4], _covariance(kinds, 3, 4)),
                             freedom=freedom, resampled=resampled, n_resamples=n_resamples,
                             method="crossed Fieller" if crossed else "Fieller")
    above = bool(sums.low[4] > 0) and not fixed
    share = values[3] / values[4] if above else np.nan
    reasons = [fixed] * len(QUANTITIES) if fixed else [
        *sums.reason.tolist(), str(ratio.reason.item()) if above else _UNKNOWN]
    low, high = (np.where(bool(fixed), np.nan, np.append(a, b)) for a, b in (
        (sums.low, ratio.low), (sums.high, ratio.high)))
    return {"value": np.append(values, share), "ci_low": low, "ci_high": high,
            "ci_method": np.array([sums.method] * len(_SUMS) + [ratio.method]), "reason": np.array(reasons)}


def _variance_of(kinds: list[Values], at: int) -> float:
    if len(kinds) == 3:
        return float(crossed_variance(*(kind[at] for kind in kinds)))
    return _covariance(kinds, at, at)


def _covariance(kinds: list[Values], one: int, other: int) -> float:
    """Covariance; of crossed kinds with the correlation that 2 (C_workers + C_units) - C_both gives."""
    if len(kinds) < 3:
        defined = ~np.isnan(kinds[0][one] + kinds[0][other])
        return float(np.cov(kinds[0][one][defined], kinds[0][other][defined])[0, 1]) if defined.sum() > 1 else np.nan
    workers, units, both = kinds
    raw = [float(crossed_covariance((workers[a], units[a], both[a]), (workers[b], units[b], both[b])))
           for a, b in ((one, other), (one, one), (other, other))]
    if not (raw[1] > 0 and raw[2] > 0):
        return np.nan
    return raw[0] * float(np.sqrt(_variance_of(kinds, one) / raw[1] * _variance_of(kinds, other) / raw[2]))
