"""How well a perfect model could agree with people, given how well people agree among themselves."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from salcompare.random_numbers import drawing
from salcompare.statistics.inference.resampling import mean_over_actors
from salcompare.statistics.kernels import Values
from salcompare.statistics.responses import ImageResponses, Responses, responses_by_image

N_SPLITS = 200
"""Of each image's workers, for its noise ceiling, unless said."""


@drawing
def noise_ceiling(responses: Responses, images: pd.DataFrame, *, size: tuple[int, int], rng: np.random.Generator,
                  sigma: float = 0.0, n_splits: int = N_SPLITS) -> xr.Dataset:
    """Split-half ceiling of the Pearson correlation with people's coverage, for each image.

    Parameters
    ----------
    responses : DataFrame or DataArray
        One row a box: ``image``, ``worker``, ``x0, y0, x1, y1`` in pixels of the image as shown, half-open. Or maps
        (response, y, x) on the grid with coordinates ``image``, ``actor`` and ``worker``, of gaze or ready-made.
    images : DataFrame
        One row an image: ``image``, ``actor``, ``height``, ``width``.
    size : (int, int)
        Height and width of the grid.
    rng : Generator
        Splits the workers.
    sigma : float
        Coverage is smoothed with a Gaussian of so many pixels of the grid, as the maps that are scored are; 0 for none.
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
    boxes = responses_by_image(responses, images, size=size, sigma=sigma)
    known = images.set_index("image").loc[list(boxes)]
    split_half = np.array([_split_half(box, n_splits, rng) for box in boxes.values()])
    n_workers = np.array([np.unique(box.worker).size for box in boxes.values()], dtype=np.int64)
    halves = xr.Dataset(
        {"split_half": ("image", split_half), "n_workers": ("image", n_workers)},
        coords={"image": list(boxes), "actor": ("image", known["actor"].to_numpy().astype(str))},
        attrs={"metric": "pearson", "sigma": float(sigma), "n_splits": n_splits,
               "n_images_without_responses": len(images) - len(boxes)})
    r, n = halves["split_half"], halves["n_workers"]
    longer = n / (n // 2).where(n > 1)  # 2, or a little more where one worker of an odd number sits out
    positive = r.where(r > 0)
    reliability = longer * positive / (1 + (longer - 1) * positive)
    reason = np.select([n < 2, np.isnan(r), ~(r > 0)], [
        "fewer than two workers", "coverage of a half is constant", "halves do not correlate positively"], default="")
    return halves.assign(reliability=reliability, ceiling=np.sqrt(reliability), reason=("image", reason))


def mean_ceiling(ceiling: xr.Dataset) -> xr.Dataset:
    """Means of the images' ceilings over images, for each actor, and over actors.

    Parameters
    ----------
    ceiling : Dataset (image)
        As `noise_ceiling` gives it.

    Returns
    -------
    Dataset
        Over ``actor``: **actor_value**, mean ceiling of the actor's images; **actor_n**, **actor_n_undefined** images,
        **actor_reason**. Scalars: **value**, mean over actors; **ci_low**, **ci_high** by t over actors, NaN below
        eight; **n**, **n_undefined** actors, **reason**, where there is no value that of most images. Images without a
        ceiling are left out: leave them out of the score that is compared with it, too.
    """
    means = mean_over_actors(ceiling["ceiling"])
    reasons = [reason for reason in ceiling["reason"].to_numpy().tolist() if reason] if "reason" in ceiling else []
    if reasons and np.isnan(means["value"]).all():
        means["reason"] = max(sorted(set(reasons)), key=reasons.count)
    return means


def _split_half(boxes: ImageResponses, n_splits: int, rng: np.random.Generator) -> float:
    """Mean over splits of the correlation between the halves' coverage; NaN where no split has one."""
    workers, worker = np.unique(boxes.worker, return_inverse=True)
    if workers.size < 2:
        return float("nan")
    covariance = boxes.covariance
    one, other = _half_weights(worker, workers.size, n_splits, rng)
    between = np.einsum("si,si->s", one @ covariance, other)
    within = (np.einsum("si,si->s", half @ covariance, half) for half in (one, other))
    scale = boxes.norms.mean()  # of an average box: below its rounding a half has no variance
    spread = np.sqrt(np.prod([np.where(w > 1e-12 * scale, w, np.nan) for w in within], axis=0))
    defined = (between / spread)[~np.isnan(spread)]
    return float(np.clip(defined.mean(), -1, 1)) if defined.size else float("nan")


def _half_weights(worker: NDArray[np.intp], n_workers: int, n_splits: int,
                  rng: np.random.Generator) -> tuple[Values, Values]:
    """Weights of the boxes (split, box) in both halves: shares of the half's responses, as coverage is."""
    half = n_workers // 2
    order = rng.permuted(np.tile(np.arange(n_workers), (n_splits, 1)), axis=1)
    weights = []
    for workers in (order[:, :half], order[:, half:2 * half]):
        member = np.zeros((n_splits, n_workers))
        np.put_along_axis(member, workers, 1.0, axis=1)
        of_boxes = member[:, worker]
        weights.append(of_boxes / of_boxes.sum(axis=1, keepdims=True))
    return weights[0], weights[1]
