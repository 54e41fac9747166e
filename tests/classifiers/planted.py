"""A network that by construction sees the left eye only, faces that it can tell apart by it, and people who look there.

The network's gate is 1 on the left eye and 0 elsewhere, so that whatever explains it truly must mark the left eye, and
removing that must take all it knows. The gate is a weight: a copy with random weights sees the whole face.
"""

import numpy as np
import pandas as pd
import torch
import xarray as xr
from torch import nn

from salcompare.classifiers.dataset import Preprocessing
from salcompare.classifiers.network import Network, TrainedClassifier, sha256_of_state

SIZE = (32, 32)
REGIONS = {  # half-open rows and columns; left is the viewer's
    "left eye": (slice(10, 16), slice(6, 14)), "right eye": (slice(10, 16), slice(18, 26)),
    "nose": (slice(15, 21), slice(14, 18)), "lips": (slice(23, 27), slice(10, 22)),
    "hairline": (slice(2, 6), slice(6, 26)),
}
CELL = 2  # pixels of a side of the squares that an eye is made of
PLAIN = Preprocessing(mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))


class Gate(nn.Module):
    """Multiplies each pixel by a weight of its own."""

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(1, 1, height, width))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.uniform_(self.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.weight


def inside(region: str) -> np.ndarray:
    """Boolean map (y, x) of a region."""
    mask = np.zeros(SIZE, dtype=bool)
    mask[REGIONS[region]] = True
    return mask


def actors(n_actors: int = 10) -> tuple[str, ...]:
    return tuple(f"a{actor:02d}" for actor in range(n_actors))


def signs(n_actors: int) -> np.ndarray:
    """Light (1) and dark (-1) squares of each actor's left eye, (actor, y, x) on the photographs' grid; 0 elsewhere."""
    rows, columns = (REGIONS["left eye"][at] for at in (0, 1))
    shape = (rows.stop - rows.start) // CELL, (columns.stop - columns.start) // CELL
    half = shape[0] * shape[1] // 2
    rng = np.random.default_rng(11)
    patterns = np.stack([rng.permutation([1] * half + [-1] * half).reshape(shape) for _ in range(n_actors)])
    whole = np.zeros((n_actors, *SIZE))
    whole[:, rows, columns] = patterns.repeat(CELL, axis=1).repeat(CELL, axis=2)
    return whole


def planted_photographs(n_actors: int = 10, n_images: int = 3) -> tuple[xr.DataArray, pd.DataFrame]:
    """Faces uint8 (image, y, x, channel) with coordinates image, actor, split, y, x; and their table.

    An actor is known by the left eye alone. The right eye is drawn anew for each image, with the same squares and
    contrast, so that edges, and people who look at both eyes, cannot tell the two apart.
    """
    rng = np.random.default_rng(5)
    own = signs(n_actors)
    rows = [(f"{actor}/{i}", actor, number) for number, actor in enumerate(actors(n_actors)) for i in range(n_images)]
    faces = []
    for _, _, number in rows:
        face = np.full(SIZE, 128.0)
        face[REGIONS["hairline"]], face[REGIONS["lips"]], face[REGIONS["nose"]] = 40, 60, 160
        face += 60 * own[number]
        other = own[rng.integers(n_actors)][REGIONS["left eye"]]
        face[REGIONS["right eye"]] += 60 * rng.permuted(other[::CELL, ::CELL]).repeat(CELL, 0).repeat(CELL, 1)
        faces.append(face[..., None] + rng.normal(0, 8, (*SIZE, 3)))
    images = pd.DataFrame({"image": [row[0] for row in rows], "actor": [row[1] for row in rows], "split": "test"})
    pixels = xr.DataArray(
        np.stack(faces).clip(0, 255).round().astype(np.uint8), dims=("image", "y", "x", "channel"),
        coords={"image": images["image"].to_numpy(dtype=str), "actor": ("image", images["actor"].to_numpy(dtype=str)),
                "split": ("image", images["split"].to_numpy(dtype=str)), "y": np.arange(SIZE[0]),
                "x": np.arange(SIZE[1]), "channel": ["red", "green", "blue"]})
    return pixels, images


def planted_model(n_actors: int = 10) -> Network:
    """Gate, convolution and ReLU into light and dark, means of squares, and one hidden unit an actor."""
    height, width = SIZE
    features = nn.Sequential(Gate(height, width), nn.Conv2d(3, 2, 3, padding=1, bias=False), nn.ReLU(),
                             nn.AvgPool2d(CELL), nn.Flatten())
    squares = height * width // CELL**2
    head = nn.Sequential(nn.Linear(2 * squares, n_actors), nn.ReLU(), nn.Dropout(0.5), nn.Linear(n_actors, n_actors))
    templates = torch.from_numpy(signs(n_actors)[:, ::CELL, ::CELL].reshape(n_actors, squares)).float()
    with torch.no_grad():
        features[0].weight.copy_(torch.from_numpy(inside("left eye")).float())
        features[1].weight.zero_()
        features[1].weight[:, :, 1, 1] = torch.tensor([[1 / 3], [-1 / 3]])
        head[0].weight.copy_(torch.cat([templates, -templates], dim=1) / 24)
        head[0].bias.zero_()
        head[3].weight.copy_(10 * torch.eye(n_actors))
        head[3].bias.zero_()
    return Network(features, head, learned_statistics=False)


def planted_classifier(n_actors: int = 10) -> TrainedClassifier:
    """Give the network as a trained one: right about every one of `planted_photographs`."""
    model = planted_model(n_actors).eval().requires_grad_(False)
    return TrainedClassifier(model, actors(n_actors), PLAIN, sha256_of_state(model.state_dict()), "planted",
                             "finetuned", SIZE, 0)


def people_at(region: str, pixels: xr.DataArray, *, n_responses: int = 12) -> xr.DataArray:
    """People's coverage (image, y, x) of boxes drawn about a region, each side off by up to 2 pixels."""
    rng = np.random.default_rng(8)
    rows, columns = REGIONS[region]
    coverage = np.zeros((pixels.sizes["image"], *SIZE), np.float32)
    for image in range(len(coverage)):
        for _ in range(n_responses):
            top, bottom, left, right = np.array([rows.start, rows.stop, columns.start, columns.stop]) + rng.integers(
                -2, 3, 4)
            coverage[image, max(top, 0):bottom, max(left, 0):right] += 1 / n_responses
    return xr.DataArray(coverage, dims=("image", "y", "x"), name="coverage",
                        coords={name: pixels.coords[name] for name in ("image", "actor", "y", "x")})
