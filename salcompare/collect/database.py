"""The database: its tables, and an engine whose commits survive a kill and a power cut.

SQLite writes ahead (WAL) and waits for the disk at each commit (synchronous=FULL), so what a worker was told is
stored is stored. Writers wait for each other in one queue of this process.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    Engine,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    insert,
    select,
    text,
)
from sqlalchemy.exc import DatabaseError

from salcompare.errors import InputError, Problem, SalcompareError

VERSION = "1"
BUSY_SECONDS = 3.0  # how long a write waits for another before the worker is asked to try again

metadata = MetaData()

meta = Table("meta", metadata, Column("key", String, primary_key=True), Column("value", String, nullable=False))

workers = Table(
    "workers", metadata,
    Column("id", Integer, primary_key=True),
    Column("hmac", String, nullable=False, unique=True),
    Column("source", String, nullable=False),  # by which kind of link: prolific, link or form
    Column("consented", Float, nullable=False),  # seconds since 1970, as all times here
    Column("instructed", Float),
)

assignments = Table(
    "assignments", metadata,
    Column("id", Integer, primary_key=True),
    Column("worker", ForeignKey("workers.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("image", String, nullable=False),
    Column("kind", String, CheckConstraint("kind IN ('practice', 'trial', 'check')"), nullable=False),
    Column("opaque", String, nullable=False, unique=True),  # the image's name on the wire
    Column("expires", Integer, nullable=False),
    Column("shown", Float, nullable=False),
    Column("instruction_label", String),
    *(Column(f"target_{edge}", Float) for edge in ("x0", "y0", "x1", "y1")),
    Column("submitted", Float),
    Column("seconds", Float),
    Column("no_box", Boolean),
    Column("passed", Boolean),
    Column("reply", String),  # what the worker was told, to be told again
    Index("one_image_once", "worker", "image", unique=True, sqlite_where=text("kind != 'practice'")),
    Index("by_image", "kind", "image"),
)

responses = Table(
    "responses", metadata,
    Column("id", Integer, primary_key=True),
    Column("assignment", ForeignKey("assignments.id", ondelete="CASCADE"), nullable=False, unique=True),
    Column("label", String, nullable=False),
    *(Column(edge, Float, nullable=False) for edge in ("x0", "y0", "x1", "y1")),
)


class DatabaseBusyError(SalcompareError):
    """Other writers hold the database for too long."""


@dataclass(frozen=True)
class Database:
    """An open database."""

    engine: Engine
    _turn: threading.Lock = field(default_factory=threading.Lock)

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """Hold the right to write for a transaction, which is on the disk when the block has ended well."""
        if not self._turn.acquire(timeout=BUSY_SECONDS):
            message = "the database is locked"
            raise DatabaseBusyError(message)
        try:
            with self.engine.execution_options(writes=True).begin() as connection:
                yield connection
        finally:
            self._turn.release()

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """Read one state of the database, whoever writes meanwhile."""
        with self.engine.begin() as connection:
            yield connection


def open_database(path: Path, *, create: bool = True) -> Database:
    """Open a study's database of collected responses.

    Parameters
    ----------
    path : Path
    create : bool
        Make it where there is none; otherwise that is an error.

    Raises
    ------
    InputError
        If it is not there, or not a database of this version of salcompare.
    """
    if not path.exists():
        if not create:
            raise InputError(Problem(str(path), "does not exist", remedy="run: salcompare collect"))
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))  # SQLite gives its side files the same mode
    database = Database(_engine(path))
    try:
        with database.writing() as connection:
            metadata.create_all(connection)
            found = connection.scalar(select(meta.c.value).where(meta.c.key == "version"))
            if found is None:
                connection.execute(insert(meta).values(key="version", value=VERSION))
    except (DatabaseError, DatabaseBusyError) as error:
        raise InputError(Problem(str(path), f"cannot be used: {getattr(error, 'orig', None) or error}",
                                 "a database that salcompare collect made", "restore it, or move it away")) from error
    if found not in {None, VERSION}:
        raise InputError(Problem(str(path), f"is of version {found}", f"version {VERSION}",
                                 "use the salcompare that made it"))
    return database


def hold_to_key(database: Database, fingerprint: str, *, shown: str) -> None:
    """Note the key that a database is filled with, and refuse another: returning workers would count as new.

    Raises
    ------
    InputError
        If it is another key than the first.
    """
    with database.writing() as connection:
        found = connection.scalar(select(meta.c.value).where(meta.c.key == "key"))
        if found is None:
            connection.execute(insert(meta).values(key="key", value=fingerprint))
    if found not in {None, fingerprint}:
        raise InputError(Problem(shown, "is not the key that the database was filled with", "the one of its first day",
                                 "put that one back, or move data/collected away and begin anew"))


def _engine(path: Path) -> Engine:
    engine = create_engine(URL.create("sqlite", database=str(path)), pool_size=16, max_overflow=48,
                           pool_timeout=BUSY_SECONDS,
                           connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _: object) -> None:  # noqa: ANN401 - the driver's connection
        connection.isolation_level = None  # transactions begin where _begin says, not where the driver guesses
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
