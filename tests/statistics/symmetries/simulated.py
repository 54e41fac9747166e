"""Simulated actors for tests of symmetry."""

from __future__ import annotations

import numpy as np
import xarray as xr

from salcompare.statistics.symmetries.sides import odd_grams
from tests.strategies import stack_of_maps


def odd(field):
    """The odd part of a field."""
    return (field - field[..., ::-1]) / 2


def odd_shares(maps):
    """Each actor's share of odd energy, over pairs of different images."""
    grams = odd_grams(maps, None)
    return xr.DataArray([gram.share for gram in grams], dims="actor", coords={"actor": [gram.actor for gram in grams]})


def faces(rng, *, n_actors=17, n_images=15, own=0.0, common=0.0, noise=1.0, size=(8, 8)):
    """Noisy images with an odd part of each actor's own and one that all actors have in common.

    `n_images` is a number, or a list with one number an actor.
    """
    even = np.random.default_rng(99).random(size)
    shared = odd(np.random.default_rng(98).normal(size=size))
    counts = [n_images] * n_actors if isinstance(n_images, int) else n_images
    stacks = [2 + even + even[:, ::-1] + own * odd(rng.normal(size=size)) + common * shared
              + noise * rng.normal(size=(n, *size)) for n in counts]
    return stack_of_maps(np.concatenate(stacks), [f"s{a + 1}" for a, n in enumerate(counts) for _ in range(n)])


def turned(rng, *, n_actors=17, n_images=6, follow=0.0, own=0.0, actor=1.0, image=0.5, size=(8, 8)):
    """Maps and photographs of faces that are turned and lit from one side, more or less from image to image.

    The maps follow the photographs' turns by `follow`, and have an odd part of each actor's own beside.
    """
    fixed = np.random.default_rng(5)
    of_photographs, of_maps = odd(fixed.normal(size=(2, *size))), odd(fixed.normal(size=(2, *size)))
    maps, photographs = [], []
    for _ in range(n_actors):
        turns = actor * rng.normal(size=2) + image * rng.normal(size=(n_images, 2))
        photographs.append(5 + np.einsum("ik,kyx->iyx", turns, of_photographs) + 0.3 * rng.normal(size=size)
                           + 0.2 * rng.normal(size=(n_images, *size)))
        maps.append(5 + follow * np.einsum("ik,kyx->iyx", turns, of_maps) + own * odd(rng.normal(size=size))
                    + rng.normal(size=(n_images, *size)))
    names = [f"s{a + 1}" for a in range(n_actors) for _ in range(n_images)]
    return stack_of_maps(np.concatenate(maps), names), stack_of_maps(np.concatenate(photographs), names)
