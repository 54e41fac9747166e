"""Estimates of symmetry."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from salcompare import maps as mapping
from salcompare.findings import symmetry as declared
from salcompare.findings.analysis import NO_WORKERS, Analysis, Draws, adjusted, with_shoots
from salcompare.findings.failures import FAILURES, guarded, rows_or_reasons, undefined_row, without_value
from salcompare.findings.rows import rows_of
from salcompare.naming import HUMAN, PHOTOGRAPHS, RAW, SMOOTHED
from salcompare.random_numbers import stream
from salcompare.statistics.inference.resampling import WORKERS_SHARED, population_mean
from salcompare.statistics.responses import Responses, chosen, names_of
from salcompare.statistics.symmetries.indices import symmetric_null_mean, symmetry
from salcompare.statistics.symmetries.pose import asymmetry_beyond_photographs, pose_association
from salcompare.statistics.symmetries.shares import odd_share_difference
from salcompare.statistics.symmetries.sides import asymmetry_test, common_laterality_test, worker_laterality
from salcompare.study_data import StudyData

if TYPE_CHECKING:
    from salcompare.config import Maps, Statistics
    from salcompare.findings.rows import Row


def symmetry_estimates(data: StudyData, heatmaps: xr.DataArray, maps: Maps, seed: int) -> Iterator[Row]:
    """Estimate the three indices of every source, per actor and for the population, and the odd shares' difference."""
    of_images = {source: mapping.top_mask(dataset["saliency"], share=maps.mask_share)
                 for source, dataset in data.classifier_maps.items()}
    if data.human is not None:
        of_images[HUMAN] = data.comparable_coverage
    for source in heatmaps["source"].to_numpy().tolist():
        yield from guarded(_of_source(str(source), heatmaps, of_images.get(source), seed), **declared.INDEX.name,
                           source=str(source))
    yield from guarded(_odd_shares(data, maps), **declared.DIFFERENCE.name, form=SMOOTHED)


def _of_source(source: str, heatmaps: xr.DataArray, of_images: xr.DataArray | None, seed: int) -> Iterator[Row]:
    """Give the rows of one source's heatmaps; `of_images` are the maps that they are the means of, where known."""
    if of_images is not None:  # people's on the same images as the classifiers'
        of_actors = mapping.actor_heatmap(of_images)
        null = symmetric_null_mean(of_images, rng=stream(seed, "symmetry", source))
        counts = of_actors["n_images"].reset_coords(drop=True)
    else:
        of_actors = heatmaps.sel(source=source, drop=True)
        counts = xr.ones_like(of_actors["actor"], dtype=int).reset_coords(drop=True)
        null = xr.full_like(counts, np.nan, dtype=float).assign_attrs(null="")
    indices = symmetry(of_actors).reset_coords(drop=True).compute()
    for quantity, single in zip(declared.OF_MAPS, declared.OF_ACTORS, strict=True):
        values = indices[quantity.metric]
        reason = ("actor", np.where(np.isnan(values), "undefined on every image of the actor", ""))
        result = population_mean(values).assign_attrs(null.attrs).assign(
            null_mean=null.mean(), actor_null_mean=null, actor_value=values, actor_n=counts, actor_reason=reason)
        if source == HUMAN:
            result = result.assign(ci_low=np.nan, ci_high=np.nan, reason=WORKERS_SHARED)
        if source != HUMAN or quantity is not declared.LATERALITY:  # its mean over actors is that of WORKERS
            yield from rows_of(result, quantity, {"source": source})
        yield from rows_of(result, single, {"source": source})


def _odd_shares(data: StudyData, maps: Maps) -> Iterator[Row]:
    """Compare people with each classifier on smoothed maps of the same images."""
    if data.human is None:
        return
    for source, dataset in data.classifier_maps.items():
        sigma = maps.sigma * dataset.sizes["x"]
        masks = mapping.top_mask(dataset["saliency"], share=maps.mask_share).astype("float32")
        # People's coverage is smoothed as it is, the classifier's masks are: both as their heatmaps are made.
        key = {"form": SMOOTHED, "sigma": sigma, "source": source, "against": HUMAN}
        if data.by_worker is None:
            yield {**without_value(NO_WORKERS, **declared.DIFFERENCE.name, **key), "contrast": declared.BETWEEN}
            continue
        smoothed, clusters = with_shoots(mapping.smooth(masks, sigma=sigma), data.images)
        result = odd_share_difference(data.by_worker, data.images, smoothed, sigma=sigma, clusters=clusters)
        yield from rows_of(result, declared.DIFFERENCE, key)
        for side, name, other in (("human", HUMAN, source), ("classifier", source, HUMAN)):
            mean = population_mean(result[side].reset_coords(drop=True)).assign(reason=declared.FEW_ACTORS_ODD)
            yield from rows_of(mean, declared.ODD_SHARE, {**key, "source": name, "against": other,
                                                          "contrast": declared.ALONE})


