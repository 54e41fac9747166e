"""Precomputed maps of either side: which image and worker each is of, their checks, and their way to the grid."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from PIL import Image

from salcompare.errors import InputError, Problem
from salcompare.faces import warp_map
from salcompare.schema import MAP_FILES
from salcompare.sources.datasets import hash_file, visible_files
from salcompare.sources.left_out import NOT_ALIGNED, WORDS
from salcompare.sources.precomputed_files import ENDINGS, MapFile, UnusableMapError, check_shape, find_maps
from salcompare.texts import hidden_in

_ASIDE = frozenset({"hidden", "unknown_file", "not_test", "not_aligned", "no_map", "constant"})
"""Reasons for which a map is left out, and said so, without refusing the others."""
_TIMES, _ALWAYS = 64, 1 << 22
"""A map may have so many times the pixels of its photograph or of the grid, and so many in any case."""
_REMEDIES = {
    "too_large": "save the map with as many pixels as the photograph",
    "foreign": "save the values into the file itself: xarray.open_dataset(...).load().to_netcdf(...)",
    "unknown_image": "name the map as the column image of data/processed/images.csv does",
    "size": "give maps of the whole photograph, as it was shown or on the study's grid",
    "negative": "keep the positive part, or take absolute values, and say so",
    "not_finite": "mend the map",
    "repeated_map": "keep one of them",
}
Maps = NDArray[np.float32]


@dataclass(frozen=True)
class PrecomputedMaps:
    """Maps that were read: `values` (map, y, x), float32, on the study's grid, non-negative, none constant.

    `table` is `salcompare.schema.MAP_FILES`, one row a map, in the order of the images, then of workers; `left_out` has
    where, reason and detail of each file, map or image without one that was left out; `notes` say in plain words what
    was done to the maps.
    """

    values: Maps
    table: pd.DataFrame
    left_out: pd.DataFrame
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Taken:
    image: int
    worker: str
    shown: str
    shape: tuple[int, int]
    pixels: Maps


def read_precomputed_maps(path: str, *, root: Path, images: pd.DataFrame, size: tuple[int, int],
                          of: Literal["human", "classifier"], tested_only: bool = False, drop_invalid: bool = False,
                          transforms: xr.DataArray | None = None) -> PrecomputedMaps:
    """Read precomputed maps from a folder or a file.

    Parameters
    ----------
    path : str
        Relative to the study; as `salcompare.sources.precomputed_files.find_maps` takes it. What names a map is its
        image's id; on the human side a worker's name and a stroke may stand before it.
    root, images, size
        The study's directory, its catalogue (image, actor, split, height, width), and height and width of its grid.
    of : {"human", "classifier"}
        People's maps, or a classifier's, which are of the test images only.
    tested_only : bool
        Leave people's maps of images that are not kept for testing out too, counted.
    drop_invalid : bool
        Leave maps out that cannot be used instead of refusing all.
    transforms : DataArray (image, to, of), optional
        What aligned the photographs, which maps of these are aligned by, too (`salcompare.faces.warp_density`).

    Raises
    ------
    InputError
        If there is nothing, no map can be used, some maps name workers and others do not, or naming every map that
        cannot be used: unreadable, no image of numbers, of another shape than the photograph's or the grid's, with NaN
        or infinite or negative values, of an unknown image, or a second one of an image.

    Notes
    -----
    A map is of the whole photograph: its height over its width must be that of the photograph, or of the grid unless
    photographs are aligned, within a pixel. Maps of another size than the grid's are resampled with a triangle
    (bilinear) filter, widened where the map shrinks so that no pixel is skipped; pixels' centres are at halves and the
    filter is cut at the edges.
    """
    section = "[responses]" if of == "human" else "[[precomputed]]"
    remedy = f"set path in {section} of study.toml"
    tested_only = tested_only or of == "classifier"
    with contextlib.ExitStack() as held:
        files, refused = find_maps(root / path, shown=path, remedy=remedy, held=held)
        taken = _read(files, images, size, of, refused, transforms, tested_only=tested_only)
    faults = [fault for fault in refused if fault[1] not in _ASIDE]
    if faults and not drop_invalid:
        raise InputError([Problem(where, detail, "", _REMEDIES.get(reason, "")) for where, reason, detail in faults])
    named, unnamed = ([one.shown for one in taken if bool(one.worker) is naming] for naming in (True, False))
    if named and unnamed:  # the second may be of the first
        raise InputError(Problem(path, f"{named[0]} names a worker and {unnamed[0]} does not",
                                 "maps of single workers, or of all of them together", "keep one kind of maps"))
    mapped = {one.image for one in taken}
    refused += [(path, "no_map", f"no map of image {name!r}")
                for at, (name, split) in enumerate(zip(images["image"], images["split"], strict=True))
                if at not in mapped and (split == "test" or not tested_only)]
    left_out = pd.DataFrame(refused, columns=["where", "reason", "detail"], dtype="str")
    if not taken:
        said = "; ".join(f"{count} {WORDS[str(reason)]}" for reason, count in left_out["reason"].value_counts().items())
        raise InputError(Problem(path, f"no map can be used ({said})", "maps of the study's images, in files of "
                                 + ", ".join(ENDINGS), remedy))
    taken = sorted(taken, key=lambda one: (one.image, one.worker))
    resampled = sum(one.shape != tuple(size) for one in taken)
    notes = (f"Ready-made maps brought to the grid of {size[0]} x {size[1]} pixels by a triangle filter: {resampled:,} "
             f"of {len(taken):,}.",) if resampled and transforms is None else ()
    if transforms is not None:
        notes = (f"Ready-made maps aligned as their photographs are: {len(taken):,}.",)
    table = pd.DataFrame({
        "response": [f"m{at + 1:06}" for at in range(len(taken))], "worker": [one.worker for one in taken],
        "image": images["image"].iloc[[one.image for one in taken]].tolist(), "file": [one.shown for one in taken],
        "height": [one.shape[0] for one in taken], "width": [one.shape[1] for one in taken]})
    return PrecomputedMaps(np.stack([one.pixels for one in taken]),
                           table.astype(dict.fromkeys(MAP_FILES.text_columns, "str")), left_out, notes)


def map_inputs(path: str, *, root: Path) -> dict[str, str]:
    """Hash a file of maps, or every file in a folder that is not hidden: its name in the study -> SHA-256.

    Nothing where there is nothing at that path.
    """
    whole = root / path
    if whole.is_dir():
        return {file.shown: file.sha256 for file in visible_files(whole, shown=path)}
    return {path: hash_file(whole, shown=path).sha256} if whole.exists() else {}


def _read(files: Sequence[MapFile], images: pd.DataFrame, size: tuple[int, int], of: str,
          refused: list[tuple[str, str, str]], transforms: xr.DataArray | None, *, tested_only: bool) -> list[_Taken]:
    """Read maps; those that cannot be taken are added to `refused`."""
    place = {name: at for at, name in enumerate(images["image"].tolist())}
    splits = images["split"].tolist()
    sizes = list(zip(images["height"].tolist(), images["width"].tolist(), strict=True))
    taken: dict[tuple[int, str], _Taken] = {}
    for one in files:
        try:
            at, worker = _named(one.key, place, of)
            if tested_only and splits[at] != "test":
                why = ("not_aligned", "could not be aligned") if splits[at] == NOT_ALIGNED else (
                    "not_test", "is not kept for testing")
                raise UnusableMapError(why[0], f"image {one.key!r} {why[1]}")
            frames = {"photograph": sizes[at]} | ({"grid": size} if transforms is None else {})
            values = one.read(partial(_check_header, frames=frames, whole=not one.may_be_blank))
            if one.may_be_blank and values.dtype.kind == "f" and np.isnan(values).all():
                continue
            checked = _checked(values)
            _check_size(checked.shape, frames)
            if (at, worker) in taken:
                raise UnusableMapError("repeated_map", f"image {one.key!r} has a map: {taken[at, worker].shown}")
            shape = (int(checked.shape[0]), int(checked.shape[1]))
            on_grid = _to_grid(checked, size) if transforms is None else _aligned(
                checked, size, sizes[at], transforms.sel(image=images["image"].iloc[at]).to_numpy())
            taken[at, worker] = _Taken(at, worker, one.shown, shape, on_grid)
        except UnusableMapError as error:
            refused.append((one.shown, error.reason, error.detail))
    return list(taken.values())


def _named(key: str, place: dict[str, int], of: str) -> tuple[int, str]:
    """Give the row of the image that a name means, and the worker's name."""
    if hidden_in(key):
        raise UnusableMapError("invisible", f"its name {key!r} holds {hidden_in(key)}, which nobody sees")
    if key in place:
        return place[key], ""
    worker, _, image = key.partition("/")
    if of == "human" and image in place:
        return place[image], worker.strip()
    raise UnusableMapError("unknown_image", f"no image {key!r} in the study, whose first is {next(iter(place))!r}")


