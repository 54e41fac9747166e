"""Do actors differ in which labels people use, and which labels of which actors stand out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy import sparse, stats

from salcompare.errors import InputError, Problem
from salcompare.printing import ALPHA
from salcompare.random_numbers import drawing
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
_MOST_PERMUTATIONS = 999  # of numbers of responses: only whether p is below the level matters
_PERMUTATIONS = 512  # permutations at a time
_LABELS = 16  # labels at a time: permutations x actors x labels numbers are held
_ROUND = 9  # decimals of t and of shares of variance: sums in another order differ in their last digits
SAME = "the label's share is the same on every image"


@drawing
def label_differences(responses: pd.DataFrame, images: pd.DataFrame, *, rng: np.random.Generator,
                      n_permutations: int = 9999, labels: Sequence[str] | None = None, clusters: str | None = None,
                      per_image: int | None = None) -> xr.Dataset:
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
        ``n_permutations``, ``p_attainable`` of cells, ``alternative`` of cells and ``omnibus_alternative``,
        ``per_image`` (0 where all were kept), ``counts_p_value``, ``ci_method``, ``resampled``.

    Raises
    ------
    InputError
        If responses name no images, a column is missing, fewer than two actors have responses, or none has two images.

    Notes
    -----
    A unit is an image with all its responses: under the null hypothesis images are exchangeable among actors. Permuting
    responses instead takes what belongs to an image for the actor's: with 12 actors alike, 4 images each and 20
    responses an image it rejected in 35%, 94% and 100% of simulated studies as images differed little, more, and much.

    Workers are taken to meet images regardless of the actor: where each works on one actor only, what is told apart may
    be workers. And an image's number of responses must say nothing about its actor: shares of few responses scatter
    more, and where actors of two images of 3 responses met actors of twelve of 30, plain permutation rejected in 100%
    of null studies. Evening out the numbers mends that (5.1% of 2,000 null studies), at the cost of responses; it is a
    draw of its own from `rng`. With equal numbers the omnibus test rejected in 5.5%, any cell in 3.4%; with random ones
    in 5.0% and 1.3%.

    Cells are adjusted by the distribution, over permutations, of the most extreme of all cells (Westfall & Young 1993),
    after each label's t has been put on the scale of its own null distribution, so that rare labels, whose t has long
    tails, do not hide the frequent ones: in simulations like the demo 84% of raised labels were found, by the largest
    raw t 67%. The family-wise error rate is controlled where all actors are alike; where some differ, it is for the
    others approximately. Actors of unequal spread are not exchangeable either.

    References
    ----------
    Westfall & Young (1993), Resampling-Based Multiple Testing; Anderson (2001), doi:10.1111/j.1442-9993.2001.01070.pp.x
    """
    coded = code_responses(responses, images, labels)
    if not coded.images_known:
        raise InputError(Problem("responses", "no column 'image'", "the image of each response, since images are what "
                                 "is permuted", "read responses that name images"))
    if clusters is not None and clusters not in images:
        raise InputError(Problem("images", f"no column {clusters!r}", "the cluster of each image",
                                 "found " + ", ".join(map(str, images.columns))))
    of_images = None if clusters is None else np.asarray(
        images.set_index("image")[clusters].reindex(coded.image_names), object)
    thinning = _thinned(coded, of_images, per_image, rng=rng, n_permutations=n_permutations)
    actor = coded.actor[thinning.kept]
    sizes = np.bincount(actor)
    if np.count_nonzero(sizes) < _FEWEST_ACTORS:
        raise InputError(Problem("responses", f"{np.count_nonzero(sizes)} actor with responses",
                                 "at least two to compare"))
    if sizes.max() < 2:
        raise InputError(Problem("responses", "one image with responses on each actor", "two images on some actor, "
                                 "since images of one actor show how much images differ"))
    together = None if of_images is None else of_images[thinning.kept].tolist()
    exchange = exchangeability(actor.tolist(), clusters=together)
    used = np.flatnonzero(np.ptp(thinning.shares, axis=0) > 0)
    order = np.concatenate(list(permutations(exchange, n_permutations, rng)) or [np.empty((0, exchange.n_units), int)])
    return _dataset(coded, thinning, np.unique(actor), used, exchange, order.astype(np.int32))


