"""Limits on what strangers can send, and the headers that every answer carries."""

from __future__ import annotations

import ipaddress
import math
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

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
        """Answer through the app, or refuse what is no text."""
        async def send_with_headers(message: Message) -> None:
            """Add the headers to the start of an answer."""
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        if scope["type"] != "http":
            await app(scope, receive, send)
        elif _is_text(scope):
            await app(scope, receive, send_with_headers)
        else:
            await PlainTextResponse("Bad request", 400)(scope, receive, send_with_headers)

    return wrapped


def _is_text(scope: Scope) -> bool:
    """Say whether a request's address can be read; HTTP allows no more than this, its parsers some."""
    query: bytes = scope["query_string"]
    path: str = scope["path"]
    return query.isascii() and not any("\ud800" <= letter <= "\udfff" for letter in path)


def client_of(address: str) -> str:
    """Say whom an address counts as: itself, or its IPv6 network of 64 bits, which one household has to itself."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((int(found) >> 64 << 64, 64)))


def is_among(address: str, networks: Sequence[str]) -> bool:
    """Say whether an address is one of some addresses and networks."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(found in ipaddress.ip_network(network, strict=False) for network in networks)


async def limited_body(request: Request) -> bytes:
    """Read a request's body.

    Raises
    ------
    HTTPException
        413 as soon as it is larger than `MAX_BODY`.
    """
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY:
            raise HTTPException(413)
    return body


class Rate:
    """Buckets of tokens, one a key, kept in memory only: each request takes one, `rate` a second come back.

    Parameters
    ----------
    rate, burst : float
        Requests a second in the long run, and at once.
    clock : callable
        Seconds, never stepping back.
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
