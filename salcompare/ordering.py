"""The order in which names stand: numbers inside names count as numbers, so that s2 comes before s10."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_DIGITS = re.compile(r"([0-9]+)")


def natural_key(value: object) -> tuple[object, ...]:
    """Sort key of one name: texts without regard to case and numbers by turns, then the name itself."""
    text = str(value)
    pieces = _DIGITS.split(text.casefold())
    return tuple(int(piece) if at % 2 else piece for at, piece in enumerate(pieces)), text


def by_classifier(sources: Iterable[str], names: Sequence[str]) -> list[str]:
    """Order sources by their classifiers, as `names` list these, and of each the main source, its last, first."""
    found = list(dict.fromkeys(sources))
    order = dict.fromkeys([*names, *(source.split("/")[0] for source in found)])
    return [source for name in order for source in found[::-1] if source.split("/")[0] == name]
