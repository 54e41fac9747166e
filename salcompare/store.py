"""Reading and writing what stages make, so that a kill at any moment leaves the old result whole.

A dataset is written to ``NAME-<fingerprint>.zarr`` beside the current one and made current by replacing the small
manifest ``NAME.json``; a directory cannot be replaced in place. Single files are written beside and renamed.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salcompare.errors import InputError, Problem, StaleError
from salcompare.provenance import canonical_json

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import xarray as xr
    import zarr
    from numpy.typing import NDArray

    from salcompare.schema import Table

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a cell begins with that a spreadsheet takes for a formula."""
IMAGES_PER_CHUNK = 16
_SIZES = {"image": IMAGES_PER_CHUNK, "response": IMAGES_PER_CHUNK}


@contextlib.contextmanager
def replacing(path: Path, *, mode: int = 0o644) -> Iterator[Path]:
    """Give a path to write to that becomes `path` when the block ends well, and vanishes when it does not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    os.close(handle)
    beside = Path(name)
    try:
        yield beside
        beside.chmod(mode)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def free_paths(paths: Iterable[Path], *, overwrite: bool = False) -> None:
    """Make sure that nothing stands where a command is told to write, unless it may be written over.

    Raises
    ------
    InputError
        Naming everything that stands there.
    """
    taken = [] if overwrite else [path for path in paths if path.exists()]
    if taken:
        raise InputError([Problem(str(path), "is there already", "a place where nothing stands yet",
                                  "name another with --out, move it away, or write over it with --overwrite")
                          for path in taken])


def write_text(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Write a UTF-8 text file with Unix line ends, whole or not at all."""
    with replacing(path, mode=mode) as beside:
        beside.write_text(text, encoding="utf-8", newline="\n")


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file of bytes, whole or not at all."""
    with replacing(path) as beside:
        beside.write_bytes(content)


def write_json(path: Path, value: object) -> None:
    """Write JSON with sorted keys, indented, NaN as null."""
    plain = json.loads(canonical_json(value), parse_constant=lambda _: None)
    write_text(path, json.dumps(plain, sort_keys=True, indent=1, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:  # noqa: ANN401 - JSON may hold anything
    """Read a JSON file; an unreadable one is an `InputError` that names it."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(Problem(str(path), f"cannot be read ({error})", "JSON", "delete it and run again")) from error


def write_table(path: Path, frame: pd.DataFrame, *, mode: int = 0o644) -> None:
    """Write a table as CSV: no index, Unix line ends, numbers with the fewest digits that read back the same.

    Texts that a spreadsheet would take for a formula are guarded (`guarded`); `read_csv` takes the guard off.
    """
    write_text(path, _each_text(frame, guarded).to_csv(index=False, lineterminator="\n"), mode=mode)


def read_table(path: Path, table: Table) -> pd.DataFrame:
    """Read a table that a stage wrote; text columns stay text, so that an actor called 007 keeps its zeros."""
    try:
        return read_csv(path, text=table.text_columns)
    except FileNotFoundError as error:
        raise StaleError(Problem(str(path), "does not exist", remedy="run: salcompare run")) from error


def read_csv(path: Path, *, text: Iterable[str] | None = None) -> pd.DataFrame:
    """Read a CSV that `write_table` wrote; only an empty cell is missing, so that labels such as NA or null stay.

    Parameters
    ----------
    path : Path
    text : iterable of str, optional
        The columns that are text, whatever they look like; by default all.

    Raises
    ------
    FileNotFoundError
    """
    import pandas as pd

    kinds = str if text is None else dict.fromkeys(text, "str")
    return _each_text(pd.read_csv(path, dtype=kinds, keep_default_na=False, na_values=[""]), unguarded)


