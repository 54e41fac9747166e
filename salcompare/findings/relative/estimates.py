"""Tests of which pixels set an actor's maps apart from the other actors', with the p maps that figures outline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from salcompare import maps as mapping
from salcompare.findings.failures import FAILURES, guarded, undefined_row
from salcompare.findings.parts import Analysis, Draws, stream
from salcompare.findings.relative import MOST, MOST_BESIDE, STATISTIC
from salcompare.naming import HUMAN
from salcompare.printing import AT_MOST, EQUAL
from salcompare.statistics.inference.multiplicity import LEVEL
from salcompare.statistics.relative.clusters import clusters_of, default_threshold, tfce_of
from salcompare.statistics.relative.contrasts import SUPPORT, Standardised, standardise
from salcompare.statistics.relative.pixelwise import discoveries_of, maxima_of
from salcompare.study_data import StudyData

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from salcompare.config import Maps, Statistics
    from salcompare.findings.rows import Row

TFCE = {"start": 2.5, "step": 0.5}  # from 0 in steps of 0.1 takes hundreds of times as long


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
    shown = _shown(data)
    for source, prepared in _prepared(data, maps):
        n_permutations = min(statistics.n_permutations, MOST if source in shown else MOST_BESIDE)
        more, found, matrix = _tested(source, prepared, maps, n_permutations, seed)
        rows += more
        if found is None or matrix is None:
            continue
        tests[source] = found[["t", "p_value"]]
        if source in shown:
            beside = min(statistics.n_permutations, MOST_BESIDE)
            key = _key(source, prepared, maps)
            rows += guarded(_sensitivity(matrix, beside, seed, source, {**key, **_null(matrix)}), **key)
    return rows, tests


def _tested(source: str, prepared: xr.DataArray, maps: Maps, n_permutations: int, seed: int) -> tuple[
        list[Row], xr.Dataset | None, Standardised | None]:
    """Test one source: rows, the test, and what it was made of; too few actors or images give one row without value."""
    key = _key(source, prepared, maps)
    try:
        matrix = standardise(prepared, sigma=maps.sigma * prepared.sizes["x"], support=SUPPORT,
                          n_permutations=n_permutations)
        found = maxima_of(matrix, n_permutations, stream(seed, "relative", source))
    except FAILURES as error:  # the study goes on without this test
        return [undefined_row(error, **key, metric="max_t")], None, None
    return list(_test_rows(found, matrix, {**key, **_null(matrix)}, "max_t", "t")), found, matrix


def _key(source: str, prepared: xr.DataArray, maps: Maps) -> dict[str, object]:
    return {"statistic": STATISTIC, "form": "smoothed" if source == "human" else "smoothed masks",
            "sigma": maps.sigma * prepared.sizes["x"], "source": source, "contrast": "actor minus others"}


def _shown(data: StudyData) -> set[str]:
    """People, and the classifier that figures of one classifier show: the first one's last variant."""
    return {"human"} | ({data.main} if data.main else set())


def _prepared(data: StudyData, maps: Maps) -> Iterator[tuple[str, xr.DataArray]]:
    """Give what heatmaps are the means of: people's coverage of all their images, and classifiers' masks."""
    if data.human is not None:
        yield "human", data.human["coverage"]
    for source, dataset in data.classifier_maps.items():
        yield source, mapping.top_mask(dataset["saliency"], share=maps.mask_share).astype("float32")


def _null(matrix: Standardised) -> Row:
    about = matrix.about
    return {"null": about["null"], "alternative": about["alternative"], "n_undefined": matrix.n_undefined,
            "reason": about["left_out"] or None}


def _sensitivity(matrix: Standardised, n_permutations: int, seed: int, source: str, key: Row) -> Iterator[Row]:
    """Yield the rows of what stands beside the test."""
    def rng(name: str) -> np.random.Generator:
        """Give a test its own stream."""
        return stream(seed, "relative", source, name)

    if np.bincount(matrix.labels).min() < 2:
        yield {**key, "metric": "dispersion_t", "level": "population", "value": np.nan,
               "reason": "an actor with one image has no spread"}
    else:
        spread = maxima_of(matrix, n_permutations, rng("spread"), "spread")
        yield from _test_rows(spread, matrix, key, "dispersion_t", "t")
    rates = discoveries_of(matrix, n_permutations, rng("rates"))
    for method, name in (("bh", "Benjamini-Hochberg"), ("by", "Benjamini-Yekutieli")):
        about_family = {"family": f"pixels and actors, p pooled over pixels ({name})",
                        "family_size": matrix.family_size, "p_attainable": float(rates["p_attainable"]),
                        "n_resamples": int(rates["n_permutations"])}
        smallest = rates[f"p_{method}"].min(["y", "x"]).to_numpy()
        # What is adjusted is pooled p, and that is a bound where no t of any permutation reaches it.
        bound = np.isclose(rates["p_pooled"].min(["y", "x"]).to_numpy(), float(rates["p_attainable"]), rtol=1e-9)
        yield from _share_rows(rates[f"p_{method}"], matrix, {**key, **about_family}, f"surviving_share_{method}",
                               smallest, bound & (int(rates["n_permutations"]) == n_permutations))
    clusters = clusters_of(matrix, n_permutations, rng("clusters"), default_threshold(matrix))
    clusters.attrs["family_size"] = int(clusters["cluster"].max()) or np.nan
    yield from _test_rows(clusters, matrix, key, "cluster_mass", "mass")
    enhanced = tfce_of(matrix, n_permutations, rng("tfce"), **TFCE)
    yield from _test_rows(enhanced.assign_attrs(family_size=matrix.family_size), matrix, key, "tfce", "tfce")


