"""Landmarks of any layout to one array: this project's CSV and NPZ, and what detectors write."""

import contextlib
import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from salcompare.errors import InputError, Problem
from salcompare.faces.files import DIGITS
from salcompare.faces.schemes import (
    AXES,
    EYES,
    Scheme,
    eye_centres,
    has_places,
    make_landmarks,
    place_centres,
    recognise_scheme,
)
from salcompare.sources.cells import DELIMITERS, Fault, categories, cells_of, check_no_archive, each, need_columns
from salcompare.sources.datasets import clean_name
from salcompare.sources.landmark_layouts import LAYOUTS, LandmarkTable, layout_of, read_faces
from salcompare.sources.rows import Rows
from salcompare.store import unguarded

_REMEDY = "set path in [landmarks] of study.toml"
_PIXELS = "give natural pixels of the photograph as shown, the first pixel's centre at 0.5"
_BLOCK = 1 << 24  # bytes of a CSV that are read at once
FAR = 1.0
"""A point may lie outside the photograph by so many times its width or height."""


def read_landmarks(path: Path, images: pd.DataFrame, *, shown: str = "") -> xr.DataArray:
    """Read landmarks of a study's photographs.

    Parameters
    ----------
    path : Path
        A CSV with columns image, point, x, y and perhaps z; an NPZ of `salcompare.faces.write_landmarks`; an OpenFace
        CSV, imglab's XML, as dlib has it, or JSON of MediaPipe's results; or a folder with an OpenFace CSV, a .pts or
        such a JSON for each photograph.
    images : DataFrame
        The catalogue: image, actor, height, width, and optionally file and sha256.
    shown : str
        What errors call the file; its name by default.

    Returns
    -------
    DataArray (image, point, axis)
        All images of the catalogue in its order, as `salcompare.faces.schemes` says.

    Raises
    ------
    InputError
        Naming each row that has an unknown image or no number or is far outside its photograph, and each image with
        some of the points only, with two faces, or changed since.
    """
    shown = shown or path.name
    layout = layout_of(path, shown=shown, remedy=_REMEDY)
    if layout == "npz":
        table = _read_npz(path, shown, images)
    elif layout == "csv":
        table = _assembled(_blocks(path, shown), shown, images)
    else:
        table = read_faces(path, layout, images, shown=shown)
    scheme = recognise_scheme(table.points, table.places, where=shown)
    if problems := _misplaced(table, images, shown):
        raise InputError(problems)
    values = table.places[:, _order(table.points, scheme)]
    about = {"source": f"{shown}, {LAYOUTS[layout]}", **table.about}
    made = make_landmarks(values, images["image"].tolist(), scheme, n_faces=table.n_faces, **about)
    _check_sides(made, shown)
    return made


def _order(points: list[str], scheme: Scheme) -> list[int]:
    """Where each point of the scheme is among the file's."""
    if all(point.isdecimal() for point in points):
        return sorted(range(len(points)), key=lambda at: int(points[at]))
    return [points.index(point) for point in scheme.points]


def _misplaced(table: LandmarkTable, images: pd.DataFrame, shown: str) -> list[Problem]:
    """Name points that are no place of their photograph, and faces whose middle is outside it."""
    plane = table.places[..., :2]
    known = np.isfinite(plane).all(axis=(1, 2))
    if not known.any():
        raise InputError(Problem(shown, "no face of any photograph", "landmarks of at least one", _REMEDY))
    if plane[known].min() >= 0 and plane[known].max() <= 1:
        raise InputError(Problem(shown, "every place lies between 0 and 1, as shares of the photograph's sides do",
                                 "pixels", "multiply x by the photograph's width and y by its height"))
    sides = images[["width", "height"]].to_numpy(np.float64)
    away = np.abs(plane / sides[:, None] - 0.5).max(axis=2) - 0.5  # in sides beyond the edge
    names = images["image"].tolist()
    problems = []
    for image in np.flatnonzero(known & (away > FAR).any(axis=1)):
        point = int(np.argmax(away[image]))
        x, y = plane[image, point]
        problems.append(Problem(table.where(int(image), point), f"a point at ({x:g}, {y:g}) of image "
                                f"{names[image]!r}, which has {sides[image, 0]:g} x {sides[image, 1]:g} pixels",
                                "a place on the photograph or near it", _PIXELS))
    middle = np.abs(np.median(plane, axis=1) / sides - 0.5).max(axis=1)
    return problems + [
        Problem(table.where(int(image), 0), f"the middle of the face of image {names[image]!r} is outside the "
                "photograph", f"{sides[image, 0]:g} x {sides[image, 1]:g} pixels", _PIXELS)
        for image in np.flatnonzero(known & (away <= FAR).all(axis=1) & (middle > 0.5))]


