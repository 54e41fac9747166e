"""Estimates of how far two classifiers, or two variants of one, differ in accuracy on the same images."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import pandas as pd
import xarray as xr

from salcompare.config import Statistics
from salcompare.findings.analysis import Analysis, Draws, tested_difference
from salcompare.findings.failures import guarded
from salcompare.findings.rows import Row, rows_of
from salcompare.findings.training import ACCURACY, ACCURATE, MORE_ACCURATE, NULL, VERIFIED
from salcompare.naming import network
from salcompare.random_numbers import stream


def accuracy_differences(predictions: pd.DataFrame | None, statistics: Statistics, seed: int) -> Iterator[Row]:
    """Compare accuracies on the test images, paired over images, with actors as replicates.

    The mean over actors of the share of their images that the source names rightly less that of another, for two
    variants of one classifier (the later less the earlier) and for one variant of two classifiers. ``predictions`` has
    columns classifier, variant, image, actor, split and predicted.
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
        source, against = network(*one), network(*less)
        result = tested_difference(*(both[side].to_xarray() for side in both), null=NULL,
                                   rng=stream(seed, "accuracy", source, against),
                                   n_permutations=statistics.n_permutations)
        yield from rows_of(result, MORE_ACCURATE, {"source": source, "against": against,
                                                   "contrast": f"minus {against}"})


def estimates(analysis: Analysis) -> Iterator[tuple[list[Row], list[Draws]]]:
    """Give the classifiers' accuracies and equal error rates, and test differences of accuracy."""
    table = analysis.data.accuracies
    if len(table):
        table = table.assign(source=[*map(network, table["classifier"], table["variant"])],
                             reason=("no " + table["split"] + " image").where(table["n"] == 0, ""))
        yield rows_of(xr.Dataset({name: ("index", table[name].to_numpy(object)) for name in table}), ACCURATE, {}), []
    verified = analysis.data.get("verification")
    if verified is not None and len(verified):
        # The photographs' own rate is every classifier's.
        table = verified.drop_duplicates(["source", "against", "form"]).fillna({"against": "", "reason": ""})
        yield rows_of(xr.Dataset({name: ("index", table[name].to_numpy(object)) for name in table}), VERIFIED, {}), []
    differences = accuracy_differences(analysis.data.get("predictions"), analysis.statistics, analysis.seed)
    yield list(guarded(differences, statistic=ACCURACY)), []
