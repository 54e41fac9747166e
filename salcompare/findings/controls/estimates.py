"""Estimates of whether an overlap speaks of the network: the same overlap for maps that cannot know the people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from salcompare.findings.failures import (
    FAILURES,
    each_that_works,
    guarded,
    undefined_row,
    without_value,
)
from salcompare.findings.overlap.pairings import n_draws
from salcompare.findings.parts import Analysis, Draws, population_row, stream
from salcompare.maps.filters import photograph_gradient, sobel_edges
from salcompare.statistics.inference.resampling import actor_means, population_mean
from salcompare.statistics.metrics.densities import structural_similarity
from salcompare.statistics.metrics.ranking import spearman
from salcompare.statistics.metrics.registry import METRICS
from salcompare.statistics.overlaps.baselines import defined_on_both, paired_differences
from salcompare.statistics.overlaps.control_networks import (
    network_differences,
    over_networks,
    overlaps_by_network,
    similarity_curve,
)
from salcompare.statistics.overlaps.same_image import overlap
from salcompare.study_data import StudyData

if TYPE_CHECKING:
    from salcompare.findings.overlap.estimates import OverlapAnalysis
    from salcompare.findings.rows import Row

RANDOMISED, SHUFFLED, LAYERS = "randomised network", "shuffled labels", "layers"
SOBEL, GRADIENT = "sobel", "photograph gradient"
CONTRAST = "classifier - control"
BESIDE, OF_CONTROL = "overlap_beside_control", "overlap_of_control"
"""Statistics of the two that a difference from a control is of, on the images and actors of the difference."""
_OF_PHOTOGRAPHS = {SOBEL: sobel_edges, GRADIENT: photograph_gradient}
_SIMILARITIES = {"spearman": spearman, "ssim": structural_similarity}


def control_estimates(analysis: OverlapAnalysis) -> Iterator[Row]:
    """Give the rows of every control: its own overlap with people, and each classifier's less it.

    Parameters
    ----------
    analysis : OverlapAnalysis
        The rows of the classifiers were made.
    """
    yield from guarded(_edges(analysis), **_key(analysis, SOBEL, "smoothed", "pearson", SOBEL))
    controls = analysis.data.get("controls", {})
    for source, kinds in controls.items():
        for kind in (RANDOMISED, SHUFFLED):
            if kind in kinds:
                owner = next(other for other in controls if controls[other].get(kind) is kinds[kind])
                try:
                    yield from _networks(analysis, source, kind, _name(kind, owner, controls), own=owner == source)
                except FAILURES as error:
                    yield undefined_row(error, **_key(analysis, source, "smoothed", "pearson", kind))


def _name(kind: str, owner: str, controls: Mapping[str, object]) -> str:
    """Name a control's networks among the sources; those of the first classifier's main source have a short name."""
    return kind if owner == next(iter(controls)) else f"{kind} of {owner}"


def curve_estimates(data: StudyData) -> Iterator[Row]:
    """Give the rows of how like a network's own maps those are of the network with randomised layers."""
    for source, kinds in data.get("controls", {}).items():
        if LAYERS in kinds:
            yield from guarded(_curves(data.classifier_maps[source]["saliency"], kinds[LAYERS], source),
                               statistic="randomisation_similarity", metric="spearman", source=source)


def _edges(analysis: OverlapAnalysis) -> Iterator[Row]:
    """Rows of the photographs' edges, and of every classifier less them."""
    photographs, coverage = analysis.data.photographs, analysis.data.comparable_coverage
    held = coverage.image.values[np.isin(coverage.image.values, photographs.image.values)]
    if not held.size or not analysis.data.classifier_maps:
        return
    for name, edges in _OF_PHOTOGRAPHS.items():
        maps = edges(photographs.sel(image=held).load())
        for form, sigma, metrics in analysis.forms:
            values, failed = each_that_works(_compared(metrics), partial(
                overlap, coverage.sel(image=held), maps, share=analysis.share, sigma=sigma))
            yield from analysis.rows_of_control(name, form, values)
            yield from (without_value(reason, **{**_key(analysis, name, form, metric, ""), "statistic": "overlap",
                                                 "against": "human", "contrast": "same image"})
                        for metric, reason in failed.items())
            for source in analysis.data.classifier_maps:
                of_classifier = analysis.known(source, form)
                if of_classifier is not None and values.data_vars:
                    yield from _beside(analysis, source, name, form, *defined_on_both(of_classifier, values))
                    yield from _paired(analysis, source, name, form, of_classifier, values)


