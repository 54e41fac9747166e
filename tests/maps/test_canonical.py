"""Maps to the canonical frame and back: exact where that can be known, NaN where a face is not seen."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import binary_erosion, gaussian_filter

import salcompare as sc
from salcompare.errors import InputError
from salcompare.faces import SCHEMES, align_faces, make_landmarks, mesh_frame, orl_landmarks, place_centres
from salcompare.faces.warp import (
    frame_grid,
    grid_table,
    locate,
    photograph_corners,
    pixel_centres,
    sample,
    seen_places,
)
from salcompare.maps import fixation_counts, rasterise_boxes
from salcompare.maps.alignment import similarity_columns, transforms_of
from salcompare.simulation.faces import find_face

ORL = orl_landmarks()
SOME = ORL.isel(image=slice(0, 400, 57))
FRAME = mesh_frame()
SHAPE = HEIGHT, WIDTH = 112, 92
GRID = frame_grid(FRAME, 56)


def maps_of(values: np.ndarray, landmarks: xr.DataArray = SOME) -> xr.DataArray:
    return xr.DataArray(values, dims=("image", "y", "x"), coords={"image": landmarks.image.to_numpy()}, name="maps")


def noise(sigma: float, shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return gaussian_filter(np.random.default_rng(seed).normal(size=shape), sigma, axes=(-2, -1))


def catalogue(landmarks: xr.DataArray = SOME, *, side: int | None = None) -> pd.DataFrame:
    images = pd.DataFrame({"image": landmarks.image.to_numpy(), "actor": "s01", "height": HEIGHT, "width": WIDTH})
    if side is None:
        return images
    matrices = align_faces(landmarks, "five_points", size=(side, side)).to_numpy()
    return images.assign(**similarity_columns(matrices, width=side))


def drawn_frame(n: int = 1) -> xr.DataArray:
    """Landmarks of photographs that are the frame's grid itself, without depth."""
    face = GRID.pixels(FRAME.shape[:, :2].T).T
    return make_landmarks(np.stack([face] * n), [f"f/{at}" for at in range(n)], SCHEMES["468"], source="test")


def test_the_frame_itself_comes_through_as_it_is():
    landmarks = drawn_frame(2)
    values = np.random.default_rng(0).random((2, *GRID.size))
    moved = sc.to_canonical(maps_of(values, landmarks), landmarks)
    seen = np.isfinite(moved)
    assert seen.sum("image").isin([0, 2]).all()
    assert seen[0].sum() == len(grid_table(FRAME, 56).places)
    np.testing.assert_allclose(moved.where(seen, 0), np.where(seen, values, 0), rtol=0, atol=1e-12)
    back = sc.from_canonical(moved, landmarks, size=GRID.size)
    np.testing.assert_allclose(back.where(seen.to_numpy(), 0), np.where(seen, values, 0), rtol=0, atol=1e-9)


def test_coordinates_are_distances_between_the_eyes():
    landmarks = drawn_frame()
    x = np.mgrid[:GRID.height, :GRID.width][1] + 0.5
    moved = sc.to_canonical(maps_of(np.stack([x]), landmarks), landmarks)
    assert moved.dims == ("image", "y", "x")
    np.testing.assert_allclose(moved.x, -moved.x[::-1], atol=1e-12)
    row = moved[0].sel(y=0.3, method="nearest").dropna("x")
    np.testing.assert_allclose(row, row.x * 56 + GRID.middle[0], atol=1e-9)
    assert row.sizes["x"] > 150
    assert {name: moved.attrs[name] for name in ("frame", "unit", "pixels_per_distance")} == {
        "frame": "canonical", "unit": "inter-ocular distances", "pixels_per_distance": 56}
    assert moved.attrs["frame_of"] == "the mean of the 400 ORL faces"


