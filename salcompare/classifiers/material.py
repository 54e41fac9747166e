"""What a classifier is trained and tested on: photographs, the actor and the split of each, checked."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from salcompare.classifiers.preparation import Pixels
from salcompare.errors import InputError, Problem

CHANNELS = 3


@dataclass(frozen=True)
class Material:
    """Photographs with what is known of them, row by row.

    Attributes
    ----------
    pixels : uint8 array (n, h, w, 3)
    image, actor, split : str array (n,)
    actors : tuple of str
        Sorted; an actor's place is the number of its logit.
    """

    pixels: Pixels
    image: NDArray[np.str_]
    actor: NDArray[np.str_]
    split: NDArray[np.str_]
    actors: tuple[str, ...]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.pixels.shape[1], self.pixels.shape[2]

    @property
    def targets(self) -> NDArray[np.int64]:
        """Number of each image's actor, (n,)."""
        return np.searchsorted(np.array(self.actors), self.actor).astype(np.int64)

    def rows(self, split: str) -> NDArray[np.int64]:
        """Rows of one split."""
        return np.flatnonzero(self.split == split).astype(np.int64)

    def rows_by_actor(self, split: str) -> tuple[NDArray[np.int64], ...]:
        """Rows of one split, for each actor."""
        rows, targets = self.rows(split), self.targets
        return tuple(rows[targets[rows] == actor] for actor in range(len(self.actors)))

    def digest(self) -> str:
        """SHA-256 of pixels, ids, actors and splits."""
        digest = hashlib.sha256(repr(self.pixels.shape).encode())
        for line in zip(self.image, self.actor, self.split, strict=True):
            digest.update("\0".join(map(str, line)).encode() + b"\n")
        digest.update(self.pixels.data)
        return digest.hexdigest()


def gather_material(pixels: xr.DataArray, images: pd.DataFrame, *, keep: str = "best") -> Material:
    """Join photographs with their actors and splits, and check that a classifier can be trained on them.

    Parameters
    ----------
    pixels : uint8 DataArray (image, y, x, channel)
        Eager or dask.
    images : DataFrame
        As `schema.IMAGES`; images without pixels are ignored.
    keep : {"best", "last"}
        Which weights training keeps; the last need no validation image.

    Raises
    ------
    InputError
        If pixels are no colour bytes, an image has no row, there are fewer than two actors, an actor has no training
        image or there is no validation image to choose weights by; all that is wrong is listed.
    """
    problems = _pixel_problems(pixels)
    known = images.set_index("image")
    ids = [str(image) for image in pixels["image"].to_numpy()] if "image" in pixels.coords else []
    problems += [Problem(f"image {image!r}", "has pixels but no row in the table of images")
                 for image in ids if image not in known.index]
    if problems:
        raise InputError(problems)
    chosen = known.loc[ids]
    values = np.ascontiguousarray(pixels.transpose("image", "y", "x", "channel").values)
    material = Material(values, np.array(ids), chosen["actor"].to_numpy(dtype=str),
                        chosen["split"].to_numpy(dtype=str), tuple(sorted({str(a) for a in chosen["actor"]})))
    problems = _split_problems(material, keep)
    if problems:
        raise InputError(problems)
    return material


def _pixel_problems(pixels: xr.DataArray) -> list[Problem]:
    expected = ("image", "y", "x", "channel")
    if set(pixels.dims) != set(expected):
        return [Problem("pixels", f"dims {pixels.dims}", str(expected))]
    problems = []
    if pixels.dtype != np.uint8:
        problems.append(Problem("pixels", f"of type {pixels.dtype}", "uint8, 0 to 255"))
    if pixels.sizes["channel"] != CHANNELS:
        problems.append(Problem("pixels", f"{pixels.sizes['channel']} channels", "red, green and blue"))
    return problems


def _split_problems(material: Material, keep: str) -> list[Problem]:
    remedy = "change split in [images] or add photographs"
    problems = []
    if len(material.actors) < 2:
        problems.append(Problem("images", f"{len(material.actors)} actor", "at least two to tell apart",
                                "add photographs of another actor"))
    problems += [Problem(f"actor {actor!r}", "has no training image", "at least one", remedy)
                 for actor, rows in zip(material.actors, material.rows_by_actor("train"), strict=True) if not len(rows)]
    if keep == "best" and not len(material.rows("validation")):
        problems.append(Problem("images", "no validation image", "at least one, to choose the best weights",
                                f"{remedy}, or set keep = \"last\" of that [[classifier]]"))
    return problems