def _dataset(coded: CodedResponses, thinning: _Thinning, actors: NDArray[np.intp], used: NDArray[np.intp],
             exchange: Exchangeability, order: NDArray[np.int32]) -> xr.Dataset:
    """Put the statistics of those actors and labels that can be tested among all."""
    tests = _cell_tests(thinning.shares[:, used], exchange, order)
    observed = _cells(thinning.shares, exchange, np.arange(exchange.n_units)[np.newaxis])
    size = len(coded.actors)
    kept = np.bincount(coded.actor[thinning.kept], minlength=size)
    variables = _of_cells(coded, actors, used, observed, tests) | {
        "reason": (("actor", "label"), _reasons(coded, thinning, actors, used)), "n_images": ("actor", kept),
        "n_left_out": ("actor", np.bincount(coded.actor, minlength=size) - kept),
        **_of_labels(len(coded.labels), used, observed.explained[0, used], tests.explained_null),
        **_omnibus(exchange, observed.explained[0, used], tests.explained_null)}
    return xr.Dataset(variables, {"actor": coded.actors, "label": coded.labels}, {
        "null": f"{exchange.null}, each with all its responses", "family": "actors and labels (most extreme cell)",
        "family_size": len(actors) * len(used), "n_permutations": len(order), "p_attainable": smallest_p(len(order)),
        "alternative": "two-sided", "omnibus_alternative": "greater", "per_image": thinning.per_image,
        "counts_p_value": thinning.counts_p_value, "ci_method": "t", "resampled": "images"})


def _of_cells(coded: CodedResponses, actors: NDArray[np.intp], used: NDArray[np.intp], observed: _Cells,
              tests: _CellTests) -> dict[str, Variable]:
    """Fill the cells (actor, label) that are tested; shares are known of labels without variance too."""
    half = stats.t.ppf((1 + LEVEL) / 2, observed.freedom) * observed.error[0]
    difference = observed.difference[0]
    tested = {"difference": difference, "ci_low": difference - half, "ci_high": difference + half, "t": observed.t[0]}
    parts = {name: part[:, used] for name, part in tested.items()}
    parts |= {"p_value": tests.p_value, "p_adjusted": tests.p_adjusted}
    shape = (len(coded.actors), len(coded.labels))
    filled = {name: np.full(shape, np.nan) for name in ("share", *parts)}
    filled["share"][actors] = observed.means[0]
    for name, part in parts.items():
        filled[name][np.ix_(actors, used)] = part
    return {name: (("actor", "label"), values) for name, values in filled.items()}


def _of_labels(n_labels: int, used: NDArray[np.intp], explained: Values, null: Values) -> dict[str, Variable]:
    eta2, means, p = np.full((3, n_labels), np.nan)
    eta2[used], p[used], means[used] = explained, p_value(explained, null), null.mean(axis=0) if len(null) else np.nan
    return {"eta2": ("label", eta2), "label_null_mean": ("label", means), "label_p_value": ("label", p)}


def _omnibus(exchange: Exchangeability, explained: Values, null: Values) -> dict[str, Variable]:
    """Average over labels; arrangements that differ in the actors' names only are equal in it."""
    draws = null.mean(axis=1) if null.shape[1] else np.full(len(null), np.nan)
    value = float(explained.mean()) if explained.size else np.nan
    floor = max(smallest_p(len(null)), 1 / n_distinct(exchange, distinct="partitions"))
    return {"omnibus": value, "omnibus_null_mean": float(draws.mean()) if draws.size else np.nan,
            "omnibus_p_value": float(p_value(value, draws)), "omnibus_p_attainable": floor,
            "null": ("permutation", draws)}


