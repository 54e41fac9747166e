"""Requests drawn at random for every route: ``python -m tests.collect.fuzz_routes 100000`` counts what comes back.

Half of the requests come with a valid session, and tokens, fields and names are drawn from valid ones, changed ones
and noise. The application is called without a network, so that an error of ours cannot hide in a connection.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes, urlencode

import numpy as np

from salcompare.collect.app import make_app
from salcompare.collect.task import COOKIE, Task
from tests.collect.serving import field as value_in
from tests.collect.serving import make_task

ROUTES = ("/", "/next", "/consent", "/instructions", "/practice", "/trial", "/submit", "/image/{}", "/debrief",
          "/health", "/static/{}", "/monitor", "/monitor/heatmap/{}.png", "/{}")
FORMS = ("/submit", "/consent", "/instructions")
METHODS = ("GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "FOO")
NUMBERS = (0, -1, 1, 2.5, 1e308, -1e308, 1e-320, 10**400, 2**63, True, None, "1", "NaN", [], {}, 239.999999, 240)
TEXTS = ("", "nose", "=1+1", "\x00", "\ud800", "é" * 30, "<script>", "../../key", "%2e%2e", "' OR 1=1 --", "a" * 5000,
         "\u202e", "{{7*7}}", "\r\nSet-Cookie: a=b", "ﷺ")
NAMES = ("worker", "PROLIFIC_PID", "STUDY_ID", "token", "csrf", "agree", "v", "x", "seconds", "boxes", "nothing")


@dataclass
class Fuzzer:
    """Draws requests and sends them to a task's application."""

    task: Task
    seed: int
    counts: Counter[int] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    known: dict[str, list[str]] = field(default_factory=lambda: {"token": [], "image": [], "csrf": []})

    def __post_init__(self) -> None:
        self.rng, self.app = np.random.default_rng(self.seed), make_app(self.task)
        self.workers = [self.task.keys.hashed(f"w{number}") for number in range(40)]
        self.cookies = [self.task.keys.session(worker, "link") for worker in self.workers]

    def run(self, requests: int) -> None:
        """Send so many requests."""
        asyncio.run(self._run(requests))

    async def _run(self, requests: int) -> None:
        for cookie, worker in zip(self.cookies[:30], self.workers, strict=False):
            await self._admit(cookie, worker)
        for _ in range(requests):
            await self.one()

    async def _admit(self, cookie: str, worker: str) -> None:
        headers = [(b"cookie", f"{COOKIE}={cookie}".encode())]
        csrf = self.task.keys.csrf(self.task.keys.read_session(cookie)[2])  # type: ignore[index]
        await self.send("POST", "/consent", b"", headers, urlencode({"csrf": csrf, "agree": "yes"}).encode())
        await self.send("POST", "/instructions", b"", headers, urlencode({"csrf": csrf}).encode())
        self.known["csrf"].append(csrf)
        _, page = await self.send("GET", "/trial", b"", headers, b"")
        self._learn(page)

    async def one(self) -> None:
        """Draw and send one request."""
        if self.rng.random() < 0.1:
            await self._answer_soundly()
            return
        path = self._pick((*ROUTES, "/submit", "/submit")).replace("{}", self._name())
        method = self._pick(METHODS)
        if self.rng.random() < 0.8:
            method = "POST" if path in FORMS else "GET"
        status, page = await self.send(method, path, self._query(), self._headers(), self._body())
        self.counts[status] += 1
        self._learn(page)

    async def _answer_soundly(self) -> None:
        """Answer as a page would, so that later photographs, the debriefing and its stored answers are reached."""
        headers = [(b"cookie", f"{COOKIE}={self._pick(self.cookies)}".encode()), (b"x-requested-with", b"salcompare")]
        _, page = await self.send("GET", "/trial", b"", headers, b"")
        self._learn(page)
        body = json.dumps(self._answer(sound=True)).encode()
        status, _ = await self.send("POST", "/submit", b"", headers, body)
        self.counts[status] += 1

    async def send(self, method: str, path: str, query: bytes, headers: list[tuple[bytes, bytes]], body: bytes,
                   ) -> tuple[int, bytes]:
        """Call the application; an exception or a 500 is a failure."""
        scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
                 "scheme": "http", "path": path, "raw_path": path.encode("utf-8", "replace"), "query_string": query,
                 "root_path": "", "headers": [(b"host", b"x"), *headers], "client": ("127.0.0.1", 1),
                 "server": ("127.0.0.1", 80)}
        status, page = 0, b""
        sent = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            return sent.pop() if sent else {"type": "http.disconnect"}

        async def take(message: dict[str, Any]) -> None:
            nonlocal status, page
            if message["type"] == "http.response.start":
                status = message["status"]
            page += message.get("body", b"")

        try:
            await self.app(scope, receive, take)  # type: ignore[arg-type]
        except Exception as error:
            status = 500
            self.failures.append(f"{method} {path!r} {query!r} {body[:300]!r}: {error!r}")
        if status >= 500:
            self.failures.append(f"{status} {method} {path!r} {query!r} {body[:300]!r}")
        return status, page

    def _learn(self, page: bytes) -> None:
        if b"data-token=" in page:
            text = page.decode()
            for name in ("token", "image"):
                self.known[name] = [*self.known[name][-20:], value_in(text, name)]

    def _headers(self) -> list[tuple[bytes, bytes]]:
        cookie = self._pick((*self.cookies * 2, "", "x", self._changed(self._pick(self.cookies)), "é", "a.b.c"))
        headers = [(b"cookie", f"{COOKIE}={cookie}".encode())]
        if self.rng.random() < 0.7:
            headers.append((b"x-requested-with", b"salcompare"))
        kinds = (b"application/json", b"application/x-www-form-urlencoded", b"\xff", b"multipart/form-data", b"a" * 900)
        headers.append((b"content-type", self._pick(kinds)))
        if self.rng.random() < 0.1:
            headers.append((b"content-length", self._pick((b"-1", b"x", b"99999999999999999999"))))
        return headers

    def _name(self) -> str:
        image = self._pick((*self.known["image"], "/image/x")).removeprefix("/image/")
        photo = self.task.stimuli.trials[0].image
        return self._pick((image, self.task.keys.opaque(photo), "page.css", photo, self._changed(image), *TEXTS))

    def _query(self) -> bytes:
        if self.rng.random() < 0.4:
            return b""
        if self.rng.random() < 0.2:
            return quote_from_bytes(self.rng.bytes(20)).encode() if self.rng.random() < 0.5 else self.rng.bytes(20)
        return self._form(2)

    def _form(self, most: int) -> bytes:
        fields = [(self._pick(NAMES), self._value()) for _ in range(int(self.rng.integers(most + 1)))]
        return urlencode([(name, value.encode("utf-8", "surrogatepass")) for name, value in fields]).encode()

    def _value(self) -> str:
        token = self._pick((*self.known["token"], "x"))
        return self._pick((token, self._changed(token), *self.known["csrf"], self.task.keys.monitor_token, "yes", "ada",
                           *TEXTS))

    def _body(self) -> bytes:
        kind = self.rng.random()
        if kind < 0.1:
            return b""
        if kind < 0.3:
            return self._form(12)
        if kind < 0.4:
            return self.rng.bytes(int(self.rng.integers(200)))
        if kind < 0.45:
            return self._pick((b"[" * 8000, b"{" * 100, b"null", b"1e999", b"x" * 20000, b'{"token":' * 500))
        content = json.dumps(self._answer(sound=self.rng.random() < 0.3)).encode()
        return content if self.rng.random() < 0.9 else self._changed(content.decode()).encode("utf-8", "replace")

    def _answer(self, *, sound: bool) -> dict[str, Any]:
        token = self._pick((*self.known["token"], "x"))
        if sound:
            x, y = self.rng.uniform(0, 100, 2).tolist()
            return {"token": self.known["token"][-1], "seconds": 1.5, "nothing": False, "boxes": [
                {"label": self._pick(("nose", *TEXTS)), "x0": x, "y0": y, "x1": x + 50, "y1": y + 50}]}
        box = {name: self._pick(NUMBERS) for name in ("x0", "y0", "x1", "y1")} | {"label": self._pick(TEXTS)}
        return {"token": self._pick((token, self._changed(token), *TEXTS, 7, None)), "seconds": self._pick(NUMBERS),
                "nothing": self._pick((True, False, None, "x")),
                "boxes": self._pick(([box], [], [box, box], [box["label"]], None, box, [[1, 2, 3, 4]]))}

    def _changed(self, text: str) -> str:
        """Change, drop or double a few characters."""
        letters = list(text)
        for _ in range(int(self.rng.integers(1, 4))):
            at = int(self.rng.integers(len(letters) + 1))
            letters[at:at + int(self.rng.integers(2))] = self._pick((["\0"], [], ["."], ["é"], letters[:at][-3:]))
        return "".join(letters)

    def _pick(self, options: Any) -> Any:
        return options[int(self.rng.integers(len(options)))]


def fuzz(root: Path, requests: int, *, seed: int = 0) -> Fuzzer:
    """Send requests to a new small study's task."""
    fuzzer = Fuzzer(make_task(root, n_images=30, practice=0), seed)
    fuzzer.run(requests)
    return fuzzer


def main(requests: int) -> int:
    """Fuzz, print what came back, and give the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        done = fuzz(Path(folder), requests)
        from salcompare.sources.collected import DATABASE, collected_shown

        stored = (collected_shown(Path(folder) / DATABASE, shown=DATABASE)["submitted"] != "").sum()
    print(f"{requests} requests, {stored} answers stored, {len(done.failures)} failures; by status: "
          + ", ".join(f"{status}: {count}" for status, count in sorted(done.counts.items())))
    print("\n".join(done.failures[:20]))
    return 1 if done.failures else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
