"""What the benchmarks share: cases, runs in turn, and the rows of one table.

Seconds are CPU seconds of one process on one thread, so that other work on the machine counts less; by the wall clock
where a case says that it uses several threads.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.benchmarks.table import Row, line


@dataclass(frozen=True)
class Peer:
    """What ours is measured beside.

    `target` is the least ratio of the peer's seconds to ours; `scale` is how many times the part of its work that
    `run` does makes the whole.
    """

    name: str
    run: Callable[[], object]
    target: float | None = None
    scale: float = 1


@dataclass(frozen=True)
class Case:
    """One thing that ours does, and the peers that do it too.

    `below` is the most seconds that ours may take where no ratio is the target. `check` takes ours and a peer's result
    of the first round and raises where they differ. Without `warm_up` the first round counts. `threads` is how many
    threads of ours may run.
    """

    what: str
    ours: Callable[[], object]
    peers: tuple[Peer, ...] = ()
    below: float | None = None
    check: Callable[[object, object], None] | None = None
    warm_up: bool = True
    most_repeats: int | None = None
    threads: int = 1


def run(cases: Iterable[Case | Row], *, repeats: int) -> None:
    """Measure a script's cases and print a line a row; rows of memory are given ready-made, where they are taken.

    The script's arguments are the number of repeats, else `repeats`, and ``--rows FILE`` to write the rows to as JSON.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("repeats", nargs="?", type=int, default=repeats)
    parser.add_argument("--rows", type=Path)
    given = parser.parse_args()
    rows = []
    for case in cases:
        for row in [case] if isinstance(case, Row) else measured(case, given.repeats):
            print(line(row), flush=True)
            rows.append(row)
    if given.rows:
        given.rows.write_text(json.dumps([asdict(row) for row in rows]), encoding="utf-8")


def measured(case: Case, repeats: int) -> Iterator[Row]:
    """Give a row a peer, or one without a peer: medians, and the median ratio of neighbouring runs."""
    ours, *others = interleaved(case, min(repeats, case.most_repeats or repeats))
    mine = statistics.median(ours)
    if not case.peers:
        yield Row(case.what, mine, below=case.below)
    for peer, theirs in zip(case.peers, others, strict=True):
        ratio = statistics.median(peer.scale * b / a for a, b in zip(ours, theirs, strict=True))
        yield Row(case.what, mine, peer=peer.scale * statistics.median(theirs), name=peer.name, ratio=ratio,
                  scaled=peer.scale > 1, at_least=peer.target, below=case.below)


def interleaved(case: Case, repeats: int) -> list[list[float]]:
    """Seconds of ours and of each peer in each round; each round starts with another of them."""
    works = [case.ours, *(peer.run for peer in case.peers)]
    clock = time.process_time if case.threads == 1 else time.perf_counter
    os.environ["OMP_NUM_THREADS"] = str(case.threads)  # read at each call by what of ours uses threads
    seconds: list[list[float]] = [[] for _ in works]
    for at in range(repeats + case.warm_up):
        results = {}
        for which in sorted(range(len(works)), key=lambda k: (k - at) % len(works)):
            start = clock()
            results[which] = works[which]()
            seconds[which].append(clock() - start)
        if at == 0 and case.check:
            for which in range(1, len(works)):
                case.check(results[0], results[which])
    return [taken[case.warm_up:] for taken in seconds]


def peak_memory(what: str, *, below: float | None = None) -> Row:
    """Give the most memory that this process has held so far."""
    return Row(what, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, below=below, unit="GiB")
