"""Estimates of the overlap of heatmaps: of each actor's, and of the population's."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from salcompare import maps as mapping
from salcompare.errors import InputError
from salcompare.findings.failures import (
    FAILURES,
    each_that_works,
    guarded,
    undefined_row,
    without_value,
)
from salcompare.findings.overlap.pairings import n_draws
from salcompare.findings.parts import actor_rows, population_row, stream
from salcompare.printing import EQUAL
from salcompare.statistics.inference.resampling import population_mean
from salcompare.statistics.metrics.registry import METRICS
from salcompare.statistics.overlaps.baselines import centre, other_actors_mean, paired_differences, uniform_overlap
from salcompare.statistics.overlaps.heatmaps import (
    as_images,
    heatmap_tests,
    population_differences,
    population_overlap,
)
from salcompare.statistics.overlaps.same_image import matched, overlap

if TYPE_CHECKING:
    from salcompare.config import Maps, Statistics
    from salcompare.findings.rows import Row

PRIMARY = "pearson"
SAME, POPULATION = "same actor", "population"
UNIFORM, CENTRE, OTHERS = "baseline/uniform", "baseline/centre", "baseline/other actors"
Overlaps = tuple[xr.Dataset, dict[str, str]]
"""Values of the metrics that work, and why the others fail."""
_TESTED = tuple(name for name, metric in METRICS.items() if not metric.costly)  # of all A x A pairs


class HeatmapOverlap:
    """Overlap of heatmaps on the settings of one study: of coverage for people, of masks for classifiers.

    Parameters
    ----------
    maps, statistics : Maps, Statistics
        Settings.
    width : int
        Of the grid, pixels.
    seed : int
        Of the study.
    """

    def __init__(self, maps: Maps, statistics: Statistics, width: int, seed: int) -> None:
        self.statistics, self.seed, self.share = statistics, seed, maps.mask_share
        self.forms: tuple[tuple[str, float | None, tuple[str, ...]], ...] = (
            ("heatmaps", None, tuple(METRICS)), ("smoothed heatmaps", maps.sigma * width, (PRIMARY,)))
        self._known: dict[tuple[object, ...], tuple[dict[str, Overlaps], xr.Dataset]] = {}

    def study_rows(self, heatmaps: xr.DataArray) -> Iterator[Row]:
        """Compare heatmaps (source, actor, y, x), people's among them, where responses name actors and no images."""
        human = heatmaps.sel(source="human", drop=True)
        yield from self.baseline_rows(human)
        for source in (str(name) for name in heatmaps["source"].to_numpy() if name != "human"):
            yield from self.rows_of_heatmaps(human, heatmaps.sel(source=source, drop=True), source)

    def rows(self, coverage: xr.DataArray, saliency: xr.DataArray, source: str) -> Iterator[Row]:
        """Give a classifier's rows, from the images that it and people both have."""
        try:
            one, other = matched(coverage, saliency)
            yield from self.rows_of_heatmaps(mapping.actor_heatmap(one), mapping.actor_heatmap(
                mapping.top_mask(other, share=self.share)), source)
        except FAILURES as error:
            yield undefined_row(error, **self._key(source, "smoothed heatmaps", self.forms[1][1], PRIMARY, SAME))

    def rows_of_heatmaps(self, human: xr.DataArray, classifier: xr.DataArray, source: str) -> Iterator[Row]:
        """Give a classifier's rows from heatmaps (actor, y, x), for responses that name actors and no images."""
        for form, sigma, metrics in self.forms:
            yield from guarded(self._actors(human, classifier, source, form, sigma, metrics),
                               **self._key(source, form, sigma, PRIMARY, SAME))
            yield from guarded(self._population(human, classifier, source, form, sigma, metrics),
                               **self._key(source, form, sigma, PRIMARY, POPULATION))

    def baseline_rows(self, human: xr.DataArray) -> Iterator[Row]:
        """Give the rows of people's heatmaps (actor, y, x) with the baselines in the classifier's place."""
        for form, sigma, metrics in self.forms:
            of_actors, of_population = self._baselines(human, sigma, metrics)
            for name, (values, failed) in of_actors.items():
                for metric in metrics:
                    key = self._key(name, form, sigma, metric, SAME)
                    yield from [without_value(failed[metric], **key)] if metric in failed else self._same_actor(
                        values[metric], key)
            if "metric" in of_population.coords:
                yield from self._of_population(of_population, CENTRE, form, sigma, POPULATION)

    def _baselines(self, human: xr.DataArray, sigma: float | None,
                   metrics: tuple[str, ...]) -> tuple[dict[str, Overlaps], xr.Dataset]:
        """Overlap of people's heatmaps with each baseline, and of the population's with the centred one.

        Sources that are of the same images have the same; it is computed once.
        """
        key = (hashlib.sha256(human.to_numpy().tobytes()).digest(), human["actor"].to_numpy().tobytes(), sigma, metrics)
        if key not in self._known:
            blob, _ = self._of_heatmaps(human, centre(human), sigma, metrics)
            self._known[key] = self._with_actors(as_images(human), sigma, metrics), blob
        return self._known[key]

    def _with_actors(self, people: xr.DataArray, sigma: float | None,
                     metrics: tuple[str, ...]) -> dict[str, Overlaps]:
        found = {UNIFORM: each_that_works(metrics, partial(
            uniform_overlap, people, share=self.share, sigma=sigma))}
        known = {CENTRE: centre(people)} | ({OTHERS: other_actors_mean(people)} if people.sizes["image"] > 1 else {})
        return found | {name: each_that_works(metrics, partial(overlap, people, maps, share=self.share, sigma=sigma))
                        for name, maps in known.items()}

    def _of_heatmaps(self, human: xr.DataArray, other: xr.DataArray, sigma: float | None,
                     metrics: tuple[str, ...]) -> Overlaps:
        """Overlap of the population's heatmaps."""
        return each_that_works(metrics, partial(population_overlap, human, other, share=self.share, sigma=sigma))

    def _actors(self, human: xr.DataArray, classifier: xr.DataArray, source: str, form: str, sigma: float | None,
                metrics: tuple[str, ...]) -> Iterator[Row]:
        for metric in (name for name in metrics if name in _TESTED):
            try:
                found = heatmap_tests(human, classifier, metric=metric, share=self.share, sigma=sigma,
                                      n_permutations=self.statistics.n_permutations,
                                      rng=stream(self.seed, "heatmaps", source, metric, form))
            except InputError:  # what one metric does not allow, none does
                raise
            except FAILURES as error:
                yield undefined_row(error, **self._key(source, form, sigma, metric, SAME))
                continue
            for contrast in found["contrast"].to_numpy().tolist():
                yield from _tested(found.sel(contrast=contrast), self._key(source, form, sigma, metric, contrast))
        values, failed = each_that_works(metrics, partial(
            overlap, as_images(human), as_images(classifier), share=self.share, sigma=sigma))
        for metric in (name for name in metrics if name not in _TESTED):
            key = self._key(source, form, sigma, metric, SAME)
            yield from [without_value(failed[metric], **key)] if metric in failed else self._same_actor(
                values[metric], key)
        yield from guarded(self._differences(values, human, source, form, sigma, metrics),
                           **self._key(source, form, sigma, PRIMARY, f"minus {CENTRE}"))

    def _differences(self, values: xr.Dataset, human: xr.DataArray, source: str, form: str, sigma: float | None,
                     metrics: tuple[str, ...]) -> Iterator[Row]:
        """Give the differences of a classifier's overlaps and each baseline's."""
        for name, (other, _) in self._baselines(human, sigma, metrics)[0].items():
            found = paired_differences(values, other, alternative="two-sided",
                                       n_permutations=self.statistics.n_permutations,
                                       rng=stream(self.seed, "heatmaps", source, name, form))
            for metric in found["metric"].to_numpy().tolist():
                one = found.sel(metric=metric)
                one = one.assign_attrs(alternative=str(one["alternative"].item()))
                yield {**population_row(one, **self._key(source, form, sigma, metric, f"minus {name}")), **_about(one)}

    def _population(self, human: xr.DataArray, classifier: xr.DataArray, source: str, form: str,
                    sigma: float | None, metrics: tuple[str, ...]) -> Iterator[Row]:
        found, failed = self._of_heatmaps(human, classifier, sigma, metrics)
        blob = self._baselines(human, sigma, metrics)[1]
        yield from (without_value(reason, **self._key(source, form, sigma, metric, POPULATION))
                    for metric, reason in failed.items())
        if "metric" not in found.coords or "metric" not in blob.coords:
            return
        yield from self._of_population(found, source, form, sigma, POPULATION)
        yield from self._of_population(population_differences(found, blob), source, form, sigma,
                                       f"{POPULATION} minus {CENTRE}")

    def _of_population(self, found: xr.Dataset, source: str, form: str, sigma: float | None,
                       contrast: str) -> Iterator[Row]:
        for metric in found["metric"].to_numpy().tolist():
            yield population_row(found.sel(metric=metric), **self._key(source, form, sigma, metric, contrast))

    def _same_actor(self, values: xr.DataArray, key: dict[str, object]) -> Iterator[Row]:
        """Give rows of each actor's value and their mean, without a test."""
        by_actor = values.drop_vars("actor").rename(image="actor")
        row = population_row(population_mean(by_actor), **key)
        if key["source"] == UNIFORM and METRICS[str(key["metric"])].chance is not None:
            row = {**row, "ci_low": np.nan, "ci_high": np.nan, "ci_method": None, "resampled": None,
                   "reason": "analytic: the same for every actor, or undefined on a map without spread"}
        yield row
        yield from actor_rows(by_actor, xr.ones_like(by_actor, dtype=int), **key)

    def _key(self, source: str, form: str, sigma: float | None, metric: str, contrast: str) -> dict[str, object]:
        return {"statistic": "overlap", "metric": metric, "form": form, "source": source, "against": "human",
                "contrast": contrast, "sigma": sigma}


