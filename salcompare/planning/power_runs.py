"""How large a study must be: power and precision of a statistic over a grid of study sizes, by simulation.

Every run of a cell of the grid has random numbers of its own, by the cell's and the run's name, so a run that was
stopped goes on where it was, and more runs can be added to those there are. Files of runs carry checksums; what is
damaged is said, and made again.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from salcompare import __version__, provenance, store
from salcompare.errors import DamagedError, InputError, Problem
from salcompare.findings import planned_statistics
from salcompare.printing import ALPHA
from salcompare.progress import Progress, Say, Silent
from salcompare.simulation.cases import PlannedStatistic, Result
from salcompare.simulation.preferences import stream
from salcompare.simulation.scenario import Scenario
from salcompare.simulation.studies import simulate_study
from salcompare.statistics import smallest_p

DRAWS = 499
"""Permutations or resamples of each simulated study."""
STATISTICS: Mapping[str, PlannedStatistic] = {statistic.name: statistic for statistic in planned_statistics()}
"""Statistics that can be planned for, by name, in the order of the findings, in which the command line lists them."""
FEWEST_DEFINED = 0.5  # share of the runs that must have an interval
_SECONDS_BETWEEN_WRITES = 5.0


@dataclass(frozen=True)
class Goal:
    """What a study is to reach: a power, or where `half_width` is given a precision."""

    level: float = ALPHA  # the test rejects where p is at or below it
    power: float | None = 0.8  # probability of rejecting
    half_width: float | None = None  # expected, of the 95% interval, in the statistic's unit

    @property
    def target(self) -> float:
        """The power or half-width to be reached."""
        return float(self.power if self.half_width is None else self.half_width)  # type: ignore[arg-type]

    @property
    def measure(self) -> str:
        """What is measured: ``power`` or ``half-width``."""
        return "power" if self.half_width is None else "half-width"


@dataclass(frozen=True)
class Sizes:
    """One study size: actors, images of each actor, workers (one response each) for an image."""

    actors: int
    images: int
    workers: int

    @property
    def name(self) -> str:
        """As cells are kept and random numbers named."""
        return f"{self.actors} actors x {self.images} images x {self.workers} workers"

    @property
    def responses(self) -> int:
        """Boxes in all."""
        return self.actors * self.images * self.workers


def planned_statistic(name: str) -> PlannedStatistic:
    """Find a statistic by its name; `InputError` if there is none."""
    if name not in STATISTICS:
        raise InputError(Problem("--statistic", repr(name), "one of " + ", ".join(STATISTICS)))
    return STATISTICS[name]


def power(scenario: Scenario, statistic: PlannedStatistic, sizes: list[Sizes], *, goal: Goal, runs: int, seed: int,
          draws: int = DRAWS, kept: Kept | None = None, progress: Progress | None = None) -> pd.DataFrame:
    """Simulate studies of several sizes and say how often a test rejects, or how wide an interval is.

    Parameters
    ----------
    scenario : Scenario
        The generative model; its sizes are replaced, its effects kept. The pool of workers grows with the study so
        that each worker draws as many boxes as in the scenario, but never has fewer workers than an image needs.
    statistic : PlannedStatistic
        What is planned for.
    sizes : list of Sizes
        The grid.
    goal : Goal
        What is to be reached.
    runs : int
        Simulated studies of each size.
    seed : int
        Same arguments and seed, same table.
    draws : int
        Permutations or resamples in each study.
    kept : Kept, optional
        Where finished runs are kept, and found again.
    progress : Progress, optional
        Shows how far it is.

    Returns
    -------
    DataFrame
        One row a size: ``statistic, measure, actors, images, workers, pool, responses, runs``; ``value``: share of
        runs that reject (a run without p does not), or mean half-width of the defined intervals; ``ci_low``,
        ``ci_high``: its 95% Monte Carlo interval (Wilson; t over runs); ``estimate``: mean of the statistic over runs;
        ``n_undefined``: runs without p or interval; ``target``; ``reached``: ``yes`` or ``no`` where the Monte Carlo
        interval lies wholly on one side of the target, else ``open``; ``reason``, why a value is NaN.

    Raises
    ------
    InputError
        If the goal cannot be met by this statistic, or a number is out of range.
    """
    check_goal(statistic, goal, runs, draws)
    rows = []
    total = len(sizes) * runs
    remaining = (progress or Silent()).track(range(total), total=total, what=f"studies ({statistic.name})")
    for size in sizes:
        results = _cell(scenario, statistic, size, runs, seed, draws, kept, remaining)
        rows.append({"statistic": statistic.name, "measure": goal.measure, "actors": size.actors,
                     "images": size.images, "workers": size.workers, "pool": pool(scenario, size),
                     "responses": size.responses, "runs": runs, **summarise(results, goal)})
    for _ in remaining:  # lets the bar close
        pass
    return pd.DataFrame(rows)


def grid(actors: list[int], images: list[int], workers: list[int]) -> list[Sizes]:
    """Give all combinations, each number once, in rising order; `InputError` for a number below 1, or none."""
    options = {"--actors": actors, "--images": images, "--workers": workers}
    problems = [Problem(option, str(number), "whole numbers of at least 1") for option, numbers in options.items()
                for number in numbers if number < 1]
    problems += [Problem(option, "no number", "at least one") for option, numbers in options.items() if not numbers]
    if problems:
        raise InputError(problems)
    return [Sizes(*size) for size in product(*(sorted(set(numbers)) for numbers in options.values()))]


def pool(scenario: Scenario, size: Sizes) -> int:
    """Workers that a study needs, each drawing as many boxes as in the scenario, and none two on an image."""
    boxes = float(scenario.images_of_actors.sum()) * sum(scenario.responses) / 2
    return max(size.workers, math.ceil(size.responses * scenario.n_workers / boxes))


def resized(scenario: Scenario, size: Sizes) -> Scenario:
    """Give the scenario with another size."""
    return scenario.replace(n_actors=size.actors, n_images=size.images, per_image=size.workers,
                            n_workers=pool(scenario, size))


def summarise(results: list[Result], goal: Goal) -> Mapping[str, object]:
    """Summarise the runs of one size, as `power` describes it."""
    table = np.array(results, dtype=float)
    p, estimates, half_widths = table[:, 0], table[:, 1], (table[:, 3] - table[:, 2]) / 2
    defined = ~np.isnan(p if goal.half_width is None else half_widths)
    if goal.half_width is None:
        count = int((p[defined] <= goal.level).sum())
        value = count / len(p)
        low, high = proportion_confint(count, len(p), method="wilson")
    else:
        value, low, high = _mean(half_widths[defined]) if defined.mean() >= FEWEST_DEFINED else (np.nan,) * 3
    lacking = f"no {'p' if goal.half_width is None else 'interval'}"
    reason = "" if defined.mean() >= FEWEST_DEFINED else (
        f"{int((~defined).sum())} of {len(p)} simulated studies have {lacking}")
    known = estimates[~np.isnan(estimates)]
    return {"value": value, "ci_low": low, "ci_high": high, "estimate": known.mean() if known.size else np.nan,
            "n_undefined": int((~defined).sum()), "target": goal.target,
            "reached": _reached(low, high, goal), "reason": reason}


def check_goal(statistic: PlannedStatistic, goal: Goal, runs: int, draws: int) -> None:
    """Check that a statistic can be planned for a goal; the `InputError` lists all that is wrong."""
    problems = []
    if not 0 < goal.level < 1:
        problems.append(Problem("--level", f"{goal.level:g}", "between 0 and 1"))
    if goal.half_width is not None and not goal.half_width > 0:
        problems.append(Problem("--half-width", f"{goal.half_width:g}", "above 0, in the statistic's unit"))
    if goal.half_width is None and not 0 < (goal.power or 0) < 1:
        problems.append(Problem("--target-power", str(goal.power), "between 0 and 1"))
    if goal.half_width is None and not statistic.tests:
        problems.append(Problem(f"--statistic {statistic.name}", "has no test", "",
                                "plan for the width of its interval: --half-width"))
    if goal.half_width is not None and not statistic.estimates:
        problems.append(Problem(f"--statistic {statistic.name}", "has no interval", "",
                                "plan for the power of its test: --target-power"))
    if goal.half_width is None and goal.level < smallest_p(draws):
        problems.append(Problem("--level", f"{goal.level:g}", f"at least {smallest_p(draws):.2g}, the smallest p of "
                                f"{draws} permutations", "raise --permutations"))
    if runs < 2:
        problems.append(Problem("--runs", str(runs), "at least 2"))
    if problems:
        raise InputError(problems)


def _cell(scenario: Scenario, statistic: PlannedStatistic, size: Sizes, runs: int, seed: int, draws: int,
          kept: Kept | None, remaining: Iterator[int]) -> list[Result]:
    """Give the results of all runs of one size, kept ones first."""
    results = (kept.results(size.name) if kept else [])[:runs]
    for _ in results:
        next(remaining)
    model = resized(scenario, size)
    for run in range(len(results), runs):
        next(remaining)
        results.append(one_run(model, statistic, size, run, seed, draws))
        if kept:
            kept.keep(size.name, results, finished=run == runs - 1)
    return results


def one_run(model: Scenario, statistic: PlannedStatistic, size: Sizes, run: int, seed: int, draws: int) -> Result:
    """Simulate one study and compute the statistic; without a result where the study is too small for it."""
    study = simulate_study(model, rng=stream(seed, "study", size.name, str(run)))
    try:
        return statistic.function(study, stream(seed, "statistic", statistic.name, size.name, str(run)), draws)
    except InputError:
        return Result()


def _mean(values: np.ndarray) -> tuple[float, float, float]:
    mean, error = float(values.mean()), float(stats.sem(values)) if values.size > 1 else np.nan
    half = float(stats.t.ppf(0.975, max(values.size - 1, 1))) * error
    return mean, mean - half, mean + half


def _reached(low: float, high: float, goal: Goal) -> str:
    if np.isnan(low) or np.isnan(high):
        return "open"
    above, below = low >= goal.target, high < goal.target
    if goal.half_width is not None:
        above, below = high <= goal.target, low > goal.target
    return "yes" if above else "no" if below else "open"


@dataclass
class Kept:
    """Results by cell, in one JSON file that is replaced as a whole."""

    path: Path
    fingerprint: str  # of what the results depend on; those of another are not used
    cells: dict[str, list[Result]] = field(default_factory=dict)
    _written: float = 0.0

    def results(self, cell: str) -> list[Result]:
        """Give a cell's results so far; changing the list changes nothing kept."""
        return list(self.cells.get(cell, []))

    def keep(self, cell: str, results: list[Result], *, finished: bool) -> None:
        """Keep a cell's results; they are on disk when a cell is finished, and every few seconds."""
        if len(results) >= len(self.cells.get(cell, [])):
            self.cells[cell] = list(results)
        if finished or time.monotonic() - self._written > _SECONDS_BETWEEN_WRITES:
            write_kept(self.path, {"fingerprint": self.fingerprint, "simulated": True, "columns": Result._fields,
                                   "cells": self.cells})
            self._written = time.monotonic()


