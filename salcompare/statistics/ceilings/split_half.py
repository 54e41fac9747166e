"""How well a perfect model could agree with people, given how well people agree among themselves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from salcompare.errors import InputError, Problem
from salcompare.maps import smooth
from salcompare.maps.checks import require_size
from salcompare.maps.painting import scale_edges
from salcompare.statistics.inference.levels import actor_means, population_mean
from salcompare.statistics.kernels import Values


@dataclass(frozen=True)
class _Boxes:
    """Boxes of one image as sides: a box's map is the outer product of its two sides, smoothed or not."""

    down: Values  # (box, y)
    across: Values  # (box, x)
    worker: NDArray[np.intp]  # (box,) from 0


def noise_ceiling(responses: pd.DataFrame, images: pd.DataFrame, *, size: tuple[int, int], rng: np.random.Generator,
                  sigma: float = 0.0, n_splits: int = 200) -> xr.Dataset:
    """Split-half ceiling of the Pearson correlation with people's coverage, for each image.

    Parameters
    ----------
    responses : DataFrame
        One row a box: ``image``, ``worker``, ``x0, y0, x1, y1`` in pixels of the image as shown, half-open.
    images : DataFrame
        One row an image: ``image``, ``actor``, ``height``, ``width``.
    size : (int, int)
        Height and width of the grid.
    rng : Generator
        Splits the workers.
    sigma : float
        Coverage is smoothed with a Gaussian of so many pixels of the grid, as the maps that are scored are; 0 for
        none.
    n_splits : int
        Random splits of each image's workers into halves. With an odd number of workers one sits out, drawn anew for
        each split.

    Returns
    -------
    Dataset (image)
        Images that have responses, with coordinate ``actor``:

        - **split_half**: mean over splits of the correlation between the coverage of both halves.
        - **reliability**: correlation to be expected between the coverage of all workers and that of as many others,
          by the Spearman-Brown formula from halves to all.
        - **ceiling**: root of the reliability, the correlation of a perfect model with the coverage of these workers.
          Score and ceiling have the same target.
        - **n_workers**, and **reason** where a value is NaN: fewer than two workers, halves whose coverage is
          constant, or halves that do not correlate positively (no ceiling).

    Raises
    ------
    InputError
        If a column is missing or a response's image is unknown.

    Notes
    -----
    No worker stands in both halves, and none is copied. Smoothed boxes are products of their sides, so the halves'
    correlations follow from inner products of sides, and no map is drawn.

    References
    ----------
    Spearman (1910), doi:10.1111/j.2044-8295.1910.tb00206.x; Brown (1910), doi:10.1111/j.2044-8295.1910.tb00207.x
    """
    height, width = require_size(size)
    boxes = _boxes(responses, images, (height, width), sigma)
    known = images.set_index("image").loc[list(boxes)]
    split_half = np.array([_split_half(box, height * width, n_splits, rng) for box in boxes.values()])
    n_workers = np.array([box.worker.max() + 1 for box in boxes.values()], dtype=np.int64)
    return _stepped_up(xr.Dataset(
        {"split_half": ("image", split_half), "n_workers": ("image", n_workers)},
        coords={"image": list(boxes), "actor": ("image", known["actor"].to_numpy().astype(str))},
        attrs={"metric": "pearson", "sigma": float(sigma), "n_splits": n_splits,
               "n_images_without_responses": len(images) - len(boxes)}))


def mean_ceiling(ceiling: xr.Dataset) -> xr.Dataset:
    """Means of the images' ceilings over images, for each actor, and over actors.

    Parameters
    ----------
    ceiling : Dataset (image)
        As `noise_ceiling` gives it.

    Returns
    -------
    Dataset
        Over ``actor``: **actor_value**, mean ceiling of the actor's images; **actor_n**, **actor_n_undefined** images.
        Scalars: **value**, mean over actors; **ci_low**, **ci_high** by t over actors, NaN below eight; **n**,
        **n_undefined** actors, **reason**. Images without a ceiling are left out: leave them out of the score that
        is compared with it, too.
    """
    actors = actor_means(ceiling["ceiling"])
    return population_mean(actors["value"]).assign(actor_value=actors["value"], actor_n=actors["n"],
                                                   actor_n_undefined=actors["n_undefined"])


