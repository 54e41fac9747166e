"""A study's whole analysis: labelled estimates put into one tidy table, with the heatmaps beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pandas as pd
import xarray as xr

from salcompare import maps as mapping
from salcompare.blocks import one_thread
from salcompare.progress import Progress, Silent
from salcompare.statistics.analysis.accuracies import accuracy_differences
from salcompare.statistics.analysis.agreement import IMAGE_COLUMNS as AGREEMENT_COLUMNS
from salcompare.statistics.analysis.agreement import agreement_estimates
from salcompare.statistics.analysis.asymmetry import asymmetry_estimates
from salcompare.statistics.analysis.ceilings import ceiling_estimates, noise_ceiling_rows
from salcompare.statistics.analysis.components import box_component_rows
from salcompare.statistics.analysis.controls import control_estimates, curve_estimates
from salcompare.statistics.analysis.estimates import estimates_table, nulls_table, with_responses
from salcompare.statistics.analysis.failures import FAILED, guarded, guarded_parts, n_failed
from salcompare.statistics.analysis.families import name_families
from salcompare.statistics.analysis.floors import with_p_is
from salcompare.statistics.analysis.headlines import compare_headlines, headline_estimates, headline_source
from salcompare.statistics.analysis.heatmap_overlap import HeatmapOverlap
from salcompare.statistics.analysis.labels import label_estimates
from salcompare.statistics.analysis.overlap import IMAGE_COLUMNS, OverlapAnalysis
from salcompare.statistics.analysis.parts import AnalysisData, Draws
from salcompare.statistics.analysis.relative import beside_heatmaps, relative_estimates
from salcompare.statistics.analysis.removal import CURVE_COLUMNS, curves_table, removal_estimates
from salcompare.statistics.analysis.seeds import seed_estimates
from salcompare.statistics.analysis.symmetry import symmetry_estimates
from salcompare.statistics.analysis.variance import n_variance_parts, variance_estimates

if TYPE_CHECKING:
    from salcompare.config import Maps, Statistics
    from salcompare.statistics.analysis.estimates import Row

__all__ = ["AGREEMENT_COLUMNS", "CURVE_COLUMNS", "AnalysisData", "Results", "analyse", "compare_headlines",
           "headline_estimates", "headline_source"]


@dataclass(frozen=True)
class Results:
    """What an analysis gives.

    Attributes
    ----------
    estimates : DataFrame
        See `salcompare.schema.ESTIMATES`.
    heatmaps : Dataset
        ``heatmap``, ``relative``, and ``relative_t`` and ``relative_p`` of `relative_test`, NaN where a pixel was not
        tested; all (source, actor, y, x).
    nulls : DataFrame
        Columns statistic, metric, form, source, value: draws under the null, for figures.
    image_overlaps : DataFrame
        Columns image, actor, source, form, sigma and one a metric: the overlap of every image. The estimates hold
        the actors' and the population's, as a row for each image would make them many times longer.
    image_agreements : DataFrame
        Columns `AGREEMENT_COLUMNS`: how far workers agree on every image, with intervals; likewise.
    removal_curves : DataFrame
        Columns `CURVE_COLUMNS`: deletion and insertion curves, point by point.
    """

    estimates: pd.DataFrame
    heatmaps: xr.Dataset
    nulls: pd.DataFrame
    image_overlaps: pd.DataFrame
    image_agreements: pd.DataFrame
    removal_curves: pd.DataFrame


@one_thread()
def analyse(data: AnalysisData, *, maps: Maps, statistics: Statistics, seed: int,
            responses: Literal["collected", "simulated"] = "collected", progress: Progress | None = None) -> Results:
    """Compute every statistic of a study.

    Parameters
    ----------
    data : AnalysisData
        Maps, photographs and responses; what is missing is left out of the table.
    maps, statistics : Maps, Statistics
        Settings.
    seed : int
        Each part draws from a stream of its own.
    responses : {"collected", "simulated"}
        What the table says of estimates that rest on responses.
    progress : Progress, optional
        Told of each part.

    Returns
    -------
    Results
    """
    progress = progress or Silent()
    rows: list[Row] = list(_accuracy_rows(data.accuracies))
    image_overlaps = pd.DataFrame(columns=list(IMAGE_COLUMNS))
    draws: list[Draws] = []
    progress.say("  variance explained")
    parts = guarded_parts(variance_estimates(data, maps, statistics, seed), statistic="variance_explained")
    for more, nulls in progress.track(parts, total=n_variance_parts(data), what="variance explained"):
        rows += more
        draws += nulls
    progress.say("  variance of single responses")
    rows += guarded(box_component_rows(data, maps), statistic="variance_component", source="human")
    heatmaps = study_heatmaps(data, maps)
    progress.say("  relative saliency")
    more_rows, tests = relative_estimates(data, maps, statistics, seed)
    rows += more_rows
    heatmaps = beside_heatmaps(tests, heatmaps)
    progress.say("  labels and symmetry")
    rows += guarded(label_estimates(data, maps, statistics, seed), statistic="label_share", source="human")
    more_rows, image_agreements = agreement_estimates(data, statistics, seed)
    rows += more_rows
    if heatmaps.sizes["source"]:
        rows += guarded(symmetry_estimates(data, heatmaps["heatmap"], maps, statistics, seed), statistic="symmetry")
    rows += guarded(asymmetry_estimates(data, maps, statistics, seed), statistic="symmetry_test")
    rows += curve_estimates(data)
    rows += removal_estimates(data.removals, statistics, seed)
    if data.human is not None:
        analysis = OverlapAnalysis(data, maps, statistics, seed)
        for more, nulls in _overlaps(analysis, list(data.classifier_maps), progress):
            rows += more
            draws += nulls
        image_overlaps = analysis.image_table()
    elif data.human_heatmap is not None:
        rows += guarded(_heatmap_overlaps(heatmaps["heatmap"], maps, statistics, seed), statistic="overlap")
    rows += guarded(accuracy_differences(data.predictions, statistics, seed), statistic="accuracy")
    rows += guarded(seed_estimates(data, maps, statistics, seed, people=_ceilings(rows)), statistic="seed_reliability")
    table = with_p_is(name_families(estimates_table(rows)), statistics.n_permutations)
    failed = n_failed(table)
    if failed:
        progress.say(f"  {failed} estimates {FAILED.removesuffix(': ')} and have no value: see reason in estimates.csv")
    return Results(with_responses(table, responses), heatmaps, nulls_table(draws), image_overlaps, image_agreements,
                   curves_table(data.removals, responses))


def study_heatmaps(data: AnalysisData, maps: Maps) -> xr.Dataset:
    """Heatmaps of every source, people's first, and their relative saliency."""
    found: dict[str, xr.DataArray] = {}
    if data.human is not None:
        found["human"] = mapping.actor_heatmap(data.human["coverage"])
    elif data.human_heatmap is not None:
        found["human"] = data.human_heatmap
    for source, dataset in data.classifier_maps.items():
        found[source] = mapping.actor_heatmap(mapping.top_mask(dataset["saliency"], share=maps.mask_share))
    stacked = mapping.stack_sources(found).load()
    return xr.Dataset({"heatmap": stacked, "relative": mapping.relative_saliency(stacked)})


