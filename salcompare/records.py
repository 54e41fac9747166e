"""Records of stages: what a stage's last run was made from, what it left, and whether that is still as it was left."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import salcompare
from salcompare import provenance, store
from salcompare.errors import DamagedError, InputError
from salcompare.provenance import canonical_json, fingerprint

if TYPE_CHECKING:
    from salcompare.study import Study

Depth = Literal["read", "files", "quick", "whole"]
"""How far stored files are looked at: ``whole`` reads them all; ``quick`` reads those that were changed after the
record was written, and looks at the others' sizes. ``files`` is whole and ``read`` is quick but for stores, which they
leave alone: those are held against their checksums when they are read."""

ASIDE = ".by-hand"
"""Ending of a copy of what was changed by hand, made before the file is made again."""


@dataclass(frozen=True)
class Fault:
    """A file that is not as the stage left it.

    Attributes
    ----------
    path : Path
    what : str
        As `provenance.fault_of` says it.
    """

    path: Path
    what: str

    @property
    def by_hand(self) -> bool:
        """Whether a user seems to have changed it."""
        return self.path.is_file() and self.path.suffix in provenance.BY_HAND and "by hand" in self.what


@dataclass(frozen=True)
class Record:
    """What a stage's last run was made from, and the checksums of what it left.

    Attributes
    ----------
    version : str
        Of salcompare.
    stage_version : int
        Of the stage; 0 in records of salcompare 0.1.0.
    fingerprint : str
    settings, inputs : mapping
        As the stage's.
    needs : mapping
        Of each stage it needs, what that had `left`.
    files : mapping
        `provenance.sum_of` each file, by its path from the study's folder.
    left : str
        Fingerprint of the content of all that the run left, whatever its stores are called.
    """

    version: str
    stage_version: int
    fingerprint: str
    settings: Mapping[str, Any]
    inputs: Mapping[str, str]
    needs: Mapping[str, str]
    files: Mapping[str, str]
    left: str

    @property
    def sealed(self) -> bool:
        """Whether it lists checksums; those of salcompare 0.1.0 do not."""
        return self.stage_version > 0

def record_path(study: Study, name: str) -> Path:
    """Where the record of a stage is."""
    return study.processed / "stages" / (name.replace("/", "-").replace(" ", "-") + ".json")


def read_record(path: Path) -> Record | None:
    """Read a record; None where there is none.

    Raises
    ------
    DamagedError
        If it is not what a run wrote.
    """
    if not path.exists():
        return None
    try:
        found: object = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = None
    if isinstance(found, dict) and _of_first_version(found):
        return Record(str(found["version"]), 0, "", found["settings"], found["inputs"], {}, {}, "")
    found = store.read_sealed(path)
    try:
        return Record(*(found[key] for key in Record.__dataclass_fields__))
    except KeyError as error:
        raise DamagedError(f"{path}: says nothing of {error}") from error


def _of_first_version(found: Mapping[str, object]) -> bool:
    return (set(found) == {"version", "fingerprint", "settings", "inputs"}
            and isinstance(found["settings"], dict) and isinstance(found["inputs"], dict))


def write_record(path: Path, *, root: Path, version: int, own: str, settings: Mapping[str, object],
                 inputs: Mapping[str, str], needs: Mapping[str, str], outputs: Iterable[Path]) -> None:
    """Record what a run that just ended was made from, and the checksums of what it left.

    Parameters
    ----------
    path : Path
    root : Path
        The study's folder.
    version, own, settings, inputs, needs
        As the attributes of `Record`.
    outputs : iterable of Path
        Files and folders; those that are not there are left out.
    """
    made = {file.relative_to(root).as_posix(): file for file in _files(outputs)}
    files = {name: provenance.sum_of(file) for name, file in made.items()}
    content = {name: dict(store.read_manifest(file.parent, file.stem).files) if is_manifest(file, root) else files[name]
               for name, file in made.items()}
    store.write_sealed(path, {
        "version": salcompare.__version__, "stage_version": version, "fingerprint": own, "settings": dict(settings),
        "inputs": dict(inputs), "needs": dict(needs), "files": files, "left": fingerprint(content)})


def same_plain(record: Record, settings: Mapping[str, object]) -> bool:
    """Whether a run had these settings."""
    return bool(record.settings == json.loads(canonical_json(settings)))


def faults(record: Record, *, root: Path, since: int, depth: Depth,
           extras: Collection[Path] = ()) -> list[Fault]:
    """Find what is no longer as a run left it.

    Parameters
    ----------
    record : Record
    root : Path
        The study's folder.
    since : int
        When the record was written, in nanoseconds since 1970.
    depth : Depth
    extras : collection of Path
        Files that the stage need not make; one that is there and was not made was put there by hand.
    """
    found = [Fault(path, "was not made by salcompare, but put there by hand") for path in extras
             if path.exists() and path.relative_to(root).as_posix() not in record.files]
    whole = depth in ("files", "whole")
    for name, expected in record.files.items():
        path = root / name
        fault = provenance.fault_of(path, expected, since=since, whole=whole)
        if fault:
            found.append(Fault(path, fault))
        elif depth in ("quick", "whole") and is_manifest(path, root):
            found += [Fault(*pair) for pair in store.store_faults(path, since=since, whole=whole)]
    return found


def is_manifest(path: Path, root: Path) -> bool:
    """Whether a stage's output is the manifest of a store."""
    if path.suffix != ".json" or not path.is_relative_to(root / "data" / "processed"):
        return False
    try:
        return {"store", "fingerprint", "files"} <= set(store.read_json(path))
    except (InputError, TypeError):
        return False


def clear(found: Iterable[Fault]) -> list[Path]:
    """Take away what is not as a run left it, so that it is made again; give copies of what was changed by hand."""
    copies = []
    for fault in found:
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
    found = []
    for path in outputs:
        found += [path] if path.is_file() else sorted(inside for inside in path.rglob("*") if inside.is_file())
    return [path for path in found if not path.name.startswith(".") and path.suffix != ASIDE]
