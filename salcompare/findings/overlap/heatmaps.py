"""Estimates of the overlap of heatmaps: of each actor's, and of the population's."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from functools import partial

import xarray as xr

from salcompare import maps as mapping
from salcompare.config import Maps, Statistics
from salcompare.errors import InputError
from salcompare.findings import failures
from salcompare.findings import overlap as terms
from salcompare.findings.analysis import Form, overlap_forms
from salcompare.findings.overlap.pairings import from_baseline, of_shared_workers
from salcompare.findings.rows import Row, rows_of
from salcompare.naming import HUMAN, PRIMARY
from salcompare.random_numbers import stream
from salcompare.statistics.inference.resampling import mean_over_actors
from salcompare.statistics.metrics.registry import EVERY_METRIC
from salcompare.statistics.overlaps.baselines import centre, other_actors_mean, uniform_overlap
from salcompare.statistics.overlaps.heatmaps import HEATMAP_CONTRASTS, as_images, heatmap_tests, population_overlap
from salcompare.statistics.overlaps.same_image import matched, overlap

Overlaps = tuple[xr.Dataset, dict[str, str]]
"""Values of the metrics that work, and why the others fail."""


class HeatmapOverlap:
    """Overlap of heatmaps on a grid so wide: of coverage for people, of masks for classifiers."""

    def __init__(self, maps: Maps, statistics: Statistics, width: int, seed: int) -> None:
        self.statistics, self.seed, self.share = statistics, seed, maps.mask_share
        self.forms = [form._replace(name=name)
                      for name, form in zip(terms.HEATMAPS, overlap_forms(width, maps), strict=True)]
        self._known: dict[tuple[object, ...], tuple[dict[str, Overlaps], xr.Dataset]] = {}

    def study_rows(self, heatmaps: xr.DataArray) -> Iterator[Row]:
        """Compare heatmaps (source, actor, y, x), people's among them, where responses name actors and no images."""
        human = heatmaps.sel(source=HUMAN, drop=True)
        yield from self.baseline_rows(human)
        for source in (str(name) for name in heatmaps["source"].to_numpy() if name != HUMAN):
            yield from self.rows_of_heatmaps(human, heatmaps.sel(source=source, drop=True), source)

    def rows(self, coverage: xr.DataArray, saliency: xr.DataArray, source: str) -> Iterator[Row]:
        """Give a classifier's rows, from the images that it and people both have."""
        try:
            one, other = matched(coverage, saliency)
            masks = mapping.top_mask(other, share=self.share)
            yield from self.rows_of_heatmaps(mapping.actor_heatmap(one), mapping.actor_heatmap(masks), source)
        except failures.FAILURES as error:
            yield failures.undefined_row(error, **_named(source, self.forms[1], terms.SAME_ACTOR))

    def rows_of_heatmaps(self, human: xr.DataArray, classifier: xr.DataArray, source: str) -> Iterator[Row]:
        """Give a classifier's rows from heatmaps (actor, y, x), for responses that name actors and no images."""
        for form in self.forms:
            for rows, contrast in ((self._actors, terms.SAME_ACTOR), (self._population, terms.POPULATION)):
                yield from failures.guarded(rows(human, classifier, source, form), **_named(source, form, contrast))

    def baseline_rows(self, human: xr.DataArray) -> Iterator[Row]:
        """Give the rows of people's heatmaps (actor, y, x) with the baselines in the classifier's place."""
        for form in self.forms:
            of_actors, of_population = self._baselines(human, form)
            for name, overlaps in of_actors.items():
                yield from _mean_rows(overlaps, form.metrics, name, form)
            if "metric" in of_population.coords:
                yield from rows_of(of_shared_workers(of_population), terms.OF_POPULATION,
                                   _key(terms.CENTRE, form, terms.POPULATION))

    def _baselines(self, human: xr.DataArray, form: Form) -> tuple[dict[str, Overlaps], xr.Dataset]:
        """Overlap of people's heatmaps with each baseline, and of the population's with the centred one.

        Sources that are of the same images have the same; it is computed once.
        """
        key = (hashlib.sha256(human.to_numpy().tobytes()).digest(), human["actor"].to_numpy().tobytes(), form)
        if key not in self._known:
            people = as_images(human)
            computed = {terms.UNIFORM: partial(uniform_overlap, people),
                        terms.CENTRE: partial(overlap, people, centre(people))}
            if people.sizes["image"] > 1:
                computed[terms.OTHERS] = partial(overlap, people, other_actors_mean(people))
            of_actors = {name: failures.each_that_works(form.metrics, partial(
                compute, share=self.share, sigma=form.sigma)) for name, compute in computed.items()}
            self._known[key] = of_actors, self._of_population(human, centre(human), form)[0]
        return self._known[key]

    def _of_population(self, human: xr.DataArray, other: xr.DataArray, form: Form) -> Overlaps:
        return failures.each_that_works(form.metrics, partial(population_overlap, human, other, share=self.share,
                                                     sigma=form.sigma))

    def _actors(self, human: xr.DataArray, classifier: xr.DataArray, source: str, form: Form) -> Iterator[Row]:
        for metric in form.tested:
            try:
                tests = heatmap_tests(human, classifier, metric=metric, share=self.share, sigma=form.sigma,
                                      n_permutations=self.statistics.n_permutations,
                                      rng=stream(self.seed, "heatmaps", source, metric, form.name))
            except InputError:  # what one metric does not allow, none does
                raise
            except failures.FAILURES as error:
                yield failures.undefined_row(error, **_named(source, form, terms.SAME_ACTOR, metric=metric))
                continue
            for contrast in HEATMAP_CONTRASTS:
                one = tests.sel(contrast=contrast).assign(actor_n=1)  # of an actor there is one heatmap
                key = {**_key(source, form, contrast), "metric": metric}
                yield from (*rows_of(one, terms.HEATMAP, key), *rows_of(one, terms.HEATMAP_OF_ACTORS, key))
        values, failed = failures.each_that_works(form.metrics, partial(
            overlap, as_images(human), as_images(classifier), share=self.share, sigma=form.sigma))
        yield from _mean_rows((values, failed), form.untested, source, form)
        for name, (other, _) in self._baselines(human, form)[0].items():
            yield from failures.rows_or_reasons(
                [terms.BASELINE], _key(source, form, terms.minus(name)), from_baseline, values, other, name=name,
                n_permutations=self.statistics.n_permutations,
                rng=stream(self.seed, "heatmaps", source, name, form.name))[0]

    def _population(self, human: xr.DataArray, classifier: xr.DataArray, source: str, form: Form) -> Iterator[Row]:
        values, failed = self._of_population(human, classifier, form)
        blob = self._baselines(human, form)[1]
        yield from (failures.without_value(reason, **_named(source, form, terms.POPULATION, metric=metric))
                    for metric, reason in failed.items())
        if "metric" in values.coords and "metric" in blob.coords:
            values = of_shared_workers(values)
            yield from rows_of(values, terms.OF_POPULATION, _key(source, form, terms.POPULATION))
            less = values.assign(value=values["value"] - blob["value"], one=values["value"], other=blob["value"])
            yield from rows_of(less, terms.OF_POPULATION_DIFFERENCE,
                               _key(source, form, terms.minus(terms.CENTRE, terms.POPULATION)))


