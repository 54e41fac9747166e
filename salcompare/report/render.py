"""One HTML page with its figures inside, and beside it every number as JSON and every table as CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salcompare import schema, store
from salcompare.report.methods import REFERENCES, limits, methods
from salcompare.report.pages import classifier_files, write_pages
from salcompare.report.summary import summarise
from salcompare.report.summary.controls import banners
from salcompare.report.tables import printed_tables
from salcompare.report.templates import embedded, page_style, template

if TYPE_CHECKING:
    from pathlib import Path

    from salcompare.report.data import ReportData
    from salcompare.report.tables import PrintedTable

PEOPLE = {"boxes": (schema.RESPONSES,), "fixations": (schema.FIXATIONS,), "maps": (schema.MAP_FILES,), "none": ()}
LAYOUTS = (schema.HUMAN_MAPS, schema.CLASSIFIER_MAPS)


def render_report(data: ReportData, folder: Path) -> Path:
    """Write report.html, report.json and tables/ into a folder; same data, same bytes.

    Parameters
    ----------
    data : ReportData
        All that is printed.
    folder : Path
        The figures' files must be inside it already.

    Returns
    -------
    Path
        Of report.html, which holds its figures and needs no other file. Beside it stand comparison.html and a page
        of each classifier.
    """
    tables = printed_tables(data)
    _write_tables(data, tables, folder / "tables")
    store.write_json(folder / "report.json", _numbers(data))
    page = folder / "report.html"
    write_pages(data, folder)
    store.write_text(page, _page(data, tables, folder))
    return page


def _page(data: ReportData, tables: list[PrintedTable], folder: Path) -> str:
    return template("page.html").render(
        data=data, tables=tables, style=page_style(), findings=summarise(data), banners=banners(data),
        figures=[embedded(figure, folder) for figure in data.figures], methods=methods(data), limits=limits(data),
        references=REFERENCES, layouts=LAYOUTS,
        dictionary=(schema.IMAGES, *PEOPLE[data.people], schema.ESTIMATES),
        settings=_flat(data.settings), versions=dict(data.provenance["versions"]),
        inputs=sorted(data.provenance["inputs"].items()), classifier_files=classifier_files(data))


def _write_tables(data: ReportData, tables: list[PrintedTable], folder: Path) -> None:
    store.write_table(folder / "estimates.csv", data.estimates)
    for table in tables:
        store.write_table(folder / f"{table.name}.csv", table.frame)
    for name, found in data.classifiers.items():
        for kind in ("confusion", "training", "accuracy", "weights"):
            store.write_table(folder / f"{kind}_{name}.csv", found[kind])


def _numbers(data: ReportData) -> dict[str, object]:
    return {
        "study": data.title,
        "responses": None if data.people == "none" else "simulated" if data.simulated else "collected",
        "people": data.people,
        "planted": data.truth,
        "estimates": data.estimates.to_dict(orient="records"),
        "classifiers": {name: {kind: value.to_dict(orient="records") if hasattr(value, "to_dict") else value
                               for kind, value in found.items()} for name, found in data.classifiers.items()},
        "given_maps": {name: {kind: value.to_dict(orient="records") if hasattr(value, "to_dict") else value
                              for kind, value in found.items()} for name, found in data.given_maps.items()},
        "banners": banners(data),
        "summary": [{"question": finding.question, "answers": finding.answers} for finding in summarise(data)],
        "notes": data.notes, "settings": data.settings, "provenance": data.provenance,
    }


def _flat(settings: object, prefix: str = "") -> list[tuple[str, str]]:
    """Give settings as dotted names with their values, in the order of study.toml."""
    if isinstance(settings, dict) and settings:
        return [pair for key, value in settings.items() for pair in _flat(value, f"{prefix}.{key}".lstrip("."))]
    if isinstance(settings, (list, tuple)) and settings and isinstance(settings[0], dict):
        return [pair for index, value in enumerate(settings) for pair in _flat(value, f"{prefix}[{index}]")]
    if isinstance(settings, (list, tuple)):
        return [(prefix, ", ".join(map(str, settings)))]
    return [(prefix, str(settings))] if prefix else []
