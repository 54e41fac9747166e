"""Do workers agree in their boxes and labels: likeness of two responses, and Krippendorff's alpha."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy import sparse

from salcompare.errors import InputError, Problem
from salcompare.random_numbers import drawing
from salcompare.sources.quality import iou
from salcompare.statistics.inference.crossed import crossed_interval, t_interval_of
from salcompare.statistics.inference.resampling import LEVEL, Interval, bootstrap_weights
from salcompare.statistics.kernels import Values
from salcompare.statistics.responses import require_columns

QUANTITIES = ("alpha", "likeness")
_SHOOTS = "images come in clusters, over which intervals of alpha are too narrow"
Kind = Literal["boxes", "labels"]
Estimates = dict[str, Values]
"""alpha and likeness: value (resample, quantity) of all, actor (..., actor) and image (..., image) of each."""
_BOTH, _WORKERS = "workers and images within actors", "workers"
_BLOCK = 512  # responses whose distances to all others are held at once
_COLUMNS = {"boxes": ("worker", "image", "x0", "y0", "x1", "y1"), "labels": ("worker", "image", "label")}
_DISTANCES: dict[Kind, Callable[[Values, Values], Values]] = {  # of all pairs of boxes (a, 4), (b, 4), or codes
    "boxes": lambda one, other: np.asarray(1 - iou(one[:, np.newaxis], other)),
    "labels": lambda one, other: np.asarray(one[:, np.newaxis] != other, float)}
_EQUAL = {"boxes": "all responses are alike", "labels": "only one label"}


@drawing
def pairwise_agreement(responses: pd.DataFrame, images: pd.DataFrame, *, of: Kind = "boxes", rng: np.random.Generator,
                       clusters: str | None = None, n_resamples: int = 2000) -> xr.Dataset:
    """Estimate how far workers agree on an image, an actor's images and all: likeness of two responses, and alpha.

    Parameters
    ----------
    responses : DataFrame
        One row a box: columns ``worker``, ``image``, and ``x0, y0, x1, y1`` in pixels of the image, or ``label``.
    images : DataFrame
        Columns ``image``, ``actor``, and for boxes ``height`` and ``width``.
    of : {"boxes", "labels"}
        Two boxes are as alike as their IoU; two labels are alike (1) or not (0).
    clusters : str, optional
        A column of `images`, such as ``shoot``: images of one cluster, within one actor, are resampled together; an
        image without one is a cluster of its own.
    rng, n_resamples : Generator, int
        How many resamples of workers, of images, and of both to draw.

    Returns
    -------
    Dataset
        Along ``quantity``: **likeness**, the mean over pairs of workers of an image (the mean IoU), over an actor's
        images, and over actors; **alpha**, 1 - observed / expected distance, where the distance of two responses is 1 -
        likeness. ``value``, ``ci_low``, ``ci_high``, ``reason`` (quantity) of all; ``actor_...`` (quantity, actor) and
        ``image_...`` (quantity, image) of each. ``n`` and ``actor_n`` count images with two workers, ``n_undefined``
        images with one, ``image_n`` workers, ``n_workers`` all workers. NaN with a reason: both where no image (of the
        actor) has two workers; alpha also where all responses are alike, and where one image alone has two workers,
        whose own responses would be its chance; intervals where the variance is not above 0, and with fewer than 8
        workers (of the actor or image) or, of all, fewer than 7 images (or clusters) more than actors; that of alpha of
        all where clusters hold several images, as such intervals covered 92.5% of 1,000 simulated studies.

    Notes
    -----
    The expected distance is that of any two responses, of whatever workers and images, in shares of the image's width
    and height. It is the same for actors and images, so that alpha of all is the mean of the images' weighted by their
    workers, and an image's may be below 0. A worker with several responses on an image counts once, with the mean over
    them, and does not agree with himself. With 0 and 1 for distances and one response a worker and image, alpha is
    Krippendorff's nominal one.

    In the interval of all, workers and images within actors are both random: variances with workers, images, and both
    resampled are put together as Schütt et al. (2023) do, and copies of a worker do not count as agreeing. Alpha is
    skewed: in simulations of 5 to 17 actors with 4 images each such intervals covered 90% to 93%. Intervals of an
    actor, of an image, and of all where there is one image, are t intervals over workers, the images given.

    References
    ----------
    Krippendorff (2004), Content Analysis, 2nd ed., chapter 11; Schütt et al. (2023), doi:10.7554/eLife.82566
    """
    judgements = judgements_of(responses, images, of, clusters)
    mean_distances = judgements.mean_distances()
    ones = np.ones((1, judgements.n_workers)), np.ones((1, judgements.n_images))
    observed = judgements.observed(ones[0])
    several = (judgements.workers_of_images > 1).sum() > 1  # else what is expected is what is seen

    def estimates(seen: tuple[Values, Values], of_workers: Values, of_images: Values) -> Estimates:
        """Estimate under weights; expected distances are unknown where they are those of one image alone."""
        expected = judgements.expected(mean_distances, of_workers, of_images)
        return judgements.estimates(seen, of_images, expected if several else np.full_like(expected, np.nan))

    workers = bootstrap_weights(judgements.n_workers, n_resamples, rng, fewer=1)
    _, first = np.unique(judgements.units, return_index=True)
    weights = bootstrap_weights(first.size, n_resamples, rng, strata=judgements.actor[first], fewer=1)[
        :, judgements.units]
    resampled = judgements.observed(workers)
    draws = [estimates(resampled, workers, ones[1]), estimates(observed, ones[0], weights),
             estimates(resampled, workers, weights)]
    return _dataset(judgements, estimates(observed, *ones), draws, images, _EQUAL[of])


@drawing
def worker_agreement(responses: pd.DataFrame, images: pd.DataFrame, *, rng: np.random.Generator,
                     clusters: str | None = None, n_resamples: int = 2000) -> xr.Dataset:
    """Estimate how far workers agree in the labels of an image: nominal Krippendorff's alpha.

    Parameters
    ----------
    responses, images, rng, clusters, n_resamples
        As for `pairwise_agreement` of labels, errors too.

    Returns
    -------
    Dataset
        ``alpha``, at most 1: 1 if all workers of an image name the same, 0 if labels of an image are no more alike than
        labels of any images; NaN if no image has two workers, if one alone has, or if only one label is used.
        ``ci_low``, ``ci_high``: 95% t interval, workers and images (within their actors) both random; NaN where its
        variance is not above 0, or with fewer than 8 workers or 7 images more than actors. ``reason`` for NaN;
        ``n_images`` with two workers, ``n_undefined`` with one, who has nobody to agree with; ``n_judgements``, pairs
        of a worker and an image with two; ``n_workers``. attrs: ``ci_method``, ``resampled``, ``n_resamples``.

    Notes
    -----
    Low alpha is no defect of a task that lets people choose which feature to name: it says that they choose different
    ones.

    References
    ----------
    Krippendorff (2004), Content Analysis, 2nd ed., chapter 11; Schütt et al. (2023), doi:10.7554/eLife.82566
    """
    result = pairwise_agreement(responses, images, of="labels", rng=rng, clusters=clusters, n_resamples=n_resamples)
    alpha, sizes = result.sel(quantity="alpha"), result["image_n"].to_numpy()
    return xr.Dataset({
        "alpha": alpha["value"], "ci_low": alpha["ci_low"], "ci_high": alpha["ci_high"], "n_images": result["n"],
        "n_undefined": result["n_undefined"], "n_judgements": int(sizes[sizes > 1].sum()),
        "n_workers": result["n_workers"], "reason": str(alpha["reason"].item())}, attrs={
            name: result.attrs[name] for name in ("ci_method", "resampled", "n_resamples")}).drop_vars("quantity")


@dataclass(frozen=True)
class Judgements:
    """Responses as codes, sorted by image."""

    answers: Values  # (response, ...), what distances are of
    worker: NDArray[np.intp]  # (response,), from 0
    image: NDArray[np.intp]  # (response,), from 0; images without responses have no code
    share: Values  # (response,), one over the responses of this worker on this image
    actor: NDArray[np.intp]  # (image,), from 0 without gaps
    n_workers: int
    distance: Callable[[Values, Values], Values]  # of answers (a, ...) and (b, ...): (a, b)
    names: NDArray[np.str_]  # (image,), what the codes of images stand for
    units: NDArray[np.intp]  # (image,), the cluster that an image is resampled with, from 0 without gaps

    @property
    def n_images(self) -> int:
        """How many images have a response."""
        return len(self.actor)

    @property
    def workers_of_images(self) -> NDArray[np.intp]:
        """How many workers responded to each image (image,)."""
        pairs = np.unique(self.image * self.n_workers + self.worker)
        return np.bincount(pairs // self.n_workers, minlength=self.n_images)

    def observed(self, weights: Values) -> tuple[Values, Values]:
        """Mean distance of two workers' responses on an image, and its workers (resample, image each).

        weights (resample, worker); NaN where fewer than two workers are left.
        """
        distances = np.full((len(weights), self.n_images), np.nan)
        sizes = np.zeros_like(distances)
        ends = np.searchsorted(self.image, np.arange(self.n_images + 1)).tolist()
        for image in range(self.n_images):
            rows = slice(ends[image], ends[image + 1])
            workers, code = np.unique(self.worker[rows], return_inverse=True)
            between = np.zeros((len(workers), len(workers)))
            apart = self.distance(self.answers[rows], self.answers[rows])
            np.add.at(between, (code[:, np.newaxis], code), apart * np.outer(*[self.share[rows]] * 2))
            np.fill_diagonal(between, 0)
            times = weights[:, workers]
            sizes[:, image] = times.sum(axis=1)
            pairs = sizes[:, image]**2 - (times**2).sum(axis=1)
            distances[:, image] = np.where(pairs > 0, ((times @ between) * times).sum(axis=1), np.nan) / np.where(
                pairs > 0, pairs, 1)
        return distances, sizes

    def mean_distances(self) -> Values:
        """Mean distance of each response to those of all other judgements (response,); NaN without a pair."""
        used = (self.workers_of_images > 1)[self.image]
        values, share = self.answers[used], self.share[used]
        judgement = np.unique((self.image * self.n_workers + self.worker)[used], return_inverse=True)[1]
        total = np.concatenate([np.zeros(0), *(self.distance(values[at:at + _BLOCK], values) @ share
                                               for at in range(0, len(values), _BLOCK))])
        for one in np.flatnonzero(np.bincount(judgement) > 1):
            same = np.flatnonzero(judgement == one)
            total[same] -= self.distance(values[same], values[same]) @ share[same]
        n = judgement.max(initial=-1)
        means = np.full(len(self.answers), np.nan)
        means[used] = total / n if n > 0 else np.nan
        return means

    def expected(self, mean_distances: Values, workers: Values, images: Values) -> Values:
        """Mean distance of any two judgements, for weights (resample, worker) and (resample, image); NaN without.

        To first order in the weights: resamples of so many pairs differ in nothing else that could be seen.
        """
        used = ~np.isnan(mean_distances)
        if not used.any():
            return np.full(max(len(workers), len(images)), np.nan)
        share, apart = self.share[used], mean_distances[used]
        middle = float(share @ apart / share.sum())
        table = sparse.csr_array((share, (self.worker[used], self.image[used])), shape=(self.n_workers, self.n_images))
        off = sparse.csr_array((share * (apart - middle), (self.worker[used], self.image[used])), shape=table.shape)
        sizes, moved = ((np.asarray(workers @ one) * images).sum(axis=1) for one in (table, off))
        return np.asarray(middle + 2 * _ratio(moved, sizes))

    def estimates(self, observed: tuple[Values, Values], images: Values, expected: Values) -> Estimates:
        """Put together from observed and expected distances and weights (resample, image)."""
        distances, sizes = observed
        used = images * ~np.isnan(distances)
        filled = np.nan_to_num(distances)
        to_actor = (self.actor[:, np.newaxis] == np.arange(self.actor.max() + 1)).astype(float)
        chance = np.where(expected > 1e-12, expected, np.nan)[:, np.newaxis]
        apart, workers = used * sizes * filled, used * sizes
        of_actors = 1 - _ratio(apart @ to_actor, workers @ to_actor) / chance
        like = 1 - _ratio((used * filled) @ to_actor, used @ to_actor)
        alpha = 1 - _ratio(apart.sum(axis=1), workers.sum(axis=1)) / chance[:, 0]
        both = np.broadcast_arrays(1 - distances / chance, 1 - distances)
        present = ~np.isnan(like)
        mean = _ratio(np.nan_to_num(like).sum(axis=1), present.sum(axis=1).astype(float))
        return {"value": np.stack(np.broadcast_arrays(alpha, mean), axis=1),
                "actor": np.stack(np.broadcast_arrays(of_actors, like), axis=1), "image": np.stack(both, axis=1)}


def judgements_of(responses: pd.DataFrame, images: pd.DataFrame, of: Kind, clusters: str | None = None) -> Judgements:
    """Code responses; parameters and errors as for `pairwise_agreement`."""
    _check(responses, images, of)
    at = pd.Index(images["image"]).get_indexer(pd.Index(responses["image"]))
    order = np.argsort(at, kind="stable")
    rows, at = responses.iloc[order], at[order]
    present, image = np.unique(at, return_inverse=True)
    worker = pd.factorize(rows["worker"], sort=True)[0].astype(np.intp)
    if of == "boxes":
        shape = images[["width", "height", "width", "height"]].to_numpy(float)[at]
        values = rows[["x0", "y0", "x1", "y1"]].to_numpy(float) / shape
    else:
        values = pd.factorize(rows["label"])[0].astype(float)
    n_workers = int(worker.max()) + 1
    _, judgement, times = np.unique(image * n_workers + worker, return_inverse=True, return_counts=True)
    actor = np.unique(images["actor"].to_numpy(str)[present], return_inverse=True)[1]
    names = images["image"].to_numpy(str)[present]
    together = pd.Series(names)
    if clusters is not None:
        require_columns(("images", images, (clusters,)), remedy="name what images of a cluster share")
        of_images = images[clusters].iloc[present].reset_index(drop=True)
        together = (pd.Series(actor).astype(str) + "/" + of_images.astype("object")).fillna(together)
    return Judgements(values, worker, image.astype(np.intp), 1 / times[judgement], actor.astype(np.intp), n_workers,
                      _DISTANCES[of], names, pd.factorize(together)[0].astype(np.intp))


def _check(responses: pd.DataFrame, images: pd.DataFrame, of: Kind) -> None:
    of_images = ("image", "actor", *(("height", "width") if of == "boxes" else ()))
    require_columns(("responses", responses, _COLUMNS[of]), ("images", images, of_images),
                    remedy="read responses that name workers and images")
    if responses.empty:
        raise InputError(Problem("responses", "no rows", "at least one response"))
    unknown = responses.loc[~responses["image"].isin(images["image"]), "image"].astype(str)
    if unknown.size:
        raise InputError([Problem("responses", f"image {image!r} is not in images",
                                  remedy="add it, or drop its responses") for image in sorted(set(unknown))])


def _ratio(above: Values, below: Values) -> Values:
    """Divide; NaN where there is nothing to divide by."""
    return np.asarray(np.where(below > 0, above, np.nan) / np.where(below > 0, below, 1))


def _dataset(judgements: Judgements, point: Estimates, draws: list[Estimates], images: pd.DataFrame,
             equal: str) -> xr.Dataset:
    sizes = judgements.workers_of_images
    paired = sizes > 1
    actors = np.unique(images.loc[images["image"].isin(judgements.names), "actor"].to_numpy(str))
    seen = np.unique(np.column_stack([judgements.actor[judgements.image], judgements.worker]), axis=0)
    workers_of_actors = np.bincount(seen[:, 0], minlength=len(actors))
    if judgements.n_images == 1:  # it is given, so that workers alone are random
        of_image = _over_workers(point["image"][0], draws[0]["image"], sizes)
        whole = replace(of_image, **{name: getattr(of_image, name)[:, 0]
                                     for name in ("low", "high", "n_undefined", "reason")})
    else:
        freedom = min(judgements.n_workers - 1, judgements.units.max() + 1 - len(actors))
        whole = crossed_interval(point["value"][0], *(draw["value"] for draw in draws), freedom=freedom,
                                 resampled=_BOTH)
        if judgements.units.max() + 1 < judgements.n_images:
            alpha = np.array(QUANTITIES) == "alpha"
            whole = replace(whole, low=np.where(alpha, np.nan, whole.low), high=np.where(alpha, np.nan, whole.high),
                            reason=np.where(alpha, _SHOOTS, whole.reason))
    alone = "one image with two workers: chance would be its own" if paired.any() else "no image with two workers"
    of_actors = np.bincount(judgements.actor[paired], minlength=len(actors))
    columns = {"n": int(paired.sum()), "n_undefined": int((~paired).sum()), "n_workers": judgements.n_workers,
               "actor_n": ("actor", of_actors), "image_n": ("image", sizes),
               **_columns("", ("quantity",), point["value"][0], whole, equal if paired.sum() > 1 else alone)}
    for level, units in (("actor", workers_of_actors), ("image", sizes)):
        values = point[level][0]
        interval = _over_workers(values, draws[0][level], units)
        columns |= _columns(f"{level}_", ("quantity", level), values, interval, "no two workers, or no chance distance")
    return xr.Dataset(columns, {"quantity": list(QUANTITIES), "actor": actors, "image": judgements.names}, {
        "ci_method": whole.method, "resampled": whole.resampled, "unit_ci_method": "t", "unit_resampled": _WORKERS,
        "n_resamples": len(draws[0]["value"])})


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
