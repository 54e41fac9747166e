"""Time boxes, masks and heatmaps against the plain NumPy or xarray way of doing the same.

Run: python -m tests.benchmarks.bench_rasterise [repeats]
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import xarray as xr

from salcompare.maps import actor_heatmap, rasterise_boxes, smooth, top_mask
from tests.benchmarks.measure import Case, Peer, run

N_BOXES, N_IMAGES, N_ACTORS, SIDE, SHARE, SIGMA = 1_000_000, 255, 17, 227, 0.05, 6.8


def cases() -> Iterator[Case]:
    """Boxes, masks and heatmaps; both sides' results are compared."""
    rng = np.random.default_rng(0)
    images, responses = _study(rng)
    # The loop takes some ten seconds a run, so that it has fewer.
    yield Case("rasterise_boxes, 1,000,000 boxes", lambda: rasterise_boxes(
        responses, images, size=(SIDE, SIDE)).coverage, (
            Peer("a slice loop", lambda: slice_loop(responses, images), 5),), check=agree, most_repeats=2)
    distinct = rng.permuted(np.tile(np.arange(SIDE * SIDE, dtype=np.float32), (N_IMAGES, 1)), axis=1)
    gb = xr.DataArray(distinct.reshape(N_IMAGES, SIDE, SIDE), dims=("image", "y", "x"), coords={
        "image": images["image"].to_numpy(dtype=str), "actor": ("image", images["actor"].to_numpy(dtype=str))})
    yield Case("top_mask, 255 maps", lambda: top_mask(gb, share=SHARE), (
        Peer("a full argsort", lambda: full_sort(gb), 5),), check=agree)
    yield Case("actor_heatmap, 255 maps, double precision", lambda: actor_heatmap(gb), (
        Peer("xarray groupby().mean() in doubles",
             lambda: gb.astype(float).groupby("actor").mean().sel(actor=actors_of(images)), 1),), check=agree)
    yield Case(f"smooth, 255 maps, sigma {SIGMA}", lambda: smooth(gb, sigma=SIGMA), (
        Peer("scipy gaussian_filter", lambda: scipy_filter(gb), 2),), check=agree)


def agree(ours: object, theirs: object) -> None:
    """Check that both give the same."""
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


def slice_loop(responses: pd.DataFrame, images: pd.DataFrame) -> np.ndarray:
    """Add one to each box's slice; boxes here are in whole pixels of the grid already."""
    counts = np.zeros((N_IMAGES, SIDE, SIDE), dtype=np.int32)
    codes = pd.Index(images["image"]).get_indexer(pd.Index(responses["image"])).tolist()
    edges = responses[["x0", "y0", "x1", "y1"]].to_numpy().tolist()
    for code, (x0, y0, x1, y1) in zip(codes, edges, strict=True):
        counts[code, y0:y1, x0:x1] += 1
    return counts / np.bincount(codes, minlength=N_IMAGES)[:, None, None]


def full_sort(maps: xr.DataArray) -> np.ndarray:
    """Sort every pixel of every map; no values here tie."""
    flat = maps.to_numpy().reshape(N_IMAGES, -1)
    k = round(SHARE * flat.shape[1])
    masks = np.zeros(flat.shape, dtype=bool)
    np.put_along_axis(masks, np.argsort(flat, axis=1)[:, -k:], values=True, axis=1)
    return masks.reshape(maps.shape)


def scipy_filter(maps: xr.DataArray) -> np.ndarray:
    """Slide a Gaussian down and across."""
    from scipy import ndimage

    return ndimage.gaussian_filter(maps.to_numpy(), SIGMA, axes=(1, 2))


def actors_of(images: pd.DataFrame) -> list[str]:
    """Actors in the order in which they first stand."""
    return list(dict.fromkeys(images["actor"]))


def _study(rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    actors = [f"s{at // (N_IMAGES // N_ACTORS) + 1}" for at in range(N_IMAGES)]
    images = pd.DataFrame({"image": [f"{actor}/{at}" for at, actor in enumerate(actors)], "actor": actors,
                           "height": SIDE, "width": SIDE})
    low = rng.integers(0, SIDE, (2, N_BOXES))
    high = rng.integers(low + 1, SIDE + 1)
    return images, pd.DataFrame({"image": images["image"].to_numpy()[rng.integers(0, N_IMAGES, N_BOXES)],
                                 "x0": low[0], "y0": low[1], "x1": high[0], "y1": high[1]})


if __name__ == "__main__":
    run(cases(), repeats=3)
