"""Files of precomputed maps: where the maps in them are, and their values; what cannot be used is refused by name."""

import contextlib
import importlib.util
import math
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from salcompare.errors import InputError, MissingDependencyError, Problem, ReasonedError
from salcompare.sources.datasets import clean_name, files_under, is_hidden, show
from salcompare.sources.decoding import MAX_PIXELS, strict
from salcompare.texts import visible

ENDINGS = (".png", ".npy", ".npz", ".nc")
MOST_NAMES, MOST_NAMED = 1_000_000, 1 << 27
"""Values and bytes above which a coordinate of a netCDF file is refused unread."""
MOST_CHUNK = 1 << 29
"""Bytes above which a chunk of a netCDF file, which is unpacked as a whole, is refused unread."""
_HDF, _CDF = b"\x89HDF", b"CDF"
Plain = NDArray[np.generic]
Check = Callable[[tuple[int, ...], np.dtype[Any]], None]
"""Told the shape and type that a file's header claims before anything else is read; raises `UnusableMapError`."""


class UnusableMapError(ReasonedError):
    """A map that cannot be used, with a `reason` for machines and a `detail` for people.

    Reasons are unreadable, foreign, shape, colour, too_large, not_finite, negative, constant and size.
    """


@dataclass(frozen=True)
class MapFile:
    """A map in a file: what names its image, how it is shown in errors, and how it is read once checked.

    A table of all workers and images says by NaN throughout that there is no map: then it may be blank.
    """

    key: str
    shown: str
    read: Callable[[Check], Plain]
    may_be_blank: bool = False


def find_maps(path: Path, *, shown: str, remedy: str,
              held: contextlib.ExitStack) -> tuple[list[MapFile], list[tuple[str, str, str]]]:
    """Find the maps in a folder, of one map a file, or in one file that is keyed by image.

    In a folder files' paths without ending name the images; else the names in an .npz file, or the coordinate image of
    an .nc file with dims image, y, x and perhaps worker. `held` keeps a file open for as long as maps are read from it;
    `shown` is what the path is called in errors, and `remedy` what to do about them.

    Gives the maps in natural order, and (where, reason, detail) of files that are none. Raises `InputError` if there is
    nothing, or a file is damaged.
    """
    if path.is_dir():
        return _in_folder(path, shown)
    if not path.is_file():
        raise InputError(Problem(shown, "is no plain file" if path.exists() else "does not exist",
                                 "a folder of maps, or an .npz or .nc file", remedy))
    readers = {".npz": _in_npz, ".nc": _in_netcdf}
    if path.suffix.lower() not in readers:
        raise InputError(Problem(shown, f"one {path.suffix or 'plain'} file", "a folder of maps, or an .npz or .nc "
                                 "file keyed by image", remedy))
    try:
        return readers[path.suffix.lower()](path, shown, held), []
    except UnusableMapError as error:
        raise InputError(Problem(shown, error.detail, "maps keyed by image", remedy)) from error


def _in_folder(folder: Path, shown: str) -> tuple[list[MapFile], list[tuple[str, str, str]]]:
    files, others = [], []
    for path in files_under(folder):
        where = show(path, folder, shown=shown)
        if is_hidden(path, folder):
            others.append((where, "hidden", "hidden or an operating system's own"))
        elif path.suffix.lower() not in ENDINGS:
            others.append((where, "unknown_file", "expected " + ", ".join(ENDINGS)))
        else:
            key = clean_name(path.relative_to(folder).with_suffix("").as_posix())
            files.append(MapFile(key, where, partial(_single, path)))
    return files, others


