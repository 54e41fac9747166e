"""How alike a classifier's maps are over training seeds: ceilings, reliability and its test."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from salcompare.errors import InputError, Problem
from salcompare.maps import natural_order, smooth
from salcompare.maps.checks import require_maps
from salcompare.random_numbers import drawing
from salcompare.statistics.inference.permutation import BATCH, exchangeability, p_value, permutations, smallest_p
from salcompare.statistics.inference.resampling import population_mean
from salcompare.statistics.kernels import Values, flat, is_constant, standardised

NULL = "images permuted within actors, in each seed"
QUANTITIES = ("same image", "other image", "image effect", "ceiling", "mean map")


@drawing
def seed_reliability(maps_by_seed: xr.DataArray, *, rng: np.random.Generator, sigma: float = 0.0,
                     n_permutations: int = 9999) -> xr.Dataset:
    """Correlate a classifier's maps over training seeds, and test whether they speak of the image.

    Parameters
    ----------
    maps_by_seed : DataArray (seed, image, y, x)
        Maps of one classifier, variant and method, trained anew with each of two seeds or more, with coordinate
        ``actor`` along ``image``. Eager or dask; one actor's maps are in memory at a time.
    rng : Generator
        Draws permutations.
    sigma : float
        Maps are smoothed with a Gaussian of so many pixels; 0 for none.
    n_permutations : int
        Permutations drawn; where there are no more in all, each comes once.

    Returns
    -------
    Dataset
        Over ``actor``: **actor_value** (actor, quantity), **actor_n** images and **actor_n_undefined**, left out
        because a map is constant. Over ``quantity``, as means over actors with t intervals: **value**, **ci_low**,
        **ci_high**, **n**, **n_undefined**, **reason**. The quantities:

        - *same image*: mean correlation of the maps of one image over pairs of seeds, the reliability of the map of
          one training;
        - *other image*: the same of two images of the actor;
        - *image effect*: same less other image. **p_value**, **p_attainable** and **n_permutations** are of its test,
          one-sided, by permuting images within actors in every seed but the first;
        - *ceiling*: root of an image's reliability: what the maps that all seeds have in common, and so any model of
          the network that does not know the seed, can correlate with the map of one training;
        - *mean map*: reliability of the mean map of these seeds, by the Spearman-Brown formula.

        NaN where undefined: images whose maps do not correlate positively have no ceiling and no mean map, actors
        with one image no other image.

    Raises
    ------
    InputError
        If maps are not labelled, or there are fewer than two seeds.

    References
    ----------
    Spearman (1910), doi:10.1111/j.2044-8295.1910.tb00206.x; Brown (1910), doi:10.1111/j.2044-8295.1910.tb00207.x
    """
    require_maps(maps_by_seed, "maps by seed", dims=("image", "y", "x"))
    n_seeds = maps_by_seed.sizes.get("seed", 0)
    if n_seeds < 2:
        raise InputError(Problem("maps by seed", f"{n_seeds} seeds along 'seed'", "two or more",
                                 "train the classifier with more seeds: [[classifier]] seeds"))
    ordered = maps_by_seed.transpose("seed", "image", "y", "x")
    of = ordered["actor"].to_numpy()
    actors = natural_order(of.tolist()).astype(str)
    compared = [_compare(ordered.isel(image=np.flatnonzero(of == actor)), sigma) for actor in actors]
    values = xr.DataArray([one.quantities(n_seeds) for one in compared], dims=("actor", "quantity"),
                          coords={"actor": actors, "quantity": list(QUANTITIES)})
    p, least, n_drawn = _test([one for one in compared if one.n > 1], n_seeds, n_permutations, rng)
    return population_mean(values).assign(
        actor_value=values, actor_n=("actor", [one.n for one in compared]),
        actor_n_undefined=("actor", [one.n_undefined for one in compared]), p_value=p, p_attainable=least,
        n_permutations=n_drawn,
    ).assign_attrs(null=NULL, alternative="greater", sigma=float(sigma), n_seeds=n_seeds, metric="pearson")


@dataclass(frozen=True)
class _Actor:
    """One actor's maps compared over seeds."""

    products: Values  # (pair, image, image): correlations of one seed's maps with another's, for all pairs of seeds
    n_undefined: int  # images left out, because a seed's map of them is constant or holds NaN

    @property
    def n(self) -> int:
        """How many images are compared."""
        return int(self.products.shape[1])

    @property
    def same(self) -> Values:
        """Mean correlation over pairs of seeds of the maps of one image (image,)."""
        return np.asarray(np.einsum("pii->pi", self.products).mean(axis=0))

    def quantities(self, n_seeds: int) -> list[float]:
        """Give the values of `QUANTITIES`; NaN where there is no value, or but one image."""
        n, same = self.n, self.same
        positive = same[same > 0]
        mean, root, long = (float(values.mean()) if values.size else float("nan") for values in (
            same, np.sqrt(positive), n_seeds * positive / (1 + (n_seeds - 1) * positive)))
        other = float((self.products.mean(axis=0).sum() - same.sum()) / (n * (n - 1))) if n > 1 else float("nan")
        return [mean, other, mean - other, root, long]


