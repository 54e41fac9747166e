"""Estimates of what a network loses with what people, a classifier's map, chance or a label's region mark."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from salcompare.findings.analysis import Analysis, Draws, adjusted, population_row, stream
from salcompare.findings.failures import guarded
from salcompare.statistics.inference.permutation import sign_flip_test
from salcompare.statistics.inference.resampling import actor_means, population_mean
from salcompare.statistics.overlaps.baselines import sides
from salcompare.statistics.perturbation import METRICS, curve_areas, removal_curves, removal_drops

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from salcompare.config import Statistics
    from salcompare.findings.rows import Row
    from salcompare.statistics.perturbation import Metric

    # What a row is of, and its value on each image; where that is a difference, the two that it is of.
    Part = tuple[Row, xr.DataArray] | tuple[Row, xr.DataArray, xr.DataArray]

DROPS: tuple[Metric, ...] = ("logit", "accuracy")
CLASSIFIER, RANDOM, LABEL, REGION = "classifier", "random", "label ", "label region"
CONTRASTS = (("people", "random people"), ("people", "centre"), ("classifier", "random"), ("classifier", "centre"),
             ("people", "classifier"), ("both", "people"), ("both", "classifier"))
"""What is compared at equal area: the drop of the first less that of the second."""
CHANCE = ("random", "centre")
NULL = "each actor's two outcomes exchanged"
CURVE_COLUMNS = ("network", "source", "way", "metric", "fill", "share", "value", "ci_low", "ci_high", "n", "responses")
PEOPLE = ("people", "random people", "both")
"""Orders of pixels that rest on people's maps."""


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
            yield from guarded(_drops(outcomes, metric, statistics, seed), statistic="removal_drop", metric=metric,
                               source=outcomes.attrs["main"])
        for metric in METRICS:
            yield from guarded(_areas(outcomes, metric, network, statistics, seed), statistic="deletion_auc",
                               metric=metric, source=outcomes.attrs["main"])


def _drops(outcomes: xr.Dataset, metric: Metric, statistics: Statistics, seed: int) -> Iterator[Row]:
    drops = removal_drops(outcomes, metric, area=outcomes.attrs["area"])
    yield from _rows(_drop_parts(drops, outcomes.attrs["main"]), statistics, seed)
    labels = list(_label_parts(drops, outcomes.attrs["main"]))
    yield from adjusted(_rows(labels, statistics, seed), "labels") if labels else ()


def _areas(outcomes: xr.Dataset, metric: Metric, network: str, statistics: Statistics, seed: int) -> Iterator[Row]:
    areas = curve_areas(removal_curves(outcomes, metric))
    yield from _rows(_area_parts(areas, network), statistics, seed)


def curves_table(removals: Mapping[str, xr.Dataset], responses: str = "collected") -> pd.DataFrame:
    """List the points of all curves, means over actors with t intervals; columns `CURVE_COLUMNS`.

    Column responses says what kind of responses the curves that rest on people's maps are of; the others' is missing.
    """
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
    whole = pd.concat(rows, ignore_index=True)
    said = pd.Series(responses, whole.index, dtype="str").where(whole["source"].isin(PEOPLE))
    return whole.assign(responses=said)[list(CURVE_COLUMNS)]


def _drop_parts(drops: xr.DataArray, main: str) -> Iterator[Part]:
    """Give the drops at equal area, and their differences; of methods beside the main one, against chance only."""
    orders = [order for order in drops["order"].to_numpy().tolist() if not order.startswith(LABEL)]
    methods = [order for order in orders if "/" in order]
    others = [order for order in orders if order not in methods]
    for method, fill in product(methods, drops["fill"].to_numpy().tolist()):
        of = drops.sel(fill=fill)
        about = {"statistic": "removal_drop", "metric": drops.name, "form": fill, "source": method}
        named = {CLASSIFIER: method, **{other: other for other in (others if method == main else CHANCE)}}
        for called in named if method == main else (CLASSIFIER,):
            yield {**about, "against": called}, of.sel(order=named[called])
        for one, other in CONTRASTS:
            if one in named and other in named:
                key = {**about, "against": one, "contrast": f"minus {other}"}
                yield key, of.sel(order=named[one]), of.sel(order=named[other])


