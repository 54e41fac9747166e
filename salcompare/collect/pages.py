"""The pages' templates and what they load, all read when the server starts."""

from __future__ import annotations

import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from starlette.responses import HTMLResponse

HERE = Path(__file__).parent
CONSENT = (
    "We study which parts of a face people find most recognisable. You will see photographs of faces and draw a box "
    "around one feature on each.",
    "We keep the boxes and labels that you give, how long each took, and a code made from your participant code that "
    "cannot be turned back into it without a key that only the researchers hold. We do not keep your name, your "
    "address or anything about your device.",
    "Taking part is voluntary. You can stop at any time by closing the page, and you can ask to have your answers "
    "deleted by giving the researchers your participant code.",
)
"""What the consent page says where study.toml says nothing."""


@dataclass(frozen=True)
class Static:
    """A static file: its content, its media type and its content's hash."""

    content: bytes
    media_type: str
    version: str


class Pages:
    """Templates with automatic escaping, and static files by name.

    Parameters
    ----------
    root : str
        The path that all addresses stand under, as /study; empty for none.
    """

    def __init__(self, root: str = "") -> None:
        self.root = root
        self._environment = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True)
        self._environment.globals.update(static=self.static_url, url=self.url)

    @cached_property
    def static(self) -> dict[str, Static]:
        """Every static file by its name; nothing else can be asked for."""
        folder = HERE / "static"
        return {path.relative_to(folder).as_posix(): _read(path) for path in sorted(folder.rglob("*"))
                if path.is_file()}

    def static_url(self, name: str) -> str:
        """Give a static file's address, which changes with its content."""
        return self.url(f"/static/{name}?v={self.static[name].version}")

    def url(self, path: str) -> str:
        """Give a page's address as browsers know it."""
        return f"{self.root}{path}"

    def render(self, name: str, *, status: int = 200, headers: dict[str, str] | None = None,
               **context: object) -> HTMLResponse:
        """Fill a template."""
        return HTMLResponse(self._environment.get_template(name).render(**context), status, headers)


def _read(path: Path) -> Static:
    content = path.read_bytes()
    media_type = "text/javascript" if path.suffix == ".js" else mimetypes.guess_type(path.name)[0]
    return Static(content, media_type or "application/octet-stream", hashlib.sha256(content).hexdigest()[:12])
