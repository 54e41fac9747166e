"""How alike a classifier's maps are when it is trained again with another seed."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import xarray as xr

from salcompare.errors import InputError, Problem
from salcompare.maps import smooth
from salcompare.maps.checks import require_maps
from salcompare.statistics.metrics.densities import pearson


def seed_ceiling(maps_by_seed: xr.DataArray, *, sigma: float = 0.0) -> xr.Dataset:
    """Ceiling of the Pearson correlation with a classifier's map, given how its maps vary over training seeds.

    Parameters
    ----------
    maps_by_seed : DataArray (seed, image, y, x)
        Maps of one classifier and method, trained anew with each seed: ``xr.concat([maps, again], "seed")``. Eager or
        dask.
    sigma : float
        Maps are smoothed with a Gaussian of so many pixels; 0 for none.

    Returns
    -------
    Dataset (image)
        - **between_seeds**: mean correlation of the maps of two different seeds.
        - **ceiling**: its root, the correlation that the mean map of endlessly many seeds has with the map of one: of
          one seed's map, nothing but the seed can be predicted better.
        - **reliability**: of the mean map of these seeds, by the Spearman-Brown formula; its root is the ceiling of
          that mean map.
        - **n_seeds**; **reason** where a value is NaN: maps of fewer than two seeds that are not constant, or seeds
          whose maps do not correlate positively.

        `mean_ceiling` averages it over images and actors.

    Raises
    ------
    InputError
        If maps are not labelled or have no dim ``seed``.

    References
    ----------
    Spearman (1910), doi:10.1111/j.2044-8295.1910.tb00206.x; Brown (1910), doi:10.1111/j.2044-8295.1910.tb00207.x
    """
    require_maps(maps_by_seed, "maps by seed", dims=("image", "y", "x"))
    if "seed" not in maps_by_seed.dims:
        raise InputError(Problem("maps by seed", f"dims {maps_by_seed.dims}", "seed, image, y, x",
                                 "put maps of several seeds together with xr.concat(..., 'seed')"))
    smoothed = smooth(maps_by_seed, sigma=sigma)
    pairs = [pearson(smoothed.isel(seed=one, drop=True), smoothed.isel(seed=other, drop=True))
             for one, other in combinations(range(smoothed.sizes["seed"]), 2)]
    nothing = xr.full_like(maps_by_seed.isel(seed=0, y=0, x=0, drop=True), np.nan, dtype=float)
    together = xr.concat(pairs or [nothing], "pair", coords="minimal", compat="override").compute()
    between = together.mean("pair")
    varies = (maps_by_seed.max(("y", "x")) > maps_by_seed.min(("y", "x"))).sum("seed").compute()
    positive = between.where(between > 0)
    reliability = varies * positive / (1 + (varies - 1) * positive)
    reasons = ["fewer than two seeds with a map that is not constant", "maps of seeds do not correlate positively"]
    reason = np.select([varies.to_numpy() < 2, ~(between.to_numpy() > 0)], reasons, default="")
    return xr.Dataset({"between_seeds": between, "ceiling": np.sqrt(positive), "reliability": reliability,
                       "n_seeds": varies, "reason": (between.dims, reason)},
                      attrs={"metric": "pearson", "sigma": float(sigma)})
