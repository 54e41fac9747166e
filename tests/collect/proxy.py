"""A web server in front, as small as can be: it passes on what stands under one path, and answers 404 to all else."""

from __future__ import annotations

import contextlib
import http.client
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@contextlib.contextmanager
def proxied(url: str, root: str, *, strip: bool, strays: list[str] | None = None) -> Iterator[str]:
    """Pass `root` of a new address on to a server's, taken off or left on; gives the address with `root`.

    What is asked for elsewhere is noted in `strays`.
    """
    behind = urlsplit(url)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(length)
            if not self.path.startswith(f"{root}/"):
                if strays is not None:
                    strays.append(self.path)
                self._answer(404, [], b"")
                return
            onward = http.client.HTTPConnection(behind.hostname or "", behind.port, timeout=120)
            headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
            headers |= {"X-Forwarded-For": self.headers.get("X-Test-Client", "203.0.113.1"),
                        "X-Forwarded-Proto": self.headers.get("X-Test-Proto", "http")}
            onward.request(self.command, self.path.removeprefix(root) if strip else self.path, body, headers)
            with contextlib.closing(onward), onward.getresponse() as reply:
                kept = [(name, value) for name, value in reply.getheaders()
                        if name.lower() not in {"content-length", "connection", "transfer-encoding", "date"}]
                self._answer(reply.status, kept, reply.read())

        def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            self.send_response(status)
            for name, value in (*headers, ("Content-Length", str(len(body)))):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _pass_on  # noqa: N815 - the names that http.server asks for

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}{root}"
        finally:
            server.shutdown()
