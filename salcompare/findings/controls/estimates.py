"""Estimates of whether agreement speaks of the network: the same of maps that cannot know the people, and less it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from salcompare.findings import controls as terms
from salcompare.findings.analysis import Analysis, Draws
from salcompare.findings.failures import FAILURES, guarded, rows_or_reasons, undefined_row, without_value
from salcompare.findings.overlap import CENTRE, DISTANCE, PAIRS, POPULATION
from salcompare.findings.rows import rows_of
from salcompare.maps import actor_heatmap, smooth, top_mask
from salcompare.maps.filters import sobel_edges
from salcompare.naming import PRIMARY, SMOOTHED
from salcompare.random_numbers import stream
from salcompare.statistics.metrics.densities import structural_similarity
from salcompare.statistics.metrics.ranking import spearman
from salcompare.statistics.metrics.registry import EVERY_METRIC, pairwise
from salcompare.statistics.overlaps.actor_similarity import actor_similarity, similarity_difference
from salcompare.statistics.overlaps.baselines import centre, given_centre
from salcompare.statistics.overlaps.control_networks import (
    NETWORK,
    PHOTOGRAPH,
    beside_networks,
    less_networks,
    network_maps,
    similarity_curve,
)
from salcompare.statistics.overlaps.heatmaps import HEATMAP_CONTRASTS, heatmap_tests, population_overlap
from salcompare.statistics.overlaps.pairings import compare_pairings, pairing_tests
from salcompare.statistics.overlaps.same_image import matched
from salcompare.study_data import StudyData

if TYPE_CHECKING:
    from salcompare.findings.overlap.estimates import OverlapAnalysis
    from salcompare.findings.rows import Row

_SIMILARITIES = {"spearman": spearman, "ssim": structural_similarity}


@dataclass
class _Control:
    """People's overlap with maps that cannot know them, of all pairs of images, by form and metric."""

    kind: str
    maps: tuple[xr.DataArray, ...]  # one a network
    every: xr.DataArray  # of all networks, named as their photographs are
    pairs: dict[tuple[str, str], xr.DataArray]  # of several networks, their mean
    networks: dict[tuple[str, str], xr.DataArray] = field(default_factory=dict)  # with a dim more, network
    failed: dict[tuple[str, str], str] = field(default_factory=dict)
    tests: dict[tuple[str, str], xr.Dataset] = field(default_factory=dict)
    similar: list[xr.Dataset] = field(default_factory=list)  # actor_similarity, one a network
    heatmaps: dict[str, xr.Dataset] = field(default_factory=dict)  # heatmap_tests and population_overlap, by form


