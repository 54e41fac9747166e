"""One HTML page with its figures inside, and beside it every number as JSON and every table as CSV."""

from __future__ import annotations

import base64
import hashlib
import importlib.resources
from typing import TYPE_CHECKING

from salcompare import schema, store
from salcompare.config import flattened
from salcompare.figures.figure import SIMULATED_RESPONSES
from salcompare.naming import COMPARISON, LANDMARKS_PAGE

if TYPE_CHECKING:
    from pathlib import Path

    import jinja2

    from salcompare.report.content import Content, Page, ReportFigure
    from salcompare.study_data import StudyData


PEOPLE = {"boxes": (schema.RESPONSES,), "fixations": (schema.FIXATIONS,), "maps": (schema.MAP_FILES,), "none": ()}
LAYOUTS = (schema.HUMAN_MAPS, schema.CLASSIFIER_MAPS)


def render_report(data: StudyData, content: Content, folder: Path) -> Path:
    """Write report.html, report.json, tables/ and the pages beside it into a folder; same data, same bytes.

    The figures' files must be inside the folder already. Gives the path of report.html, which holds its figures and
    needs no other file. Beside it stand comparison.html, a page of each classifier, and one of landmarks.
    """
    tables = {"estimates": data.estimates, **{table.name: table.frame for table in content.tables}}
    tables |= {f"{kind}_{name}": of_one[kind] for name, of_one in data.classifiers.items()
               for kind in ("confusion", "training", "accuracy", "weights")}
    for name, frame in tables.items():
        store.write_table(folder / "tables" / f"{name}.csv", frame)
    store.write_json(folder / "report.json", _numbers(data, content))
    page = folder / "report.html"
    write_pages(data, content.pages, folder)
    store.write_text(page, _page(data, content, folder))
    return page


def question(data: StudyData) -> str:
    """Say what the study asks, given the sides that it has."""
    if not data.has_classifier:
        return "Which parts of a face do people find salient, and how sure can we be?"
    if data.people == "none":
        return "Which parts of a face does a classifier find salient, and how sure can we be?"
    return "Do people and a classifier find the same parts of a face salient, and how sure can we be?"


def _page(data: StudyData, content: Content, folder: Path) -> str:
    return template("page.html").render(
        data=data, question=question(data), tables=content.tables, style=page_style(), findings=content.answers,
        banners=content.banners, plan=data.get("plan", ()),
        figures=[embedded(figure, folder) for figure in data.figures], methods=content.methods, limits=content.limits,
        references=content.references, layouts=LAYOUTS,
        dictionary=(schema.IMAGES, *PEOPLE[data.people], schema.ESTIMATES),
        settings=[(name, ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value))
                  for name, value in flattened(data.settings).items()], versions=dict(data.provenance["versions"]),
        inputs=sorted(data.provenance["inputs"].items()),
        pages=content.pages)


def write_pages(data: StudyData, pages: tuple[Page, ...], folder: Path) -> list[Path]:
    """Write the pages beside the report and give their paths; those of an earlier report are deleted."""
    for old in (*folder.glob("classifier-*.html"), folder / COMPARISON, folder / LANDMARKS_PAGE):
        old.unlink(missing_ok=True)
    for page in pages:
        store.write_text(folder / page.file, _beside(data, page, pages, folder))
        for table in (table for section in page.sections for table in section.tables):
            store.write_table(folder / "tables" / f"{table.name}.csv", table.frame)
    return [folder / page.file for page in pages]


def _beside(data: StudyData, page: Page, pages: tuple[Page, ...], folder: Path) -> str:
    sections = [{"name": section.name, "title": section.title, "said": section.said, "tables": section.tables,
                 "notes": section.notes, "figures": [embedded(figure, folder) for figure in section.figures],
                 "thumbnails": [(one, _data("jpeg", one.jpeg)) for one in section.thumbnails]}
                for section in page.sections if not section.empty]
    return template("side.html").render(
        data=data, page=page, sections=sections, style=page_style(),
        others=[(other.file, other.title) for other in pages if other is not page],
        version=data.provenance["versions"].get("salcompare", ""))


def _numbers(data: StudyData, content: Content) -> dict[str, object]:
    return {
        "study": data.title,
        "responses": None if data.people == "none" else "simulated" if data.simulated else "collected",
        "people": data.people,
        "planted": data.truth,
        "estimates": data.estimates.to_dict(orient="records"),
        "classifiers": {name: {kind: value.to_dict(orient="records") if hasattr(value, "to_dict") else value
                               for kind, value in tables.items()} for name, tables in data.classifiers.items()},
        "given_maps": {name: {kind: value.to_dict(orient="records") if hasattr(value, "to_dict") else value
                              for kind, value in facts.items()}
                       for name, facts in data.get("precomputed_maps", {}).items()},
        "banners": content.banners,
        "summary": [{"question": finding.question, "answers": finding.answers} for finding in content.answers],
        "notes": data.notes, "plan": data.get("plan", ()), "settings": data.settings, "provenance": data.provenance,
    }


_PER_INCH = 131
"""Pixels of the page to an inch of a figure: the widest fill the page, and letters are of one size in all of them."""


def template(name: str) -> jinja2.Template:
    """Load one of the templates beside this module."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_read), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True)
    environment.globals["policy"] = page_policy()
    return environment.get_template(name)


def page_style() -> str:
    """Give the style sheet of all pages."""
    return _read("page.css")


def page_policy() -> str:
    """Give the content security policy of all pages: nothing but their own style and the pictures inside them.

    Strangers' texts are escaped; should one slip through, a browser runs and loads nothing of it.
    """
    digest = hashlib.sha256(f"\n{page_style()}\n".encode()).digest()
    style = base64.b64encode(digest).decode("ascii")
    return f"default-src 'none'; img-src data:; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'"


def embedded(figure: ReportFigure, folder: Path) -> dict[str, str]:
    """Give a figure's picture as text, with its words and the places of its files."""
    from PIL import Image

    with Image.open(figure.png) as png:
        inches = png.width / png.info["dpi"][0]
    simulated = SIMULATED_RESPONSES in figure.caption
    return {
        "name": figure.name, "title": figure.title, "caption": figure.caption,
        "alt": f"{figure.title} (simulated responses)" if simulated else figure.title,
        "width": str(round(inches * _PER_INCH)),
        "source": _data("png", figure.png.read_bytes()),
        "png": figure.png.relative_to(folder).as_posix(), "svg": figure.svg.relative_to(folder).as_posix(),
    }


def _data(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _read(name: str) -> str:
    return (importlib.resources.files("salcompare.report") / name).read_text(encoding="utf-8")
