"""How many workers and images: the reliability of actors' differences in studies of other sizes than this one's."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from salcompare.findings.variance import COMPONENT
from salcompare.naming import HUMAN, SMOOTHED
from salcompare.report.tables import pick
from salcompare.statistics.responses import names_of
from salcompare.statistics.variance.components import RESPONSE_COMPONENTS, design_reliability, workers_needed
from salcompare.study_data import StudyData

IMAGES = xr.DataArray([1, 2, 4, 8, 16], dims="images", coords={"images": [1, 2, 4, 8, 16]})
MOST_WORKERS = 100


class Place(NamedTuple):
    """A study's size, in harmonic means, as variances go by 1/n, and the reliability there."""

    images: float  # of an actor
    workers: float  # of an image
    reliability: float


def shares_of(data: StudyData) -> xr.DataArray | None:
    """Shares of variance of people's smoothed responses (component); None where they, or actors' own, are unknown."""
    rows = pick(data.estimates, statistic=COMPONENT, source=HUMAN, form=SMOOTHED, level="population")
    values = rows.set_index("metric")["value"].reindex(list(RESPONSE_COMPONENTS))
    if data.by_worker is None or values.isna().any() or values["actor"] <= 0:
        return None
    return xr.DataArray(values.to_numpy(float), dims="component", coords={"component": list(RESPONSE_COMPONENTS)})


def place_of(data: StudyData, shares: xr.DataArray) -> Place:
    """Where the study itself stands; one of people's maps of each image whatever classifiers saw."""
    if data.by_worker is None:
        message = "nobody knows who responded"
        raise ValueError(message)
    workers = names_of(data.by_worker).groupby("image")["worker"].nunique()
    images = data.images.set_index("image")["actor"].reindex(workers.index).value_counts()
    n_images, n_workers = (float(1 / np.mean(1 / counts.to_numpy())) for counts in (images, workers))
    return Place(n_images, n_workers, float(design_reliability(shares, n_images=n_images, n_workers=n_workers)))


def curves(shares: xr.DataArray) -> pd.DataFrame:
    """Reliability with 1 to `MOST_WORKERS` workers an image: ``images, workers, reliability``."""
    numbers = np.arange(1, MOST_WORKERS + 1)
    workers = xr.DataArray(numbers, dims="workers", coords={"workers": numbers})
    reliability = design_reliability(shares, n_images=IMAGES, n_workers=workers)
    return reliability.rename("reliability").to_dataframe().reset_index()


def needed(shares: xr.DataArray) -> pd.DataFrame:
    """Workers an image for each number of images: ``images, workers``; NaN where no number is enough."""
    return workers_needed(shares, n_images=IMAGES).rename("workers").to_dataframe().reset_index()
