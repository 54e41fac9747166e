"""Do workers agree in their boxes: how far two boxes of an image overlap, and Krippendorff's alpha of that distance."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from salcompare.errors import drawing
from salcompare.statistics.agreements.judged import Judged, judged_responses, ratio
from salcompare.statistics.inference.crossed import crossed_interval, t_interval_of
from salcompare.statistics.inference.resampling import LEVEL, Interval, bootstrap_weights
from salcompare.statistics.kernels import Values
from salcompare.statistics.labels.agreement import too_few_images

QUANTITIES = ("alpha", "likeness")
_BOTH, _WORKERS = "workers and images within actors", "workers"


@drawing
def pairwise_agreement(
    responses: pd.DataFrame, images: pd.DataFrame, *, of: Literal["boxes", "labels"] = "boxes",
    rng: np.random.Generator, n_resamples: int = 2000,
) -> xr.Dataset:
    """Estimate how far workers agree on an image, an actor's images and all: likeness of two responses, and alpha.

    Parameters
    ----------
    responses : DataFrame
        One row a box: columns ``worker``, ``image``, and ``x0, y0, x1, y1`` in pixels of the image, or ``label``.
    images : DataFrame
        Columns ``image``, ``actor``, and for boxes ``height`` and ``width``.
    of : {"boxes", "labels"}
        Two boxes are as alike as their IoU; two labels are alike (1) or not (0).
    rng : Generator
        Draws the resamples.
    n_resamples : int
        Resamples of workers, of images, and of both.

    Returns
    -------
    Dataset
        Along ``quantity``: **likeness**, the mean over pairs of workers of an image (the mean IoU), over an actor's
        images, and over actors; **alpha**, 1 - observed / expected distance, where the distance of two responses is 1 -
        likeness. ``value``, ``ci_low``, ``ci_high``, ``reason`` (quantity) of all; ``actor_...`` (quantity, actor) and
        ``image_...`` (quantity, image) of each. ``n`` and ``actor_n`` count images with two workers, ``n_undefined``
        images with one, ``image_n`` workers, ``n_workers`` all workers. Undefined is NaN with a reason;
        alpha also where one image alone has two workers, whose own responses would be its chance.

    Raises
    ------
    InputError
        If a column is missing, there is no response, or a response is to an unknown image.

    Notes
    -----
    The expected distance is that of any two responses, of whatever workers and images, in shares of the image's width
    and height. It is the same for actors and images, so that alpha of all is the mean of the images' weighted by their
    workers, and an image's may be below 0. A worker with several responses on an image counts once, with the mean over
    them, and does not agree with himself. With 0 and 1 for distances and one response a worker and image, alpha is
    Krippendorff's nominal one.

    The interval of all is that of `worker_agreement`: workers and images within actors both random. Intervals of an
    actor, of an image, and of all where there is one image, are t intervals over workers, the images given.

    References
    ----------
    Krippendorff (2004), Content Analysis, 2nd ed., chapter 11; Schütt et al. (2023), doi:10.7554/eLife.82566
    """
    judged = judged_responses(responses, images, of)
    mean_distances = judged.mean_distances()
    ones = np.ones((1, judged.n_workers)), np.ones((1, judged.n_images))
    observed = judged.observed(ones[0])
    several = (judged.workers_of_images > 1).sum() > 1  # else what is expected is what is seen

    def expected(of_workers: Values, of_images: Values) -> Values:
        """Mean distance of any two responses; unknown where it is that of one image alone."""
        found = judged.expected(mean_distances, of_workers, of_images)
        return found if several else np.full_like(found, np.nan)

    point = _Estimates.of(judged, observed, ones[1], expected(*ones))
    workers = bootstrap_weights(judged.n_workers, n_resamples, rng, fewer=1)
    weights = bootstrap_weights(judged.n_images, n_resamples, rng, strata=judged.actor, fewer=1)
    resampled = judged.observed(workers)
    draws = [_Estimates.of(judged, seen, of_images, expected(of_workers, of_images))
             for seen, of_workers, of_images in ((resampled, workers, ones[1]), (observed, ones[0], weights),
                                                 (resampled, workers, weights))]
    return _dataset(judged, point, draws, images)


@dataclass(frozen=True)
class _Estimates:
    """alpha and likeness, of all (resample, quantity), of actors (..., actor) and of images (..., image)."""

    value: Values
    actor: Values
    image: Values

    @classmethod
    def of(cls, judged: Judged, observed: tuple[Values, Values], images: Values, expected: Values) -> _Estimates:
        """Put together from observed and expected distances and weights (resample, image)."""
        distances, sizes = observed
        used = images * ~np.isnan(distances)
        filled = np.nan_to_num(distances)
        to_actor = (judged.actor[:, np.newaxis] == np.arange(judged.actor.max() + 1)).astype(float)
        chance = np.where(expected > 1e-12, expected, np.nan)[:, np.newaxis]
        apart, workers = used * sizes * filled, used * sizes
        of_actors = 1 - ratio(apart @ to_actor, workers @ to_actor) / chance
        like = 1 - ratio((used * filled) @ to_actor, used @ to_actor)
        alpha = 1 - ratio(apart.sum(axis=1), workers.sum(axis=1)) / chance[:, 0]
        both = np.broadcast_arrays(1 - distances / chance, 1 - distances)
        present = ~np.isnan(like)
        mean = ratio(np.nan_to_num(like).sum(axis=1), present.sum(axis=1).astype(float))
        return cls(np.stack(np.broadcast_arrays(alpha, mean), axis=1),
                   np.stack(np.broadcast_arrays(of_actors, like), axis=1), np.stack(both, axis=1))


def _dataset(judged: Judged, point: _Estimates, draws: list[_Estimates], images: pd.DataFrame) -> xr.Dataset:
    sizes = judged.workers_of_images
    paired = sizes > 1
    actors = np.unique(images.loc[images["image"].isin(judged.names), "actor"].to_numpy(str))
    seen = np.unique(np.column_stack([judged.actor[judged.image], judged.worker]), axis=0)
    workers_of_actors = np.bincount(seen[:, 0], minlength=len(actors))
    whole = _of_all(judged, point, draws)
    why = "all responses are alike" if paired.sum() > 1 else too_few_images(paired)
    of_actors = np.bincount(judged.actor[paired], minlength=len(actors))
    found = {"n": int(paired.sum()), "n_undefined": int((~paired).sum()), "n_workers": judged.n_workers,
             "actor_n": ("actor", of_actors), "image_n": ("image", sizes),
             **_columns("", ("quantity",), point.value[0], whole, why)}
    for level, units in (("actor", workers_of_actors), ("image", sizes)):
        values = getattr(point, level)[0]
        interval = _over_workers(values, getattr(draws[0], level), units)
        found |= _columns(f"{level}_", ("quantity", level), values, interval, "no two workers, or no chance distance")
    return xr.Dataset(found, {"quantity": list(QUANTITIES), "actor": actors, "image": judged.names}, {
        "ci_method": whole.method, "resampled": whole.resampled, "unit_ci_method": "t", "unit_resampled": _WORKERS,
        "n_resamples": len(draws[0].value)})


def _of_all(judged: Judged, point: _Estimates, draws: list[_Estimates]) -> Interval:
    """Give the intervals (quantity,) of all; a single image is given, so that workers alone are random."""
    if judged.n_images == 1:
        of_image = _over_workers(point.image[0], draws[0].image, judged.workers_of_images)
        return replace(of_image, **{name: getattr(of_image, name)[:, 0]
                                    for name in ("low", "high", "n_undefined", "reason")})
    freedom = min(judged.n_workers - 1, judged.n_images - len(np.unique(judged.actor)))
    return crossed_interval(point.value[0], *(draw.value for draw in draws), freedom=freedom, resampled=_BOTH)


def _over_workers(values: Values, draws: Values, workers: NDArray[np.intp]) -> Interval:
    """Give t intervals (quantity, unit) from draws (resample, quantity, unit), each with its own degrees of freedom."""
    defined = ~np.isnan(draws)
    n = defined.sum(axis=0)
    mean = np.where(defined, draws, 0).sum(axis=0) / np.maximum(n, 1)
    spread = (np.where(defined, draws - mean, 0)**2).sum(axis=0) / np.maximum(n - 1, 1)
    spread = np.where(2 * n >= len(draws), spread, np.nan)
    parts = [t_interval_of(values[:, at], spread[:, at], freedom=int(units) - 1, resampled=_WORKERS, level=LEVEL,
                           n_resamples=len(draws), method="t", n_undefined=len(draws) - n[:, at])
             for at, units in enumerate(workers)]
    low, high, reason = (np.stack([getattr(part, name) for part in parts], axis=1)
                         for name in ("low", "high", "reason"))
    return Interval(low, high, "t", _WORKERS, LEVEL, len(draws), len(draws) - n, reason)


def _columns(prefix: str, dims: tuple[str, ...], values: Values, interval: Interval, why: str,
             ) -> dict[str, tuple[tuple[str, ...], NDArray[np.generic]]]:
    reason = np.where(np.isnan(values), why, interval.reason.astype(str)).astype(object)
    return {f"{prefix}value": (dims, values), f"{prefix}ci_low": (dims, interval.low),
            f"{prefix}ci_high": (dims, interval.high), f"{prefix}reason": (dims, reason)}