def _test_rows(found: xr.Dataset, matrix: Standardised, key: Row, metric: str, variable: str) -> Iterator[Row]:
    """Yield, for each actor, the most extreme value with its p and (where a p locates) the share of pixels found."""
    key = {**key, "family": found.attrs["family"], "family_size": found.attrs["family_size"],
           "p_attainable": float(found["p_attainable"]), "n_resamples": int(found["n_permutations"])}
    extremes = _extremes(found[variable].to_numpy())
    smallest = found["p_actor"].to_numpy()
    yield _population(key, metric, smallest)
    for actor, value, p, n in zip(matrix.actors, extremes, smallest, np.bincount(matrix.labels), strict=True):
        yield {**key, "metric": metric, "level": "actor", "actor": str(actor), "value": value, "p_value": p,
               "p_adjusted": p, "n": int(n)}
    if metric == "max_t":
        for row in _share_rows(found["p_value"], matrix, key, "surviving_share", smallest, None):
            yield {**row, "p_value": np.nan, "p_adjusted": np.nan}  # p stands with max_t


def _share_rows(p: xr.DataArray, matrix: Standardised, key: Row, metric: str, smallest: NDArray[np.float64],
                bound: NDArray[np.bool_] | None) -> Iterator[Row]:
    """Yield how many of the tested pixels survive, for each actor, and how many actors have any."""
    said: list[Row] = [{}] * len(smallest) if bound is None else [
        {"p_is": AT_MOST if of else EQUAL} for of in bound.tolist()]
    yield {**_population(key, metric, smallest), **(said[int(np.nanargmin(smallest))] if np.isfinite(
        smallest).any() else {})}
    counts = (p <= LEVEL).sum(["y", "x"]).to_numpy()
    for actor, count, least, of in zip(matrix.actors, counts, smallest, said, strict=True):
        yield {**key, "metric": metric, "level": "actor", "actor": str(actor), "count": int(count),
               "value": count / matrix.values.shape[1], "p_value": least, "p_adjusted": least, **of}


def _population(key: Row, metric: str, smallest: NDArray[np.float64]) -> Row:
    """Make the row that says what share of the actors has anything that survives."""
    tested = smallest[~np.isnan(smallest)]
    least = float(tested.min()) if tested.size else np.nan
    return {**key, "metric": metric, "level": "population", "value": float((tested <= LEVEL).mean()) if tested.size
            else np.nan, "count": int((tested <= LEVEL).sum()), "n": tested.size, "p_value": least, "p_adjusted": least}


def _extremes(values: NDArray[np.float64]) -> list[float]:
    """Give the value farthest from 0 of each map (A, y, x), with its sign; 0 where there is none."""
    flat = np.nan_to_num(values.reshape(len(values), -1))
    return [float(row[np.abs(row).argmax()]) for row in flat]


def beside_heatmaps(tests: Mapping[str, xr.Dataset], heatmaps: xr.Dataset) -> xr.Dataset:
    """Put t and p beside the heatmaps, as relative_t and relative_p; NaN where a source or an actor has none."""
    stacked = {}
    for name in ("t", "p_value"):
        values = xr.full_like(heatmaps["heatmap"], np.nan, dtype=np.float32).reset_coords(drop=True)
        for source, found in tests.items():
            place = {"source": source, "actor": found["actor"].to_numpy()}
            values.loc[place] = found[name].transpose("actor", "y", "x").to_numpy()
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
    n_permutations = min(analysis.statistics.n_permutations, MOST)
    return _tested(HUMAN, analysis.data.human["coverage"], analysis.maps, n_permutations, analysis.seed)[0]
