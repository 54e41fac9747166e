"""Where training stands: written whole or not at all, so that a killed run goes on as if it had not been."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import torch

from salcompare.classifiers.weights import read_state
from salcompare.errors import InputError
from salcompare.store import replacing


@dataclass
class State:
    """Where training stands after an iteration at which the validation images were looked at.

    Attributes
    ----------
    iteration : int
        The last one done; 0 before the first.
    log : list of dict
        One entry a look: iteration, loss, train_accuracy, validation_accuracy, validation_loss, penalty.
    model, optimizer : dict
        Their state_dicts. Random draws need no state, each iteration has streams of its own.
    best : dict
        state_dict of the model at the best look so far, or at the last, where that is kept.
    best_iteration : int
        0 before the first look.
    best_accuracy, best_loss : float
        On the validation images, at that look; NaN where there are none.
    """

    iteration: int = 0
    log: list[dict[str, float]] = field(default_factory=list)
    model: dict[str, Any] = field(default_factory=dict)
    optimizer: dict[str, Any] = field(default_factory=dict)
    best: dict[str, Any] = field(default_factory=dict)
    best_iteration: int = 0
    best_accuracy: float = -1.0
    best_loss: float = float("inf")


def write_checkpoint(path: Path, state: State, *, digest: str) -> None:
    """Write where training stands; `digest` says what is trained on what."""
    content = {entry.name: getattr(state, entry.name) for entry in fields(state)}
    write_torch(path, {"digest": digest, **content})


def read_checkpoint(path: Path, *, digest: str) -> State | None:
    """Read where training stands; None where there is none, of another digest, or one that cannot be read."""
    content = read_matching(path, digest=digest)
    if content is None or set(content) - {"digest"} != set(asdict(State())):
        return None
    del content["digest"]
    return State(**content)


def read_matching(path: Path, *, digest: str) -> dict[str, Any] | None:
    """Read what `write_torch` wrote; None where there is none, of another digest, or one that cannot be read."""
    if not path.exists():
        return None
    try:
        content = read_state(path)
    except InputError:
        return None
    return content if content.get("digest") == digest else None


def write_torch(path: Path, content: Mapping[str, Any]) -> None:
    """Write tensors and plain values, whole or not at all; equal contents give equal bytes."""
    with replacing(path) as beside, beside.open("wb") as stream:
        torch.save(dict(content), stream)  # given a path, torch would write the passing name into the file
