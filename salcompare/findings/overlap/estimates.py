"""Estimates of the overlap of people's maps and each classifier's, with baselines, effects and ceiling."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from salcompare.errors import InputError
from salcompare.findings.failures import (
    FAILURES,
    each_that_works,
    guarded,
    reason_of,
    undefined_row,
    without_value,
)
from salcompare.findings.overlap import OVERLAP
from salcompare.findings.overlap.comparisons import (
    compared_sources,
    comparison_rows,
    similarity_rows,
    untested_comparison,
)
from salcompare.findings.overlap.heatmaps import HeatmapOverlap
from salcompare.findings.overlap.pairings import CORRECT, SAME_GROUP, n_draws, pairing_rows, restricted_rows
from salcompare.findings.parts import Analysis, Draws, actor_rows, overlap_forms, population_row, stream
from salcompare.maps import actor_heatmap
from salcompare.naming import Source
from salcompare.statistics.inference.resampling import actor_means, population_mean
from salcompare.statistics.metrics.registry import METRICS, PRIMARY
from salcompare.statistics.overlaps.baselines import centre, other_actors_mean, paired_differences, uniform_overlap
from salcompare.statistics.overlaps.pairings import pairing_tests
from salcompare.statistics.overlaps.same_image import overlap, overlap_matrix
from salcompare.study_data import StudyData

if TYPE_CHECKING:
    from salcompare.config import Maps, Statistics
    from salcompare.findings.rows import Row

UNIFORM = "baseline/uniform"
CURVE = (0.0, 0.01, 0.02, 0.03, 0.05, 0.08)  # sigmas of the curve, shares of the grid's width
IMAGE_COLUMNS = ("image", "actor", "source", "form", "sigma")
_TESTED = tuple(name for name, metric in METRICS.items() if not metric.costly)  # of all n x n pairs


class OverlapAnalysis:
    """Overlap of the study's people with its classifiers, on the settings of one study.

    Parameters
    ----------
    data : StudyData
        With human maps.
    maps, statistics : Maps, Statistics
        Settings.
    seed : int
        Of the study.
    forms : collection of {"raw", "smoothed"}
        In which maps are compared.
    """

    def __init__(self, data: StudyData, maps: Maps, statistics: Statistics, seed: int, *,
                 forms: Collection[str] = ("raw", "smoothed")) -> None:
        if data.human is None:
            message = "an analysis of overlap needs human maps"
            raise ValueError(message)
        self.data, self.statistics, self.seed = data, statistics, seed
        self.coverage = data.human["coverage"].load()
        self.share = maps.mask_share
        self.sigma = maps.sigma * self.coverage.sizes["x"]
        self.forms = tuple(form for form in overlap_forms(self.coverage.sizes["x"], maps) if form[0] in forms)
        self.heatmaps = HeatmapOverlap(maps, statistics, self.coverage.sizes["x"], seed)
        self._matrices: dict[tuple[str, str], dict[str, xr.DataArray]] = {}  # all pairs, by source and form
        self._same: dict[tuple[str, str], xr.Dataset] = {}  # overlaps of the same image
        self._failed: dict[tuple[str, str], dict[str, str]] = {}  # why metrics failed, by source and form

    def baselines(self) -> dict[str, dict[str, xr.Dataset]]:
        """Overlap of people with each baseline, by the baseline's name and the form."""
        others = other_actors_mean(self.coverage)
        blob = centre(self.coverage)
        found: dict[str, dict[str, xr.Dataset]] = {
            UNIFORM: {}, "baseline/centre": {}, "baseline/other actors": {}}
        for form, sigma, metrics in self.forms:
            found[UNIFORM][form], self._failed[UNIFORM, form] = each_that_works(metrics, partial(
                uniform_overlap, self.coverage, share=self.share, sigma=sigma))
            for name, maps in (("baseline/centre", blob), ("baseline/other actors", others)):
                found[name][form], self._failed[name, form] = self.overlaps(maps, metrics, sigma)
        return found

    def overlaps(self, maps: xr.DataArray, metrics: Sequence[str],
                 sigma: float | None) -> tuple[xr.Dataset, dict[str, str]]:
        """Give the overlaps (image) of people's maps with others by all metrics that work, and why the others fail."""
        return each_that_works(metrics, partial(overlap, self.coverage, maps, share=self.share, sigma=sigma))

    def baseline_rows(self, baselines: dict[str, dict[str, xr.Dataset]]) -> Iterator[Row]:
        """Give the rows of people's overlap with the baselines."""
        for name, of_forms in baselines.items():
            for form, values in of_forms.items():
                self._same[name, form] = values
                yield from self._same_image_rows(name, form, values)
                yield from self._failed_rows(name, form)
        yield from self.heatmaps.baseline_rows(actor_heatmap(self.data.comparable_coverage))

    def known(self, source: str, form: str) -> xr.Dataset | None:
        """Give the overlaps (image) of a source whose rows were made; None where they were not."""
        return self._same.get((source, form))

    def rows_of_control(self, name: str, form: str, values: xr.Dataset) -> Iterator[Row]:
        """Give the rows of people's overlap with a control, and keep its overlaps (image)."""
        self._same[name, form] = values
        yield from self._same_image_rows(name, form, values)

    def image_table(self) -> pd.DataFrame:
        """Give the overlap of every image, for all sources and baselines whose rows were made.

        Columns image, actor, source, form, sigma and one a metric.
        """
        tables = [values[[name for name in METRICS if name in values]].reset_coords(drop=True).to_dataframe()
                  .reset_index().assign(actor=values["actor"].values, source=source, form=form,
                                        sigma=self.sigma if form == "smoothed" else np.nan)
                  for (source, form), values in self._same.items() if values.data_vars]
        whole = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(IMAGE_COLUMNS))
        return whole[[*IMAGE_COLUMNS, *(name for name in METRICS if name in whole)]]

    def comparison_rows(self) -> Iterator[Row]:
        """Give the rows of one classifier less another, once the rows of both were made."""
        for names in compared_sources(list(self.data.classifier_maps)):
            for form, sigma, metrics in self.forms:
                if any((name, form) not in self._matrices for name in names):
                    continue
                key = {"statistic": "overlap", "form": form, "sigma": sigma}
                one, other = (self._matrices[name, form] for name in names)
                yield from comparison_rows(one, other, names, self.statistics, self.seed, **key)
                for metric in (name for name in metrics if name not in _TESTED):
                    if any(metric not in self._same[name, form] for name in names):
                        continue
                    of_one, of_other = (self._same[name, form][metric] for name in names)
                    yield untested_comparison(of_one, of_other, names, self.statistics, self.seed, metric=metric, **key)

    def classifier_rows(self, source: str, baselines: dict[str, dict[str, xr.Dataset]], ceilings: dict[str, float],
                        ) -> Iterator[tuple[list[Row], list[Draws]]]:
        """Give one classifier's rows: pairings, effects, differences from the baselines, and the curve over sigma."""
        try:
            saliency = self.data.classifier_maps[source]["saliency"].load()
            yield from self._image_rows(source, saliency, baselines, ceilings)
            yield list(self._curve(source, saliency)), []
            yield list(self.heatmaps.rows(self.coverage, saliency, source)), []
            yield similarity_rows(self.coverage, saliency, source, self.sigma, self.statistics, self.seed)
        except FAILURES as error:  # no image in common, or none on which both are defined
            yield self._undefined(source, error), []

    def headline_rows(self, source: str, baselines: dict[str, dict[str, xr.Dataset]], ceilings: dict[str, float],
                      ) -> Iterator[Row]:
        """Give of `classifier_rows` what a summary rests on: no curve over sigma, and no overlap of heatmaps."""
        try:
            saliency = self.data.classifier_maps[source]["saliency"].load()
            for rows, _ in self._image_rows(source, saliency, baselines, ceilings):
                yield from rows
            yield from similarity_rows(self.coverage, saliency, source, self.sigma, self.statistics, self.seed)[0]
        except FAILURES as error:
            yield from self._undefined(source, error)

    def _undefined(self, source: str, error: Exception) -> list[Row]:
        return [undefined_row(error, **self._key(source, "smoothed", PRIMARY, "same image"))]

    def _image_rows(self, source: str, saliency: xr.DataArray, baselines: dict[str, dict[str, xr.Dataset]],
                    ceilings: dict[str, float]) -> Iterator[tuple[list[Row], list[Draws]]]:
        """Give the rows of maps of images: pairings, effects, and differences from the baselines."""
        for form, sigma, metrics in self.forms:
            self._compute(source, form, saliency, metrics, sigma)
            values = self._same[source, form]
            untested = values[[name for name in metrics if name not in _TESTED and name in values]]
            rows = list(self._same_image_rows(source, form, untested)) if untested.data_vars else []
            rows += self._tie_rows(source, values)
            rows += self._failed_rows(source, form)
            for name, of_forms in baselines.items():
                rows += guarded(self._difference_rows(source, name, form, values, of_forms[form]),
                                **self._key(source, form, PRIMARY, f"minus {name}"))
            yield rows, []
            for metric in self._matrices[source, form]:
                if metric in _TESTED:
                    ceiling = ceilings[form] if metric == PRIMARY else np.nan
                    yield self._tested(source, metric, form, ceiling)

    def _compute(self, source: str, form: str, saliency: xr.DataArray, metrics: tuple[str, ...],
                 sigma: float | None) -> None:
        """Compute all pairs and the same images by every metric that works, and say why the others fail."""
        matrices = self._matrices[source, form] = {}
        failed = self._failed[source, form] = {}
        for metric in (name for name in metrics if name in _TESTED):
            try:
                matrices[metric] = overlap_matrix(self.coverage, saliency, metric=metric, share=self.share, sigma=sigma)
            except InputError:
                raise
            except FAILURES as error:
                failed[metric] = reason_of(error)
        self._same[source, form] = self._same_image(source, form, saliency, tuple(
            name for name in metrics if name not in failed), sigma)

    def _failed_rows(self, source: str, form: str) -> Iterator[Row]:
        for metric, reason in self._failed.get((source, form), {}).items():
            yield without_value(reason, **self._key(source, form, metric, "same image"))

    def _same_image(self, source: str, form: str, saliency: xr.DataArray, metrics: tuple[str, ...],
                    sigma: float | None) -> xr.Dataset:
        """Overlap of the same images: from the matrices of all pairs, and computed where there is none."""
        rest = [name for name in metrics if name not in _TESTED or METRICS[name].share]
        values, failed = self.overlaps(saliency, rest, sigma)
        self._failed[source, form] |= failed
        return values.assign({
            name: matrix["actor"].copy(data=np.diag(matrix.to_numpy())).assign_coords(actor=matrix["actor"])
            for name, matrix in self._matrices[source, form].items()})

    def _same_image_rows(self, source: str, form: str, values: xr.Dataset) -> Iterator[Row]:
        for metric in METRICS:
            if metric in values:
                actors = actor_means(values[metric])
                key = self._key(source, form, metric, "same image")
                row = dict(population_row(population_mean(actors["value"]), **key))
                if source == UNIFORM and METRICS[metric].chance is not None:  # an interval would be of width zero
                    blank = "analytic: the same for every image"
                    undefined = f"{metric} is undefined on a map without spread"
                    row |= {"ci_low": np.nan, "ci_high": np.nan, "ci_method": None, "resampled": None,
                            "reason": undefined if np.isnan(float(str(row["value"]))) else blank}
                yield row
                yield from actor_rows(actors["value"], actors["n"], **key)

    def _tie_rows(self, source: str, values: xr.Dataset) -> Iterator[Row]:
        """Say how much of the areas compared lies on ties, and how many maps have too few positive pixels."""
        for side, name in (("human", "human"), ("classifier", source)):
            for statistic, variable in (("tied_share", f"tied_share_{side}"), ("short_maps", f"short_{side}")):
                if variable in values:
                    yield {"statistic": statistic, "metric": "share", "form": "raw", "level": "population",
                           "source": name, "against": source if side == "human" else "human",
                           "value": float(values[variable].mean()), "n": values.sizes["image"]}

    def _difference_rows(self, source: str, baseline: str, form: str, values: xr.Dataset,
                         other: xr.Dataset) -> Iterator[Row]:
        found = paired_differences(values, other, alternative="two-sided",
                                   n_permutations=self.statistics.n_permutations,
                                   rng=stream(self.seed, "difference", source, baseline, form))
        for metric in found["metric"].to_numpy().tolist():
            one = found.sel(metric=metric)
            key = self._key(source, form, metric, f"minus {baseline}")
            yield {**population_row(one, **key), "null": found.attrs["null"], "null_mean": 0.0,
                   "alternative": str(one["alternative"].item()), "p_value": float(one["p_value"]),
                   "p_attainable": float(one["p_attainable"]), "n_resamples": n_draws(one["p_attainable"].item())}

    def _tested(self, source: str, metric: str, form: str, ceiling: float) -> tuple[list[Row], list[Draws]]:
        matrix = self._matrices[source, form][metric]
        key = {**self._key(source, form, metric, "same image")}
        try:
            found = pairing_tests(matrix, better=METRICS[metric].better, n_permutations=self.statistics.n_permutations,
                                  n_resamples=self.statistics.n_resamples,
                                  rng=stream(self.seed, "overlap", source, metric, form))
        except InputError:  # what this metric does not allow, none does
            raise
        except FAILURES as error:
            return [undefined_row(error, **key)], []
        rows, draws = pairing_rows(found, key, ceiling=ceiling)
        if metric == PRIMARY:
            rngs = {name: stream(self.seed, "overlap", source, metric, form, name) for name in (SAME_GROUP, CORRECT)}
            rows += restricted_rows(matrix, self.data, self.statistics, key, rngs)
        return rows, draws

    def _curve(self, source: str, saliency: xr.DataArray) -> Iterator[Row]:
        for share in CURVE:
            sigma = share * self.coverage.sizes["x"]
            values = overlap(self.coverage, saliency, metrics=[PRIMARY], sigma=sigma or None)[PRIMARY]
            yield population_row(population_mean(actor_means(values)["value"]), statistic="overlap_curve",
                                 metric=PRIMARY, form="smoothed", source=source, against="human", sigma=sigma)

    def _key(self, source: str, form: str, metric: str, contrast: str) -> dict[str, object]:
        return {"statistic": "overlap", "metric": metric, "form": form, "source": source, "against": "human",
                "contrast": contrast, "sigma": self.sigma if form == "smoothed" else None}


