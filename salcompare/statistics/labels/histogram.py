"""Which labels people use: balanced histograms, with intervals that take workers as the replicates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from salcompare.statistics.inference.resampling import LEVEL
from salcompare.statistics.kernels import Values
from salcompare.statistics.labels.shares import CodedResponses, code_responses

FEWEST_FREEDOM = 5.0
"""Degrees of freedom of the workers below which a share has no interval."""
_NOTHING = 1e-12  # of a standard error: rounding


def label_histogram(responses: pd.DataFrame, images: pd.DataFrame | None, *,
                    labels: Sequence[str] | None = None) -> pd.DataFrame:
    """Share of each label in people's votes on each actor, every image weighing the same.

    Parameters
    ----------
    responses : DataFrame
        One row a box: columns ``image`` and ``label``, and ``worker`` for intervals. Responses whose images are not
        known have ``actor`` instead of ``image``; then every response weighs the same.
    images : DataFrame or None
        Columns ``image`` and ``actor``; None where responses name actors. Its actors without responses have rows too.
    labels : sequence of str, optional
        Labels that come first and in this order, used or not; those found beside them follow in alphabetical order.

    Returns
    -------
    DataFrame
        One row for each actor and label: ``actor``, ``label``; ``share``, in [0, 1], which sums to 1 over an actor's
        labels and is NaN for an actor without responses; ``ci_low``, ``ci_high``, a 95% interval in (0, 1); ``df``, its
        degrees of freedom; ``n_responses``, the count of this label on this actor; ``n_effective``, Kish's effective
        number of the actor's votes (of all labels); ``n_images`` and ``n_workers``, the actor's, missing (NA) where not
        known; ``reason``, why share or interval is NaN. attrs: ``ci_method``, ``resampled``.

    Notes
    -----
    A worker has one vote on an image; of m boxes each is 1/m of it. A vote on an image with m votes, of an actor with k
    images, weighs 1 / (k m). ``n_effective`` = (sum of weights)^2 / sum of squared weights (Kish 1965).

    The variance is the jackknife's that leaves out one worker with all votes. The interval is a t interval of the
    logit, so that it is as skewed as a small share is. Its degrees of freedom are Satterthwaite's for that variance
    where all votes of a worker are the same (the working correlation of Bell & McCaffrey 2002 at 1), so that few
    workers with most of the votes count as few. Below `FEWEST_FREEDOM` there is no interval, and none where leaving
    out any worker changes nothing, as for a label that nobody used. The images are taken as given.

    References
    ----------
    Kish (1965), Survey Sampling, section 11.7; Efron & Stein (1981), doi:10.1214/aos/1176345462; Satterthwaite (1946),
    doi:10.2307/3002019; Bell & McCaffrey (2002), Survey Methodology 28, 169-181
    """
    coded = code_responses(responses, images, labels)
    shares = coded.shares
    low, high, df = np.full((3, *shares.shape), np.nan)
    reasons = np.where(np.isnan(shares), "no responses", _no_workers(coded)).astype(object)
    for actor, part in _left_out(coded):
        low[actor], high[actor], df[actor], reasons[actor] = _interval(shares[actor], part.shares, part.weights)
    table = _counted(coded).assign(share=shares.ravel(), ci_low=low.ravel(), ci_high=high.ravel(), df=df.ravel(),
                                   reason=reasons.ravel().astype(str))
    return _finished(table, ["actor", "label", "share", "ci_low", "ci_high", "df", "n_responses", "n_effective",
                             "n_images", "n_workers", "reason"])


def population_label_histogram(responses: pd.DataFrame, images: pd.DataFrame | None, *,
                               labels: Sequence[str] | None = None) -> pd.DataFrame:
    """Share of each label in the population: the mean over actors of their shares, so that actors weigh the same.

    Parameters
    ----------
    responses, images, labels
        As for `label_histogram`, errors too.

    Returns
    -------
    DataFrame
        One row a label: ``label``, ``share``, ``ci_low``, ``ci_high``, ``df`` as in `label_histogram`; ``n_responses``
        of this label; ``n_effective`` of all votes, as balanced over images and actors; ``n_actors`` with a response,
        ``n_images``, ``n_workers``; ``n_undefined``, actors without responses; ``reason``.
    """
    coded = code_responses(responses, images, labels)
    of_actors = coded.shares
    with_responses = ~np.isnan(of_actors[:, 0])
    share = of_actors[with_responses].mean(axis=0)
    low, high, df = np.full((3, share.size), np.nan)
    reasons = np.full(share.size, _no_workers(coded), object)
    if coded.worker is not None:
        low, high, df, reasons = _interval(share, *_left_out_of_all(coded, of_actors[with_responses]))
    effective = coded.effective_votes[with_responses]
    table = pd.DataFrame({
        "label": coded.labels, "share": share, "ci_low": low, "ci_high": high, "df": df,
        "n_responses": np.bincount(coded.label, minlength=len(coded.labels)),
        "n_effective": float(len(effective) ** 2 / (1 / effective).sum()), "n_actors": int(with_responses.sum()),
        "n_images": len(coded.actor) if coded.images_known else pd.NA,
        "n_workers": pd.NA if coded.worker is None else int(coded.worker.max()) + 1,
        "n_undefined": int((~with_responses).sum()), "reason": reasons.astype(str)})
    return _finished(table, list(map(str, table)))


class _LeftOut(NamedTuple):
    """What is left of an actor's shares without each of its workers."""

    workers: NDArray[np.intp]  # (worker,)
    shares: Values  # (worker, label); NaN where no vote is left
    before: Values  # (worker,), what the workers' votes weigh
    weights: Values  # (worker left out, worker), what they weigh then; they sum to 1


