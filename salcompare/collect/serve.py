"""Serving a task: a running server, and what stands between workers and it: names, paths, web servers in front."""

import ipaddress
import re
import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn

from salcompare.collect.app import make_app
from salcompare.collect.database import hold_to_key, open_database
from salcompare.collect.forgetting import wipe_pending
from salcompare.collect.keys import KEY, study_keys
from salcompare.collect.limits import BATCH, Limits, limited_protocol, usual_limits
from salcompare.collect.stimuli import Stimuli
from salcompare.collect.task import Task
from salcompare.config import Collect
from salcompare.errors import InputError, Problem
from salcompare.sources.collected import DATABASE

LOCAL = ("localhost", "127.0.0.1", "::1", "[::1]")
_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")
_PAGES = {"consent", "debrief", "health", "image", "instructions", "monitor", "next", "practice", "static", "submit",
          "trial"}
_TOLD = {"duration": "about 20 minutes", "pay": "3 pounds, or: none", "contact": "Ada Byron, ada@example.org",
         "ethics": "approved by the ethics committee of ..., number ..."}


def open_task(stimuli: Stimuli, *, root: Path) -> Task:
    """Open a study's database and key, made where there are none."""
    database, keys = open_database(root / DATABASE), study_keys(root)
    hold_to_key(database, keys.derived("fingerprint"), shown=str(root / KEY))
    wipe_pending(database)
    return Task(stimuli, keys, database)


def make_server(task: Task, *, host: str, port: int, limits: Limits | None = None) -> uvicorn.Server:
    """Make the web server; it writes no log of requests, which would hold addresses."""
    config, limits = task.stimuli.config, limits or usual_limits()
    hold_to_front(config, host=host)
    app = make_app(task, hosts=accepted_hosts(config, host=host))
    return uvicorn.Server(uvicorn.Config(
        app, host=host, port=port, access_log=False, log_level="warning", server_header=False, ws="none",
        http=limited_protocol(limits, config.proxies), timeout_graceful_shutdown=5, backlog=BATCH,
        timeout_keep_alive=limits.idle,  # type: ignore[arg-type]  # parts of a second do as well
        proxy_headers=bool(config.proxies), forwarded_allow_ips=list(config.proxies)))


def serve(task: Task, *, host: str, port: int, started: Callable[[int], None]) -> None:
    """Serve until interrupted; `started` is told the port when workers can come."""
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
    stimuli, config = task.stimuli, task.stimuli.config
    name = socket.gethostname() if host in {"0.0.0.0", "::"} else host  # noqa: S104 - compared, not bound
    base = f"http://{f'[{name}]' if ':' in name else name}:{port}{config.root_path}"
    if config.hosts:
        base = f"https://{config.hosts[0]}{config.root_path}"
    lines = [
        f"{len(stimuli.trials)} photographs; each worker: {len(stimuli.practice)} practice tasks, "
        f"{stimuli.n_trials} trials, {stimuli.n_checks} instructed checks",
        f"workers:  {base}/?worker=CODE   (Prolific: {base}/?PROLIFIC_PID={{{{%PROLIFIC_PID%}}}})",
        f"monitor:  {base}/monitor?token={task.keys.monitor_token}",
    ]
    if not stimuli.checks and config.checks:
        lines.append(f"There are no instructed checks: write {config.instructed} "
                     "(image,label,x0,y0,x1,y1) to tell careful workers from careless ones.")
    if not config.contact:
        lines.append("The consent page names nobody to ask: set contact in [collect] of study.toml.")
    if config.hosts and not config.proxies:
        lines.append("Requests that a web server in front passes on count as one client's: name its address in proxies "
                     "of [collect], as 127.0.0.1, if it sets X-Forwarded-For and X-Forwarded-Proto itself.")
    if not is_loopback(host):
        lines.append(
            "Other machines can reach this address, without HTTPS: anyone on the way can read and change what is sent. "
            "Outside a laboratory's own network, leave --host out and put a web server that speaks HTTPS in front, on "
            "this machine (nginx, Caddy), passing Host, X-Forwarded-For and X-Forwarded-Proto, and name it in hosts "
            "and proxies of [collect].")
    return "\n".join([*lines, "Ctrl-C ends it; start it again and workers go on where they were."])


def hold_to_front(config: Collect, *, host: str) -> None:
    """Refuse names, paths and addresses of study.toml that cannot be used.

    Where others than this machine are served, the consent page must tell them what they consent to.
    """
    title = "study.toml [collect]"
    problems = [Problem(f"{title} hosts", repr(name), "names alone, as faces.example.org")
                for name in config.hosts if not name or set(name) & set("*/:[] ")]
    path = config.root_path
    if path and (not _PATH.fullmatch(path) or set(path.split("/")) & {".", ".."} or path.split("/")[1] in _PAGES):
        problems.append(Problem(f"{title} root_path", repr(path), "a path as /study, whose first name is none of "
                                + ", ".join(sorted(_PAGES))))
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


def _is_network(address: str) -> bool:
    try:
        ipaddress.ip_network(address, strict=False)
    except ValueError:
        return False
    return True
