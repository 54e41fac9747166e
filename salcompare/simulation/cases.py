"""What a case of calibration is, and what cases share: sizes of tests, smoothing, photographs, a second classifier."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import xarray as xr

from salcompare.errors import InputError, Problem
from salcompare.simulation.geometry import expected_coverage

if TYPE_CHECKING:
    from salcompare.simulation.scenario import Scenario
    from salcompare.simulation.studies import SimulatedStudy


LEVEL = 0.05
"""Nominal rate of false positives; intervals are of nominal coverage 1 - LEVEL."""
NAN = float("nan")


class Outcome(NamedTuple):
    """What one check is in one simulated study: a p-value, or an estimate with its interval and the truth.

    A truth of NaN stands for the mean of the estimates over all runs: what the estimate tends to in studies of this
    size, where the model has no formula for it.
    """

    p: float = NAN
    estimate: float = NAN
    low: float = NAN
    high: float = NAN
    truth: float = NAN


def covering(ends: Iterable[object], *, truth: float = NAN) -> Outcome:
    """Make the outcome of an interval from its estimate, its lower end and its upper end."""
    estimate, low, high = (float(str(value)) for value in ends)
    return Outcome(NAN, estimate, low, high, truth)


@dataclass(frozen=True)
class Check:
    """A claim about one of the numbers that a case computes.

    Attributes
    ----------
    name : str
        Of the outcome in what the case measures; unique among all checks.
    kind : {"test", "interval"}
        What is counted: p at or below `LEVEL`, or truths inside the interval.
    what : str
        The null hypothesis that is tested or the truth that must be covered, and why it is true in `holds`.
    holds : tuple of str
        Scenarios in which the level or the coverage must hold.
    finds : tuple of str
        Scenarios with an effect that a test must find.
    discrete : bool
        Few arrangements: the rate may lie far below `LEVEL`.
    """

    name: str
    kind: Literal["test", "interval"]
    what: str
    holds: tuple[str, ...]
    finds: tuple[str, ...] = ()
    discrete: bool = False

    @property
    def scenarios(self) -> tuple[str, ...]:
        """All scenarios that it is run in."""
        return self.holds + tuple(name for name in self.finds if name not in self.holds)


@dataclass(frozen=True)
class Case:
    """A statistic applied to a simulated study, as a report would.

    Attributes
    ----------
    name : str
        Of the statistic, as its function is called; names the stream of random numbers.
    measure : callable
        Given the study and random numbers, the outcome of every check by name. A function of a module, so that other
        processes can call it.
    checks : tuple of Check
        What must hold.
    """

    name: str
    measure: Callable[[SimulatedStudy, np.random.Generator], Mapping[str, Outcome]]
    checks: tuple[Check, ...]

    @property
    def scenarios(self) -> frozenset[str]:
        """All scenarios that one of its checks is run in."""
        return frozenset(name for check in self.checks for name in check.scenarios)


def require_cases(cases: Iterable[Case], scenarios: Mapping[str, Scenario]) -> None:
    """Check that names are unique and that every scenario named is there.

    Raises
    ------
    InputError
        Naming each case or check that is wrong.
    """
    cases = tuple(cases)
    problems = [Problem(f"calibration case {name!r}", "is listed twice", "unique names")
                for name in _repeated(case.name for case in cases)]
    checks = [check for case in cases for check in case.checks]
    problems += [Problem(f"calibration check {name!r}", "is listed twice", "unique names")
                 for name in _repeated(check.name for check in checks)]
    problems += [Problem(f"calibration check {check.name!r}", f"scenario {name!r}", f"one of {', '.join(scenarios)}")
                 for check in checks for name in check.scenarios if name not in scenarios]
    if problems:
        raise InputError(problems)


def _repeated(names: Iterable[str]) -> list[str]:
    found = list(names)
    return sorted({name for name in found if found.count(name) > 1})


DRAWS = 199
"""Permutations of a test: p = 0.05 is then among the values it can take, so that a test can be exact."""
RESAMPLES = 199
"""Of a bootstrap."""
SIGMA = 1.0
"""Of the smoothing, pixels of the small grid."""
GRAIN = 0.05  # standard deviation of a photograph's own noise, of the range of its face

SAME = "the maps' distribution is the same for all actors, so images can be exchanged among them"
TENDS = "What the estimate tends to over many studies of other actors."


def another_classifier(study: SimulatedStudy, rng: np.random.Generator) -> xr.DataArray:
    """Draw maps of a second classifier that comes from the same model, of the same images."""
    return dataclasses.replace(study, seeds=(study.seeds[0], int(rng.integers(2**62)))).saliency


def photographs(study: SimulatedStudy, rng: np.random.Generator) -> xr.DataArray:
    """Draw photographs (image, y, x): the face as it lies in each image, and noise of their own."""
    scenario, truth = study.scenario, study.truth
    shares = np.broadcast_to(scenario.geometry.shares, truth.image_shares.shape)
    faces = expected_coverage(scenario.geometry, shares, grid=scenario.grid, shifts=truth.shifts)
    grain = GRAIN * rng.standard_normal(faces.shape)
    return study.saliency.copy(data=faces / faces.max() + grain)


def other_photographs(study: SimulatedStudy, rng: np.random.Generator) -> xr.DataArray:
    """Draw photographs (image, y, x) that have nothing to do with the maps."""
    return study.saliency.copy(data=rng.standard_normal(study.saliency.shape))
