"""Connections: how many, how long a request may take to arrive, and how long its answer may take to be fetched.

Uvicorn ends connections that idle between requests, and no others: a request that never arrives whole, or an answer
that nobody fetches, would hold a connection and its file handle for ever.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from salcompare.collect.limits import client_of, is_among

BATCH = 16  # connections taken at a time; asyncio takes so many before any of them can be refused
HANDLES = 208  # kept for the database, forty connections of three files each, for three batches and all else
_FULL = (b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 3\r\nContent-Length: 0\r\nConnection: close\r\n"
         b"X-Content-Type-Options: nosniff\r\n\r\n")


@dataclass(frozen=True)
class Limits:
    """Limits on connections.

    Attributes
    ----------
    connections, address : int
        Connections at once: in all, and from one client's address (an IPv6 network of 64 bits counts as one). Those
        of a web server in front, [collect] proxies, are limited in all only, as they are many clients'.
    request, answer, idle : float
        Seconds until a request must have arrived whole, its answer have been fetched, and the next one begin.
    """

    connections: int
    address: int
    request: float = 20.0
    answer: float = 180.0
    idle: float = 5.0


def usual_limits() -> Limits:
    """Give limits that leave enough of the file handles that this process may have; one address gets half."""
    try:
        import resource

        handles = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    except ImportError:  # not on this system
        handles = 512
    handles = 1 << 16 if handles < 0 else handles
    connections = max(4, min(2000, handles - min(HANDLES, handles // 2 + BATCH)))
    return Limits(connections, max(2, connections // 2))


def limited_protocol(limits: Limits, proxies: Sequence[str]) -> type[H11Protocol]:
    """Make the protocol of a server's connections; `proxies` are the addresses of web servers in front."""
    return type("Limited", (_Limited,), {"limits": limits, "proxies": tuple(proxies), "counts": Counter()})


class _Limited(H11Protocol):
    """One connection, which is ended at the end of its time, whatever the other side does."""

    limits: ClassVar[Limits]
    proxies: ClassVar[tuple[str, ...]]
    counts: ClassVar[Counter[str]]  # open connections by client; in memory alone
    _client = ""
    _phase = "request"  # then "answer", then "idle"
    _end: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or refuse it where there are too many."""
        super().connection_made(transport)
        address = self.client[0] if self.client else ""
        self._client = "" if is_among(address, self.proxies) else client_of(address)
        self.counts[self._client] += 1
        alone = self._client and self.counts[self._client] > self.limits.address
        if alone or len(self.connections) > self.limits.connections:
            transport.write(_FULL)
            transport.close()
        self._enter("request", self.limits.request)

    def data_received(self, data: bytes) -> None:
        """Read what came; the time of a request begins with its first byte."""
        if self._phase == "idle":
            self._enter("request", self.limits.request)
        super().data_received(data)
        if self._phase == "request" and self._has_arrived():
            self._enter("answer", self.limits.answer)

    def on_response_complete(self) -> None:
        """Wait for the next request, which may be there already; uvicorn ends the wait unless it still sends."""
        super().on_response_complete()
        if self.conn.their_state is h11.IDLE:
            self._enter("idle", self.limits.idle + self.limits.answer)
        elif self._has_arrived():
            self._enter("answer", self.limits.answer)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self.counts[self._client] -= 1
        if not self.counts[self._client]:
            del self.counts[self._client]
        if self._end is not None:
            self._end.cancel()
        super().connection_lost(exc)

    def _has_arrived(self) -> bool:
        return self.conn.their_state not in {h11.IDLE, h11.SEND_BODY}

    def _enter(self, phase: str, seconds: float) -> None:
        """Begin a phase, and end the connection if it lasts longer."""
        self._phase = phase
        if self._end is not None:
            self._end.cancel()
        end: Callable[[], Any] = self.transport.abort
        self._end = self.loop.call_later(seconds, end)
