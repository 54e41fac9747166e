"""Limits on what strangers can send and on their connections, and the headers that every answer carries.

Uvicorn ends connections that idle between requests, and no others: a request that never arrives whole, or an answer
that nobody fetches, would hold a connection and its file handle for ever.
"""

import asyncio
import contextlib
import ipaddress
import math
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import h11
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

MAX_BODY = 16 * 1024  # bytes; an answer has a few hundred
_BUCKETS = 10_000  # remembered at a time

CSP = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
       "form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",  # links hold worker ids and the monitor's token
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}


def with_headers(app: ASGIApp) -> ASGIApp:
    """Add the security headers to all that an app answers; what it sets itself stands."""
    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the app does, with the headers."""
        async def send_with_headers(message: Message) -> None:
            """Add the headers where an answer starts."""
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        if scope["type"] != "http":
            await app(scope, receive, send)
        # HTTP allows no more than this in an address, its parsers some.
        elif scope["query_string"].isascii() and not any("\ud800" <= letter <= "\udfff" for letter in scope["path"]):
            await app(scope, receive, send_with_headers)
        else:
            await PlainTextResponse("Bad request", 400)(scope, receive, send_with_headers)

    return wrapped


def client_of(address: str) -> str:
    """Say whom an address counts as: itself, or its IPv6 network of 64 bits, which one household has to itself."""
    try:
        number = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(number, ipaddress.IPv4Address):
        return str(number)
    return str(number.ipv4_mapped or ipaddress.ip_network((int(number) >> 64 << 64, 64)))


def is_among(address: str, networks: Sequence[str]) -> bool:
    """Say whether an address is one of some addresses and networks."""
    with contextlib.suppress(ValueError):
        number = ipaddress.ip_address(address)
        return any(number in ipaddress.ip_network(network, strict=False) for network in networks)
    return False


async def limited_body(request: Request) -> bytes:
    """Read a request's body, and refuse it (413) as soon as it is larger than `MAX_BODY`."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY:
            raise HTTPException(413)
    return body


class Rate:
    """Buckets of `burst` tokens, one a key, kept in memory only: each request takes one, `rate` a second come back.

    The `clock` gives seconds and never steps back.
    """

    def __init__(self, rate: float, burst: float, clock: Callable[[], float]) -> None:
        self.rate, self.burst, self.clock = rate, burst, clock
        self._buckets: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def take(self, key: str) -> int:
        """Take a token; gives 0, or the whole seconds to wait for one."""
        now = self.clock()
        with self._lock:
            tokens, then = self._buckets.pop(key, (self.burst, now))
            tokens = min(self.burst, tokens + max(0.0, now - then) * self.rate)
            wait = 0 if tokens >= 1 else max(1, math.ceil((1 - tokens) / self.rate))
            self._buckets[key] = (tokens if wait else tokens - 1, now)
            if len(self._buckets) > _BUCKETS:  # the one idle longest is full again
                del self._buckets[next(iter(self._buckets))]
        return wait


BATCH = 16  # connections taken at a time; asyncio takes so many before any of them can be refused
HANDLES = 208  # kept for the database, forty connections of three files each, for three batches and all else
_FULL = (b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 3\r\nContent-Length: 0\r\nConnection: close\r\n"
         b"X-Content-Type-Options: nosniff\r\n\r\n")


@dataclass(frozen=True)
class Limits:
    """Limits on connections: their number, and seconds.

    Those of a web server in front, [collect] proxies, are limited in all only, as they are many clients'.
    """

    connections: int  # at once, in all
    address: int  # at once, from one client's address (see `client_of`)
    request: float = 20.0  # until a request must have arrived whole
    answer: float = 180.0  # until its answer must have been fetched
    idle: float = 5.0  # until the next one must begin


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
