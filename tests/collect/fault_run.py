"""Many workers at once while the server is killed: ``python -m tests.collect.fault_run`` prints what was kept.

``salcompare collect`` runs as a process of its own and is killed with SIGKILL again and again, and started anew at
once. Each worker sends an answer under its token until it is acknowledged, as the page does, and notes it. In the end
the database must hold each acknowledged answer once, with the box and label that were acknowledged.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np

from salcompare.sources.collected import DATABASE, collected_responses
from tests.collect.serving import field as value_in
from tests.collect.worker import Worker, answer_to
from tests.small_study import make_small_study, without_classifier

ROOT = Path(__file__).parents[2]
SETTINGS = """
[collect]
images = "all"
trials = 1000
checks = 0
practice = 0
rate = 1000.0
"""


@dataclass
class Outcome:
    """What happened: answers acknowledged (label -> box), tries without a reply, seconds of the answers."""

    acknowledged: dict[str, tuple[float, ...]] = field(default_factory=dict)
    retries: int = 0
    seconds: list[float] = field(default_factory=list)
    kills: int = 0
    after_kills: list[int] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    stored: int = 0

    @property
    def described(self) -> str:
        """Say it in a few lines."""
        middle, slow, worst = np.quantile(self.seconds, [0.5, 0.99, 1])
        return (f"{len(self.acknowledged)} answers acknowledged, {self.stored} in the database, {self.kills} kills "
                f"(acknowledged and found at each: {self.after_kills}), {self.retries} tries repeated; an answer took "
                f"{middle * 1000:.0f} ms (median), {slow * 1000:.0f} ms (99%), {worst:.1f} s (longest, a restart "
                f"within)\n" + ("\n".join(self.errors) or "every acknowledged answer is there once, as it was sent"))


class Server:
    """``salcompare collect`` on a study, to be killed and started again."""

    def __init__(self, study: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url, self.study = f"http://127.0.0.1:{self.port}", study
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [sys.executable, "-m", "salcompare", "collect", str(self.study), "--port", str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=os.environ | {"PYTHONPATH": str(ROOT)})
        deadline = time.monotonic() + 600
        while time.monotonic() < deadline:
            assert self.process.poll() is None, "the server ended"
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{self.url}/health").status_code == 200:
                    return
            time.sleep(0.05)
        raise AssertionError("the server did not start")

    def kill(self) -> None:
        """Kill it with SIGKILL."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def fault_run(folder: Path, *, workers: int, seconds: float, kills: int, least: int = 50,
              seed: int = 0) -> Outcome:
    """Let workers answer for so long, and `least` times between kills, while the server is killed so often."""
    study = make_small_study(folder / "study")
    without_classifier(study)
    settings = study / "study.toml"
    settings.write_text(settings.read_text() + SETTINGS)
    server, outcome, stop = Server(study), Outcome(), threading.Event()
    threads = [threading.Thread(target=_work, args=(server.url, number, outcome, stop), daemon=True)
               for number in range(workers)]
    try:
        for thread in threads:
            thread.start()
        rng = np.random.default_rng(seed)
        for _ in range(kills):  # at moments drawn at random, one in each stretch of the time
            _let_work(outcome, seconds / kills * rng.uniform(0.4, 0.9), least)
            known = dict(outcome.acknowledged)
            server.kill()
            outcome.kills += 1
            outcome.after_kills.append(_found(study, known, outcome))
            server.start()
        _let_work(outcome, seconds / kills * 0.35, least)
        stop.set()
        for thread in threads:
            thread.join(timeout=600)
            if thread.is_alive():
                outcome.errors.append("a worker never got an answer")
    finally:
        server.kill()
    _judge(study, outcome)
    return outcome


def _let_work(outcome: Outcome, seconds: float, least: int) -> None:
    """Wait so long, and until there are so many more answers, however busy the machine is."""
    deadline, wanted = time.monotonic() + seconds, len(outcome.acknowledged) + least
    while time.monotonic() < deadline or (len(outcome.acknowledged) < wanted and time.monotonic() < deadline + 300):
        time.sleep(0.01)


