"""Resampling a study of the paper's size beside loops that draw its maps anew for each resample.

17 actors x 15 images of 227 x 227 with 5,354 boxes by 120 workers, smoothed; 2,000 resamples of each kind. One thread
and seconds of CPU. The loop rasterises the drawn workers' boxes, smooths the coverage and correlates it with the
classifier's maps; a few of its resamples are timed and scaled up, for the crossed kinds workers, actors or images, and
both at once. It is lenient: resamples of actors or images alone cost it nothing.

Run: python -m tests.benchmarks.bench_resampling [repeats]
"""


import numpy as np
import pandas as pd
import xarray as xr

from salcompare.maps import rasterise_boxes, smooth
from salcompare.statistics import other_actors_mean, resampled_overlap, share_of_ceiling
from salcompare.statistics.inference.resampling import bootstrap_weights
from salcompare.statistics.metrics.densities import pearson
from tests.benchmarks.measure import Case, Peer, peak_memory, run

ACTORS, IMAGES, SIZE, BOXES, WORKERS, SIGMA = 17, 15, 227, 5354, 120, 0.03 * 227
RESAMPLES, DRAWN = 2000, 2
WITH_WORKERS = 3  # of the kinds: workers, workers and images, workers and actors


def cases():
    study = paper_sized(np.random.default_rng(0))
    yield Case("resampled overlap, 2,000 x 5 kinds", lambda: resampled_overlap(
        *study, sigma=SIGMA, rng=np.random.default_rng(1), n_resamples=RESAMPLES), (
            Peer("a loop that draws the maps", lambda: loop(*study, null=False), 50, WITH_WORKERS * RESAMPLES / DRAWN),
        ), warm_up=False)
    yield Case("share of the ceiling over the other actors' map, 2,000 x 3 kinds", lambda: share_of_ceiling(
        *study, sigma=SIGMA, rng=np.random.default_rng(1), n_resamples=RESAMPLES, nulls=["others' human maps"]), (
            Peer("a loop that draws the maps", lambda: loop(*study, null=True), 50, 2 * RESAMPLES / DRAWN),
        ), warm_up=False)
    yield peak_memory("peak memory, resampling")


def paper_sized(rng):
    """Responses, images and classifier maps."""
    names = [f"s{i % ACTORS:02d}/{i // ACTORS}" for i in range(ACTORS * IMAGES)]
    actors = [name.split("/")[0] for name in names]
    images = pd.DataFrame({"image": names, "actor": actors, "height": SIZE, "width": SIZE})
    at = np.sort(np.resize(np.arange(len(names)), BOXES))
    workers = np.concatenate([rng.choice(WORKERS, n, replace=False) for n in np.bincount(at)])
    corner, side = np.clip(rng.normal(90, 30, (BOXES, 2)), 0, 175), rng.uniform(15, 50, (BOXES, 2))
    responses = pd.DataFrame({
        "response": [f"r{i}" for i in range(BOXES)], "worker": [f"w{k:03d}" for k in workers],
        "image": np.array(names)[at], "x0": corner[:, 0], "y0": corner[:, 1], "x1": corner[:, 0] + side[:, 0],
        "y1": corner[:, 1] + side[:, 1]})
    maps = rng.gamma(0.5, size=(len(names), SIZE, SIZE)).astype(np.float32)
    return responses, images, xr.DataArray(maps, dims=("image", "y", "x"), coords={
        "image": names, "actor": ("image", actors)})


def loop(responses, images, maps, *, null):
    """Correlate coverage that is drawn anew with the classifier's maps, and with the other actors' mean."""
    smoothed = smooth(maps, sigma=SIGMA)
    names, rng = sorted(responses["worker"].unique()), np.random.default_rng(2)
    for counts in bootstrap_weights(len(names), DRAWN, rng).astype(int):
        rows = responses.loc[responses.index.repeat(responses["worker"].map(dict(zip(names, counts, strict=True))))]
        rows = rows.assign(response=np.arange(len(rows)).astype(str))
        coverage = smooth(rasterise_boxes(rows, images, size=(SIZE, SIZE))["coverage"], sigma=SIGMA)
        pearson(coverage, smoothed.sel(image=coverage["image"].to_numpy()).assign_coords(coverage.coords))
        if null:
            pearson(coverage, other_actors_mean(coverage))


if __name__ == "__main__":
    run(cases(), repeats=3)