def _label_parts(drops: xr.DataArray, main: str) -> Iterator[Part]:
    """Give the drops without each label's region, and how far they exceed the mean of the other labels'."""
    labels = [order for order in drops["order"].to_numpy().tolist() if order.startswith(LABEL)]
    fill = str(drops["fill"].to_numpy()[0])
    of = drops.sel(fill=fill, order=labels)
    about = {"statistic": "removal_drop", "metric": drops.name, "form": fill, "source": main, "against": REGION}
    for label in labels:
        key = {**about, "label": label.removeprefix(LABEL)}
        yield key, of.sel(order=label)
        if len(labels) > 1:
            others = of.sel(order=[other for other in labels if other != label]).mean("order", skipna=False)
            yield {**key, "contrast": "minus other labels"}, of.sel(order=label), others


def _area_parts(areas: xr.DataArray, network: str) -> Iterator[Part]:
    """Give the areas under curves, and their differences from those of random orders."""
    for way, fill in product(areas["way"].to_numpy().tolist(), areas["fill"].to_numpy().tolist()):
        of = areas.sel(way=way, fill=fill)
        about = {"statistic": f"{way}_auc", "metric": areas.name, "form": fill}
        for order in of["order"].to_numpy().tolist():
            values = of.sel(order=order)
            if np.isnan(values).all():
                continue
            key = {**about, "source": order} if "/" in order else {
                **about, "source": {"people": "human"}.get(order, order), "against": network}
            yield key, values
            if order != RANDOM and RANDOM in of["order"]:
                yield {**key, "contrast": "minus random"}, values, of.sel(order=RANDOM)


def _rows(parts: Iterable[Part], statistics: Statistics, seed: int) -> Iterator[Row]:
    """Give the rows of means over actors; differences are tested by flipping the signs of actors' means."""
    keys, pairs = zip(*((key, arrays) for key, *arrays in parts), strict=True)
    actor = {"actor": ("image", pairs[0][0]["actor"].to_numpy())}
    one, other = (xr.DataArray(np.stack([pair[at].to_numpy() if at < len(pair) else np.zeros(pair[0].size)
                                         for pair in pairs]), dims=("part", "image"), coords=actor) for at in (0, 1))
    values = one - other
    means = actor_means(values)["value"].transpose("part", "actor")
    whole = population_mean(means).assign(sides(one, other, values))
    undefined = np.isnan(values.to_numpy()).sum(axis=1)
    for at, key in enumerate(keys):
        row = population_row(whole.isel(part=at), **key)
        if undefined[at] and not row["reason"]:
            row = {**row, "reason": f"undefined on {undefined[at]} of {values.sizes['image']} images: too few pixels "
                                    "are marked"}
        if "contrast" in key:
            yield {**row, **_test(means.to_numpy()[at], key, statistics, seed)}
        else:
            yield {**row, "value_one": np.nan, "value_other": np.nan}


def _test(means: NDArray[np.float64], key: Row, statistics: Statistics, seed: int) -> Row:
    rng = stream(seed, "removal", *(str(value) for value in key.values()))
    p, attainable, null = sign_flip_test(means, rng=rng, n_permutations=statistics.n_permutations)
    return {"null": NULL, "null_mean": 0.0, "alternative": "two-sided", "p_value": p, "p_attainable": attainable,
            "n_resamples": null.size}


def estimates(analysis: Analysis) -> Iterator[tuple[list[Row], list[Draws]]]:
    """Estimate what networks lose, and keep the curves."""
    analysis.tables["removal_curves"] = curves_table(analysis.data.get("removals", {}), analysis.responses)
    yield list(removal_estimates(analysis.data.get("removals", {}), analysis.statistics, analysis.seed)), []
