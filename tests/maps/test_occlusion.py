"""Canonical saliency of images: closed form, slow loop, mirror, properties, and what is left out or refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import salcompare as sc
from salcompare.errors import InputError
from salcompare.faces import SCHEMES, make_landmarks, mesh_frame, orl_landmarks, region_masks
from salcompare.faces.warp import (
    frame_grid,
    frame_places,
    grid_table,
    photograph_corners,
    pixel_centres,
    seen_places,
)
from salcompare.maps import canonical_saliency, region_drops
from salcompare.maps.alignment import similarity_columns
from salcompare.maps.occlusion import LEAST_VISIBLE, lattice

FRAME, SCALE = mesh_frame(), 14.0
GRID = frame_grid(FRAME, SCALE)
HEIGHT, WIDTH = 112, 92
ORL = orl_landmarks()
NAMES = ["s01/1", "s01/2", "s02/6", "s09/9"]
LANDMARKS = ORL.sel(image=NAMES)


def photographs(names=NAMES, seed=0, shape=(HEIGHT, WIDTH)):
    values = np.random.default_rng(seed).random((len(names), *shape, 3))
    return xr.DataArray(values, dims=("image", "y", "x", "channel"), coords={
        "image": names, "actor": ("image", [name.split("/")[0] for name in names])})


def linear(weights):
    """A network that is a sum of pixels with known weights (y, x)."""
    return lambda some: np.einsum("iyxc,yx->i", some.transpose("image", "y", "x", "channel").to_numpy(), weights)


def covered(maps, score, **options):
    return canonical_saliency(maps, options.pop("landmarks", LANDMARKS), score, scale=SCALE, **options)


def test_the_lattice_is_its_own_mirror_image_and_has_a_disc_between_the_eyes():
    middles = lattice(FRAME, SCALE).middles
    assert (np.abs(middles).sum(axis=0) < 1e-12).any()
    mirrored = middles * [[-1], [1]]
    assert sorted(map(tuple, middles.T.round(9) + 0.0)) == sorted(map(tuple, mirrored.T.round(9) + 0.0))
    apart = np.linalg.norm(middles[:, :, None] - middles[:, None], axis=0)
    np.fill_diagonal(apart, np.inf)
    np.testing.assert_allclose(apart.min(axis=1), 0.2)  # six neighbours at the spacing, inside
    assert (np.isclose(apart, 0.2).sum(axis=1) == 6).mean() > 0.7


def test_of_a_linear_network_it_is_what_a_slow_loop_finds():
    maps, weights = photographs(), np.random.default_rng(1).normal(size=(HEIGHT, WIDTH))
    found, discs = covered(maps, linear(weights)), lattice(FRAME, SCALE)
    rows, columns = np.divmod(np.arange(GRID.height * GRID.width), GRID.width)
    centres = np.stack([columns + 0.5 - GRID.middle[0], rows + 0.5 - GRID.middle[1]]) / SCALE
    corners, iods = photograph_corners(FRAME, LANDMARKS.sel(point=list(FRAME.points)).to_numpy())
    for at in range(len(maps)):
        places = frame_places(FRAME, corners[at], pixel_centres((HEIGHT, WIDTH)))
        table_places = seen_places(FRAME, corners[at], iods[at], (HEIGHT, WIDTH), scale=SCALE)
        seen = np.zeros(centres.shape[1], bool)
        seen[grid_table(FRAME, SCALE).places[np.isfinite(table_places[0])]] = True
        photograph = maps.to_numpy()[at]
        fall = np.einsum("yxc,yx->yx", photograph - photograph.mean(axis=(0, 1)), weights).ravel()
        total, shares = np.zeros((2, centres.shape[1]))
        for middle in discs.middles.T:
            inside = ((centres - middle[:, None]) ** 2).sum(axis=0) <= 0.2**2 + 1e-12
            offsets = np.mgrid[-9:9, -9:9].reshape(2, -1) + 0.5 + np.floor(GRID.pixels(middle[:, None]))
            whole = (((offsets - GRID.pixels(middle[:, None])) / SCALE) ** 2).sum(axis=0) <= 0.2**2 + 1e-12
            share = (inside & seen).sum() / whole.sum()
            if share >= LEAST_VISIBLE:
                near = ((places - middle[:, None]) ** 2).sum(axis=0) <= 0.2**2
                total[inside] += fall[near].sum()
                shares[inside] += share
        expected = np.where(seen & (shares > 0), total / np.where(shares > 0, shares, 1), np.nan)
        on_frame = np.zeros(centres.shape[1], bool)
        on_frame[grid_table(FRAME, SCALE).places] = True
        np.testing.assert_allclose(found.to_numpy()[at].ravel()[on_frame], expected[on_frame], atol=1e-9)
        assert float(found["score"][at]) == pytest.approx(float(linear(weights)(maps[at:at + 1])[0]))


def even_face(iod, middle, shape):
    """Landmarks of a face that is the frame itself, so many pixels an inter-ocular distance, and the shape."""
    places = FRAME.shape.copy()
    places[:, :2] = places[:, :2] * iod + middle
    places[:, 2] *= iod
    return make_landmarks(places[None], ["a/1"], SCHEMES["468"], source="made"), shape


def test_where_all_of_the_face_is_worth_the_same_the_map_is_flat_at_the_outline_too():
    landmarks, shape = even_face(40, (85, 70), (180, 170))
    maps = photographs(["a/1"], shape=shape)
    maps[:] = 0.0
    maps[0, 0, 0] = -float(np.prod(shape))  # so that the mean, which covers, is -1, and a covered pixel falls by 1
    found = covered(maps, linear(np.ones(shape) / 3), landmarks=landmarks)
    area = np.pi * (0.2 * 40) ** 2
    values = found.to_numpy()[np.isfinite(found.to_numpy())]
    assert found.count() > 0.9 * len(lattice(FRAME, SCALE).on_grid.sum(axis=0).nonzero()[0])
    assert (np.abs(values / area - 1) < 0.06).mean() > 0.98  # discs hold whole pixels, so that single ones differ
    np.testing.assert_allclose(values, area, rtol=0.15)
    assert values.mean() == pytest.approx(area, rel=0.01)


def test_a_mirrored_photograph_with_mirrored_landmarks_has_the_mirrored_map():
    rng = np.random.default_rng(2)
    maps, weights = photographs(), rng.normal(size=(HEIGHT, WIDTH))
    mirrored = LANDMARKS.copy(deep=True)
    mirrored.loc[{"axis": "x"}] = WIDTH - LANDMARKS.sel(axis="x")
    swapped = mirrored.sel(point=list(FRAME.points)).isel(point=FRAME.pairs)
    swapped = swapped.assign_coords(point=list(FRAME.points))
    one = covered(maps, linear(weights))
    other = covered(maps.copy(data=maps.to_numpy()[:, :, ::-1]), linear(weights[:, ::-1]), landmarks=swapped)
    np.testing.assert_allclose(other.to_numpy()[:, :, ::-1], one.to_numpy(), atol=1e-10)


@settings(max_examples=10, deadline=None)
@given(shift=st.floats(-5, 5), factor=st.floats(-3, 3), fill=st.sampled_from(["mean", "blur", "noise"]))
def test_a_constant_changes_nothing_and_the_map_is_linear_in_the_score(shift, factor, fill):
    maps, rng = photographs(NAMES[:1]), np.random.default_rng(3)
    one, two = (linear(rng.normal(size=(HEIGHT, WIDTH))) for _ in range(2))
    found = [covered(maps, score, fill=fill) for score in (
        one, two, lambda some: factor * one(some) + two(some) + shift)]
    np.testing.assert_allclose(found[2], factor * found[0] + found[1], atol=1e-8)
    np.testing.assert_array_equal(covered(maps, one, fill=fill), found[0])  # noise follows from the seed


def test_aligned_photographs_are_covered_where_their_own_pixels_show_the_face():
    """Smaller and turned: what is worth most is a place of the face, and the map's peak is there."""
    landmarks, shape = even_face(40, (85, 70), (180, 170))
    turn, scale, size = 0.3, 0.75, (150, 150)
    a, b = scale * np.cos(turn), scale * np.sin(turn)
    matrix = np.array([[a, -b, 0], [b, a, 0], [0, 0, 1.0]])
    matrix[:2, 2] = np.array([75, 70]) - matrix[:2, :2] @ (85, 80)
    images = pd.DataFrame({"image": ["a/1"], "actor": "a", "height": shape[0], "width": shape[1],
                           **similarity_columns(matrix[None], width=size[1])})
    maps = photographs(["a/1"], shape=size)
    corners, _ = photograph_corners(FRAME, landmarks.to_numpy())
    y, x = np.mgrid[:size[0], :size[1]] + 0.5
    at = np.linalg.inv(matrix) @ np.stack([x.ravel(), y.ravel(), np.ones(x.size)])
    where = frame_places(FRAME, corners[0], at[:2]).reshape(2, *size)
    weights = np.where(np.isfinite(where[0]), np.exp(-((where[0] + 0.5) ** 2 + where[1] ** 2) / 0.2), 0)
    maps[:] = (-1.0) ** (np.arange(size[0])[:, None, None] + np.arange(size[1])[:, None])  # of mean 0, which covers
    found = covered(maps, lambda some: linear(weights)(some**2), landmarks=landmarks, images=images)
    peak = np.unravel_index(np.nanargmax(found.to_numpy()[0]), GRID.size)
    assert found["x"].to_numpy()[peak[1]] == pytest.approx(-0.5, abs=0.15)
    assert found["y"].to_numpy()[peak[0]] == pytest.approx(0.0, abs=0.15)


