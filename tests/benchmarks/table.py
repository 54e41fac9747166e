"""The rows that benchmarks give, and the one table of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

HEAD = ("what", "ours", "peer", "peer's name", "ratio", "target", "met")
_LEFT = {0, 3}  # columns of words
NOTE = "~: a part was timed and scaled up. ratio: the peer's CPU seconds over ours, the median of neighbouring runs."


@dataclass(frozen=True)
class Row:
    """What ours takes beside a peer: `at_least` is the target of the ratio, `below` that of ours, in its unit."""

    what: str
    ours: float
    peer: float | None = None
    name: str = ""
    ratio: float | None = None
    scaled: bool = False
    at_least: float | None = None
    below: float | None = None
    unit: str = "s"

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without one."""
        if self.at_least is not None:
            return self.ratio is not None and self.ratio >= self.at_least
        return None if self.below is None else self.ours < self.below


def line(row: Row) -> str:
    """Say one row."""
    what, ours, peer, name, ratio, target, met = cells(row)
    beside = f"   {name} {peer}   ratio {ratio}" if peer else ""
    return f"{what}: ours {ours}{beside}" + (f"   target {target}   met: {met}" if target else "")


def table(rows: Sequence[Row]) -> str:
    """Align all rows in columns."""
    written = [HEAD, *map(cells, rows)]
    widths = [max(map(len, column)) for column in zip(*written, strict=True)]
    lines = ["  ".join(cell.ljust(width) if at in _LEFT else cell.rjust(width)
                       for at, (cell, width) in enumerate(zip(one, widths, strict=True))).rstrip() for one in written]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:], "", NOTE])


def markdown(rows: Sequence[Row], about: str) -> str:
    """Write a page with the table; `about` says how and where it was measured."""
    ruler = tuple(":--" if at in _LEFT else "--:" for at in range(len(HEAD)))
    lines = [f"| {' | '.join(one)} |" for one in (HEAD, ruler, *map(cells, rows))]
    return "\n".join(["# Benchmarks", "", about, "", *lines, "", NOTE, ""])


def cells(row: Row) -> tuple[str, str, str, str, str, str, str]:
    """Write a row's values in the order of the head; what it has not is left empty."""
    peer = "" if row.peer is None else f"{'~' * row.scaled}{_number(row.peer)} {row.unit}"
    target = (f">= {row.at_least:.3g}" if row.at_least is not None else
              f"< {row.below:g} {row.unit}" if row.below is not None else "")
    met = {None: "", True: "yes", False: "no"}[row.met]
    ratio = "" if row.ratio is None else _number(row.ratio)
    return row.what, f"{_number(row.ours)} {row.unit}", peer, row.name, ratio, target, met


def _number(value: float) -> str:
    """Write three digits that count, or all before the point."""
    places = 3 if value < 1 else 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:,.{places}f}"
