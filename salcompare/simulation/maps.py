"""Simulated maps with planted variances, on which statistics of maps are calibrated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from salcompare.random_numbers import drawing

Fields = NDArray[np.float64]  # (fields, y, x)


@drawing
def simulate_maps(*, n_actors: int, n_images: int | Sequence[int], shape: tuple[int, int], actor_effect: float,
                  image_effect: float, noise: float, sigma: float, rng: np.random.Generator) -> xr.DataArray:
    """Draw maps that are sums of Gaussian random fields of the actor, of the image and of each pixel.

    Parameters
    ----------
    n_actors, n_images : int, int or sequence of int
        How many actors, and images of each, the same for all or one number an actor.
    shape : tuple of int
        Height and width of the maps, pixels.
    actor_effect, image_effect : float
        Standard deviation, at every pixel, of the smooth field that an actor's images share and of the one of each
        image.
    noise : float
        Standard deviation of the noise that is independent between pixels.
    sigma : float
        Of the Gaussian that smooths the fields, pixels; they go round at the edges, so that all pixels are alike.
        0 leaves them rough.
    rng : Generator
        Where the draws come from.

    Returns
    -------
    DataArray (image, y, x)
        float64, of mean 0, with the coordinate `actor` along `image`. Attributes hold the planted truth:
        `between_actor_share` = actor_effect² / (actor_effect² + image_effect² + noise²), and `expected_r2`, the
        expected between-actor over the expected total sum of squares, which the number of images raises.

    Raises
    ------
    ValueError
        If there are not as many numbers of images as actors.
    """
    numbers = np.full(n_actors, n_images) if isinstance(n_images, int) else np.asarray(n_images)
    if numbers.shape != (n_actors,):
        message = f"n_images has {numbers.size} numbers for {n_actors} actors"
        raise ValueError(message)
    owner = np.repeat(np.arange(n_actors), numbers)
    values = (actor_effect * _fields(n_actors, shape, sigma, rng)[owner]
              + image_effect * _fields(owner.size, shape, sigma, rng)
              + noise * rng.standard_normal((owner.size, *shape)))
    names = [f"s{actor + 1:02d}" for actor in range(n_actors)]
    actors = [names[actor] for actor in owner]
    images = [f"{name}/{k + 1}" for name, number in zip(names, numbers, strict=True) for k in range(number)]
    return xr.DataArray(values, dims=("image", "y", "x"), name="simulated", attrs=_truth(
        numbers, actor_effect**2, image_effect**2 + noise**2, sigma), coords={
            "image": images, "actor": ("image", actors), "y": np.arange(shape[0]), "x": np.arange(shape[1])})


def _fields(count: int, shape: tuple[int, int], sigma: float, rng: np.random.Generator) -> Fields:
    """Smooth fields of mean 0 and variance 1 at every pixel."""
    rough = rng.standard_normal((count, *shape))
    if sigma == 0:
        return rough
    spike = np.zeros(shape)
    spike[0, 0] = 1
    scale = np.sqrt((gaussian_filter(spike, sigma, mode="wrap") ** 2).sum())
    smooth: Fields = gaussian_filter(rough, sigma, mode="wrap", axes=(1, 2)) / scale
    return smooth


def _truth(numbers: NDArray[np.int64], between: float, within: float, sigma: float) -> dict[str, float]:
    """Planted share and expected R², from the expected sums of squares of a one-way layout."""
    n, groups = numbers.sum(), numbers.size
    spread = n - (numbers**2).sum() / n
    ssb = (groups - 1) * within + spread * between
    sst = (n - 1) * within + spread * between
    return {"between_actor_share": between / (between + within), "expected_r2": float(ssb / sst), "sigma": sigma}
