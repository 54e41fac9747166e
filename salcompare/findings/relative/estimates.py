"""Tests of which pixels set an actor's maps apart from the other actors', with the p maps that figures outline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import xarray as xr

from salcompare import maps as mapping
from salcompare.config import Maps, Statistics
from salcompare.findings import relative as declared
from salcompare.findings.analysis import Analysis, Draws, confounded, with_shoots
from salcompare.findings.failures import FAILURES, undefined_row, without_value
from salcompare.findings.rows import Row, rows_of
from salcompare.naming import HUMAN, SMOOTHED
from salcompare.printing import ALPHA
from salcompare.random_numbers import stream
from salcompare.statistics.relative.pixelwise import relative_test
from salcompare.study_data import StudyData


def relative_estimates(data: StudyData, maps: Maps, statistics: Statistics, seed: int) -> tuple[
        list[Row], dict[str, xr.Dataset]]:
    """Test relative saliency of every source: estimates, and by source the test's t and p_value (actor, y, x)."""
    rows: list[Row] = []
    tests: dict[str, xr.Dataset] = {}
    for source, prepared in _prepared(data, maps):
        shown = source in (HUMAN, data.main)  # what figures of one classifier show
        key = _key(source, prepared, maps)
        if source == HUMAN and (why := confounded(data, seed)):
            rows.append(without_value(why, **declared.LARGEST[0].name, **key))
            continue
        n_permutations = min(statistics.n_permutations, declared.MOST if shown else declared.MOST_BESIDE)
        more, result = _tested(data, prepared, n_permutations, seed, key)
        rows += more
        if result is not None:
            tests[source] = result[["t", "p_value"]]
    return rows, tests


def _tested(data: StudyData, prepared: xr.DataArray, n_permutations: int, seed: int,
            key: Row) -> tuple[list[Row], xr.Dataset | None]:
    """Test one source: rows, and the test; what is too few gives one row without value."""
    shot, clusters = with_shoots(prepared, data.images)
    try:
        result = relative_test(shot, sigma=float(str(key["sigma"])), rng=stream(seed, "relative", str(key["source"])),
                               n_permutations=n_permutations, clusters=clusters)
    except FAILURES as error:  # the study goes on without this test
        return [undefined_row(error, **declared.LARGEST[0].name, **key)], None
    of_actors = _of_actors(result)
    return [row for quantity in (*declared.LARGEST, *declared.SURVIVING)
            for row in rows_of(of_actors, quantity, key)], result


def _key(source: str, prepared: xr.DataArray, maps: Maps) -> dict[str, object]:
    return {"form": SMOOTHED if source == HUMAN else "smoothed masks", "sigma": maps.sigma * prepared.sizes["x"],
            "source": source, "contrast": declared.CONTRAST}


def _prepared(data: StudyData, maps: Maps) -> Iterator[tuple[str, xr.DataArray]]:
    """Give what heatmaps are the means of: people's coverage of all their images, and classifiers' masks."""
    if data.human is not None:
        yield HUMAN, data.human["coverage"]
    for source, dataset in data.classifier_maps.items():
        yield source, mapping.top_mask(dataset["saliency"], share=maps.mask_share).astype("float32")


def _of_actors(result: xr.Dataset) -> xr.Dataset:
    """Say of each actor the t farthest from 0, its smallest p and how many pixels survive, and of how many any does."""
    t = result["t"].to_numpy().reshape(result.sizes["actor"], -1)
    smallest = result["p_actor"].to_numpy()
    tested = ~np.isnan(smallest)
    extremes = np.take_along_axis(t, np.abs(np.nan_to_num(t)).argmax(axis=1, keepdims=True), axis=1)[:, 0]
    counts = np.where(tested, (result["p_value"] <= ALPHA).sum(["y", "x"]), np.nan)
    differing = smallest[tested] <= ALPHA
    return result.assign(
        actor_value=("actor", np.where(tested, extremes, np.nan)), actor_n=result["n_images"],
        actor_count=("actor", counts), actor_share=("actor", counts / int(result["n_pixels"])),
        actor_p=("actor", smallest), p_least=np.nanmin(smallest), n_actors=int(tested.sum()),
        count=int(differing.sum()), share=differing.mean())


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
    if why := confounded(analysis.data, analysis.seed):
        return [without_value(why, **declared.LARGEST[0].name, source=HUMAN, form=SMOOTHED)]
    coverage, n_permutations = analysis.data.human["coverage"], min(analysis.statistics.n_permutations, declared.MOST)
    return _tested(analysis.data, coverage, n_permutations, analysis.seed, _key(HUMAN, coverage, analysis.maps))[0]
