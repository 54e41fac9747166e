"""Files that may become images of a study, and those that do not, each with its reason."""

from __future__ import annotations

import os
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from salcompare.errors import InputError, Problem
from salcompare.naming import natural_key
from salcompare.provenance import sha256_of_file
from salcompare.sources.decoding import Box
from salcompare.texts import visible

_SYSTEM_FILES = frozenset({"thumbs.db", "desktop.ini", "ehthumbs.db", "icon\r"})


@dataclass(frozen=True)
class Candidate:
    """A file that may become an image: its id and actor, where it is shown to come from, and its bytes' hash."""

    image: str
    actor: str
    file: str
    path: Path
    sha256: str
    box: Box | None = None


@dataclass(frozen=True)
class LeftOut:
    """A file that does not become an image: `reason` is for machines, `detail` for people."""

    file: str
    actor: str
    reason: str
    detail: str


@dataclass(frozen=True)
class Dataset:
    """What a source of photographs holds: candidates in the order in which they are taken, and files left out.

    `actors` are all that the source names, with where it does, so that one without any photograph is noticed.
    """

    candidates: list[Candidate]
    left_out: list[LeftOut]
    actors: Mapping[str, str]


@dataclass(frozen=True)
class File:
    """A visible file: its path, how it is shown, and the hash of its bytes, empty where it cannot be read."""

    path: Path
    shown: str
    sha256: str
    error: str = ""


def clean_name(text: str) -> str:
    """Compose a name (NFC), so that a file system's spelling of é matches a table's."""
    return unicodedata.normalize("NFC", text).strip()


def readable(text: str) -> str:
    """Turn a file's name into one that can be written as UTF-8, whatever bytes the file system holds."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def check_folder(folder: Path, *, shown: str) -> None:
    """Refuse a folder of photographs that is not there."""
    if not folder.is_dir():
        raise InputError(Problem(f"photographs {shown}", "is no folder" if folder.exists() else "does not exist",
                                 "a folder", "set [images] path in study.toml"))


def files_under(folder: Path) -> list[Path]:
    """All files below a folder, in natural order of their paths; links to folders are followed, each folder once."""
    paths, seen = [], set()
    for where, below, names in os.walk(folder, followlinks=True):
        below[:] = [name for name in below if (Path(where) / name).resolve() not in seen]
        seen |= {(Path(where) / name).resolve() for name in below}
        paths += [Path(where) / name for name in names]
    return sorted(paths, key=lambda path: natural_key(path.relative_to(folder).as_posix()))


def is_hidden(path: Path, folder: Path) -> bool:
    """Whether a file is hidden, stands in a hidden folder, or was left there by an operating system."""
    parts = path.relative_to(folder).parts
    return any(part.startswith(".") for part in parts) or path.name.lower() in _SYSTEM_FILES


def hash_file(path: Path, *, shown: str) -> File:
    """Hash a file that may be unreadable, or no plain file at all."""
    if path.exists() and not path.is_file():
        return File(path, shown, "", "is no plain file")  # a pipe would be waited for forever
    try:
        return File(path, shown, sha256_of_file(path))
    except OSError as error:
        return File(path, shown, "", f"cannot be read: {error.strerror}")


def visible_files(folder: Path, *, shown: str) -> list[File]:
    """Hash every file below a folder that is not hidden, in natural order."""
    return [hash_file(path, shown=show(path, folder, shown=shown))
            for path in files_under(folder) if not is_hidden(path, folder)]


def hidden_files(folder: Path, *, shown: str) -> list[LeftOut]:
    """List the hidden files below a folder as left out."""
    return [LeftOut(show(path, folder, shown=shown), "", "hidden", "hidden or an operating system's own")
            for path in files_under(folder) if is_hidden(path, folder)]


def show(path: Path, folder: Path, *, shown: str) -> str:
    """Name a file as the study names its folder, so that no table holds a machine's own paths."""
    return visible(readable(f"{shown.rstrip('/')}/{path.relative_to(folder).as_posix()}"))


def duplicates(candidates: Sequence[Candidate]) -> dict[int, LeftOut]:
    """Leave copies out, by position: of files under two actors all, of those under one all but the first."""
    same: defaultdict[tuple[str, Box | None], list[int]] = defaultdict(list)
    for i, candidate in enumerate(candidates):
        same[candidate.sha256, candidate.box].append(i)
    left_out: dict[int, LeftOut] = {}
    for group in same.values():
        actors = dict.fromkeys(candidates[i].actor for i in group)
        if len(actors) > 1:
            for i in group:
                others = [candidates[j].file for j in group if candidates[j].actor != candidates[i].actor]
                some = ", ".join(others[:3]) + (f" and {len(others) - 3} more" if len(others) > 3 else "")
                left_out[i] = LeftOut(candidates[i].file, candidates[i].actor, "duplicate_across_actors",
                                      f"same bytes as {some}")
        else:
            for i in group[1:]:
                left_out[i] = LeftOut(candidates[i].file, candidates[i].actor, "duplicate",
                                      f"same bytes as {candidates[group[0]].file}")
    return left_out