class _Controls:
    """The controls of a study whose overlaps were computed, and what each classifier's are less theirs."""

    def __init__(self, analysis: OverlapAnalysis) -> None:
        self.of, self.data = analysis, analysis.data
        self.permuted = analysis.statistics.n_permutations
        self._given: dict[str, xr.DataArray] = {}

    def rows(self) -> Iterator[Row]:
        """Give the rows of every control, for each classifier that is held against it."""
        controls = self.data.get("controls", {})
        made: dict[int, _Control] = {}  # by the maps: networks that several sources are held against are one control
        compared = [source for source in self.data.classifier_maps if self.of.pairs_of(source, SMOOTHED)]
        for source in compared:
            try:
                yield from self._beside(source, self.edges)
                yield from self._of_itself(source, self.centre)
            except FAILURES as error:
                yield undefined_row(error, **{**terms.FROM_EDGES.name, **self._key(source, terms.SOBEL, SMOOTHED)})
            for kind, maps in controls.get(source, {}).items():
                if kind == terms.LAYERS:
                    continue
                try:
                    control = made.get(id(maps)) or made.setdefault(id(maps), self._networks(kind, maps["saliency"]))
                    yield from self._beside(source, control)
                except FAILURES as error:
                    yield undefined_row(error, **{**terms.FROM_NETWORKS.name, **self._key(source, kind, SMOOTHED)})

    @cached_property
    def edges(self) -> _Control:
        """Compare people with the photographs' edges."""
        photographs, coverage = self.data.photographs, self.data.comparable_coverage
        held = coverage["image"].to_numpy()[np.isin(coverage["image"], photographs["image"])]
        edges = sobel_edges(photographs.sel(image=held).load())
        pairs, failed = self._pairs(edges)
        return _Control(terms.SOBEL, (edges,), edges, pairs, failed=failed)

    @cached_property
    def centre(self) -> _Control:
        """Compare people with the centred Gaussian, which is the same on every image."""
        pairs = {(form.name, metric): self._with_shoots(matrix) for form in self.of.forms
                 for metric, matrix in self.of.pairs_of(CENTRE, form.name).items()}
        blob = centre(self.data.comparable_coverage)
        return _Control(CENTRE, (blob,), blob, pairs)

    def _networks(self, kind: str, control: xr.DataArray) -> _Control:
        """Compare people with each network's maps, by metrics that see no other images than the two compared."""
        networks = tuple(network_maps(control.load()).values())
        every = control.assign_coords(image=control[PHOTOGRAPH].to_numpy().astype(str))
        parts = [self._pairs(maps) for maps in networks]
        failed = {name: reason for _, failures in parts for name, reason in failures.items()}
        kept = [name for name in parts[0][0] if name not in failed and not EVERY_METRIC[name[1]].of_others]
        apart = {name: xr.concat([pairs[name] for pairs, _ in parts], NETWORK, join="exact", coords="minimal",
                                 compat="override", combine_attrs="drop_conflicts") for name in kept}
        return _Control(kind, networks, every, {name: pairs.mean(NETWORK) for name, pairs in apart.items()}, apart,
                        failed)

    def _pairs(self, maps: xr.DataArray) -> tuple[dict[tuple[str, str], xr.DataArray], dict[tuple[str, str], str]]:
        """Compare people with maps in every form, by every metric that works; and say why others do not."""
        pairs = {(terms.GIVEN, PRIMARY): self._given_centre(maps)}
        failed: dict[tuple[str, str], str] = {}
        for form in self.of.forms:
            matrices, failures = self.of.matrices(form, maps)
            pairs |= {(form.name, metric): matrix for metric, matrix in matrices.items()}
            failed |= {(form.name, metric): reason for metric, reason in failures.items()}
        return pairs, failed

    def _given_centre(self, maps: xr.DataArray) -> xr.DataArray:
        one, other = (given_centre(smooth(side, sigma=self.of.sigma)) for side in matched(self.of.coverage, maps))
        return self._with_shoots(pairwise(one, other, PRIMARY))

    def _with_shoots(self, matrix: xr.DataArray) -> xr.DataArray:
        """Give all pairs the coordinate of declared shoots, where there are some."""
        of_images = [] if self.of.clusters is None else [
            (self.of.clusters, ("image", self.of.coverage[self.of.clusters].sel(image=matrix["image"]).to_numpy()))]
        return matrix.assign_coords(dict(of_images))

    def _of_source(self, source: str, form: str, metric: str) -> xr.DataArray | None:
        if form != terms.GIVEN:
            return self.of.pairs_of(source, form).get(metric)
        if source not in self._given:
            self._given[source] = self._given_centre(self.data.classifier_maps[source]["saliency"].load())
        return self._given[source]

    def _beside(self, source: str, control: _Control) -> Iterator[Row]:
        """Give rows of a control, and of a source less it."""
        yield from self._of_itself(source, control)
        yield from guarded(self._similar(source, control), **{**terms.PAIRS_FROM_EDGES.name,
                                                              **self._pairs_key(source, control)})
        for (form, metric), matrix in control.pairs.items():
            one, key = self._of_source(source, form, metric), self._key(source, control.kind, form, metric)
            if one is None:
                continue
            score = self._score(source, control, form) if metric == PRIMARY else None
            if not control.networks:
                yield from rows_or_reasons([terms.FROM_EDGES], key, compare_pairings, one, matrix,
                                           clusters=self.of.clusters, same_image=score,
                                           n_permutations=self.permuted,
                                           rng=self._stream(source, *key.values()))[0]
                continue
            rows, result = rows_or_reasons([terms.FROM_NETWORKS], key, less_networks, one,
                                           control.networks[form, metric], better=EVERY_METRIC[metric].better,
                                           clusters=self.of.clusters, same_image=score)
            yield from rows
            if result is not None:
                yield from rows_of(result, terms.FROM_NEW, {**key, "against": terms.new(control.kind)})

    def _score(self, source: str, control: _Control, form: str) -> xr.Dataset | None:
        """Score a source above a control on the same image, of smoothed maps, over workers and actors."""
        if form not in (SMOOTHED, terms.GIVEN):
            return None
        given = centre(control.every).isel(image=0) if form == terms.GIVEN else None
        return self.of.score_above(self.data.classifier_maps[source]["saliency"], control.every, given)

    def _similar(self, source: str, control: _Control) -> Iterator[Row]:
        """Give the same rows of whether people and the maps find the same pairs of actors alike."""
        def similarity(maps: xr.DataArray, permuted: int = 1) -> xr.Dataset:
            """Compare with people, over the same splits of the same images."""
            return actor_similarity(self.of.coverage, maps, sigma=self.of.sigma, clusters=self.of.clusters,
                                    n_permutations=permuted, rng=self._stream(control.kind, PAIRS))

        key, saliency = self._pairs_key(source, control), self.data.classifier_maps[source]["saliency"].load()
        control.similar = control.similar or [
            similarity(maps, 1 if control.networks else self.permuted) for maps in control.maps]
        one = similarity(saliency.sel(image=np.isin(saliency["image"], control.maps[0]["image"])))
        if not control.networks:
            yield from rows_of(control.similar[0], terms.PAIRS_OF_CONTROL, key)
            yield from rows_of(similarity_difference(one, control.similar[0]), terms.PAIRS_FROM_EDGES, key)
            return
        kept = [part for part in control.similar if np.array_equal(part["left_out"], one["left_out"])]
        if not kept:
            yield without_value("no network has maps of the same actors", **{**terms.PAIRS_FROM_NETWORKS.name, **key})
            return
        mean = xr.concat([part[["value", "without", "n", "n_undefined"]] for part in kept], NETWORK).mean(
            NETWORK).assign(reason=kept[0]["reason"])
        apart = np.array([[float(one["value"] - part["value"])] for part in kept])
        result = beside_networks(similarity_difference(one, mean).expand_dims(contrast=[PAIRS]), apart)
        yield from rows_of(result, terms.PAIRS_FROM_NETWORKS, key)
        yield from rows_of(result, terms.PAIRS_FROM_NEW, {**key, "against": terms.new(control.kind)})

    def _pairs_key(self, source: str, control: _Control) -> dict[str, object]:
        return {**self._key(source, control.kind, SMOOTHED, DISTANCE), "contrast": PAIRS}

    def _of_itself(self, source: str, control: _Control) -> Iterator[Row]:
        """Give rows of the tests of a control in the classifier's place, which are the same for every source."""
        for (form, metric), reason in control.failed.items():
            yield without_value(reason, **{**terms.OF_ITSELF.name, **self._key(source, control.kind, form, metric)})
        for (form, metric), matrix in control.pairs.items():
            if (form, metric) not in control.tests:
                tests = pairing_tests(matrix, better=EVERY_METRIC[metric].better, clusters=self.of.clusters,
                                      n_permutations=self.permuted, rng=self._stream(control.kind, form, metric))
                control.tests[form, metric] = _none(tests) if control.kind == CENTRE else tests
            key = self._key(source, control.kind, form, metric)
            yield from rows_of(control.tests[form, metric], terms.OF_ITSELF, key)
            if (form, metric) == (SMOOTHED, PRIMARY):
                yield from rows_of(control.tests[form, metric], terms.OF_ITSELF_OF_ACTORS, key)
        for form, heatmaps in self._heatmaps(control).items():
            yield from rows_of(heatmaps, terms.OF_HEATMAPS, self._key(source, control.kind, form))

    def _heatmaps(self, control: _Control) -> dict[str, xr.Dataset]:
        """Compare people's heatmaps with the control's, by the primary metric; of networks, the mean over them."""
        for form in self.of.heatmaps.forms if not control.heatmaps else ():
            values = []
            for maps in control.maps:
                one, other = matched(self.of.coverage, maps)
                both = actor_heatmap(one), actor_heatmap(top_mask(other, share=self.of.share))
                tests = heatmap_tests(*both, metric=PRIMARY, sigma=form.sigma, n_permutations=1,
                                      rng=self._stream(control.kind, form.name))
                whole = population_overlap(*both, metrics=[PRIMARY], sigma=form.sigma)
                values.append(np.append(tests["value"].values, whole["value"].values))
            mean, nothing = np.mean(values, axis=0), [np.nan, np.nan]
            control.heatmaps[form.name] = xr.Dataset({
                "value": ("contrast", mean), "one": ("contrast", [*nothing, mean[0], np.nan]),
                "other": ("contrast", [*nothing, mean[1], np.nan])}, coords={
                    "contrast": [*HEATMAP_CONTRASTS, POPULATION]})
        return control.heatmaps

    def _stream(self, *of: object) -> np.random.Generator:
        return stream(self.of.seed, "control", *map(str, of))

    def _key(self, source: str, control: str, form: str, metric: str = PRIMARY) -> dict[str, object]:
        return {"form": form, "sigma": self.of.sigma if form in (SMOOTHED, terms.GIVEN) else None, "source": source,
                "against": control, "metric": metric}


