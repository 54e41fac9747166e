"""How an option of study.toml is declared: once, with its default, bounds and help."""

from __future__ import annotations

from dataclasses import field
from typing import TypeVar

T = TypeVar("T")


def option(default: T, help_: str, *, low: float | None = None, high: float | None = None,
            choices: tuple[str, ...] = ()) -> T:
    """Declare an option: its default, what it does, and what it may be."""
    return field(default=default, metadata={"help": help_, "low": low, "high": high, "choices": choices})
