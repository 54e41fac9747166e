"""Reading and writing what stages make, so that a kill at any moment leaves the old result whole.

A dataset is written to ``NAME-<fingerprint>.zarr`` beside the current one and made current by replacing the small
manifest ``NAME.json``; a directory cannot be replaced in place. Single files are written beside and renamed. All is on
the disk before a name points at it. A manifest lists the checksum of every file of its store, and no byte of a store
is given out that differs from it.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salcompare.errors import DamagedError, InputError, Problem, StaleError
from salcompare.provenance import canonical_json, fault_of, seal_holds, sealed, sums_of_folder

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from salcompare.schema import Table

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a cell begins with that a spreadsheet takes for a formula."""
IMAGES_PER_CHUNK = 16
_PART = ".part"
_AT_ONCE = 16  # files put onto the disk side by side
_SIZES = {"image": IMAGES_PER_CHUNK, "response": IMAGES_PER_CHUNK}


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Have an error of the system inside the block, such as a full disk, name what was being written."""
    try:
        yield
    except OSError as error:
        if error.filename is None or str(error.filename).endswith(_PART):
            error.filename = str(path)
        raise


@contextlib.contextmanager
def replacing(path: Path, *, mode: int = 0o644) -> Iterator[Path]:
    """Give a path to write to that becomes `path` when the block ends well, and vanishes when it does not.

    What killed processes left half written of the same file is deleted.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        delete_leftovers(path.parent, path.name)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=_PART, dir=path.parent)
        beside = Path(name)
        try:
            with held(handle):
                yield beside
                beside.chmod(mode)
                flush(beside)
                beside.replace(path)
            flush(path.parent)
        finally:
            beside.unlink(missing_ok=True)


def delete_leftovers(folder: Path, name: str | None = None) -> None:
    """Delete what killed processes left half written in a folder, of one file or of all; nothing that is being written.

    Where the system cannot say what is being written, nothing is deleted.
    """
    for left in folder.glob(f".{glob.escape(name) if name else '*'}.*{_PART}"):
        with contextlib.suppress(OSError):
            handle = os.open(left, os.O_RDWR)
            with held(handle) as free:
                if free:
                    left.unlink()


@contextlib.contextmanager
def held(handle: int) -> Iterator[bool | None]:
    """Hold the lock of an open file, which a process loses with its life only, then close it.

    Says if it was free; None where the system cannot say, and the file is closed already.
    """
    if fcntl is None:
        os.close(handle)  # Windows renames no open file
        yield None
        return
    with os.fdopen(handle):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            free = True
        except OSError:
            free = False
        yield free


def flush(path: Path) -> None:
    """Have the system put a file, or a folder's list of names, onto the disk; where it cannot, it is left to it."""
    with contextlib.suppress(PermissionError):  # Windows opens no folders
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def free_paths(paths: Iterable[Path], *, overwrite: bool = False) -> None:
    """Refuse to write where something stands already, naming all of it, unless it may be written over."""
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


def write_sealed(path: Path, value: Mapping[str, object]) -> None:
    """Write JSON as `write_json` does, with a checksum of its own in it."""
    write_json(path, sealed(value))


