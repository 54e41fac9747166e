"""The pages' templates, their style, and figures as they stand inside a page."""

from __future__ import annotations

import base64
import hashlib
import importlib.resources
from typing import TYPE_CHECKING

from salcompare.figures.data import SIMULATED_RESPONSES

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
        "source": "data:image/png;base64," + base64.b64encode(figure.png.read_bytes()).decode("ascii"),
        "png": figure.png.relative_to(folder).as_posix(), "svg": figure.svg.relative_to(folder).as_posix(),
    }


def _read(name: str) -> str:
    return (importlib.resources.files("salcompare.report") / name).read_text(encoding="utf-8")
