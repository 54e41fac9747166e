"""What a report says and shows: all findings' answers, tables, methods and figures, and the pages beside it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from pathlib import Path

from salcompare.errors import InputError, Problem
from salcompare.figures.figure import Figure
from salcompare.findings import findings
from salcompare.findings.comparison.words import comparison_page
from salcompare.findings.p_values import FAMILIES, families_table
from salcompare.naming import classifier_file
from salcompare.report.content import Answer, Content, Page, ReportFigure, Section, with_rows
from salcompare.report.references import REFERENCES
from salcompare.report.render import render_report
from salcompare.report.tables import PrintedTable, plain_table
from salcompare.study_data import StudyData


def content(data: StudyData) -> Content:
    """Write all that a report says of a study; what the study does not have is left out."""
    banners, limits = (tuple(text for finding in findings() for text in finding.calls("words", name, data))
                       for name in ("banners", "limits"))
    cited = {text for finding in findings() for text in getattr(finding.part("words"), "REFERENCES", ())}
    return Content(answers=tuple(answers(data)), banners=banners, tables=tuple(tables(data)),
                   methods=tuple(methods(data)), limits=limits, references=tuple(sorted({*REFERENCES, *cited})),
                   pages=tuple(pages(data)))


def render(data: StudyData, folder: Path) -> Path:
    """Write the report and the pages beside it into a folder; give the path of report.html."""
    return render_report(data, content(data), folder)


def answers(data: StudyData) -> list[Answer]:
    """Answer the findings' questions as far as the estimates go; a question without estimates is left out."""
    several = len(data.classifier_names) > 1
    every = [Answer(finding.question_for(several=several), tuple(finding.calls("words", "summary", data)))
             for finding in findings() if finding.question]
    return [answer for answer in every if answer.answers]


def tables(data: StudyData) -> list[PrintedTable]:
    """Make every table of the report, in order; one without rows is left out."""
    made = [
        *(table for finding in findings() for table in finding.calls("words", "tables", data)),
        families_table(data.estimates),
        plain_table("images_left_out", "Files left out", data.images_left_out),
        plain_table("responses_left_out", "Responses left out", data.responses_left_out.assign(
            responses="simulated" if data.simulated else "collected")),
        *(plain_table(f"maps_left_out_{name}", f"{name}: maps left out", precomputed["left_out"])
          for name, precomputed in data.get("precomputed_maps", {}).items()),
    ]
    return [table for table in made if len(table.frame)]


def methods(data: StudyData) -> list[tuple[str, str]]:
    """Headed paragraphs: what was done, with the settings in them; what the study does not have is left out."""
    return [*(paragraph for finding in findings() for paragraph in finding.calls("words", "methods", data)),
            ("Families of tests", FAMILIES)]


def pages(data: StudyData) -> list[Page]:
    """Gather the pages beside the report: all classifiers side by side, one of each, and the findings' own."""
    names = data.classifier_names
    classifiers = [comparison_page(data), *(classifier_page(data, name) for name in names)] if names else []
    return [*classifiers, *(page for finding in findings() for page in finding.calls("words", "pages", data))]


Part = tuple[Callable[[StudyData], str | None], Callable[[StudyData], Figure]]
"""Says why a figure cannot be drawn (None where it can), and draws it."""


def numbers() -> tuple[int, ...]:
    """List all figures' numbers: 2 to 6 are those of Sun, Teoh & Guerzhoy (2020); 7 on go beyond."""
    return tuple(sorted(number for finding in findings() for number in finding.figures))


def make_figures(data: StudyData, *, only: Collection[int] | None = None) -> list[Figure]:
    """Make the figures whose inputs are there, in order; `figures_left_out` says why others are not.

    ``only`` some numbers are made, InputError if no figure has one; all by default.
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
    parts: dict[int, Part] = {}
    for finding in findings():
        if finding.figures:
            parts |= getattr(finding.part("figure"), "FIGURES")  # noqa: B009 - a module loaded by its finding's name
    return dict(sorted(parts.items()))


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
