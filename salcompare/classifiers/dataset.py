"""What a network is given: photographs with their actors and splits, prepared, moved about, in balanced batches."""

import functools
import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
import xarray as xr
from numpy.typing import NDArray

from salcompare.classifiers.execution import generator
from salcompare.errors import InputError, Problem

Pixels = NDArray[np.uint8]  # (image, y, x, channel), channels red, green, blue
Rows = NDArray[np.int64]
WHITE = 255.0
_CHANNELS = 3


@dataclass(frozen=True)
class Preprocessing:
    """How a network's input is made from a photograph; called with photographs, it makes it.

    Attributes
    ----------
    mean, std : tuple of three float
        A channel's value v in [0, 1] becomes (v - mean) / std.
    centre : bool
        Subtract each image's own mean, over its pixels and channels, in place of `mean`.
    """

    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    centre: bool = False

    def __call__(self, pixels: Pixels) -> torch.Tensor:
        """Prepare photographs uint8 (n, h, w, 3), red, green and blue: float32 Tensor (n, 3, h, w) on the CPU.

        It is laid out channels last, which convolutions on a CPU are fastest with.
        """
        values = torch.from_numpy(np.array(pixels, order="C")).permute(0, 3, 1, 2).to(torch.float32).div_(WHITE)
        middle = values.mean(dim=(1, 2, 3), keepdim=True) if self.centre else _by_channel(self.mean)
        return values.sub_(middle).div_(_by_channel(self.std))


def _by_channel(values: tuple[float, float, float]) -> torch.Tensor:
    return torch.tensor(values).reshape(1, 3, 1, 1)


def augment(pixels: Pixels, *, flip: bool, shift: int, generator: torch.Generator) -> Pixels:
    """Mirror half of the photographs (n, h, w, 3), and move each by up to `shift` pixels down and across.

    Without `flip` none is mirrored. The border's pixels are repeated into the gap that a move leaves.
    """
    n, height, width = pixels.shape[:3]
    mirrored = torch.rand(n, generator=generator).numpy() < (0.5 if flip else 0)
    down, across = torch.randint(-shift, shift + 1, (2, n), generator=generator).numpy()
    moved = np.empty_like(pixels)
    for i in range(n):
        rows = np.clip(np.arange(height) - down[i], 0, height - 1)
        columns = np.clip(np.arange(width) - across[i], 0, width - 1)
        moved[i] = pixels[i][rows[:, None], columns[::-1] if mirrored[i] else columns]
    return moved


@dataclass(frozen=True)
class Photographs:
    """Photographs uint8 (n, h, w, 3) with what is known of them, row by row: id, actor and split, str (n,).

    `actors` are sorted; an actor's place is the number of its logit.
    """

    pixels: Pixels
    image: NDArray[np.str_]
    actor: NDArray[np.str_]
    split: NDArray[np.str_]
    actors: tuple[str, ...]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.pixels.shape[1], self.pixels.shape[2]

    @property
    def targets(self) -> Rows:
        """Number of each image's actor, (n,)."""
        return np.searchsorted(np.array(self.actors), self.actor).astype(np.int64)

    def rows(self, split: str) -> Rows:
        """Rows of one split."""
        return np.flatnonzero(self.split == split).astype(np.int64)

    def rows_by_actor(self, split: str) -> tuple[Rows, ...]:
        """Rows of one split, for each actor."""
        rows, targets = self.rows(split), self.targets
        return tuple(rows[targets[rows] == actor] for actor in range(len(self.actors)))

    def digest(self) -> str:
        """SHA-256 of pixels, ids, actors and splits."""
        digest = hashlib.sha256(repr(self.pixels.shape).encode())
        for line in zip(self.image, self.actor, self.split, strict=True):
            digest.update("\0".join(map(str, line)).encode() + b"\n")
        digest.update(self.pixels.data)
        return digest.hexdigest()


def gather_photographs(pixels: xr.DataArray, images: pd.DataFrame, *, keep: str = "best") -> Photographs:
    """Join photographs with their actors and splits, and check that a classifier can be trained on them.

    `pixels` are uint8 (image, y, x, channel), eager or dask; `images` as `schema.IMAGES`, those without pixels ignored;
    `keep` is which weights training keeps (best or last), as the last need no validation image. Refused, with all that
    is wrong, if pixels are no colour bytes, an image has no row, there are fewer than two actors, an actor has no
    training image or there is no validation image to choose weights by.
    """
    problems = pixel_problems(pixels)
    known = images.set_index("image")
    ids = [str(image) for image in pixels["image"].to_numpy()] if "image" in pixels.coords else []
    problems += [Problem(f"image {image!r}", "has pixels but no row in the table of images")
                 for image in ids if image not in known.index]
    if problems:
        raise InputError(problems)
    chosen = known.loc[ids]
    values = np.ascontiguousarray(pixels.transpose("image", "y", "x", "channel").values)
    photographs = Photographs(values, np.array(ids), chosen["actor"].to_numpy(dtype=str),
                              chosen["split"].to_numpy(dtype=str), tuple(sorted({str(a) for a in chosen["actor"]})))
    remedy = "change split in [images] or add photographs"
    problems, actors = [], photographs.actors
    if len(actors) < 2:
        problems.append(Problem("images", f"{len(actors)} actor", "at least two to tell apart",
                                "add photographs of another actor"))
    problems += [Problem(f"actor {actor!r}", "has no training image", "at least one", remedy)
                 for actor, rows in zip(actors, photographs.rows_by_actor("train"), strict=True) if not len(rows)]
    if keep == "best" and not len(photographs.rows("validation")):
        problems.append(Problem("images", "no validation image", "at least one, to choose the best weights",
                                f"{remedy}, or set keep = \"last\" of that [[classifier]]"))
    if problems:
        raise InputError(problems)
    return photographs


def pixel_problems(pixels: xr.DataArray) -> list[Problem]:
    """Say what of photographs is not uint8 (image, y, x, channel), red, green and blue."""
    expected = ("image", "y", "x", "channel")
    if set(pixels.dims) != set(expected):
        return [Problem("pixels", f"dims {pixels.dims}", str(expected))]
    problems = []
    if pixels.dtype != np.uint8:
        problems.append(Problem("pixels", f"of type {pixels.dtype}", "uint8, 0 to 255"))
    if pixels.sizes["channel"] != _CHANNELS:
        problems.append(Problem("pixels", f"{pixels.sizes['channel']} channels", "red, green and blue"))
    return problems


@dataclass(frozen=True)
class BalancedBatches:
    """Batches that hold `per_class` images of each actor, however many images the actors have.

    They go round the rows of each actor's images in a shuffled order: every one is drawn once before any is drawn
    again, and each round has an order of its own. `purpose` sets them apart from other batches of the same seed.
    """

    by_actor: tuple[Rows, ...]
    per_class: int
    seed: int
    purpose: str

    def at(self, iteration: int) -> Rows:
        """Rows of the photographs in the batch of an iteration, counted from 1: (actors * per_class,)."""
        first = (iteration - 1) * self.per_class
        drawn = [rows[_order(self.seed, self.purpose, actor, draw // len(rows), len(rows))[draw % len(rows)]]
                 for actor, rows in enumerate(self.by_actor) for draw in range(first, first + self.per_class)]
        return np.array(drawn, dtype=np.int64)


@functools.lru_cache(maxsize=8192)
def _order(seed: int, purpose: str, actor: int, cycle: int, n: int) -> tuple[int, ...]:
    drawn = torch.randperm(n, generator=generator(seed, purpose, "order", actor, cycle))
    return tuple(int(place) for place in drawn)
