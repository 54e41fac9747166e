"""Estimates of the symmetry of each source's heatmaps, and of the difference between sources."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import xarray as xr

from salcompare import maps as mapping
from salcompare.statistics.analysis.failures import guarded
from salcompare.statistics.analysis.parts import AnalysisData, about_test, actor_rows, population_row, stream
from salcompare.statistics.inference.levels import population_mean
from salcompare.statistics.symmetries.indices import odd_share_difference, symmetric_null_mean, symmetry

if TYPE_CHECKING:
    from salcompare.config import Maps, Statistics
    from salcompare.statistics.analysis.estimates import Row

METRICS = ("index", "mirror_correlation", "laterality")


def symmetry_estimates(data: AnalysisData, heatmaps: xr.DataArray, maps: Maps, statistics: Statistics,
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


def _odd_shares(data: AnalysisData, maps: Maps, statistics: Statistics, seed: int) -> Iterator[Row]:
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
