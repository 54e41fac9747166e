"""The order in which names stand: numbers inside names count as numbers, so that s2 comes before s10."""

from __future__ import annotations

import re

_DIGITS = re.compile(r"([0-9]+)")


def natural_key(value: object) -> tuple[object, ...]:
    """Sort key of one name: texts without regard to case and numbers by turns, then the name itself."""
    text = str(value)
    pieces = _DIGITS.split(text.casefold())
    return tuple(int(piece) if at % 2 else piece for at, piece in enumerate(pieces)), text
