"""How far a score lies on the way from a null to the ceiling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from salcompare.errors import InputError, Problem, drawing
from salcompare.statistics.ceilings.draws import Resampler
from salcompare.statistics.ceilings.material import Material, gather_material
from salcompare.statistics.ceilings.nulls import BASELINES, Null
from salcompare.statistics.ceilings.resampled import (
    IMAGES,
    WORKERS,
    freedom_of,
    lone_images,
    observed_weights,
    weights_of,
)
from salcompare.statistics.inference.crossed import crossed_covariance, crossed_variance, t_interval_of
from salcompare.statistics.inference.ratio import fieller_interval
from salcompare.statistics.inference.resampling import LEVEL
from salcompare.statistics.kernels import Values
from salcompare.statistics.overlaps.pairing_intervals import FEWEST_IMAGES
from salcompare.statistics.responses import Responses

QUANTITIES = ("score", "ceiling", "null", "score above null", "ceiling above null", "share")
NULLS: tuple[Null, ...] = tuple(BASELINES)
_SUMS = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, -1], [0, 1, -1]])  # of score, ceiling, null
_UNKNOWN = "whether the ceiling is above the null is not known: its interval holds 0 or is undefined"
Table = dict[str, NDArray[np.generic]]


@drawing
def share_of_ceiling(responses: Responses, images: pd.DataFrame, classifier_maps: xr.DataArray, *,
                     rng: np.random.Generator, nulls: Sequence[Null] = NULLS, sigma: float = 0.0,
                     units: Literal["actors", "images within actors"] = "actors",
                     n_resamples: int = 2000) -> xr.Dataset:
    """Share of the way from a null to the noise ceiling that the correlation with people's coverage reaches.

    Parameters
    ----------
    responses : DataFrame or DataArray
        One row a box: ``image``, ``worker``, ``x0, y0, x1, y1`` in pixels of the image as shown, half-open. Or maps
        (response, y, x) on the grid with coordinates ``image``, ``actor`` and ``worker``, of gaze or ready-made.
    images : DataFrame
        One row an image: ``image``, ``actor``, ``height``, ``width``.
    classifier_maps : DataArray (image, y, x)
        Eager or dask.
    rng : Generator
        Draws the resamples.
    nulls : sequence of {"others' human maps", "others' classifier maps", "zero"}
        Scores of maps that know nothing of the image: the mean human heatmap of the other actors; the classifier's
        maps of the other actors (the mean over permutations of actors); and no correlation.
    sigma : float
        Coverage and classifier maps are smoothed with a Gaussian of so many pixels of the grid; 0 for none.
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
    material = gather_material(responses, images, classifier_maps, sigma=sigma)
    several = bool((material.member.sum(axis=0) >= FEWEST_IMAGES).any())
    both = f"{WORKERS} and {units}"
    kinds = dict.fromkeys([WORKERS, units, both, *([IMAGES, f"{WORKERS} and {IMAGES}"] if several else [])])
    draws = Resampler(material, nulls=nulls, ceiling=True).draws(
        {"observed": observed_weights(material), **weights_of(material, n_resamples, rng, kinds=tuple(kinds))})
    n = int((~np.isnan(draws["observed"][0][0, 0])).sum())
    return xr.Dataset(
        {**_over_nulls(material, draws, len(nulls), (WORKERS, units, both)), "n": n,
         "n_undefined": material.actors.size - n, "actor_n": ("actor", material.member.sum(axis=0)),
         "actor_resampled": ("actor", [_kinds_of_actor(material, at)[0][-1] for at in range(material.actors.size)])},
        coords={"null": list(nulls), "quantity": list(QUANTITIES), "actor": material.actors},
        attrs={"metric": "pearson", "sigma": float(sigma), "resampled": both, "level": LEVEL,
               "n_resamples": n_resamples, "n_images": len(material.boxes), "n_left_out": material.left_out})


def _over_nulls(material: Material, draws: dict[str, tuple[Values, Values]], n_nulls: int,
                kinds: tuple[str, ...]) -> dict[str, tuple[tuple[str, ...], NDArray[np.generic]]]:
    """Make the estimates over each null, of the population and of every actor."""
    found: dict[str, tuple[tuple[str, ...], NDArray[np.generic]]] = {}
    whole, single = [], []
    for null in range(n_nulls):
        rows = [0, 1, 2 + null]
        whole.append(_intervals(draws["observed"][1][rows, 0], tuple(draws[kind][1][rows] for kind in kinds),
                                freedom_of(material, kinds[-1]), kinds[-1], lone_images(material, kinds[-1])))
        single.append([_of_actor(material, at, draws, rows) for at in range(material.actors.size)])
    for name in whole[0]:
        found[name] = ("null", "quantity"), np.stack([one[name] for one in whole])
        found[f"actor_{name}"] = ("null", "quantity", "actor"), np.stack(
            [np.stack([one[name] for one in actors], axis=1) for actors in single])
    return found


def _kinds_of_actor(material: Material, at: int) -> tuple[list[str], int]:
    """Say what is resampled for one actor, and with how many degrees of freedom."""
    n_images = int(material.member[:, at].sum())
    own = [box.worker for box, actor in zip(material.boxes, material.actor.tolist(), strict=True) if actor == at]
    freedom = np.unique(np.concatenate(own)).size - 1
    if n_images < FEWEST_IMAGES:
        return [WORKERS], freedom
    return [WORKERS, IMAGES, f"{WORKERS} and {IMAGES}"], min(freedom, n_images - 1)


def _of_actor(material: Material, at: int, draws: dict[str, tuple[Values, Values]], rows: list[int]) -> Table:
    kinds, freedom = _kinds_of_actor(material, at)
    return _intervals(draws["observed"][0][rows, 0, at], tuple(draws[kind][0][rows][:, :, at] for kind in kinds),
                      freedom, kinds[-1], "")


def _intervals(observed: Values, draws: tuple[Values, ...], freedom: int, resampled: str, fixed: str) -> Table:
    """Estimates and intervals of all quantities, from score, ceiling and null: (3,), and draws (3, r) of each kind."""
    values, kinds = _SUMS @ observed, [_SUMS @ kind for kind in draws]
    crossed, n_resamples = len(kinds) == 3, draws[0].shape[1]
    variances = np.array([_variance(kinds, at) for at in range(len(_SUMS))])
    sums = t_interval_of(values, variances, freedom=freedom, resampled=resampled, level=LEVEL, n_resamples=n_resamples,
                         method="crossed t" if crossed else "t", n_undefined=np.zeros(len(_SUMS), np.intp))
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


def _variance(kinds: list[Values], at: int) -> float:
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
    return raw[0] * float(np.sqrt(_variance(kinds, one) / raw[1] * _variance(kinds, other) / raw[2]))