def test_what_looks_at_the_left_eye_is_marked_there():
    landmarks, shape = even_face(40, (85, 70), (180, 170))
    weights = np.zeros(shape)
    weights[60:80, 50:80] = 1.0
    found = covered(photographs(["a/1"], shape=shape) + 1.0, lambda some: linear(weights)(some) ** 2,
                    landmarks=landmarks, fill="blur")
    magnitude = np.abs(found.fillna(0))
    masks = region_masks(FRAME, scale=SCALE)
    share = float((magnitude * masks.sel(region="eyes")).where(magnitude["x"] < 0, 0).sum() / magnitude.sum())
    assert share > 0.4
    assert float(magnitude.where(magnitude["x"] > 0.3, 0).sum()) < 1e-9 * float(magnitude.sum())


def test_no_face_gives_no_map_and_a_hidden_side_no_value():
    landmarks = LANDMARKS.copy(deep=True)
    landmarks.loc[{"image": "s01/1"}] = np.nan
    found = covered(photographs(), linear(np.ones((HEIGHT, WIDTH))), landmarks=landmarks)
    assert np.isnan(found.sel(image="s01/1")).all()
    assert (int(found["n_discs"][0]), bool(np.isnan(found["score"][0]))) == (0, True)
    even = xr.DataArray(np.ones((4, HEIGHT, WIDTH)), dims=("image", "y", "x"), coords={"image": NAMES})
    shown = sc.to_canonical(even, landmarks, scale=SCALE)
    assert not (np.isfinite(found) & np.isnan(shown)).any()
    assert found["actor"].to_numpy().tolist() == ["s01", "s01", "s02", "s09"]


