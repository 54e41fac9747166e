"""Maps of single responses, which a worker's gaze or ready-made maps give, and their mean for each image."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from salcompare.errors import InputError, Problem
from salcompare.maps.checks import require_maps

CARRIED = ("split", "group", "shoot")  # columns of images that maps keep as coordinates where they are there


def response_array(maps: NDArray[np.float32], images: pd.DataFrame, *, attrs: Mapping[str, object],
                   **names: pd.Series) -> xr.DataArray:
    """Label maps of responses.

    Parameters
    ----------
    maps : ndarray (response, y, x)
        Each sums to 1.
    images : DataFrame
        The image of each response, one row a response.
    attrs : mapping
        Of the array.
    **names : Series
        More coordinates along ``response``, such as ``worker``.

    Returns
    -------
    DataArray (response, y, x)
    """
    text = {"image": images["image"], "actor": images["actor"],
            **{name: images[name].fillna("") for name in CARRIED if name in images}, **names}
    coords = {name: ("response", np.asarray(values, dtype=object).astype(str)) for name, values in text.items()}
    return xr.DataArray(maps, dims=("response", "y", "x"), name="response_maps", attrs=dict(attrs), coords={
        "response": np.arange(len(maps)), **coords, "y": np.arange(maps.shape[1]), "x": np.arange(maps.shape[2])})


def mean_of_responses(maps: xr.DataArray) -> xr.Dataset:
    """Mean over each image's responses of their maps.

    Parameters
    ----------
    maps : DataArray (response, y, x)
        One map a response, with coordinates ``image`` and ``actor`` along ``response``; eager or dask. Each sums to 1,
        so that responses weigh the same.

    Returns
    -------
    Dataset (image, y, x)
        As `rasterise_boxes` gives it: ``coverage``, float32, and ``n_responses`` (image). Images stand in the order in
        which they first come.

    Raises
    ------
    InputError
        If the maps are not labelled so.
    """
    require_response_maps(maps)
    codes, names = pd.factorize(maps["image"].to_numpy())
    order = np.argsort(codes, kind="stable")
    counts = np.bincount(codes)
    starts = np.cumsum(counts) - counts
    mean: xr.DataArray = xr.apply_ufunc(
        _means, maps, kwargs={"order": order, "starts": starts, "counts": counts}, input_core_dims=[["response"]],
        output_core_dims=[["image"]], dask="parallelized", output_dtypes=[np.float32], keep_attrs=True,
        dask_gufunc_kwargs={"allow_rechunk": True, "output_sizes": {"image": len(names)}})
    first = order[starts]
    kept = {name: ("image", maps[name].to_numpy()[first]) for name in ("actor", *CARRIED) if name in maps.coords}
    coverage = mean.transpose("image", "y", "x").drop_vars(
        [name for name, coord in mean.coords.items() if "response" in coord.dims])
    return xr.Dataset({"coverage": coverage, "n_responses": ("image", counts.astype(np.int64))},
                      coords={"image": np.asarray(names, dtype=str), **kept}, attrs=maps.attrs)


def require_response_maps(maps: xr.DataArray) -> None:
    """Hold maps to being labelled as those of responses.

    Raises
    ------
    InputError
    """
    require_maps(maps, "response maps", dims=("response", "y", "x"))
    missing = [name for name in ("image", "actor") if name not in maps.coords]
    if missing:
        raise InputError(Problem("response maps", f"no coordinate {', '.join(map(repr, missing))}", "image, actor",
                                 "assign the image and the actor of each response"))


def _means(maps: NDArray[np.float32], *, order: NDArray[np.intp], starts: NDArray[np.intp],
           counts: NDArray[np.intp]) -> NDArray[np.float32]:  # (y, x, response) -> (y, x, image)
    sums = np.add.reduceat(maps[..., order], starts, axis=-1, dtype=np.float64)
    return (sums / counts).astype(np.float32)
