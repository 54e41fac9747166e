"""From outcomes to rates: false positives, coverage and power, each with its bound, and why some fall short."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from scipy import stats

from salcompare.printing import ALPHA
from salcompare.simulation.cases import DEMO, LEFT, POSED, RAGGED_COUNTS, SIZES, UNEQUAL, Case, Check

_FEW_WORKERS = ("what is planted is some 2.8 standard errors, most of them the forty workers' own leaning; with more "
                "workers the power rises. A test that takes these as given finds it more often, and claims less")
_POOLED = ("the variance is that of all actors, so one whose maps only vary more stands out; the test of equal spread "
           "stands beside it for that reason")
_PERCENTILE = ("percentiles of a bootstrap of few units are too narrow: its spread divides by n, not n - 1, and it "
               "knows no t; the t interval is the default")
_BCA = "BCa takes up bias and skewness, not that there are few actors; the t interval is the default"
_FEW_IMAGES = "four images tell an actor's labels from an image's only where the difference is large"
_LINEAR = ("maps follow a pose by more than the photographs' leading components say linearly; what these leave of an "
           "actor's pose counts as the actor's")
_SPREADS = "five images of each actor are few to tell spreads apart"
_PERMANOVA = ("the statistic sees unequal spread as well as unequal means: permuting images gives all actors one "
              "spread. The test of equal spread stands beside it for that reason")
_NOISY_SHARES = ("of actors with few images both the shares of labels and those of masks are noisy, so the two sides "
                 "vary most in the same actors; permuting actors parts these, and the null comes out too narrow")
_RARE_LABEL = ("few workers name the label often, so its share is skewed and the interval ends too low: it misses at "
               "its upper end four times as often as at its lower one")
_ENERGIES = ("a share of energies comes out with too small a standard error where chance makes it small, so the "
             "interval misses at its upper end")

CAUSES: Mapping[str, Mapping[str, str]] = {
    "R² of classifier maps, free permutation": {UNEQUAL: _PERMANOVA},
    "masks in label regions, mean correlation": {RAGGED_COUNTS: _NOISY_SHARES},
    "share of 'hairline' in the population, workers resampled": dict.fromkeys(SIZES, _RARE_LABEL),
    "odd share of classifier maps, jackknife over actors": dict.fromkeys(SIZES, _ENERGIES),
    "relative saliency, largest |t|": {UNEQUAL: _POOLED},
    "partial R² given the photographs": {POSED: _LINEAR},
    "side of human maps, workers and actors": {LEFT: _FEW_WORKERS},
    "same-image overlap of one actor, percentiles over its images": {RAGGED_COUNTS: _PERCENTILE},
    "same-image overlap, percentiles of a bootstrap of actors": dict.fromkeys(SIZES, _PERCENTILE),
    "same-image overlap, BCa bootstrap of actors": dict.fromkeys(SIZES, _BCA),
    "raised label of the demo's model, its cell": {DEMO: _FEW_IMAGES},
    "equal spread of actors (PERMDISP)": {UNEQUAL: _SPREADS},
    "equal spread of actors, disjoint pairs": {UNEQUAL: _SPREADS},
    "spread of single actors at every pixel, largest |t|": {UNEQUAL: _SPREADS},
}
"""By check and scenario. A cause is printed where the rate falls short, and only there."""


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

    Gives one row a cell of `run_calibration`'s outcomes, in the order of the cases:

    - ``purpose``: level (rate of p <= 0.05 under a true null), coverage (of a nominal 95% interval) or power.
    - ``runs`` with a value and ``n_undefined`` without; ``count`` of them rejected, covered or found; ``rate``, NaN
      where no run has a value; ``mc_low``, ``mc_high``, its exact 95% binomial interval, the Monte Carlo error (Clopper
      & Pearson, 1934, doi:10.1093/biomet/26.4.404).
    - ``bound``: of a level, the largest rate, and of coverage the smallest, that chance leaves to an exact test or
      interval: the binomial quantile of 99.9%, simultaneous over all cells of both (Bonferroni). Of power, `POWER`.
    - ``verdict``: holds or found; shortfall, where it does not and ``cause`` says why; fails or missed, where nothing
      does; undefined, where no run has a value.
    - ``mean_estimate``, ``mean_truth``: of intervals. ``discrete``, ``what``: as in `Check`.
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
    """Largest rate of false positives and smallest coverage that chance leaves to exact methods in so many cells."""
    tail = (1 - SIMULTANEOUS) / n_cells
    return (float(stats.binom.isf(tail, runs, ALPHA)) / runs, float(stats.binom.ppf(tail, runs, 1 - ALPHA)) / runs)


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
        return (frame["p"] <= ALPHA).astype(float).where(frame["p"].notna())
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
