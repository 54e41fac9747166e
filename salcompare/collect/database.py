"""The database: its tables, an engine whose commits survive a kill and a power cut, and its file while it is served.

SQLite writes ahead (WAL) and waits for the disk at each commit (synchronous=FULL), so what a worker was told is
stored is stored. Writers wait for each other in one queue of this process. Before and after each transaction the file
must still be the one that was opened: a file that was removed or replaced goes on taking writes, which nobody would
ever read. A file that is put back is taken up if it is this study's and lacks nothing that was acknowledged.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Column, Connection, Float, String, Table
from sqlalchemy.exc import DatabaseError

from salcompare.errors import InputError, Problem, SalcompareError

VERSION = "2"
_OLDER = {"1": "ALTER TABLE assignments ADD COLUMN label_order VARCHAR"}  # version -> what brings it to this one
BUSY_SECONDS = 3.0  # how long a write waits for another before the worker is asked to try again
LOOK_SECONDS = 1.0  # between looks into a file that could not be taken up
_META = "SELECT value FROM meta WHERE key = ?"
_ANSWERED = "SELECT opaque FROM assignments WHERE submitted IS NOT NULL"
_log = logging.getLogger(__name__)
metadata = sa.MetaData()
meta = Table("meta", metadata, Column("key", String, primary_key=True), Column("value", String, nullable=False))

workers = Table(
    "workers", metadata,
    Column("id", sa.Integer, primary_key=True),
    Column("hmac", String, nullable=False, unique=True),
    Column("source", String, nullable=False),  # by which kind of link: prolific, link or form
    Column("consented", Float, nullable=False),  # seconds since 1970, as all times here
    Column("instructed", Float),
)

assignments = Table(
    "assignments", metadata,
    Column("id", sa.Integer, primary_key=True),
    Column("worker", sa.ForeignKey("workers.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("image", String, nullable=False),
    Column("kind", String, sa.CheckConstraint("kind IN ('practice', 'trial', 'check')"), nullable=False),
    Column("opaque", String, nullable=False, unique=True),  # the image's name on the wire
    Column("expires", sa.Integer, nullable=False),
    Column("shown", Float, nullable=False),
    Column("instruction_label", String),
    Column("label_order", String),  # the labels offered, as JSON in their order on the page
    *(Column(f"target_{edge}", Float) for edge in ("x0", "y0", "x1", "y1")),
    Column("submitted", Float),
    Column("seconds", Float),
    Column("no_box", sa.Boolean),
    Column("passed", sa.Boolean),
    Column("reply", String),  # what the worker was told, to be told again
    sa.Index("one_image_once", "worker", "image", unique=True, sqlite_where=sa.text("kind != 'practice'")),
    sa.Index("by_image", "kind", "image"),
)

responses = Table(
    "responses", metadata,
    Column("id", sa.Integer, primary_key=True),
    Column("assignment", sa.ForeignKey("assignments.id", ondelete="CASCADE"), nullable=False, unique=True),
    Column("label", String, nullable=False),
    *(Column(edge, Float, nullable=False) for edge in ("x0", "y0", "x1", "y1")),
)


class DatabaseBusyError(SalcompareError):
    """Other writers hold the database for too long."""


class DatabaseGoneError(SalcompareError):
    """The database's file is not the one that was opened; the message says what stands in its place."""


