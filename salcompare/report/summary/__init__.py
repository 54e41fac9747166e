"""The report's summary: what the study found, in plain words with the numbers in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from salcompare.report.summary.agreement import agreement, ceiling
from salcompare.report.summary.controls import controls
from salcompare.report.summary.drivers import drivers
from salcompare.report.summary.material import accuracy, compared
from salcompare.report.summary.needs import needs
from salcompare.report.summary.quality import exclusions
from salcompare.report.summary.seeds import seeds
from salcompare.report.summary.symmetry import symmetry
from salcompare.report.summary.variance import alike

if TYPE_CHECKING:
    from salcompare.report.data import ReportData

__all__ = ["Finding", "summarise"]


@dataclass(frozen=True)
class Finding:
    """A question of the study and its answer."""

    question: str
    answers: tuple[str, ...]


def summarise(data: ReportData) -> list[Finding]:
    """Answer the study's questions as far as its estimates go; a question without estimates is left out."""
    several = len(data.classifier_names) > 1
    writers: list[tuple[str, Callable[[ReportData], list[str]]]] = [
        ("What was compared?", compared),
        (f"{'Do the classifiers' if several else 'Does the classifier'} know the people?", accuracy),
        ("Are maps of one actor alike?", alike),
        ("Do people agree with each other?", ceiling),
        ("Does the classifier agree with people?", agreement),
        ("Is it the network speaking?", controls),
        ("Which actors and labels drive it?", drivers),
        ("Does the network need what people look at?", needs),
        ("Are the maps symmetric?", symmetry),
        (f"How stable {'are the classifiers' if several else 'is the classifier'}?", seeds),
        ("Do exclusions change what was found?", exclusions),
    ]
    found = [Finding(question, tuple(write(data))) for question, write in writers]
    return [finding for finding in found if finding.answers]
