"""What the web pages share while the server runs, and who is asking."""

from __future__ import annotations

import hashlib
import mimetypes
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader
from sqlalchemy import Connection, Row
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse

from salcompare.collect.assignment import Place, find_worker, place_of
from salcompare.collect.database import Database
from salcompare.collect.keys import Keys
from salcompare.collect.limits import Rate
from salcompare.collect.stimuli import Stimuli

COOKIE = "salcompare"
REQUESTS = 30.0  # requests a second that a worker may send, in the long run
ENTRIES = 20.0  # workers who may enter from one address in a second, in the long run
_CACHED = 64  # encoded photographs kept in memory
_HERE = Path(__file__).parent


class Visitor(NamedTuple):
    """Whoever holds a signed session: their worker's hash, how they came, and the session's nonce."""

    worker_hmac: str
    source: str
    nonce: str


class ElsewhereError(Exception):
    """The worker stands at another page than the one asked for; the message is that page's path."""


@dataclass(frozen=True)
class Task:
    """A study's task as it is served: what is shown, the keys, the database, and limits on asking."""

    stimuli: Stimuli
    keys: Keys
    database: Database
    clock: Callable[[], float] = time.time  # may step back
    ticks: Callable[[], float] = time.monotonic  # never does

    @cached_property
    def pages(self) -> Pages:
        """The pages, with addresses under the path that the task stands under; checks look like trials there."""
        return Pages(self.stimuli.config.root_path, title=self.stimuli.config.title, n_trials=self.stimuli.n_tasks,
                     n_practice=len(self.stimuli.practice))

    @cached_property
    def answers(self) -> Rate:
        """Limits each worker's answers."""
        rate = self.stimuli.config.rate
        return Rate(rate, max(1.0, 2 * rate), self.ticks)

    @cached_property
    def requests(self) -> Rate:
        """Limits all that each worker asks for."""
        return Rate(REQUESTS, 3 * REQUESTS, self.ticks)

    @cached_property
    def entries(self) -> Rate:
        """Limits entering, by where it comes from, which is kept in memory alone."""
        return Rate(ENTRIES, 10 * ENTRIES, self.ticks)

    @cached_property
    def encoded(self) -> Callable[[str], tuple[bytes, str]]:
        """Give an image's bytes and media type; the latest are remembered."""
        return lru_cache(maxsize=_CACHED)(lambda image: self.stimuli.photos[image].encoded())

    def visitor(self, request: Request) -> Visitor:
        """Say who asks: sent to the entry without a session, refused (429) if they ask too fast."""
        session = self.keys.read_session(request.cookies.get(COOKIE, ""))
        if session is None:
            raise ElsewhereError("/")
        visitor = Visitor(*session)
        if wait := self.requests.take(visitor.worker_hmac):
            raise HTTPException(429, headers={"Retry-After": str(wait)})
        return visitor

    def standing(self, connection: Connection, visitor: Visitor) -> tuple[Row[Any] | None, Place]:
        """Say where a visitor stands."""
        worker = find_worker(connection, visitor.worker_hmac)
        return worker, place_of(connection, worker, self.stimuli)

    def at(self, connection: Connection, visitor: Visitor, place: Place) -> Row[Any]:
        """Give the visitor's worker, who is sent elsewhere if they do not stand here."""
        worker, stands = self.standing(connection, visitor)
        if worker is None or stands != place:
            raise ElsewhereError(f"/{stands}")
        return worker


class Static(NamedTuple):
    """A static file: its content, its media type and its content's hash."""

    content: bytes
    media_type: str
    version: str


class Pages:
    """Templates with automatic escaping, and static files by name, all under a path, as /study, or under none."""

    def __init__(self, root: str, **shared: object) -> None:
        self.root = root
        self._environment = Environment(loader=FileSystemLoader(_HERE / "templates"), autoescape=True)
        self._environment.globals.update(static=self.static_url, url=self.url, **shared)

    @cached_property
    def static(self) -> dict[str, Static]:
        """Every static file by its name; nothing else can be asked for."""
        return {path.name: _read(path) for path in sorted((_HERE / "static").iterdir())}

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