def _single(path: Path, check: Check) -> Plain:
    """Read a file that holds one map."""
    if not path.is_file():
        raise UnusableMapError("unreadable", "is no plain file")  # a pipe would be waited for forever
    with contextlib.ExitStack() as held:
        if path.suffix.lower() == ".png":
            return _png(path, check)
        if path.suffix.lower() == ".npy":
            with _damage(), path.open("rb") as file:
                return _npy(file, check)
        if path.suffix.lower() == ".npz":
            arrays = _in_npz(path, path.name, held)
            if len(arrays) != 1:
                raise UnusableMapError("shape", f"{len(arrays)} arrays, expected one map a file")
            return arrays[0].read(check)
        variable = _variable(path, held)
        if variable.ndim != 2:
            raise UnusableMapError("shape", f"dims {variable.dims}, expected two")
        with _damage():
            check(variable.shape, variable.dtype)
            return np.asarray(variable.to_numpy())


def _npy(file: IO[bytes], check: Check) -> Plain:
    with _damage():
        version = np.lib.format.read_magic(file)
        read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        if version not in read_header:  # only names of structured types need a later one
            raise UnusableMapError("unreadable", f"is of .npy format {version[0]}.{version[1]}, expected 1.0 or 2.0")
        shape, _, dtype = read_header[version](file)
        check(shape, dtype)
        file.seek(0)
        return np.asarray(np.lib.format.read_array(file, allow_pickle=False))


def _png(path: Path, check: Check) -> Plain:
    """Read grey values as they stand in the file, of 1, 8 or 16 bits; a colour map's colours are no values."""
    from PIL import Image

    with _damage(), strict(), Image.open(path, formats=("PNG",)) as image:
        check((image.height, image.width), np.dtype(np.uint16))
        image.load()
        if image.mode in {"1", "L", "I", "I;16"}:
            return np.asarray(image)
        channels = np.asarray(image.convert("RGBA"))
    if (channels[..., :1] != channels[..., 1:3]).any() or (channels[..., 3] != 255).any():
        raise UnusableMapError("colour", "colours or transparency, expected grey; save the values, not a picture")
    return channels[..., 0]


def _in_npz(path: Path, shown: str, held: contextlib.ExitStack) -> list[MapFile]:
    with _damage():
        file = held.enter_context(path.open("rb"))  # NumPy leaves a file open that is no archive
        archive: Any = held.enter_context(np.load(file, allow_pickle=False))
        return [MapFile(clean_name(name), visible(f"{shown}: {name}"), partial(_entry, archive, name))
                for name in archive.files]


def _entry(archive: Any, name: str, check: Check) -> Plain:  # noqa: ANN401 - NumPy's NpzFile
    with _damage():
        entries = set(archive.zip.namelist())
        with archive.zip.open(name if name in entries else f"{name}.npy") as file:  # unpacked as it is read
            return _npy(file, check)


def _in_netcdf(path: Path, shown: str, held: contextlib.ExitStack) -> list[MapFile]:
    variable = _variable(path, held)
    extra = [dim for dim in variable.dims if dim not in {"worker", "image", "y", "x"}]
    if extra or not {"image", "y", "x"} <= set(variable.dims) or "image" not in variable.coords:
        raise UnusableMapError("shape", f"dims {variable.dims} with coordinates {tuple(variable.coords)}, expected "
                               "dims image, y, x and perhaps worker, with a coordinate image")
    for dim in {"image", "worker"} & set(variable.dims):
        _check_names(dim, variable.sizes[dim], variable.coords[dim].dtype if dim in variable.coords else None)
    files = []
    workers: list[object] = variable["worker"].to_numpy().tolist() if "worker" in variable.dims else [None]
    for i, image in enumerate(variable["image"].to_numpy().tolist()):
        for j, worker in enumerate(workers):
            place = {"image": i} | ({} if worker is None else {"worker": j})
            key = _text(image) if worker is None else f"{_text(worker)}/{_text(image)}"
            files.append(MapFile(clean_name(key), visible(f"{shown}: {key}"), partial(_slice, variable, place), True))
    return files


def _slice(variable: xr.DataArray, place: dict[str, int], check: Check) -> Plain:
    with _damage():
        check((variable.sizes["y"], variable.sizes["x"]), variable.dtype)
        return np.asarray(variable.isel(place).transpose("y", "x").to_numpy())


