"""The database's file while it is served: still there, still the same, and taken up again when it was put back.

A file that is open can be removed, moved away or replaced; writes then go on into what no name leads to any more. A
file that is put back is taken up if it is this study's and lacks nothing that was acknowledged.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from salcompare.errors import SalcompareError

_log = logging.getLogger(__name__)
LOOK_SECONDS = 1.0  # between looks into a file that could not be taken up
_META = "SELECT value FROM meta WHERE key = ?"
_ANSWERED = "SELECT opaque FROM assignments WHERE submitted IS NOT NULL"


class DatabaseGoneError(SalcompareError):
    """The database's file is not the one that was opened; the message says what stands in its place."""


@dataclass
class StandingFile:
    """A database's file, known by its device and inode.

    Attributes
    ----------
    path : Path
    version : str
        That a file put back must have.
    key : str
        The fingerprint of the key that it must be filled with; empty accepts any.
    failed : str
        Why the last write failed; empty if it did not.
    """

    path: Path
    version: str
    key: str = ""
    failed: str = ""
    monotonic: Callable[[], float] = time.monotonic
    _known: tuple[int, int] | None = None
    _looked: float = float("-inf")
    _refused: str = ""
    _said: str = ""
    _filled: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

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
        if _read_only(self.path):
            return f"{self.path.name} is on a disk that may only be read"
        return self.failed

    @contextlib.contextmanager
    def noting(self, error_of_writing: type[Exception]) -> Iterator[None]:
        """Note whether a write failed, though not where it only came in another's turn."""
        try:
            yield
        except error_of_writing as error:
            words = str(getattr(error, "orig", error))
            self.failed = self.failed if "locked" in words else words
            raise
        self.failed = self._said = ""

    def say_once(self, words: str) -> None:
        """Tell the researcher's terminal of a trouble, once until it has passed."""
        if words != self._said:
            _log.error("Nothing can be stored: %s", words)
        self._said = words

    def take_up(self, before: sqlite3.Connection | None) -> None:
        """Go on with the file that stands in the place of the one before.

        Parameters
        ----------
        before : sqlite3.Connection, optional
            To the file before, which holds what was acknowledged.

        Raises
        ------
        DatabaseGoneError
            If none stands there, it is not this study's, or it lacks answers that were acknowledged.
        """
        with self._lock:
            there = self._there()
            if there is None:
                raise DatabaseGoneError(self.trouble())
            if self.monotonic() - self._looked >= LOOK_SECONDS or not self._refused:
                self._looked, self._refused = self.monotonic(), self._look(before)
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
                found = [connection.execute(_META, (key,)).fetchone() for key in ("version", "key")]
                if found[0] != (self.version,) or (self.key and found[1] != (self.key,)):
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
            found = self.path.stat()
        except OSError:
            return None
        self._filled = self._filled or found.st_size > 0
        return None if self._filled and not found.st_size else (found.st_dev, found.st_ino)


def _read_only(path: Path) -> bool:
    """Say whether a file is on a disk that may only be read, as after an error of the disk."""
    try:
        return bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def opened(path: Path, *, timeout: float = 3.0) -> sqlite3.Connection:
    """Open an SQLite file that is there."""
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=timeout, check_same_thread=False)


def private(folder: Path) -> None:
    """Make a folder, with those above it that are missing, that its owner alone may look into."""
    for missing in [one for one in (folder, *folder.parents) if not one.exists()][::-1]:
        missing.mkdir(mode=0o700, exist_ok=True)
