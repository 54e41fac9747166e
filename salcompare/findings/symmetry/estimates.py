"""Estimates of symmetry."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from salcompare import maps as mapping
from salcompare.findings.failures import FAILURES, guarded, undefined_row
from salcompare.findings.parts import (
    NO_WORKERS,
    Analysis,
    Draws,
    about_test,
    actor_rows,
    adjusted,
    population_row,
    stream,
)
from salcompare.naming import HUMAN
from salcompare.statistics.inference.resampling import population_mean
from salcompare.statistics.responses import chosen, names_of
from salcompare.statistics.symmetries.indices import odd_share_difference, symmetric_null_mean, symmetry
from salcompare.statistics.symmetries.pose import asymmetry_beyond_photographs, pose_association
from salcompare.statistics.symmetries.sides import asymmetry_test, common_laterality_test, worker_laterality
from salcompare.study_data import StudyData

if TYPE_CHECKING:
    from salcompare.config import Maps, Statistics
    from salcompare.findings.rows import Row


METRICS = ("index", "mirror_correlation", "laterality")


def symmetry_estimates(data: StudyData, heatmaps: xr.DataArray, maps: Maps, statistics: Statistics,
                       seed: int) -> Iterator[Row]:
    """Estimate the three indices of every source, per actor and for the population, and the odd shares' difference."""
    of_images = {source: mapping.top_mask(found["saliency"], share=maps.mask_share)
                 for source, found in data.classifier_maps.items()}
    if data.human is not None:
        of_images["human"] = data.comparable_coverage
    for source in heatmaps["source"].to_numpy().tolist():
        yield from guarded(_of_source(str(source), heatmaps, of_images.get(source), seed), statistic="symmetry",
                           metric="index", source=str(source))
    yield from guarded(_odd_shares(data, maps, statistics, seed), statistic="symmetry", metric="odd_share",
                       form="smoothed")


def _of_source(source: str, heatmaps: xr.DataArray, of_images: xr.DataArray | None, seed: int) -> Iterator[Row]:
    """Give the rows of one source's heatmaps; `of_images` are the maps that they are the means of, where known."""
    if of_images is not None:  # people's on the same images as the classifiers'
        one = mapping.actor_heatmap(of_images)
        null = symmetric_null_mean(of_images, rng=stream(seed, "symmetry", source))
        counts = one["n_images"].reset_coords(drop=True)
    else:
        one, null = heatmaps.sel(source=source, drop=True), None
        counts = xr.ones_like(one["actor"], dtype=int).reset_coords(drop=True)
    for metric, values in symmetry(one).items():
        yield from _rows(source, str(metric), values.compute(), counts.compute(), null if metric == "index" else None)


def _rows(source: str, metric: str, values: xr.DataArray, counts: xr.DataArray, null: xr.DataArray | None,
          ) -> Iterator[Row]:
    key = {"statistic": "symmetry", "metric": metric, "source": source}
    null_mean: dict[str, float] = {}
    beside: dict[str, object] = {}
    if null is not None:
        null_mean = dict(zip(null.actor.values.tolist(), null.values.tolist(), strict=True))
        beside = {"null": "single images mirrored at random", "null_mean": float(null.mean())}
    if (source, metric) != ("human", "laterality"):  # whose mean over actors is worker_laterality's, with its interval
        yield {**population_row(population_mean(values.reset_coords(drop=True)), **key), **beside}
    for row in actor_rows(values, counts, **key):
        yield {**row, **(beside | {"null_mean": null_mean[str(row["actor"])]} if beside else {})}


def _odd_shares(data: StudyData, maps: Maps, statistics: Statistics, seed: int) -> Iterator[Row]:
    """Compare people with each classifier on smoothed maps of the same images."""
    if data.human is None:
        return
    for source, found in data.classifier_maps.items():
        seen = set(found["image"].values.tolist())
        common = [image for image in data.human["image"].values.tolist() if image in seen]
        sigma = maps.sigma * found.sizes["x"]
        people = mapping.smooth(data.human["coverage"].sel(image=common), sigma=sigma)
        masks = mapping.top_mask(found["saliency"].sel(image=common), share=maps.mask_share).astype("float32")
        difference = odd_share_difference(people, mapping.smooth(masks, sigma=sigma),
                                          n_permutations=statistics.n_permutations,
                                          rng=stream(seed, "odd share", source))
        # People's coverage is smoothed as it is, the classifier's masks are: both as their heatmaps are made.
        key = {"statistic": "symmetry", "metric": "odd_share", "form": "smoothed", "sigma": sigma}
        yield {**population_row(difference, **key, source=source, against="human", contrast="human minus classifier"),
               **about_test(difference, null_mean=0.0)}
        for side, name in (("human", "human"), ("classifier", source)):
            values = difference[side]
            yield population_row(population_mean(values.reset_coords(drop=True)), **key, source=name,
                                 against=source if side == "human" else "human", contrast="value")


