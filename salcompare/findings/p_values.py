"""P-values of the estimates: which are bounds, and the families that they are adjusted in."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from salcompare.findings import findings
from salcompare.printing import ALPHA, AT_MOST, EQUAL
from salcompare.report.tables import PrintedTable, plain_table, with_p_texts
from salcompare.statistics.inference.multiplicity import adjust_p

KEY = ("statistic", "metric", "form", "sigma", "frame", "level", "source", "against", "contrast")
"""Tests that agree in all of these are one family."""
ALONE = "a single test"
_OVER = {"actor": "actors", "label": "labels", "region": "regions"}


def name_families(estimates: pd.DataFrame) -> pd.DataFrame:
    """Give every p-value of the estimates (see `estimates_table`) its family, the family's size and its adjusted p.

    Where a family was adjusted already, its p_adjusted and family_size stay. Tests that were not adjusted are, by
    Holm's method, over what agrees in `KEY`, but for what a quantity leaves open (`Quantity.together`). ``family``
    reads such as "overlap, pearson, smoothed, sigma 3.84, alexnet/frozen/guided_backprop, against human, image effect,
    of each actor: actors (Holm)", and no two families have the same.
    """
    family = estimates["family"].astype(object).to_numpy(copy=True)
    size, adjusted = (estimates[name].to_numpy(np.float64, copy=True) for name in ("family_size", "p_adjusted"))
    p = estimates["p_value"].to_numpy(np.float64)
    groups = _together(estimates)
    for (agreed, given), rows in groups.items():
        if not given:
            adjusted[rows] = _holm(p[rows])
            size[rows] = len(rows)
        over = given or _over(estimates, rows)
        also = not given and (agreed, over) in groups  # a part of them was adjusted by itself
        family[rows] = f"{agreed}: {'other ' * also}{over}"
    return estimates.assign(p_adjusted=adjusted, family=pd.Series(family, estimates.index, dtype="str"),
                            family_size=size)


def family_table(estimates: pd.DataFrame) -> pd.DataFrame:
    """List the families of p-values in the estimates, as `name_families` gives them, one row a family.

    **family**, **family_size** tests; **p_attainable**, the smallest p that one of its tests can reach, and
    **p_attainable_adjusted**, what that becomes when it stands alone, at most that times the size; **p_smallest** and
    **p_smallest_adjusted** found; **n_below** and **n_below_adjusted**, how many of the estimates' p are at most 0.05;
    **responses**, what kind of responses they rest on.
    """
    tested = estimates[estimates["p_value"].notna()]
    groups = tested.groupby("family", sort=False)
    table = groups.agg(
        family_size=("family_size", "first"), p_attainable=("p_attainable", "min"), p_smallest=("p_value", "min"),
        p_smallest_adjusted=("p_adjusted", "min"), n_below=("p_value", _below), n_below_adjusted=("p_adjusted", _below),
        responses=("responses", "first"),
    ).reset_index()
    factors = [_factor(str(name), size) for name, size in zip(table["family"], table["family_size"], strict=True)]
    table.insert(3, "p_attainable_adjusted", (table["p_attainable"] * factors).clip(upper=1))
    return table


def _together(estimates: pd.DataFrame) -> dict[tuple[str, str], list[int]]:
    """Places of the rows with p by what they agree in, and by the family that they were given (or none)."""
    groups: dict[tuple[str, str], list[int]] = {}
    for place, row in enumerate(estimates[[*KEY, "family", "p_value"]].to_dict("records")):
        if not pd.isna(row["p_value"]):
            given = "" if pd.isna(row["family"]) else str(row["family"])
            groups.setdefault((_named(row), given), []).append(place)
    return groups


def _below(p: pd.Series[float]) -> int:
    return int((p <= ALPHA).sum())


def _factor(family: str, size: float) -> float:
    """By how much a p that is small alone in its family is raised; a maximum statistic's is adjusted as it is."""
    if family.endswith(("(Holm)", "(Benjamini-Hochberg)")):
        return size
    return size * float((1 / np.arange(1, size + 1)).sum()) if family.endswith("(Benjamini-Yekutieli)") else 1.0