def _stepped_up(halves: xr.Dataset) -> xr.Dataset:
    """Add reliability, ceiling and reasons to the correlations of halves."""
    r, n = halves["split_half"], halves["n_workers"]
    longer = n / (n // 2).where(n > 1)  # 2, or a little more where one worker of an odd number sits out
    positive = r.where(r > 0)
    reliability = longer * positive / (1 + (longer - 1) * positive)
    reason = np.select([n < 2, np.isnan(r), ~(r > 0)], [
        "fewer than two workers", "coverage of a half is constant", "halves do not correlate positively"], default="")
    return halves.assign(reliability=reliability, ceiling=np.sqrt(reliability), reason=("image", reason))


def _boxes(responses: pd.DataFrame, images: pd.DataFrame, size: tuple[int, int], sigma: float) -> dict[str, _Boxes]:
    """Sides of all boxes by image, in the order of `images`."""
    _require_columns(responses, images)
    at = pd.Index(images["image"]).get_indexer(pd.Index(responses["image"]))
    unknown = np.flatnonzero(at < 0)
    if unknown.size:
        raise InputError([Problem(f"responses row {responses.index[row]}", f"image {responses['image'].iloc[row]!r}",
                                  "one of the images") for row in unknown.tolist()])
    sides = {}
    for dim, extent, n in (("y", "height", size[0]), ("x", "width", size[1])):
        low, high = (responses[f"{dim}{end}"].to_numpy(dtype=np.float64) for end in (0, 1))
        first, last = scale_edges(low, high, images[extent].to_numpy(dtype=np.float64)[at], n)
        sides[dim] = _smoothed_sides(first, last, n, sigma)
    found = {}
    for row, image in enumerate(images["image"].tolist()):
        own = np.flatnonzero(at == row)
        if own.size:
            worker = pd.factorize(responses["worker"].iloc[own])[0].astype(np.intp)
            found[str(image)] = _Boxes(sides["y"][own], sides["x"][own], worker)
    return found


def _require_columns(responses: pd.DataFrame, images: pd.DataFrame) -> None:
    problems = []
    for where, frame, wanted in (("responses", responses, ("image", "worker", "x0", "y0", "x1", "y1")),
                                 ("images", images, ("image", "actor", "height", "width"))):
        missing = [name for name in wanted if name not in frame.columns]
        if missing:
            problems.append(Problem(where, f"no column {', '.join(map(repr, missing))}", ", ".join(wanted)))
    if problems:
        raise InputError(problems)


def _smoothed_sides(first: NDArray[np.int32], last: NDArray[np.int32], n: int, sigma: float) -> Values:
    """Smoothed indicators (box, n) of the pixels first <= pixel < last; the maps' own smoothing, on maps one wide."""
    pixel = np.arange(n)
    inside = (pixel >= first[:, np.newaxis]) & (pixel < last[:, np.newaxis])
    column = xr.DataArray(inside[..., np.newaxis].astype(np.float64), dims=("box", "y", "x"))
    smoothed: Values = smooth(column, sigma=sigma).isel(x=0).to_numpy()
    return smoothed


def _split_half(boxes: _Boxes, n_pixels: int, n_splits: int, rng: np.random.Generator) -> float:
    """Mean over splits of the correlation between the halves' coverage; NaN where no split has one."""
    n_workers = int(boxes.worker.max()) + 1
    if n_workers < 2:
        return float("nan")
    products = (boxes.down @ boxes.down.T) * (boxes.across @ boxes.across.T)
    sums = boxes.down.sum(axis=1) * boxes.across.sum(axis=1)
    covariance = products - np.outer(sums, sums) / n_pixels
    one, other = _halves(boxes.worker, n_workers, n_splits, rng)
    between = np.einsum("si,si->s", one @ covariance, other)
    within = (np.einsum("si,si->s", half @ covariance, half) for half in (one, other))
    scale = np.trace(products) / len(products)  # of an average box; a half's variance below its rounding is none
    spread = np.sqrt(np.prod([np.where(w > 1e-12 * scale, w, np.nan) for w in within], axis=0))
    correlation = between / spread
    defined = correlation[~np.isnan(correlation)]
    return float(np.clip(defined.mean(), -1, 1)) if defined.size else float("nan")


def _halves(worker: NDArray[np.intp], n_workers: int, n_splits: int,
            rng: np.random.Generator) -> tuple[Values, Values]:
    """Weights of the boxes (split, box) in both halves: shares of the half's responses, as coverage is."""
    half = n_workers // 2
    order = rng.permuted(np.tile(np.arange(n_workers), (n_splits, 1)), axis=1)
    weights = []
    for chosen in (order[:, :half], order[:, half:2 * half]):
        member = np.zeros((n_splits, n_workers))
        np.put_along_axis(member, chosen, 1.0, axis=1)
        of_boxes = member[:, worker]
        weights.append(of_boxes / of_boxes.sum(axis=1, keepdims=True))
    return weights[0], weights[1]