def _compared(metrics: Sequence[str]) -> list[str]:
    return [name for name in metrics if not METRICS[name].costly]  # else it doubles the whole's time


def _paired(analysis: OverlapAnalysis, source: str, name: str, form: str, values: xr.Dataset,
            other: xr.Dataset) -> Iterator[Row]:
    found = paired_differences(values, other, alternative="two-sided",
                               n_permutations=analysis.statistics.n_permutations,
                               rng=stream(analysis.seed, "control", source, name, form))
    for metric in found["metric"].to_numpy().tolist():
        one = found.sel(metric=metric)
        yield {**population_row(one, **_key(analysis, source, form, metric, name)), "null": found.attrs["null"],
               "null_mean": 0.0, "alternative": str(one["alternative"].item()), "p_value": float(one["p_value"]),
               "p_attainable": float(one["p_attainable"]), "n_resamples": n_draws(one["p_attainable"].item())}


def _beside(analysis: OverlapAnalysis, source: str, kind: str, form: str, own: xr.Dataset,
            control: xr.Dataset) -> Iterator[Row]:
    """Rows of a source's overlap and of its control's on the same images, so that both can stand side by side."""
    for statistic, values in ((BESIDE, own), (OF_CONTROL, control)):
        every = values[[name for name in METRICS if name in values]].to_dataarray("metric")
        found = population_mean(actor_means(every)["value"])
        for metric in found["metric"].to_numpy().tolist():
            key = {**_key(analysis, source, form, metric, kind), "statistic": statistic, "contrast": None}
            yield population_row(found.sel(metric=metric), **key)


def _networks(analysis: OverlapAnalysis, source: str, kind: str, name: str, *, own: bool) -> Iterator[Row]:
    """Rows of networks that have not learnt the people, and of the classifier less them.

    The networks' overlap by itself is given once, for the source whose `own` they are.
    """
    control = analysis.data.get("controls", {})[source][kind]["saliency"].load()
    saliency = analysis.data.classifier_maps[source]["saliency"].load()
    for form, sigma, metrics in analysis.forms:
        of_classifier, of_control = overlaps_by_network(
            analysis.coverage, saliency, control, metrics=_compared(metrics), share=analysis.share, sigma=sigma,
            already=analysis.known(source, form))
        averaged = over_networks(of_control)
        if own:
            yield from analysis.rows_of_control(name, form, averaged)
        yield from _beside(analysis, source, kind, form, *(
            over_networks(side) for side in defined_on_both(of_classifier, of_control)))
        found = network_differences(of_classifier, of_control)
        for metric in found["metric"].to_numpy().tolist():
            one, key = found.sel(metric=metric), _key(analysis, source, form, metric, kind)
            yield {**population_row(one, **key), "resampled": found.attrs["resampled"]}
            yield {**key, "statistic": "control_spread", "level": "population", "value": float(one["spread"]),
                   "n": int(one["n_networks"]), "reason": None if one["spread"].notnull() else "a single network"}


def _curves(saliency: xr.DataArray, control: xr.Dataset, source: str) -> Iterator[Row]:
    """Rows of how like the classifier's own maps those of a network with randomised layers are."""
    for metric, similarity in _SIMILARITIES.items():
        found = similarity_curve(saliency, control["saliency"].load(), similarity)
        for at in range(found.sizes["step"]):
            one = found.isel(step=at)
            row = population_row(one, statistic="randomisation_similarity", metric=metric, source=source,
                                 form=str(one["form"].item()), against=str(one["layer"].item()))
            yield {**row, "resampled": found.attrs["resampled"]}


def _key(analysis: OverlapAnalysis, source: str, form: str, metric: str, control: str) -> Mapping[str, object]:
    return {"statistic": "overlap_control", "metric": metric, "form": form, "source": source, "against": control,
            "contrast": CONTRAST, "sigma": analysis.sigma if form == "smoothed" else None}


def estimates(analysis: Analysis) -> Iterator[tuple[list[Row], list[Draws]]]:
    """Hold every overlap against the same overlap of its controls, and maps against those of randomised layers."""
    yield list(curve_estimates(analysis.data)), []
    if analysis.data.human is not None:
        analysis.progress.say("  overlap beside controls")
        overlaps: OverlapAnalysis = analysis.shared["overlap"]
        yield list(guarded(control_estimates(overlaps), statistic="overlap_control")), []
        analysis.tables["overlap_images"] = overlaps.image_table()