def open_kept(path: Path, *, scenario: Scenario, statistic: PlannedStatistic, seed: int, draws: int,
              say: Say | None = None) -> Kept:
    """Open what is kept in a file, if the same model, statistic, seed, draws and version made it."""
    fingerprint = provenance.fingerprint({"scenario": scenario, "statistic": statistic.name, "seed": seed,
                                          "draws": draws, "version": __version__})
    kept = read_kept(path, say=say)
    if kept is None or kept.get("fingerprint") != fingerprint:
        return Kept(path, fingerprint)
    cells = {cell: [Result(*(float("nan") if number is None else float(number) for number in row)) for row in rows]
             for cell, rows in kept["cells"].items()}
    return Kept(path, fingerprint, cells)


def write_kept(path: Path, content: Mapping[str, object]) -> None:
    """Write runs as JSON on one line with a checksum of its own, whole or not at all; NaN becomes null."""
    store.write_text(path, provenance.canonical_json(provenance.sealed(content)) + "\n")


def read_kept(path: Path, *, say: Say | None = None) -> dict[str, Any] | None:
    """Read what `write_kept` wrote; None where there is none, or it is not what was written, which is said."""
    if not path.exists():
        return None
    try:
        return store.read_sealed(path)
    except DamagedError:
        if say:
            say(f"  {path} is damaged or of an older version; its runs are made again")
        return None