@cache
def _together_in(statistic: str) -> frozenset[str]:
    """Columns that tests of a statistic need not agree in to be one family."""
    return frozenset(column for finding in findings() for quantity in finding.quantities
                     if quantity.statistic == statistic for column in quantity.together)


def _named(row: Mapping[Hashable, Any]) -> str:
    """Name what the tests of a family agree in."""
    apart = _together_in(str(row["statistic"]))
    has = {name: not pd.isna(row[name]) and name not in apart for name in KEY}
    words = [str(row[name]) for name in ("statistic", "metric", "form") if has[name]]
    words += [f"sigma {row['sigma']:.4g}"] if has["sigma"] else []
    words += ["canonical frame"] if row["frame"] == "canonical" else []
    words += [str(row["source"])] if has["source"] else []
    words += [f"against {row['against']}"] if has["against"] else []
    words += [str(row["contrast"])] if has["contrast"] else []
    return ", ".join(words) + ("" if row["level"] == "population" else f", of each {row['level']}")


def _holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Adjust p over a family; one of a single test, as most are, stays as it is."""
    return p if p.size == 1 else adjust_p(xr.DataArray(p, dims="test"), "test").to_numpy()


def _over(estimates: pd.DataFrame, rows: list[int]) -> str:
    """Name what the tests of a family without a name are over."""
    if len(rows) == 1:
        return ALONE
    varying = [word for name, word in _OVER.items() if estimates[name].iloc[rows].notna().any()]
    return f"{' and '.join(varying) or 'tests'} (Holm)"


def families_table(estimates: pd.DataFrame) -> PrintedTable:
    """List every family of p-values with its size; the page prints those of more than one test."""
    frame = family_table(estimates)
    table = plain_table("families", "Families of tests", frame)
    printed = frame[frame["family_size"] > 1]
    smallest = estimates[estimates["p_value"].notna()].sort_values("p_value", kind="stable").drop_duplicates("family")
    texts = with_p_texts(smallest).set_index("family").reindex(printed["family"])
    printed = printed.assign(p_smallest=texts["p_value"].to_numpy(), p_smallest_adjusted=texts["p_adjusted"].to_numpy())
    return replace(table, printed=printed, caption=(
        "A family is one statistic, metric, form, source and contrast over its actors, labels or pixels; the CSV also "
        "lists the tests that stand alone. p_attainable is the smallest p that a test of the family can give, beside "
        "it what adjusting makes of that: where it is above "
        f"{ALPHA:g}, the family can find nothing. n_below counts p at most {ALPHA:g}."))


FAMILIES = (
    "A family of tests is one statistic, metric, form of the maps, source and contrast over its actors, labels or "
    "pixels. p-values of a family are adjusted by Holm's (1979) method unless the family's name says otherwise; a test "
    "that stands alone is a family of one. Every p in the tables of estimates names its family and the family's size. "
    "Families are not adjusted for each other.")


def with_p_is(estimates: pd.DataFrame, n_permutations: int) -> pd.DataFrame:
    """Say of each p-value, in column ``p_is``, whether it is as it stands ("equal") or a bound ("at most").

    What a row says of itself stays. The study asks for ``n_permutations``: where a null has no more arrangements than
    that, all are enumerated; there are then fewer of them than were asked for, and the smallest p is exact.
    """
    p, least, draws = (estimates[name].to_numpy(np.float64) for name in ("p_value", "p_attainable", "n_resamples"))
    requested = np.full(len(estimates), float(n_permutations))
    fewer = np.zeros(len(estimates), bool)
    most = {quantity.statistic: quantity.most for finding in findings() for quantity in finding.quantities
            if quantity.most}
    for statistic, counts in most.items():
        of = (estimates["statistic"] == statistic).to_numpy()
        requested[of] = np.inf
        fewer |= of & np.isin(draws, [min(count, n_permutations) for count in counts])
    bound = (fewer | (draws >= requested)) & np.isclose(p, least, rtol=1e-9, atol=0)
    said = pd.Series(np.where(bound, AT_MOST, EQUAL), estimates.index, dtype="str")
    known = estimates["p_is"]
    return estimates.assign(p_is=known.where(known.notna() | np.isnan(p), said))