def _check_header(shape: tuple[int, ...], dtype: np.dtype[Any], *, frames: Mapping[str, tuple[int, int]],
                  whole: bool) -> None:
    """Hold what a file claims to be to a map of a `whole` frame, before its values are read."""
    if dtype.kind not in "biuf" or dtype.itemsize > 16:
        raise UnusableMapError("shape", f"values of kind {dtype}, expected numbers")
    check_shape(shape)
    sides = tuple(side for side in shape if side != 1)
    most = max(_ALWAYS, *(_TIMES * height * width for height, width in frames.values()))
    if sides[0] * sides[1] > most:
        height, width = frames["photograph"]
        raise UnusableMapError("too_large", f"{sides[0]} x {sides[1]} pixels, expected at most {most:,} for a "
                               f"photograph of {height} x {width}")
    if whole:
        _check_size(sides, frames)


def _checked(values: NDArray[np.generic]) -> NDArray[np.float64]:
    """Hold a map to being (y, x) of finite numbers that are not negative and not all the same."""
    if values.dtype.kind not in "biuf":
        raise UnusableMapError("shape", f"values of kind {values.dtype}, expected numbers")
    check_shape(values.shape)
    plain = values.squeeze().astype(np.float64)
    bad = int((~np.isfinite(plain)).sum())
    if bad or plain.max() > np.finfo(np.float32).max:
        raise UnusableMapError("not_finite", f"{bad} of {plain.size} values are NaN or infinite" if bad else
                               f"{plain.max():g} does not fit into 32 bits")
    if plain.min() < 0:
        raise UnusableMapError("negative", f"{int((plain < 0).sum())} of {plain.size} values are negative, down to "
                               f"{plain.min():g}")
    _check_varied(plain)
    return plain


