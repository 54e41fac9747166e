"""How stages say how far they are: a callable that the command line draws and tests ignore."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TextIO, TypeVar

T = TypeVar("T")
Say = Callable[[str], None]
"""Prints one line."""
_SECONDS_BETWEEN_LINES = 10.0


class Progress(Protocol):
    """What a stage reports to."""

    def say(self, message: str) -> None:
        """Print one line, such as loss and accuracy so far."""

    def track(self, items: Iterable[T], *, total: int, what: str, done: int = 0) -> Iterator[T]:
        """Pass items on, showing how many of `total` are done; `done` of them were before."""


class Silent:
    """Shows nothing."""

    def say(self, message: str) -> None:
        """Ignore the message."""

    def track(self, items: Iterable[T], *, total: int, what: str, done: int = 0) -> Iterator[T]:  # noqa: ARG002
        """Pass items on."""
        yield from items


class Terminal:
    """Writes to standard error: a bar where that is a terminal, a line now and then where it is not."""

    def say(self, message: str) -> None:
        """Print one line."""
        if sys.stderr.isatty():
            import tqdm

            tqdm.tqdm.write(message, file=sys.stderr)
        else:
            print(message, file=sys.stderr, flush=True)

    def track(self, items: Iterable[T], *, total: int, what: str, done: int = 0) -> Iterator[T]:
        """Pass items on, with a bar."""
        if sys.stderr.isatty():
            import tqdm

            yield from tqdm.tqdm(items, total=total, initial=done, desc=f"  {what}", file=sys.stderr, leave=False,
                                 ascii=" -")
        else:
            yield from _lines(items, total, what, sys.stderr, done)


def _lines(items: Iterable[T], total: int, what: str, stream: TextIO, before: int = 0) -> Iterator[T]:
    """Pass items on, with a line now and then: a bar in a log file is noise."""
    said = time.monotonic()
    for done, item in enumerate(items, before):
        if time.monotonic() - said > _SECONDS_BETWEEN_LINES:
            said = time.monotonic()
            print(f"  {what}: {done} of {total}", file=stream, flush=True)
        yield item
