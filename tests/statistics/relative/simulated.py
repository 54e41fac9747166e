"""Stacks of maps for tests of relative saliency: smooth noise, skewed noise, and how often tests may reject."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy import ndimage, stats


def labelled(values, sizes):
    """Maps (image, y, x), `sizes` images of each actor in turn."""
    actors = [f"s{number + 1:02}" for number, size in enumerate(sizes) for _ in range(size)]
    names = [f"{actor}/{number}" for number, actor in enumerate(actors)]
    return xr.DataArray(values, dims=("image", "y", "x"), coords={"image": names, "actor": ("image", actors)})


def smooth_noise(rng, sizes, *, side=8, spread=None, skewed=False):
    """Noise that is alike in neighbouring pixels; `spread` of each actor's; lognormal if skewed."""
    n = sum(sizes)
    field = ndimage.gaussian_filter(rng.normal(size=(n, side, side)), (0, 1, 1), mode="wrap")
    field /= 0.28
    if spread is not None:
        field *= np.repeat(spread, sizes)[:, None, None]
    return labelled(np.exp(field) if skewed else field, sizes)


def boxes(rng, sizes, *, side=8):
    """Non-negative maps of few boxes on the middle of the grid; pixels at its rim are hardly ever covered."""
    values = np.zeros((sum(sizes), side, side))
    for image in values:
        for y, x in rng.normal(side / 2 - 1, side / 6, (4, 2)).round().astype(int).clip(0, side - 2):
            image[y:y + 2, x:x + 2] += 0.25
    return labelled(values, sizes)


def most_rejections(n_runs, level=0.05):
    """Rejections that a test of this level exceeds once in a thousand simulations."""
    return stats.binom.ppf(0.999, n_runs, level)