def test_a_linear_networks_drop_of_a_region_is_what_its_pixels_are_worth_and_regions_add_up_to_the_face():
    maps, weights = photographs(), np.random.default_rng(1).normal(size=(HEIGHT, WIDTH))
    found = region_drops(maps, LANDMARKS, linear(weights), scale=SCALE)
    masks = region_masks(FRAME, scale=SCALE).to_numpy()
    corners, _ = photograph_corners(FRAME, LANDMARKS.sel(point=list(FRAME.points)).to_numpy())
    for at, photograph in enumerate(maps.to_numpy()):
        x, y = GRID.pixels(frame_places(FRAME, corners[at], pixel_centres((HEIGHT, WIDTH))))
        fall = np.einsum("yxc,yx->yx", photograph - photograph.mean(axis=(0, 1)), weights).ravel()
        for region in range(16):
            inside = [np.isfinite(across) and bool(masks[region, int(down), int(across)])
                      for across, down in zip(x, y, strict=True)]
            if found["visible"][at, region] < LEAST_VISIBLE:
                assert np.isnan(found[at, region])
            else:
                assert float(found[at, region]) == pytest.approx(fall[inside].sum(), abs=1e-9)
    assert found.coords["score"].to_numpy() == pytest.approx(linear(weights)(maps))
    landmarks, shape = even_face(40, (85, 70), (180, 170))
    whole = photographs(["a/1"], shape=shape)
    drops = region_drops(whole, landmarks, linear(np.ones(shape)), scale=SCALE)
    assert drops["visible"].to_numpy() == pytest.approx(np.ones((1, 16)))


def test_wrong_options_are_refused():
    maps, score = photographs(NAMES[:1]), linear(np.ones((HEIGHT, WIDTH)))
    for options, message in (
            ({"fill": "black"}, "fill: 'black'; expected 'mean' or 'blur' or 'noise'"),
            ({"radius": 0.0}, "radius: 0.0; expected above 0"), ({"spacing": -1.0}, "spacing: -1.0; expected above 0"),
            ({"landmarks": make_landmarks(np.array([[[30.0, 40], [60, 40]]]), NAMES[:1], SCHEMES["eyes"],
                                          source="made")}, "2 points, which make no surface"),
            ({"images": pd.DataFrame({"image": ["z"], "height": 1, "width": 1})}, "'s01/1': is not among the images")):
        with pytest.raises(InputError, match=message):
            covered(maps, score, **options)
    with pytest.raises(InputError, match=r"score: gave \(\) numbers for 64 photographs; expected one for each"):
        covered(maps, lambda some: some.sum())
    with pytest.raises(InputError, match="photographs"):
        covered(maps.isel(channel=0), score)
