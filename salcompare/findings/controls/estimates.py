"""Estimates of whether an overlap speaks of the network: the same overlap for maps that cannot know the people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from salcompare.findings import controls as terms
from salcompare.findings.analysis import Analysis, Draws, Form
from salcompare.findings.failures import FAILURES, each_that_works, guarded, undefined_row, without_value
from salcompare.findings.overlap import SAME, SAME_IMAGE
from salcompare.findings.rows import rows_of
from salcompare.maps.filters import photograph_gradient, sobel_edges
from salcompare.naming import HUMAN
from salcompare.random_numbers import stream
from salcompare.statistics.inference.resampling import mean_over_actors
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

_OF_PHOTOGRAPHS = {terms.SOBEL: sobel_edges, terms.GRADIENT: photograph_gradient}
_SIMILARITIES = {"spearman": spearman, "ssim": structural_similarity}


def control_estimates(analysis: OverlapAnalysis) -> Iterator[Row]:
    """Give the rows of every control: its overlap with people, and each classifier's, whose rows were made, less it."""
    smoothed = analysis.forms[-1]
    yield from guarded(_edges(analysis), **{**terms.FROM_EDGES.name, **_key(terms.SOBEL, smoothed, terms.SOBEL)})
    controls = analysis.data.get("controls", {})
    for source, kinds in controls.items():
        for kind in (terms.RANDOMISED, terms.SHUFFLED):
            if kind in kinds:
                first = next(other for other in controls if controls[other].get(kind) is kinds[kind])
                # networks that several sources are held against have rows once, of the first of them
                name = "" if first != source else kind if first == next(iter(controls)) else f"{kind} of {first}"
                try:
                    yield from _networks(analysis, source, kind, name)
                except FAILURES as error:
                    yield undefined_row(error, **{**terms.FROM_NETWORKS.name, **_key(source, smoothed, kind)})


def curve_estimates(data: StudyData) -> Iterator[Row]:
    """Give the rows of how similar the maps of the network with randomised layers are to the intact network's."""
    for source, kinds in data.get("controls", {}).items():
        if terms.LAYERS in kinds:
            yield from guarded(_curves(data.classifier_maps[source]["saliency"], kinds[terms.LAYERS], source),
                               **terms.CURVE.name, source=source)


def _edges(analysis: OverlapAnalysis) -> Iterator[Row]:
    """Give rows of the photographs' edges, and of every classifier less them."""
    photographs, coverage = analysis.data.photographs, analysis.data.comparable_coverage
    held = coverage.image.values[np.isin(coverage.image.values, photographs.image.values)]
    if not held.size or not analysis.data.classifier_maps:
        return
    for name, edges in _OF_PHOTOGRAPHS.items():
        maps = edges(photographs.sel(image=held).load())
        for form in analysis.forms:
            values, failed = each_that_works(form.tested, partial(
                overlap, coverage.sel(image=held), maps, share=analysis.share, sigma=form.sigma))
            yield from analysis.rows_of_control(name, form.name, values)
            yield from (without_value(reason, **{**SAME.name, **_key(name, form, HUMAN), "metric": metric,
                                                 "contrast": SAME_IMAGE}) for metric, reason in failed.items())
            for source in analysis.data.classifier_maps:
                of_classifier = analysis.known(source, form.name)
                if of_classifier is not None and values.data_vars:
                    yield from _beside(_key(source, form, name), *defined_on_both(of_classifier, values))
                    differences = paired_differences(of_classifier, values, alternative="two-sided",
                                                     n_permutations=analysis.statistics.n_permutations,
                                                     rng=stream(analysis.seed, "control", source, name, form.name))
                    yield from rows_of(differences, terms.FROM_EDGES, _key(source, form, name))


def _beside(key: Row, of_source: xr.Dataset, of_control: xr.Dataset) -> Iterator[Row]:
    """Give rows of a source's overlap and of its control's on the same images, so that both can stand side by side."""
    for quantity, values in ((terms.ON_ITS_IMAGES, of_source), (terms.OF_ITSELF, of_control)):
        every = values[[name for name in METRICS if name in values]].to_dataarray("metric")
        yield from rows_of(mean_over_actors(every), quantity, {**key, "contrast": None})


def _networks(analysis: OverlapAnalysis, source: str, kind: str, name: str) -> Iterator[Row]:
    """Give rows of networks that have not learnt the people, and of the classifier less them.

    The networks' overlap by itself is given where they have a name among the sources.
    """
    control = analysis.data.get("controls", {})[source][kind]["saliency"].load()
    saliency = analysis.data.classifier_maps[source]["saliency"].load()
    for form in analysis.forms:
        of_classifier, of_control = overlaps_by_network(
            analysis.coverage, saliency, control, metrics=form.tested, share=analysis.share, sigma=form.sigma,
            already=analysis.known(source, form.name))
        if name:
            yield from analysis.rows_of_control(name, form.name, over_networks(of_control))
        differences, key = network_differences(of_classifier, of_control), _key(source, form, kind)
        one, other = (over_networks(side) for side in defined_on_both(of_classifier, of_control))
        yield from _beside(key, one, other)
        yield from (*rows_of(differences, terms.FROM_NETWORKS, key), *rows_of(differences, terms.SPREAD, key))


def _curves(saliency: xr.DataArray, control: xr.Dataset, source: str) -> Iterator[Row]:
    """Give rows of how similar maps of a network with randomised layers are to the classifier's."""
    for metric, similarity in _SIMILARITIES.items():
        curve = similarity_curve(saliency, control["saliency"].load(), similarity)
        yield from rows_of(curve, replace(terms.CURVE, metric=metric), {"source": source})


def _key(source: str, form: Form, control: str) -> dict[str, object]:
    return {"form": form.name, "sigma": form.sigma, "source": source, "against": control, "contrast": terms.CONTRAST}


def estimates(analysis: Analysis) -> Iterator[tuple[list[Row], list[Draws]]]:
    """Hold every overlap against the same overlap of its controls, and maps against those of randomised layers."""
    yield list(curve_estimates(analysis.data)), []
    if analysis.data.human is not None:
        analysis.progress.say("  overlap beside controls")
        overlaps: OverlapAnalysis = analysis.shared["overlap"]
        yield list(guarded(control_estimates(overlaps), statistic=terms.DIFFERENCE)), []
        analysis.tables["overlap_images"] = overlaps.image_table()
