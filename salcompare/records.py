"""Records of stages: what a stage's last run was made from, what it left, and whether that is still as it was left."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import salcompare
from salcompare import provenance, store
from salcompare.errors import DamagedError, InputError
from salcompare.provenance import fingerprint

if TYPE_CHECKING:
    from salcompare.study import Study

Depth = Literal["read", "files", "quick", "whole"]
"""How far stored files are looked at: ``whole`` reads them all; ``quick`` reads those that were changed after the
record was written, and looks at the others' sizes. ``files`` is whole and ``read`` is quick but for stores, which they
leave alone: those are held against their checksums when they are read."""

ASIDE = ".by-hand"
"""Ending of a copy of what was changed by hand, made before the file is made again."""


class Fault(NamedTuple):
    """A file that is not as the stage left it, and what is wrong with it, as `provenance.fault_of` says it."""

    path: Path
    what: str

    @property
    def by_hand(self) -> bool:
        """Whether a user seems to have changed it."""
        return self.path.is_file() and self.path.suffix in provenance.BY_HAND and "by hand" in self.what


@dataclass(frozen=True)
class Record:
    """What a stage's last run was made from, and the checksums of what it left."""

    version: str  # of salcompare
    stage_version: int  # of the stage; 0 in records of salcompare 0.1.0
    fingerprint: str
    settings: Mapping[str, Any]
    inputs: Mapping[str, str]
    requires: Mapping[str, str]  # of each stage it requires, what that had `left`
    files: Mapping[str, str]  # `provenance.sum_of` each file, by its path from the study's folder
    left: str  # fingerprint of the content of all that the run left, whatever its stores are called

    @property
    def sealed(self) -> bool:
        """Whether it lists checksums; those of salcompare 0.1.0 do not."""
        return self.stage_version > 0


_KEYS = ("version", "stage_version", "fingerprint", "settings", "inputs", "needs", "files", "left")  # in the file


def record_path(study: Study, name: str) -> Path:
    """Where the record of a stage is."""
    return study.processed / "stages" / (name.replace("/", "-").replace(" ", "-") + ".json")


def read_record(path: Path) -> Record | None:
    """Read a record; None where there is none. One that is not what a run wrote is a `DamagedError`."""
    if not path.exists():
        return None
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        content = None
    if (isinstance(content, dict) and set(content) == {"version", "fingerprint", "settings", "inputs"}  # of 0.1.0
            and isinstance(content["settings"], dict) and isinstance(content["inputs"], dict)):
        return Record(str(content["version"]), 0, "", content["settings"], content["inputs"], {}, {}, "")
    content = store.read_sealed(path)
    try:
        return Record(*(content[key] for key in _KEYS))
    except KeyError as error:
        raise DamagedError(f"{path}: says nothing of {error}") from error


def write_record(path: Path, *, root: Path, version: int, stage_fingerprint: str, settings: Mapping[str, object],
                 inputs: Mapping[str, str], requires: Mapping[str, str], outputs: Iterable[Path]) -> None:
    """Record what a run that just ended was made from, and the checksums of those of its outputs that are there."""
    made = {file.relative_to(root).as_posix(): file for file in _files(outputs)}
    files = {name: provenance.sum_of(file) for name, file in made.items()}
    content = {name: dict(store.read_manifest(file.parent, file.stem).files) if is_manifest(file, root) else files[name]
               for name, file in made.items()}
    store.write_sealed(path, {
        "version": salcompare.__version__, "stage_version": version, "fingerprint": stage_fingerprint,
        "settings": dict(settings), "inputs": dict(inputs), "needs": dict(requires), "files": files,
        "left": fingerprint(content)})


def faults(record: Record, *, root: Path, since: int, depth: Depth, extras: Collection[Path] = ()) -> list[Fault]:
    """Find what is no longer as a run left it, whose record was written `since` (nanoseconds since 1970).

    The `extras` are files that the stage need not make; one that is there and was not made was put there by hand.
    """
    faulty = [Fault(path, "was not made by salcompare, but put there by hand") for path in extras
             if path.exists() and path.relative_to(root).as_posix() not in record.files]
    whole = depth in ("files", "whole")
    for name, expected in record.files.items():
        path = root / name
        fault = provenance.fault_of(path, expected, since=since, whole=whole)
        if fault:
            faulty.append(Fault(path, fault))
        elif depth in ("quick", "whole") and is_manifest(path, root):
            faulty += [Fault(*pair) for pair in store.store_faults(path, since=since, whole=whole)]
    return faulty


def is_manifest(path: Path, root: Path) -> bool:
    """Whether a stage's output is the manifest of a store."""
    if path.suffix != ".json" or not path.is_relative_to(root / "data" / "processed"):
        return False
    try:
        return {"store", "fingerprint", "files"} <= set(store.read_json(path))
    except (InputError, TypeError):
        return False


def clear(faulty: Iterable[Fault]) -> list[Path]:
    """Take away what is not as a run left it, so that it is made again; give copies of what was changed by hand."""
    copies = []
    for fault in faulty:
        if fault.by_hand:
            copies.append(fault.path.with_name(fault.path.name + ASIDE))
            fault.path.replace(copies[-1])
        elif fault.path.is_file():
            fault.path.unlink()
    return copies


def delete_leftovers(study: Study) -> None:
    """Delete what killed runs left half written; the study must be held against others."""
    for top in (study.processed, study.reports):
        for folder, inside, _ in os.walk(top):
            inside[:] = [name for name in inside if not name.endswith(".zarr")]
            store.delete_leftovers(Path(folder))


def _files(outputs: Iterable[Path]) -> list[Path]:
    files: list[Path] = []
    for path in outputs:
        files += [path] if path.is_file() else sorted(inside for inside in path.rglob("*") if inside.is_file())
    return [path for path in files if not path.name.startswith(".") and path.suffix != ASIDE]
