"""Tests of which pixels set an actor's maps apart from the other actors', with the p maps that figures outline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from salcompare import maps as mapping
from salcompare.findings import relative as declared
from salcompare.findings.analysis import Analysis, Draws
from salcompare.findings.failures import FAILURES, guarded, undefined_row, without_value
from salcompare.findings.rows import rows_of
from salcompare.naming import HUMAN, SMOOTHED
from salcompare.printing import ALPHA, AT_MOST, EQUAL
from salcompare.random_numbers import stream
from salcompare.statistics.relative.clusters import clusters_of, default_threshold, tfce_of
from salcompare.statistics.relative.contrasts import SUPPORT, Standardised, standardise
from salcompare.statistics.relative.pixelwise import discoveries_of, maxima_of
from salcompare.study_data import StudyData

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from salcompare.config import Maps, Statistics
    from salcompare.findings.finding import Quantity
    from salcompare.findings.rows import Row


def relative_estimates(data: StudyData, maps: Maps, statistics: Statistics, seed: int) -> tuple[
        list[Row], dict[str, xr.Dataset]]:
    """Test relative saliency of every source.

    Returns
    -------
    list of Row, dict of Dataset
        The estimates; and by source the test's t and p_value (actor, y, x), NaN where a pixel was not tested.
    """
    rows: list[Row] = []
    tests: dict[str, xr.Dataset] = {}
    for source, prepared in _prepared(data, maps):
        shown = source in (HUMAN, data.main)  # what figures of one classifier show
        key = _key(source, prepared, maps)
        n_permutations = min(statistics.n_permutations, declared.MOST if shown else declared.MOST_BESIDE)
        more, result, matrix = _tested(prepared, n_permutations, seed, key)
        rows += more
        if result is None or matrix is None:
            continue
        tests[source] = result[["t", "p_value"]]
        if shown:
            beside = min(statistics.n_permutations, declared.MOST_BESIDE)
            rows += guarded(_sensitivity(matrix, beside, seed, key), statistic=declared.STATISTIC, **key)
    return rows, tests


def _tested(prepared: xr.DataArray, n_permutations: int, seed: int, key: Row) -> tuple[
        list[Row], xr.Dataset | None, Standardised | None]:
    """Test one source: rows, the test, and what it was made of; too few actors or images give one row without value."""
    try:
        matrix = standardise(prepared, sigma=float(str(key["sigma"])), support=SUPPORT, n_permutations=n_permutations)
        result = maxima_of(matrix, n_permutations, stream(seed, "relative", str(key["source"])))
    except FAILURES as error:  # the study goes on without this test
        return [undefined_row(error, **declared.LARGEST[0].name, **key)], None, None
    of_actors = _of_actors(result, matrix, "t")
    pixels = of_actors.assign(_pixels(result["p_value"], matrix))
    return [*_rows(declared.LARGEST, of_actors, key), *_rows(declared.SURVIVING, pixels, key)], result, matrix


def _key(source: str, prepared: xr.DataArray, maps: Maps) -> dict[str, object]:
    return {"form": SMOOTHED if source == HUMAN else "smoothed masks", "sigma": maps.sigma * prepared.sizes["x"],
            "source": source, "contrast": declared.CONTRAST}


def _prepared(data: StudyData, maps: Maps) -> Iterator[tuple[str, xr.DataArray]]:
    """Give what heatmaps are the means of: people's coverage of all their images, and classifiers' masks."""
    if data.human is not None:
        yield HUMAN, data.human["coverage"]
    for source, dataset in data.classifier_maps.items():
        yield source, mapping.top_mask(dataset["saliency"], share=maps.mask_share).astype("float32")


def _rows(quantities: Iterable[Quantity], result: xr.Dataset, key: Row) -> list[Row]:
    return [row for quantity in quantities for row in rows_of(result, quantity, key)]


def _sensitivity(matrix: Standardised, n_permutations: int, seed: int, key: Row) -> Iterator[Row]:
    """Yield the rows of what stands beside the test."""
    def rng(name: str) -> np.random.Generator:
        """Give a test its own stream."""
        return stream(seed, "relative", str(key["source"]), name)

    if np.bincount(matrix.labels).min() < 2:
        yield {**without_value("an actor with one image has no spread", **declared.SPREAD[0].name, **key),
               "n_undefined": matrix.n_undefined}
    else:
        spread = maxima_of(matrix, n_permutations, rng("spread"), "spread")
        yield from _rows(declared.SPREAD, _of_actors(spread, matrix, "t"), key)
    rates = discoveries_of(matrix, n_permutations, rng("rates"))
    for method in declared.ADJUSTMENTS:
        yield from _rows(declared.SURVIVING_AT_RATE[method], _at_rate(rates, matrix, method, n_permutations), key)
    clusters = clusters_of(matrix, n_permutations, rng("clusters"), default_threshold(matrix))
    yield from _rows(declared.MASS, _of_actors(clusters, matrix, "mass"), key)
    enhanced = tfce_of(matrix, n_permutations, rng("tfce"), **declared.TFCE)
    yield from _rows(declared.ENHANCED, _of_actors(enhanced, matrix, "tfce"), key)


def _of_actors(result: xr.Dataset, matrix: Standardised, variable: str) -> xr.Dataset:
    """Say of each actor the value farthest from 0, with its sign (0 where there is none), and its smallest p."""
    flat = np.nan_to_num(result[variable].to_numpy().reshape(len(matrix.actors), -1))
    extremes = np.take_along_axis(flat, np.abs(flat).argmax(axis=1, keepdims=True), axis=1)[:, 0]
    return _of_all(result, result["p_actor"].to_numpy()).assign(
        actor_value=("actor", extremes), actor_n=("actor", np.bincount(matrix.labels)))


def _of_all(result: xr.Dataset, smallest: NDArray[np.float64]) -> xr.Dataset:
    """Say for how many of the actors, and what share, something survives, given each one's smallest p."""
    tested = smallest[~np.isnan(smallest)]
    return result.assign(
        actor_p=("actor", smallest), p_least=tested.min() if tested.size else np.nan, n_actors=tested.size,
        count=int((tested <= ALPHA).sum()), share=(tested <= ALPHA).mean() if tested.size else np.nan)