def _tested(one: xr.Dataset, key: dict[str, object]) -> Iterator[Row]:
    """Rows of one contrast of `heatmap_tests`."""
    tested = one["p_attainable"].notnull().item()
    yield {**population_row(one, **key), "ci_method": str(one["ci_method"].item()), **(_about(one) if tested else {})}
    columns = {name: one[f"actor_{name}"].to_numpy().tolist() for name in (
        "p_value", "p_attainable", "reason", "one", "other")}
    rows = []
    for at, row in enumerate(actor_rows(one["actor_value"], xr.ones_like(one["actor_value"], dtype=int), **key)):
        about = {f"value_{name}" if name in ("one", "other") else name: values[at]
                 for name, values in columns.items()} if tested else {}
        rows.append({**row, **about, "reason": columns["reason"][at] or row["reason"]} | (
            {"null": one.attrs["null"], "alternative": one.attrs["alternative"],
             "n_resamples": n_draws(columns["p_attainable"][at]), "p_is": EQUAL} if tested else {}))  # ranks
    yield from rows


def _about(one: xr.Dataset) -> dict[str, object]:
    return {"null": one.attrs["null"], "null_mean": 0.0, "alternative": one.attrs["alternative"],
            "p_value": float(one["p_value"]), "p_attainable": float(one["p_attainable"]),
            "n_resamples": n_draws(float(one["p_attainable"]))}
