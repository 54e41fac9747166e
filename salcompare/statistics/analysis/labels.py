"""Estimates of which labels people use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from salcompare.schema import LABELS
from salcompare.statistics.analysis.parts import stream
from salcompare.statistics.labels.histogram import label_histogram, population_label_histogram

if TYPE_CHECKING:
    from salcompare.config import Statistics
    from salcompare.statistics.analysis.estimates import Row


def label_estimates(responses: pd.DataFrame, images: pd.DataFrame, statistics: Statistics, seed: int) -> list[Row]:
    """Estimate the share of each label, for the population and for each actor.

    The labels of the original task come first, used or not; a worker's own labels follow.
    """
    known = images if "image" in responses else None
    n_resamples = statistics.n_resamples
    population = population_label_histogram(responses, known, rng=stream(seed, "labels"), n_resamples=n_resamples,
                                            labels=LABELS)
    actors = label_histogram(responses, known, rng=stream(seed, "labels"), n_resamples=n_resamples, labels=LABELS)
    return [*_rows(population, "population"), *_rows(actors, "actor")]


def _rows(histogram: pd.DataFrame, level: str) -> list[Row]:
    about = histogram.attrs
    totals = histogram.groupby("actor" if "actor" in histogram else lambda _: 0)["n_responses"].transform("sum")
    return [{
        "statistic": "label_share", "metric": "share", "level": level, "source": "human", "label": row["label"],
        "actor": row.get("actor"), "value": row["share"], "ci_low": row["ci_low"], "ci_high": row["ci_high"],
        "ci_method": about["ci_method"], "resampled": about["resampled"], "n": total, "count": row["n_responses"],
        "n_undefined": row["n_undefined"], "reason": row["reason"] or None, "n_resamples": about["n_resamples"],
    } for row, total in zip(histogram.to_dict("records"), totals, strict=True)]
