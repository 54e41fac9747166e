"""All figures by number, and why one is left out."""

from __future__ import annotations

from collections.abc import Callable, Collection

from salcompare.errors import InputError, Problem
from salcompare.figures.figure import Figure
from salcompare.findings import findings
from salcompare.study_data import StudyData

Part = tuple[Callable[[StudyData], str | None], Callable[[StudyData], Figure]]
"""Says why a figure cannot be drawn (None where it can), and draws it."""


def numbers() -> tuple[int, ...]:
    """List all figures' numbers: 2 to 6 are those of Sun, Teoh & Guerzhoy (2020); 7 on go beyond."""
    return tuple(sorted(number for finding in findings() for number in finding.figures))


def make_figures(data: StudyData, *, only: Collection[int] | None = None) -> list[Figure]:
    """Make the figures whose inputs are there, in order; `figures_left_out` says why others are not.

    Parameters
    ----------
    data : StudyData
        What they show.
    only : collection of int, optional
        Numbers of the figures wanted; all by default.

    Raises
    ------
    InputError
        If `only` names a number that no figure has.
    """
    known = numbers()
    wanted = known if only is None else tuple(only)
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        raise InputError(Problem("only", f"figure {', '.join(map(str, unknown))}",
                                 f"numbers from {known[0]} to {known[-1]}", "name figures that exist"))
    return [draw(data) for number, (missing, draw) in _parts().items() if number in wanted and missing(data) is None]


def figures_left_out(data: StudyData) -> dict[int, str]:
    """Say, by number, why a figure cannot be made from these data."""
    reasons = {number: missing(data) for number, (missing, _) in _parts().items()}
    return {number: reason for number, reason in reasons.items() if reason is not None}


def _parts() -> dict[int, Part]:
    """Load every figure by its number."""
    found: dict[int, Part] = {}
    for finding in findings():
        if finding.figures:
            found |= getattr(finding.part("figure"), "FIGURES")  # noqa: B009 - a module loaded by its finding's name
    return dict(sorted(found.items()))
