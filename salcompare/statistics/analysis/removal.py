"""Estimates of what a network loses with what people, a classifier's map, chance or a label's region mark."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from salcompare.statistics.analysis.parts import adjusted, population_row, stream
from salcompare.statistics.inference.levels import actor_means, population_mean
from salcompare.statistics.inference.signs import sign_flip_test
from salcompare.statistics.removals.outcomes import METRICS, curve_areas, removal_curves, removal_drops

if TYPE_CHECKING:
    from collections.abc import Mapping

    from salcompare.config import Statistics
    from salcompare.statistics.analysis.estimates import Row
    from salcompare.statistics.removals.outcomes import Metric

DROPS: tuple[Metric, ...] = ("logit", "accuracy")
CLASSIFIER, RANDOM, LABEL, REGION = "classifier", "random", "label ", "label region"
CONTRASTS = (("people", "random people"), ("people", "centre"), ("classifier", "random"), ("classifier", "centre"),
             ("people", "classifier"), ("both", "people"), ("both", "classifier"))
"""What is compared at equal area: the drop of the first less that of the second."""
CHANCE = ("random", "centre")
NULL = "each actor's two outcomes exchanged"
CURVE_COLUMNS = ("network", "source", "way", "metric", "fill", "share", "value", "ci_low", "ci_high", "n")


def removal_estimates(removals: Mapping[str, xr.Dataset], statistics: Statistics, seed: int) -> Iterator[Row]:
    """Estimate, for each network, drops at equal area and areas under curves.

    Parameters
    ----------
    removals : mapping
        By network, such as ``alexnet/finetuned``: its outcomes, as `removal_drops` takes them, with attrs ``main`` (the
        source whose map stands for the classifier) and ``area``.
    statistics : Statistics
        Settings.
    seed : int
        Of the study.
    """
    for network, outcomes in removals.items():
        for metric in DROPS:
            drops = removal_drops(outcomes, metric, area=outcomes.attrs["area"])
            yield from _drop_rows(drops, outcomes.attrs["main"], statistics, seed)
            yield from _label_rows(drops, outcomes.attrs["main"], statistics, seed)
        for metric in METRICS:
            yield from _area_rows(curve_areas(removal_curves(outcomes, metric)), network, statistics, seed)


def curves_table(removals: Mapping[str, xr.Dataset]) -> pd.DataFrame:
    """List the points of all curves, means over actors with t intervals; columns `CURVE_COLUMNS`."""
    rows = []
    for network, outcomes in removals.items():
        for metric in METRICS:
            curves = removal_curves(outcomes, metric)
            points = population_mean(actor_means(curves)["value"])[["value", "ci_low", "ci_high", "n"]]
            table = points.to_dataframe().reset_index()
            rows.append(table[table["n"] > 0].rename(columns={"order": "source"}).assign(
                network=network, metric=metric))
    if not rows:
        return pd.DataFrame(columns=list(CURVE_COLUMNS))
    return pd.concat(rows, ignore_index=True)[list(CURVE_COLUMNS)]


def _drop_rows(drops: xr.DataArray, main: str, statistics: Statistics, seed: int) -> Iterator[Row]:
    """Give the drops at equal area, and their differences; of methods beside the main one, against chance only."""
    orders = [order for order in drops["order"].to_numpy().tolist() if not order.startswith(LABEL)]
    methods = [order for order in orders if "/" in order]
    others = [order for order in orders if order not in methods]
    for method, fill in product(methods, drops["fill"].to_numpy().tolist()):
        of = drops.sel(fill=fill, drop=True)
        about = {"statistic": "removal_drop", "metric": drops.name, "form": fill, "source": method}
        yield _mean_row(of.sel(order=method), **about, against=CLASSIFIER)
        if method == main:
            yield from (_mean_row(of.sel(order=other), **about, against=other) for other in others)
        named = {CLASSIFIER: method, **{other: other for other in (others if method == main else CHANCE)}}
        for one, other in CONTRASTS:
            if one in named and other in named:
                difference = of.sel(order=named[one]) - of.sel(order=named[other])
                yield _tested_row(difference, statistics, seed, **about, against=one, contrast=f"minus {other}")


def _label_rows(drops: xr.DataArray, main: str, statistics: Statistics, seed: int) -> Iterator[Row]:
    """Give the drops without each label's region, and how far they exceed the mean of the other labels'."""
    labels = [order for order in drops["order"].to_numpy().tolist() if order.startswith(LABEL)]
    fill = str(drops["fill"].to_numpy()[0])
    of = drops.sel(fill=fill, order=labels)
    about = {"statistic": "removal_drop", "metric": drops.name, "form": fill, "source": main, "against": REGION}
    tests = []
    for label in labels:
        key = {**about, "label": label.removeprefix(LABEL)}
        yield _mean_row(of.sel(order=label), **key)
        if len(labels) > 1:
            others = of.sel(order=[other for other in labels if other != label]).mean("order", skipna=False)
            tests.append(_tested_row(of.sel(order=label) - others, statistics, seed, **key,
                                     contrast="minus other labels"))
    yield from adjusted(tests, "labels")


def _area_rows(areas: xr.DataArray, network: str, statistics: Statistics, seed: int) -> Iterator[Row]:
    """Give the areas under curves, and their differences from those of random orders."""
    for way in areas["way"].to_numpy().tolist():
        for fill in areas["fill"].to_numpy().tolist():
            of = areas.sel(way=way, fill=fill, drop=True)
            about = {"statistic": f"{way}_auc", "metric": areas.name, "form": fill}
            for order in of["order"].to_numpy().tolist():
                if np.isnan(of.sel(order=order)).all():
                    continue
                key = {**about, "source": order} if "/" in order else {
                    **about, "source": {"people": "human"}.get(order, order), "against": network}
                yield _mean_row(of.sel(order=order), **key)
                if order != RANDOM and RANDOM in of["order"]:
                    difference = of.sel(order=order) - of.sel(order=RANDOM)
                    yield _tested_row(difference, statistics, seed, **key, contrast="minus random")


def _mean_row(values: xr.DataArray, **key: object) -> Row:
    row = population_row(population_mean(actor_means(values.reset_coords("order", drop=True))["value"]), **key)
    undefined = int(np.isnan(values).sum())
    if undefined and not row["reason"]:
        return {**row, "reason": f"{undefined} of {values.size} images undefined: too few pixels are marked"}
    return row


def _tested_row(difference: xr.DataArray, statistics: Statistics, seed: int, **key: object) -> Row:
    """Give the row of a paired difference, tested by flipping the signs of actors' means."""
    rng = stream(seed, "removal", *(str(value) for value in key.values()))
    means = actor_means(difference)["value"]
    p, attainable, null = sign_flip_test(means.to_numpy(), rng=rng, n_permutations=statistics.n_permutations)
    return {**population_row(population_mean(means), **key), "null": NULL, "null_mean": 0.0, "alternative": "two-sided",
            "p_value": p, "p_attainable": attainable, "n_resamples": null.size}
