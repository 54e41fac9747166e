"""The share of the ceiling with its errors beside a loop that draws the maps anew without each worker and actor.

17 actors x 15 images of 227 x 227 with 5,354 boxes by 120 workers, smoothed. One thread and seconds of CPU. The loop
rasterises the boxes of all workers but one, smooths the coverage and correlates it with the classifier's maps; a few of
its rounds are timed and scaled up, for 17 actors, 120 workers, and 17 x 120 cells. It is lenient: it computes no
ceiling.

Run: python -m tests.benchmarks.bench_ceilings [repeats]
"""


import numpy as np
import pandas as pd
import xarray as xr

from salcompare.maps import rasterise_boxes, smooth
from salcompare.statistics import centre, share_of_ceiling
from salcompare.statistics.metrics.densities import pearson
from tests.benchmarks.measure import Case, Peer, peak_memory, run

ACTORS, IMAGES, SIZE, BOXES, WORKERS, SIGMA = 17, 15, 227, 5354, 120, 0.03 * 227
DRAWN = 2  # rounds of the loop that are timed


def cases():
    responses, images, maps = paper_sized(np.random.default_rng(0))
    yield Case("share of the ceiling, jackknife over workers x actors", lambda: share_of_ceiling(
        responses, images, {"blob": centre(maps), "network": maps}, sigma=SIGMA), (
            Peer("a loop that draws the maps", lambda: loop(responses, images, maps), 50,
                 (ACTORS + WORKERS + ACTORS * WORKERS) / DRAWN),
        ), warm_up=False)
    yield peak_memory("peak memory, ceilings")


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


def loop(responses, images, maps):
    """Correlate coverage that is drawn anew, without a worker, with the classifier's maps."""
    smoothed = smooth(maps, sigma=SIGMA)
    for worker in sorted(responses["worker"].unique())[:DRAWN]:
        rows = responses[responses["worker"] != worker]
        coverage = smooth(rasterise_boxes(rows, images, size=(SIZE, SIZE))["coverage"], sigma=SIGMA)
        pearson(coverage, smoothed.sel(image=coverage["image"].to_numpy()).assign_coords(coverage.coords))


if __name__ == "__main__":
    run(cases(), repeats=3)