def _overlaps(analysis: OverlapAnalysis, sources: list[str], progress: Progress) -> Iterator[
        tuple[list[Row], list[Draws]]]:
    progress.say("  noise ceiling and baselines")
    ceiling_rows, ceilings = noise_ceiling_rows(analysis.data, analysis.forms, analysis.seed)
    baselines = analysis.baselines()
    yield [*ceiling_rows, *guarded(analysis.baseline_rows(baselines), statistic="overlap")], []
    for source in sources:
        progress.say(f"  overlap of people and {source}")
        yield from analysis.classifier_rows(source, baselines, ceilings)
    yield list(guarded(analysis.comparison_rows(), statistic="overlap", contrast="minus another classifier")), []
    progress.say("  overlap beside controls")
    yield list(guarded(control_estimates(analysis), statistic="overlap_control")), []
    progress.say("  resampled overlap and share of the ceiling")
    shares = ceiling_estimates(analysis.data, analysis.statistics, analysis.seed, sigma=analysis.sigma)
    yield list(guarded(shares, statistic="share_of_ceiling")), []


def _heatmap_overlaps(heatmaps: xr.DataArray, maps: Maps, statistics: Statistics, seed: int) -> Iterator[Row]:
    """Compare heatmaps, where responses name actors and no images."""
    overlap = HeatmapOverlap(maps, statistics, heatmaps.sizes["x"], seed)
    human = heatmaps.sel(source="human", drop=True)
    yield from overlap.baseline_rows(human)
    for source in (str(name) for name in heatmaps["source"].to_numpy() if name != "human"):
        yield from overlap.rows_of_heatmaps(human, heatmaps.sel(source=source, drop=True), source)


def _ceilings(rows: list[Row]) -> dict[str, float]:
    """Each actor's noise ceiling of smoothed human maps, among rows."""
    return {str(row["actor"]): float(str(row["value"])) for row in rows
            if (row["statistic"], row.get("form"), row["level"]) == ("noise_ceiling", "smoothed", "actor")}


def _accuracy_rows(accuracies: pd.DataFrame) -> Iterator[Row]:
    for row in accuracies.to_dict("records"):
        yield {"statistic": "accuracy", "metric": row["split"], "level": "population",
               "source": f"{row['classifier']}/{row['variant']}", "value": row["accuracy"], "ci_low": row["ci_low"],
               "ci_high": row["ci_high"], "ci_method": "wilson", "resampled": "images", "n": row["n"],
               "reason": None if row["n"] else f"no {row['split']} image"}
