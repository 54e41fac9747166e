"""What the web pages share while the server runs, and who is asking."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row
from starlette.exceptions import HTTPException

from salcompare.collect.assignment import Place, find_worker, place_of
from salcompare.collect.database import Database
from salcompare.collect.keys import Keys, same_text
from salcompare.collect.limits import Rate
from salcompare.collect.material import Material
from salcompare.collect.pages import Pages

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from starlette.requests import Request

COOKIE = "salcompare"
REQUESTS = 30.0  # requests a second that a worker may send, in the long run
ENTRIES = 20.0  # workers who may enter from one address in a second, in the long run
_CACHED = 64  # encoded photographs kept in memory


@dataclass(frozen=True)
class Visitor:
    """Whoever holds a signed session: their worker's hash, how they came, and the session's nonce."""

    worker_hmac: str
    source: str
    nonce: str


class ElsewhereError(Exception):
    """The worker stands at another page than the one asked for."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


@dataclass(frozen=True)
class Task:
    """A study's task as it is served: what is shown, the keys, the database, and limits on asking."""

    material: Material
    keys: Keys
    database: Database
    clock: Callable[[], float] = time.time  # may step back
    ticks: Callable[[], float] = time.monotonic  # never does

    @cached_property
    def pages(self) -> Pages:
        """The pages, with addresses under the path that the task stands under."""
        return Pages(self.material.config.root_path)

    @cached_property
    def answers(self) -> Rate:
        """Limits each worker's answers."""
        rate = self.material.config.rate
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
        return lru_cache(maxsize=_CACHED)(lambda image: self.material.photos[image].encoded())

    def visitor(self, request: Request) -> Visitor:
        """Say who asks.

        Raises
        ------
        ElsewhereError
            To the entry, without a session of ours.
        HTTPException
            429, if they ask too fast.
        """
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
        return worker, place_of(connection, worker, self.material)

    def at(self, connection: Connection, visitor: Visitor, place: Place) -> Row[Any]:
        """Give the visitor's worker.

        Raises
        ------
        ElsewhereError
            If they stand elsewhere.
        """
        worker, stands = self.standing(connection, visitor)
        if worker is None or stands != place:
            raise ElsewhereError(f"/{stands}")
        return worker


def hold_to_monitor(task: Task, request: Request) -> str:
    """Hold a request to the monitor's token, and give it.

    Raises
    ------
    HTTPException
        404, as if there were no monitor.
    """
    token = request.query_params.get("token", "")
    if not same_text(token, task.keys.monitor_token):
        raise HTTPException(404)
    return token