@dataclass(frozen=True)
class Database:
    """An open database, and the file that it was opened from."""

    engine: sa.Engine
    file: StandingFile
    _turn: threading.Lock = field(default_factory=threading.Lock)

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """Hold the right to write for a transaction, which is on the disk when the block has ended well.

        Raises `DatabaseBusyError` if others write for too long, and `DatabaseGoneError` if what was written is, or
        would be, in a file that is no longer there.
        """
        with self._in_turn():
            self._hold_to_file()
            with self.file.noting(), self.engine.execution_options(writes=True).begin() as connection:
                yield connection
            if not self.file.stands():  # removed meanwhile: the answer is sent again
                raise DatabaseGoneError(self.file.trouble())

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """Read one state of the database, whoever writes meanwhile; raises `DatabaseGoneError` as `writing` does."""
        if not self.file.stands():
            with self._in_turn():
                self._hold_to_file()
        with self.engine.begin() as connection:
            yield connection

    def trouble(self) -> str:
        """Say why nothing can be stored now; empty where all is well.

        A file that was put back is taken up again here. After a write that failed, another is tried.
        """
        try:
            if self.file.stands() and not self.file.failed:
                return self.file.trouble()
            with self.writing() as connection:
                connection.execute(sa.update(meta).where(meta.c.key == "version").values(value=VERSION))
        except (DatabaseError, DatabaseBusyError, DatabaseGoneError) as error:
            return reason_of(error)
        return self.file.trouble()

    @contextlib.contextmanager
    def _in_turn(self) -> Iterator[None]:
        if not self._turn.acquire(timeout=BUSY_SECONDS):
            raise DatabaseBusyError("the database is locked")
        try:
            yield
        finally:
            self._turn.release()

    def _hold_to_file(self) -> None:
        """Go on with a file that was put back if it holds all that was acknowledged."""
        if self.file.stands():
            return
        with contextlib.closing(self.engine.raw_connection()) as raw:  # of the file before, which is still open here
            self.file.take_up(raw.driver_connection)
        self.engine.dispose()  # SQLite leaves the files beside a file alone that has moved


def open_database(path: Path, *, create: bool = True) -> Database:
    """Open a study's database of collected responses, made where there is none if `create`.

    InputError if it is not there, or not a database of this version of salcompare.
    """
    if not path.exists():
        if not create:
            raise InputError(Problem(str(path), "does not exist", remedy="run: salcompare collect"))
        private(path.parent)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))  # SQLite gives its side files the same mode
    # Others' rights go, as a copy that was put back may have some.
    for name in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
        with contextlib.suppress(OSError):  # not there, or another's
            if name.stat().st_mode & 0o077:
                name.chmod(0o600)
    database = Database(_engine(path), StandingFile(path))
    try:
        with database.writing() as connection:
            metadata.create_all(connection)
            version = meta_value(connection, "version")
            if version is None:
                connection.execute(sa.insert(meta).values(key="version", value=VERSION))
            elif version in _OLDER:
                connection.exec_driver_sql(_OLDER[version])
                connection.execute(sa.update(meta).where(meta.c.key == "version").values(value=VERSION))
    except (DatabaseError, DatabaseBusyError) as error:
        raise InputError(Problem(str(path), f"cannot be used: {reason_of(error)}",
                                 "a database that salcompare collect made", "restore it, or move it away")) from error
    if version not in {None, VERSION, *_OLDER}:
        raise InputError(Problem(str(path), f"is of version {version}", f"version {VERSION}",
                                 "use the salcompare that made it"))
    return database


def hold_to_key(database: Database, fingerprint: str, *, shown: str) -> None:
    """Note the key that a database is filled with, and refuse another: returning workers would count as new."""
    with database.writing() as connection:
        first = meta_value(connection, "key")
        if first is None:
            connection.execute(sa.insert(meta).values(key="key", value=fingerprint))
    database.file.key = fingerprint
    if first not in {None, fingerprint}:
        raise InputError(Problem(shown, "is not the key that the database was filled with", "the one of its first day",
                                 "put that one back, or move data/collected away and begin anew"))


def meta_value(connection: Connection, key: str) -> str | None:
    """Read what the database says of itself."""
    return connection.scalar(sa.select(meta.c.value).where(meta.c.key == key))


def reason_of(error: Exception) -> str:
    """Say what the database says of an error, without the statement."""
    return str(getattr(error, "orig", None) or error)


def _engine(path: Path) -> sa.Engine:
    # Messages of errors, which a log may keep, hold no answers.
    creator = functools.partial(opened, path, timeout=BUSY_SECONDS)  # never makes a file
    engine = sa.create_engine("sqlite://", creator=creator, poolclass=sa.QueuePool, pool_size=16, max_overflow=48,
                           pool_timeout=BUSY_SECONDS, hide_parameters=True)

    @sa.event.listens_for(engine, "connect")
    def _prepare(connection: Any, _: object) -> None:  # noqa: ANN401 - the driver's connection
        connection.isolation_level = None  # transactions begin where _begin says, not where the driver guesses
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}").close()

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


