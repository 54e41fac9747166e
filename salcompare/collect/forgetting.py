"""Forgetting a worker: out of the database, its log and its free pages; and which other files still name them."""

import contextlib
import mmap
import os
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection, Row, delete, func, insert, select

from salcompare.collect.database import Database, assignments, meta, meta_value, open_database, workers
from salcompare.collect.keys import KEY, Keys, pseudonym
from salcompare.errors import InputError, Problem
from salcompare.sources.collected import DATABASE

Kind = Literal["code", "pseudonym"]
PATIENCE = 10.0  # seconds that readers are waited for
_PENDING = "forgetting"  # in meta from the deletion until nothing is left of it
_READERS = range(123, 128)  # bytes of the -shm file that SQLite's readers lock
_TEXTS = {".csv", ".html", ".json", ".jsonl", ".md", ".tsv", ".txt", ".toml"}


@dataclass(frozen=True)
class Forgotten:
    """What was deleted: how many answers (None where an earlier deletion was ended), and what else names the worker."""

    answers: int | None
    elsewhere: tuple[Path, ...]


def forget_worker(root: Path, worker: str, keys: Keys | None, *, kind: Kind | None = None) -> Forgotten:
    """Delete a worker and all that they did, from the study in a directory.

    `worker` is the code that they came with, or their pseudonym in the exported tables, as which `kind` says; by
    default either, as long as they are not two workers'. Without the study's keys, only the pseudonym finds them.
    InputError if there is no such worker, or there are two; or if somebody reads the database for so long that what was
    deleted still stands in its log.
    """
    database = open_database(root / DATABASE, create=False)
    with database.writing() as connection:
        pending = meta_value(connection, _PENDING) is not None
        row = _row_of(connection, worker, keys, kind, pending=pending)
        answers = None
        if row is not None:
            answers = connection.scalar(select(func.count()).where(
                assignments.c.worker == row.id, assignments.c.submitted.is_not(None))) or 0
            connection.execute(delete(workers).where(workers.c.id == row.id))
            if not pending:
                connection.execute(insert(meta).values(key=_PENDING, value="1"))
    wipe(database)
    return Forgotten(answers, tuple(_naming(root, row.hmac)) if row is not None else ())


def wipe(database: Database) -> None:
    """Leave nothing of deleted workers in the log and in free pages; in used ones SQLite overwrites them at once."""
    deadline = time.monotonic() + PATIENCE
    # Not within a transaction, where SQLite does nothing of the kind.
    with contextlib.closing(database.engine.raw_connection()) as raw:
        while not _wiped(raw.cursor()):
            if time.monotonic() > deadline:
                raise InputError(_in_the_way(database.file.path))
            time.sleep(0.05)
    with database.writing() as connection:
        connection.execute(delete(meta).where(meta.c.key == _PENDING))


def wipe_pending(database: Database) -> None:
    """End a deletion that a reader stood in the way of, if it can be ended now."""
    with database.reading() as connection:
        pending = meta_value(connection, _PENDING)
    if pending:
        with contextlib.suppress(InputError):
            wipe(database)


def _row_of(connection: Connection, worker: str, keys: Keys | None, kind: Kind | None, *,
            pending: bool) -> Row[Any] | None:
    """Find who came with a code or is called so in exported tables; None only where an earlier deletion is pending."""
    hashed = keys.hashed(worker) if keys else None
    matches: dict[Kind, Any] = {}
    for row in connection.execute(select(workers.c.id, workers.c.hmac)):
        if row.hmac == hashed and kind != "pseudonym":
            matches["code"] = row
        if pseudonym(row.hmac) == worker.strip() and kind != "code":
            matches["pseudonym"] = row
    if len({row.id for row in matches.values()}) > 1:
        named = pseudonym(matches["code"].hmac)
        raise InputError(Problem(DATABASE, f"{worker!r} is the code that worker {named} came with, and the pseudonym "
                                 "of another worker", "one of the two", "choose with --as code or --as pseudonym"))
    if not matches and not pending:
        expected = "a code that a worker came with, or a pseudonym" if keys else (
            f"a pseudonym, as without the key ({KEY}) codes find nobody")
        raise InputError(Problem(DATABASE, f"no worker {worker!r}", expected,
                                 "see the column worker of the exported tables"))
    return next(iter(matches.values()), None)


def _wiped(cursor: Any) -> bool:  # noqa: ANN401 - the driver's cursor
    """Try to empty the log, and say whether it is empty."""
    try:
        if cursor.execute("PRAGMA freelist_count").fetchone()[0]:
            cursor.execute("PRAGMA temp_store=MEMORY")
            cursor.execute("VACUUM")
        busy: int = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            raise
        return False
    return not busy


def _in_the_way(path: Path) -> Problem:
    """Say who reads a database, as far as this machine tells."""
    log = path.with_name(f"{path.name}-wal")
    readers = sorted(_readers(path.with_name(f"{path.name}-shm"))) or sorted(_having_open(log))
    named = ", ".join(f"process {pid} ({_called(pid)})" for pid in readers)
    return Problem(DATABASE, f"the worker is deleted, but what they did still stands in {log.name}, which "
                   f"{named or 'a process that cannot be seen from here'} reads", "nobody to read for long",
                   "end that process, then run the same command again")


def _readers(index: Path) -> set[int]:
    """List the processes that hold a reader's lock (Linux)."""
    readers = set()
    with contextlib.suppress(OSError, ValueError):
        inode = index.stat().st_ino
        for line in Path("/proc/locks").read_text().splitlines():
            *_, pid, where, first, last = line.split()
            end = max(_READERS) if last == "EOF" else int(last)
            if int(where.rsplit(":", 1)[1]) == inode and int(first) < _READERS.stop and end >= _READERS.start:
                readers.add(int(pid))
    return readers - {os.getpid()}


def _having_open(file: Path) -> set[int]:
    """List the processes that have a file open (Linux, as far as they may be seen)."""
    users = set()
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            if link.readlink() == file.resolve():
                users.add(int(link.parts[2]))
    return users - {os.getpid()}


def _called(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except OSError:
        return "gone meanwhile"
    return words if len(words) <= 80 else f"{words[:79]}…"


def _naming(root: Path, worker_hmac: str) -> Iterator[Path]:
    """Find files of a study that hold a worker's hash or pseudonym: exports, backups, processed tables, reports."""
    collected, name = (root / DATABASE).parent, (root / DATABASE).name
    itself = {collected / name, collected / f"{name}-wal", collected / f"{name}-shm", root / KEY}
    needle = worker_hmac[:16].encode()
    for folder in (root / "data", root / "reports"):
        for path in sorted(folder.rglob("*")):
            if path in itself or not path.is_file() or not (collected in path.parents or path.suffix in _TEXTS):
                continue
            with contextlib.suppress(OSError, ValueError), path.open("rb") as stream, \
                    mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
                if content.find(needle) >= 0:
                    yield path
