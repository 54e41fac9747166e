"""Estimates of the overlap of people's maps and each classifier's, with baselines, effects and ceiling."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import partial

import numpy as np
import pandas as pd
import xarray as xr

from salcompare.config import Maps, Statistics
from salcompare.errors import InputError
from salcompare.findings import failures
from salcompare.findings import overlap as terms
from salcompare.findings.analysis import NULL_DRAWS, Analysis, Draws, Form, overlap_forms, with_shoots
from salcompare.findings.overlap.heatmaps import HeatmapOverlap, mean_rows
from salcompare.findings.overlap.pairings import (
    comparison_rows,
    from_baseline,
    of_shared_workers,
    pairing_rows,
    restricted_rows,
)
from salcompare.findings.rows import Row, rows_of
from salcompare.maps import actor_heatmap, fixation_counts
from salcompare.naming import HUMAN, PRIMARY, RAW, SMOOTHED, Source, compared_sources
from salcompare.random_numbers import stream
from salcompare.statistics.ceilings.pooled import share_of_ceiling
from salcompare.statistics.inference.resampling import mean_over_actors
from salcompare.statistics.metrics.registry import EVERY_METRIC, FIXATION_METRICS
from salcompare.statistics.overlaps.actor_similarity import actor_similarity
from salcompare.statistics.overlaps.baselines import centre, other_actors_mean, uniform_overlap
from salcompare.statistics.overlaps.pairings import pairing_tests
from salcompare.statistics.overlaps.same_image import overlap, overlap_matrix
from salcompare.study_data import StudyData

Baselines = Mapping[str, Mapping[str, xr.Dataset]]
"""Overlaps (image) of people with each baseline, by its name and the form."""


class OverlapAnalysis:
    """Overlap of a study's people, who have maps, with its classifiers, in some forms of the maps."""

    def __init__(self, data: StudyData, maps: Maps, statistics: Statistics, seed: int, *,
                 forms: Collection[str] = (RAW, SMOOTHED)) -> None:
        if data.human is None:
            message = "an analysis of overlap needs human maps"
            raise ValueError(message)
        self.data, self.statistics, self.seed = data, statistics, seed
        self.coverage, self.clusters = with_shoots(data.human["coverage"].load(), data.images)
        self.share = maps.mask_share
        self.sigma = maps.sigma * self.coverage.sizes["x"]
        self.fixations = self._counted_fixations()
        self.forms = tuple(form._replace(metrics=(*form.metrics, *FIXATION_METRICS))
                           if form.name == RAW and self.fixations is not None else form
                           for form in overlap_forms(self.coverage.sizes["x"], maps) if form.name in forms)
        self.heatmaps = HeatmapOverlap(maps, statistics, self.coverage.sizes["x"], seed)
        self._matrices: dict[tuple[str, str], dict[str, xr.DataArray]] = {}  # all pairs, by source and form
        self._same: dict[tuple[str, str], xr.Dataset] = {}  # overlaps of the same image
        self._failed: dict[tuple[str, str], dict[str, str]] = {}  # why metrics failed, by source and form

    def _counted_fixations(self) -> xr.DataArray | None:
        """Count the fixations on each pixel, where people's maps are made of some: AUCs of fixations read them."""
        images, table = self.data.images, self.data.get("annotations")
        if self.data.people != "fixations":
            return None
        return fixation_counts(table[table["image"].isin(images["image"])], images,
                               size=(self.coverage.sizes["y"], self.coverage.sizes["x"]))

    def baselines(self) -> Baselines:
        """Compare people with each baseline."""
        computed = {terms.UNIFORM: partial(uniform_overlap, self.coverage),
                    terms.CENTRE: partial(overlap, self.coverage, centre(self.coverage)),
                    terms.OTHERS: partial(overlap, self.coverage, other_actors_mean(self.coverage))}
        overlaps: dict[str, dict[str, xr.Dataset]] = {name: {} for name in computed}
        for form in self.forms:
            for name, compute in computed.items():
                overlaps[name][form.name], self._failed[name, form.name] = failures.each_that_works(
                    form.metrics, partial(compute, share=self.share, sigma=form.sigma, fixations=self.fixations))
        return overlaps

    def baseline_rows(self, baselines: Baselines) -> Iterator[Row]:
        """Give the rows of people's overlap with the baselines."""
        for name, of_forms in baselines.items():
            for form, values in of_forms.items():
                self._same[name, form] = values
                yield from self._mean_rows(name, form, values)
                yield from self._failed_rows(name, form)
        yield from self.heatmaps.baseline_rows(actor_heatmap(self.data.comparable_coverage))

    def pairs_of(self, source: str, form: str) -> Mapping[str, xr.DataArray]:
        """Give by metric all pairs of a source whose rows were made; of a baseline, the same for all its images."""
        if source in self.data.classifier_maps:
            return self._matrices.get((source, form), {})
        same = self._same.get((source, form), xr.Dataset())
        return {str(name): values.expand_dims(image_other=values["image"].to_numpy(), axis=1)
                for name, values in same.items()
                if name in EVERY_METRIC and not EVERY_METRIC[str(name)].costly}

    def image_table(self) -> pd.DataFrame:
        """Give the overlap of every image, for all sources and baselines whose rows were made.

        Columns image, actor, source, form, sigma and one a metric.
        """
        tables = [values[[name for name in EVERY_METRIC if name in values]].reset_coords(drop=True).to_dataframe()
                  .reset_index().assign(actor=values["actor"].values, source=source, form=form,
                                        sigma=self.sigma if form == SMOOTHED else np.nan)
                  for (source, form), values in self._same.items() if values.data_vars]
        columns = list(terms.FINDING.tables["overlap_images"])
        whole = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)
        return whole[[*columns, *(name for name in EVERY_METRIC if name in whole)]]

    def comparison_rows(self) -> Iterator[Row]:
        """Give the rows of one classifier less another, once the rows of both were made."""
        for names in compared_sources(list(self.data.classifier_maps)):
            for form in self.forms:
                if any((name, form.name) not in self._matrices for name in names):
                    continue
                one, other = (self._matrices[name, form.name] for name in names)
                score = None if form.name != SMOOTHED else self.score_above(
                    *(self.data.classifier_maps[name]["saliency"] for name in names))
                yield from comparison_rows(one, other, names, self.statistics, self.seed, {
                    "form": form.name, "sigma": form.sigma}, clusters=self.clusters, score=score)
                of_one, of_other = (self._same[name, form.name] for name in names)
                untested = [metric for metric in form.untested if metric in of_one and metric in of_other]
                if untested:
                    yield from rows_of(from_baseline(
                        of_one[untested], of_other[untested], name=names[1], n_permutations=1,
                        rng=stream(self.seed, "classifiers", *names)), terms.BASELINE, self._key(
                            names[0], form.name, terms.minus(names[1])))

    def score_above(self, one: xr.DataArray, other: xr.DataArray,
                    given: xr.DataArray | None = None) -> xr.Dataset | None:
        """Score smoothed maps above others of the same images, over workers and actors; None where that fails."""
        if self.data.by_worker is None:
            return None
        try:
            return share_of_ceiling(
                self.data.by_worker, self.data.images, {"other": other, "one": one}, sigma=self.sigma,
                given=given).sel(source="one", quantity="mean score above null")
        except failures.FAILURES:
            return None

    def classifier_rows(self, source: str, baselines: Baselines, ceiling: float,
                        score: xr.Dataset | None = None) -> Iterator[tuple[list[Row], list[Draws]]]:
        """Give one classifier's rows: pairings, effects, differences from the baselines, and the curve over sigma.

        `score`, of `share_of_ceiling`, has the interval of its mean score.
        """
        try:
            saliency = self.data.classifier_maps[source]["saliency"].load()
            yield from self._image_rows(source, saliency, baselines, ceiling, score)
            yield list(self._curve(source, saliency)), []
            yield list(self.heatmaps.rows(self.coverage, saliency, source)), []
            yield self._similarity(source, saliency)
        except failures.FAILURES as error:  # no image in common, or none on which both are defined
            yield [failures.undefined_row(error, **self._missing(source, SMOOTHED))], []

    def headline_rows(self, source: str, baselines: Baselines, ceiling: float,
                      score: xr.Dataset | None) -> Iterator[Row]:
        """Give of `classifier_rows` what a summary rests on: no curve over sigma, and no overlap of heatmaps."""
        try:
            saliency = self.data.classifier_maps[source]["saliency"].load()
            for rows, _ in self._image_rows(source, saliency, baselines, ceiling, score):
                yield from rows
            yield from self._similarity(source, saliency)[0]
        except failures.FAILURES as error:
            yield failures.undefined_row(error, **self._missing(source, SMOOTHED))

    def _image_rows(self, source: str, saliency: xr.DataArray, baselines: Baselines, ceiling: float,
                    score: xr.Dataset | None) -> Iterator[tuple[list[Row], list[Draws]]]:
        """Give the rows of maps of images: pairings, effects, and differences from the baselines."""
        for form in self.forms:
            self._compute(source, form, saliency)
            values = self._same[source, form.name]
            untested = values[[name for name in form.untested if name in values]]
            rows = [*self._mean_rows(source, form.name, untested), *self._tie_rows(source, values),
                    *self._failed_rows(source, form.name)]
            for name, of_forms in baselines.items():
                rows += failures.rows_or_reasons(
                    [terms.BASELINE], self._key(source, form.name, terms.minus(name)), from_baseline, values,
                    of_forms[form.name], name=name, score=score if form.name == SMOOTHED else None,
                    n_permutations=self.statistics.n_permutations,
                    rng=stream(self.seed, "difference", source, name, form.name))[0]
            yield rows, []
            for metric in self._matrices[source, form.name]:
                held = (form.name, metric) == (SMOOTHED, PRIMARY)
                yield self._tested(source, metric, form.name, *((ceiling, score) if held else (np.nan, None)))

    def _compute(self, source: str, form: Form, saliency: xr.DataArray) -> None:
        """Compute all pairs and the same images by every metric that works, and say why the others fail.

        Overlaps of the same images are taken from the matrices of all pairs, and computed where there is none.
        """
        matrices, failed = self.matrices(form, saliency)
        rest = [name for name in form.metrics
                if name not in failed and (EVERY_METRIC[name].costly or EVERY_METRIC[name].share)]
        values, more = failures.each_that_works(rest, partial(overlap, self.coverage, saliency, share=self.share,
                                                     sigma=form.sigma))
        self._matrices[source, form.name], self._failed[source, form.name] = matrices, failed | more
        self._same[source, form.name] = values.assign({
            name: matrix["actor"].copy(data=np.diag(matrix.to_numpy())).assign_coords(actor=matrix["actor"])
            .drop_vars("shoot", errors="ignore") for name, matrix in matrices.items()})

    def matrices(self, form: Form, maps: xr.DataArray) -> tuple[dict[str, xr.DataArray], dict[str, str]]:
        """Compare people with maps, all pairs of images, by every metric that works, and say why the others fail."""
        matrices: dict[str, xr.DataArray] = {}
        failed: dict[str, str] = {}
        for metric in form.tested:
            try:
                matrices[metric] = overlap_matrix(self.coverage, maps, metric=metric, share=self.share,
                                                  sigma=form.sigma, fixations=self.fixations)
            except InputError:
                raise
            except failures.FAILURES as error:
                failed[metric] = failures.reason_of(error)
        return matrices, failed

    def _failed_rows(self, source: str, form: str) -> Iterator[Row]:
        for metric, reason in self._failed.get((source, form), {}).items():
            yield failures.without_value(reason, **self._missing(source, form, metric))

    def _mean_rows(self, source: str, form: str, values: xr.Dataset) -> Iterator[Row]:
        """Give the means over actors and each actor's mean of the overlaps of the same image, without a test."""
        for metric in (name for name in EVERY_METRIC if name in values):
            means = mean_over_actors(values[metric])
            yield from mean_rows(means, {**self._key(source, form), "metric": metric},
                                 f"{metric} is undefined on a map without spread" if np.isnan(means["value"])
                                 else "analytic: the same for every image")

    def _tie_rows(self, source: str, values: xr.Dataset) -> Iterator[Row]:
        """Say how much of the areas compared lies on ties, and how many maps have too few positive pixels."""
        for side, key in (("human", {"source": HUMAN, "against": source}),
                          ("classifier", {"source": source, "against": HUMAN})):
            for quantity, name in ((terms.TIES, f"tied_share_{side}"), (terms.SHORTS, f"short_{side}")):
                if name in values:
                    shares = xr.Dataset({"value": values[name].mean(), "n": values.sizes["image"]})
                    yield from rows_of(shares, quantity, {"form": RAW, **key})

    def _tested(self, source: str, metric: str, form: str, ceiling: float,
                score: xr.Dataset | None) -> tuple[list[Row], list[Draws]]:
        matrix, names = self._matrices[source, form][metric], ("overlap", source, metric, form)
        key = {**self._key(source, form), "metric": metric}
        try:
            tests = pairing_tests(matrix, better=EVERY_METRIC[metric].better, clusters=self.clusters,
                                  same_image=None if score is None else score.sel(quantity="mean score"),
                                  n_permutations=self.statistics.n_permutations, rng=stream(self.seed, *names))
        except InputError:  # what this metric does not allow, none does
            raise
        except failures.FAILURES as error:
            return [failures.undefined_row(error, **{**terms.SAME.name, **key})], []
        rows, draws = pairing_rows(tests, key, ceiling=ceiling)
        if metric == PRIMARY:
            rngs = {name: stream(self.seed, *names, name) for name in (terms.SAME_GROUP, terms.CORRECT)}
            rows += restricted_rows(matrix, self.data, self.statistics, key, rngs, clusters=self.clusters)
        return rows, draws

    def _curve(self, source: str, saliency: xr.DataArray) -> Iterator[Row]:
        for share in terms.SIGMAS:
            sigma = share * self.coverage.sizes["x"]
            values = overlap(self.coverage, saliency, metrics=[PRIMARY], sigma=sigma or None)[PRIMARY]
            yield from rows_of(of_shared_workers(mean_over_actors(values)), terms.SMOOTHING, {
                "form": SMOOTHED, "source": source, "against": HUMAN, "sigma": sigma})

    def _similarity(self, source: str, saliency: xr.DataArray) -> tuple[list[Row], list[Draws]]:
        """Ask whether actors are similar on both sides; give draws of the null, too."""
        key = self._key(source, SMOOTHED, terms.PAIRS)
        rows, result = failures.rows_or_reasons(
            [terms.PAIRS_OF_ACTORS], key, actor_similarity, self.coverage, saliency, distance=terms.DISTANCE,
            sigma=self.sigma, clusters=self.clusters, n_permutations=self.statistics.n_permutations,
            rng=stream(self.seed, "actor similarity", source))
        if result is None:
            return rows, []
        null = result["null"].dropna("permutation").to_numpy()[:NULL_DRAWS]
        return rows, [({**terms.PAIRS_OF_ACTORS.name, **key}, null)]

    def _key(self, source: str, form: str, contrast: str = terms.SAME_IMAGE) -> dict[str, object]:
        return {"form": form, "source": source, "against": HUMAN, "contrast": contrast,
                "sigma": self.sigma if form == SMOOTHED else None}

    def _missing(self, source: str, form: str, metric: str = PRIMARY) -> dict[str, object]:
        """Give the columns of the row of a value that is not there."""
        return {**terms.SAME.name, **self._key(source, form), "metric": metric}