def _pixels(p: xr.DataArray, matrix: Standardised) -> dict[str, xr.DataArray]:
    """Count the tested pixels of each actor that survive."""
    counts = (p <= ALPHA).sum(["y", "x"])
    return {"actor_count": counts, "actor_share": counts / matrix.values.shape[1]}


def _at_rate(rates: xr.Dataset, matrix: Standardised, method: str, n_permutations: int) -> xr.Dataset:
    """Say how much survives at a false discovery rate.

    What is adjusted is pooled p, and that is a bound where no t of any permutation reaches it.
    """
    smallest = rates[f"p_{method}"].min(["y", "x"]).to_numpy()
    bound = np.isclose(rates["p_pooled"].min(["y", "x"]), rates["p_attainable"], rtol=1e-9) & (
        int(rates["n_permutations"]) == n_permutations)
    p_is = np.where(bound, AT_MOST, EQUAL)
    return _of_all(rates, smallest).assign(_pixels(rates[f"p_{method}"], matrix)).assign(
        actor_p_is=("actor", p_is),
        p_is=p_is[np.nanargmin(smallest)] if np.isfinite(smallest).any() else "").assign_attrs(
            family=f"pixels and actors, p pooled over pixels ({declared.ADJUSTMENTS[method]})")


def beside_heatmaps(tests: Mapping[str, xr.Dataset], heatmaps: xr.Dataset) -> xr.Dataset:
    """Put t and p beside the heatmaps, as relative_t and relative_p; NaN where a source or an actor has none."""
    stacked = {}
    for name in ("t", "p_value"):
        values = xr.full_like(heatmaps["heatmap"], np.nan, dtype=np.float32).reset_coords(drop=True)
        for source, test in tests.items():
            place = {"source": source, "actor": test["actor"].to_numpy()}
            values.loc[place] = test[name].transpose("actor", "y", "x").to_numpy()
        stacked["relative_t" if name == "t" else "relative_p"] = values.assign_attrs({})
    return heatmaps.assign(stacked)


def estimates(analysis: Analysis) -> Iterator[tuple[list[Row], list[Draws]]]:
    """Test relative saliency, and keep the tests beside the heatmaps."""
    analysis.progress.say("  relative saliency")
    rows, tests = relative_estimates(analysis.data, analysis.maps, analysis.statistics, analysis.seed)
    analysis.heatmaps = beside_heatmaps(tests, analysis.heatmaps)
    yield rows, []


def headlines(analysis: Analysis) -> list[Row]:
    """Give the rows that the summary rests on: the test of people's maps, without what stands beside it."""
    if analysis.data.human is None:
        return []
    coverage, n_permutations = analysis.data.human["coverage"], min(analysis.statistics.n_permutations, declared.MOST)
    return _tested(coverage, n_permutations, analysis.seed, _key(HUMAN, coverage, analysis.maps))[0]