def mean_rows(means: xr.Dataset, key: Row, analytic: str) -> list[Row]:
    """Give the rows of the mean over actors and of each actor's value, without a test.

    The reason why there is no interval is another where the uniform map's values are analytic.
    """
    means = of_shared_workers(means)
    if key["source"] == terms.UNIFORM and EVERY_METRIC[str(key["metric"])].chance is not None:
        means = means.assign(reason=analytic)
    return rows_of(means, terms.SAME, key) + rows_of(means, terms.SAME_OF_ACTORS, key)


def _mean_rows(overlaps: Overlaps, metrics: Collection[str], source: str, form: Form) -> Iterator[Row]:
    """Give rows of the mean over actors, whose heatmaps stand as images, and of each actor's value, without a test."""
    values, failed = overlaps
    for metric in metrics:
        if metric in failed:
            yield failures.without_value(failed[metric], **_named(source, form, terms.SAME_ACTOR, metric=metric))
        else:
            yield from mean_rows(mean_over_actors(values[metric]).assign(actor_n=1),
                                 {**_key(source, form, terms.SAME_ACTOR), "metric": metric},
                                 "analytic: the same for every actor, or undefined on a map without spread")


def _key(source: str, form: Form, contrast: str) -> dict[str, object]:
    return {"form": form.name, "source": source, "against": HUMAN, "contrast": contrast, "sigma": form.sigma}


def _named(source: str, form: Form, contrast: str, *, metric: str = PRIMARY) -> dict[str, object]:
    """Give the columns of the row of a value that is not there."""
    return {**terms.SAME.name, **_key(source, form, contrast), "metric": metric}
