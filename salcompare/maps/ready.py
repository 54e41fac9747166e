"""Ready-made maps of either side, labelled as the maps that salcompare makes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from salcompare.maps.responses import CARRIED, response_array


def ready_response_maps(values: NDArray[np.float32], table: pd.DataFrame, images: pd.DataFrame) -> xr.DataArray:
    """Label people's ready-made maps, each brought to a sum of 1, as their units are nowhere stated.

    Parameters
    ----------
    values : ndarray (map, y, x)
        Non-negative, none empty.
    table : DataFrame
        One row a map: ``image``, ``worker`` (empty where the maps do not say).
    images : DataFrame
        One row an image: ``image``, ``actor``.

    Returns
    -------
    DataArray (response, y, x), float32
        With coordinates ``image``, ``worker``, ``actor``.
    """
    shown = _of_images(table, images)
    sums = values.sum(axis=(1, 2), dtype=np.float64)[:, np.newaxis, np.newaxis]
    maps = np.empty(values.shape, np.float32)
    for at, one in enumerate(values):  # one by one, as the quotients are of double precision
        maps[at] = one / sums[at]
    return response_array(maps, shown, worker=table["worker"].fillna(""), attrs={
        "maps": "ready-made, each scaled to sum to 1"})


def ready_saliency(values: NDArray[np.float32], table: pd.DataFrame, images: pd.DataFrame) -> xr.Dataset:
    """Label a classifier's ready-made maps, as they are.

    Parameters
    ----------
    values, table, images
        As for `ready_response_maps`, with one map an image.

    Returns
    -------
    Dataset (image, y, x)
        ``saliency``, float32.
    """
    shown = _of_images(table, images)
    coords = {name: ("image", np.asarray(shown[name].fillna(""), dtype=object).astype(str))
              for name in ("actor", *CARRIED) if name in shown}
    return xr.Dataset({"saliency": (("image", "y", "x"), values)}, coords={
        "image": np.asarray(shown["image"], dtype=object).astype(str), **coords, "y": np.arange(values.shape[1]),
        "x": np.arange(values.shape[2])}, attrs={"maps": "ready-made, as they were given"})


def _of_images(table: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    shown: pd.DataFrame = images.iloc[pd.Index(images["image"]).get_indexer(pd.Index(table["image"]))]
    return shown
