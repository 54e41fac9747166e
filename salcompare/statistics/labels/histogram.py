"""Which labels people use: balanced histograms, with intervals from resampling workers with all their responses."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from salcompare.random_numbers import drawing
from salcompare.statistics.inference.resampling import Interval, bootstrap_weights, percentile_interval
from salcompare.statistics.kernels import Values
from salcompare.statistics.labels.shares import CodedResponses, code_responses

_GROUPED = "a sum of labels: map them to one label in the responses to have its interval"


@drawing
def label_histogram(responses: pd.DataFrame, images: pd.DataFrame | None, *, rng: np.random.Generator,
                    n_resamples: int = 2000, labels: Sequence[str] | None = None) -> pd.DataFrame:
    """Share of each label in the responses on each actor, every image weighing the same.

    Parameters
    ----------
    responses : DataFrame
        One row a box: columns ``image`` and ``label``, and ``worker`` for intervals. Responses whose images are not
        known have ``actor`` instead of ``image``; then every response weighs the same.
    images : DataFrame or None
        Columns ``image`` and ``actor``; None where responses name actors. Its actors without responses have rows too.
    rng, n_resamples : Generator, int
        How many resamples of workers to draw.
    labels : sequence of str, optional
        Labels that come first and in this order, used or not; those found beside them follow in alphabetical order.

    Returns
    -------
    DataFrame
        One row for each actor and label: ``actor``, ``label``; ``share``, in [0, 1], which sums to 1 over an actor's
        labels and is NaN for an actor without responses; ``ci_low``, ``ci_high``, the ends of the 95% percentile
        interval; ``n_responses``, the count of this label on this actor; ``n_effective``, Kish's effective number of
        the actor's responses (of all labels); ``n_images`` and ``n_workers``, the actor's, missing (NA) where not
        known; ``n_undefined``, resamples that left the actor no response and were skipped;
        ``reason``, why share or interval is NaN. attrs: ``ci_method``, ``resampled``, ``n_resamples``.

    Raises
    ------
    InputError
        If a column is missing, an image is not in `images`, a label is empty, or there is no response.

    Notes
    -----
    A response to an image with m responses, of an actor with k images, weighs 1 / (k m). ``n_effective`` = (sum of
    weights)^2 / sum of squared weights (Kish 1965) is how many equally weighted responses would give a share the same
    variance, were all responses independent; the likeness of a worker's responses is in the interval, not in it.

    Workers are resampled with all their responses, since responses of one worker are alike, and shares are computed
    anew, so that images keep weighing the same. A resample cannot show what never happened: where all resamples are
    equal, as for a label that nobody used, the interval is NaN. With few workers percentile intervals cover less than
    95%: in simulations of 10 responses a worker, each with preferences of their own, population shares were covered in
    86% with 8 workers, 89% with 15, and 94% with 40 and with 100.

    References
    ----------
    Kish (1965), Survey Sampling, section 11.7
    """
    coded = code_responses(responses, images, labels)
    shares, draws, reason = _resampled(coded, n_resamples, rng)
    interval = None if draws is None else percentile_interval(draws, resampled="workers")
    reasons = np.repeat(_actor_reasons(coded, reason)[:, None], shares.shape[1], axis=1)
    low, high, reasons = _ends(interval, shares, reasons)
    undefined = np.zeros(shares.shape, int) if interval is None else interval.n_undefined
    table = _counted(coded).assign(share=shares.ravel(), ci_low=low.ravel(), ci_high=high.ravel(),
                                   n_undefined=undefined.ravel(), reason=reasons.ravel().astype(str))
    return _finished(table, ["actor", "label", "share", "ci_low", "ci_high", "n_responses", "n_effective", "n_images",
                             "n_workers", "n_undefined", "reason"], n_resamples)


@drawing
def population_label_histogram(responses: pd.DataFrame, images: pd.DataFrame | None, *, rng: np.random.Generator,
                               n_resamples: int = 2000, labels: Sequence[str] | None = None) -> pd.DataFrame:
    """Share of each label in the population: the mean over actors of their shares, so that actors weigh the same.

    Parameters
    ----------
    responses, images, rng, n_resamples, labels
        As for `label_histogram`, errors too; an equal `rng` draws equal resamples.

    Returns
    -------
    DataFrame
        One row a label: ``label``, ``share``, ``ci_low``, ``ci_high`` as in `label_histogram`; ``n_responses`` of this
        label; ``n_effective`` of all responses, as balanced over images and actors; ``n_actors`` with a response,
        ``n_images``, ``n_workers``; ``n_undefined``, actors without responses; ``n_skipped``, how often an actor lost
        all responses in a resample and was left out of its mean; ``reason``.
    """
    coded = code_responses(responses, images, labels)
    shares, draws, reason = _resampled(coded, n_resamples, rng)
    with_responses = ~np.isnan(shares[:, 0])
    mean = shares[with_responses].mean(axis=0)
    interval, skipped = None, 0
    if draws is not None:
        present = ~np.isnan(draws)
        skipped = int((~present[:, with_responses, 0]).sum())
        interval = percentile_interval(np.where(present, draws, 0).sum(axis=1) / present.sum(axis=1),
                                       resampled="workers")
    low, high, reasons = _ends(interval, mean, np.full(mean.shape, reason, object))
    effective = coded.effective_responses[with_responses]
    table = pd.DataFrame({
        "label": coded.labels, "share": mean, "ci_low": low, "ci_high": high,
        "n_responses": np.bincount(coded.label, minlength=len(coded.labels)),
        "n_effective": float(len(effective) ** 2 / (1 / effective).sum()), "n_actors": int(with_responses.sum()),
        "n_images": len(coded.actor) if coded.images_known else pd.NA,
        "n_workers": pd.NA if coded.worker is None else int(coded.worker.max()) + 1,
        "n_undefined": int((~with_responses).sum()), "n_skipped": skipped, "reason": reasons.astype(str)})
    return _finished(table, list(map(str, table)), n_resamples)


def group_rare_labels(histogram: pd.DataFrame, *, keep: Collection[str], other: str = "other") -> pd.DataFrame:
    """Sum the labels that are not kept, for display.

    Parameters
    ----------
    histogram : DataFrame
        From `label_histogram` or `population_label_histogram`.
    keep : collection of str
        Labels that stay as they are.
    other : str
        What the sum is called; it comes last. If `keep` holds it, rows of that name are summed with the rest.

    Returns
    -------
    DataFrame
        As `histogram`; shares and counts of the others are summed, and their interval is NaN, since it does not
        follow from theirs.
    """
    kept = histogram["label"].isin(set(keep) - {other})
    if kept.all():
        return histogram.copy()
    by = ["actor"] if "actor" in histogram else []
    rest = histogram[~kept].assign(label=other)
    groups = rest.groupby([*by, "label"], sort=False)
    grouped = groups.first().assign(share=groups["share"].sum(min_count=1), n_responses=groups["n_responses"].sum(),
                                    ci_low=np.nan, ci_high=np.nan).reset_index()
    grouped["reason"] = grouped["reason"].where(grouped["share"].isna(), _GROUPED)
    both = pd.concat([histogram[kept], grouped[list(histogram)]], ignore_index=True)
    if by:
        order = {actor: at for at, actor in enumerate(histogram["actor"].unique())}
        both = both.sort_values("actor", key=lambda actors: actors.map(order), kind="stable", ignore_index=True)
    both.attrs = dict(histogram.attrs)
    return both


def _resampled(coded: CodedResponses, n_resamples: int, rng: np.random.Generator) -> tuple[Values, Values | None, str]:
    """Compute shares (actor, label) and draws (resample, actor, label), or None and why there are none."""
    observed = coded.shares()[0]
    if coded.worker is None:
        return observed, None, "it is not known who drew which box, so workers cannot be resampled"
    n_workers = int(coded.worker.max()) + 1
    if n_workers < 2:
        return observed, None, "one worker only"
    return observed, coded.shares(bootstrap_weights(n_workers, n_resamples, rng)), ""


def _ends(interval: Interval | None, shares: Values, reasons: NDArray[np.object_]) -> tuple[
        Values, Values, NDArray[np.object_]]:
    """Give the ends of the intervals, NaN where a reason stands against them, and the reasons."""
    if interval is None:
        return np.full(shares.shape, np.nan), np.full(shares.shape, np.nan), reasons
    equal = np.isclose(interval.low, interval.high, rtol=0, atol=1e-12)
    reasons = np.where(reasons != "", reasons, np.where(equal, "equal in every resample", interval.reason))
    defined = reasons == ""
    return np.where(defined, interval.low, np.nan), np.where(defined, interval.high, np.nan), reasons


def _actor_reasons(coded: CodedResponses, reason: str) -> NDArray[np.object_]:
    """Why an actor (actor,) has no share, or no interval."""
    n_responses = np.bincount(coded.of_actor, minlength=len(coded.actors))
    reasons = np.where(n_responses == 0, "no responses", reason).astype(object)
    if coded.worker is not None:
        reasons[(reasons == "") & (coded.workers_of_actors < 2)] = "one worker only"
    return reasons


def _counted(coded: CodedResponses) -> pd.DataFrame:
    """Actors, labels and counts, one row for each actor and label."""
    n_labels, n_actors = len(coded.labels), len(coded.actors)
    counts = np.bincount(coded.of_actor * n_labels + coded.label, minlength=n_actors * n_labels)
    n_images = np.repeat(np.bincount(coded.actor, minlength=n_actors), n_labels)
    n_workers = np.repeat(coded.workers_of_actors, n_labels)
    return pd.DataFrame({
        "actor": np.repeat(coded.actors, n_labels), "label": np.tile(coded.labels, n_actors), "n_responses": counts,
        "n_effective": np.repeat(coded.effective_responses, n_labels),
        "n_images": n_images if coded.images_known else pd.NA,
        "n_workers": pd.NA if coded.worker is None else n_workers})


def _finished(table: pd.DataFrame, columns: list[str], n_resamples: int) -> pd.DataFrame:
    whole = {name: "Int64" if name in ("n_images", "n_workers") else "int64" for name in columns if name[:2] == "n_"}
    table = table[columns].astype({**whole, "n_effective": "float64", "label": "str", "reason": "str"})
    table.attrs = {"ci_method": "percentile", "resampled": "workers", "n_resamples": n_resamples}
    return table
