"""How far a score lies on the way from a null to the ceiling."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr

from salcompare.statistics.ceilings.draws import Resampler
from salcompare.statistics.ceilings.material import Material, gather_material
from salcompare.statistics.ceilings.nulls import Null
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

QUANTITIES = ("score", "null", "ceiling", "score above null", "ceiling above null", "share")
_SUMS = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, -1, 0], [0, -1, 1]])  # of score, null, ceiling
_UNKNOWN = "whether the ceiling is above the null is not known: its interval holds 0 or is undefined"


def share_of_ceiling(responses: pd.DataFrame, images: pd.DataFrame, classifier_maps: xr.DataArray, *,
                     rng: np.random.Generator, null: Null = "others' human maps", sigma: float = 0.0,
                     units: Literal["actors", "images within actors"] = "actors",
                     n_resamples: int = 2000) -> xr.Dataset:
    """Share of the way from a null to the noise ceiling that the correlation with people's coverage reaches.

    Parameters
    ----------
    responses : DataFrame
        One row a box: ``image``, ``worker``, ``x0, y0, x1, y1`` in pixels of the image as shown, half-open.
    images : DataFrame
        One row an image: ``image``, ``actor``, ``height``, ``width``.
    classifier_maps : DataArray (image, y, x)
        Eager or dask.
    rng : Generator
        Draws the resamples.
    null : {"others' human maps", "others' classifier maps", "zero"}
        Score of a map that knows nothing of the image: the mean human heatmap of the other actors; the classifier's
        maps of the other actors (the mean over permutations of actors); or no correlation.
    sigma : float
        Coverage and classifier maps are smoothed with a Gaussian of so many pixels of the grid; 0 for none.
    units : {"actors", "images within actors"}
        What is crossed with workers for the population: actors, whole (the result speaks of actors like these), or
        images within actors (of these actors).
    n_resamples : int
        Of each kind. Score, null and ceiling are computed in the same resamples.

    Returns
    -------
    Dataset
        Over ``quantity`` (score, null, ceiling, score above null, ceiling above null, share): **value**, mean over
        actors, **ci_low**, **ci_high**, **ci_method**, **reason** why something is NaN. The share is the fifth
        quantity's part that the fourth is: 1 for a perfect model, 0 at the null, below 0 under it; it is never
        clipped, and NaN where the interval of ceiling above null holds 0 or is undefined. Over ``quantity`` and
        ``actor``: **actor_value**, **actor_ci_low**, **actor_ci_high**, **actor_reason**; over ``actor``:
        **actor_n** images and **actor_resampled**: workers and images within actors, or workers for an actor with
        fewer than eight images. Scalars **n** and **n_undefined** actors. attrs name the null and what was resampled.

    Raises
    ------
    InputError
        If a column is missing, a response's image is unknown, or no image has both responses and a map.

    Notes
    -----
    The ceiling is that of `noise_ceiling` without drawing splits: correlations of halves, stepped up, tend to it. It
    rests on pairs of different workers, so that copies of a worker in a resample are never agreement between workers.
    Images without score, null or ceiling are left out of all three. Intervals are t intervals from
    `crossed_variance`, of the share Fieller's from the same.

    References
    ----------
    Schütt et al. (2023), doi:10.7554/eLife.82566; Fieller (1954), doi:10.1111/j.2517-6161.1954.tb00159.x
    """
    material = gather_material(responses, images, classifier_maps, sigma=sigma)
    several = bool((material.member.sum(axis=0) >= FEWEST_IMAGES).any())
    both = f"{WORKERS} and {units}"
    kinds = dict.fromkeys([WORKERS, units, both, *([IMAGES, f"{WORKERS} and {IMAGES}"] if several else [])])
    draws = Resampler(material, null=null, ceiling=True).draws(
        {"observed": observed_weights(material), **weights_of(material, n_resamples, rng, kinds=tuple(kinds))})
    of_actors, of_all = draws["observed"]
    fixed = lone_images(material, both)
    whole = _intervals(of_all[:, 0], tuple(draws[kind][1] for kind in (WORKERS, units, both)),
                       freedom_of(material, both), both, fixed)
    actors = [_of_actor(material, at, draws) for at in range(material.actors.size)]
    per_actor = {f"actor_{name}": (("quantity", "actor"), np.stack([one[name] for one, _ in actors], axis=1))
                 for name in ("value", "ci_low", "ci_high", "reason")}
    n = int((~np.isnan(of_actors[0, 0])).sum())
    return xr.Dataset(
        {**{name: ("quantity", values) for name, values in whole.items()}, **per_actor, "n": n,
         "n_undefined": material.actors.size - n, "actor_n": ("actor", material.member.sum(axis=0)),
         "actor_resampled": ("actor", [kind for _, kind in actors])},
        coords={"quantity": list(QUANTITIES), "actor": material.actors},
        attrs={"metric": "pearson", "sigma": float(sigma), "null": null, "resampled": both, "level": LEVEL,
               "n_resamples": n_resamples, "n_images": len(material.boxes), "n_left_out": material.left_out})


def _of_actor(material: Material, at: int, draws: dict[str, tuple[Values, Values]]) -> tuple[dict[str, Values], str]:
    """Make one actor's estimates, and say what was resampled for them."""
    n_images = int(material.member[:, at].sum())
    own = [box.worker for box, actor in zip(material.boxes, material.actor.tolist(), strict=True) if actor == at]
    freedom = np.unique(np.concatenate(own)).size - 1
    kinds = [WORKERS]
    if n_images >= FEWEST_IMAGES:
        kinds, freedom = [WORKERS, IMAGES, f"{WORKERS} and {IMAGES}"], min(freedom, n_images - 1)
    found = _intervals(draws["observed"][0][:, 0, at], tuple(draws[kind][0][:, :, at] for kind in kinds), freedom,
                       kinds[-1], "")
    return found, kinds[-1]


def _intervals(observed: Values, draws: tuple[Values, ...], freedom: int, resampled: str,
               fixed: str) -> dict[str, Values]:
    """Estimates and intervals of all quantities, from score, null and ceiling: (3,), and draws (3, r) of each kind."""
    values, kinds = _SUMS @ observed, [_SUMS @ kind for kind in draws]
    crossed = len(kinds) == 3
    method = "crossed " if crossed else ""
    variances = np.array([_variance(kinds, at) for at in range(len(_SUMS))])
    sums = t_interval_of(values, variances, freedom=freedom, resampled=resampled, level=LEVEL,
                         n_resamples=draws[0].shape[1], method="crossed t" if crossed else "t",
                         n_undefined=np.zeros(len(_SUMS), np.intp))
    ratio = fieller_interval(values[3], values[4], variances=(variances[3], variances[4], _covariance(kinds, 3, 4)),
                             freedom=freedom, resampled=resampled, n_resamples=draws[0].shape[1],
                             method="crossed Fieller" if crossed else "Fieller")
    above = bool(sums.low[4] > 0) and not fixed
    share = values[3] / values[4] if above else np.nan
    reasons = [*sums.reason.tolist(), str(ratio.reason.item()) if above else _UNKNOWN]
    lost = np.array([bool(fixed)] * len(QUANTITIES))
    low, high = (np.where(lost, np.nan, np.append(a, b)) for a, b in ((sums.low, ratio.low), (sums.high, ratio.high)))
    return {"value": np.append(values, share), "ci_low": low, "ci_high": high,
            "ci_method": np.array([f"{method}t"] * len(_SUMS) + [f"{method}Fieller"], object),
            "reason": np.array([fixed] * len(QUANTITIES) if fixed else reasons, object)}


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
