"""Serving a task: from a study's photographs to a running server."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import TYPE_CHECKING

from salcompare.collect.app import make_app
from salcompare.collect.database import open_database
from salcompare.collect.keys import study_keys
from salcompare.collect.material import Material
from salcompare.collect.task import Task
from salcompare.errors import InputError, Problem
from salcompare.sources.collected import DATABASE

if TYPE_CHECKING:
    from uvicorn import Server


def open_task(material: Material, *, root: Path) -> Task:
    """Open a study's database and key, made where there are none."""
    return Task(material, study_keys(root), open_database(root / DATABASE))


def make_server(task: Task, *, host: str, port: int) -> Server:
    """Make the web server; it writes no log of requests, which would hold addresses."""
    import uvicorn

    return uvicorn.Server(uvicorn.Config(make_app(task), host=host, port=port, access_log=False, log_level="warning",
                                         server_header=False, timeout_graceful_shutdown=5, ws="none"))


def serve(task: Task, *, host: str, port: int) -> None:
    """Serve until interrupted.

    Raises
    ------
    InputError
        If the address or port cannot be used.
    """
    server = make_server(task, host=host, port=port)
    try:
        sock = server.config.bind_socket()
    except SystemExit as error:  # uvicorn's way to say that a port is taken
        raise InputError(Problem(f"{host}:{port}", "cannot be listened on", "a free port of this machine",
                                 "choose another with --port")) from error
    server.run(sockets=[sock])


def announcement(task: Task, *, host: str, port: int) -> str:
    """Say where the task is, for workers and for the researcher, and what is missing."""
    material = task.material
    base = f"http://{f'[{host}]' if ':' in host else host}:{port}"
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
            "Other machines can reach this. Put a web server that speaks HTTPS in front (nginx, Caddy), on this "
            "machine, passing X-Forwarded-Proto, and let only it be reached from outside; without HTTPS anyone on the "
            "way can read and change what workers send.")
    return "\n".join([*lines, "Ctrl-C ends it; start it again and workers go on where they were."])


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach a host's address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
