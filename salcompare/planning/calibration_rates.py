"""From outcomes to rates: false positives, coverage and power, each with its Monte Carlo interval and its bound."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from scipy import stats

from salcompare.planning.calibration_causes import CAUSES
from salcompare.simulation.cases import LEVEL, Case, Check

SIMULTANEOUS = 0.999
"""Probability that none of all cells passes its bound where all tests and intervals are exact."""
POWER = 0.8
"""A planted effect counts as found where a test detects it in at least this share of the studies."""
COLUMNS = ("case", "check", "kind", "scenario", "purpose", "runs", "n_undefined", "count", "rate", "mc_low", "mc_high",
           "bound", "verdict", "cause", "mean_estimate", "mean_truth", "discrete", "what")
FAILURES = ("fails", "missed")


def calibration_rates(outcomes: pd.DataFrame, cases: Iterable[Case], *,
                      causes: Mapping[str, Mapping[str, str]] = CAUSES) -> pd.DataFrame:
    """Count what was run, cell by cell: a cell is one check in one scenario.

    Parameters
    ----------
    outcomes : DataFrame
        As `calibrate.run_calibration` gives them.
    cases : iterable of Case
        Those that were run.
    causes : mapping
        Why a check falls short in a scenario, by both names, where that is known.

    Returns
    -------
    DataFrame
        One row a cell, in the order of the cases:

        - ``purpose``: level (rate of p <= 0.05 under a true null), coverage (of a nominal 95% interval) or power.
        - ``runs`` with a value and ``n_undefined`` without; ``count`` of them rejected, covered or found; ``rate``,
          NaN where no run has a value; ``mc_low``, ``mc_high``, its exact 95% binomial interval, the Monte Carlo error.
        - ``bound``: of a level, the largest rate, and of coverage the smallest, that chance leaves to an exact test or
          interval: the binomial quantile of 99.9%, simultaneous over all cells of both (Bonferroni). Of power, `POWER`.
        - ``verdict``: holds or found; shortfall, where it does not and ``cause`` says why; fails or missed, where
          nothing does; undefined, where no run has a value.
        - ``mean_estimate``, ``mean_truth``: of intervals. ``discrete``, ``what``: as in `Check`.

    References
    ----------
    Clopper & Pearson (1934), doi:10.1093/biomet/26.4.404
    """
    by_cell = dict(iter(outcomes.groupby(["check", "scenario"], sort=False)))
    cells = [(case, check, scenario) for case in cases for check in case.checks for scenario in check.scenarios
             if (check.name, scenario) in by_cell]
    n_bounded = sum(_purpose(check, scenario) != "power" for _, check, scenario in cells)
    rows = [_row(case, check, scenario, by_cell[check.name, scenario], n_bounded)
            | {"cause": causes.get(check.name, {}).get(scenario, "")} for case, check, scenario in cells]
    rows = [row | {"verdict": "shortfall"} if row["verdict"] in FAILURES and row["cause"] else row for row in rows]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def failures(rates: pd.DataFrame) -> pd.DataFrame:
    """Cells that do not hold and whose cause is not stated."""
    return rates[rates["verdict"].isin(FAILURES)]


def bounds(runs: int, n_cells: int) -> tuple[float, float]:
    """Largest rate of false positives and smallest coverage that chance leaves to exact tests and intervals.

    Parameters
    ----------
    runs : int
        Simulated studies of a cell.
    n_cells : int
        Cells over which the bound is simultaneous.
    """
    tail = (1 - SIMULTANEOUS) / n_cells
    return (float(stats.binom.isf(tail, runs, LEVEL)) / runs, float(stats.binom.ppf(tail, runs, 1 - LEVEL)) / runs)


def _row(case: Case, check: Check, scenario: str, frame: pd.DataFrame, n_bounded: int) -> dict[str, object]:
    purpose = _purpose(check, scenario)
    hits = _hits(check, frame)
    defined = hits.dropna()
    runs, count = len(defined), int(defined.sum())
    row: dict[str, object] = {
        "case": case.name, "check": check.name, "kind": check.kind, "scenario": scenario, "purpose": purpose,
        "runs": runs, "n_undefined": len(hits) - runs, "count": count, "rate": count / runs if runs else np.nan,
        "mc_low": np.nan, "mc_high": np.nan, "bound": np.nan, "verdict": "undefined",
        "discrete": check.discrete, "what": check.what,
        "mean_estimate": frame["estimate"].mean(), "mean_truth": _truth(frame).mean()}
    if runs:
        interval = stats.binomtest(count, runs).proportion_ci()
        most, least = bounds(runs, max(n_bounded, 1))
        bound = {"level": most, "coverage": least, "power": POWER}[purpose]
        row |= {"mc_low": interval.low, "mc_high": interval.high, "bound": bound,
                "verdict": _verdict(purpose, count / runs, bound)}
    return row


def _purpose(check: Check, scenario: str) -> str:
    if check.kind == "interval":
        return "coverage"
    return "level" if scenario in check.holds else "power"


def _hits(check: Check, frame: pd.DataFrame) -> pd.Series[float]:
    """1 where a test rejects or an interval covers, 0 where not, NaN where it is undefined."""
    if check.kind == "test":
        return (frame["p"] <= LEVEL).astype(float).where(frame["p"].notna())
    truth = _truth(frame)
    inside = (frame["low"] <= truth) & (truth <= frame["high"])
    return inside.astype(float).where(frame["low"].notna() & frame["high"].notna() & truth.notna())


def _truth(frame: pd.DataFrame) -> pd.Series[float]:
    """Give the truth of each run: as the model says, else the mean of the estimates."""
    return frame["truth"].fillna(frame["estimate"].mean())


def _verdict(purpose: str, rate: float, bound: float) -> str:
    good = rate <= bound if purpose == "level" else rate >= bound
    if good:
        return "found" if purpose == "power" else "holds"
    return "missed" if purpose == "power" else "fails"
