"""What a study is asked, one folder a finding: its estimates, words, figure, calibration, and its own stage if any."""

from __future__ import annotations

import dataclasses
import importlib
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from salcompare.errors import InputError, Problem
from salcompare.findings.finding import Compared, Finding, Headline, Quantity

if TYPE_CHECKING:
    from types import ModuleType

    from salcompare.simulation.cases import Case, PlannedStatistic

Shown = TypeVar("Shown", Headline, Compared)

NAMES = ("unique", "preparation", "landmarks", "training", "attribution", "relative", "variance", "agreement",
         "ceilings", "overlap", "controls", "labels", "regions", "perturbation", "symmetry", "seeds",
         "quality")
"""Folders of the findings, in the order of the report."""


@cache
def findings() -> tuple[Finding, ...]:
    """Load what the findings declare, in the order of the report."""
    return tuple(importlib.import_module(f"{__name__}.{name}").FINDING for name in NAMES)


def calibration_cases() -> tuple[Case, ...]:
    """Load every test and interval of the findings as a case of calibration."""
    return tuple(dataclasses.replace(case, finding=name) for name, part in _calibrated() for case in part.CASES)


def cases_of(name: str) -> tuple[Case, ...]:
    """Load the cases of a finding, or the one of a name, or with a test or interval of a name, as calibration has them.

    Raises `InputError`, listing the names, where there is none.
    """
    cases = calibration_cases()
    some = tuple(case for case in cases if name in (case.finding, case.name, *(check.name for check in case.checks)))
    if not some:
        names = dict.fromkeys(each for case in cases for each in (case.finding, case.name))
        raise InputError(Problem("--only", f"{name!r} is not calibrated", f"one of {', '.join(names)}, or a test or "
                                 "interval as the page names it"))
    return some


def planned_statistics() -> tuple[PlannedStatistic, ...]:
    """Load every statistic of the findings that a study can be planned for."""
    return tuple(statistic for _, part in _calibrated() for statistic in part.PLANNED)


def _calibrated() -> list[tuple[str, ModuleType]]:
    return [(finding.name, part) for finding in findings() if (part := finding.part("calibration")) is not None]


def shown(kind: type[Shown]) -> list[tuple[Quantity, Shown]]:
    """List the quantities that are shown somewhere (`Headline`, `Compared`), each with how, in the report's order."""
    return [(quantity, how) for finding in findings() for quantity in finding.quantities for how in quantity.shown
            if isinstance(how, kind)]


__all__ = ["NAMES", "Finding", "calibration_cases", "cases_of", "findings", "planned_statistics", "shown"]
