"""The page of one classifier: what each finding has to say of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from salcompare.findings import findings
from salcompare.naming import classifier_file
from salcompare.report.content import Page, Section, with_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from salcompare.report.content import ReportFigure
    from salcompare.study_data import StudyData


def classifier_page(data: StudyData, name: str) -> Page:
    """Gather the page of a classifier that was trained here, or whose maps were given."""
    sections = list(_sections(data, name))
    absent = tuple(section.absent for section in sections if section.absent and not with_rows(section.tables[:1]))
    held = [replace(section, tables=with_rows(section.tables)) for section in sections]
    notes = (Section("absent", "What is not here", notes=absent),) if absent else ()
    return Page(classifier_file(name), name, "One classifier of the study, by itself. Intervals are 95%.",
                (*(section for section in held if not section.empty), *notes))


def _sections(data: StudyData, name: str) -> Iterator[Section]:
    """Give every finding's section, with those of its figures that the classifier's page shows."""
    for finding in findings():
        write = getattr(finding.part("words"), "section", None)
        if write is not None:
            figures = tuple(figure for figure in data.get("pages", {}).get(name, ()) if _number(figure) in
                            finding.on_classifier_pages)
            section: Section = write(data, name)
            yield replace(section, figures=figures)


def _number(figure: ReportFigure) -> int:
    """Give a figure's number, which stands in its name as in ``net-fig8-overlap``."""
    return int(next(part for part in figure.name.split("-")[::-1] if part.startswith("fig")).removeprefix("fig"))
