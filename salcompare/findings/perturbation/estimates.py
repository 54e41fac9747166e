"""Estimates of what a network loses with what people, a classifier's map, chance or a label's region mark."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from salcompare.config import Statistics
from salcompare.findings import perturbation
from salcompare.findings.analysis import Analysis, Draws, adjusted
from salcompare.findings.failures import guarded
from salcompare.findings.finding import Quantity
from salcompare.findings.rows import Row, rows_of
from salcompare.naming import HUMAN, is_source
from salcompare.random_numbers import stream
from salcompare.statistics.inference.permutation import sign_flip_test
from salcompare.statistics.inference.resampling import actor_means, population_mean
from salcompare.statistics.overlaps.baselines import sides
from salcompare.statistics.perturbation import METRICS, Metric, curve_areas, removal_curves, removal_drops

OF_DROPS: tuple[Metric, ...] = ("logit", "accuracy")

class Part(NamedTuple):
    """An estimate to be: what it is called, and its value on each image, less another where there is one."""

    quantity: Quantity
    key: Mapping[str, object]
    one: xr.DataArray
    other: xr.DataArray | None = None

    @property
    def stream_names(self) -> tuple[str, ...]:
        """What names its random numbers, in an order that never changes."""
        key: Mapping[str, object] = {"statistic": self.quantity.statistic, **self.key}
        names = ("statistic", "metric", "form", "source", "against", "label", "contrast")
        return tuple(str(key[name]) for name in names if name in key)


def removal_estimates(removals: Mapping[str, xr.Dataset], statistics: Statistics, seed: int) -> Iterator[Row]:
    """Estimate, for each network, drops at equal area and areas under curves.

    ``removals`` are by network, such as ``alexnet/finetuned``, its outcomes, as `removal_drops` takes them, with attrs
    ``main`` (the source whose map stands for the classifier) and ``area``.
    """
    for network, outcomes in removals.items():
        main = outcomes.attrs["main"]
        for metric in OF_DROPS:
            yield from guarded(_drops(outcomes, metric, statistics, seed), statistic=perturbation.DROP, metric=metric,
                               source=main)
        for metric in METRICS:
            yield from guarded(_areas(outcomes, metric, network, statistics, seed), statistic=perturbation.DELETION,
                               metric=metric, source=main)


def _drops(outcomes: xr.Dataset, metric: Metric, statistics: Statistics, seed: int) -> Iterator[Row]:
    drops = removal_drops(outcomes, metric, area=outcomes.attrs["area"])
    yield from _rows(_drop_parts(drops, outcomes.attrs["main"]), statistics, seed)
    labels = list(_label_parts(drops, outcomes.attrs["main"]))
    yield from adjusted(_rows(labels, statistics, seed), "labels") if labels else ()


def _areas(outcomes: xr.Dataset, metric: Metric, network: str, statistics: Statistics, seed: int) -> Iterator[Row]:
    areas = curve_areas(removal_curves(outcomes, metric))
    yield from _rows(_area_parts(areas, network), statistics, seed)


def curves_table(removals: Mapping[str, xr.Dataset], responses: str = "collected") -> pd.DataFrame:
    """List the points of all curves, means over actors with t intervals; columns as the finding declares them.

    Column responses says what kind of responses the curves that rest on people's maps are of; the others' is missing.
    """
    columns, tables = list(perturbation.FINDING.tables[perturbation.CURVES]), []
    for network, outcomes in removals.items():
        for metric in METRICS:
            curves = removal_curves(outcomes, metric)
            points = population_mean(actor_means(curves)["value"])[["value", "ci_low", "ci_high", "n"]]
            table = points.to_dataframe().reset_index()
            tables.append(table[table["n"] > 0].rename(columns={"order": "source"}).assign(
                network=network, metric=metric))
    if not tables:
        return pd.DataFrame(columns=columns)
    whole = pd.concat(tables, ignore_index=True)
    kind = pd.Series(responses, whole.index, dtype="str").where(whole["source"].isin(perturbation.OF_PEOPLE))
    return whole.assign(responses=kind)[columns]


def _drop_parts(drops: xr.DataArray, main: str) -> Iterator[Part]:
    """Give the drops at equal area, and their differences; of methods beside the main one, against chance only."""
    orders = [order for order in drops["order"].to_numpy().tolist() if not order.startswith(perturbation.LABEL)]
    methods = [order for order in orders if is_source(order)]
    others = [order for order in orders if order not in methods]
    for method, fill in product(methods, drops["fill"].to_numpy().tolist()):
        of = drops.sel(fill=fill)
        key = {"metric": drops.name, "form": fill, "source": method}
        beside = others if method == main else (perturbation.RANDOM, perturbation.CENTRE)
        order_of = {perturbation.CLASSIFIER: method, **{other: other for other in beside}}
        for name in order_of if method == main else (perturbation.CLASSIFIER,):
            yield Part(perturbation.DROPS, {**key, "against": name}, of.sel(order=order_of[name]))
        for one, other in perturbation.CONTRASTS:
            if one in order_of and other in order_of:
                yield Part(perturbation.DROPS, {**key, "against": one, "contrast": f"minus {other}"},
                           of.sel(order=order_of[one]), of.sel(order=order_of[other]))


def _label_parts(drops: xr.DataArray, main: str) -> Iterator[Part]:
    """Give the drops without each label's region, and how far they exceed the mean of the other labels'."""
    labels = [order for order in drops["order"].to_numpy().tolist() if order.startswith(perturbation.LABEL)]
    fill = str(drops["fill"].to_numpy()[0])
    of = drops.sel(fill=fill, order=labels)
    for label in labels:
        key = {"metric": drops.name, "form": fill, "source": main, "against": perturbation.REGION,
               "label": label.removeprefix(perturbation.LABEL)}
        yield Part(perturbation.DROPS, key, of.sel(order=label))
        if len(labels) > 1:
            others = of.sel(order=[other for other in labels if other != label]).mean("order", skipna=False)
            yield Part(perturbation.DROPS, {**key, "contrast": perturbation.OTHER_LABELS}, of.sel(order=label), others)


def _area_parts(areas: xr.DataArray, network: str) -> Iterator[Part]:
    """Give the areas under curves, and their differences from those of random orders."""
    for way, fill in product(areas["way"].to_numpy().tolist(), areas["fill"].to_numpy().tolist()):
        of = areas.sel(way=way, fill=fill)
        for order in of["order"].to_numpy().tolist():
            values = of.sel(order=order)
            if np.isnan(values).all():
                continue
            key = {"metric": areas.name, "form": fill, "source": order}
            if not is_source(order):
                key |= {"source": HUMAN if order == perturbation.PEOPLE else order, "against": network}
            yield Part(perturbation.AREAS[way], key, values)
            if order != perturbation.RANDOM and perturbation.RANDOM in of["order"]:
                yield Part(perturbation.AREAS[way], {**key, "contrast": perturbation.MINUS_RANDOM}, values,
                           of.sel(order=perturbation.RANDOM))


def _rows(parts: Iterable[Part], statistics: Statistics, seed: int) -> Iterator[Row]:
    """Give the rows of means over actors; differences are tested by flipping the signs of actors' means."""
    parts = list(parts)
    coords = {"actor": ("image", parts[0].one["actor"].to_numpy())}
    one, other = (xr.DataArray(np.stack([np.zeros(parts[0].one.size) if side is None else side.to_numpy()
                                         for side in values]), dims=("part", "image"), coords=coords)
                  for values in zip(*((part.one, part.other) for part in parts), strict=True))
    values = one - other
    means = actor_means(values)["value"].transpose("part", "actor")
    differs = xr.DataArray([part.other is not None for part in parts], dims="part")
    tests = [sign_flip_test(of if part.other is not None else [], n_permutations=statistics.n_permutations,
                            rng=stream(seed, "removal", *part.stream_names))
             for part, of in zip(parts, means.to_numpy(), strict=True)]
    undefined = np.isnan(values.to_numpy()).sum(axis=1)
    whole = population_mean(means)
    reasons = [reason or (f"undefined on {n} of {values.sizes['image']} images: too few pixels are marked" if n else "")
               for reason, n in zip(whole["reason"].to_numpy().tolist(), undefined.tolist(), strict=True)]
    p, least, null = zip(*tests, strict=True)
    whole = whole.assign({name: side.where(differs) for name, side in sides(one, other, values).items()}).assign(
        reason=("part", reasons), p_value=("part", list(p)), p_attainable=("part", list(least)), null_mean=0.0,
        n_permutations=("part", [draws.size for draws in null]),
    ).assign_attrs(null=perturbation.NULL, alternative="two-sided")
    for at, part in enumerate(parts):
        yield from rows_of(whole.isel(part=at), part.quantity, part.key)


def estimates(analysis: Analysis) -> Iterator[tuple[list[Row], list[Draws]]]:
    """Estimate what networks lose, and keep the curves."""
    removals = analysis.data.get("removals", {})
    analysis.tables[perturbation.CURVES] = curves_table(removals, analysis.responses)
    yield list(removal_estimates(removals, analysis.statistics, analysis.seed)), []
