"""Estimates of the variance of maps that actors explain."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from salcompare import maps as mapping
from salcompare.config import Maps, Statistics
from salcompare.findings import variance as declared
from salcompare.findings.analysis import NO_WORKERS, NULL_DRAWS, Analysis, Draws, confounded, with_shoots
from salcompare.findings.failures import guarded, guarded_parts, rows_or_reasons, without_value
from salcompare.findings.rows import Row
from salcompare.naming import HUMAN, PHOTOGRAPHS, RAW, SMOOTHED
from salcompare.random_numbers import stream
from salcompare.statistics.responses import Responses, chosen, names_of
from salcompare.statistics.variance import components
from salcompare.statistics.variance.dispersion import dispersion_test
from salcompare.statistics.variance.explained import variance_explained
from salcompare.statistics.variance.gram import DISTANCES
from salcompare.study_data import StudyData

PRIMARY = (SMOOTHED, "smoothed masks", "grey")
"""Forms that the costlier questions are asked of: other distances, groups of actors."""
NO_RESIDUAL = "one map an image: image and residual are one"


@dataclass(frozen=True)
class _Part:
    """Maps of one source in one form, with all that they are examined for."""

    maps: xr.DataArray
    source: str
    form: str
    sigma: float | None
    n_permutations: int
    seed: int
    data: StudyData

    @property
    def clusters(self) -> str | None:
        """What moves together: images of a shoot, where the catalogue has shoots."""
        return "shoot" if "shoot" in self.maps.coords else None

    @property
    def key(self) -> dict[str, object]:
        """The columns that say what its rows are of."""
        return {"form": self.form, "sigma": self.sigma, "source": self.source}

    def options(self, *names: str) -> dict[str, Any]:
        """Give each test a stream of its own, and what moves together."""
        return {"n_permutations": self.n_permutations, "clusters": self.clusters,
                "rng": stream(self.seed, "variance", self.source, self.form, *names)}

    def explained(self, maps: xr.DataArray, by: str = "actor", **options: Any) -> xr.Dataset:  # noqa: ANN401
        """Give R² without test and interval where workers are confounded with what is compared."""
        result = variance_explained(maps, by, **options)
        why = confounded(self.data, self.seed, by) if self.source == HUMAN else ""
        nothing = dict.fromkeys(("p_value", "p_value_free", "ci_low", "ci_high"), np.nan)
        return result.assign(nothing).assign_attrs(p_reason=why, ci_reason=why) if why else result


def variance_estimates(data: StudyData, maps: Maps, statistics: Statistics, seed: int, *,
                       only: Collection[str] | None = None) -> Iterator[tuple[list[Row], list[Draws]]]:
    """Estimate for each source (or `only` some) and each form of its maps, the photographs beside as the control."""
    for source, form, prepared in _prepared(data, maps):
        if only is not None and source not in only:
            continue
        sigma = maps.sigma * data.photographs.sizes["x"] if form.startswith(SMOOTHED) else None
        part = _Part(_with_coords(prepared, data.images), source, form, sigma, statistics.n_permutations, seed, data)
        if form != "grey":
            yield _explained(part)
            spread = rows_or_reasons([declared.SPREAD], part.key, dispersion_test, part.maps,
                                     **part.options("dispersion"))[0]
            yield [*spread, *_components(part)], []
        if form in PRIMARY:
            yield [*_distances(part), *_groups(part)], []


def _prepared(data: StudyData, maps: Maps) -> Iterator[tuple[str, str, xr.DataArray]]:
    """Give each source, the name of each form of its maps, and the maps in it.

    Coverage is never masked, half of its pixels being ties.
    """
    if data.human is not None:
        coverage = data.comparable_coverage
        yield HUMAN, RAW, coverage
        yield HUMAN, SMOOTHED, mapping.smooth(coverage, sigma=maps.sigma * coverage.sizes["x"])
    for source, dataset in data.classifier_maps.items():
        masks = mapping.top_mask(dataset["saliency"], share=maps.mask_share).astype("float32")
        yield source, RAW, dataset["saliency"]
        yield source, "masks", masks
        yield source, "smoothed masks", mapping.smooth(masks, sigma=maps.sigma * masks.sizes["x"])
    test = data.photographs.sel(image=data.photographs["split"] == "test").astype("float32")
    yield PHOTOGRAPHS, RAW, test
    yield PHOTOGRAPHS, "grey", test.mean("channel")


def _with_coords(maps: xr.DataArray, images: pd.DataFrame) -> xr.DataArray:
    """Add the images' shoot and their actors' group, where the catalogue has them."""
    shot = with_shoots(maps.drop_vars("group", errors="ignore"), images)[0]
    rows = images.set_index("image").reindex(maps["image"].to_numpy())
    grouped = "group" in rows and rows["group"].notna().any()
    return shot.assign_coords(group=("image", rows["group"].to_numpy(object))) if grouped else shot


def _explained(part: _Part) -> tuple[list[Row], list[Draws]]:
    quantities = (declared.R2, declared.FREE, declared.ADJUSTED, declared.OMEGA, declared.PIXELS, declared.UNCENTRED,
                  declared.SHARE)
    rows, result = rows_or_reasons(quantities, part.key, part.explained, part.maps, **part.options())
    return rows, [] if result is None else [({**declared.R2.name, **part.key}, result["null"].to_numpy()[:NULL_DRAWS])]


def _distances(part: _Part) -> Iterator[Row]:
    for distance, quantity in zip(DISTANCES[1:], declared.OF_DISTANCES, strict=True):  # the first is R²'s
        yield from rows_or_reasons([quantity], part.key, part.explained, part.maps, distance=distance,
                                   **part.options(distance))[0]


def _groups(part: _Part) -> list[Row]:
    """Ask whether groups of actors differ: whole actors are permuted among them."""
    if "group" not in part.maps.coords:
        return []
    options = part.options("group") | {"clusters": "actor"}
    return rows_or_reasons([declared.GROUPS], part.key, part.explained, part.maps, "group", **options)[0]


def _components(part: _Part) -> list[Row]:
    """Split the variance of maps over actors and images; people's is split by their responses instead."""
    return [] if part.source == HUMAN else _shares(components.COMPONENTS, part.key, _of_maps, part.maps)


