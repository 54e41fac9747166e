"""Landmarks as detectors write them: OpenFace's CSV, dlib's XML and .pts files, JSON of MediaPipe's results."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from salcompare.errors import InputError, Problem, ReasonedError
from salcompare.faces.schemes import only_face
from salcompare.sources.cells import each, need_columns, numbers, read_cells
from salcompare.sources.datasets import files_under, is_hidden
from salcompare.sources.importers.content import read_content
from salcompare.sources.importers.placing import Catalogue

LAYOUTS = {"csv": "CSV", "npz": "NPZ", "openface": "OpenFace", "xml": "dlib's XML", "pts": ".pts of iBUG",
           "tasks": "MediaPipe's results"}
"""What the layouts are called."""
_MOST_JSON = 1 << 28  # bytes, which take ten times as many in memory
_IMAGE_COLUMNS = ("image", "filename", "file", "name")
_KINDS = {".csv": "openface", ".pts": "pts", ".json": "tasks", ".xml": "xml", ".npz": "npz"}


@dataclass(frozen=True)
class LandmarkTable:
    """Landmarks as a file has them: places (image, point, axis), NaN where there is no face, and where they are."""

    points: list[str]
    places: NDArray[np.float64]
    where: Callable[[int, int], str]  # of the row of the image and of the point
    n_faces: NDArray[np.int64]
    about: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Face:
    """One face of a file: where, what names its image, its points (point, axis), and whether these are shares."""

    where: str
    name: str
    points: NDArray[np.float64] | None
    relative: bool = False


def layout_of(path: Path, *, shown: str, remedy: str) -> str:
    """Tell a file's layout, or that of the files of a folder, by endings and the header of a CSV."""
    expected = "a CSV, NPZ, XML or JSON, or a folder of CSV, .pts or JSON files"
    if path.is_dir():
        kinds = {file.suffix.lower() for file in _files(path)} & {".csv", ".pts", ".json"}
        if len(kinds) != 1:
            raise InputError(Problem(shown, "a folder of " + (" and ".join(sorted(kinds)) or "no") + " files",
                                     expected, remedy))
        return _KINDS[kinds.pop()]
    if not path.is_file():
        raise InputError(Problem(shown, "is no plain file" if path.exists() else "does not exist", expected, remedy))
    kind = _KINDS.get(path.suffix.lower(), "csv")
    if kind != "openface":
        return kind
    with path.open("rb") as stream:
        names = [name.strip() for name in stream.readline().decode("utf-8", "replace").split(",")]
    return "openface" if {"x_0", "y_0"} <= set(names) else "csv"


def read_faces(path: Path, layout: str, images: pd.DataFrame, *, shown: str) -> LandmarkTable:
    """Read faces of any of these layouts; of several in a photograph none is taken, unless the others are small.

    Raises `InputError` where a file cannot be read or names no image of the catalogue, or where faces have different
    numbers of points.
    """
    reader = {"openface": _openface, "xml": _xml, "pts": _pts, "tasks": _tasks}[layout]
    sources = [(file, f"{shown}/{file.relative_to(path).as_posix()}") for file in _files(path)
               if _KINDS.get(file.suffix.lower()) == layout] if path.is_dir() else [(path, shown)]
    catalogue, place = Catalogue(images), {name: at for at, name in enumerate(images["image"].tolist())}
    sides = images[["width", "height"]].to_numpy(np.float64)
    by_image: dict[int, list[tuple[str, NDArray[np.float64]]]] = {}
    problems, counts = [], dict[int, str]()
    for file, name in sources:
        stem = file.relative_to(path).with_suffix("").as_posix() if path.is_dir() else ""
        for face in reader(file, name, stem):
            try:
                at = place[catalogue.find((face.name,)).image]
            except ReasonedError as error:
                problems.append(Problem(face.where, error.detail, "a photograph of the study",
                                        "name it as the column image of data/processed/images.csv does"))
                continue
            if face.points is not None:
                counts.setdefault(len(face.points), face.where)
                scale = np.append(sides[at], sides[at, 0])[:face.points.shape[1]] if face.relative else 1.0
                by_image.setdefault(at, []).append((face.where, face.points * scale))
    (count, where), *others = counts.items() or [(0, "")]
    problems += [Problem(other_where, f"a face of {other} points", f"{count} as in {where}",
                         "give all faces in one scheme") for other, other_where in others]
    if problems:
        raise InputError(problems)
    return _one_each(by_image, len(images), shown)


def _one_each(by_image: Mapping[int, list[tuple[str, NDArray[np.float64]]]], count: int, shown: str) -> LandmarkTable:
    if not by_image:
        raise InputError(Problem(shown, "holds no face", "landmarks of at least one photograph", "export it again"))
    shape = next(iter(by_image.values()))[0][1].shape
    places, n_faces = np.full((count, *shape), np.nan), np.zeros(count, np.int64)
    for at, faces in by_image.items():
        places[at], n_faces[at] = only_face([points for _, points in faces], shape)
    names = [str(point) for point in range(shape[0])]
    return LandmarkTable(names, places, lambda image, _: by_image[image][0][0], n_faces)


def _files(folder: Path) -> list[Path]:
    return [file for file in files_under(folder) if not is_hidden(file, folder)]