def test_a_mirrored_photograph_gives_the_mirrored_map():
    mirrored = SOME.copy()
    mirrored.loc[{"axis": "x"}] = WIDTH - SOME.sel(axis="x")
    mirrored[:] = mirrored.to_numpy()[:, FRAME.pairs]
    values = noise(1, (SOME.sizes["image"], *SHAPE))
    one = sc.to_canonical(maps_of(values), SOME)
    other = sc.to_canonical(maps_of(values[..., ::-1]), mirrored)[..., ::-1]
    assert (np.isfinite(one).to_numpy() == np.isfinite(other).to_numpy()).mean() > 0.9999  # those at a cell's edge
    both = np.isfinite(one.to_numpy()) & np.isfinite(other.to_numpy())
    np.testing.assert_allclose(one.to_numpy()[both], other.to_numpy()[both], rtol=0, atol=1e-10)


@given(st.floats(1e-6, 1e6), st.integers(0, 399), st.sampled_from([None, 60]))
def test_a_uniform_map_stays_uniform_where_the_face_is_seen(value, at, side):
    landmarks = ORL.isel(image=[at])
    shape = SHAPE if side is None else (side, side)
    moved = sc.to_canonical(maps_of(np.full((1, *shape), value), landmarks), landmarks,
                            images=catalogue(landmarks, side=side), scale=16).to_numpy()
    assert 0.4 < np.isfinite(moved).mean() < 1
    np.testing.assert_allclose(moved[np.isfinite(moved)], value, rtol=1e-12)


@pytest.mark.parametrize(("sigma", "error"), [(1, 0.20), (2, 0.06), (4, 0.016)])
def test_there_and_back_little_is_lost_of_smooth_maps(sigma, error):
    some = ORL.isel(image=slice(0, 400, 20))
    images = catalogue(some, side=150)
    maps = maps_of(noise(sigma, (20, 150, 150)), some)
    back = sc.from_canonical(sc.to_canonical(maps, some, images=images), some, size=(150, 150), images=images)
    lost = (back - maps).to_numpy()
    assert 0.8 < np.isfinite(lost).mean() < 1
    assert np.sqrt(np.nanmean(lost**2)) / float(maps.std()) == pytest.approx(error, rel=0.1)


def test_maps_on_an_aligned_grid_are_those_of_the_photographs():
    side, n = 150, SOME.sizes["image"]
    images = catalogue(side=side)
    x, y = pixel_centres((side, side))
    back = np.linalg.inv(transforms_of(images, size=(side, side)).to_numpy())[:, 0]
    across = maps_of((back[:, :1] * x + back[:, 1:2] * y + back[:, 2:]).reshape(n, side, side))
    whole = maps_of(np.stack([np.mgrid[:HEIGHT, :WIDTH][1] + 0.5] * n))
    aligned = sc.to_canonical(across, SOME, images=images)
    plain = sc.to_canonical(whole, SOME)
    around = np.ones((1, 9, 9), bool)  # an outermost half pixel has its pixel's value
    inner = binary_erosion(np.isfinite(aligned), around) & binary_erosion(np.isfinite(plain), around)
    assert inner.mean() > 0.4
    np.testing.assert_allclose(aligned.to_numpy()[inner], plain.to_numpy()[inner], atol=1e-9)
    assert np.isfinite(aligned).sum() < np.isfinite(plain).sum()  # the aligned grid shows less
    shown = sc.from_canonical(aligned.fillna(0), SOME, size=(side, side), images=images)
    assert (np.isnan(across.where((across < 0) | (across > WIDTH))) | np.isnan(shown)).all()
    scaled = sc.to_canonical(maps_of(whole.to_numpy().repeat(2, axis=1).repeat(2, axis=2)), SOME, images=catalogue())
    assert (np.isfinite(scaled) == np.isfinite(plain)).all()


def test_maps_that_shrink_are_smoothed_first():
    landmarks = drawn_frame()
    values = np.random.default_rng(0).random((1, *GRID.size))
    small = sc.to_canonical(maps_of(values, landmarks), landmarks, scale=28)
    smooth = gaussian_filter(values, 0.5, axes=(1, 2), mode="nearest")
    corners = photograph_corners(FRAME, landmarks.to_numpy())[0][0]
    places = seen_places(FRAME, corners, 56, GRID.size, scale=28)
    assert np.isfinite(places).all()
    np.testing.assert_allclose(small.to_numpy().ravel()[grid_table(FRAME, 28).places], sample(smooth, places)[0],
                               rtol=0, atol=1e-12)


