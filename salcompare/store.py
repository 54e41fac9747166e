"""Reading and writing what stages make, so that a kill at any moment leaves the old result whole.

A dataset is written to ``NAME-<fingerprint>.zarr`` beside the current one and made current by replacing the small
manifest ``NAME.json``; a directory cannot be replaced in place. Single files are written beside and renamed.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salcompare.errors import InputError, Problem, StaleError
from salcompare.provenance import canonical_json

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import xarray as xr
    from numpy.typing import NDArray

    from salcompare.schema import Table

IMAGES_PER_CHUNK = 16


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a path to write to that becomes `path` when the block ends well, and vanishes when it does not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    os.close(handle)
    beside = Path(name)
    try:
        yield beside
        beside.chmod(0o644)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file with Unix line ends, whole or not at all."""
    with replacing(path) as beside:
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


def write_table(path: Path, frame: pd.DataFrame) -> None:
    """Write a table as CSV: no index, Unix line ends, numbers with the fewest digits that read back the same."""
    write_text(path, frame.to_csv(index=False, lineterminator="\n"))


def read_table(path: Path, table: Table) -> pd.DataFrame:
    """Read a table that a stage wrote; text columns stay text, so that an actor called 007 keeps its zeros."""
    import pandas as pd

    text = dict.fromkeys(table.text_columns, "str")
    try:
        return pd.read_csv(path, dtype=text, keep_default_na=False, na_values=[""])
    except FileNotFoundError as error:
        raise StaleError(Problem(str(path), "does not exist", remedy="run: salcompare run")) from error


def write_dataset(dataset: xr.Dataset, folder: Path, name: str, *, fingerprint: str,
                  provenance: Mapping[str, object] | None = None) -> None:
    """Write a dataset as a Zarr store and make it the current one of its name.

    Parameters
    ----------
    dataset : Dataset
        Chunked along ``image`` on disk where it has that dim.
    folder : Path
        Made if it is not there.
    name : str
        The store's name; the manifest is ``NAME.json``.
    fingerprint : str
        Of the inputs and settings; names the new store.
    provenance : mapping, optional
        Kept in the manifest.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = _store_path(folder, name, fingerprint)
    shutil.rmtree(target, ignore_errors=True)
    _plain(dataset).to_zarr(target, mode="w", zarr_format=2, consolidated=True, encoding=_encoding(dataset))
    make_current(folder, name, fingerprint=fingerprint, provenance=provenance)


def make_current(folder: Path, name: str, *, fingerprint: str, provenance: Mapping[str, object] | None = None) -> None:
    """Point the manifest at a finished store, then delete the ones it pointed at before."""
    target = _store_path(folder, name, fingerprint)
    write_json(folder / f"{name}.json",
               {"store": target.name, "fingerprint": fingerprint, "provenance": dict(provenance or {})})
    for other in folder.glob(f"{name}-*.zarr"):
        if other != target and other.name[len(name) + 1:-len(".zarr")].isalnum():
            shutil.rmtree(other, ignore_errors=True)


def open_dataset(folder: Path, name: str, *, chunked: bool = False) -> xr.Dataset:
    """Open the current store of a name.

    Coordinates are in memory; data variables are read when used, or are dask arrays if `chunked`.

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
        Coordinates and attributes of the whole; every variable of dims (image, y, x), its values ignored (a lazy
        array of zeros will do).
    folder, name, fingerprint
        As for `write_dataset`.

    Notes
    -----
    A batch counts as done once its number stands in the file ``done`` inside the store, which is written after the
    batch's chunks; batches are whole chunks, so no chunk is shared between two.
    """

    def __init__(self, template: xr.Dataset, folder: Path, name: str, *, fingerprint: str) -> None:
        self.folder, self.name, self.fingerprint = folder, name, fingerprint
        self.path = _store_path(folder, name, fingerprint)
        self.n_images = template.sizes["image"]
        self._done = self.path / "done"
        if not self._done.exists():
            shutil.rmtree(self.path, ignore_errors=True)
            folder.mkdir(parents=True, exist_ok=True)
            _plain(template).chunk({"image": IMAGES_PER_CHUNK}).to_zarr(
                self.path, mode="w", zarr_format=2, consolidated=True, compute=False, encoding=_encoding(template))
            self._done.touch()

    def missing(self) -> list[slice]:
        """Ranges of images that are still to be written, one chunk each, in order."""
        done = {int(line) for line in self._done.read_text().split()}
        starts = range(0, self.n_images, IMAGES_PER_CHUNK)
        return [slice(s, min(s + IMAGES_PER_CHUNK, self.n_images)) for s in starts if s not in done]

    def write(self, images: slice, **variables: NDArray[np.generic]) -> None:
        """Write one range that `missing` gave: arrays (images, y, x) by variable name."""
        import zarr

        group = zarr.open_group(self.path, mode="r+", zarr_format=2, use_consolidated=False)
        for name, values in variables.items():
            array = group[name]
            assert isinstance(array, zarr.Array)  # noqa: S101 - for the type checker
            array[images] = values
        with self._done.open("a") as stream:
            stream.write(f"{images.start}\n")

    def finish(self, provenance: Mapping[str, object] | None = None) -> None:
        """Make the store current; every range must have been written."""
        left = self.missing()
        if left:
            message = f"{self.path}: {len(left)} batches are still to be written"
            raise RuntimeError(message)
        make_current(self.folder, self.name, fingerprint=self.fingerprint, provenance=provenance)


def _store_path(folder: Path, name: str, fingerprint: str) -> Path:
    return folder / f"{name}-{fingerprint}.zarr"


def _plain(dataset: xr.Dataset) -> xr.Dataset:
    """Text coordinates as fixed-width text, which Zarr format 2 holds without a codec of Python objects."""
    text = {name: variable.astype(str).astype("U") for name, variable in dataset.variables.items()
            if variable.dtype.kind in "OTU" or str(variable.dtype).startswith("str")}
    plain = dataset.assign({k: v for k, v in text.items() if k in dataset.data_vars}).assign_coords(
        {k: v for k, v in text.items() if k in dataset.coords})
    for variable in plain.variables.values():
        variable.encoding = {}
    return plain


def _encoding(dataset: xr.Dataset) -> dict[str, dict[str, object]]:
    return {str(name): {"chunks": tuple(min(IMAGES_PER_CHUNK, size) if dim == "image" else size
                                        for dim, size in array.sizes.items())}
            for name, array in dataset.data_vars.items() if array.ndim and array.size}
