"""The pages' templates, their style, and figures as they stand inside a page."""

from __future__ import annotations

import base64
import importlib.resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import jinja2

    from salcompare.report.data import ReportFigure

_PER_INCH = 131
"""Pixels of the page to an inch of a figure: the widest fill the page, and letters are of one size in all of them."""


def template(name: str) -> jinja2.Template:
    """Load one of the templates beside this module."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_read), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True)
    return environment.get_template(name)


def page_style() -> str:
    """Give the style sheet of all pages."""
    return _read("page.css")


def embedded(figure: ReportFigure, folder: Path) -> dict[str, str]:
    """Give a figure's picture as text, with its words and the places of its files."""
    from PIL import Image

    with Image.open(figure.png) as png:
        inches = png.width / png.info["dpi"][0]
    return {
        "name": figure.name, "title": figure.title, "caption": figure.caption, "width": str(round(inches * _PER_INCH)),
        "source": "data:image/png;base64," + base64.b64encode(figure.png.read_bytes()).decode("ascii"),
        "png": figure.png.relative_to(folder).as_posix(), "svg": figure.svg.relative_to(folder).as_posix(),
    }


def _read(name: str) -> str:
    return (importlib.resources.files("salcompare.report") / name).read_text(encoding="utf-8")
