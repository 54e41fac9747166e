"""Photographs of a FaceScrub list (Ng & Winkler 2014): its rows, and the downloaded files that they name by hash."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from salcompare.errors import InputError, Problem
from salcompare.sources.candidates import (
    Candidate,
    File,
    Found,
    LeftOut,
    check_folder,
    clean_name,
    hidden_files,
    visible_files,
)
from salcompare.sources.decoding import Box
from salcompare.texts import hidden_in

COLUMNS = ("name", "image_id", "face_id", "url", "bbox", "sha256")


@dataclass(frozen=True)
class Face:
    """One row of the list: a face in a photograph that is known by its file's hash."""

    line: int
    actor: str
    number: str
    box: Box
    sha256: str


def find_in_facescrub(list_file: Path, folder: Path, *, list_shown: str, shown: str) -> Found:
    """Find the downloaded files of a FaceScrub list, whatever they are called, by the SHA-256 of their bytes.

    An image's id is the actor's name and the face id. Candidates are in list order, each with the list's box, which
    is read as half-open. One photograph may be listed for two actors with two boxes.

    Parameters
    ----------
    list_file : Path
        Tab-separated: name, image id, face id, url, bbox "x1,y1,x2,y2", sha256; the header line may be missing.
    folder : Path
        The downloads, in any naming and in any folders below it.
    list_shown, shown : str
        What the two are called in tables and errors.

    Raises
    ------
    InputError
        If either is missing, or listing every row that cannot be read.
    """
    faces = read_list(list_file, shown=list_shown)
    check_folder(folder, shown=shown)
    left_out = hidden_files(folder, shown=shown)
    files: dict[str, File] = {}
    listed = {face.sha256 for face in faces}
    for file in visible_files(folder, shown=shown):
        reason, detail = _why_not(file, files.get(file.sha256), listed)
        if reason:
            left_out.append(LeftOut(file.shown, "", reason, detail))
        else:
            files[file.sha256] = file
    candidates = [Candidate(f"{face.actor}/{face.number}", face.actor, files[face.sha256].shown,
                            files[face.sha256].path, face.sha256, face.box)
                  for face in faces if face.sha256 in files]
    left_out += [LeftOut(f"{list_shown} row {face.line}", face.actor, "missing",
                         f"no file with SHA-256 {face.sha256[:12]}... under {shown}")
                 for face in faces if face.sha256 not in files]
    return Found(candidates, left_out, {face.actor: list_shown for face in faces})


def read_list(path: Path, *, shown: str) -> list[Face]:
    """Read a FaceScrub list.

    Raises
    ------
    InputError
        If it is missing or not UTF-8, or listing every row that cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise InputError(Problem(f"FaceScrub list {shown}", f"cannot be read: {error.strerror}",
                                 remedy="set [images] list in study.toml")) from error
    except UnicodeDecodeError as error:
        raise InputError(Problem(f"FaceScrub list {shown}", "is not UTF-8", remedy="save it as UTF-8")) from error
    numbered = [(i, line.split("\t")) for i, line in enumerate(lines, 1) if line.strip()]
    order = list(range(len(COLUMNS)))
    if numbered and "sha256" in _names(numbered[0][1]):
        order = _order(_names(numbered.pop(0)[1]), shown)
    faces: list[Face] = []
    problems: list[Problem] = []
    for line, cells in numbered:
        face = _face(line, cells, order)
        if isinstance(face, Face):
            faces.append(face)
        else:
            problems.append(Problem(f"{shown} row {line}", face, "name, image id, face id, url, bbox, sha256",
                                    "mend or delete the line"))
    problems += _repeated(faces, shown)
    if problems:
        raise InputError(problems)
    if not faces:
        raise InputError(Problem(f"FaceScrub list {shown}", "lists no face", "one face a line"))
    return faces


def _names(cells: list[str]) -> list[str]:
    return [cell.strip().lower().replace(" ", "_") for cell in cells]


def _order(names: list[str], shown: str) -> list[int]:
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise InputError(Problem(f"FaceScrub list {shown}", f"no column {', '.join(missing)}",
                                 "columns " + ", ".join(COLUMNS), "add what is missing; found " + ", ".join(names)))
    return [names.index(name) for name in COLUMNS]


def _face(line: int, cells: list[str], order: list[int]) -> Face | str:
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
    return Face(line, clean_name(name), number, (x0, y0, x1, y1), sha256.lower())


def _repeated(faces: list[Face], shown: str) -> list[Problem]:
    count = Counter((face.actor, face.number) for face in faces)
    return [Problem(f"{shown} row {face.line}", f"face id {face.number} of {face.actor!r} is listed twice",
                    "a face id once for each name", "delete one of the lines")
            for face in faces if count[face.actor, face.number] > 1]


def _why_not(file: File, before: File | None, listed: set[str]) -> tuple[str, str]:
    if file.error:
        return "unreadable", file.error
    if before is not None:
        return "duplicate", f"same bytes as {before.shown}"
    if file.sha256 not in listed:
        return "unlisted", "its SHA-256 stands nowhere in the list"
    return "", ""
