"""How well a perfect model could agree with people, and what share of that maps reach: one number each for a study.

All follow from three sums over images: products of different workers' maps, which hold no noise on average; the energy
of the observed mean maps, which holds the workers' noise; and products of people's mean map with a map that is scored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy import stats

from salcompare.errors import InputError, Problem
from salcompare.maps import smooth
from salcompare.maps.checks import require_maps
from salcompare.statistics.inference.crossed import crossed_jackknife_variance
from salcompare.statistics.inference.resampling import FEWEST_ACTORS, LEVEL
from salcompare.statistics.kernels import Codes, Values, flat, is_constant, standardised
from salcompare.statistics.responses import ImageResponses, Responses, responses_by_image

RESAMPLED = "workers and actors"
NO_AGREEMENT = "different workers' maps do not correlate positively"
QUANTITIES = ("score", "share", "share above null", "mean score", "mean score above null")
"""Of a scored map."""


def noise_ceiling(responses: Responses, images: pd.DataFrame, *, size: tuple[int, int],
                  sigma: float = 0.0) -> xr.Dataset:
    """Pooled ceiling of the Pearson correlation with people's coverage.

    Parameters
    ----------
    responses : DataFrame or DataArray
        One row a box: ``image``, ``worker``, ``x0, y0, x1, y1`` in pixels of the image as shown, half-open. Or maps
        (response, y, x) on the grid with coordinates ``image``, ``actor`` and ``worker``, of gaze or ready-made.
    images : DataFrame
        One row an image: ``image``, ``actor``, ``height``, ``width``.
    size : (int, int)
        Height and width of the grid.
    sigma : float
        Responses are smoothed with a Gaussian of so many pixels of the grid, as the maps that are scored are; 0 for
        none.

    Returns
    -------
    Dataset
        Scalars: **value**, the correlation that the map which endlessly many workers would make has with the observed
        one, in (0, 1]; **ci_low**, **ci_high**, **standard_error**; **n** actors, **n_images**, **n_workers**;
        **n_undefined**, images left out because fewer than two workers responded to them; **products** and **energy**,
        whose ratio's root it is; **reason** why something is NaN. attrs **ci_method** and **resampled**.

    Raises
    ------
    InputError
        If a column is missing or a response's image is unknown.

    Notes
    -----
    See `pooled_ceiling`. Smoothed boxes are products of their sides, so inner products follow from these, and no map is
    drawn.
    """
    by_image = responses_by_image(responses, images, size=size, sigma=sigma)
    result = pooled_ceiling(*_about(by_image, images)).assign_attrs(metric="pearson", sigma=float(sigma))
    return result.rename(ceiling="value")


def share_of_ceiling(responses: Responses, images: pd.DataFrame, maps: Mapping[str, xr.DataArray], *,
                     sigma: float = 0.0, given: xr.DataArray | None = None) -> xr.Dataset:
    """Pooled correlation of maps with people's coverage, and the share of the ceiling that it is.

    Parameters
    ----------
    responses, images, sigma
        As for `noise_ceiling`; the maps are smoothed likewise.
    maps : mapping of str to DataArray (image, y, x)
        By name, on one grid, eager or dask. The first is the null: maps that know nothing of the image, such as a
        centred blob. What is compared are the images that all of them and the responses have. Of an image that comes
        several times, such as with maps of several random networks, the scores are averaged.
    given : DataArray (y, x), optional
        A map that is taken out of both sides, smoothed, by least squares, so that correlations are partial.

    Returns
    -------
    Dataset
        Over ``source`` (the names) and ``quantity`` (score, share, share above null, mean score, mean score above
        null): **value**, **ci_low**, **ci_high**, **standard_error**. Over ``source``: **cross**, the mean product with
        people's mean map. Scalars **ceiling**, **ceiling_ci_low**, **ceiling_ci_high**,
        **ceiling_standard_error**, and **n** and the others as `noise_ceiling` gives them.

    Raises
    ------
    InputError
        If a column is missing, a response's image is unknown, or no image has responses and all maps.

    Notes
    -----
    Score = sum C / sqrt(sum O x sum I), with C the product of people's mean map and the scored one, O and I the
    energies of both. Scored maps are brought to mean 0 and energy 1 on each image, as their scale says nothing. Share =
    score / ceiling = sum C / sqrt(sum U x sum I), U being products of different workers: the correlation with what
    endlessly many workers would make (Spearman 1904). The true maps, so scaled, reach the mean of their norms over the
    root mean square of these, just below 1. The mean score is the mean over actors of their images' mean correlation,
    as `overlap` gives it; NaN where people's map of an image is constant. Intervals as for `pooled_ceiling`, with the
    maps taken as given.

    References
    ----------
    Spearman (1904), doi:10.2307/1412159; Owen (2007), doi:10.1214/07-AOAS122
    """
    for name, one in maps.items():
        require_maps(one, f"maps of {name}", dims=("image", "y", "x"))
    first = next(iter(maps.values()))
    by_image = responses_by_image(responses, images, size=(first.sizes["y"], first.sizes["x"]), sigma=sigma)
    common = {image: boxes for image, boxes in by_image.items()
              if all((one["image"] == image).any() for one in maps.values())}
    out = None if given is None else _unit(given.transpose("y", "x").to_numpy()[np.newaxis])[0]
    crosses = zip(*(_crosses(common, one, sigma, out) for one in maps.values()), strict=True)
    each = {image: np.stack(cross, axis=1) for image, cross in zip(common, crosses, strict=True)}
    kept = {image: boxes for image, boxes in common.items() if np.isfinite(each[image]).all()}
    if not kept:
        raise InputError(Problem("maps", "no image with responses and maps that are not constant", "at least one",
                                 "give all the same image ids"))
    products, workers, actors = _about(kept, images)
    if out is not None:
        products = [product - np.outer(with_out, with_out) for product, with_out in zip(
            products, (boxes.products_with_map(out) for boxes in kept.values()), strict=True)]
    result = pooled_ceiling(products, workers, actors, [each[image] for image in kept])
    of_ceiling = {name: f"ceiling_{name}" for name in ("ci_low", "ci_high", "standard_error")}
    return result.rename(of_ceiling).rename(
        {name: name.removeprefix("source_") for name in map(str, result.data_vars) if name.startswith("source_")},
    ).assign_coords(source=list(maps)).assign_attrs(metric="pearson", sigma=float(sigma), null=next(iter(maps)))


def _about(by_image: Mapping[str, ImageResponses], images: pd.DataFrame) -> tuple[
        list[Values], list[Codes], list[str]]:
    """Inner products, workers and actor of each image."""
    actor_of = images.set_index("image")["actor"].astype(str)
    boxes = by_image.values()
    return [box.covariance for box in boxes], [box.worker for box in boxes], [actor_of[image] for image in by_image]


def _unit(maps: Values, out: Values | None = None) -> Values:
    """Bring maps (..., y, x) to mean 0 and energy 1, without what such a one (y, x) explains of them."""
    unit = standardised(flat(maps)) / np.sqrt(maps.shape[-2] * maps.shape[-1])
    if out is not None:
        unit -= (unit @ out.ravel())[..., np.newaxis] * out.ravel()
        norm = np.linalg.norm(unit, axis=-1, keepdims=True)
        unit /= np.where(norm > 1e-9, norm, np.nan)
    return np.asarray(unit.reshape(maps.shape))


def _crosses(by_image: Mapping[str, ImageResponses], maps: xr.DataArray, sigma: float,
             out: Values | None) -> Iterator[Values]:
    """Inner products of the responses to each image with its map of mean 0 and energy 1; NaN where that is constant."""
    names = maps["image"].to_numpy()
    for image, boxes in by_image.items():
        several = maps.isel(image=np.flatnonzero(names == image)).transpose("image", "y", "x").compute().astype(float)
        unit = _unit(smooth(several, sigma=sigma).to_numpy(), out)
        unit[is_constant(flat(several.to_numpy()))[:, 0]] = np.nan
        yield boxes.products_with_map(unit.mean(axis=0))


def pooled_ceiling(products: Sequence[Values], workers: Sequence[Codes], actors: Sequence[str],
                   crosses: Sequence[Values] | None = None) -> xr.Dataset:
    """Root of the products of different workers' maps over the energy of the observed mean maps, both pooled.

    Parameters
    ----------
    products : sequence of array (response, response)
        For each image the inner products of its responses' maps, centred or with whatever else taken out of them that
        is linear in a map.
    workers : sequence of array (response,)
        For each image, who made the responses: codes from 0 that mean the same on all images.
    actors : sequence of str
        For each image, whom it shows.
    crosses : sequence of array (response, source), optional
        For each image the inner products of the responses' maps with maps of energy 1 that are scored, the null first.

    Returns
    -------
    Dataset
        Scalars **ceiling**, **ci_low**, **ci_high**, **standard_error**, **products** and **energy** (U and O below,
        unbiased), **n** actors, **n_images**, **n_workers**, **n_undefined** (images to which fewer than two workers
        responded, left out) and **reason** why something is NaN: different workers' maps do not correlate positively,
        or there are fewer than eight actors or workers. With crosses, over ``source``, **cross**, and over ``quantity``
        too **source_value**, **source_ci_low**, **source_ci_high** and **source_standard_error**.

    Notes
    -----
    C = sqrt(sum U / sum O): U is the mean product of two responses by different workers, O the squared norm of the mean
    map; images weigh the same within their actor, and actors in all. The root of pooled sums is nearly unbiased, where
    the mean of images' roots is not. Variance: delete-one jackknives over actors and over workers less that over what
    one worker did on one actor, not below that of actors; t with one degree of freedom less than there are actors, or
    workers if they are fewer.

    References
    ----------
    Spearman (1904), doi:10.2307/1412159; Schoppe et al. (2016), doi:10.3389/fncom.2016.00010; Owen (2007),
    doi:10.1214/07-AOAS122
    """
    several = [at for at, codes in enumerate(workers) if np.unique(codes).size > 1]
    n_sources = crosses[0].shape[1] if crosses else 0
    parts, values, errors = np.full(2 + 2 * n_sources, np.nan), *np.full((2, 1 + len(QUANTITIES) * n_sources), np.nan)
    n_actors = n_workers = 0
    if several:
        rows = _by_worker([products[at] for at in several], [workers[at] for at in several],
                          [crosses[at] if crosses else np.empty((len(workers[at]), 0)) for at in several])
        actor = np.unique([actors[at] for at in several], return_inverse=True)[1].astype(np.intp)
        n_actors, n_workers = int(actor.max()) + 1, int(rows.worker.max()) + 1
        parts, variance = _estimates(rows, actor, n_actors, n_workers)
        values, errors = _of_sums(parts[:, np.newaxis])[:, 0], np.sqrt(variance)
    few = min(n_actors, n_workers) < FEWEST_ACTORS
    half = np.where(few, np.nan, stats.t.ppf((1 + LEVEL) / 2, max(min(n_actors, n_workers) - 1, 1)) * errors)
    reason = NO_AGREEMENT if np.isnan(values[0]) else f"fewer than {FEWEST_ACTORS} actors or workers" if few else ""
    if not several:
        reason = "no image has responses by two workers"
    tables = {"": values, "ci_low": values - half, "ci_high": values + half, "standard_error": errors}
    of_sources = {f"source_{name or 'value'}": (("quantity", "source"), table[1:].reshape(len(QUANTITIES), n_sources))
                  for name, table in tables.items()} | {"cross": ("source", parts[2:2 + n_sources])} if crosses else {}
    return xr.Dataset(
        {**{name or "ceiling": float(table[0]) for name, table in tables.items()}, **of_sources,
         "products": parts[0], "energy": parts[1], "n": n_actors, "n_images": len(several),
         "n_workers": n_workers, "n_undefined": len(workers) - len(several),
         "reason": reason}, coords={"quantity": list(QUANTITIES)} if crosses else {},
        attrs={"ci_method": "jackknife", "resampled": RESAMPLED, "level": LEVEL})


@dataclass(frozen=True)
class _Rows:
    """What each worker made of each image, one row both."""

    image: Codes  # (row,)
    worker: Codes  # (row,)
    parts: Values  # (4 + source, row): responses, energy of their sum, its product with the image's sum, with the maps


def _by_worker(products: Sequence[Values], workers: Sequence[Codes], crosses: Sequence[Values]) -> _Rows:
    rows = []
    for image, (product, codes, cross) in enumerate(zip(products, workers, crosses, strict=True)):
        names, of_worker = np.unique(codes, return_inverse=True)
        member = (np.arange(names.size)[:, np.newaxis] == of_worker).astype(float)
        together = member @ product
        rows.append(np.column_stack([np.full(names.size, image), names, member.sum(axis=1),
                                     np.einsum("wr,wr->w", together, member), together.sum(axis=1), member @ cross]).T)
    every = np.concatenate(rows, axis=1)
    worker = np.unique(every[1], return_inverse=True)[1]
    return _Rows(every[0].astype(np.intp), worker.astype(np.intp), every[2:])


def _image_values(totals: Values) -> Values:
    """Products of different workers, energy, and products and correlations with maps of each image.

    NaN with fewer than two workers.

    `totals` (4 + source, ...) are responses, the sum of each worker's squared, the energy of the sum of all maps, that
    of each worker's summed over workers, and the products of the sum with the scored maps.
    """
    n, squares, energy, of_workers, *crosses = totals
    pairs = np.where(n**2 - squares > 0, n**2 - squares, np.nan)
    n = np.where(np.isnan(pairs), np.nan, n)
    norm = np.sqrt(np.where(energy > 1e-12 * energy.max(), energy, np.nan))  # not of a constant map
    return np.stack([(energy - of_workers) / pairs, energy / n**2, *(cross / n for cross in crosses),
                     *(cross / norm for cross in crosses)])


def _of_sums(sums: Values) -> Values:
    """Ceiling, and `QUANTITIES` of each source, from pooled values (2 + 2 source, ...)."""
    products, energy = sums[:2]
    crosses, means = np.split(sums[2:], 2)
    products = np.where(products > 1e-12 * energy, products, np.nan)
    shares = crosses / np.sqrt(products)
    return np.concatenate([np.sqrt(products / energy)[np.newaxis], crosses / np.sqrt(energy), shares,
                           shares - shares[:1], means, means - means[:1]])


def _estimates(rows: _Rows, actor: Codes, n_actors: int, n_workers: int) -> tuple[Values, Values]:
    """Pooled values (2 + 2 source,), and the variances (1 + 5 source,) of what follows from them."""
    count, energy, with_all, *crosses = rows.parts
    totals = _added(np.stack([count, count**2, with_all, energy, *crosses]), rows.image, actor.size)
    gone = np.stack([count, count**2, 2 * with_all - energy, energy, *crosses])
    values, left = _image_values(totals), _image_values(totals[:, rows.image] - gone)
    sums, n = _added(values, actor, n_actors), np.bincount(actor, minlength=n_actors)
    means = sums / n
    total = means.sum(axis=1, keepdims=True)
    # A cell is a worker and an actor; what is left of the actor's mean without it, if anything is.
    cell, of_row = np.unique(rows.worker * n_actors + actor[rows.image], return_inverse=True)
    worker_of, actor_of = np.divmod(cell, n_actors)
    there = ~np.isnan(left[0])
    n_left = n[actor_of] - np.bincount(of_row, ~there, cell.size)
    changed = _added(np.where(there, left, 0) - values[:, rows.image], of_row, cell.size)
    without = np.where(n_left > 0, (sums[:, actor_of] + changed) / np.maximum(n_left, 1), 0) - means[:, actor_of]
    lost = (n_left == 0).astype(float)
    leave_one_out = (
        _ratio(total - means, np.full(n_actors, n_actors - 1.0)),
        _ratio(total + _added(without, worker_of, n_workers), n_actors - np.bincount(worker_of, lost, n_workers)),
        _ratio(total + without, n_actors - lost))
    variance = crossed_jackknife_variance(*(_of_sums(means_left).T for means_left in leave_one_out))
    return means.mean(axis=1), variance


def _ratio(sums: Values, n: NDArray[np.float64] | NDArray[np.int64]) -> Values:
    """Divide (k, ...) by how many actors are left (...); NaN where none is."""
    return np.asarray(sums / np.where(n > 0, n, np.nan))


def _added(values: Values, codes: Codes, size: int) -> Values:
    """Sum values (k, ...) by code: (k, size)."""
    return np.stack([np.bincount(codes, row, size) for row in values])
