"""What landmarks and pixels say of each photograph: how the face is turned, a few lengths, light and sharpness."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from salcompare.faces.procrustes import MOUTH, fit_similarity, mean_shape, turn_of
from salcompare.faces.schemes import EYES, has_places, place_centres
from salcompare.schema import Column, Table


def _measure(name: str, meaning: str, low: float | None = None, high: float | None = None) -> Column:
    return Column(name, "number", meaning, required=False, low=low, high=high)


ATTRIBUTES = Table("attributes", (
    _measure("yaw", "degrees, positive where the nose points to the viewer's right: of the rotation of the study's "
             "mean shape onto the landmarks (x, y, z)"),
    _measure("pitch", "degrees, positive where the nose points up; 0 where eyes and mouth are equally deep"),
    _measure("roll", "degrees, positive where the face is turned clockwise; without z, of the line between the eyes"),
    _measure("iod", "inter-ocular distance, pixels of the photograph: between the means of the points around each eye; "
             "this and the lengths below in space where there is z", 0),
    _measure("mouth_width", "between the corners of the mouth, in inter-ocular distances", 0),
    _measure("mouth_opening", "between the inner edges of the lips, in inter-ocular distances", 0),
    _measure("brow_height", "between the means of the points of a brow and of its eye, the mean of both sides, in "
             "inter-ocular distances", 0),
    _measure("brightness", "mean luma (0.299 R + 0.587 G + 0.114 B) of the photograph on the study's grid", 0, 1),
    _measure("contrast", "standard deviation of the luma", 0, 0.5),
    _measure("sharpness", "standard deviation of the luma's Laplacian on the study's grid: a pixel's four neighbours "
             "less four times itself, edges repeated", 0, 4),
))
"""What is measured; the user's columns come beside it."""
_LENGTHS = {"mouth_width": MOUTH, "mouth_opening": ("upper_lip", "lower_lip"),
            "brow_height": ("left_brow", "right_brow")}
Values = NDArray[np.float64]


def face_attributes(landmarks: xr.DataArray) -> xr.Dataset:
    """Measure faces: yaw, pitch, roll, iod, mouth_width, mouth_opening and brow_height, as `ATTRIBUTES` defines them.

    Parameters
    ----------
    landmarks : DataArray (image, point, axis)

    Returns
    -------
    Dataset (image)
        NaN where undefined: each variable has the attributes n_undefined and reason, a text that is empty where all
        are defined.
    """
    none = "no face, or several"
    columns: dict[str, tuple[Values, str]] = {}
    blank = np.full(landmarks.sizes["image"], np.nan)
    eyes = has_places(landmarks, EYES)
    lacking = "the landmarks have no " + ("eyes" if not eyes else "z")
    solid = landmarks.sizes["axis"] == 3 and has_places(landmarks, (*EYES, *MOUTH))
    turn = turn_of(fit_similarity(mean_shape(landmarks).to_numpy(), landmarks.to_numpy()).rotation) if solid else None
    for at, name in enumerate(("yaw", "pitch", "roll")):
        columns[name] = (blank, lacking) if turn is None else (turn[:, at], none)
    if not eyes:
        return _dataset(columns | dict.fromkeys(("iod", *_LENGTHS), (blank, lacking)), landmarks)
    left, right = np.moveaxis(place_centres(landmarks, EYES).to_numpy(), 1, 0)
    iod = np.linalg.norm(right - left, axis=1)
    if turn is None:
        columns["roll"] = np.degrees(np.arctan2(*(right - left)[:, 1::-1].T)), none
    columns["iod"] = iod, none
    for name, pair in _LENGTHS.items():
        if not has_places(landmarks, pair):
            columns[name] = blank, f"the landmarks have no {pair[0]}"
            continue
        one, other = np.moveaxis(place_centres(landmarks, pair).to_numpy(), 1, 0)
        length = (_between(one, left) + _between(other, right)) / 2 if pair[0] == "left_brow" else _between(one, other)
        with np.errstate(invalid="ignore", divide="ignore"):
            columns[name] = np.where(iod > 0, length / iod, np.nan), f"{none}, or both eyes in one place"
    return _dataset(columns, landmarks)


def _between(one: Values, other: Values) -> Values:
    return np.asarray(np.linalg.norm(one - other, axis=1))


def _dataset(columns: dict[str, tuple[Values, str]], landmarks: xr.DataArray) -> xr.Dataset:
    undefined = {name: int(np.isnan(values).sum()) for name, (values, _) in columns.items()}
    return xr.Dataset({name: ("image", values, {"n_undefined": undefined[name],
                                                "reason": reason if undefined[name] else ""})
                       for name, (values, reason) in columns.items()}, {"image": landmarks.image.to_numpy()})


def picture_attributes(photographs: xr.DataArray) -> xr.Dataset:
    """Measure pictures: brightness, contrast and sharpness, as `ATTRIBUTES` defines them.

    Parameters
    ----------
    photographs : DataArray (image, y, x, channel)
        uint8, RGB, on the study's grid.

    Returns
    -------
    Dataset (image)
        Never NaN.
    """
    measured = [_picture(one) for one in photographs.transpose("image", "y", "x", "channel").to_numpy()]
    columns = zip(*measured, strict=True)
    return xr.Dataset({name: ("image", list(column)) for name, column in zip(
        ATTRIBUTES.names[-3:], columns, strict=True)}, {"image": photographs.image.to_numpy()})


def _picture(pixels: NDArray[np.uint8]) -> tuple[float, float, float]:
    luma = pixels @ np.array([0.299, 0.587, 0.114]) / 255
    wide = np.pad(luma, 1, mode="edge")
    laplacian = wide[:-2, 1:-1] + wide[2:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:] - 4 * luma
    return float(luma.mean()), float(luma.std()), float(laplacian.std())