def _of_maps(maps: xr.DataArray) -> xr.Dataset:
    result = components.variance_components(maps).sel(resampled="actors")
    notes = [NO_RESIDUAL if component == "image" else "" for component in result["component"].to_numpy()]
    return result.assign(n=result["n_images"], note=("component", notes))


def box_component_rows(data: StudyData, maps: Maps) -> Iterator[Row]:
    """Split the variance of people's responses over actors, images, workers and the rest, as given and smoothed."""
    if data.human is None:
        return
    if data.by_worker is None:
        yield from (without_value(NO_WORKERS, **declared.SHARES.name | {"metric": name}, source=HUMAN, form=RAW)
                    for name in components.RESPONSE_COMPONENTS)
        return
    kept = data.comparable_coverage["image"].to_numpy().tolist()
    responses = chosen(data.by_worker, names_of(data.by_worker)["image"].isin(kept).to_numpy())
    size = data.human.sizes["y"], data.human.sizes["x"]
    for form, sigma in ((RAW, None), (SMOOTHED, maps.sigma * size[1])):
        key = {"form": form, "sigma": sigma, "source": HUMAN}
        yield from _shares(components.RESPONSE_COMPONENTS, key, _of_responses, responses, data.images, size=size,
                           sigma=sigma or 0.0)


def _of_responses(responses: Responses, images: pd.DataFrame, *, size: tuple[int, int], sigma: float) -> xr.Dataset:
    result = components.response_variance_components(responses, images, size=size, sigma=sigma)
    result = result.sel(resampled="actors and workers")
    return result.assign(n=result["n_responses"], note="", left_out="")


def _shares(parts: Collection[str], key: Row, compute: Callable[..., xr.Dataset], *data: object,
            **options: object) -> list[Row]:
    """Give a row for each component, or the reason for each where nothing can be computed."""
    rows, result = rows_or_reasons([declared.SHARES], key, compute, *data, **options)
    return rows if result is not None else [{**rows[0], "metric": part} for part in parts]


def estimates(analysis: Analysis) -> Iterator[tuple[list[Row], list[Draws]]]:
    """Estimate what actors explain of every source's maps, and of single responses."""
    data, progress = analysis.data, analysis.progress
    progress.say("  variance explained")
    parts = guarded_parts(variance_estimates(data, analysis.maps, analysis.statistics, analysis.seed),
                          statistic=declared.VARIANCE)
    total = 5 * (data.human is not None) + 7 * len(data.classifier_maps) + 3  # as variance_estimates yields them
    yield from progress.track(parts, total=total, what="variance explained")
    progress.say("  variance of single responses")
    yield list(guarded(box_component_rows(data, analysis.maps), statistic=declared.COMPONENT, source=HUMAN)), []


def headlines(analysis: Analysis) -> Iterator[Row]:
    """Give the rows that the summary rests on: people's."""
    if analysis.data.human is not None:
        parts = variance_estimates(analysis.main_data, analysis.maps, analysis.statistics, analysis.seed, only=(HUMAN,))
        yield from (row for rows, _ in parts for row in rows)
