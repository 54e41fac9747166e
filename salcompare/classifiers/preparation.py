"""From photographs to what a network is given: scaling, centring, and moving training images about."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]  # (image, y, x, channel), channels red, green, blue
WHITE = 255.0


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
        """Prepare photographs.

        Parameters
        ----------
        pixels : uint8 array (n, h, w, 3)
            Red, green, blue.

        Returns
        -------
        Tensor (n, 3, h, w)
            float32 on the CPU, laid out channels last, which convolutions on a CPU are fastest with.
        """
        values = torch.from_numpy(np.array(pixels, order="C")).permute(0, 3, 1, 2).to(torch.float32).div_(WHITE)
        middle = values.mean(dim=(1, 2, 3), keepdim=True) if self.centre else _by_channel(self.mean)
        return values.sub_(middle).div_(_by_channel(self.std))


def augment(pixels: Pixels, *, flip: bool, shift: int, generator: torch.Generator) -> Pixels:
    """Mirror half of the images and move each by up to `shift` pixels each way.

    Parameters
    ----------
    pixels : uint8 array (n, h, w, 3)
    flip : bool
        Whether each image is mirrored with probability one half.
    shift : int
        Largest move in pixels, drawn uniformly down and across; the border's pixels are repeated into the gap.
    generator : torch.Generator

    Returns
    -------
    uint8 array (n, h, w, 3)
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


def _by_channel(values: tuple[float, float, float]) -> torch.Tensor:
    return torch.tensor(values).reshape(1, 3, 1, 1)
