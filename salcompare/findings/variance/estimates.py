"""Estimates of the variance of maps that actors explain."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from salcompare import maps as mapping
from salcompare.findings.failures import FAILURES, guarded, guarded_parts, undefined_row
from salcompare.findings.parts import NO_WORKERS, NULL_DRAWS, Analysis, AnalysisData, Draws, stream
from salcompare.phrases import counted
from salcompare.statistics.responses import chosen, names_of
from salcompare.statistics.variance.components import (
    COMPONENTS,
    RESPONSE_COMPONENTS,
    response_variance_components,
    variance_components,
)
from salcompare.statistics.variance.dispersion import dispersion_test
from salcompare.statistics.variance.explained import variance_explained
from salcompare.statistics.variance.gram import DISTANCES
from salcompare.statistics.variance.partial import partial_variance_explained

if TYPE_CHECKING:
    from salcompare.config import Maps, Statistics
    from salcompare.findings.rows import Row


METRICS = ("r2", "r2_adjusted", "omega2", "r2_pixel_mean", "r2_uncentred", "between_actor_share")
PRIMARY = ("smoothed", "smoothed masks", "grey")
"""Forms that the costlier questions are asked of: other distances, the photographs' part, groups of actors."""
MOST_DISPERSIONS = 999  # its medians are iterated to, in each permutation
_PHOTOGRAPHS = 0.9  # share of the photographs' variance that the partial R² is given


@dataclass(frozen=True)
class _Part:
    """Maps of one source in one form, with all that is asked of them."""

    maps: xr.DataArray
    source: str
    form: str
    sigma: float | None
    n_permutations: int
    seed: int

    @property
    def clusters(self) -> str | None:
        """What moves together: images of a shoot, where the catalogue has shoots."""
        return "shoot" if "shoot" in self.maps.coords else None

    def key(self, metric: str, statistic: str = "variance_explained") -> dict[str, object]:
        """Give the columns that name a row."""
        return {"statistic": statistic, "metric": metric, "form": self.form, "sigma": self.sigma,
                "level": "population", "source": self.source}

    def rng(self, *names: str) -> np.random.Generator:
        """Give each question a stream of its own."""
        return stream(self.seed, "variance", self.source, self.form, *names)


def variance_estimates(data: AnalysisData, maps: Maps, statistics: Statistics, seed: int, *,
                       only: Collection[str] | None = None) -> Iterator[tuple[list[Row], list[Draws]]]:
    """Estimate for each source (or `only` some) and each form of its maps, the photographs beside as the control."""
    for (source, form), prepared in _prepared(data, maps):
        if only is not None and source not in only:
            continue
        sigma = maps.sigma * data.photographs.sizes["x"] if form.startswith("smoothed") else None
        part = _Part(_with_coords(prepared, data.images), source, form, sigma, statistics.n_permutations, seed)
        if form != "grey":
            yield _explained(part)
            yield [_dispersion(part), *component_rows(part.maps, part.key("", "variance_component"), source)], []
        if form in PRIMARY:
            yield [*_distances(part), *_groups(part)], []
            if source != "photographs":
                yield _given_photographs(part, data.photographs)


def n_variance_parts(data: AnalysisData) -> int:
    """Count the parts that `variance_estimates` gives, to say how many of them are done."""
    return 6 * (data.human is not None) + 8 * len(data.classifier_maps) + 3


def _prepared(data: AnalysisData, maps: Maps) -> Iterator[tuple[tuple[str, str], xr.DataArray]]:
    if data.human is not None:
        for form, coverage in coverage_forms(data.comparable_coverage, maps).items():
            yield ("human", form), coverage
    for source, dataset in data.classifier_maps.items():
        for form, saliency in saliency_forms(dataset["saliency"], maps).items():
            yield (source, form), saliency
    test = data.photographs.sel(image=data.photographs["split"] == "test").astype("float32")
    yield ("photographs", "raw"), test
    yield ("photographs", "grey"), test.mean("channel")


def coverage_forms(coverage: xr.DataArray, maps: Maps) -> Mapping[str, xr.DataArray]:
    """Coverage as it is, and smoothed; it is never masked, half of its pixels being ties."""
    return {"raw": coverage, "smoothed": mapping.smooth(coverage, sigma=maps.sigma * coverage.sizes["x"])}


def saliency_forms(saliency: xr.DataArray, maps: Maps) -> Mapping[str, xr.DataArray]:
    """Saliency as it is, its masks, and its masks smoothed."""
    masks = mapping.top_mask(saliency, share=maps.mask_share).astype("float32")
    return {"raw": saliency, "masks": masks,
            "smoothed masks": mapping.smooth(masks, sigma=maps.sigma * masks.sizes["x"])}


def _with_coords(maps: xr.DataArray, images: pd.DataFrame) -> xr.DataArray:
    """Add the images' shoot, told apart by actor, and their actors' group, where the catalogue has them."""
    rows = images.set_index("image").reindex(maps["image"].to_numpy())
    coords = {}
    if "shoot" in rows and rows["shoot"].notna().any():
        coords["shoot"] = ("image", (rows["actor"] + "/" + rows["shoot"].astype("object")).to_numpy(object))
    if "group" in rows and rows["group"].notna().any():
        coords["group"] = ("image", rows["group"].to_numpy(object))
    return maps.drop_vars([name for name in ("shoot", "group") if name in maps.coords]).assign_coords(coords)