def estimates(analysis: Analysis) -> Iterator[tuple[list[Row], list[Draws]]]:
    """Compare people's maps, or their heatmaps of actors, with every classifier's and with baselines."""
    about = analysis.maps, analysis.statistics
    if analysis.data.human is None:
        if analysis.data.get("human_heatmap") is not None:
            overlap_of = HeatmapOverlap(*about, analysis.heatmaps.sizes["x"], analysis.seed)
            rows = overlap_of.study_rows(analysis.heatmaps["heatmap"])
            yield list(failures.guarded(rows, statistic=terms.OVERLAP)), []
        return
    overlaps = analysis.shared["overlap"] = OverlapAnalysis(analysis.data, *about, analysis.seed)
    baselines = overlaps.baselines()
    yield list(failures.guarded(overlaps.baseline_rows(baselines), statistic=terms.OVERLAP)), []
    for source in analysis.data.classifier_maps:
        analysis.progress.say(f"  overlap of people and {source}")
        yield from overlaps.classifier_rows(source, baselines, analysis.shared["ceiling"],
                                            analysis.shared["scores"].get(source))
    compared = overlaps.comparison_rows()
    yield list(failures.guarded(compared, statistic=terms.OVERLAP, contrast="minus another classifier")), []
    analysis.tables["overlap_images"] = overlaps.image_table()


