"""What calibration runs: cases that apply a statistic to a simulated study, and what their numbers must do where.

A *case* computes; its *checks* claim. A test must keep its level in the scenarios where its null hypothesis is true,
and find what is planted elsewhere. An interval must cover the truth in all scenarios that are named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from salcompare.errors import InputError, Problem

if TYPE_CHECKING:
    from salcompare.planning.generate import SimulatedStudy
    from salcompare.planning.scenario import Scenario

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