def _openface(path: Path, shown: str, stem: str) -> Iterator[_Face]:
    """Read OpenFace's CSV: a face a row; its pixels are counted from the first one's centre."""
    cells = read_cells(path, shown=shown, remedy="export it again", fold=False)
    if cells.faults:
        raise InputError([fault.problem for fault in cells.faults])
    frame = cells.frame
    count = sum(name.startswith("x_") and name[2:].isdecimal() for name in frame.columns)
    axes = [[f"{axis}_{i}" for i in range(count)] for axis in "xy"]
    need_columns(frame, [*axes[0], *axes[1]] if count else ["x_0", "y_0"], shown=shown)
    named = next((name for name in _IMAGE_COLUMNS if name in frame), None)
    if named is None and not stem:
        raise InputError(Problem(shown, f"no column {', '.join(map(repr, _IMAGE_COLUMNS))} names the photographs",
                                 "one of these, or a folder with a CSV for each photograph", "add the column"))
    points = np.stack([np.column_stack([numbers(frame[name]) for name in names]) for names in axes], axis=-1) + 0.5
    missed = numbers(frame["success"]) == 0 if "success" in frame else np.zeros(len(frame), np.bool_)
    bad = ~missed & np.isnan(points).any(axis=(1, 2))
    if bad.any():
        first = np.isnan(points[bad]).any(axis=2).argmax(axis=1)
        raise InputError([Problem(f"{shown} row {row}", f"point {point} is no two numbers", "finite numbers",
                                  "export it again or delete the row")
                          for row, point in zip(frame.index[bad], first, strict=True)])
    names = each(frame[named], str.strip).astype(str) if named else [stem] * len(frame)
    for row, name, one, no_face in zip(frame.index, names, points, missed, strict=True):
        yield _Face(f"{shown} row {row}", name, None if no_face else one)


def _xml(path: Path, shown: str, stem: str) -> Iterator[_Face]:  # noqa: ARG001 - every reader is called so
    """Read imglab's XML, as dlib trains on and writes it; pixels are counted from the first one's centre."""
    for image in read_content(path, shown).xml.iter("image"):
        name = image.get("file", "")
        for box in image.iter("box"):
            where = f"{shown} image {name!r}"
            parts = {part.get("name", ""): [part.get("x"), part.get("y")] for part in box.iter("part")}
            if parts:
                if not all(key.isdecimal() for key in parts):
                    raise InputError(Problem(where, f"part {next(k for k in parts if not k.isdecimal())!r}",
                                             "parts numbered from 0", "number them"))
                yield _Face(where, name, _plane([parts[key] for key in sorted(parts, key=int)], where, "xy") + 0.5)


def _pts(path: Path, shown: str, stem: str) -> Iterator[_Face]:
    """Read a .pts file: x and y a line between braces; its first pixel's centre is 1."""
    head, brace, rest = read_content(path, shown).text.partition("{")
    body, end, _ = rest.partition("}")
    rows = [line.split() for line in body.splitlines() if line.strip()]
    said = [line.split(":")[1].strip() for line in head.splitlines() if line.replace("_", "").startswith("npoints:")]
    if not brace or not end or not rows or (said and said[0] != str(len(rows))):
        raise InputError(Problem(shown, f"{len(rows)} points between braces, n_points {' '.join(said)}",
                                 "n_points, and so many lines of x and y between { and }", "export it again"))
    yield _Face(shown, stem or path.stem, _plane(rows, shown, "xy") - 0.5)


def _tasks(path: Path, shown: str, stem: str) -> Iterator[_Face]:
    """Read results of MediaPipe's Tasks: of one photograph, by photograph, or a list with the photograph in each."""
    if (size := path.stat().st_size) > _MOST_JSON:
        raise InputError(Problem(shown, f"has {size:,} bytes", f"at most {_MOST_JSON:,}",
                                 "give a folder with a file for each photograph"))
    results: Any = read_content(path, shown).json
    if stem:
        pairs = [(stem, results)]
    elif isinstance(results, dict):
        pairs = list(results.items())
    else:
        pairs = [(str(one.get("image", one.get("file", ""))) if isinstance(one, dict) else "", one)
                 for one in (results if isinstance(results, list) else [])]
    for name, result in pairs:
        where = f"{shown} image {name!r}"
        faces = result.get("face_landmarks", result.get("faceLandmarks")) if isinstance(result, dict) else None
        if not isinstance(faces, list):
            raise InputError(Problem(where, "no list face_landmarks", "a result of FaceLandmarker for each photograph: "
                                     '{"face_landmarks": [[{"x": 0.5, "y": 0.5, "z": 0}, ...]]}', "export it again"))
        for face in faces:
            points = face if isinstance(face, list) else []
            rows = [[point.get(axis) for axis in "xyz"] if isinstance(point, dict) else [] for point in points]
            yield _Face(where, name, _plane(rows, where, "xyz"), relative=True)
        if not faces:
            yield _Face(where, name, None)


def _plane(rows: list[Any], where: str, axes: str) -> NDArray[np.float64]:
    """Make points (point, axis) of rows of texts or numbers."""
    points = [_numbers(row) for row in rows]
    wrong = next((row for row, point in zip(rows, points, strict=True)
                  if point.shape != (len(axes),) or not np.isfinite(point).all()), None)
    if wrong is not None or not rows:
        raise InputError(Problem(where, "a face without points" if wrong is None else f"a point {wrong!r}",
                                 f"finite numbers {', '.join(axes)}", "export it again"))
    return np.stack(points)


def _numbers(row: Any) -> NDArray[np.float64]:  # noqa: ANN401
    try:
        return np.array(row, np.float64)
    except (TypeError, ValueError):
        return np.empty(0)
