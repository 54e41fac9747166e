"""How an option of study.toml is declared: once, with its default, bounds and help."""

from __future__ import annotations

from dataclasses import field
from typing import TypeVar

T = TypeVar("T")


def option(default: T, help_: str, *, low: float | None = None, high: float | None = None,
            choices: tuple[str, ...] = (), remedy: str = "") -> T:
    """Declare an option: its default, what it does, what it may be, and what to do about a number out of bounds."""
    return field(default=default, metadata={"help": help_, "low": low, "high": high, "choices": choices,
                                            "remedy": remedy})
