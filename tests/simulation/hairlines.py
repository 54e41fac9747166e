"""Where the hair begins in the ORL photographs; `python -m tests.simulation.hairlines` writes it for the package."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

import salcompare.simulation
from salcompare.faces import eye_centres, orl_landmarks
from salcompare.sources.datasets import find_orl
from salcompare.sources.decoding import read_photograph

STORED = Path(salcompare.simulation.__file__).parent / "orl_hairlines.json"
ABOUT = ("How far the hair begins above point 10 of the mesh in photographs 1 to 10 of each ORL actor, mended, in "
         "distances between the eyes: from -0.14 to 0.74, where the mean brightness across half such a distance "
         "changes most over a fifth of one. Written by python -m tests.simulation.hairlines.")
STEP, HALF, BAND = 0.02, 5, 0.25  # distances between the eyes; steps to either side; distances to either side


def hairline(pixels: NDArray[np.uint8], top: NDArray[np.float64], along: NDArray[np.float64]) -> float:
    """Where brightness changes most upwards from a point; `along` is from the left eye to the right one, pixels."""
    up = STEP * np.arange(-7 - HALF, 38 + HALF)
    across = np.linspace(-BAND, BAND, 11)[:, None]
    x = top[0] + across * along[0] + up * along[1]
    y = top[1] + across * along[1] - up * along[0]
    luma = pixels.astype(float) @ [0.299, 0.587, 0.114]
    profile = map_coordinates(luma, [y - 0.5, x - 0.5], order=1, mode="nearest").mean(axis=0)
    change = np.abs(profile[2 * HALF:] - profile[:-2 * HALF])
    return round(float(up[HALF:-HALF][change.argmax()]), 2)


def measured() -> list[float]:
    """The hairlines of all 400 photographs, in the order of their landmarks."""
    landmarks, files = orl_landmarks(), {one.image: one.path for one in find_orl().candidates}
    eyes = eye_centres(landmarks)
    along = (eyes.sel(point="right_eye") - eyes.sel(point="left_eye")).to_numpy()[:, :2]
    tops = landmarks.sel(point="10").to_numpy()[:, :2]
    return [hairline(read_photograph(files[image]), top, way)
            for image, top, way in zip(landmarks.image.to_numpy().tolist(), tops, along, strict=True)]


if __name__ == "__main__":
    values = measured()
    rows = [f'  "s{actor + 1:02}": {json.dumps(values[10 * actor:10 * actor + 10])}' for actor in range(40)]
    STORED.write_text(f'{{\n "about": {json.dumps(ABOUT)},\n "hairlines": {{\n' + ",\n".join(rows) + "\n }\n}\n")
