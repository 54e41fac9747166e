"""Time maps to the canonical frame against scikit-image's piecewise affine transform.

Run: python -m tests.benchmarks.bench_canonical [repeats]
"""

from collections.abc import Iterator

import dask.array as da
import numpy as np
import xarray as xr
from skimage.transform import PiecewiseAffineTransform, warp

from salcompare.faces import mesh_frame, orl_landmarks
from salcompare.faces.warp import frame_grid, photograph_corners
from salcompare.maps import to_canonical
from tests.benchmarks.measure import Case, Peer, peak_memory, run
from tests.benchmarks.table import Row

N_MAPS, N_SOURCES, N_MANY, SIDE, SCALE = 255, 5, 10_000, 227, 56
PART = 5  # maps that scikit-image warps, whose time is scaled up


def cases() -> Iterator[Case | Row]:
    """Maps of 227 pixels, what is hidden found out too, once a photograph; and many in bounded memory."""
    landmarks = orl_landmarks()[:N_MAPS] * xr.DataArray([SIDE / 92, SIDE / 112, SIDE / 92], dims="axis",
                                                        coords={"axis": ["x", "y", "z"]})
    rng = np.random.default_rng(0)
    maps = xr.DataArray(rng.random((N_MAPS, SIDE, SIDE)), dims=("image", "y", "x"),
                        coords={"image": landmarks.image.to_numpy()})
    grid = frame_grid(mesh_frame(), SCALE)
    frame = grid.pixels(mesh_frame().corners.T).T - 0.5
    corners = photograph_corners(mesh_frame(), landmarks.to_numpy()[::N_MAPS // PART])[0][..., :2] - 0.5
    fits = [PiecewiseAffineTransform.from_estimate(frame, one) for one in corners]
    some = maps.to_numpy()[::N_MAPS // PART]

    def warped(transforms: list[PiecewiseAffineTransform]) -> np.ndarray:
        return np.stack([warp(one, fit, output_shape=grid.size, order=1, cval=np.nan)
                         for one, fit in zip(some, transforms, strict=True)])

    yield Case("to_canonical, 255 maps of 227 pixels", lambda: to_canonical(maps, landmarks, scale=SCALE), (
        Peer("scikit-image, estimate and warp", lambda: warped(
            [PiecewiseAffineTransform.from_estimate(frame, one) for one in corners]), 100, scale=N_MAPS / len(some)),))
    sources = maps.coarsen(image=N_SOURCES).construct(image=("image", "source")).assign_coords(
        image=maps.image[::N_SOURCES])
    yield Case("to_canonical, 5 sources' maps of 51 photographs", lambda: to_canonical(
        sources, landmarks, scale=SCALE), (
            Peer("scikit-image, warp alone", lambda: warped(fits), 50, scale=N_MAPS / len(some)),))
    blocks = da.random.default_rng(0).random((N_MANY, SIDE, SIDE), chunks=(50, SIDE, SIDE)).astype(np.float32)
    many = xr.DataArray(blocks, dims=("image", "y", "x"), coords={"image": np.arange(N_MANY).astype(str)})
    of_many = landmarks.isel(image=np.arange(N_MANY) % N_MAPS).assign_coords(image=many.image)
    to_canonical(many, of_many, scale=SCALE).mean("image").compute(scheduler="synchronous")
    yield peak_memory("to_canonical, 10,000 maps of 227 pixels, and their mean", below=1)


if __name__ == "__main__":
    run(cases(), repeats=3)
