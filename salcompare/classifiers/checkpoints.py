"""Where training stands: written whole or not at all, so that a killed run goes on as if it had not been."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import torch

from salcompare.checksums import file_holds, note_of, seal_file
from salcompare.classifiers.weights import read_state
from salcompare.errors import DamagedError, InputError, Problem
from salcompare.progress import Say
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
    threads : list of int
        Numbers of torch's threads that it was trained with: one, unless a run with another number went on with it.
    best_accuracy, best_loss : float
        On the validation images, at that look; NaN where there are none.
    """

    iteration: int = 0
    log: list[dict[str, float]] = field(default_factory=list)
    model: dict[str, Any] = field(default_factory=dict)
    optimizer: dict[str, Any] = field(default_factory=dict)
    best: dict[str, Any] = field(default_factory=dict)
    best_iteration: int = 0
    threads: list[int] = field(default_factory=list)
    best_accuracy: float = -1.0
    best_loss: float = float("inf")


def write_checkpoint(path: Path, state: State, *, digest: str, iterations: int) -> None:
    """Write where training stands, of how many iterations; `digest` says what is trained on what."""
    content = {entry.name: getattr(state, entry.name) for entry in fields(state)}
    write_torch(path, {"digest": digest, **content}, {"iteration": state.iteration, "iterations": iterations})


def read_checkpoint(path: Path, *, digest: str, say: Say | None = None) -> State | None:
    """Read where training stands; None where there is none, of another digest, or a damaged one, which is said."""
    content = read_matching(path, digest=digest, say=say)
    if content is None or set(content) - {"digest"} != set(asdict(State())):
        return None
    del content["digest"]
    return State(**content)


def read_matching(path: Path, *, digest: str, say: Say | None = None) -> dict[str, Any] | None:
    """Read what `write_torch` wrote; None where there is none, of another digest, or one that is damaged.

    Parameters
    ----------
    path : Path
    digest : str
    say : callable, optional
        Told of a damaged file.
    """
    if not path.exists():
        return None
    try:
        content = read_whole(path)
    except DamagedError:
        if say:
            say(f"  {path} is damaged; what it held is made again")
        return None
    return content if content.get("digest") == digest else None


def read_whole(path: Path) -> dict[str, Any]:
    """Read what `write_torch` wrote.

    Raises
    ------
    DamagedError
        If it is not what was written, or cannot be read.
    """
    try:
        if file_holds(path) or _is_older(path):
            return read_state(path)
    except (InputError, OSError):
        pass
    raise DamagedError(Problem(str(path), "is damaged (its bytes are not those written)",
                               remedy="run: salcompare run"))


def _is_older(path: Path) -> bool:
    """Whether it is a file without a seal, as salcompare 0.1.0 left it, and its zip archive's own checksums hold."""
    try:
        with zipfile.ZipFile(path) as archive:
            return note_of(path) is None and archive.testzip() is None
    except (zipfile.BadZipFile, NotImplementedError, EOFError, zlib.error, RuntimeError):
        return False


def write_torch(path: Path, content: Mapping[str, Any], note: Mapping[str, object] | None = None) -> None:
    """Write tensors and plain values, whole or not at all; equal contents give equal bytes.

    Parameters
    ----------
    path : Path
    content : mapping
    note : mapping, optional
        What `checksums.note_of` tells without torch.
    """
    with replacing(path) as beside:
        with beside.open("wb") as stream:
            try:
                torch.save(dict(content), stream)  # given a path, torch would write the passing name into the file
            except RuntimeError as error:  # of torch's own archive, after the disk's
                raise (error.__context__ if isinstance(error.__context__, OSError) else error) from None
        seal_file(beside, note)