def _explained(part: _Part) -> tuple[list[Row], list[Draws]]:
    try:
        found = variance_explained(part.maps, n_permutations=part.n_permutations, rng=part.rng(),
                                   clusters=part.clusters)
    except FAILURES as error:  # too few actors or images: the study goes on without this number
        return [undefined_row(error, **part.key(metric)) for metric in METRICS], []
    return ([_row(found, metric, part.key(metric)) for metric in METRICS],
            [(part.key("r2"), found["null"].to_numpy()[:NULL_DRAWS])])


def _distances(part: _Part) -> Iterator[Row]:
    for distance in DISTANCES:
        key = part.key(f"r2_{distance}")
        if distance == "euclidean":
            continue
        try:
            found = variance_explained(part.maps, n_permutations=part.n_permutations, rng=part.rng(distance),
                                       clusters=part.clusters, distance=distance)
        except FAILURES as error:
            yield undefined_row(error, **key)
        else:
            yield _row(found, "r2", key)


def _groups(part: _Part) -> Iterator[Row]:
    """Ask whether groups of actors differ: whole actors are permuted among them."""
    if "group" not in part.maps.coords:
        return
    try:
        found = variance_explained(part.maps, "group", n_permutations=part.n_permutations, rng=part.rng("group"),
                                   clusters="actor")
    except FAILURES as error:
        yield undefined_row(error, **part.key("r2_group"))
    else:
        yield _row(found, "r2", part.key("r2_group"))


def _dispersion(part: _Part) -> Row:
    key = part.key("f_median", "dispersion")
    try:
        found = dispersion_test(part.maps, n_permutations=min(part.n_permutations, MOST_DISPERSIONS),
                                rng=part.rng("dispersion"), clusters=part.clusters)
    except FAILURES as error:
        return undefined_row(error, **key)
    return _tested(found, key, "pseudo_f") | {"reason": _joined(found.attrs["reason"], found.attrs["left_out"])}


def _given_photographs(part: _Part, photographs: xr.DataArray) -> tuple[list[Row], list[Draws]]:
    """Ask what actors explain beyond the photographs' leading components, whose number stands in `contrast`."""
    key = part.key("r2_partial") | {"against": "photographs"}
    try:
        found = partial_variance_explained(part.maps, photographs, n_components=_PHOTOGRAPHS, rng=part.rng("partial"),
                                           n_permutations=part.n_permutations, clusters=part.clusters)
    except FAILURES as error:
        return [undefined_row(error, **key)], []
    if np.isfinite(found["n_components"]):
        key["contrast"] = (f"given {counted(int(found['n_components']), 'component')} of the photographs "
                           f"({float(found['photograph_share']):.0%} of their variance)")
    reason = _joined(found.attrs["reason"], found.attrs["left_out"])
    rows: list[Row] = [{**_tested(found, key, "r2_partial"), "null_mean": float(found["null_mean"]), "reason": reason}]
    rows += [{**key, "metric": metric, "value": float(found[metric]), "n": int(found["n_images"]), "reason": reason}
             for metric in ("r2_partial_adjusted", "r2_photographs")]
    return rows, [(key, found["null"].to_numpy()[:NULL_DRAWS])]


def _tested(found: xr.Dataset, key: Row, value: str) -> dict[str, object]:
    return {**key, "value": float(found[value]), "null": found.attrs["null"], "alternative": "greater",
            "p_value": float(found["p_value"]), "p_attainable": float(found["p_attainable"]),
            "n": int(found["n_images"]), "n_undefined": int(found["n_undefined"]),
            "n_resamples": int(found["n_permutations"])}


def _joined(*reasons: object) -> str | None:
    return "; ".join(dict.fromkeys(str(reason) for reason in reasons if reason)) or None


def _row(found: xr.Dataset, metric: str, key: Row) -> Row:
    reason = _joined(found.attrs["reason"], found.attrs["left_out"])
    if metric in ("r2", "r2_uncentred"):
        mean = found["null_mean"] if metric == "r2" else found["r2_uncentred_null_mean"]
        fixed = "" if found.attrs["reason"] or int(found["n_permutations"]) else "nothing can be permuted"
        return _tested(found, key, metric) | {"null_mean": float(mean), "reason": _joined(reason, fixed)}
    row = {**key, "value": float(found[metric]), "n": int(found["n_images"]),
           "n_undefined": int(found["n_undefined"]), "reason": reason}
    if metric == "between_actor_share":
        return row | {"ci_low": float(found["ci_low"]), "ci_high": float(found["ci_high"]),
                      "ci_method": found.attrs["ci_method"], "resampled": found.attrs["resampled"],
                      "reason": _joined(found.attrs["ci_reason"], reason)}
    return row


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
                     "form": "raw", "reason": NO_WORKERS} for name in RESPONSE_COMPONENTS)
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
            yield from (undefined_row(error, **{**key, "metric": name}) for name in RESPONSE_COMPONENTS)
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


def estimates(analysis: Analysis) -> Iterator[tuple[list[Row], list[Draws]]]:
    """Estimate what actors explain of every source's maps, and of single responses."""
    data, progress = analysis.data, analysis.progress
    progress.say("  variance explained")
    parts = guarded_parts(variance_estimates(data, analysis.maps, analysis.statistics, analysis.seed),
                          statistic="variance_explained")
    yield from progress.track(parts, total=n_variance_parts(data), what="variance explained")
    progress.say("  variance of single responses")
    yield list(guarded(box_component_rows(data, analysis.maps), statistic="variance_component", source="human")), []
