"""How stages say how far they are: a callable that the command line draws and tests ignore."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, TextIO, TypeVar

T = TypeVar("T")


class Progress(Protocol):
    """What a stage reports to."""

    def say(self, message: str) -> None:
        """Print one line, such as loss and accuracy so far."""

    def track(self, items: Iterable[T], *, total: int, what: str) -> Iterator[T]:
        """Pass items on, showing how many of `total` are done."""


class Silent:
    """Shows nothing."""

    def say(self, message: str) -> None:
        """Ignore the message."""

    def track(self, items: Iterable[T], *, total: int, what: str) -> Iterator[T]:  # noqa: ARG002
        """Pass items on."""
        yield from items


class Terminal:
    """Writes to standard error: a bar where that is a terminal, a line now and then where it is not."""

    def say(self, message: str) -> None:
        """Print one line."""
        import tqdm

        tqdm.tqdm.write(message, file=_stderr())

    def track(self, items: Iterable[T], *, total: int, what: str) -> Iterator[T]:
        """Pass items on, with a bar."""
        import tqdm

        quiet = not _stderr().isatty()
        yield from tqdm.tqdm(items, total=total, desc=f"  {what}", file=_stderr(), leave=False, ascii=" -",
                             mininterval=10 if quiet else 0.2)


def _stderr() -> TextIO:
    import sys

    return sys.stderr
