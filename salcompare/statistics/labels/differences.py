"""Do actors differ in which labels people use, and which labels of which actors stand out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy import sparse, stats

from salcompare.errors import InputError, Problem, drawing
from salcompare.statistics.inference.permutation import (
    Exchangeability,
    exchangeability,
    n_distinct,
    p_value,
    permutations,
    smallest_p,
)
from salcompare.statistics.inference.resampling import LEVEL
from salcompare.statistics.kernels import Values
from salcompare.statistics.labels.shares import CodedResponses, code_responses

Variable = tuple[str | tuple[str, ...], NDArray[np.generic]] | float
_FEWEST_ACTORS = 2
SAME = "the label's share is the same on every image"


@drawing
def label_differences(
    responses: pd.DataFrame, images: pd.DataFrame, *, rng: np.random.Generator, n_permutations: int = 9999,
    labels: Sequence[str] | None = None, clusters: str | None = None, per_image: int | None = None,
) -> xr.Dataset:
    """Test whether actors differ in their shares of labels, and which actors stand out in which label.

    Parameters
    ----------
    responses : DataFrame
        One row a box: columns ``image`` and ``label``.
    images : DataFrame
        Columns ``image`` and ``actor``. Images without responses take no part.
    rng : Generator
        Draws the permutations, and the responses that are kept where numbers are evened out.
    n_permutations : int
        How many to draw; all are enumerated where there are no more.
    labels : sequence of str, optional
        Labels that come first and in this order; the others follow in alphabetical order.
    clusters : str, optional
        A column of `images`, such as ``shoot``: images of one cluster (within one actor) move together.
    per_image : int, optional
        Keep so many responses of each image, drawn at random, and leave out images with fewer. By default all are
        kept, unless the actors differ in how many responses their images have (p <= 0.05 in the same permutations):
        then the largest number that leaves every actor at least half of its images.

    Returns
    -------
    Dataset
        For every actor and label: ``share``, ``difference`` (the share minus the mean of the other actors' shares),
        ``ci_low``, ``ci_high`` (t interval over images, not adjusted for the number of cells), ``t``, ``p_value``
        (two-sided), ``p_adjusted`` over all actors and labels, ``reason`` why they are NaN. For every label: ``eta2``,
        the share of the variance between images that actors explain, with ``label_null_mean`` and ``label_p_value``.
        For every actor: ``n_images`` that take part, ``n_left_out`` for having fewer than `per_image` responses.
        Without dims: ``omnibus``, the mean of eta2 over labels, with ``omnibus_null_mean``, ``omnibus_p_value``,
        ``omnibus_p_attainable``, and its draws ``null`` (permutation). attrs: ``null``, ``family``, ``family_size``,
        ``n_permutations``, ``p_attainable`` of cells, ``per_image`` (0 where all were kept), ``counts_p_value``,
        ``ci_method``, ``resampled``.

    Raises
    ------
    InputError
        If responses name no images, a column is missing, fewer than two actors have responses, or none has two images.

    Notes
    -----
    A unit is an image with all its responses: under the null hypothesis images are exchangeable among actors.
    Permuting responses instead takes what belongs to an image for the actor's: with 12 actors alike, 4 images each
    and 20 responses an image it rejected in 35%, 94% and 100% of simulated studies as images differed little, more,
    and much.

    Two things besides equal preferences are assumed. Workers meet images regardless of the actor: where each works
    on one actor only, what is told apart may be workers. And an image's number of responses says nothing about its
    actor: shares of few responses scatter more, and where actors of two images of 3 responses met actors of twelve
    of 30, plain permutation rejected in 100% of null studies. Evening out the numbers mends that whatever their
    relation to actors (5.1% of 2,000 null studies), at the cost of responses; it is a draw of its own from `rng`.
    With equal numbers the omnibus test rejected in 5.5%, any cell in 3.4%; with random ones in 5.0% and 1.3%.

    Cells are adjusted by the distribution, over permutations, of the most extreme of all cells (Westfall & Young 1993),
    after each label's t has been put on the scale of its own null distribution, so that rare labels, whose t has
    long tails, do not hide the frequent ones: in simulations like the demo (40 actors, 11 labels, ten raised by a
    quarter) 84% of raised labels were found, by the largest raw t 67%. The family-wise error rate is controlled where
    all actors are alike; where some differ, it is for the others approximately. Actors of unequal spread are not
    exchangeable either.

    References
    ----------
    Westfall & Young (1993), Resampling-Based Multiple Testing; Anderson (2001),
    doi:10.1111/j.1442-9993.2001.01070.pp.x
    """
    coded = code_responses(responses, images, labels)
    _require_columns(coded, images, clusters)
    of_images = _cluster_of_images(coded, images, clusters)
    thinning = thinned(coded, of_images, per_image, rng=rng, n_permutations=n_permutations)
    actor = coded.actor[thinning.kept]
    _check_images(actor)
    together = None if of_images is None else of_images[thinning.kept].tolist()
    exchange = exchangeability(actor.tolist(), clusters=together)
    used = np.flatnonzero(np.ptp(thinning.shares, axis=0) > 0)
    order = np.concatenate(list(permutations(exchange, n_permutations, rng)) or [np.empty((0, exchange.n_units), int)])
    return _dataset(coded, thinning, np.unique(actor), used, exchange, order.astype(np.int32))


def _dataset(coded: CodedResponses, thinning: Thinning, actors: NDArray[np.intp], used: NDArray[np.intp],
             exchange: Exchangeability, order: NDArray[np.int32]) -> xr.Dataset:
    """Put the statistics of those actors and labels that can be tested among all."""
    tests = cell_tests(thinning.shares[:, used], exchange, order)
    found = cells(thinning.shares, exchange, np.arange(exchange.n_units)[np.newaxis])
    variables = _of_cells(coded, actors, used, found, tests)
    variables["reason"] = (("actor", "label"), _reasons(coded, thinning, actors, used))
    size = len(coded.actors)
    kept = np.bincount(coded.actor[thinning.kept], minlength=size)
    variables["n_images"] = ("actor", kept)
    variables["n_left_out"] = ("actor", np.bincount(coded.actor, minlength=size) - kept)
    variables |= _of_labels(coded, used, found.explained[0, used], tests.explained_null)
    variables |= _omnibus(exchange, found.explained[0, used], tests.explained_null)
    return xr.Dataset(variables, {"actor": coded.actors, "label": coded.labels}, {
        "null": f"{exchange.null}, each with all its responses", "family": "actors and labels (most extreme cell)",
        "family_size": len(actors) * len(used), "n_permutations": len(order), "p_attainable": smallest_p(len(order)),
        "per_image": thinning.per_image, "counts_p_value": thinning.counts_p_value, "ci_method": "t",
        "resampled": "images"})


def _of_cells(coded: CodedResponses, actors: NDArray[np.intp], used: NDArray[np.intp], found: Cells,
              tests: CellTests) -> dict[str, Variable]:
    """Fill the cells (actor, label) that are tested; shares are known of labels without variance too."""
    half = stats.t.ppf((1 + LEVEL) / 2, found.freedom) * found.error[0]
    difference = found.difference[0]
    tested = {"difference": difference, "ci_low": difference - half, "ci_high": difference + half, "t": found.t[0]}
    parts = {name: part[:, used] for name, part in tested.items()}
    parts |= {"p_value": tests.p_value, "p_adjusted": tests.p_adjusted}
    shape = (len(coded.actors), len(coded.labels))
    filled = {name: np.full(shape, np.nan) for name in ("share", *parts)}
    filled["share"][actors] = found.means[0]
    for name, part in parts.items():
        filled[name][np.ix_(actors, used)] = part
    return {name: (("actor", "label"), values) for name, values in filled.items()}


def _of_labels(coded: CodedResponses, used: NDArray[np.intp], explained: Values, null: Values) -> dict[str, Variable]:
    found = {name: np.full(len(coded.labels), np.nan) for name in ("eta2", "label_null_mean", "label_p_value")}
    found["eta2"][used], found["label_p_value"][used] = explained, p_value(explained, null)
    found["label_null_mean"][used] = null.mean(axis=0) if len(null) else np.nan
    return {name: ("label", values) for name, values in found.items()}


def _omnibus(exchange: Exchangeability, explained: Values, null: Values) -> dict[str, Variable]:
    """Average over labels; arrangements that differ in the actors' names only are equal in it."""
    draws = null.mean(axis=1) if null.shape[1] else np.full(len(null), np.nan)
    value = float(explained.mean()) if explained.size else np.nan
    floor = max(smallest_p(len(null)), 1 / n_distinct(exchange, distinct="partitions"))
    return {"omnibus": value, "omnibus_null_mean": float(draws.mean()) if draws.size else np.nan,
            "omnibus_p_value": float(p_value(value, draws)), "omnibus_p_attainable": floor,
            "null": ("permutation", draws)}


def _reasons(coded: CodedResponses, thinning: Thinning, actors: NDArray[np.intp],
             used: NDArray[np.intp]) -> NDArray[np.str_]:
    """Why a cell is not tested (actor, label); empty where it is."""
    reasons = np.full((len(coded.actors), len(coded.labels)), "", object)
    unused = np.setdiff1d(np.arange(len(coded.labels)), used)
    reasons[:, unused] = SAME
    with_responses = np.bincount(coded.actor, minlength=len(coded.actors)) > 0
    missing = np.setdiff1d(np.arange(len(coded.actors)), actors)
    text = [f"no image with {thinning.per_image} responses" if with_responses[a] else "no responses" for a in missing]
    reasons[missing] = np.array(text, object)[:, np.newaxis] if text else ""
    return reasons.astype(str)


def _cluster_of_images(coded: CodedResponses, images: pd.DataFrame, clusters: str | None) -> NDArray[np.object_] | None:
    """Give the cluster of each image that has responses (image,)."""
    if clusters is None:
        return None
    return np.asarray(images.set_index("image")[clusters].reindex(coded.image_names), object)


def _require_columns(coded: CodedResponses, images: pd.DataFrame, clusters: str | None) -> None:
    if not coded.images_known:
        raise InputError(Problem("responses", "no column 'image'", "the image of each response, since images are what "
                                 "is permuted", "read responses that name images"))
    if clusters is not None and clusters not in images:
        raise InputError(Problem("images", f"no column {clusters!r}", "the cluster of each image",
                                 "found " + ", ".join(map(str, images.columns))))


def _check_images(actor: NDArray[np.intp]) -> None:
    sizes = np.bincount(actor)
    held = int((sizes > 0).sum())
    if held < _FEWEST_ACTORS:
        raise InputError(Problem("responses", f"{held} actor with responses", "at least two to compare"))
    if sizes.max() < 2:
        raise InputError(Problem("responses", "one image with responses on each actor", "two images on some actor, "
                                 "since images of one actor show how much images differ"))


THINNING_LEVEL = 0.05
_MOST = 999  # permutations: only whether p is below the level matters


@dataclass(frozen=True)
class Thinning:
    """Shares of labels of the images that are kept.

    Attributes
    ----------
    kept : ndarray of int (image,)
        Which images have enough responses.
    shares : ndarray (image, label)
        Of the images that are kept.
    per_image : int
        Responses kept of each; 0 where all were.
    counts_p_value : float
        Whether actors differ in how many responses their images have; NaN where all images have the same number.
    """

    kept: NDArray[np.intp]
    shares: Values
    per_image: int
    counts_p_value: float


def thinned(coded: CodedResponses, clusters: NDArray[np.object_] | None, per_image: int | None, *,
            rng: np.random.Generator, n_permutations: int) -> Thinning:
    """Keep all responses, or the same number on each image.

    Parameters
    ----------
    coded : CodedResponses
        With images known.
    clusters : ndarray (image,) or None
        Images that move together.
    per_image : int or None
        Responses to keep of each image; None decides by whether the actors' numbers differ.
    rng, n_permutations
        As for `salcompare.statistics.label_differences`.
    """
    counts = coded.responses_of_images
    p = _counts_p_value(counts, coded.actor, clusters, rng, min(n_permutations, _MOST))
    if per_image is None and not p <= THINNING_LEVEL:
        return Thinning(np.arange(len(counts)), coded.image_shares, 0, p)
    keep = _number_for_all_actors(counts, coded.actor) if per_image is None else per_image
    kept = np.flatnonzero(counts >= keep)
    if keep < 1 or not kept.size:
        raise InputError(Problem("per_image", str(keep), f"a number from 1 to {counts.max()}, the most that an image "
                                 "has"))
    order = np.lexsort((rng.random(len(coded.image)), coded.image))
    rank = np.arange(len(order)) - (np.cumsum(counts) - counts)[coded.image[order]]
    chosen = order[rank < keep]
    n_labels = len(coded.labels)
    found = np.bincount(coded.image[chosen] * n_labels + coded.label[chosen], minlength=len(counts) * n_labels)
    return Thinning(kept, found.reshape(-1, n_labels)[kept] / keep, keep, p)


def _counts_p_value(counts: NDArray[np.intp], actor: NDArray[np.intp], clusters: NDArray[np.object_] | None,
                    rng: np.random.Generator, n_permutations: int) -> float:
    """Test whether actors differ in their images' numbers of responses."""
    exchange = exchangeability(actor.tolist(), clusters=None if clusters is None else clusters.tolist())
    if np.ptp(counts) == 0 or exchange.labels.max() == 0 or len(counts) <= exchange.labels.max() + 1:
        return np.nan
    values = counts[:, np.newaxis].astype(float)
    draws = [cells(values, exchange, batch).explained[:, 0] for batch in permutations(exchange, n_permutations, rng)]
    observed = cells(values, exchange, np.arange(exchange.n_units)[np.newaxis]).explained[0, 0]
    return float(p_value(observed, np.concatenate(draws) if draws else np.empty(0)))


def _number_for_all_actors(counts: NDArray[np.intp], actor: NDArray[np.intp]) -> int:
    """Find the largest number of responses that at least half of every actor's images have."""
    medians = [np.sort(counts[actor == one])[(np.sum(actor == one)) // 2] for one in np.unique(actor)]
    return int(min(medians))


_PERMUTATIONS = 512  # permutations at a time
_LABELS = 16  # labels at a time: permutations x actors x labels numbers are held
_ROUND = 9  # decimals of t and of shares of variance: sums in another order differ in their last digits



@dataclass(frozen=True)
class Cells:
    """Statistics of one or many arrangements of images among actors.

    Attributes
    ----------
    means : ndarray (b, actor, label)
        Mean over the images that an actor has in the arrangement.
    difference : ndarray (b, actor, label)
        An actor's mean minus the mean of the other actors' means.
    error : ndarray (b, actor, label)
        Its standard error, from the variance within actors, pooled.
    explained : ndarray (b, label)
        Share of the variance between images that actors explain (eta²); NaN for a label without variance.
    freedom : int
        Degrees of freedom of the variance within actors.
    """

    means: Values
    difference: Values
    error: Values
    explained: Values
    freedom: int

    @property
    def t(self) -> Values:
        """Difference over its error (b, actor, label); infinite where actors differ and their images do not."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.round(self.difference / self.error, _ROUND)


def cells(values: Values, exchange: Exchangeability, batch: NDArray[np.integer]) -> Cells:
    """Compute the statistics of a batch of arrangements.

    Parameters
    ----------
    values : ndarray (image, label)
        Of each image, such as its shares of labels.
    exchange : Exchangeability
        Units are images or clusters of images, labels are actors; no blocks.
    batch : ndarray of int (b, unit)
        Permutations: place i is taken by unit ``batch[r, i]``.
    """
    n, n_labels = values.shape
    centred = values - values.mean(axis=0)  # sums of squares of what is far from 0 lose digits
    units = np.zeros((exchange.n_units, n_labels + 1))
    np.add.at(units, exchange.units, np.column_stack([centred, np.ones(n)]))
    sums = _sums_of_actors(units, exchange.labels, batch)
    sizes = sums[..., -1:]
    means = sums[..., :-1] / sizes
    n_actors = means.shape[1]
    between = (sizes * means**2).sum(axis=1)
    total = (centred**2).sum(axis=0)
    explained = np.round(between / np.where(total > 0, total, np.nan), _ROUND)
    within = np.where(explained < 1, total - between, 0)[:, np.newaxis]
    others = 1 / sizes + ((1 / sizes).sum(axis=1, keepdims=True) - 1 / sizes) / (n_actors - 1) ** 2
    error = np.sqrt(within / (n - n_actors) * others)
    difference = (means - means.mean(axis=1, keepdims=True)) * n_actors / (n_actors - 1)
    return Cells(means + values.mean(axis=0), difference, error, explained, n - n_actors)


def _sums_of_actors(units: Values, labels: NDArray[np.intp], batch: NDArray[np.integer]) -> Values:
    """Sum the units (unit, column) that each actor has in each permutation: (b, actor, column)."""
    sizes = np.bincount(labels)
    n_rows = len(batch) * len(sizes)
    places = batch[:, np.argsort(labels, kind="stable")].ravel()
    ends = np.concatenate([[0], np.cumsum(np.tile(sizes, len(batch)))])
    member = sparse.csr_array((np.ones(places.size), places, ends), shape=(n_rows, len(units)))
    return np.asarray((member @ units).reshape(len(batch), len(sizes), -1))


@dataclass(frozen=True)
class CellTests:
    """What the permutations say; the observed arrangement is among those that p-values count.

    Attributes
    ----------
    p_value : ndarray (actor, label)
        Of the magnitude of each cell's t, in the cell's own null distribution.
    p_adjusted : ndarray (actor, label)
        Over all cells, by the distribution of the most extreme cell.
    explained_null : ndarray (permutation, label)
        Shares of variance under permutation.
    """

    p_value: Values
    p_adjusted: Values
    explained_null: Values


def cell_tests(values: Values, exchange: Exchangeability, permutations: NDArray[np.integer]) -> CellTests:
    """Test all cells (actor, label) in one pass over the permutations (permutation, unit).

    Notes
    -----
    Rare labels have a long-tailed t: one response in all gives the actor that has it the same large t in every
    permutation. The largest of all would be that of the rarest label, and no other could stand out. So magnitudes are
    turned into their upper tail's share among all actors and arrangements of the label before the most extreme is
    taken. The observed arrangement is one of them, so that the function is the same in all and the test stays exact.
    """
    if not values.shape[1]:  # every image has the same shares
        none = np.empty((len(np.unique(exchange.labels)), 0))
        return CellTests(none, none, np.empty((len(permutations), 0)))
    observed = np.arange(exchange.n_units, dtype=permutations.dtype)
    arrangements = np.concatenate([observed[np.newaxis], permutations])
    most_extreme = np.ones(len(arrangements))
    alone, tails, explained = [], [], []
    for start in range(0, values.shape[1], _LABELS):
        t, variance = _magnitudes(values[:, start:start + _LABELS], exchange, arrangements)
        alone.append((t >= t[0]).mean(axis=0))
        tail = np.stack([_upper_tail(t[..., label]) for label in range(t.shape[-1])], axis=-1)
        most_extreme = np.minimum(most_extreme, tail.min(axis=(1, 2)))
        tails.append(tail[0])
        explained.append(variance[1:])
    adjusted = np.searchsorted(np.sort(most_extreme), np.concatenate(tails, axis=1), side="right") / len(arrangements)
    return CellTests(np.concatenate(alone, axis=1), adjusted, np.concatenate(explained, axis=1))


def _magnitudes(values: Values, exchange: Exchangeability, arrangements: NDArray[np.integer]) -> tuple[Values, Values]:
    """Compute magnitudes of t (arrangement, actor, label) and shares of variance (arrangement, label)."""
    parts = [cells(values, exchange, arrangements[start:start + _PERMUTATIONS])
             for start in range(0, len(arrangements), _PERMUTATIONS)]
    t = np.concatenate([np.nan_to_num(np.abs(part.t), nan=0.0, posinf=np.inf) for part in parts])
    return t, np.concatenate([part.explained for part in parts])


def _upper_tail(values: Values) -> Values:
    """Give the share of all values that are at least as large as each, in the shape of `values`."""
    order = np.sort(values, axis=None)
    return np.asarray(1 - np.searchsorted(order, values, side="left") / order.size)
