"""What variance is made of: of maps, actors and images; of people's boxes, workers and the rest besides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from scipy import stats

from salcompare.errors import InputError, Problem
from salcompare.statistics.inference import resampling
from salcompare.statistics.inference.permutation import exchangeability
from salcompare.statistics.kernels import Codes, Values
from salcompare.statistics.responses import (
    ImageResponses,
    Responses,
    joined,
    names_of,
    products_of,
    products_with_sums,
    responses_by_image,
)
from salcompare.statistics.variance.design import design_of, sample_of
from salcompare.statistics.variance.gram import gower_gram

COMPONENTS = ("actor", "image")
RESAMPLED = ("actors", "images")
RESPONSE_COMPONENTS = ("actor", "image", "worker", "residual")
RESPONSE_RESAMPLED = ("actors", "images", "workers", "actors and workers")


def variance_components(maps: xr.DataArray, by: str = "actor") -> xr.Dataset:
    """Split the variance of maps over actors and images within actors, pooled over pixels.

    Parameters
    ----------
    maps, by
        As for `variance_explained`, errors too.

    Returns
    -------
    Dataset
        - **variance** (component): expected squared distance that the component adds between two maps, halved and
          summed over pixels; unbiased, so that ``actor`` can be negative. There is one map an image, so ``image``
          holds what repeated measurement would show as residual: there is no residual of its own.
        - **share** (component): of their sum. ``actor`` is `variance_explained`'s between_actor_share.
        - **ci_low**, **ci_high** (component, resampled): 95% intervals of the shares by jackknife. ``actors``: of other
          actors, NaN below 8; ``images``: of these actors, NaN where one has fewer than 3 images. **ci_reason**
          (resampled).
        - **n_images**, **n_actors**, **n_undefined** (images left out).

    Notes
    -----
    Coverage of the intervals over actors by simulation, normal noise, shares from 0.1 to 0.7: 92 to 96% with 8, 17
    and 40 actors of 5 images.

    References
    ----------
    Searle, Casella & McCulloch (1992), Variance Components, doi:10.1002/9780470316856, chapter 3
    """
    stack, coordinates = sample_of(maps, by)
    codes = np.unique(coordinates[by], return_inverse=True)[1]
    n, g = len(codes), len(np.unique(codes))
    about = {"n_images": n, "n_actors": g, "n_undefined": stack.n_undefined}
    attrs = {"by": by, "left_out": stack.left_out, "ci_method": "jackknife", "reason": ""}
    coords = {"component": list(COMPONENTS), "resampled": list(RESAMPLED)}
    gram, negligible = gower_gram(stack, "euclidean")
    if g < 2 or n == g or np.trace(gram) <= negligible:
        return _undefined().assign(about).assign_coords(coords).assign_attrs(
            attrs, reason="too few images are left, or all maps are equal")
    design = design_of(gram, exchangeability(codes.tolist()), negligible)
    share, within = design.between_share()
    without = design.shares_without_class() if g >= resampling.FEWEST_ACTORS else np.full(g, np.nan)
    intervals = (resampling.jackknife_interval(share, without, resampled="actors"), resampling.jackknife_interval(
        share, design.shares_without_one(), resampled="images", strata=design.labels, of="spread"))
    low, high = (np.array([getattr(interval, end) for interval in intervals]) for end in ("low", "high"))
    return xr.Dataset({
        "variance": ("component", np.array([within * share / (1 - share), within])),
        "share": ("component", np.array([share, 1 - share])),
        "ci_low": (("component", "resampled"), np.stack([low, 1 - high])),
        "ci_high": (("component", "resampled"), np.stack([high, 1 - low])),
        "ci_reason": ("resampled", [str(interval.reason) for interval in intervals]), **about}, coords, attrs)


def _undefined() -> xr.Dataset:
    nothing = np.full((len(COMPONENTS), len(RESAMPLED)), np.nan)
    return xr.Dataset({
        "variance": ("component", nothing[:, 0]), "share": ("component", nothing[:, 0]),
        "ci_low": (("component", "resampled"), nothing), "ci_high": (("component", "resampled"), nothing),
        "ci_reason": ("resampled", ["no estimate"] * len(RESAMPLED))})


RELIABILITY = 0.8
"""To be reached, unless said."""


def design_reliability(shares: xr.DataArray, *, n_images: xr.DataArray | float,
                       n_workers: xr.DataArray | float) -> xr.DataArray:
    """Reliability of the differences between actors' heatmaps in studies of other sizes (a D-study).

    Parameters
    ----------
    shares : DataArray (component)
        As `response_variance_components` gives them, or variances; what chance made negative counts as 0.
    n_images, n_workers : DataArray or float
        Images of each actor, and workers who respond to an image, one box each; they broadcast by dim.

    Returns
    -------
    DataArray
        In [0, 1]: the correlation, pooled over pixels, of the actors' heatmaps less their mean with those of as many
        other images and workers: actor / (actor + image / n_images + (worker + residual) / (n_images n_workers)). NaN
        where actors do not differ. Workers are drawn anew for each image, so that they confound no actor.

    References
    ----------
    Brennan (2001), Generalizability Theory, doi:10.1007/978-1-4757-3456-0
    """
    actor, image, response = _parts(shares)
    return actor / (actor + image / n_images + response / (n_images * n_workers))


def workers_needed(shares: xr.DataArray, *, n_images: xr.DataArray, reliability: float = RELIABILITY) -> xr.DataArray:
    """Fewest workers an image with which `design_reliability` is reached; NaN where no number of them is enough."""
    actor, image, response = _parts(shares)
    room = n_images * actor * (1 - reliability) / reliability - image
    exact = (response / room.where(room > 0)).clip(min=1)
    return exact.copy(data=np.ceil(exact.to_numpy() - 1e-9))


def _parts(shares: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray, xr.DataArray]:
    """Actor (NaN unless above 0), image, and what differs between workers on an image."""
    actor, image, worker, residual = (shares.sel(component=name, drop=True).clip(min=0) for name in RESPONSE_COMPONENTS)
    return actor.where(actor > 0), image, worker + residual


_ROWS = 1024  # boxes that are compared with all of their worker's at a time


@dataclass(frozen=True)
class _Sums:
    """Halved squared distances between boxes, summed over pairs, with how many; rows are boxes, or images."""

    different: Values  # (row, image) pairs by different workers
    n_different: Values
    same: Values  # (row, image) pairs by one worker; of images the diagonal is not used
    n_same: Values

    def apply(self, change: Callable[[Values], Values]) -> _Sums:
        """Change every table."""
        return _Sums(*map(change, (self.different, self.n_different, self.same, self.n_same)))


@dataclass(frozen=True)
class _Boxes:
    """All boxes, images sorted by actor and boxes by image."""

    actor: Codes  # (image,)
    image: Codes  # (box,)
    worker: Codes  # (box,) 0 to w - 1
    sums: _Sums  # (box, image)


def response_variance_components(responses: Responses, images: pd.DataFrame, *, size: tuple[int, int],
                                 sigma: float = 0.0) -> xr.Dataset:
    """Split the variance of single boxes over actors, images within actors, workers and the rest, pooled over pixels.

    Parameters
    ----------
    responses, images, size
        As for `noise_ceiling`: boxes or maps, one row an image, and height and width of the grid.
    sigma : float
        Boxes are smoothed with a Gaussian of so many pixels of the grid; 0 for none.

    Returns
    -------
    Dataset
        - **variance** (component): what the component adds to half the expected squared distance between two boxes,
          summed over pixels; unbiased, so that one can be negative.
        - **share** (component): of their sum, half the expected squared distance between boxes of different workers
          on different actors.
        - **ci_low**, **ci_high** (component, resampled): 95% intervals of the shares by jackknife over ``actors``
          (with their images), ``images`` of these actors, ``workers`` (with their boxes), or ``actors and workers``:
          both variances added, which counts the residual's part twice and so is a little wide. NaN below 8 actors or
          workers, or where an actor has fewer than 3 images; **ci_reason** (resampled).
        - **n_responses**, **n_images**, **n_actors**, **n_workers**, **n_undefined** (responses left out: of images
          that one worker responded to, and of actors with one image left).

    Notes
    -----
    Model: box = mean + actor + image + worker + residual, uncorrelated, actors, images and workers drawn at random;
    workers cross images, each responding to some. Components are differences of mean distances: ``image``, between
    images of an actor less within an image, both by different workers; ``actor``, between actors less within; and
    ``worker``, on the same two images of different actors, by different workers less by the same. Images weigh the
    same within their actor, and actors in all. The residual is the rest, what a worker does on one image or one
    actor only included, since that can be told from chance only if a worker draws several boxes on an image. On
    balanced data the components are those of an analysis of variance. Inner products of boxes follow from their
    sides, and no map is drawn unless photographs are aligned. Where all boxes are the same, shares are NaN.

    References
    ----------
    Searle, Casella & McCulloch (1992), Variance Components, doi:10.1002/9780470316856; Rao (1971),
    doi:10.1016/0047-259X(71)90001-7
    """
    by_image = responses_by_image(responses, images, size=size, sigma=sigma)
    known = images.set_index("image")["actor"].astype(str)
    several = [(image, str(known[image])) for image, box in by_image.items() if len(np.unique(box.worker)) > 1]
    counts = Counter(actor for _, actor in several)
    usable = sorted((pair for pair in several if counts[pair[1]] > 1), key=lambda pair: pair[1])
    actors = np.unique([actor for _, actor in usable], return_inverse=True)[1].astype(np.intp)
    if not usable or actors.max() < 1:
        raise InputError(Problem("responses", "fewer than two actors with two images that two workers responded to",
                                 "at least two", "collect more responses"))
    boxes = _compared([by_image[image] for image, _ in usable], actors)
    starts = np.flatnonzero(np.diff(boxes.image, prepend=-1))
    pairs = boxes.sums.apply(lambda table: np.add.reduceat(table, starts, axis=0))
    values = _components(actors, pairs)
    shares = _of_sum(values)
    low, high, reasons = _intervals(shares, pairs, boxes)
    reason = "no worker responded to two actors" if np.isnan(values).any() else (
        "" if values.sum() else "all boxes are the same")
    return xr.Dataset({
        "variance": ("component", values), "share": ("component", shares),
        "ci_low": (("component", "resampled"), low), "ci_high": (("component", "resampled"), high),
        "ci_reason": ("resampled", reasons), "n_responses": len(boxes.image), "n_images": len(usable),
        "n_actors": int(actors.max()) + 1, "n_workers": int(boxes.worker.max()) + 1,
        "n_undefined": len(names_of(responses)) - len(boxes.image)},
        coords={"component": list(RESPONSE_COMPONENTS), "resampled": list(RESPONSE_RESAMPLED)},
        attrs={"sigma": float(sigma), "ci_method": "jackknife", "reason": reason})


def _of_sum(values: Values) -> Values:
    """Shares of the sum; NaN where it is 0, as of boxes that are all the same."""
    return np.asarray(values / (values.sum() or np.nan), np.float64)


def _compared(by_image: list[ImageResponses], actors: Codes) -> _Boxes:
    """Compare all boxes with all, and sum over the boxes of each image; pair by pair only those of one worker."""
    every = joined(by_image)
    worker = np.unique(every.worker, return_inverse=True)[1].astype(np.intp)
    counts = np.array([len(box.worker) for box in by_image])
    image, norms = np.repeat(np.arange(len(by_image)), counts), every.norms
    of_image = np.add.reduceat(norms, np.cumsum(counts) - counts)
    apart = (norms[:, None] * counts + of_image) / 2 - products_with_sums(every, by_image)
    same, n_same = np.zeros(apart.shape), np.zeros(apart.shape)
    for boxes in np.split(np.argsort(worker, kind="stable"), np.cumsum(np.bincount(worker))[:-1]):
        of_worker = every.rows(boxes)
        for at in range(0, len(boxes), _ROWS):
            some = boxes[at:at + _ROWS]
            pairs = (norms[some, None] + norms[boxes]) / 2 - products_of(every.rows(some), of_worker)
            np.add.at(same, (some[:, None], image[boxes]), pairs)
            np.add.at(n_same, (some[:, None], image[boxes]), 1)
    return _Boxes(actors, image, worker, _Sums(apart - same, counts - n_same, same, n_same))


def _components(actor: Codes, pairs: _Sums) -> Values:  # (component,)
    """Actor, image, worker and residual variance from mean distances; pairs of images without boxes are left out."""
    starts = np.flatnonzero(np.diff(actor, prepend=-1))
    there = pairs.n_different > 0
    means = _ratio(pairs.different, pairs.n_different, nothing=0.0)
    within, n_within = (np.add.reduceat(np.diag(table), starts) for table in (means, there.astype(float)))
    sums, counts = (np.add.reduceat(np.add.reduceat(table, starts, axis=0), starts, axis=1)
                    for table in (means, there.astype(float)))
    within_images = _ratio(within, n_within)
    between_images = _ratio(np.diag(sums) - within, np.diag(counts) - n_within)
    others = ~np.eye(len(starts), dtype=bool) & (counts > 0)
    between_actors = _mean(sums[others] / counts[others])
    shared = np.where((actor[:, None] != actor) & there, pairs.n_same, 0)
    n_shared = shared.sum()
    worker = (shared * means - pairs.same * (shared > 0)).sum() / n_shared if n_shared else np.nan
    image = _mean(between_images - within_images)
    of_actors = between_actors - _mean(between_images)
    return np.array([of_actors, image, worker, between_actors - of_actors - image - worker])


def _ratio(sums: Values, counts: Values, nothing: float = np.nan) -> Values:
    """Divide sums by counts where there are any."""
    return np.asarray(np.divide(sums, counts, out=np.full(sums.shape, nothing), where=counts > 0), np.float64)


def _mean(values: Values) -> float:
    """Mean of the values that there are; NaN of none, such as without one of two workers."""
    there = values[~np.isnan(values)]
    return float(there.mean()) if there.size else np.nan


def _intervals(shares: Values, pairs: _Sums, boxes: _Boxes) -> tuple[Values, Values, list[str]]:
    """Lower and upper ends (component, resampled), and why some are NaN (resampled,)."""
    n_actors, n_workers, n_images = (int(codes.max()) + 1 for codes in (boxes.actor, boxes.worker, boxes.image))
    errors = dict.fromkeys(("actors", "images", "workers"), np.full(len(shares), np.nan))
    if n_actors >= resampling.FEWEST_ACTORS:
        errors["actors"] = resampling.jackknife_standard_error([
            _shares(boxes.actor, pairs, np.flatnonzero(boxes.actor != one)) for one in range(n_actors)])
    if np.bincount(boxes.actor).min() >= resampling.FEWEST_IN_STRATUM["spread"]:
        errors["images"] = resampling.jackknife_standard_error([
            _shares(boxes.actor, pairs, np.delete(np.arange(n_images), at)) for at in range(n_images)],
            strata=boxes.actor, of="spread")
    if n_workers >= resampling.FEWEST_ACTORS:
        errors["workers"] = resampling.jackknife_standard_error(_without_workers(pairs, boxes))
    errors["actors and workers"] = np.hypot(errors["actors"], errors["workers"])
    freedom = {"actors": n_actors - 1, "images": n_images - n_actors, "workers": n_workers - 1,
               "actors and workers": min(n_actors, n_workers) - 1}
    half = np.stack([stats.t.ppf((1 + resampling.LEVEL) / 2, max(freedom[name], 1)) * errors[name]
                     for name in RESPONSE_RESAMPLED], axis=1)
    reasons = ["" if np.isfinite(half[:, at]).all() else _why(name) for at, name in enumerate(RESPONSE_RESAMPLED)]
    return shares[:, None] - half, shares[:, None] + half, reasons


def _why(resampled: str) -> str:
    few = f"an actor has fewer than {resampling.FEWEST_IN_STRATUM['spread']} images" if resampled == "images" else (
        f"fewer than {resampling.FEWEST_ACTORS} {resampled.replace(' and ', ' or ')}")
    return f"{few}, or undefined without one of them"


def _shares(actor: Codes, pairs: _Sums, kept: Codes) -> Values:
    """Shares if there were some of the images only."""
    return _of_sum(_components(actor[kept], pairs.apply(lambda table: table[np.ix_(kept, kept)])))


def _without_workers(pairs: _Sums, boxes: _Boxes) -> Values:
    shares = []
    order = np.argsort(boxes.worker, kind="stable")
    for rows in np.split(order, np.cumsum(np.bincount(boxes.worker))[:-1]):
        left = pairs.apply(np.copy)
        for name, table in vars(left).items():
            gone = getattr(boxes.sums, name)[rows]
            np.subtract.at(table, boxes.image[rows], gone)
            if name.endswith("different"):
                np.subtract.at(table.T, boxes.image[rows], gone)
        shares.append(_of_sum(_components(boxes.actor, left)))
    return np.stack(shares)