@dataclass
class StandingFile:
    """A database's file, known by its device and inode."""

    path: Path
    key: str = ""  # fingerprint of the key that a file put back must be filled with; empty accepts any
    failed: str = ""  # why the last write failed; empty if it did not
    _known: tuple[int, int] | None = None
    _looked: float = float("-inf")
    _refused: str = ""
    _said: str = ""
    _filled: bool = False

    def __post_init__(self) -> None:
        self._known = self._there()

    def stands(self) -> bool:
        """Say whether the file that was opened is still the one of its name."""
        return self._known is not None and self._there() == self._known

    def trouble(self) -> str:
        """Say what is wrong with the file; empty where it stands and may be written."""
        if self._there() is None:
            return f"{self.path.name} is gone: it was removed, moved or emptied"
        if not self.stands():
            return self._refused or f"{self.path.name} was replaced by another file"
        with contextlib.suppress(OSError):
            if os.statvfs(self.path).f_flag & os.ST_RDONLY:  # as after an error of the disk
                return f"{self.path.name} is on a disk that may only be read"
        return self.failed

    @contextlib.contextmanager
    def noting(self) -> Iterator[None]:
        """Note whether a write failed, though not where it only came in another's turn."""
        try:
            yield
        except DatabaseError as error:
            words = reason_of(error)
            self.failed = self.failed if "locked" in words else words
            raise
        self.failed = self._said = ""

    def say_once(self, words: str) -> None:
        """Tell the researcher's terminal of a trouble, once until it has passed."""
        if words != self._said:
            _log.error("Nothing can be stored: %s", words)
        self._said = words

    def take_up(self, before: sqlite3.Connection | None) -> None:
        """Go on with the file that stands in the place of the one `before`, which holds what was acknowledged."""
        there = self._there()
        if there is None:
            raise DatabaseGoneError(self.trouble())
        if time.monotonic() - self._looked >= LOOK_SECONDS or not self._refused:
            self._looked, self._refused = time.monotonic(), self._look(before)
        if self._refused:
            raise DatabaseGoneError(self._refused)
        self._known, self.failed = there, ""

    def _look(self, before: sqlite3.Connection | None) -> str:
        """Say why the file that is there cannot be taken up; empty if it can."""
        name = self.path.name
        try:
            acknowledged: set[str] = set()
            if before is not None:
                # What is left in the log belongs to the file before; SQLite would lay it over the new one.
                before.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                acknowledged = {opaque for (opaque,) in before.execute(_ANSWERED)}
            with contextlib.closing(opened(self.path)) as connection:
                version, key = (connection.execute(_META, (one,)).fetchone() for one in ("version", "key"))
                if version != (VERSION,) or (self.key and key != (self.key,)):
                    return f"{name} was replaced by a file of another study or version"
                lost = acknowledged - {opaque for (opaque,) in connection.execute(_ANSWERED)}
        except sqlite3.Error as error:
            return f"{name} was replaced by a file that cannot be used: {error}"
        if lost:
            return (f"{name} was replaced by a file that lacks {len(lost)} acknowledged answers; put the right one "
                    "back, or start salcompare collect again to go on without them")
        return ""

    def _there(self) -> tuple[int, int] | None:
        """Give the device and inode of the file that is there, unless it is empty."""
        try:
            about = self.path.stat()
        except OSError:
            return None
        self._filled = self._filled or about.st_size > 0
        return None if self._filled and not about.st_size else (about.st_dev, about.st_ino)


def opened(path: Path, *, timeout: float = 3.0) -> sqlite3.Connection:
    """Open an SQLite file that is there."""
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=timeout, check_same_thread=False)


def private(folder: Path) -> None:
    """Make a folder, with those above it that are missing, that its owner alone may look into."""
    for missing in [one for one in (folder, *folder.parents) if not one.exists()][::-1]:
        missing.mkdir(mode=0o700, exist_ok=True)
