"""Small studies whose sides are given: gaze for people, ready-made maps for either side; nothing is trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from tests.small_study import FEATURES, WORKERS, make_small_study

N_ACTORS, N_IMAGES, SIZE = 3, 3, 24
HEIGHT, WIDTH = SIZE + SIZE // 4, SIZE  # of the photographs
SETTINGS = f"""\
[study]
name = "given study"
seed = 1
size = [{SIZE}, {SIZE}]

[maps]
sigma = 0.05

[statistics]
n_permutations = 99
n_resamples = 100

"""
GAZE = """\
[responses]
source = "fixations"
path = "data/raw/fixations.csv"

[fixations]
sigma = 1.0
unit = "degrees"
pixels_per_degree = 2.5

"""
PEOPLES_MAPS = """\
[responses]
source = "maps"
path = "data/raw/people.nc"

"""
NETWORKS_MAPS = """\
[[precomputed]]
name = "deepnet"
path = "data/raw/deepnet"
method = "integrated_gradients"
"""


def make_given_study(folder: Path, text: str) -> Path:
    """Write photographs, fixations, maps of people and of a network, and a study.toml that takes what `text` says."""
    make_small_study(folder, n_actors=N_ACTORS, n_images=N_IMAGES, size=SIZE)
    (folder / "study.toml").write_text(SETTINGS + text, encoding="utf-8")
    raw = folder / "data" / "raw"
    (raw / "responses.csv").unlink()
    fixations().to_csv(raw / "fixations.csv", index=False)
    peoples_maps().to_netcdf(raw / "people.nc", engine="scipy")
    rng = np.random.default_rng(3)
    for number, image in enumerate(images()):
        path = raw / "deepnet" / f"{image}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, blob(0.5, 0.45 + 0.1 * (number % 3), 0.15) + rng.uniform(0, 0.2, (HEIGHT, WIDTH)))
    return folder


def images() -> list[str]:
    """Ids of the images."""
    return [f"actor{actor + 1}/{image + 1}" for actor in range(N_ACTORS) for image in range(N_IMAGES)]


def fixations() -> pd.DataFrame:
    """Three fixations of each worker on each image; the longest on the feature that is the actor's own."""
    rng, rows, features = np.random.default_rng(2), [], list(FEATURES)
    for number, image in enumerate(images()):
        for worker in WORKERS:
            for name in (features[number // N_IMAGES], *rng.choice(features, 2)):
                place = np.clip(np.array(FEATURES[name][:2]) + rng.normal(0, 0.03, 2), 0, 0.99)
                rows.append((worker, image, *(place * (WIDTH, HEIGHT)).round(2), round(float(rng.gamma(2, 150)), 1)))
    return pd.DataFrame(rows, columns=["worker", "image", "x", "y", "duration"])


def peoples_maps() -> xr.DataArray:
    """One map an image, of all workers together, at half the photographs' resolution."""
    features, rng = list(FEATURES.values()), np.random.default_rng(4)
    maps = [blob(*(features[number // N_IMAGES][:2] + rng.normal(0, 0.05, 2)), 0.2, scale=2)
            for number in range(len(images()))]
    return xr.DataArray(np.stack(maps), dims=("image", "y", "x"), coords={"image": images()}, name="attention")


def blob(x: float, y: float, width: float, *, scale: int = 1) -> np.ndarray:
    """A Gaussian at a share of the width and height."""
    down, across = np.mgrid[:HEIGHT // scale, :WIDTH // scale]
    return np.exp(-(((across + 0.5) / (WIDTH // scale) - x)**2 + ((down + 0.5) / (HEIGHT // scale) - y)**2)
                  / (2 * width**2))