def _check_varied(values: NDArray[np.float64]) -> None:
    highest = float(values.max())
    if highest - float(values.min()) <= 1e-6 * highest or highest < np.finfo(np.float32).tiny:
        raise UnusableMapError("constant", f"every value is {highest:g} but for the rounding of 32 bits")


def _check_size(shape: tuple[int, ...], frames: Mapping[str, tuple[int, int]]) -> None:
    """Hold a map's shape to that of its photograph, or of another frame, at any resolution, within a pixel."""
    height, width = shape
    if not any(abs(height - width * h / w) < 1 or abs(width - height * w / h) < 1 for h, w in frames.values()):
        shapes = ", nor of ".join(f"the {name}, {h} x {w}" for name, (h, w) in frames.items())
        neither = "neither" if len(frames) > 1 else "not"
        raise UnusableMapError("size", f"{height} x {width} pixels are {neither} of the shape of {shapes}")


def _aligned(values: NDArray[np.float64], size: tuple[int, int], photograph: tuple[int, int],
             matrix: NDArray[np.float64]) -> Maps:
    """Bring a map of a photograph, at any resolution, to the aligned grid."""
    pixels = np.diag([photograph[1] / values.shape[1], photograph[0] / values.shape[0], 1.0])
    most = values.max()
    warped = warp_map(values / most, matrix @ pixels, size=size) * most
    _check_varied(warped)
    return np.asarray(warped, np.float32)


def _to_grid(values: NDArray[np.float64], size: tuple[int, int]) -> Maps:
    """Resample a map (y, x) to the grid's size with a triangle filter; one of that size is kept as it is."""
    if values.shape == size:
        return values.astype(np.float32)
    most = values.max()  # so that the smallest numbers of 32 bits do not round
    resized = Image.fromarray((values / most).astype(np.float32)).resize(size[::-1], Image.Resampling.BILINEAR)
    plain = np.maximum(np.asarray(resized, dtype=np.float64) * most, 0)
    _check_varied(plain)
    return np.asarray(plain, np.float32)
