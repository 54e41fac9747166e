"""Estimates of unique agreement: of every classifier, of its controls, and the differences, each with its verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import xarray as xr

from salcompare.errors import InputError, Problem
from salcompare.findings import unique as terms
from salcompare.findings.analysis import Analysis, Draws, overlap_forms, tested_difference
from salcompare.findings.failures import guarded
from salcompare.findings.overlap import SAME_IMAGE, minus
from salcompare.findings.rows import Row, rows_of
from salcompare.maps.alignment import move_landmarks, transforms_of
from salcompare.naming import HUMAN, SMOOTHED, compared_sources
from salcompare.random_numbers import stream
from salcompare.statistics.inference.differences import equivalence, verdict
from salcompare.statistics.inference.resampling import actor_means, mean_over_actors
from salcompare.statistics.overlaps.unique import agreement_beyond, registered, unique_ceiling, unique_values
from salcompare.study_data import StudyData

_UNDEFINED = {**terms.OF_SOURCE.name, "form": SMOOTHED, "against": HUMAN, "contrast": SAME_IMAGE}


class UniqueAnalysis:
    """Unique agreement of a study's classifiers and of their controls; people's side is residualised once."""

    def __init__(self, analysis: Analysis) -> None:
        data = analysis.data
        if data.human is None:
            message = "unique agreement needs human maps"
            raise ValueError(message)
        self.data, self.statistics, self.seed = data, analysis.statistics, analysis.seed
        coverage = data.comparable_coverage
        self.sigma = overlap_forms(coverage.sizes["x"], analysis.maps)[1].sigma or 0.0
        self.shared = registered(coverage, data.photographs, _landmarks(data, coverage), sigma=self.sigma)
        self.ceiling = np.nan if data.by_worker is None else float(
            unique_ceiling(self.shared, data.by_worker, data.images)["ceiling"])
        self.smallest = self.statistics.smallest_effect * self.ceiling
        self.values: dict[int, xr.DataArray] = {}  # by the maps' identity, as sources share their controls

    def rows(self, source: str) -> Iterator[Row]:
        """Give the rows of one source by itself."""
        result = agreement_beyond(self.shared, self.data.classifier_maps[source]["saliency"].load(), rng=stream(
            self.seed, "unique", source), n_permutations=self.statistics.n_permutations)
        decided = self._decided(result, result["actor_value"])
        key = self._key(source, SAME_IMAGE)
        for quantity in (terms.OF_SOURCE, terms.OF_ACTORS, terms.SHARE):
            yield from rows_of(decided, quantity, key)
        yield from rows_of(decided, terms.BEYOND_OTHERS, {**key, "contrast": terms.BEYOND})

    def differences(self, controls: Mapping[str, Mapping[str, xr.Dataset]]) -> Iterator[Row]:
        """Give the rows of controls, and of sources less their controls and less each other."""
        for source, kinds in controls.items():
            for kind in terms.CONTROLS:
                if kind in kinds:
                    of_control = self._of(kinds[kind])
                    yield from rows_of(mean_over_actors(of_control), terms.OF_CONTROL, {
                        **self._key(source, kind), "against": kind})
                    yield from self._difference(source, kind, of_control)
        for one, other in compared_sources(list(self.data.classifier_maps)):
            yield from self._difference(one, other, self._of(self.data.classifier_maps[other]))

    def _difference(self, source: str, other: str, of_other: xr.DataArray) -> Iterator[Row]:
        """Compare on the images that both sides have."""
        of_source = self._of(self.data.classifier_maps[source])
        images = np.intersect1d(of_source["image"].to_numpy(), of_other["image"].to_numpy())
        sides = [side.sel(image=images) for side in (of_source, of_other)]
        held = ~np.isnan(sides[0].to_numpy() + sides[1].to_numpy())
        one, two = (actor_means(side[held])["value"] for side in sides)
        result = tested_difference(one, two, null="signs of actors' mean differences flipped", n_permutations=(
            self.statistics.n_permutations), rng=stream(self.seed, "unique", source, other))
        yield from rows_of(self._decided(result, one - two), terms.DIFFERENCE, {
            **self._key(source, minus(other)), "against": other})

    def _decided(self, result: xr.Dataset, of_actors: xr.DataArray) -> xr.Dataset:
        """Add what the smallest effect of interest says."""
        small = equivalence(of_actors, smallest=self.smallest)["p_equivalence"]
        return result.assign(ceiling=self.ceiling, smallest_effect=self.smallest, p_equivalence=small,
                             verdict=((), str(verdict(result["p_value"], small))))

    def _of(self, maps: xr.Dataset) -> xr.DataArray:
        if id(maps) not in self.values:
            self.values[id(maps)] = unique_values(self.shared, maps["saliency"].load())
        return self.values[id(maps)]

    def _key(self, source: str, contrast: str) -> dict[str, object]:
        return {"form": SMOOTHED, "sigma": self.sigma, "source": source, "against": HUMAN, "contrast": contrast}


def _landmarks(data: StudyData, maps: xr.DataArray) -> xr.DataArray:
    """Give the study's landmarks in pixels of its maps; InputError where it has none."""
    if data.get("landmarks") is None:
        raise InputError(Problem("unique agreement", "no landmarks", "landmarks of the faces", "set source in "
                                 "[landmarks]: without, heads that turn would seem to be agreement"))
    return move_landmarks(data.get("landmarks"), transforms_of(data.images, size=(maps.sizes["y"], maps.sizes["x"])))


def estimates(analysis: Analysis) -> Iterator[tuple[list[Row], list[Draws]]]:
    """Estimate unique agreement of every classifier, beside its controls."""
    if analysis.data.human is not None and analysis.data.classifier_maps:
        analysis.progress.say("  unique agreement")
        yield list(guarded(_rows(analysis, *analysis.data.classifier_maps), **_UNDEFINED)), []


def headlines(analysis: Analysis) -> Iterator[Row]:
    """Give the rows that the summary rests on."""
    if analysis.data.human is not None and analysis.data.main is not None:
        yield from guarded(_rows(analysis, analysis.data.main), **_UNDEFINED)


def _rows(analysis: Analysis, *sources: str) -> Iterator[Row]:
    """Give the rows of some sources; of all the study's, those of controls and differences, too."""
    whole = UniqueAnalysis(analysis)
    for source in sources:
        yield from whole.rows(source)
    if len(sources) == len(analysis.data.classifier_maps):
        yield from whole.differences(analysis.data.get("controls", {}))
