"""What stands between workers and the server: names and path it is reached by, web servers whose word is taken."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from salcompare.errors import InputError, Problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from salcompare.config import Collect

LOCAL = ("localhost", "127.0.0.1", "::1", "[::1]")
_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")
_OWN = {"consent", "debrief", "health", "image", "instructions", "monitor", "next", "practice", "static", "submit",
        "trial"}
_TOLD = {"duration": "about 20 minutes", "pay": "3 pounds, or: none", "contact": "Ada Byron, ada@example.org",
         "ethics": "approved by the ethics committee of ..., number ..."}


def hold_to_front(config: Collect, *, host: str) -> None:
    """Hold what study.toml says of the outside to what is needed.

    Raises
    ------
    InputError
        If a name, path or address cannot be one; or if others than this machine are served and the consent page would
        not tell them what they consent to.
    """
    title = "study.toml [collect]"
    problems = [Problem(f"{title} hosts", repr(name), "names alone, as faces.example.org")
                for name in config.hosts if not name or set(name) & set("*/:[] ")]
    path = config.root_path
    if path and (not _PATH.fullmatch(path) or set(path.split("/")) & {".", ".."} or path.split("/")[1] in _OWN):
        problems.append(Problem(f"{title} root_path", repr(path), "a path as /study, whose first name is none of "
                                + ", ".join(sorted(_OWN))))
    problems += [Problem(f"{title} proxies", repr(address), "addresses or networks, as 127.0.0.1 or 10.0.0.0/8")
                 for address in config.proxies if not _is_network(address)]
    if config.hosts or not is_loopback(host):
        problems += [Problem(f"{title} {name}", "is empty, and others are served", f"text, as {example!r}",
                             "the consent page must tell workers before they agree")
                     for name, example in _TOLD.items() if not getattr(config, name).strip()]
    if problems:
        raise InputError(problems)


def accepted_hosts(config: Collect, *, host: str) -> tuple[str, ...]:
    """Give the names that the server answers to: where only this machine reaches it, its own and [collect] hosts."""
    return (*LOCAL, *config.hosts) if is_loopback(host) else config.hosts or ("*",)


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach a host's address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def mounted(app: ASGIApp, root: str) -> ASGIApp:
    """Serve an app under a path, whether the web server in front passes that path on or takes it off."""
    async def within(scope: Scope, receive: Receive, send: Send) -> None:
        """Take the path off, if it is there."""
        if scope["type"] == "http" and root:
            path: str = scope["path"]
            inside = path.removeprefix(root) if path == root or path.startswith(f"{root}/") else path
            scope = {**scope, "path": inside or "/"}
        await app(scope, receive, send)

    return within


def _is_network(address: str) -> bool:
    try:
        ipaddress.ip_network(address, strict=False)
    except ValueError:
        return False
    return True