def _check_sides(landmarks: xr.DataArray, shown: str) -> None:
    if not has_places(landmarks, EYES):
        return
    eyes = eye_centres(landmarks).dropna("image")
    x, y = eyes.sel(axis="x"), eyes.sel(axis="y").mean("point")
    swapped = int((x.sel(point="left_eye") > x.sel(point="right_eye")).sum())
    if 2 * swapped > x.sizes["image"]:
        raise InputError(Problem(shown, f"left_eye lies right of right_eye in {swapped:,} of {x.sizes['image']:,} "
                                 "photographs", "the viewer's left and right", "swap the names of left and right, or "
                                 "mirror x if the photographs were mirrored"))
    for nose in ("nose_tip", "nose_base"):
        if has_places(landmarks, [nose]):
            upturned = int((y > place_centres(landmarks, [nose]).sel(axis="y", point=nose)).sum())
            if 2 * upturned > y.sizes["image"]:
                raise InputError(Problem(shown, f"the eyes lie below the nose in {upturned:,} of {y.sizes['image']:,} "
                                         "photographs", "y that grows downwards", "subtract y from the height"))


def _read_npz(path: Path, shown: str, images: pd.DataFrame) -> LandmarkTable:
    expected = "an NPZ with arrays image (n), point (p), x and y (n, p)"
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in ("image", "point", *AXES, "n_faces", "sha256", "about")
                      if name in stored.files}
    except Exception as error:  # archives raise all sorts of errors on malformed bytes
        reason = error if zipfile.is_zipfile(path) else "it is no NPZ"
        raise InputError(Problem(shown, f"cannot be read: {reason}", expected, "write it again")) from error
    lacking = [name for name in ("image", "point", "x", "y") if name not in arrays]
    if lacking:
        raise InputError(Problem(shown, "no array " + ", ".join(map(repr, lacking)), expected, "add what is missing"))
    shape = (arrays["image"].size, arrays["point"].size)
    axes = [axis for axis in AXES if axis in arrays]
    for name, array in arrays.items():
        size = shape if name in axes else array.shape if name in {"image", "point", "about"} else shape[:1]
        if array.shape != size or array.dtype.kind not in ("iuf" if name in {*axes, "n_faces"} else "iuUS"):
            raise InputError(Problem(f"{shown} array {name!r}", f"{array.dtype} of shape {array.shape}",
                                     f"shape {size}, of {shape[0]} images and {shape[1]} points", "write it again"))
    rows, columns = (at.ravel() for at in np.indices(shape))
    block = pd.DataFrame({"image": pd.Categorical(arrays["image"].ravel().astype(str))[rows],
                          "point": pd.Categorical(arrays["point"].ravel().astype(str))[columns],
                          **{axis: arrays[axis].ravel().astype(np.float64) for axis in axes}}, index=rows + 1)
    table = _assembled([(_named(block.loc[np.isfinite(block[axes].to_numpy()).all(axis=1)]), [])], shown, images)
    at = pd.Index(images["image"]).get_indexer([clean_name(str(name)) for name in arrays["image"].ravel()])
    counts = table.n_faces.copy()
    counts[at[at >= 0]] = arrays.get("n_faces", counts[at])[at >= 0]
    if "sha256" in arrays and "sha256" in images:
        changed = (arrays["sha256"].astype(str) != images["sha256"].str[:DIGITS].to_numpy()[at]) & (at >= 0)
        if changed.any():
            raise InputError([Problem(f"{shown} row {row + 1}", f"photograph {name!r} is another file than the one its "
                                      "landmarks were made of", "the same file", "make the landmarks again")
                              for row, name in enumerate(arrays["image"].tolist()) if changed[row]])
    return replace(table, n_faces=counts, about=_object(str(arrays.get("about", ""))))


def _object(text: str) -> dict[str, str]:
    """Read what a file says of how its landmarks were made; nothing where that is no object of JSON."""
    with contextlib.suppress(ValueError):
        said = json.loads(text)
        if isinstance(said, dict):
            return {name: str(value) for name, value in said.items() if name not in {"scheme", "unit", "n_faces"}}
    return {}


def _assembled(blocks: Iterable[tuple[pd.DataFrame, list[Fault]]], shown: str, images: pd.DataFrame) -> LandmarkTable:
    """Check blocks of rows (image and point as categories, places) and spread them over images and points."""
    codes: dict[str, int] = {}
    parts = []
    for block, faults in blocks:
        heads = Rows(block.drop_duplicates("image"), shown, faults)
        place = dict(zip(heads.table["image"], heads.check_names(images, ("image",)), strict=True))
        points = Rows(block.drop_duplicates("point"), shown, heads.faults)
        points.refuse_empty(("point",))
        points.refuse_hidden(("point",))
        points.check()  # the blocks below are not read: a file that is wrong throughout has too many faults
        at = np.array([place[name] for name in block["image"].cat.categories], np.int64)[block["image"].cat.codes]
        names = [codes.setdefault(str(name), len(codes)) for name in block["point"].cat.categories]
        parts.append((at, np.array(names, np.int64)[block["point"].cat.codes], block.index.to_numpy(),
                      block[[axis for axis in AXES if axis in block]].to_numpy()))
    if not sum(len(part[0]) for part in parts):
        raise InputError(Problem(shown, "no landmarks in it", "all points of each face", "add them"))
    at, point, line, values = (np.concatenate(column) for column in zip(*parts, strict=True))
    flat = at * len(codes) + point
    _check_whole(flat, line, list(codes), images["image"].tolist(), shown)
    spread = np.full((len(images) * len(codes), values.shape[1]), np.nan)
    lines = np.zeros(len(spread), np.int64)
    spread[flat], lines[flat] = values, line
    return LandmarkTable(list(codes), spread.reshape(len(images), len(codes), -1),
                  lambda image, point: f"{shown} row {lines[image * len(codes) + point]}",
                  np.bincount(at, minlength=len(images)).clip(max=1))


