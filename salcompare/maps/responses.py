"""Maps of single responses, which a worker's gaze or ready-made maps give, and their mean for each image."""

from collections.abc import Mapping

import dask.array as da
import numpy as np
import pandas as pd
import xarray as xr
from dask.base import is_dask_collection
from numpy.typing import NDArray

from salcompare.blocks import side_by_side
from salcompare.errors import InputError, Problem
from salcompare.maps.checks import CARRIED, image_coords, pixel_coords, require_maps, text_of


def response_array(maps: NDArray[np.float32] | da.Array, images: pd.DataFrame, *, attrs: Mapping[str, object],
                   **names: pd.Series) -> xr.DataArray:
    """Label maps of responses as a DataArray (response, y, x).

    Parameters
    ----------
    maps : ndarray or dask array (response, y, x)
        Each sums to 1.
    images : DataFrame
        The image of each response, one row a response.
    attrs, **names : mapping, Series
        Attributes of the array; more coordinates along ``response``, such as ``worker``.
    """
    more = {name: ("response", text_of(values)) for name, values in names.items()}
    return xr.DataArray(maps, dims=("response", "y", "x"), name="response_maps", attrs=dict(attrs), coords={
        "response": np.arange(len(maps)), **image_coords(images, "response"), **more, **pixel_coords(*maps.shape[1:])})


def precomputed_response_maps(values: NDArray[np.float32], table: pd.DataFrame, images: pd.DataFrame) -> xr.DataArray:
    """Label people's precomputed maps, each brought to a sum of 1, as their units are nowhere stated.

    Parameters
    ----------
    values : ndarray (map, y, x)
        Non-negative, none empty.
    table, images : DataFrame
        One row a map: ``image``, ``worker`` (empty where the maps do not say); one row an image: ``image``, ``actor``.

    Returns
    -------
    DataArray (response, y, x), float32
        With coordinates ``image``, ``worker``, ``actor``.
    """
    shown = images.iloc[pd.Index(images["image"]).get_indexer(pd.Index(table["image"]))]
    sums = values.sum(axis=(1, 2), dtype=np.float64)[:, np.newaxis, np.newaxis]
    maps = np.empty(values.shape, np.float32)
    for at, one in enumerate(values):  # one by one, as the quotients are of double precision
        maps[at] = one / sums[at]
    return response_array(maps, shown, worker=table["worker"].fillna(""), attrs={
        "maps": "ready-made, each scaled to sum to 1"})


def precomputed_saliency(values: NDArray[np.float32], table: pd.DataFrame, images: pd.DataFrame) -> xr.Dataset:
    """Label a classifier's precomputed maps, as they are: ``saliency`` (image, y, x), float32.

    Arguments are as for `precomputed_response_maps`, with one map an image.
    """
    shown = images.iloc[pd.Index(images["image"]).get_indexer(pd.Index(table["image"]))]
    return xr.Dataset({"saliency": (("image", "y", "x"), values)}, attrs={"maps": "ready-made, as they were given"},
                      coords={**image_coords(shown), **pixel_coords(*values.shape[1:])})


def mean_of_responses(maps: xr.DataArray) -> xr.Dataset:
    """Mean over each image's responses of their maps.

    Parameters
    ----------
    maps : DataArray (response, y, x)
        One map a response, with coordinates ``image`` and ``actor`` along ``response``, else `InputError`; eager,
        dask, or in a file, of which an image's are read at a time. Each sums to 1, so that responses weigh the same.

    Returns
    -------
    Dataset (image, y, x)
        As `rasterise_boxes` gives it: ``coverage``, float32, and ``n_responses`` (image). Images stand in the order in
        which they first come.
    """
    require_response_maps(maps)
    codes, names = pd.factorize(maps["image"].to_numpy())
    order = np.argsort(codes, kind="stable")
    counts = np.bincount(codes)
    starts = np.cumsum(counts) - counts
    ordered = maps.transpose("response", "y", "x")
    coverage = (_lazy_means if is_dask_collection(maps) else _means)(ordered, np.split(order, starts[1:]))
    first = order[starts]
    kept = {name: ("image", maps[name].to_numpy()[first]) for name in ("actor", *CARRIED) if name in maps.coords}
    on_grid = {name: coord for name, coord in ordered.coords.items() if "response" not in coord.dims}
    return xr.Dataset({"coverage": (("image", "y", "x"), coverage, maps.attrs),
                       "n_responses": ("image", counts.astype(np.int64))},
                      coords={"image": np.asarray(names, dtype=str), **kept, **on_grid}, attrs=maps.attrs)


def require_response_maps(maps: xr.DataArray) -> None:
    """Hold maps to being labelled as those of responses; else `InputError`."""
    require_maps(maps, "response maps", dims=("response", "y", "x"))
    missing = [name for name in ("image", "actor") if name not in maps.coords]
    if missing:
        raise InputError(Problem("response maps", f"no coordinate {', '.join(map(repr, missing))}", "image, actor",
                                 "assign the image and the actor of each response"))


def _means(maps: xr.DataArray, by_image: list[NDArray[np.intp]]) -> NDArray[np.float32]:  # -> (image, y, x)
    """Mean of each image's rows; of maps in a file, only an image's are read at a time."""
    means = np.empty((len(by_image), *maps.shape[1:]), np.float32)
    of_images = side_by_side(lambda rows: _mean(maps.isel(response=rows).to_numpy()), by_image)
    for at, mean in enumerate(of_images):
        means[at] = mean
    return means


def _lazy_means(maps: xr.DataArray, by_image: list[NDArray[np.intp]]) -> da.Array:
    parts = [maps.isel(response=rows).data.rechunk({0: -1}) for rows in by_image]
    means: da.Array = da.stack([  # type: ignore[no-untyped-call]
        da.map_blocks(_mean, part, drop_axis=0, dtype=np.float32) for part in parts])  # type: ignore[no-untyped-call]
    return means


def _mean(maps: NDArray[np.floating]) -> NDArray[np.float32]:  # (response, y, x) -> (y, x)
    mean: NDArray[np.float64] = maps.sum(axis=0, dtype=np.float64) / max(1, len(maps))
    return mean.astype(np.float32)
