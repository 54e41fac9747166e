"""Alignment: the fit, what it does to photographs and maps, and that boxes and their warped coverage agree."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.transform import AffineTransform, warp

from salcompare.errors import InputError
from salcompare.faces import DLIB_FIVE, EYES, FIVE, SCHEMES, make_landmarks, orl_landmarks, place_centres
from salcompare.faces.align import TEMPLATES, align_faces, template_points, warp_density, warp_map, warp_photograph
from salcompare.maps import rasterise_boxes
from salcompare.maps.alignment import similarity_columns

SIZE = (60, 60)
SHAPE = HEIGHT, WIDTH = 80, 64


def similarity(scale: float, turn: float, shift: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    """A similarity that takes the photograph's middle to the grid's, shifted."""
    a, b = scale * np.cos(turn), scale * np.sin(turn)
    matrix = np.array([[a, -b, 0.0], [b, a, 0.0], [0.0, 0.0, 1.0]])
    matrix[:2, 2] = np.array(SIZE) / 2 + shift - matrix[:2, :2] @ (WIDTH / 2, HEIGHT / 2)
    return matrix


def landmarks(points: np.ndarray, scheme: str = "dlib5") -> xr.DataArray:
    return make_landmarks(points, [f"a/{at}" for at in range(len(points))], SCHEMES[scheme], source="test")


WAYS = st.builds(similarity, st.floats(0.4, 2.0), st.floats(-3.1, 3.1), st.tuples(st.floats(-9, 9), st.floats(-9, 9)))


def test_templates_are_the_square_chip_in_the_middle_of_the_grid():
    points = template_points("five_points", DLIB_FIVE, size=(300, 400))
    np.testing.assert_allclose(points[0], (2 * 110.96 + 50, 2 * 46.35))
    assert template_points("eyes", EYES, size=(150, 150)).tolist() == [[46.92, 47.48], [101.05, 47.48]]


@given(WAYS)
def test_a_face_that_is_the_template_moved_is_moved_back(matrix):
    wanted = np.column_stack([template_points("five_points", DLIB_FIVE, size=SIZE), np.ones(5)])
    fit = align_faces(landmarks((wanted @ np.linalg.inv(matrix).T)[np.newaxis, :, :2]), "five_points", size=SIZE)
    np.testing.assert_allclose(fit[0], matrix, atol=1e-8)
    assert fit["misfit"].item() < 1e-9


@given(st.lists(st.tuples(st.floats(0, 64), st.floats(0, 80)), min_size=5, max_size=5, unique=True))
def test_the_fit_is_that_of_linear_least_squares(points):
    face = np.round(points)  # else degenerate sets
    if len(np.unique(face, axis=0)) < 3:
        return
    wanted = template_points("five_points", FIVE, size=SIZE)
    rows = np.concatenate([np.stack([face[:, 0], -face[:, 1], np.ones(5), np.zeros(5)], 1),
                           np.stack([face[:, 1], face[:, 0], np.zeros(5), np.ones(5)], 1)])
    a, b, x, y = np.linalg.lstsq(rows, wanted.T.ravel(), rcond=None)[0]
    fit = align_faces(landmarks(face[np.newaxis], "five"), "five_points", size=SIZE)[0]
    if np.hypot(a, b) > 1e-3:  # with no more than chance in common they differ: ours never mirrors or shrinks to 0
        np.testing.assert_allclose(fit[:2], [[a, -b, x], [b, a, y]], atol=1e-6)


def test_the_page_on_alignment_has_the_templates():
    page = (Path(__file__).parents[2] / "docs" / "alignment.md").read_text(encoding="utf-8")
    for points in (places for align in TEMPLATES.values() for places in align.values()):
        assert all(f"({x:.2f}, {y:.2f})" in page for x, y in points.values())


def test_no_face_and_points_in_one_place_have_no_transform():
    faces = np.stack([np.full((5, 2), np.nan), np.full((5, 2), 3.0), np.arange(10.0).reshape(5, 2) ** 2])
    fit = align_faces(landmarks(faces), "five_points", size=SIZE)
    assert np.isnan(fit).any(("to", "of")).to_numpy().tolist() == [True, True, False]
    assert np.isnan(fit["misfit"]).to_numpy().tolist() == [True, True, False]


def test_landmarks_without_the_points_and_unknown_ways_are_refused():
    eyes = landmarks(np.ones((1, 2, 2)), "eyes")
    with pytest.raises(InputError, match="has no point for right_eye_outer"):
        align_faces(eyes, "five_points", size=SIZE)
    with pytest.raises(InputError, match="'nose'; expected one of eyes, five_points"):
        align_faces(eyes, "nose", size=SIZE)


def test_sets_of_points_of_one_face_agree_in_scale_and_place():
    mesh = orl_landmarks()
    size = (150, 150)
    middle = np.array([46.0, 56.0, 1.0])
    fits = [align_faces(points, align, size=size) for points, align in (
        (mesh, "five_points"), (place_centres(mesh, FIVE), "five_points"), (mesh, "eyes"))]
    scales = [np.hypot(fit[:, 0, 0], fit[:, 1, 0]).mean().item() for fit in fits]
    np.testing.assert_allclose(scales, scales[0], rtol=0.02)
    places = [(fit.to_numpy() @ middle).mean(axis=0) for fit in fits]
    np.testing.assert_allclose(places, [places[0]] * 3, atol=1)
    assert fits[0]["misfit"].max() < 0.15


@pytest.mark.parametrize("scale", [0.3, 1.0, 1.7])
def test_a_warp_without_turn_is_scikit_images(scale):
    photograph = np.random.default_rng(0).integers(0, 256, (*SHAPE, 3), np.uint8)
    matrix = similarity(scale, 0)
    ours = warp_photograph(photograph, matrix, size=SIZE)
    if scale < 1:
        assert ours.std() < photograph.std() / 2  # smoothed, not sampled
        return
    shift = matrix[:2, 2] + 0.5 * scale - 0.5  # it counts from the first pixel's centre
    theirs = warp(photograph, AffineTransform(scale=scale, translation=shift).inverse, output_shape=SIZE, order=3,
                  mode="edge", preserve_range=True)
    np.testing.assert_allclose(ours, theirs, atol=0.51)


def test_a_photograph_moved_by_whole_pixels_keeps_them_and_repeats_its_edge():
    photograph = np.random.default_rng(1).integers(0, 256, (*SHAPE, 3), np.uint8)
    moved = warp_photograph(photograph, np.array([[1.0, 0, 4], [0, 1.0, -7], [0, 0, 1]]), size=SIZE)
    np.testing.assert_array_equal(moved[:, 4:], photograph[7:67, :56])
    np.testing.assert_array_equal(moved[:, 0], photograph[7:67, 0])


def test_maps_are_zero_outside_the_photograph_and_nan_without_a_face():
    maps = xr.DataArray(np.ones((2, *SHAPE)), dims=("image", "y", "x"), coords={"image": ["a/0", "a/1"]})
    matrices = np.stack([np.array([[1.0, 0, 30], [0, 1.0, 0], [0, 0, 1]]), np.full((3, 3), np.nan)])
    transforms = xr.DataArray(matrices, dims=("image", "to", "of"), coords={"image": ["a/0", "a/1"]})
    warped = warp_density(maps, transforms, size=SIZE)
    np.testing.assert_array_equal(warped[0], np.repeat([[0.0] * 30 + [1.0] * 30], 60, axis=0))
    assert np.isnan(warped[1]).all()


@settings(max_examples=60)
@given(WAYS, st.integers(0, 50), st.integers(0, 60), st.integers(6, 40), st.integers(6, 40))
def test_a_box_and_its_warped_coverage_agree_to_a_pixel(matrix, left, top, wide, high):
    edges = left, top, min(left + wide, WIDTH), min(top + high, HEIGHT)
    drawn = pd.DataFrame([edges], columns=["x0", "y0", "x1", "y1"]).assign(image="a/0")
    image = pd.DataFrame({"image": ["a/0"], "actor": "a", "height": HEIGHT, "width": WIDTH})
    natural = rasterise_boxes(drawn, image, size=SHAPE)["coverage"][0].to_numpy()
    warped = warp_map(natural, matrix, size=SIZE)
    aligned = image.assign(**similarity_columns(matrix[np.newaxis], width=SIZE[1]))
    moved = rasterise_boxes(drawn, aligned, size=SIZE)["coverage"][0].to_numpy()
    back = np.linalg.inv(matrix)
    row, column = np.nonzero(np.abs(warped - moved) > 0.5)
    x, y = back[:2] @ np.stack([column + 0.5, row + 0.5, np.ones(row.size)])
    outside = np.maximum.reduce([edges[0] - x, x - edges[2], edges[1] - y, y - edges[3]])  # below 0 inside
    scale = np.hypot(*matrix[0, :2])
    assert (np.abs(outside) * scale <= 1).all()
