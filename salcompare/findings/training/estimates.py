"""Estimates of how far two classifiers, or two variants of one, differ in accuracy on the same images."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING

import pandas as pd
import xarray as xr

from salcompare.findings.analysis import Analysis, Draws, about_test, population_row, side_means, stream
from salcompare.findings.failures import guarded
from salcompare.statistics.inference.permutation import sign_flip_test
from salcompare.statistics.inference.resampling import population_mean

if TYPE_CHECKING:
    from salcompare.config import Statistics
    from salcompare.findings.rows import Row

NULL = "both classifiers' answers exchanged within actors"


def accuracy_differences(predictions: pd.DataFrame | None, statistics: Statistics, seed: int) -> Iterator[Row]:
    """Compare accuracies on the test images, paired over images, with actors as replicates.

    Parameters
    ----------
    predictions : DataFrame or None
        Columns classifier, variant, image, actor, split and predicted.
    statistics : Statistics
        Settings.
    seed : int
        Of the study.

    Yields
    ------
    Row
        statistic ``accuracy_difference``, metric test: the mean over actors of the share of their images that the
        source names rightly less that of another, for two variants of one classifier (the later less the earlier) and
        for one variant of two classifiers.
    """
    if predictions is None or predictions.empty or "predicted" not in predictions:
        return
    test = predictions[predictions["split"] == "test"]
    right = test.assign(right=(test["predicted"] == test["actor"]).astype(float))
    shares = right.groupby(["classifier", "variant", "actor"], sort=False)["right"].mean()
    named = list(dict.fromkeys((name, variant) for name, variant, _ in shares.index))
    for first, second in combinations(named, 2):
        if (first[0] == second[0]) == (first[1] == second[1]):
            continue
        one, less = (second, first) if first[0] == second[0] else (first, second)
        both = pd.concat([shares.loc[one], shares.loc[less]], axis=1, keys=["one", "other"]).dropna()
        yield _row(both, "/".join(one), "/".join(less), statistics, seed)


def _row(both: pd.DataFrame, source: str, against: str, statistics: Statistics, seed: int) -> Row:
    one, other = (xr.DataArray(both[name].to_numpy(), dims="actor", coords={"actor": both.index.to_numpy()})
                  for name in ("one", "other"))
    values = one - other
    p, least, _ = sign_flip_test(values.to_numpy(), n_permutations=statistics.n_permutations,
                                 rng=stream(seed, "accuracy", source, against))
    found = population_mean(values).assign(p_value=p, p_attainable=least).assign(side_means(one, other)).assign_attrs(
        null=NULL, alternative="two-sided")
    return {**population_row(found, statistic="accuracy_difference", metric="test", source=source, against=against,
                             contrast=f"minus {against}"), **about_test(found, null_mean=0.0)}


def estimates(analysis: Analysis) -> Iterator[tuple[list[Row], list[Draws]]]:
    """Give the classifiers' accuracies, and test their differences."""
    yield list(_accuracy_rows(analysis.data.accuracies)), []
    differences = accuracy_differences(analysis.data.get("predictions"), analysis.statistics, analysis.seed)
    yield list(guarded(differences, statistic="accuracy")), []


def _accuracy_rows(accuracies: pd.DataFrame) -> Iterator[Row]:
    for row in accuracies.to_dict("records"):
        yield {"statistic": "accuracy", "metric": row["split"], "level": "population",
               "source": f"{row['classifier']}/{row['variant']}", "value": row["accuracy"], "ci_low": row["ci_low"],
               "ci_high": row["ci_high"], "ci_method": "wilson", "resampled": "images", "n": row["n"],
               "reason": None if row["n"] else f"no {row['split']} image"}