def _left_out(coded: CodedResponses) -> Iterator[tuple[int, _LeftOut]]:
    """Leave each worker out of each actor's votes in turn; images without a vote left are left out."""
    votes, of_images = coded.votes, coded.image_shares
    owner = coded.actor[votes.image]
    for actor in np.unique(owner).tolist() if coded.worker is not None else []:
        chosen = np.flatnonzero(owner == actor)
        rows, image = np.unique(votes.image[chosen], return_inverse=True)
        workers, worker = np.unique(votes.worker[chosen], return_inverse=True)
        size, mean = np.bincount(image), of_images[rows]
        member = np.zeros((worker.max() + 1, len(size)))
        member[worker, image] = 1
        alone = member * (size == 1)
        kept = len(size) - alone.sum(axis=1, keepdims=True)
        less = 1 / np.where(size > 1, size - 1, np.inf)  # of images that others voted on, too
        change = (member * less - alone) @ mean
        np.add.at(change, worker, -less[image][:, None] * votes.shares[chosen])
        before = (member / size).sum(axis=1)
        weights = before + (member * (less / size)) @ member.T
        np.fill_diagonal(weights, 0)
        kept = np.where(kept > 0, kept, np.nan)
        yield actor, _LeftOut(workers, (mean.sum(axis=0) + change) / kept, before / len(size), weights / kept)


def _left_out_of_all(coded: CodedResponses, of_actors: Values) -> tuple[Values, Values]:
    """Leave each worker out of the mean over actors (worker, label), with the weights (worker left out, worker)."""
    n = 1 + int(coded.votes.worker.max())
    shares, weights = np.tile(of_actors.sum(axis=0), (n, 1)), np.zeros((n, n))
    actors = np.full((n, 1), float(len(of_actors)))
    for actor, part in _left_out(coded):
        left = np.isfinite(part.shares[:, 0])
        weights[:, part.workers] += part.before
        weights[np.ix_(part.workers, part.workers)] += np.where(left[:, None], part.weights, 0) - part.before
        shares[part.workers] += np.where(left[:, None], part.shares, 0) - coded.shares[actor]
        actors[part.workers[~left]] -= 1
    actors[actors == 0] = np.nan
    return shares / actors, weights / actors


def _interval(share: Values, without: Values, weights: Values) -> tuple[Values, Values, Values, NDArray[np.object_]]:
    """Give the interval's ends and degrees of freedom of shares (label,), and why there is none.

    `without` (worker, label) are the shares without each worker, `weights` (worker left out, worker) what they weigh.
    """
    n = len(without)
    low, high, df = np.full((3, share.size), np.nan)
    if n < 2:
        return low, high, df, np.full(share.size, "one worker only", object)
    spread = weights - weights.mean(axis=0)
    df[:] = (spread**2).sum() ** 2 / ((spread @ spread.T) ** 2).sum()
    error = np.sqrt((n - 1) / n * ((without - without.mean(axis=0)) ** 2).sum(axis=0))
    reasons = np.where(error <= _NOTHING, "the same without any worker", "").astype(object)
    if df[0] < FEWEST_FREEDOM:
        reasons[reasons == ""] = f"{df[0]:.1f} degrees of freedom of workers, fewer than {FEWEST_FREEDOM:g}"
    good = reasons == ""
    p = share[good]
    half = stats.t.ppf((1 + LEVEL) / 2, df[good]) * error[good] / (p * (1 - p))
    logit = np.log(p / (1 - p))
    low[good], high[good] = (1 / (1 + np.exp(-(logit + side * half))) for side in (-1, 1))
    return low, high, df, reasons


def _no_workers(coded: CodedResponses) -> str:
    return "it is not known who drew which box" if coded.worker is None else ""


def _counted(coded: CodedResponses) -> pd.DataFrame:
    """Actors, labels and counts, one row for each actor and label."""
    n_labels, n_actors = len(coded.labels), len(coded.actors)
    counts = np.bincount(coded.of_actor * n_labels + coded.label, minlength=n_actors * n_labels)
    n_images = np.repeat(np.bincount(coded.actor, minlength=n_actors), n_labels)
    n_workers = np.repeat(coded.workers_of_actors, n_labels)
    return pd.DataFrame({
        "actor": np.repeat(coded.actors, n_labels), "label": np.tile(coded.labels, n_actors), "n_responses": counts,
        "n_effective": np.repeat(coded.effective_votes, n_labels),
        "n_images": n_images if coded.images_known else pd.NA,
        "n_workers": pd.NA if coded.worker is None else n_workers})


def _finished(table: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    whole = {name: "Int64" if name in ("n_images", "n_workers") else "int64" for name in columns if name[:2] == "n_"}
    table = table[columns].astype({**whole, "n_effective": "float64", "label": "str", "reason": "str"})
    table.attrs = {"ci_method": "logit t", "resampled": "workers"}
    return table