def estimates(analysis: Analysis) -> Iterator[tuple[list[Row], list[Draws]]]:
    """Compare people's maps, or their heatmaps of actors, with every classifier's and with baselines."""
    about = analysis.maps, analysis.statistics
    if analysis.data.human is None:
        if analysis.data.get("human_heatmap") is not None:
            overlap_of = HeatmapOverlap(*about, analysis.heatmaps.sizes["x"], analysis.seed)
            rows = overlap_of.study_rows(analysis.heatmaps["heatmap"])
            yield list(guarded(rows, statistic="overlap")), []
        return
    overlaps = analysis.shared["overlap"] = OverlapAnalysis(analysis.data, *about, analysis.seed)
    baselines = overlaps.baselines()
    yield list(guarded(overlaps.baseline_rows(baselines), statistic="overlap")), []
    for source in analysis.data.classifier_maps:
        analysis.progress.say(f"  overlap of people and {source}")
        yield from overlaps.classifier_rows(source, baselines, analysis.shared["ceilings"])
    compared = overlaps.comparison_rows()
    yield list(guarded(compared, statistic="overlap", contrast="minus another classifier")), []
    analysis.tables["overlap_images"] = overlaps.image_table()


def headlines(analysis: Analysis) -> Iterator[Row]:
    """Give the rows that the summary rests on: on smoothed maps, of every classifier, as they are compared."""
    if analysis.data.human is None or analysis.data.main is None:
        return
    overlaps = OverlapAnalysis(analysis.data, analysis.maps, analysis.statistics, analysis.seed, forms=("smoothed",))
    baselines = overlaps.baselines()
    for source in analysis.data.classifier_maps:
        yield from overlaps.headline_rows(source, baselines, analysis.shared["ceilings"])
    yield from overlaps.comparison_rows()


def more_headlines(kept: pd.DataFrame, whole: pd.DataFrame,  # noqa: ARG001 - as every finding's
                   source: str | None) -> Iterator[tuple[str, dict[str, str]]]:
    """Name the comparisons of the classifier with other variants, methods and classifiers."""
    rows = kept[(kept["statistic"] == OVERLAP) & (kept["source"] == source)]
    for contrast in rows["contrast"].dropna().unique().tolist():
        other = Source.parse(contrast.removeprefix("minus "))
        if contrast.startswith("minus ") and other:
            by = "" if str(source).endswith(f"/{other.method}") else f" {other.method.replace('_', ' ')}"
            yield f"Overlap minus {other.network.replace('/', ' ')}{by}'s", {
                "statistic": OVERLAP, "metric": PRIMARY, "form": "smoothed", "contrast": contrast,
                "source": str(source)}