def read_sealed(path: Path) -> dict[str, Any]:
    """Read what `write_sealed` wrote, checksum and all; what is not as it was written is a `DamagedError`."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DamagedError(Problem(str(path), f"cannot be read ({error})", remedy=_remedy(path))) from error
    if not isinstance(content, dict) or not seal_holds(content):
        raise DamagedError(Problem(str(path), "is damaged or was changed by hand: its checksum is not that of its "
                                   "content", remedy=_remedy(path)))
    return content


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
        raise StaleError(Problem(str(path), "does not exist", remedy=_remedy(path))) from error
    except (ValueError, OSError) as error:
        raise DamagedError(Problem(str(path), f"cannot be read ({error})", remedy=_remedy(path))) from error


def read_csv(path: Path, *, text: Iterable[str] | None = None) -> pd.DataFrame:
    """Read a CSV that `write_table` wrote; only an empty cell is missing, so that labels such as NA or null stay.

    Columns of `text`, by default all, are read as text, whatever they look like.
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
    """Write a dataset as a Zarr store and make it the current one of its name, whose manifest is ``NAME.json``.

    On disk it is chunked along ``image`` and ``response`` where it has these dims, and missing text becomes empty text.
    The fingerprint of inputs and settings, letters and digits, names the new store; the provenance is kept in the
    manifest. A folder that is not there is made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = unused_path(folder, name, fingerprint)
    plain = plain_dataset(dataset)
    lazy = [name for name, array in plain.data_vars.items() if array.chunks is not None]
    shutil.rmtree(path, ignore_errors=True)
    with writing(path):
        in_store_chunks(plain, lazy).to_zarr(path, mode="w", zarr_format=2, consolidated=True,
                                              encoding=chunk_encoding(plain))
    make_current(folder, name, fingerprint=fingerprint, provenance=provenance, store=path.name)


@dataclass(frozen=True)
class Manifest:
    """What ``NAME.json`` says of the current store of a name."""

    store: str  # its folder
    fingerprint: str
    provenance: Mapping[str, object]  # what else its maker noted
    files: Mapping[str, str]  # checksums of all its files (see `provenance.sums_of_folder`)


def make_current(folder: Path, name: str, *, fingerprint: str, provenance: Mapping[str, object] | None = None,
                 store: str | None = None) -> None:
    """Point the manifest at a finished store (by default ``NAME-FINGERPRINT.zarr``), then delete the name's others.

    What was opened from an older store and has not been read into memory cannot be read after this.
    """
    store = store or f"{name}-{fingerprint}.zarr"
    with writing(folder / store), ThreadPoolExecutor(_AT_ONCE) as pool:  # a journal writes many files together
        list(pool.map(flush, [*(folder / store).rglob("*"), folder / store]))
    files = sums_of_folder(folder / store)
    write_sealed(folder / f"{name}.json", asdict(Manifest(store, fingerprint, dict(provenance or {}), files)))
    delete_others(folder, name, store)


def delete_others(folder: Path, name: str, store: str) -> None:
    """Delete all stores of a name but one."""
    for other in folder.glob(f"{glob.escape(name)}-*.zarr"):
        if other.name != store and other.name[len(name) + 1:-len(".zarr")].isalnum():
            shutil.rmtree(other, ignore_errors=True)


def read_manifest(folder: Path, name: str) -> Manifest:
    """Read the manifest of a name.

    It is a `StaleError` that there is none, or that it was made before stores had checksums, and a `DamagedError` that
    it is not what was written.
    """
    path = folder / f"{name}.json"
    if not path.exists():
        raise StaleError(Problem(str(path), "does not exist", remedy=_remedy(path)))
    try:
        first_version = set(read_json(path)) == {"store", "fingerprint", "provenance"}
    except (InputError, TypeError):
        first_version = False
    if first_version:
        raise StaleError(Problem(str(path), "was made by salcompare 0.1.0, whose stores have no checksums",
                                 remedy=_remedy(path)))
    content = read_sealed(path)
    try:
        return Manifest(*(content[key] for key in Manifest.__dataclass_fields__))
    except KeyError as error:
        raise DamagedError(Problem(str(path), f"says nothing of {error}", "a store's manifest",
                                   _remedy(path))) from error


def open_dataset(folder: Path, name: str, *, chunked: bool = False) -> xr.Dataset:
    """Open the current store of a name.

    Coordinates are in memory; data variables are read when used, or are dask arrays if `chunked`. Only dims have an
    index, so `actor` has none. It is a `StaleError` that there is none, or that what the manifest points at is gone;
    each file is held against its checksum as it is read, where one that is not what was written is a `DamagedError`.
    """
    import xarray as xr
    from zarr.storage import LocalStore

    from salcompare.verified import Verified

    manifest = read_manifest(folder, name)
    path = folder / manifest.store
    if not path.exists():
        raise StaleError(Problem(str(path), "is gone, though the manifest names it", remedy=_remedy(path)))
    verified = Verified(LocalStore(path, read_only=True), manifest.files, _remedy(path))
    dataset: xr.Dataset = xr.open_zarr(verified, consolidated=True, zarr_format=2, chunks={} if chunked else None)
    return dataset.assign_coords({key: coord.load() for key, coord in dataset.coords.items()})


def store_faults(manifest_path: Path, *, since: int, whole: bool) -> list[tuple[Path, str]]:
    """List each file of the store of a manifest that is not as it was written, and what is wrong (`fault_of`).

    Where the manifest itself is wrong, it alone.
    """
    try:
        manifest = read_manifest(manifest_path.parent, manifest_path.stem)
    except InputError as error:
        return [(manifest_path, "; ".join(problem.found for problem in error.problems))]
    path = manifest_path.parent / manifest.store
    if not path.is_dir():
        return [(path, "is gone")]
    faults = [(path / file, fault_of(path / file, expected, since=since, whole=whole))
              for file, expected in manifest.files.items()]
    return [(file, fault) for file, fault in faults if fault]


def current_fingerprint(folder: Path, name: str) -> str | None:
    """Fingerprint of the current store of a name, or None where there is none that can be used."""
    try:
        manifest = read_manifest(folder, name)
    except InputError:
        return None
    return manifest.fingerprint if (folder / manifest.store).exists() else None


def _remedy(path: Path) -> str:
    """Name the command that makes what a study's stages have stored again."""
    root = next((above for above in path.parents if (above / "study.toml").is_file()), None)
    return f"run: salcompare run --study {root}" if root else "run: salcompare run"


def current_path(folder: Path, name: str, fingerprint: str) -> Path | None:
    """Where the current store stands, if it is of this fingerprint."""
    return folder / read_manifest(folder, name).store if current_fingerprint(folder, name) == fingerprint else None


def unused_path(folder: Path, name: str, fingerprint: str) -> Path:
    """Where to write a store: never where the current one stands, which must stay whole until it is replaced."""
    path = folder / f"{name}-{fingerprint}.zarr"
    return folder / f"{name}-{fingerprint}again.zarr" if current_path(folder, name, fingerprint) == path else path


def in_store_chunks(plain: xr.Dataset, names: Iterable[Hashable], sizes: Mapping[str, int] = _SIZES) -> xr.Dataset:
    """Make variables lazy, in the store's chunks; coordinates stay in memory, as lazy ones may be left unwritten."""
    return plain.assign({name: plain.variables[name].chunk(_chunks(plain.variables[name], sizes)) for name in names})


def chunk_encoding(plain: xr.Dataset, sizes: Mapping[str, int] = _SIZES) -> dict[Hashable, dict[str, object]]:
    """Name the chunks of each variable on disk."""
    return {name: {"chunks": tuple(_chunks(array.variable, sizes).values())} for name, array in plain.data_vars.items()
            if array.ndim and array.size}


def _chunks(variable: xr.Variable, sizes: Mapping[str, int]) -> dict[Hashable, int]:
    return {dim: min(sizes.get(str(dim), size), size) for dim, size in variable.sizes.items()}


def plain_dataset(dataset: xr.Dataset) -> xr.Dataset:
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