def _check_whole(flat: NDArray[np.int64], line: NDArray[np.int64], points: list[str], images: list[str],
                 shown: str) -> None:
    """Refuse images of which a point is listed twice or is missing."""
    times = np.bincount(flat, minlength=len(images) * len(points)).reshape(len(images), len(points))
    problems = []
    order = np.argsort(flat, kind="stable")
    again = order[1:][np.diff(flat[order]) == 0]  # second and later rows of a point
    for image in np.flatnonzero((times > 1).any(axis=1)):
        second = again[flat[again] // len(points) == image]
        row, twice = int(line[second].min()), int((times[image] > 1).sum())
        faces = twice == len(points)
        problems.append(Problem(
            f"{shown} row {row}", f"image {images[image]!r} has {times[image].max()} faces" if faces else
            f"point {points[int(np.argmax(times[image] > 1))]!r} of image {images[image]!r} is listed twice",
            "one face a photograph" if faces else "each point once", "keep one"))
    some = (times > 0).sum(axis=1)
    for image in np.flatnonzero((some > 0) & (some < len(points))):
        lacking = [name for name, count in zip(points, times[image], strict=True) if not count]
        row = int(line[flat // len(points) == image].min())
        problems.append(Problem(f"{shown} row {row}", f"image {images[image]!r} has {some[image]} of {len(points)} "
                                f"points: no {', '.join(map(repr, lacking[:3]))}" + (", ..." if lacking[3:] else ""),
                                "all points of a face", "add them, or delete the image's rows"))
    if problems:
        raise InputError(problems)


def _blocks(path: Path, shown: str) -> Iterator[tuple[pd.DataFrame, list[Fault]]]:
    """Read a CSV in blocks: image and point as categories, x, y and perhaps z, by line; and the faults of each."""
    with path.open("rb") as stream:
        check_no_archive(stream.read(1 << 12), shown=shown)
        stream.seek(0)
        header, first = stream.readline(), 2
        while header and not header.strip():
            header, first = stream.readline(), first + 1
        if b"\r" in header.rstrip(b"\r\n") or not header:  # lines that end as those of an old Mac; or nothing at all
            yield _checked_block(header, first, shown)
        while lines := stream.readlines(_BLOCK):
            content = header.rstrip(b"\r\n") + b"\n" + b"".join(lines)
            frame = _numbers_of(content, first, len(lines))
            yield (frame, []) if frame is not None else _checked_block(content, first, shown)
            first += len(lines)


def _named(block: pd.DataFrame) -> pd.DataFrame:
    return block.assign(**{
        name: each(block[name].cat.remove_unused_categories(), lambda text: clean_name(unguarded(text)))
        for name in ("image", "point")})


def _numbers_of(content: bytes, first: int, count: int) -> pd.DataFrame | None:
    """Read a block that nothing is wrong with; None where something may be."""
    header = content[:content.index(b"\n")].decode("utf-8-sig", "replace")
    delimiter = max(DELIMITERS, key=header.count)
    names = [name.strip().lower() for name in header.split(delimiter)]
    axes = [axis for axis in AXES if axis in names]
    regular = content.count(delimiter.encode()) == (len(names) - 1) * (count + 1) and b'"' not in content
    if not count or not regular or len(set(names)) < len(names) or not {"image", "point", "x", "y"} <= set(names):
        return None
    with contextlib.suppress(ValueError):  # a cell that is no number, or bytes that are no UTF-8
        frame = pd.read_csv(io.BytesIO(content), sep=delimiter, header=0, names=names, na_filter=False,
                            skip_blank_lines=False, usecols=["image", "point", *axes],
                            dtype={"image": "str", "point": "str"} | dict.fromkeys(axes, np.float64))
        if len(frame) == count and np.isfinite(frame[axes].to_numpy()).all():
            texts = {name: categories(frame[name]) for name in ("image", "point")}
            return _named(frame.assign(**texts).set_axis(range(first, first + count), axis=0))
    return None


def _checked_block(content: bytes, first: int, shown: str) -> tuple[pd.DataFrame, list[Fault]]:
    """Read a block cell by cell, noting what is wrong."""
    cells = cells_of(content, shown=shown, remedy=_REMEDY, first=first - 1)
    need_columns(cells.frame, ("image", "point", "x", "y"), shown=shown)
    rows = Rows(_named(cells.frame[["image", "point"]]), shown, list(cells.faults))
    rows.add_edges(cells, [axis for axis in AXES if axis in cells.frame])
    return rows.table, rows.faults
