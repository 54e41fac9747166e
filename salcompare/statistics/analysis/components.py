"""Estimates of what the variance of maps and of boxes is made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import xarray as xr

from salcompare.statistics.analysis.failures import FAILURES, undefined_row
from salcompare.statistics.analysis.parts import NO_WORKERS, AnalysisData
from salcompare.statistics.responses import chosen, names_of
from salcompare.statistics.variance.components import COMPONENTS, variance_components
from salcompare.statistics.variance.response_components import COMPONENTS as COMPONENTS_OF_BOXES
from salcompare.statistics.variance.response_components import response_variance_components

if TYPE_CHECKING:
    from salcompare.config import Maps
    from salcompare.statistics.analysis.estimates import Row

NO_RESIDUAL = "one map an image: image and residual are one"


def component_rows(maps: xr.DataArray, key: Row, source: str) -> Iterator[Row]:
    """Split the variance of maps over actors and images; people's is split by their boxes instead."""
    if source == "human":
        return
    try:
        found = variance_components(maps)
    except FAILURES as error:
        yield from (undefined_row(error, **{**key, "metric": component}) for component in COMPONENTS)
        return
    yield from _rows(found, key, resampled="actors", n=int(found["n_images"]), note=NO_RESIDUAL)


def box_component_rows(data: AnalysisData, maps: Maps) -> Iterator[Row]:
    """Split the variance of people's responses over actors, images, workers and the rest, as given and smoothed."""
    if data.human is None:
        return
    if data.by_worker is None:
        yield from ({"statistic": "variance_component", "metric": name, "level": "population", "source": "human",
                     "form": "raw", "reason": NO_WORKERS} for name in COMPONENTS_OF_BOXES)
        return
    kept = data.comparable_coverage["image"].to_numpy().tolist()
    responses = chosen(data.by_worker, names_of(data.by_worker)["image"].isin(kept).to_numpy())
    height, width = data.human.sizes["y"], data.human.sizes["x"]
    for form, sigma in (("raw", None), ("smoothed", maps.sigma * width)):
        key: Row = {"statistic": "variance_component", "form": form, "sigma": sigma, "level": "population",
                    "source": "human"}
        try:
            found = response_variance_components(responses, data.images, size=(height, width), sigma=sigma or 0.0)
        except FAILURES as error:
            yield from (undefined_row(error, **{**key, "metric": name}) for name in COMPONENTS_OF_BOXES)
            continue
        yield from _rows(found, key, resampled="actors and workers", n=int(found["n_responses"]), note="")


def _rows(found: xr.Dataset, key: Row, *, resampled: str, n: int, note: str) -> Iterator[Row]:
    about = found.attrs
    for component in found["component"].to_numpy().tolist():
        one = found.sel(component=component, resampled=resampled)
        reasons = (about["reason"], str(one["ci_reason"].item()), about.get("left_out", ""),
                   note if component == "image" else "")
        yield {**key, "metric": component, "value": float(one["share"]), "ci_low": float(one["ci_low"]),
               "ci_high": float(one["ci_high"]), "ci_method": about["ci_method"], "resampled": resampled, "n": n,
               "n_undefined": int(found["n_undefined"]), "reason": "; ".join(filter(None, reasons)) or None}