def headlines(analysis: Analysis) -> Iterator[Row]:
    """Give the rows that the summary rests on: on smoothed maps, of every classifier, as they are compared."""
    if analysis.data.human is None or analysis.data.main is None:
        return
    overlaps = analysis.shared["overlap"] = OverlapAnalysis(
        analysis.data, analysis.maps, analysis.statistics, analysis.seed, forms=(SMOOTHED,))
    baselines = overlaps.baselines()
    for source in analysis.data.classifier_maps:
        yield from overlaps.headline_rows(source, baselines, analysis.shared["ceiling"],
                                          analysis.shared["scores"].get(source))
    yield from overlaps.comparison_rows()


def more_headlines(kept: pd.DataFrame, whole: pd.DataFrame,  # noqa: ARG001 - as every finding's
                   source: str | None) -> Iterator[tuple[str, dict[str, str]]]:
    """Name the comparisons of the classifier with other variants, methods and classifiers."""
    rows = kept[(kept["statistic"] == terms.OVERLAP) & (kept["source"] == source)]
    for contrast in rows["contrast"].dropna().unique().tolist():
        other = Source.parse(contrast.removeprefix("minus "))
        if contrast.startswith("minus ") and other:
            by = "" if str(source).endswith(f"/{other.method}") else f" {other.method.replace('_', ' ')}"
            yield f"Overlap minus {other.network.replace('/', ' ')}{by}'s", {
                "statistic": terms.OVERLAP, "metric": PRIMARY, "form": SMOOTHED, "contrast": contrast,
                "source": str(source)}