def _reasons(coded: CodedResponses, thinning: _Thinning, actors: NDArray[np.intp],
             used: NDArray[np.intp]) -> NDArray[np.str_]:
    """Why a cell is not tested (actor, label); empty where it is."""
    reasons = np.full((len(coded.actors), len(coded.labels)), SAME, object)
    reasons[:, used] = ""
    with_responses = np.bincount(coded.actor, minlength=len(coded.actors)) > 0
    missing = np.setdiff1d(np.arange(len(coded.actors)), actors)
    text = [f"no image with {thinning.per_image} responses" if with_responses[a] else "no responses" for a in missing]
    reasons[missing] = np.array(text, object)[:, np.newaxis] if text else ""
    return reasons.astype(str)


@dataclass(frozen=True)
class _Thinning:
    """Shares of labels of the images that are kept, with all their responses or so many of each."""

    kept: NDArray[np.intp]  # (image,): those with enough responses
    shares: Values  # (image, label), of the images that are kept
    per_image: int  # responses kept of each; 0 where all were
    counts_p_value: float  # whether actors differ in their images' numbers of responses; NaN where all are the same


def _thinned(coded: CodedResponses, clusters: NDArray[np.object_] | None, per_image: int | None, *,
             rng: np.random.Generator, n_permutations: int) -> _Thinning:
    """Keep all responses, or the same number on each image: without `per_image` where the actors' numbers differ."""
    counts = coded.responses_of_images
    p = _counts_p_value(counts, coded.actor, clusters, rng, min(n_permutations, _MOST_PERMUTATIONS))
    if per_image is None and not p <= ALPHA:
        return _Thinning(np.arange(len(counts)), coded.image_shares, 0, p)
    # the largest number of responses that at least half of every actor's images have, unless one is given
    medians = [np.sort(counts[coded.actor == one])[np.sum(coded.actor == one) // 2] for one in np.unique(coded.actor)]
    keep = int(min(medians)) if per_image is None else per_image
    kept = np.flatnonzero(counts >= keep)
    if keep < 1 or not kept.size:
        raise InputError(Problem("per_image", str(keep), f"a number from 1 to {counts.max()}, the most that an image "
                                 "has"))
    order = np.lexsort((rng.random(len(coded.image)), coded.image))
    rank = np.arange(len(order)) - (np.cumsum(counts) - counts)[coded.image[order]]
    chosen = order[rank < keep]
    n_labels = len(coded.labels)
    times = np.bincount(coded.image[chosen] * n_labels + coded.label[chosen], minlength=len(counts) * n_labels)
    return _Thinning(kept, times.reshape(-1, n_labels)[kept] / keep, keep, p)


def _counts_p_value(counts: NDArray[np.intp], actor: NDArray[np.intp], clusters: NDArray[np.object_] | None,
                    rng: np.random.Generator, n_permutations: int) -> float:
    """Test whether actors differ in their images' numbers of responses."""
    exchange = exchangeability(actor.tolist(), clusters=None if clusters is None else clusters.tolist())
    if np.ptp(counts) == 0 or exchange.labels.max() == 0 or len(counts) <= exchange.labels.max() + 1:
        return np.nan
    values = counts[:, np.newaxis].astype(float)
    draws = [_cells(values, exchange, batch).explained[:, 0] for batch in permutations(exchange, n_permutations, rng)]
    observed = _cells(values, exchange, np.arange(exchange.n_units)[np.newaxis]).explained[0, 0]
    return float(p_value(observed, np.concatenate(draws) if draws else np.empty(0)))


@dataclass(frozen=True)
class _Cells:
    """Statistics of arrangements b of images among actors."""

    means: Values  # (b, actor, label), over the images that an actor has in the arrangement
    difference: Values  # (b, actor, label), an actor's mean minus the mean of the other actors' means
    error: Values  # (b, actor, label), its standard error, from the variance within actors, pooled
    explained: Values  # (b, label), share of the variance between images that actors explain (eta²); NaN without any
    freedom: int  # of the variance within actors

    @property
    def t(self) -> Values:
        """Difference over its error (b, actor, label); infinite where actors differ and their images do not."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.round(self.difference / self.error, _ROUND)


def _cells(values: Values, exchange: Exchangeability, batch: NDArray[np.integer]) -> _Cells:
    """Compute statistics of images' values (image, label) in arrangements: place i is taken by unit ``batch[b, i]``.

    Units of `exchange` are images or clusters of images, its labels are actors; it has no blocks.
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
    return _Cells(means + values.mean(axis=0), difference, error, explained, n - n_actors)


def _sums_of_actors(units: Values, labels: NDArray[np.intp], batch: NDArray[np.integer]) -> Values:
    """Sum the units (unit, column) that each actor has in each permutation: (b, actor, column)."""
    sizes = np.bincount(labels)
    n_rows = len(batch) * len(sizes)
    places = batch[:, np.argsort(labels, kind="stable")].ravel()
    ends = np.concatenate([[0], np.cumsum(np.tile(sizes, len(batch)))])
    member = sparse.csr_array((np.ones(places.size), places, ends), shape=(n_rows, len(units)))
    return np.asarray((member @ units).reshape(len(batch), len(sizes), -1))


@dataclass(frozen=True)
class _CellTests:
    """What the permutations say; the observed arrangement is among those that p-values count."""

    p_value: Values  # (actor, label), of the magnitude of each cell's t, in the cell's null distribution
    p_adjusted: Values  # (actor, label), over all cells, by the distribution of the most extreme cell
    explained_null: Values  # (permutation, label), shares of variance


def _cell_tests(values: Values, exchange: Exchangeability, permutations: NDArray[np.integer]) -> _CellTests:
    """Test all cells (actor, label) in one pass over the permutations (permutation, unit).

    Rare labels have a long-tailed t: one response in all gives the actor that has it the same large t in every
    permutation. The largest of all would be that of the rarest label, and no other could stand out. So magnitudes are
    turned into their upper tail's share among all actors and arrangements of the label before the most extreme is
    taken. The observed arrangement is one of them, so that the function is the same in all and the test stays exact.
    """
    if not values.shape[1]:  # every image has the same shares
        none = np.empty((len(np.unique(exchange.labels)), 0))
        return _CellTests(none, none, np.empty((len(permutations), 0)))
    observed = np.arange(exchange.n_units, dtype=permutations.dtype)
    arrangements = np.concatenate([observed[np.newaxis], permutations])
    most_extreme = np.ones(len(arrangements))
    alone, tails, explained = [], [], []
    for start in range(0, values.shape[1], _LABELS):
        t, variance = _magnitudes(values[:, start:start + _LABELS], exchange, arrangements)
        alone.append((t >= t[0]).mean(axis=0))
        # share of all values of the label that are at least as large
        tail = np.stack([1 - np.searchsorted(np.sort(of_label, axis=None), of_label, side="left") / of_label.size
                         for of_label in np.moveaxis(t, -1, 0)], axis=-1)
        most_extreme = np.minimum(most_extreme, tail.min(axis=(1, 2)))
        tails.append(tail[0])
        explained.append(variance[1:])
    adjusted = np.searchsorted(np.sort(most_extreme), np.concatenate(tails, axis=1), side="right") / len(arrangements)
    return _CellTests(np.concatenate(alone, axis=1), adjusted, np.concatenate(explained, axis=1))


def _magnitudes(values: Values, exchange: Exchangeability, arrangements: NDArray[np.integer]) -> tuple[Values, Values]:
    """Compute magnitudes of t (arrangement, actor, label) and shares of variance (arrangement, label)."""
    parts = [_cells(values, exchange, arrangements[start:start + _PERMUTATIONS])
             for start in range(0, len(arrangements), _PERMUTATIONS)]
    t = np.concatenate([np.nan_to_num(np.abs(part.t), nan=0.0, posinf=np.inf) for part in parts])
    return t, np.concatenate([part.explained for part in parts])