def _variable(path: Path, held: contextlib.ExitStack) -> xr.DataArray:
    """Open the only variable of numbers in a netCDF file, once nothing in it can fill the memory."""
    with _damage(), path.open("rb") as file:
        start = file.read(4)
    if not start.startswith((_HDF, _CDF)):  # xarray would unpack a whole gzip file
        raise UnusableMapError("unreadable", "is no netCDF file: it begins with neither CDF nor the signature of HDF5")
    with _damage():
        if start.startswith(_HDF):
            _check_hdf(path)
        engine = "h5netcdf" if start.startswith(_HDF) else "scipy"
        dataset = held.enter_context(xr.open_dataset(path, engine=engine))
    names = [str(name) for name, variable in dataset.data_vars.items()
             if variable.dtype.kind in "biuf" and variable.ndim >= 2]
    if len(names) != 1:
        raise UnusableMapError("shape", f"variables {', '.join(names) or 'without numbers'}, expected one of maps")
    return dataset[names[0]]


def _check_hdf(path: Path) -> None:
    """Refuse an HDF5 file that reads from others, or whose names or chunks would fill the memory."""
    if not all(importlib.util.find_spec(reader) for reader in ("h5netcdf", "h5py")):
        raise MissingDependencyError(Problem(path.name, "is netCDF-4, for which no reader is installed", remedy=(
            "run: pip install 'salcompare[import]'; or save it with format='NETCDF3_64BIT'")))
    h5py = importlib.import_module("h5py")
    with h5py.File(path, "r") as file:
        for name in file:
            if not isinstance(file.get(name, getlink=True), h5py.HardLink):
                raise UnusableMapError("foreign", f"{name!r} is a link to elsewhere, expected the values themselves")
            if not isinstance(stored := file[name], h5py.Dataset):
                continue  # groups are not read
            if stored.external or stored.is_virtual:
                raise UnusableMapError("foreign", f"the values of {name!r} stand in another file, expected them in the "
                                       "file itself")
            if len(stored.shape or ()) < 2:
                _check_names(name, stored.size or 0, stored.dtype)
            chunk = math.prod(stored.chunks or ()) * stored.dtype.itemsize
            if stored.chunks and chunk > MOST_CHUNK:
                raise UnusableMapError("too_large", f"a chunk of {name!r} has {chunk:,} bytes, more than "
                                       f"{MOST_CHUNK:,}; save it with one map a chunk")


def _check_names(name: str, n: int, dtype: np.dtype[Any] | None) -> None:
    size = n * (dtype.itemsize if dtype is not None else 1)
    if n > MOST_NAMES or size > MOST_NAMED:
        raise UnusableMapError("too_large", f"{name!r} has {n:,} values of {size:,} bytes, expected at most "
                               f"{MOST_NAMES:,} of {MOST_NAMED:,}")


def _text(name: object) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)


def check_shape(shape: tuple[int, ...]) -> None:
    """Raise `UnusableMapError` for what is no map by its shape, before its values are read."""
    sides = [side for side in shape if side != 1]
    if len(sides) != 2:
        raise UnusableMapError("shape", f"shape {shape}, expected height and width, both above 1")
    if sides[0] * sides[1] > MAX_PIXELS:
        raise UnusableMapError("too_large", f"{sides[0]} x {sides[1]} pixels, more than {MAX_PIXELS:,}")


@contextlib.contextmanager
def _damage() -> Iterator[None]:
    """Turn whatever a reader raises on a damaged file into a refusal of that file."""
    try:
        yield
    except (UnusableMapError, MissingDependencyError, MemoryError):
        raise
    except zipfile.BadZipFile as error:
        raise UnusableMapError("unreadable", "is no whole .npz file") from error
    except Exception as error:  # readers raise all sorts of errors on malformed bytes
        raise UnusableMapError("unreadable", f"cannot be read: {' '.join(str(error).split())[:200]}") from error
