"""Estimates of the variance of maps that actors explain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from salcompare import maps as mapping
from salcompare.errors import InputError
from salcompare.statistics.analysis.parts import NULL_DRAWS, AnalysisData, Draws, stream, undefined_row
from salcompare.statistics.variance.explained import variance_explained

if TYPE_CHECKING:
    from salcompare.config import Maps, Statistics
    from salcompare.statistics.analysis.estimates import Row

METRICS = ("r2", "r2_adjusted", "omega2", "r2_pixel_mean", "r2_uncentred", "between_actor_share")


def variance_estimates(data: AnalysisData, maps: Maps, statistics: Statistics, seed: int) -> Iterator[
        tuple[list[Row], Draws]]:
    """Estimate for each source and each form of its maps, the photographs beside them as the control."""
    for (source, form), prepared in _prepared(data, maps):
        sigma = maps.sigma * data.photographs.sizes["x"] if form.startswith("smoothed") else None
        key = {"statistic": "variance_explained", "form": form, "sigma": sigma, "level": "population", "source": source}
        try:
            found = variance_explained(prepared, by="actor", n_permutations=statistics.n_permutations,
                                       rng=stream(seed, "variance", source, form))
        except InputError as error:  # too few actors or images: the study goes on without this number
            yield [undefined_row(error, **key, metric=metric) for metric in METRICS], (key, np.empty(0))
            continue
        yield ([_row(found, metric, key) for metric in METRICS],
               ({**key, "metric": "r2"}, found["null"].values[:NULL_DRAWS]))


def _prepared(data: AnalysisData, maps: Maps) -> Iterator[tuple[tuple[str, str], xr.DataArray]]:
    if data.human is not None:
        for form, coverage in coverage_forms(data.comparable_coverage, maps).items():
            yield ("human", form), coverage
    for source, dataset in data.classifier_maps.items():
        for form, saliency in saliency_forms(dataset["saliency"], maps).items():
            yield (source, form), saliency
    test = data.photographs.sel(image=data.photographs["split"] == "test")
    yield ("photographs", "raw"), test.astype("float32")


def coverage_forms(coverage: xr.DataArray, maps: Maps) -> Mapping[str, xr.DataArray]:
    """Coverage as it is, and smoothed; it is never masked, half of its pixels being ties."""
    return {"raw": coverage, "smoothed": mapping.smooth(coverage, sigma=maps.sigma * coverage.sizes["x"])}


def saliency_forms(saliency: xr.DataArray, maps: Maps) -> Mapping[str, xr.DataArray]:
    """Saliency as it is, its masks, and its masks smoothed."""
    masks = mapping.top_mask(saliency, share=maps.mask_share).astype("float32")
    return {"raw": saliency, "masks": masks,
            "smoothed masks": mapping.smooth(masks, sigma=maps.sigma * masks.sizes["x"])}


def _joined(*reasons: object) -> str | None:
    return "; ".join(dict.fromkeys(str(reason) for reason in reasons if reason)) or None


def _row(found: xr.Dataset, metric: str, key: Row) -> Row:
    row: dict[str, object] = {
        **key, "metric": metric, "value": float(found[metric]), "n": int(found["n_images"]),
        "n_undefined": int(found["n_undefined"]),
        "reason": _joined(found.attrs.get("reason"), found.attrs.get("left_out"))}
    if metric == "between_actor_share":
        return row | {"ci_low": float(found["ci_low"]), "ci_high": float(found["ci_high"]),
                      "ci_method": found.attrs.get("ci_method"), "resampled": found.attrs.get("resampled"),
                      "reason": _joined(found.attrs.get("ci_reason"), row["reason"])}
    if metric in ("r2", "r2_uncentred"):
        mean = found["null_mean"] if metric == "r2" else found["r2_uncentred_null_mean"]
        return row | {"null": found.attrs.get("null"), "null_mean": float(mean), "alternative": "greater",
                      "p_value": float(found["p_value"]), "p_attainable": float(found["p_attainable"]),
                      "n_resamples": int(found["n_permutations"])}
    return row