def _compare(maps: xr.DataArray, sigma: float) -> _Actor:
    """Correlate one actor's maps (seed, image, y, x) of all pairs of seeds."""
    loaded = maps.compute().astype(np.float64)
    rows = flat(loaded.to_numpy())
    defined = ~(is_constant(rows)[..., 0] | np.isnan(rows).any(axis=-1)).any(axis=0)
    if not defined.any():
        return _Actor(np.empty((math.comb(len(rows), 2), 0, 0)), defined.size)
    if sigma:
        rows = flat(smooth(loaded, sigma=sigma).to_numpy())
    z = standardised(rows[:, defined]) / np.sqrt(rows.shape[-1])
    products = np.stack([z[one] @ z[other].T for one, other in combinations(range(len(z)), 2)])
    return _Actor(products, int((~defined).sum()))


def _test(actors: list[_Actor], n_seeds: int, n_permutations: int, rng: np.random.Generator,
          ) -> tuple[float, float, int]:
    """Test the image effect, mean over actors: p, the smallest p that it could be, and how often images were moved."""
    if not actors:
        return float("nan"), float("nan"), 0
    sizes = np.array([one.n for one in actors])
    effect = _image_effect(actors, sizes)
    null = [effect(moved) for moved in _permuted(sizes, n_seeds - 1, n_permutations, rng)]
    draws = np.concatenate(null) if null else np.empty(0)
    start = np.tile(np.arange(sizes.sum()), (1, n_seeds - 1, 1))
    return float(p_value(effect(start)[0], draws)), smallest_p(draws.size), draws.size


def _permuted(sizes: NDArray[np.intp], n_moved: int, n_permutations: int, rng: np.random.Generator,
              ) -> Iterator[NDArray[np.intp]]:
    """Yield permutations (b, seed, image) of the images' numbers within actors; every one where they are few."""
    n = int(sizes.sum())
    if math.prod(math.factorial(size) for size in sizes.tolist()) ** n_moved <= n_permutations:
        of = np.repeat(np.arange(sizes.size), sizes)
        blocks = np.concatenate([of + sizes.size * seed for seed in range(n_moved)])
        for batch in permutations(exchangeability(range(blocks.size), blocks=blocks), n_permutations, rng):
            yield batch.reshape(len(batch), n_moved, n) % n
        return
    ends = np.cumsum(sizes)
    for start in range(0, n_permutations, BATCH):
        moved = np.tile(np.arange(n), (min(BATCH, n_permutations - start), n_moved, 1))
        for first, end in zip(ends - sizes, ends, strict=True):
            moved[..., first:end] = rng.permuted(moved[..., first:end], axis=-1)
        yield moved


def _image_effect(actors: list[_Actor], sizes: NDArray[np.intp]) -> Callable[[NDArray[np.intp]], Values]:
    """Lay the actors' correlations end to end; give the effect for permutations (b, seeds after the first, image)."""
    products = np.concatenate([one.products.reshape(len(one.products), -1) for one in actors], axis=1)
    first = np.repeat(np.cumsum(sizes**2) - sizes**2, sizes)  # where the correlations of an image's actor start
    row = np.repeat(sizes, sizes)
    place = np.concatenate([np.arange(size) for size in sizes])
    # same - other = same (1 + 1 / (n - 1)) - sum / (n (n - 1)), and a sum over all pairs never changes.
    sums = np.array([one.products.mean(axis=0).sum() for one in actors])
    rest = -float((sums / (sizes * (sizes - 1))).mean())
    weight = np.repeat(1 / (sizes - 1), sizes) / len(actors)

    def effect(moved: NDArray[np.intp]) -> Values:
        """Mean over pairs of seeds, whose images are moved among their actor's."""
        places = [np.broadcast_to(place, (len(moved), place.size)), *place[moved].swapaxes(0, 1)]
        total = np.zeros(len(moved))
        for pair, (one, other) in enumerate(combinations(places, 2)):
            total += products[pair][first + one * row + other] @ weight
        return total / len(products) + rest

    return effect
