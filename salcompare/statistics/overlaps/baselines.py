"""What a classifier has to beat: maps that know nothing of the image, or nothing of the actor."""

from __future__ import annotations

import numpy as np
import xarray as xr

from salcompare.maps import actor_heatmap, relative_saliency
from salcompare.statistics.kernels import CENTRE_SIGMA, Values, centred_gaussian


def uniform(like: xr.DataArray) -> xr.DataArray:
    """Make maps that find all pixels equally salient.

    Parameters
    ----------
    like : DataArray (image, y, x)
        Maps whose dims and coordinates the baseline takes.

    Returns
    -------
    DataArray (image, y, x)
        1 everywhere. Metrics of order are NaN on it; `contrasts.uniform_overlap` gives their analytic values.
    """
    return _for_all_images(np.ones((like.sizes["y"], like.sizes["x"])), like)


def centre(like: xr.DataArray, *, sigma: float = CENTRE_SIGMA) -> xr.DataArray:
    """Gaussian in the middle of the grid, the same for every image.

    Parameters
    ----------
    like : DataArray (image, y, x)
        Maps whose dims and coordinates the baseline takes.
    sigma : float
        Standard deviation as a share of the grid's height (along y) and width (along x).

    Returns
    -------
    DataArray (image, y, x)
        In (0, 1], 1 at the middle of the grid.
    """
    return _for_all_images(centred_gaussian(like.sizes["y"], like.sizes["x"], sigma=sigma), like)


def other_actors_mean(human: xr.DataArray) -> xr.DataArray:
    """Mean human map of the other actors, for every image: what people find salient in a face, whoever it is.

    Parameters
    ----------
    human : DataArray (image, y, x)
        People's maps, with coordinate ``actor`` along ``image``.

    Returns
    -------
    DataArray (image, y, x)
        Mean over the other actors of their heatmaps, so that actors weigh the same; images of one actor have the
        same map. NaN where there is no other actor, and for an actor all of whose maps are empty or hold NaN.
    """
    heatmaps = actor_heatmap(human).reset_coords(drop=True)
    # A difference of means can fall below zero by rounding, and densities must not.
    others = (heatmaps - relative_saliency(heatmaps, population="others").reset_coords(drop=True)).clip(min=0)
    chosen = others.sel(actor=xr.DataArray(human.actor.values, dims="image")).drop_vars("actor")
    return chosen.transpose(*human.dims).assign_coords(human.coords)


def _for_all_images(one: Values, like: xr.DataArray) -> xr.DataArray:
    """One map for every image of `like`, without copies."""
    single = xr.DataArray(one, dims=("y", "x"))
    spread = single.expand_dims({dim: like.sizes[dim] for dim in like.dims if dim not in single.dims})
    labelled: xr.DataArray = spread.transpose(*like.dims).assign_coords(like.coords)
    return labelled
