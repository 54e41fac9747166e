"""Numbers with their nouns, and lists, as sentences of figures and of the report write them."""

from __future__ import annotations

from collections.abc import Iterable


def counted(n: int, what: str) -> str:
    """Write a number with its noun: ``1 actor``, ``5,354 responses``."""
    return f"{n:,} {what if n == 1 else what + 's'}"


def joined(parts: Iterable[str]) -> str:
    """Write a list: ``a, b and c``; empty parts are left out."""
    given = [part for part in parts if part]
    return given[0] if len(given) == 1 else f"{', '.join(given[:-1])} and {given[-1]}" if given else ""
