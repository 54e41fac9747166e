"""A store of maps that is written batch by batch, so that a run that was killed goes on where it stopped."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salcompare import store
from salcompare.provenance import SEAL, seal_holds, sealed, sum_of

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr
    import zarr
    from numpy.typing import NDArray

    from salcompare.progress import Progress

_LAYOUT = "layout"


class MapStream:
    """A store of maps that is written batch by batch, and goes on where a killed run stopped.

    The template has coordinates and attributes of the whole, and every variable, whose values are ignored (a lazy array
    of zeros will do); `dim` is the first dim of each, and `per_chunk` how much of it is written at once. Folder, name
    and fingerprint are as for `write_dataset`.

    A batch counts as done once a file of its first image's number is in a folder ``done`` inside the store, with the
    checksums of the batch's chunks; batches are whole chunks, so no chunk is shared between two. Batches whose chunks
    are not as they were written are missing again, and a store whose metadata are not is begun anew. A store that is
    current already, of the same fingerprint and images, has nothing else missing.
    """

    def __init__(self, template: xr.Dataset, folder: Path, name: str, *, fingerprint: str, dim: str = "image",
                 per_chunk: int = store.IMAGES_PER_CHUNK) -> None:
        self.folder, self.name, self.fingerprint = folder, name, fingerprint
        self.length, self.per_chunk = template.sizes[dim], per_chunk
        self._shapes = {str(key): array.shape[1:] for key, array in template.data_vars.items()}
        folder.mkdir(parents=True, exist_ok=True)
        current = store.current_path(folder, name, fingerprint)
        self.path = current or store.unused_path(folder, name, fingerprint)
        if current is not None and not self._goes_on(template, dim):
            self.path = store.unused_path(folder, name, fingerprint)
        if self.path != current and not self._goes_on(template, dim):
            self._lay_out(template, dim)
        for images in self.ranges():
            mark = self._done / str(images.start)
            if mark.exists() and _marked(mark) != self._sums(images):
                mark.unlink()

    def missing(self) -> list[slice]:
        """Ranges of images that are still to be written, one chunk each, in order."""
        done = {entry.name for entry in self._done.iterdir()}
        return [images for images in self.ranges() if str(images.start) not in done]

    def tracked(self, progress: Progress, *, what: str) -> Iterator[slice]:
        """Give what is `missing` and show how far the whole is, with what earlier runs have written."""
        missing, total = self.missing(), len(self.ranges())
        yield from progress.track(missing, total=total, what=what, done=total - len(missing))

    def ranges(self) -> list[slice]:
        """All ranges of images, one chunk each, in order."""
        starts = range(0, self.length, self.per_chunk)
        return [slice(start, min(start + self.per_chunk, self.length)) for start in starts]

    def write(self, images: slice, **variables: NDArray[np.generic]) -> None:
        """Write one range that `missing` gave: arrays (images, ...) by variable name, all of the template's."""
        shapes = {name: values.shape for name, values in variables.items()}
        if shapes != {name: (images.stop - images.start, *shape) for name, shape in self._shapes.items()}:
            raise ValueError(f"{self.path}: arrays of shapes {shapes} for {images}")  # Zarr would broadcast them
        with store.writing(self.path):
            for name, values in variables.items():
                self._array(name)[images] = values
            _mark(self._done / str(images.start), self._sums(images))

    def read(self, images: slice, name: str) -> NDArray[np.generic]:
        """Read one range of a variable back, (images, ...)."""
        return self._array(name)[images]  # type: ignore[return-value]  # Zarr's own word for an ndarray

    def finish(self, provenance: Mapping[str, object] | None = None, *, attrs: Mapping[str, Any] | None = None) -> None:
        """Make the store current, with attributes added that were not known before; all ranges must be written."""
        import zarr

        if left := len(self.missing()):
            raise RuntimeError(f"{self.path}: {left} batches are still to be written")
        group = zarr.open_group(self.path, mode="r+", zarr_format=2, use_consolidated=False)
        if any(group.attrs.get(key) != value for key, value in (attrs or {}).items()):
            with store.writing(self.path):
                group.attrs.update(dict(attrs or {}))
                zarr.consolidate_metadata(self.path, zarr_format=2)
                _mark(self._done / _LAYOUT, self._metadata())
        store.make_current(self.folder, self.name, fingerprint=self.fingerprint, provenance=provenance,
                           store=self.path.name)

    @property
    def _done(self) -> Path:
        """Where what is done is noted: with an array's chunks, as Zarr warns of what it does not know in a group."""
        return self.path / min(self._shapes) / "done"

    def _goes_on(self, template: xr.Dataset, dim: str) -> bool:
        """Whether a stream of the template's images was begun here, and its metadata and coordinates are whole."""
        import xarray as xr

        if _marked(self._done / _LAYOUT) != self._metadata():
            return False
        with xr.open_zarr(self.path, zarr_format=2, chunks=None) as begun:
            return (set(begun.data_vars) == set(template.data_vars) and dict(begun.sizes) == dict(template.sizes)
                    and begun.indexes[dim].equals(template.indexes[dim]))

    def _lay_out(self, template: xr.Dataset, dim: str) -> None:
        plain, chunks = store.plain_dataset(template), {dim: self.per_chunk}
        shutil.rmtree(self.path, ignore_errors=True)
        with store.writing(self.path):
            store.in_store_chunks(plain, plain.data_vars, chunks).to_zarr(
                self.path, mode="w", zarr_format=2, consolidated=True, compute=False,
                encoding=store.chunk_encoding(plain, chunks))
            self._done.mkdir()
            _mark(self._done / _LAYOUT, self._metadata())

    def _sums(self, images: slice) -> dict[str, str]:
        """Checksums of a batch's chunks; Zarr writes none that hold zeros only."""
        number = str(images.start // self.per_chunk)
        names = [f"{name}/" + ".".join([number, *"0" * len(shape)]) for name, shape in self._shapes.items()]
        return {name: sum_of(self.path / name) for name in names if (self.path / name).exists()}

    def _metadata(self) -> dict[str, str]:
        """Checksums of all but the chunks of the variables, and the marks."""
        files = [path for path in self.path.rglob("*") if path.is_file() and path.parent != self._done
                 and (path.name.startswith(".z") or path.parent.name not in self._shapes)]
        return {path.relative_to(self.path).as_posix(): sum_of(path) for path in files}

    def _array(self, name: str) -> zarr.Array[Any]:
        import zarr

        return zarr.open_array(self.path / name, mode="r+", zarr_format=2)


def _mark(path: Path, sums: Mapping[str, str]) -> None:
    """Note what is done; a mark that is cut says that nothing is."""
    path.write_text(json.dumps(sealed(sums)), encoding="utf-8")


def _marked(path: Path) -> dict[str, str] | None:
    """Read a mark without its seal; None where there is none, or one that is not as it was written."""
    try:
        mark = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return {key: value for key, value in mark.items() if key != SEAL} if seal_holds(mark) else None