def _none(tests: xr.Dataset) -> xr.Dataset:
    """Write exact zeros, without an interval, for the effects of a map that is the same on every image."""
    effect = tests["contrast"].isin(terms.EFFECTS) & ~np.isnan(tests["value"])
    return tests.assign(
        value=tests["value"].where(~effect, 0.0), ci_low=tests["ci_low"].where(~effect),
        ci_high=tests["ci_high"].where(~effect),
        reason=tests["reason"].where(~effect, "0, as its maps are all the same"))


def control_estimates(analysis: OverlapAnalysis) -> Iterator[Row]:
    """Give the rows of every control: its overlap with people, and each classifier's, whose rows were made, less it."""
    yield from _Controls(analysis).rows()


def curve_estimates(data: StudyData) -> Iterator[Row]:
    """Give the rows of how similar the maps of the network with randomised layers are to the intact network's."""
    for source, kinds in data.get("controls", {}).items():
        if terms.LAYERS in kinds:
            yield from guarded(_curves(data.classifier_maps[source]["saliency"], kinds[terms.LAYERS], source),
                               **terms.CURVE.name, source=source)


def _curves(saliency: xr.DataArray, control: xr.Dataset, source: str) -> Iterator[Row]:
    """Give rows of how similar maps of a network with randomised layers are to the classifier's."""
    for metric, similarity in _SIMILARITIES.items():
        curve = similarity_curve(saliency, control["saliency"].load(), similarity)
        yield from rows_of(curve, replace(terms.CURVE, metric=metric), {"source": source})