OF_PEOPLE = "worker_laterality"
"""The metric of the one test of a side that people's maps have."""
COMPONENTS = 10
"""Most principal components of the photographs' odd parts that are taken out of the maps'."""


def asymmetry_estimates(data: StudyData, maps: Maps, statistics: Statistics, seed: int, *,
                        only: Collection[str] | None = None) -> Iterator[Row]:
    """Test the maps of every source (or `only` some), and what of their asymmetry goes with the photographs'.

    Of people's maps there is one test of a side, with workers taken as drawn at random, too: all actors share workers,
    and what these favour leans to a side by chance, which tests that mirror actors or images take for the people's.
    """
    sigma = maps.sigma * data.photographs.sizes["x"]
    grey = _grey(data)
    turned = mapping.smooth(grey, sigma=sigma)
    for source, form, plain in _sources(data, maps, grey):
        if only is not None and source not in only:
            continue
        about = {"statistic": "symmetry_test", "source": source}
        smoothed = mapping.smooth(plain, sigma=sigma)
        key = {**about, "form": "smoothed masks" if form == "masks" else "smoothed", "sigma": sigma}
        if source == "human":
            yield _worker_laterality(data, plain, statistics, stream(seed, "worker laterality"),
                                     {**about, "form": form})
        else:
            yield from _tests(plain, smoothed, statistics, seed, {**about, "form": form}, key)
        if source != "photographs":
            yield from _pose(smoothed, turned, statistics, seed, {**key, "against": "photographs"})
    if data.human is None and data.get("human_heatmap") is not None and (only is None or "human" in only):
        yield _unknown_workers(data.get("human_heatmap"), {"statistic": "symmetry_test", "source": "human",
                                                           "form": "raw"})


def _tests(plain: xr.DataArray, smoothed: xr.DataArray, statistics: Statistics, seed: int, about: Row,
           key: Row) -> Iterator[Row]:
    """Test the sides and the asymmetry of maps that are not people's."""
    source = str(key["source"])
    yield from guarded(_common_laterality(plain, statistics, stream(seed, "laterality", source), about),
                       **about, metric="common_laterality")
    yield from guarded(_common_asymmetry(smoothed, statistics, stream(seed, "common asymmetry", source), key),
                       **key, metric="common_asymmetry")
    yield from guarded(_asymmetry(smoothed, statistics, stream(seed, "asymmetry", source), key),
                       **key, metric="asymmetry")


def _grey(data: StudyData) -> xr.DataArray:
    test = data.photographs.sel(image=data.photographs["split"] == "test")
    return test.mean("channel", dtype=np.float32).load()


def _sources(data: StudyData, maps: Maps, grey: xr.DataArray) -> Iterator[tuple[str, str, xr.DataArray]]:
    """Give each source's name, the form its heatmaps are made of, and its maps in it."""
    if data.human is not None:
        yield "human", "raw", data.comparable_coverage.load()
    for source, found in data.classifier_maps.items():
        yield source, "masks", mapping.top_mask(found["saliency"], share=maps.mask_share).astype("float32").load()
    yield "photographs", "raw", grey


def _common_laterality(plain: xr.DataArray, statistics: Statistics, rng: np.random.Generator,
                       key: Row) -> Iterator[Row]:
    found = common_laterality_test(plain, rng=rng, n_permutations=statistics.n_permutations)
    yield {**population_row(found, **key, metric="common_laterality"), **about_test(found, null_mean=0.0)}


def _worker_laterality(data: StudyData, coverage: xr.DataArray, statistics: Statistics, rng: np.random.Generator,
                       key: Row) -> Row:
    """Test the side of the responses that the coverage is made of, for other workers and actors."""
    if data.by_worker is None:
        return _unknown_workers(mapping.actor_heatmap(coverage), key)
    size = (coverage.sizes["y"], coverage.sizes["x"])
    try:
        named = names_of(data.by_worker)["image"]
        kept = chosen(data.by_worker, named.isin(coverage["image"].to_numpy().tolist()).to_numpy())
        found = worker_laterality(kept, data.images, size=size, rng=rng, n_resamples=statistics.n_resamples)
    except FAILURES as error:
        return undefined_row(error, **key, metric=OF_PEOPLE)
    about = {name: found.attrs[name] for name in ("resampled", "null", "alternative", "n_resamples")}
    return {**population_row(found, **key, metric=OF_PEOPLE), **about, "null_mean": 0.0,
            "p_value": float(found["p_value"])}


def _unknown_workers(heatmaps: xr.DataArray, key: Row) -> Row:
    """Give the mean laterality of heatmaps that nothing is known of the workers of: no interval and no test."""
    values = symmetry(heatmaps)["laterality"].to_numpy()
    defined = values[~np.isnan(values)]
    return {**key, "metric": OF_PEOPLE, "level": "population", "n": defined.size,
            "value": float(defined.mean()) if defined.size else np.nan,
            "n_undefined": values.size - defined.size, "reason": NO_WORKERS}