def test_what_a_map_lacks_stays_lacking():
    landmarks = drawn_frame()
    values = np.ones((1, *GRID.size))
    values[:, :, :GRID.width // 2] = np.nan
    moved = sc.to_canonical(maps_of(values, landmarks), landmarks)[0]
    assert np.isnan(moved.sel(x=slice(None, 0))).all()
    right = moved.sel(x=slice(0, None))
    assert set(np.unique(right.to_numpy()[np.isfinite(right)])) == {1.0}
    blank = SOME.copy()
    blank[1] = np.nan
    both = sc.to_canonical(maps_of(noise(1, (SOME.sizes["image"], *SHAPE))), blank)
    assert np.isnan(both[1]).all()
    assert np.isfinite(both[[0, 2]]).any(("y", "x")).all()


def test_dims_coordinates_and_dtype_are_kept_and_dask_gives_the_same():
    n = SOME.sizes["image"]
    values = noise(1, (2, n, *SHAPE)).astype(np.float32)
    values[1, :, 60:70, 40:50] = np.nan
    maps = xr.DataArray(values, dims=("source", "image", "y", "x"), attrs={"a": 1},
                        coords={"image": SOME.image.to_numpy(), "source": ["a", "b"],
                                "actor": ("image", [f"s{at}" for at in range(n)])})
    eager = sc.to_canonical(maps, SOME, scale=24)
    assert eager.dims == ("image", "source", "y", "x")
    assert eager.dtype == np.float32
    assert eager.attrs["a"] == 1
    assert eager.actor.to_numpy().tolist() == maps.actor.to_numpy().tolist()
    xr.testing.assert_identical(sc.to_canonical(maps.sel(source="b"), SOME, scale=24), eager.sel(source="b"))
    lazy = sc.to_canonical(maps.chunk(image=3, source=1, y=50), SOME, scale=24)
    assert isinstance(lazy.data, da.Array)
    xr.testing.assert_identical(lazy.compute(), eager)
    back = sc.from_canonical(lazy, SOME, size=SHAPE)
    xr.testing.assert_identical(back.compute(), sc.from_canonical(eager, SOME, size=SHAPE))
    mean = eager.mean(("image", "source")).assign_attrs(eager.attrs)
    shown = sc.from_canonical(mean, SOME, size=SHAPE)
    assert shown.sizes == {"image": n, "y": HEIGHT, "x": WIDTH}
    assert "frame" not in shown.attrs


@settings(max_examples=15)
@given(st.lists(st.tuples(st.integers(0, 5), st.floats(0, WIDTH), st.floats(0, HEIGHT)), min_size=1, max_size=20))
def test_points_go_where_their_densities_go(rows):
    names = SOME.image.to_numpy()
    points = pd.DataFrame([(names[at], x, y) for at, x, y in rows], columns=["image", "x", "y"])
    moved = sc.points_to_canonical(points, SOME)
    places = maps_of(np.stack([np.mgrid[:HEIGHT, :WIDTH] + 0.5] * SOME.sizes["image"])[:, 1])
    across = sc.to_canonical(places, SOME)
    for (_, row), (_, to) in zip(points.iterrows(), moved.iterrows(), strict=True):
        inside = 0.5 < row["x"] < WIDTH - 0.5
        if not np.isfinite(to["x"]) or not inside:
            continue
        assert 0 <= to["x"] <= GRID.width
        assert 0 <= to["y"] <= GRID.height
        near = across.sel(image=row["image"])[int(to["y"]) - 1:int(to["y"]) + 2, int(to["x"]) - 1:int(to["x"]) + 2]
        assert not np.isfinite(near).any() or abs(near - row["x"]).min() < 2.0


def test_fixations_are_moved_before_they_become_maps():
    landmarks = drawn_frame()
    points = pd.DataFrame({"worker": "w1", "image": "f/0", "x": [100.5, 40.2, 0.1], "y": [90.25, 120.0, 0.2]})
    moved = sc.points_to_canonical(points, landmarks)
    np.testing.assert_allclose(moved[["x", "y"]][:2], points[["x", "y"]][:2], atol=1e-9)
    assert moved[["x", "y"]].isna().all(axis=1).tolist() == [False, False, True]
    images = pd.DataFrame({"image": ["f/0"], "actor": "f", "height": GRID.height, "width": GRID.width})
    counts = fixation_counts(moved.dropna(), images, size=GRID.size)[0]
    assert counts[90, 100] == counts[120, 40] == 1
    assert counts.sum() == 2


def test_the_ring_holds_the_hair_that_the_mesh_does_not():
    pixels = pixel_centres(SHAPE)
    shares = []
    for sha256, face in zip(ORL.sha256.to_numpy()[::20], ORL.to_numpy()[::20], strict=True):
        x, y, width, height = find_face(sha256, height=HEIGHT, width=WIDTH).boxes["hairline"]
        inside = (np.abs(pixels[0] - x) <= width / 2) & (np.abs(pixels[1] - y) <= height / 2)
        corners = photograph_corners(FRAME, face[np.newaxis])[0][0]
        on = locate(pixels[:, inside], corners, FRAME.triangles, n_front=FRAME.n_mesh)
        shares.append((len(on.places) / inside.sum(), (on.triangles < FRAME.n_mesh).sum() / inside.sum()))
    with_ring, mesh = np.mean(shares, axis=0)
    assert with_ring > 0.85
    assert mesh < 0.1


def test_faces_with_other_points_are_one_clear_error():
    five = place_centres(SOME, ("left_eye", "right_eye", "nose_tip", "left_mouth", "right_mouth"))
    maps = maps_of(np.ones((SOME.sizes["image"], *SHAPE)))
    with pytest.raises(InputError, match="5 points, without '0'; expected the 468 points of the frame"):
        sc.to_canonical(maps, five, frame=FRAME)
    with pytest.raises(InputError, match="467 points of a scheme without both eyes"):
        sc.to_canonical(maps, SOME.isel(point=slice(467)).assign_attrs(scheme="mine"))
    with pytest.raises(InputError, match="image 's01/1': has no row in the landmarks"):
        sc.to_canonical(maps, SOME[1:])
    with pytest.raises(InputError, match="is not among the images"):
        sc.to_canonical(maps, SOME, images=catalogue()[1:])
    with pytest.raises(InputError, match="maps as to_canonical gives them"):
        sc.from_canonical(maps, SOME, size=SHAPE)
    with pytest.raises(InputError, match="without image"):
        sc.to_canonical(maps[0], SOME)
    with pytest.raises(InputError, match="images: no column 'height'"):
        sc.to_canonical(maps, SOME, images=catalogue().drop(columns="height"))
    with pytest.raises(InputError, match="points: no column 'x'"):
        sc.points_to_canonical(pd.DataFrame({"image": ["s01/1"], "y": [1.0]}), SOME)
    with pytest.raises(InputError, match="scale: 0; expected pixels"):
        sc.to_canonical(maps, SOME, scale=0)
    with pytest.raises(InputError, match="landmarks: is a ndarray"):
        sc.to_canonical(maps, SOME.to_numpy())
    assert sc.to_canonical(maps, five, scale=20).attrs["visibility"] == "unknown: 5 points make no surface"


def test_boxes_cover_in_the_frame_what_they_cover_in_the_photograph():
    landmarks = drawn_frame()
    images = pd.DataFrame({"image": ["f/0"], "actor": "f", "height": GRID.height, "width": GRID.width})
    boxes = pd.DataFrame({"response": ["r"], "worker": ["w"], "image": ["f/0"], "x0": [60], "y0": [80], "x1": [90],
                          "y1": [100]})
    coverage = rasterise_boxes(boxes, images, size=GRID.size).coverage
    moved = sc.to_canonical(coverage, landmarks, images=images)
    assert float(moved.sum()) == 30 * 20
    x, y = pixel_centres(GRID.size)
    assert moved.to_numpy().ravel()[(x > 60) & (x < 90) & (y > 80) & (y < 100)].tolist() == [1.0] * 600