def estimates(analysis: Analysis) -> Iterator[tuple[list[Row], list[Draws]]]:
    """Hold every overlap against the same overlap of its controls, and maps against those of randomised layers."""
    yield list(curve_estimates(analysis.data)), []
    if analysis.data.human is not None:
        analysis.progress.say("  overlap beside controls")
        yield list(guarded(control_estimates(analysis.shared["overlap"]), statistic=terms.DIFFERENCE)), []


def headlines(analysis: Analysis) -> Iterator[Row]:
    """Give the rows of the controls, which no statement on agreement stands without."""
    if "overlap" in analysis.shared:
        yield from control_estimates(analysis.shared["overlap"])


def more_headlines(kept: pd.DataFrame, whole: pd.DataFrame,  # noqa: ARG001 - as every finding's
                   source: str | None) -> Iterator[tuple[str, dict[str, str]]]:
    """Name the effects' differences from those of controls."""
    for contrast in terms.EFFECTS if source else ():
        for control, of in ((terms.SOBEL, "that of Sobel edges"), (terms.RANDOMISED, "random networks' mean")):
            yield f"{contrast.capitalize()} minus {of}", {
                **terms.FROM_EDGES.name, "form": SMOOTHED, "contrast": contrast, "against": control,
                "source": str(source)}