def guarded(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet would take for a formula, or that is guarded already.

    So ``=1+1`` becomes ``'=1+1`` and ``'=1+1`` becomes ``''=1+1``: `unguarded` gives either back.
    """
    return f"'{text}" if _is_formula(text) else text


def unguarded(text: str) -> str:
    """Take off the apostrophe that `guarded` puts before a text."""
    return text[1:] if text.startswith("'") and _is_formula(text) else text


def _is_formula(text: str) -> bool:
    return text.lstrip("'").startswith(FORMULA)


def _each_text(frame: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    """Change the texts of a table, and its columns' names; numbers and missing cells stay as they are."""
    changed = {}
    for name in frame.select_dtypes(exclude=["number", "bool"]).columns:
        column = frame[name]
        known = {text: change(text) for text in column.dropna().unique() if isinstance(text, str)}
        odd = {text: other for text, other in known.items() if other != text}
        if odd:
            changed[name] = column.map(lambda cell, odd=odd: odd.get(cell, cell) if isinstance(cell, str) else cell)
    return frame.assign(**changed).rename(columns=lambda name: change(name) if isinstance(name, str) else name)


def write_dataset(dataset: xr.Dataset, folder: Path, name: str, *, fingerprint: str,
                  provenance: Mapping[str, object] | None = None) -> None:
    """Write a dataset as a Zarr store and make it the current one of its name.

    Parameters
    ----------
    dataset : Dataset
        Chunked along ``image`` and ``response`` on disk where it has these dims. Missing text becomes empty text.
    folder : Path
        Made if it is not there.
    name : str
        The store's name; the manifest is ``NAME.json``.
    fingerprint : str
        Of the inputs and settings, letters and digits; names the new store.
    provenance : mapping, optional
        Kept in the manifest.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = _free_path(folder, name, fingerprint)
    plain = _plain(dataset)
    lazy = [name for name, array in plain.data_vars.items() if array.chunks is not None]
    shutil.rmtree(path, ignore_errors=True)
    _in_store_chunks(plain, lazy).to_zarr(path, mode="w", zarr_format=2, consolidated=True, encoding=_encoding(plain))
    make_current(folder, name, fingerprint=fingerprint, provenance=provenance, store=path.name)


def make_current(folder: Path, name: str, *, fingerprint: str, provenance: Mapping[str, object] | None = None,
                 store: str | None = None) -> None:
    """Point the manifest at a finished store (by default ``NAME-FINGERPRINT.zarr``), then delete the name's others.

    What was opened from an older store and has not been read into memory cannot be read after this.
    """
    store = store or f"{name}-{fingerprint}.zarr"
    write_json(folder / f"{name}.json",
               {"store": store, "fingerprint": fingerprint, "provenance": dict(provenance or {})})
    for other in folder.glob(f"{glob.escape(name)}-*.zarr"):
        if other.name != store and other.name[len(name) + 1:-len(".zarr")].isalnum():
            shutil.rmtree(other, ignore_errors=True)


def open_dataset(folder: Path, name: str, *, chunked: bool = False) -> xr.Dataset:
    """Open the current store of a name.

    Coordinates are in memory; data variables are read when used, or are dask arrays if `chunked`. Only dims have an
    index, so `actor` has none.

    Raises
    ------
    StaleError
        If there is none, or what the manifest points at is gone.
    """
    import xarray as xr

    manifest = folder / f"{name}.json"
    if not manifest.exists():
        raise StaleError(Problem(str(manifest), "does not exist", remedy="run: salcompare run"))
    path = folder / read_json(manifest)["store"]
    if not path.exists():
        raise StaleError(Problem(str(path), "is gone, though the manifest names it", remedy="run: salcompare run"))
    dataset: xr.Dataset = xr.open_zarr(path, consolidated=True, zarr_format=2, chunks={} if chunked else None)
    return dataset.assign_coords({key: coord.load() for key, coord in dataset.coords.items()})


def current_fingerprint(folder: Path, name: str) -> str | None:
    """Fingerprint of the current store of a name, or None where there is none."""
    manifest = folder / f"{name}.json"
    if not manifest.exists():
        return None
    found = read_json(manifest)
    return str(found["fingerprint"]) if (folder / found["store"]).exists() else None


class MapStream:
    """A store of maps that is written batch by batch, and goes on where a killed run stopped.

    Parameters
    ----------
    template : Dataset
        Coordinates and attributes of the whole; every variable of dims (image, ...), its values ignored (a lazy
        array of zeros will do).
    folder, name, fingerprint
        As for `write_dataset`.
    dim, per_chunk : str, int
        The first dim of every variable, and how much of it is written at once.

    Notes
    -----
    A batch counts as done once a file of its first image's number stands in a folder ``done`` inside the store; it
    is made after the batch's chunks, and batches are whole chunks, so no chunk is shared between two. A store that
    is current already, of the same fingerprint and images, has nothing missing.
    """

    def __init__(self, template: xr.Dataset, folder: Path, name: str, *, fingerprint: str, dim: str = "image",
                 per_chunk: int = IMAGES_PER_CHUNK) -> None:
        self.folder, self.name, self.fingerprint = folder, name, fingerprint
        self.length, self.per_chunk = template.sizes[dim], per_chunk
        self._shapes = {str(key): array.shape[1:] for key, array in template.data_vars.items()}
        folder.mkdir(parents=True, exist_ok=True)
        current = _current_path(folder, name, fingerprint)
        if current is not None and _begun(current, template, dim):
            self.path = current
            return
        self.path = _free_path(folder, name, fingerprint)
        if not _begun(self.path, template, dim):
            plain = _plain(template)
            shutil.rmtree(self.path, ignore_errors=True)
            chunks = {dim: per_chunk}
            _in_store_chunks(plain, plain.data_vars, chunks).to_zarr(
                self.path, mode="w", zarr_format=2, consolidated=True, encoding=_encoding(plain, chunks), compute=False)
            self._done.mkdir()

    def missing(self) -> list[slice]:
        """Ranges of images that are still to be written, one chunk each, in order."""
        done = {entry.name for entry in self._done.iterdir()}
        return [images for images in self.ranges() if str(images.start) not in done]

    def ranges(self) -> list[slice]:
        """All ranges of images, one chunk each, in order."""
        starts = range(0, self.length, self.per_chunk)
        return [slice(start, min(start + self.per_chunk, self.length)) for start in starts]

    def write(self, images: slice, **variables: NDArray[np.generic]) -> None:
        """Write one range that `missing` gave: arrays (images, ...) by variable name, all of the template's."""
        shapes = {name: values.shape for name, values in variables.items()}
        if shapes != {name: (images.stop - images.start, *shape) for name, shape in self._shapes.items()}:
            message = f"{self.path}: arrays of shapes {shapes} for {images}"  # Zarr would broadcast them
            raise ValueError(message)
        for name, values in variables.items():
            self._array(name)[images] = values
        (self._done / str(images.start)).touch()

    def read(self, images: slice, name: str) -> NDArray[np.generic]:
        """Read one range of a variable back, (images, ...)."""
        return self._array(name)[images]  # type: ignore[return-value]  # Zarr's own word for an ndarray

    def finish(self, provenance: Mapping[str, object] | None = None, *, attrs: Mapping[str, Any] | None = None) -> None:
        """Make the store current, with attributes added that were not known before; all ranges must be written."""
        import zarr

        if left := len(self.missing()):
            message = f"{self.path}: {left} batches are still to be written"
            raise RuntimeError(message)
        if attrs:
            zarr.open_group(self.path, mode="r+", zarr_format=2, use_consolidated=False).attrs.update(dict(attrs))
            zarr.consolidate_metadata(self.path, zarr_format=2)
        make_current(self.folder, self.name, fingerprint=self.fingerprint, provenance=provenance, store=self.path.name)

    @property
    def _done(self) -> Path:
        return _marks(self.path, self._shapes)

    def _array(self, name: str) -> zarr.Array[Any]:
        import zarr

        return zarr.open_array(self.path / name, mode="r+", zarr_format=2)


def _marks(store: Path, variables: Iterable[Hashable]) -> Path:
    """Where a stream notes what is done: with an array's chunks, as Zarr warns of what it does not know in a group."""
    return store / str(min(map(str, variables))) / "done"


def _begun(path: Path, template: xr.Dataset, dim: str) -> bool:
    """Whether a stream of the template's images was begun here."""
    import xarray as xr

    if not _marks(path, template.data_vars).is_dir():
        return False
    with xr.open_zarr(path, zarr_format=2, chunks=None) as begun:
        return (set(begun.data_vars) == set(template.data_vars) and dict(begun.sizes) == dict(template.sizes)
                and begun.indexes[dim].equals(template.indexes[dim]))


def _current_path(folder: Path, name: str, fingerprint: str) -> Path | None:
    """Where the current store stands, if it is of this fingerprint."""
    same = current_fingerprint(folder, name) == fingerprint
    return folder / str(read_json(folder / f"{name}.json")["store"]) if same else None


def _free_path(folder: Path, name: str, fingerprint: str) -> Path:
    """Where to write a store: never where the current one stands, which must stay whole until it is replaced."""
    path = folder / f"{name}-{fingerprint}.zarr"
    return folder / f"{name}-{fingerprint}again.zarr" if _current_path(folder, name, fingerprint) == path else path


def _in_store_chunks(plain: xr.Dataset, names: Iterable[Hashable], sizes: Mapping[str, int] = _SIZES) -> xr.Dataset:
    """Make variables lazy, in the store's chunks; coordinates stay in memory, as lazy ones may be left unwritten."""
    return plain.assign({name: plain.variables[name].chunk(_chunks(plain.variables[name], sizes)) for name in names})


def _encoding(plain: xr.Dataset, sizes: Mapping[str, int] = _SIZES) -> dict[Hashable, dict[str, object]]:
    return {name: {"chunks": tuple(_chunks(array.variable, sizes).values())} for name, array in plain.data_vars.items()
            if array.ndim and array.size}


def _chunks(variable: xr.Variable, sizes: Mapping[str, int]) -> dict[Hashable, int]:
    return {dim: min(sizes.get(str(dim), size), size) for dim, size in variable.sizes.items()}


def _plain(dataset: xr.Dataset) -> xr.Dataset:
    """Coordinates in memory, text of fixed width, which Zarr format 2 holds without a codec of Python objects."""
    loaded = dataset.assign_coords({name: coord.load() for name, coord in dataset.coords.items()})
    text = {name: _fixed_width(variable) for name, variable in loaded.variables.items()
            if variable.dtype.kind in "OTU" or str(variable.dtype).startswith("str")}
    return loaded.assign({k: v for k, v in text.items() if k in loaded.data_vars}).assign_coords(
        {k: v for k, v in text.items() if k in loaded.coords}).drop_encoding()


def _fixed_width(variable: xr.Variable) -> xr.Variable:
    import numpy as np
    import pandas as pd

    values = np.asarray(variable.to_numpy(), dtype=object)
    return variable.copy(data=np.where(pd.isna(values), "", values).astype("U"))
