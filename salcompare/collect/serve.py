"""Serving a task: from a study's photographs to a running server."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from salcompare.collect.app import make_app
from salcompare.collect.database import hold_to_key, open_database
from salcompare.collect.forgetting import wipe_pending
from salcompare.collect.keys import KEY, study_keys
from salcompare.collect.material import Material
from salcompare.collect.task import Task
from salcompare.errors import InputError, Problem
from salcompare.sources.collected import DATABASE

if TYPE_CHECKING:
    from uvicorn import Server

LOCAL = ("localhost", "127.0.0.1", "::1", "[::1]")


def open_task(material: Material, *, root: Path) -> Task:
    """Open a study's database and key, made where there are none.

    Raises
    ------
    InputError
        If one of them cannot be used, or the key is not the one that the database was filled with.
    """
    database, keys = open_database(root / DATABASE), study_keys(root)
    hold_to_key(database, keys.derived("fingerprint"), shown=str(root / KEY))
    wipe_pending(database)
    return Task(material, keys, database)


def make_server(task: Task, *, host: str, port: int) -> Server:
    """Make the web server; it writes no log of requests, which would hold addresses."""
    import uvicorn

    app = make_app(task, hosts=accepted_hosts(task, host=host))
    return uvicorn.Server(uvicorn.Config(app, host=host, port=port, access_log=False, log_level="warning",
                                         server_header=False, timeout_graceful_shutdown=5, ws="none"))


def accepted_hosts(task: Task, *, host: str) -> tuple[str, ...]:
    """Give the names that the server answers to: where only this machine reaches it, its own and [collect] hosts.

    Raises
    ------
    InputError
        If one of [collect] hosts is no plain name.
    """
    named = task.material.config.hosts
    odd = [name for name in named if not name or set(name) & set("*/:[] ")]
    if odd:
        raise InputError(Problem("study.toml [collect] hosts", repr(odd[0]), "names alone, as faces.example.org"))
    return (*LOCAL, *named) if is_loopback(host) else named or ("*",)


def serve(task: Task, *, host: str, port: int, started: Callable[[int], None]) -> None:
    """Serve until interrupted; `started` is told the port when workers can come.

    Raises
    ------
    InputError
        If the address or port cannot be used.
    """
    server = make_server(task, host=host, port=port)
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, port))
            listening.listen()
        except (OSError, OverflowError) as error:
            raise InputError(Problem(f"{host} port {port}", f"cannot be listened on: {error}",
                                     "an address and a free port of this machine",
                                     "choose another with --port or --host")) from error
        started(listening.getsockname()[1])
        server.run(sockets=[listening])


def announcement(task: Task, *, host: str, port: int) -> str:
    """Say where the task is, for workers and for the researcher, and what is missing."""
    material = task.material
    name = socket.gethostname() if host in {"0.0.0.0", "::"} else host  # noqa: S104 - compared, not bound
    base = f"http://{f'[{name}]' if ':' in name else name}:{port}"
    lines = [
        f"{len(material.trials)} photographs; each worker: {len(material.practice)} practice tasks, "
        f"{material.n_trials} trials, {material.n_checks} instructed checks",
        f"workers:  {base}/?worker=CODE   (Prolific: {base}/?PROLIFIC_PID={{{{%PROLIFIC_PID%}}}})",
        f"monitor:  {base}/monitor?token={task.keys.monitor_token}",
    ]
    if not material.checks and material.config.checks:
        lines.append(f"There are no instructed checks: write {material.config.instructed} "
                     "(image,label,x0,y0,x1,y1) to tell careful workers from careless ones.")
    if not material.config.contact:
        lines.append("The consent page names nobody to ask: set contact in [collect] of study.toml.")
    if not is_loopback(host):
        lines.append(
            "Other machines can reach this address, without HTTPS: anyone on the way can read and change what is sent. "
            "Outside a laboratory's own network, leave --host out and put a web server that speaks HTTPS in front, on "
            "this machine (nginx, Caddy), passing Host and X-Forwarded-Proto, and name it in hosts of [collect].")
    return "\n".join([*lines, "Ctrl-C ends it; start it again and workers go on where they were."])


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach a host's address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