def asymmetry_estimates(data: StudyData, maps: Maps, statistics: Statistics, seed: int, *,
                        only: Collection[str] | None = None) -> Iterator[Row]:
    """Test the maps of every source (or `only` some), and what of their asymmetry goes with the photographs'.

    Of people's maps there is one test of a side, with workers taken as drawn at random, too: all actors share workers,
    and what these favour leans to a side by chance, which tests that mirror actors or images take for the people's.
    """
    sigma = maps.sigma * data.photographs.sizes["x"]
    grey = data.photographs.sel(image=data.photographs["split"] == "test").mean("channel", dtype=np.float32).load()
    turned, yaw = mapping.smooth(grey, sigma=sigma), measured_yaw(data)
    for source, form, plain in _sources(data, maps, grey):
        if only is not None and source not in only:
            continue
        smoothed, clusters = with_shoots(mapping.smooth(plain, sigma=sigma), data.images)
        key = {"source": source, "form": "smoothed masks" if form == "masks" else SMOOTHED, "sigma": sigma}
        if source == HUMAN:
            yield from _worker_laterality(data, plain, statistics, seed, {"source": source, "form": form})
        else:
            yield from _asymmetries(plain, smoothed, statistics, seed, form, key, clusters)
        if source != PHOTOGRAPHS:
            yield from _pose(smoothed, turned, yaw, statistics, seed, {**key, "against": PHOTOGRAPHS}, clusters)
    if data.human is None and data.get("human_heatmap") is not None and (only is None or HUMAN in only):
        yield from _unknown_workers(data.get("human_heatmap"), {"source": HUMAN, "form": RAW})


def _sources(data: StudyData, maps: Maps, grey: xr.DataArray) -> Iterator[tuple[str, str, xr.DataArray]]:
    """Give each source's name, the form its heatmaps are made of, and its maps in it."""
    if data.human is not None:
        yield HUMAN, RAW, data.comparable_coverage.load()
    for source, dataset in data.classifier_maps.items():
        yield source, "masks", mapping.top_mask(dataset["saliency"], share=maps.mask_share).astype("float32").load()
    yield PHOTOGRAPHS, RAW, grey


def _worker_laterality(data: StudyData, coverage: xr.DataArray, statistics: Statistics, seed: int,
                       key: Row) -> list[Row]:
    """Test the side of the responses that the coverage is made of, for other workers and actors."""
    if data.by_worker is None:
        return _unknown_workers(mapping.actor_heatmap(coverage), key)
    return rows_or_reasons([declared.WORKERS], key, _of_images, data.by_worker, data.images, coverage,
                           rng=stream(seed, "worker laterality"), n_resamples=statistics.n_resamples)[0]


def _of_images(responses: Responses, images: pd.DataFrame, coverage: xr.DataArray, *, rng: np.random.Generator,
               n_resamples: int) -> xr.Dataset:
    """Test the side of the responses to the images that the coverage has."""
    kept = names_of(responses)["image"].isin(coverage["image"].to_numpy().tolist())
    return worker_laterality(chosen(responses, kept.to_numpy()), images, rng=rng, n_resamples=n_resamples,
                             size=(coverage.sizes["y"], coverage.sizes["x"]))


def _unknown_workers(heatmaps: xr.DataArray, key: Row) -> list[Row]:
    """Give the mean laterality of heatmaps that nothing is known of the workers of: no interval and no test."""
    values = symmetry(heatmaps)["laterality"].to_numpy()
    defined = values[~np.isnan(values)]
    mean = float(defined.mean()) if defined.size else np.nan
    return [{**declared.WORKERS.name, **key, "value": mean, "n": defined.size,
             "n_undefined": values.size - defined.size, "reason": NO_WORKERS}]