def _found(study: Path, known: dict[str, tuple[float, ...]], outcome: Outcome) -> int:
    """Count how many of the answers acknowledged before a kill the database holds after it."""
    stored = set(collected_responses(study / DATABASE, shown=DATABASE)["label"])
    lost = known.keys() - stored
    outcome.errors += [f"lost at kill {outcome.kills}: {label}" for label in sorted(lost)]
    return len(known) - len(lost)


def _judge(study: Path, outcome: Outcome) -> None:
    """Hold the database to what was acknowledged."""
    table = collected_responses(study / DATABASE, shown=DATABASE)
    outcome.stored = len(table)
    counts = Counter(table["label"])
    boxes = dict(zip(table["label"], table[["x0", "y0", "x1", "y1"]].itertuples(index=False, name=None), strict=True))
    for label, box in outcome.acknowledged.items():
        if counts[label] != 1 or boxes[label] != box:
            outcome.errors.append(f"{label}: {counts[label]} times, {boxes.get(label)} for {box}")
    if table.duplicated(["worker", "image"]).any():
        outcome.errors.append("a worker answered an image twice")
    unknown = counts.keys() - outcome.acknowledged.keys()
    outcome.errors += [f"never acknowledged: {label}" for label in sorted(unknown)]
    with contextlib.closing(sqlite3.connect(study / DATABASE)) as connection:
        sound = connection.execute("PRAGMA integrity_check").fetchone()[0]
    if sound != "ok":
        outcome.errors.append(f"integrity check: {sound}")


def _work(url: str, number: int, outcome: Outcome, stop: threading.Event) -> None:
    """Be one worker after the other, each with new photographs."""
    rng, turn = np.random.default_rng([7, number]), 0
    while not stop.is_set():
        turn += 1
        try:
            _one_worker(url, f"k{number}.{turn}", rng, outcome, stop)
        except Exception as error:  # what a worker's browser would show as broken
            outcome.errors.append(f"worker {number}: {error!r}"[:300])
            return


def _one_worker(url: str, name: str, rng: np.random.Generator, outcome: Outcome, stop: threading.Event) -> None:
    worker, done = Worker(url, name), 0
    page = _patiently(worker.begin, outcome)
    while page.url.path == "/trial" and not stop.is_set():
        x, y = rng.uniform(0, 20, 2).round(3).tolist()
        box, label = (x, y, x + 12.25, y + 12.5), f"{name}.{done}"
        image = value_in(page.text, "image")
        assert _patiently(lambda image=image: worker.get(image), outcome).content.startswith(b"\x89PNG")
        sent, began = answer_to(page, box, label), time.monotonic()
        reply = _patiently(lambda sent=sent: worker.send(sent), outcome)
        outcome.seconds.append(time.monotonic() - began)
        assert reply.json()["ok"], reply.text
        outcome.acknowledged[label] = box
        done += 1
        page = _patiently(lambda: worker.get("/next"), outcome)
    worker.client.close()


def _patiently(ask, outcome: Outcome) -> httpx.Response:
    """Ask until there is an answer, as a page does that has lost its server."""
    deadline, wait = time.monotonic() + 600, 0.25
    while True:
        try:
            return ask().raise_for_status()
        except httpx.TransportError:
            pass
        except httpx.HTTPStatusError as error:
            if error.response.status_code not in {429, 503}:
                raise
        assert time.monotonic() < deadline, "no answer for ten minutes"
        outcome.retries += 1
        time.sleep(wait)
        wait = min(2 * wait, 2.0)


def main(arguments: list[str] | None = None) -> int:
    """Run, print the outcome, and give the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, usual in (("workers", 50), ("seconds", 60), ("kills", 5), ("least", 50), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=usual)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        outcome = fault_run(Path(folder), **vars(options))
    print(outcome.described)
    return 1 if outcome.errors else 0


if __name__ == "__main__":
    sys.exit(main())
