"""What stands in a photograph where something was taken out of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from salcompare.classifiers.preparation import WHITE, Pixels
from salcompare.classifiers.randomness import derived_seed
from salcompare.config import FILLS
from salcompare.errors import InputError, Problem

BLUR = 0.1
"""Standard deviation of the Gaussian that blurs, as a share of the photograph's shorter side."""


def filled(photograph: Pixels, fill: str, *, seed: int, image: str) -> Pixels:
    """Give a photograph of which nothing is left but what a fill leaves.

    Parameters
    ----------
    photograph : uint8 array (y, x, channel)
    fill : {"mean", "blur", "noise"}
        mean: the photograph's mean colour everywhere. blur: the photograph under a Gaussian of `BLUR` times its
        shorter side, borders mirrored. noise: independent normal values with the mean and standard deviation of each
        channel, cut to what a pixel can be.
    seed : int
        Noise follows from it and from the image's name only.
    image : str
        The image's name.

    Returns
    -------
    uint8 array (y, x, channel)

    Raises
    ------
    InputError
        If `fill` is none of them.
    """
    if fill not in FILLS:
        raise InputError(Problem("fill", repr(fill), " or ".join(map(repr, FILLS))))
    values = photograph.astype(np.float64)
    mean = values.mean(axis=(0, 1))
    if fill == "mean":
        return _pixels(np.broadcast_to(mean, values.shape))
    if fill == "blur":
        sigma = BLUR * min(values.shape[:2])
        return _pixels(ndimage.gaussian_filter(values, (sigma, sigma, 0), mode="reflect"))
    rng = np.random.default_rng(derived_seed(seed, "fill", image))
    return _pixels(rng.normal(mean, values.std(axis=(0, 1)), values.shape))


def _pixels(values: NDArray[np.float64]) -> Pixels:
    return np.asarray(np.rint(values).clip(0, WHITE), dtype=np.uint8)
