"""Running a network over photographs, and features that are computed once and kept in a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from salcompare.classifiers.dataset import Pixels
from salcompare.classifiers.execution import device_of, side_by_side
from salcompare.progress import Progress
from salcompare.provenance import file_holds, seal_file
from salcompare.store import replacing

BATCH = 16
MOST = 8
"""Batches at a time, so that many cores do not need much memory."""
Prepare = Callable[[Pixels], torch.Tensor]
Values = NDArray[np.float32]


def run(model: nn.Module, pixels: Pixels, prepare: Prepare) -> Values:
    """Give the outputs (n, outputs) of a network in evaluation mode for photographs (n, h, w, 3), in their order."""
    return np.concatenate([outputs for _, outputs in _batches(model, pixels, prepare)])


def kept_features(features: nn.Module, pixels: Pixels, prepare: Prepare, *, folder: Path, form: str, digest: str,
                  what: str, progress: Progress) -> Values:
    """Features (n, f) of photographs, from the file that an earlier run left, else computed and kept there.

    They are read from the file ``features-<form>-<digest>.npy`` of the folder when used; those of the same form and
    other digests are deleted. `features` makes them of prepared images, `form` is what was done to the photographs
    (plain or mirrored), `digest` is of all that they depend on, and `what` is what progress calls this.
    """
    path = folder / f"features-{form}-{digest}.npy"
    for other in folder.glob(f"features-{form}-*.npy"):
        if other != path:
            other.unlink()
    if not _readable(path, len(pixels)):
        batches = progress.track(_batches(features, pixels, prepare), total=-(-len(pixels) // BATCH), what=what)
        with replacing(path) as beside:
            _write(beside, batches, len(pixels))
            seal_file(beside)
    values: Values = np.load(path, mmap_mode="r")
    return values


def _batches(model: nn.Module, pixels: Pixels, prepare: Prepare) -> Iterator[tuple[int, Values]]:
    model.eval()
    device = device_of(model)

    def outputs(network: nn.Module, start: int) -> tuple[int, Values]:
        """Run a core's copy of the network over one batch."""
        with torch.no_grad():
            return start, network(prepare(pixels[start:start + BATCH]).to(device)).cpu().numpy()

    yield from side_by_side(outputs, ((model, start) for start in range(0, len(pixels), BATCH)), most=MOST)


def _write(path: Path, batches: Iterator[tuple[int, Values]], n: int) -> None:
    """Write an array batch by batch; through a memory map, a full disk would kill the process."""
    with path.open("wb") as stream:
        for start, values in batches:
            if not start:
                np.lib.format.write_array_header_1_0(stream, {
                    "descr": np.lib.format.dtype_to_descr(np.dtype(np.float32)), "fortran_order": False,
                    "shape": (n, values.shape[1])})
            stream.write(np.ascontiguousarray(values, dtype=np.float32).tobytes())


def _readable(path: Path, n: int) -> bool:
    try:
        return path.exists() and file_holds(path) and len(np.load(path, mmap_mode="r")) == n
    except (ValueError, OSError, EOFError):
        return False