def _common_asymmetry(smoothed: xr.DataArray, statistics: Statistics, rng: np.random.Generator,
                      key: Row) -> Iterator[Row]:
    """Test the odd energy that actors have in common, whichever pixels it is on."""
    found = common_laterality_test(smoothed, rng=rng, n_permutations=statistics.n_permutations)
    named = found.drop_vars(["value", "ci_low", "ci_high", "p_value"]).rename(
        odd_share="value", odd_share_ci_low="ci_low", odd_share_ci_high="ci_high", odd_share_p_value="p_value")
    named.attrs |= {"ci_method": "jackknife", "alternative": "greater"}
    row = population_row(named, **key, metric="common_asymmetry")
    if np.isnan(float(named["value"])) and not row["reason"]:
        row = {**row, "reason": "fewer than two actors, or no common energy"}
    yield {**row, **about_test(named, null_mean=0.0)}


def _asymmetry(smoothed: xr.DataArray, statistics: Statistics, rng: np.random.Generator, key: Row) -> Iterator[Row]:
    shoots = "shoot" in smoothed.coords and bool(smoothed["shoot"].notnull().all())
    found = asymmetry_test(smoothed, rng=rng, n_permutations=statistics.n_permutations,
                           clusters="shoot" if shoots else None)
    here = {**key, "metric": "asymmetry"}
    yield {**population_row(found, **here), **about_test(found)}
    rows = actor_rows(found["actor_value"], found["actor_n"], **here)
    tests = [found[[f"actor_{name}" for name in ("p_value", "p_attainable", "reason")]].isel(actor=at).rename(
        actor_p_value="p_value", actor_p_attainable="p_attainable", actor_reason="reason") for at in range(len(rows))]
    yield from adjusted([{**row, **about_test(test, null_mean=np.nan), "reason": str(test["reason"].item()) or None}
                         for row, test in zip(rows, tests, strict=True)], "actors")


def _pose(smoothed: xr.DataArray, turned: xr.DataArray, statistics: Statistics, seed: int, key: Row) -> Iterator[Row]:
    """Estimate how far maps turn with the faces, and whether they are asymmetric beyond that."""
    source = str(key["source"])
    metrics = ("pose_association", "asymmetry_beyond_photographs")
    common = np.isin(smoothed["image"].values, turned["image"].values).sum()
    try:
        association = pose_association(smoothed, turned, rng=stream(seed, metrics[0], source),
                                       n_permutations=statistics.n_permutations)
        beyond = asymmetry_beyond_photographs(
            smoothed, turned, rng=stream(seed, metrics[1], source), n_permutations=statistics.n_permutations,
            n_components=max(1, min(COMPONENTS, int(common) // 3)))
    except FAILURES as error:  # no image of both, or too few
        yield from (undefined_row(error, **key, metric=metric) for metric in metrics[:1 if source == "human" else 2])
        return
    yield {**population_row(association, **key, metric=metrics[0]), **about_test(association)}
    row: Row = {"level": "population", "value": float(beyond["value"]), "n": int(beyond["n"]),
           "n_undefined": int(beyond["n_undefined"]), "reason": str(beyond["reason"].item()) or None}
    if source != "human":
        yield {**key, **row, "metric": metrics[1], **about_test(beyond)}
    explained = float(beyond["explained"])
    unknown = row["reason"] or "the maps have no odd part that could follow the photographs'"
    yield {**key, **row, "metric": "odd_energy_explained", "value": explained, "n": int(beyond["n_images"]),
           "n_undefined": int(beyond["n_images_undefined"]), "reason": unknown if np.isnan(explained) else None}


def estimates(analysis: Analysis) -> Iterator[tuple[list[Row], list[Draws]]]:
    """Estimate the symmetry of heatmaps, and test sides and asymmetry."""
    analysis.progress.say("  symmetry")
    about = analysis.maps, analysis.statistics, analysis.seed
    if analysis.heatmaps.sizes["source"]:
        of_heatmaps = symmetry_estimates(analysis.data, analysis.heatmaps["heatmap"], *about)
        yield list(guarded(of_heatmaps, statistic="symmetry")), []
    yield list(guarded(asymmetry_estimates(analysis.data, *about), statistic="symmetry_test")), []


def headlines(analysis: Analysis) -> Iterator[Row]:
    """Give the rows that the summary rests on: people's, and their difference from the main classifier's."""
    data, about = analysis.main_data, (analysis.maps, analysis.statistics, analysis.seed)
    people = data.get("human_heatmap") if data.human is None else mapping.actor_heatmap(data.human["coverage"])
    if data.human is not None:
        yield from asymmetry_estimates(data, *about, only=(HUMAN,))
    if people is not None:
        yield from symmetry_estimates(data, mapping.stack_sources({HUMAN: people}).load(), *about)
