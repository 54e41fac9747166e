"""From outcomes to rates: false positives, coverage and power, and on which side of its promise each lies."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy import optimize, stats

from salcompare.printing import ALPHA
from salcompare.simulation.cases import Case, Check

POWER = 0.8
"""A planted effect counts as found where a test detects it in at least this share of the studies."""
COLUMNS = ("finding", "case", "check", "kind", "scenario", "purpose", "runs", "n_undefined", "count", "rate", "mc_low",
           "mc_high", "verdict", "first_rate", "mean_estimate", "mean_truth", "discrete", "what")


def calibration_rates(outcomes: pd.DataFrame, cases: Iterable[Case]) -> pd.DataFrame:
    """Count what was run, cell by cell: a cell is one check in one scenario.

    Gives one row a cell of `run_calibration`'s outcomes, in the order of the cases:

    - ``purpose``: level (rate of p <= 0.05 under a true null), coverage (of a nominal 95% interval) or power.
    - ``runs`` with a value and ``n_undefined`` without; ``count`` of them rejected, covered or found; ``rate``, NaN
      where no run has a value; ``mc_low``, ``mc_high``, its exact 95% binomial interval, the Monte Carlo error (Clopper
      & Pearson, 1934, doi:10.1093/biomet/26.4.404).
    - ``verdict``, by that interval: holds, where it has the nominal rate in it; liberal, where a test rejects a true
      null more often than 5%, or an interval covers less often than 95%; conservative, on the other side; found or
      missed, of power, as the interval reaches `POWER` or not; refused, where no run has a value.
    - ``first_rate``: where the first runs looked liberal and fresh ones judge instead, the rate of the first; else NaN.
    - ``mean_estimate``, ``mean_truth``: of intervals. ``discrete``, ``what``: as in `Check`.
    """
    by_cell = dict(iter(outcomes.groupby(["check", "scenario"], sort=False)))
    rows = [_row(case, check, scenario, by_cell[check.name, scenario]) for case in cases for check in case.checks
            for scenario in check.scenarios if (check.name, scenario) in by_cell]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def liberal(rates: pd.DataFrame) -> pd.DataFrame:
    """Cells whose test rejects, or whose interval misses, more often than it says."""
    return rates[rates["verdict"] == "liberal"]


def noticed(runs: int) -> float:
    """Rate of false positives from which on so many studies call a test liberal in at least `POWER` of calibrations."""
    counts = np.arange(runs + 1)
    least = int(counts[stats.beta.ppf(0.025, counts, runs + 1 - counts) > ALPHA].min(initial=runs))
    return float(optimize.brentq(lambda rate: stats.binom.sf(least - 1, runs, rate) - POWER, ALPHA, 1))


def with_fresh(rates: pd.DataFrame, fresh: pd.DataFrame) -> pd.DataFrame:
    """Replace cells by those of fresh runs, which nobody chose for what they show; keep the first runs' rates."""
    cells = ["check", "scenario"]
    again = fresh.set_index(cells, drop=False)
    rows = [again.loc[key].to_dict() | {"first_rate": row["rate"]} if (key := (row["check"], row["scenario"]))
            in again.index else row for row in rates.to_dict(orient="records")]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _row(case: Case, check: Check, scenario: str, frame: pd.DataFrame) -> dict[str, object]:
    purpose = "coverage" if check.kind == "interval" else "level" if scenario in check.holds else "power"
    hits = _hits(check, frame)
    runs, count = int(hits.notna().sum()), int(hits.sum())
    row: dict[str, object] = {
        "finding": case.finding, "case": case.name, "check": check.name, "kind": check.kind, "scenario": scenario,
        "purpose": purpose, "runs": runs, "n_undefined": len(hits) - runs, "count": count, "rate": np.nan,
        "mc_low": np.nan, "mc_high": np.nan, "verdict": "refused", "first_rate": np.nan, "discrete": check.discrete,
        "what": check.what, "mean_estimate": frame["estimate"].mean(), "mean_truth": _truth(frame).mean()}
    if runs:
        interval = stats.binomtest(count, runs).proportion_ci()
        row |= {"rate": count / runs, "mc_low": interval.low, "mc_high": interval.high,
                "verdict": _verdict(purpose, interval.low, interval.high)}
    return row


def _verdict(purpose: str, low: float, high: float) -> str:
    if purpose == "power":
        return "found" if high >= POWER else "missed"
    nominal = ALPHA if purpose == "level" else 1 - ALPHA
    if low <= nominal <= high:
        return "holds"
    return "liberal" if (low > nominal) == (purpose == "level") else "conservative"


def _hits(check: Check, frame: pd.DataFrame) -> pd.Series[float]:
    """1 where a test rejects or an interval covers, 0 where not, NaN where it is undefined."""
    if check.kind == "test":
        return (frame["p"] <= ALPHA).astype(float).where(frame["p"].notna())
    truth = _truth(frame)
    inside = (frame["low"] <= truth) & (truth <= frame["high"])
    return inside.astype(float).where(frame["low"].notna() & frame["high"].notna() & truth.notna())


def _truth(frame: pd.DataFrame) -> pd.Series[float]:
    """Give the truth of each run: as the model says, else the mean of the estimates."""
    return frame["truth"].fillna(frame["estimate"].mean())
