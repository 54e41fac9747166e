"""Do workers agree in what they name: Krippendorff's alpha of labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy import sparse

from salcompare.errors import InputError, Problem, drawing
from salcompare.statistics.inference.crossed import crossed_interval
from salcompare.statistics.inference.resampling import bootstrap_weights
from salcompare.statistics.labels.shares import CodedResponses, code_responses, incidence

_BATCH = 256  # resamples at a time; judgements x batch numbers are held
_RESAMPLED = "workers and images within actors"

Values = NDArray[np.float64]


@drawing
def worker_agreement(
    responses: pd.DataFrame, images: pd.DataFrame, *, rng: np.random.Generator, n_resamples: int = 2000,
) -> xr.Dataset:
    """Estimate how far workers agree in the labels of an image: nominal Krippendorff's alpha.

    Parameters
    ----------
    responses : DataFrame
        One row a box: columns ``worker``, ``image`` and ``label``.
    images : DataFrame
        Columns ``image`` and ``actor``.
    rng : Generator
        Draws the resamples.
    n_resamples : int
        Resamples of workers, of images, and of both.

    Returns
    -------
    Dataset
        ``alpha``, at most 1: 1 if all workers of an image name the same, 0 if labels of an image are no more alike than
        labels of any images; NaN if no image has two workers, if one alone has, whose own labels would be its chance,
        or if only one label is used. ``ci_low``, ``ci_high``: 95%
        t interval, workers and images (within their actors) both random; NaN where its variance is not positive, or
        with fewer than 8 workers, or 7 images more than actors. ``n_images`` with two workers, ``n_undefined`` with
        one, who has nobody to agree with; ``n_judgements``, pairs of a worker and an image; ``n_workers``; ``reason``
        why alpha or interval is NaN. attrs: ``ci_method``, ``resampled``, ``n_resamples``.

    Raises
    ------
    InputError
        If a column is missing, or there is no response.

    Notes
    -----
    Units are images, coders are workers. A worker with several responses on an image counts once, with these labels'
    shares; two responses of one worker are no agreement. With one response a worker and image, this is Krippendorff's
    formula. Low alpha is no defect of a task that lets people choose which feature to name: it says that they choose
    different ones.

    For the interval, copies of a worker in a resample do not count as agreeing with each other. The three variances,
    with workers, images, and both resampled, are put together as Schütt et al. (2023) do. Alpha is skewed: in
    simulations of 5 to 17 actors with 4 images each such intervals covered 90% to 93%.

    References
    ----------
    Krippendorff (2004), Content Analysis, 2nd ed., chapter 11; Schütt et al. (2023), doi:10.7554/eLife.82566
    """
    coded = code_responses(responses, images, None)
    if coded.worker is None or not coded.images_known:
        raise InputError(Problem("responses", "no column " + ("'image'" if not coded.images_known else "'worker'"),
                                 "columns worker, image and label", "read responses that name workers and images"))
    judgements = _judgements(coded, coded.worker)
    n_workers, n_images = int(coded.worker.max()) + 1, len(coded.actor)
    paired = judgements.workers_of_images > 1
    several = paired.sum() > 1
    alpha = float(judgements.alpha(np.ones((1, n_workers)), np.ones((1, n_images)))[0]) if several else np.nan
    workers = bootstrap_weights(n_workers, n_resamples, rng, fewer=1)
    of_images = bootstrap_weights(n_images, n_resamples, rng, strata=coded.actor, fewer=1)
    draws = [judgements.alpha(*weights) for weights in (
        (workers, np.ones((1, n_images))), (np.ones((1, n_workers)), of_images), (workers, of_images))]
    freedom = min(n_workers - 1, n_images - len(np.unique(coded.actor)))
    interval = crossed_interval(alpha, *draws, freedom=freedom, resampled=_RESAMPLED)
    reason = str(interval.reason) if not np.isnan(alpha) else "only one label" if several else too_few_images(paired)
    return xr.Dataset({
        "alpha": alpha, "ci_low": float(interval.low), "ci_high": float(interval.high), "n_images": int(paired.sum()),
        "n_undefined": int((~paired).sum()), "n_judgements": int(judgements.workers_of_images[paired].sum()),
        "n_workers": n_workers, "reason": reason}, attrs={
            "ci_method": interval.method, "resampled": _RESAMPLED, "n_resamples": n_resamples})


def too_few_images(paired: NDArray[np.bool_]) -> str:
    """Say why images, of which `paired` have two workers, give no chance agreement to hold theirs against."""
    return "one image with two workers: chance would be its own" if paired.any() else "no image with two workers"


@dataclass(frozen=True)
class _Judgements:
    """What each worker says of each image: shares of labels that sum to 1.

    Attributes
    ----------
    image, worker : ndarray of int (judgement,)
    likeness : ndarray (judgement,)
        Sum of the squared shares; 1 for a single response.
    to_cell : sparse (cell, worker)
        Sum of the shares of each label in each image, if a worker counts as often as the column is multiplied by.
    image_of_cell, label_of_cell : ndarray of int (cell,)
        Cells are the pairs of image and label that occur.
    """

    image: NDArray[np.intp]
    worker: NDArray[np.intp]
    likeness: Values
    to_cell: sparse.csr_array
    image_of_cell: NDArray[np.intp]
    label_of_cell: NDArray[np.intp]

    @property
    def workers_of_images(self) -> NDArray[np.intp]:
        """How many workers judged each image (image,)."""
        return np.bincount(self.image, minlength=int(self.image.max()) + 1)

    def alpha(self, workers: Values, images: Values) -> Values:
        """Compute alpha for weights (resample, worker) and (resample, image); a single row serves all resamples."""
        n = max(len(workers), len(images))
        both = [np.broadcast_to(weights, (n, weights.shape[1])) for weights in (workers, images)]
        return np.concatenate([self._alpha(*(weights[start:start + _BATCH].T for weights in both))
                               for start in range(0, n, _BATCH)])

    def _alpha(self, workers: Values, images: Values) -> Values:
        """Compute alpha for weights (worker, resample) and (image, resample)."""
        n_images, n_labels = len(images), int(self.label_of_cell.max()) + 1
        judged = incidence(self.image, self.worker, (n_images, len(workers)))
        alike = sparse.csr_array((self.likeness, (self.image, self.worker)), shape=judged.shape)
        squared = workers**2
        size, same = judged @ workers, judged @ squared
        pairs = size**2 - same  # ordered pairs of different workers
        used = np.where(pairs > 0, images, 0)
        cells = self.to_cell @ workers
        cell_to_image = incidence(self.image_of_cell, np.arange(len(cells)), (n_images, len(cells)))
        agreeing = cell_to_image @ cells**2 - alike @ squared
        total = (used * size).sum(axis=0)
        observed = (used * size * agreeing / np.where(pairs > 0, pairs, 1)).sum(axis=0) / np.maximum(total, 1)
        to_label = incidence(self.label_of_cell, np.arange(len(cells)), (n_labels, len(cells)))
        of_labels = to_label @ (cells * used[self.image_of_cell])
        distinct = total**2 - (used**2 * same).sum(axis=0)
        chance = ((of_labels**2).sum(axis=0) - (used**2 * (alike @ squared)).sum(axis=0)) / np.where(
            distinct > 0, distinct, np.nan)
        disagreeing = 1 - chance
        return np.asarray(1 - (1 - observed) / np.where(disagreeing > 1e-12, disagreeing, np.nan))


def _judgements(coded: CodedResponses, worker: NDArray[np.intp]) -> _Judgements:
    n_workers, n_labels = int(worker.max()) + 1, len(coded.labels)
    pairs, pair = np.unique(coded.image * n_workers + worker, return_inverse=True)
    entries, of_entry = np.unique(pair * n_labels + coded.label, return_inverse=True)
    times = np.bincount(of_entry)
    entry_pair, entry_label = entries // n_labels, entries % n_labels
    share = times / np.bincount(pair)[entry_pair]
    image, judge = pairs // n_workers, pairs % n_workers
    cells, cell = np.unique(image[entry_pair] * n_labels + entry_label, return_inverse=True)
    to_cell = sparse.csr_array((share, (cell, judge[entry_pair])), shape=(len(cells), n_workers))
    likeness = np.bincount(entry_pair, share**2).astype(float)
    return _Judgements(image, judge, likeness, to_cell, cells // n_labels, cells % n_labels)
