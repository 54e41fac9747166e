"""Pages beside the report: one of each classifier, and one that compares them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salcompare import store
from salcompare.page_files import COMPARISON
from salcompare.report.pages.classifier import classifier_page
from salcompare.report.pages.comparison import classifier_files, comparison_page
from salcompare.report.pages.page import Page
from salcompare.report.templates import embedded, page_style, template

if TYPE_CHECKING:
    from pathlib import Path

    from salcompare.report.data import ReportData

__all__ = ["classifier_files", "write_pages"]


def write_pages(data: ReportData, folder: Path) -> list[Path]:
    """Write the pages and the CSV files of their tables into the report's folder; same data, same bytes.

    Parameters
    ----------
    data : ReportData
        All that is printed; without classifiers there is no page.
    folder : Path
        The figures' files must be inside it already. Pages of an earlier report are deleted.

    Returns
    -------
    list of Path
        The pages; each holds its figures and needs no other file.
    """
    for old in (*folder.glob("classifier-*.html"), folder / COMPARISON):
        old.unlink(missing_ok=True)
    names = data.classifier_names
    pages = [comparison_page(data), *(classifier_page(data, name) for name in names)] if names else []
    for page in pages:
        _write_tables(page, folder)
        store.write_text(folder / page.file, _printed(data, page, pages, folder))
    return [folder / page.file for page in pages]


def _printed(data: ReportData, page: Page, pages: list[Page], folder: Path) -> str:
    sections = [{"name": section.name, "title": section.title, "said": section.said, "tables": section.tables,
                 "notes": section.notes, "figures": [embedded(figure, folder) for figure in section.figures]}
                for section in page.sections if not section.empty]
    return template("side.html").render(
        data=data, page=page, sections=sections, style=page_style(),
        others=[(other.file, other.title) for other in pages if other is not page],
        version=data.provenance["versions"].get("salcompare", ""))


def _write_tables(page: Page, folder: Path) -> None:
    for section in page.sections:
        for table in section.tables:
            store.write_table(folder / "tables" / f"{table.name}.csv", table.frame)
