"""What a report says: the answers, tables and methods of all findings, and the pages beside the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salcompare.findings import findings
from salcompare.findings.comparison.words import comparison_page
from salcompare.findings.controls.words import banners
from salcompare.findings.families import FAMILIES, families_table
from salcompare.findings.pages import classifier_page
from salcompare.findings.preparation.words import limits
from salcompare.report.content import Answer, Content
from salcompare.report.references import REFERENCES
from salcompare.report.render import render_report
from salcompare.report.tables import plain_table

if TYPE_CHECKING:
    from pathlib import Path

    from salcompare.report.content import Page
    from salcompare.report.tables import PrintedTable
    from salcompare.study_data import StudyData


def content(data: StudyData) -> Content:
    """Write all that a report says of a study; what the study does not have is left out."""
    return Content(answers=tuple(answers(data)), banners=tuple(banners(data)), tables=tuple(tables(data)),
                   methods=tuple(methods(data)), limits=tuple(limits(data)), references=REFERENCES,
                   pages=tuple(pages(data)))


def render(data: StudyData, folder: Path) -> Path:
    """Write the report and the pages beside it into a folder; give the path of report.html."""
    return render_report(data, content(data), folder)


def answers(data: StudyData) -> list[Answer]:
    """Answer the findings' questions as far as the estimates go; a question without estimates is left out."""
    several = len(data.classifier_names) > 1
    found = [Answer(finding.question_for(several=several), tuple(finding.calls("words", "summary", data)))
             for finding in findings() if finding.question]
    return [answer for answer in found if answer.answers]


def tables(data: StudyData) -> list[PrintedTable]:
    """Make every table of the report, in order; one without rows is left out."""
    made = [
        *(table for finding in findings() for table in finding.calls("words", "tables", data)),
        families_table(data.estimates),
        plain_table("images_left_out", "Files left out", data.images_left_out),
        plain_table("responses_left_out", "Responses left out", data.responses_left_out.assign(
            responses="simulated" if data.simulated else "collected")),
        *(plain_table(f"maps_left_out_{name}", f"{name}: maps left out", given["left_out"])
          for name, given in data.get("given_maps", {}).items()),
    ]
    return [table for table in made if len(table.frame)]


def methods(data: StudyData) -> list[tuple[str, str]]:
    """Headed paragraphs: what was done, with the settings in them; what the study does not have is left out."""
    return [*(paragraph for finding in findings() for paragraph in finding.calls("words", "methods", data)),
            ("Families of tests", FAMILIES)]


def pages(data: StudyData) -> list[Page]:
    """Gather the pages beside the report: all classifiers side by side, and one of each; none without classifiers."""
    names = data.classifier_names
    return [comparison_page(data), *(classifier_page(data, name) for name in names)] if names else []