def _asymmetries(plain: xr.DataArray, smoothed: xr.DataArray, statistics: Statistics, seed: int, form: str,
                 key: Row, clusters: str | None) -> Iterator[Row]:
    """Test a side that actors share, the odd energy that they do, whichever pixels it is on, and that of each actor."""
    source, n_permutations = str(key["source"]), statistics.n_permutations
    for quantity, maps, of, drawn in ((declared.SIDE, plain, {"source": source, "form": form}, "laterality"),
                                      (declared.COMMON, smoothed, key, "common asymmetry")):
        yield from rows_or_reasons([quantity], of, common_laterality_test, maps, n_permutations=n_permutations,
                                   rng=stream(seed, drawn, source))[0]
    rows = rows_or_reasons(
        [declared.ASYMMETRY, declared.ASYMMETRY_OF_ACTORS], key, asymmetry_test, smoothed,
        n_permutations=n_permutations, rng=stream(seed, "asymmetry", source), clusters=clusters)[0]
    yield from [*rows[:1], *adjusted(rows[1:], "actors")]


def measured_yaw(data: StudyData) -> xr.DataArray | None:
    """How far each face is turned (image,), degrees; None where it is measured of fewer than two photographs."""
    if declared.YAW not in data.images or data.images[declared.YAW].notna().sum() < 2:
        return None
    return xr.DataArray(data.images[declared.YAW].to_numpy(float), dims="image",
                        coords={"image": data.images["image"].to_numpy(str)})


def _pose(smoothed: xr.DataArray, turned: xr.DataArray, yaw: xr.DataArray | None, statistics: Statistics, seed: int,
          key: Row, clusters: str | None) -> Iterator[Row]:
    """Estimate how far maps turn with the faces, and whether they are asymmetric beyond that (not people's)."""
    source, n_permutations = str(key["source"]), statistics.n_permutations
    tests = (declared.POSE,) if source == HUMAN else (declared.POSE, declared.BEYOND)
    common = int(np.isin(smoothed["image"].to_numpy(), turned["image"].to_numpy()).sum())
    try:
        association = pose_association(smoothed, turned if yaw is None else yaw, n_permutations=n_permutations,
                                       rng=stream(seed, declared.POSE.metric, source), clusters=clusters)
        if clusters is not None:
            common = len(np.unique(smoothed["shoot"].to_numpy()[np.isin(smoothed["image"], turned["image"])]))
        beyond = asymmetry_beyond_photographs(
            smoothed, turned, rng=stream(seed, declared.BEYOND.metric, source), n_permutations=n_permutations,
            clusters=clusters, turn=yaw,
            n_components=max(1, min(declared.MOST_COMPONENTS, common // declared.IMAGES_A_COMPONENT)))
    except FAILURES as error:  # no image of both, or too few
        yield from (undefined_row(error, **quantity.name, **key) for quantity in tests)
        return
    for quantity, result in zip((*tests, declared.EXPLAINED), (association, beyond, beyond), strict=False):
        against = {} if yaw is None or quantity is not declared.POSE else {"against": declared.YAW}
        yield from rows_of(result, quantity, {**key, **against})


def estimates(analysis: Analysis) -> Iterator[tuple[list[Row], list[Draws]]]:
    """Estimate the symmetry of heatmaps, and test sides and asymmetry."""
    analysis.progress.say("  symmetry")
    about = analysis.maps, analysis.statistics, analysis.seed
    if analysis.heatmaps.sizes["source"]:
        of_heatmaps = symmetry_estimates(analysis.data, analysis.heatmaps["heatmap"], analysis.maps, analysis.seed)
        yield list(guarded(of_heatmaps, statistic=declared.INDEX.statistic)), []
    yield list(guarded(asymmetry_estimates(analysis.data, *about), statistic=declared.WORKERS.statistic)), []


def headlines(analysis: Analysis) -> Iterator[Row]:
    """Give the rows that the summary rests on: people's, and their difference from the main classifier's."""
    data, about = analysis.main_data, (analysis.maps, analysis.statistics, analysis.seed)
    people = data.get("human_heatmap") if data.human is None else mapping.actor_heatmap(data.human["coverage"])
    if data.human is not None:
        yield from asymmetry_estimates(data, *about, only=(HUMAN,))
    if people is not None:
        yield from symmetry_estimates(data, mapping.stack_sources({HUMAN: people}).load(), analysis.maps,
                                      analysis.seed)
