"""Print the peak memory, MiB, after maps of so many images were streamed to a store, for each number in turn.

Run: python memory_of_maps.py FOLDER N [N ...]
"""

import resource
import sys
from pathlib import Path

import dask
import dask.array as da
import numpy as np
import torch
import xarray as xr
from torch import nn

from salcompare.classifiers.attributions import write_classifier_maps
from salcompare.classifiers.dataset import Preprocessing
from salcompare.classifiers.network import TrainedClassifier
from salcompare.config import Attribution
from salcompare.store import open_dataset, write_dataset

SIDE, ACTORS = 64, ("a", "b")


def small_classifier() -> TrainedClassifier:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 2, 8, stride=8), nn.ReLU(), nn.Flatten(), nn.Linear(2 * 8 * 8, 2))
    prepare = Preprocessing((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    return TrainedClassifier(model.eval().requires_grad_(False), ACTORS, prepare, "0", "small", "frozen",
                             (SIDE, SIDE), 0)


def peak_after(folder: Path, n: int) -> float:
    """Most memory that this process has held so far, MiB, once the maps of n images have been written."""
    pixels = da.random.default_rng(0).integers(0, 256, (n, SIDE, SIDE, 3), dtype=np.uint8, chunks=(16, -1, -1, -1))
    array = xr.DataArray(pixels, dims=("image", "y", "x", "channel"), name="photographs", coords={
        "image": [f"{i}" for i in range(n)], "actor": ("image", np.resize(ACTORS, n)), "y": np.arange(SIDE),
        "x": np.arange(SIDE)})
    write_dataset(array.to_dataset(), folder, f"photographs{n}", fingerprint="1")
    stored = open_dataset(folder, f"photographs{n}")["photographs"]
    chosen = stored.sel(image=stored.actor != "nobody")  # as the pipeline chooses the test images
    write_classifier_maps(small_classifier(), chosen, config=Attribution(), folder=folder, name=f"maps{n}",
                          fingerprint="1")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    dask.config.set(num_workers=2)  # each thread holds memory of its own, and their number is the machine's otherwise
    torch.set_num_threads(1)
    for number in sys.argv[2:]:
        print(peak_after(Path(sys.argv[1]), int(number)), flush=True)
