"""Aligned photographs: boxes and fixations are where the grid shows what they were on."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salcompare.errors import InputError
from salcompare.maps import count_boxes, fixation_counts, fixation_maps, move_points, rasterise_boxes, transforms_of
from salcompare.maps.alignment import box_corners, similarity_columns, upright_boxes
from salcompare.statistics import label_counts
from salcompare.statistics.responses import responses_by_image

SIZE = (40, 40)
HEIGHT, WIDTH = 90, 70


def similarity(scale: float, turn: float, shift: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    """A similarity about the photograph's middle, which it takes to the grid's middle, shifted."""
    a, b = scale * np.cos(turn), scale * np.sin(turn)
    matrix = np.array([[a, -b, 0.0], [b, a, 0.0], [0.0, 0.0, 1.0]])
    matrix[:2, 2] = np.array(SIZE[::-1]) / 2 + shift - matrix[:2, :2] @ (WIDTH / 2, HEIGHT / 2)
    return matrix


def catalogue(*matrices: np.ndarray) -> pd.DataFrame:
    names = [f"a/{at}" for at in range(len(matrices))]
    images = pd.DataFrame({"image": names, "actor": "a", "height": HEIGHT, "width": WIDTH})
    return images.assign(**similarity_columns(np.stack(matrices), width=SIZE[1]))


def boxes(*edges: tuple[float, float, float, float], image: str = "a/0") -> pd.DataFrame:
    return pd.DataFrame(edges, columns=["x0", "y0", "x1", "y1"]).assign(
        image=image, worker=[f"w{at}" for at in range(len(edges))], label="nose")


PLACES = st.tuples(st.floats(0, WIDTH), st.floats(0, HEIGHT), st.floats(0, WIDTH), st.floats(0, HEIGHT)).map(
    lambda four: (min(four[::2]), min(four[1::2]), max(four[::2]), max(four[1::2]))).filter(
    lambda box: box[2] - box[0] > 1 and box[3] - box[1] > 1)
WAYS = st.builds(similarity, st.floats(0.2, 2.5), st.floats(-3.1, 3.1),
                 st.tuples(st.floats(-15, 15), st.floats(-15, 15)))


def test_the_catalogues_columns_hold_the_similarities_whatever_the_grid():
    matrices = np.stack([similarity(0.5, 0.3), similarity(2, -1, (3, 4))])
    np.testing.assert_allclose(transforms_of(catalogue(*matrices), size=SIZE), matrices)
    twice = transforms_of(catalogue(*matrices), size=(80, 80))
    np.testing.assert_allclose(twice[:, :2], 2 * matrices[:, :2])
    plain = catalogue(*matrices)[["image", "actor", "height", "width"]]
    np.testing.assert_allclose(transforms_of(plain, size=SIZE)[0], np.diag([40 / 70, 40 / 90, 1]))


def test_a_quarter_turn_puts_a_box_where_it_is_by_hand():
    quarter = np.array([[0.0, -1.0, 40.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])  # (x, y) -> (40 - y, x)
    maps = rasterise_boxes(boxes((2, 3, 6, 13)), catalogue(quarter), size=SIZE)
    expected = np.zeros(SIZE)
    expected[2:6, 27:37] = 1
    np.testing.assert_array_equal(maps["coverage"][0], expected)


@given(st.lists(PLACES, min_size=1, max_size=5))
def test_upright_alignment_is_the_scaling_of_photographs_that_are_not_aligned(edges):
    half = np.diag([0.5, 0.5, 1.0])
    plain = pd.DataFrame({"image": ["a/0"], "actor": "a", "height": HEIGHT, "width": WIDTH})
    scaled = rasterise_boxes(boxes(*edges), plain, size=(HEIGHT // 2, WIDTH // 2))
    aligned = rasterise_boxes(boxes(*edges), plain.assign(**similarity_columns(half[np.newaxis], width=WIDTH // 2)),
                              size=(HEIGHT // 2, WIDTH // 2))
    np.testing.assert_array_equal(aligned["coverage"], scaled["coverage"])


@given(PLACES, WAYS)
def test_a_box_covers_the_pixels_whose_centres_move_back_into_it(edges, matrix):
    covered = rasterise_boxes(boxes(edges), catalogue(matrix), size=SIZE)["coverage"].to_numpy()[0]
    back = np.linalg.inv(matrix)
    slower = np.zeros(SIZE)
    for row in range(SIZE[0]):
        for column in range(SIZE[1]):
            x, y, _ = back @ (column + 0.5, row + 0.5, 1)
            slower[row, column] = edges[0] < x <= edges[2] and edges[1] < y <= edges[3]
    if slower.any():
        assert np.abs(covered - slower).sum() <= 1  # a centre on an edge, within rounding
    else:
        assert covered.sum() <= 1


@given(st.lists(PLACES, min_size=2, max_size=6), WAYS)
def test_single_boxes_sum_to_the_coverage_however_they_are_asked_for(edges, matrix):
    images, responses = catalogue(matrix, similarity(1, 0)), boxes(*edges)
    coverage = rasterise_boxes(responses, images, size=SIZE)["coverage"].to_numpy()[0]
    one = responses_by_image(responses, images, size=SIZE)["a/0"]
    np.testing.assert_allclose(np.concatenate(one.parts).mean(axis=0), coverage.ravel(), atol=1e-6)
    counts = count_boxes(responses, images, np.zeros(len(edges), int), n_maps=1, size=SIZE)[0]
    np.testing.assert_allclose(counts / len(edges), coverage, atol=1e-6)


def test_labels_are_counted_over_images_each_by_its_own_similarity():
    images = catalogue(similarity(1, 0.2), similarity(0.5, -0.4)).assign(actor=["a", "b"])
    responses = pd.concat([boxes((20, 30, 50, 60)), boxes((10, 10, 60, 80), image="a/1")], ignore_index=True)
    counts = label_counts(responses, images, size=SIZE)
    alone = rasterise_boxes(responses, images, size=SIZE)["coverage"].to_numpy()
    np.testing.assert_array_equal(counts.sel(actor="a", label="nose"), alone[1])  # the other actor's
    np.testing.assert_array_equal(counts.sel(actor="b", label="nose"), alone[0])


def test_a_box_beyond_the_grid_is_a_response_that_covers_nothing():
    maps = rasterise_boxes(boxes((0, 0, 10, 10), (30, 40, 40, 50)), catalogue(similarity(2, 0)), size=SIZE)
    assert maps["n_responses"].item() == 2
    assert maps["coverage"].max() == 0.5
    assert "aligned grid" in maps.attrs["boxes"]


def test_a_box_between_the_centres_of_pixels_keeps_the_pixel_of_its_middle():
    maps = rasterise_boxes(boxes((30.1, 40.1, 30.3, 40.3)), catalogue(similarity(1, 0)), size=SIZE)
    (row,), (column,) = np.nonzero(maps["coverage"].to_numpy()[0])
    assert (column, row) == (int(30.2 - 35 + 20), int(40.2 - 45 + 20))


@given(WAYS)
def test_corners_are_the_moved_corners(matrix):
    corners = box_corners(boxes((10, 20, 30, 50)), transforms_of(catalogue(matrix), size=SIZE))
    expected = [(matrix @ (x, y, 1))[:2] for x, y in ((10, 20), (30, 20), (30, 50), (10, 50))]
    np.testing.assert_allclose(corners[["x", "y"]], expected, atol=1e-9)


def looks(*places: tuple[float, float]) -> pd.DataFrame:
    return pd.DataFrame(places, columns=["x", "y"]).assign(image="a/0", worker="w", trial="1", duration=1.0)


@given(WAYS, st.floats(0, WIDTH), st.floats(0, HEIGHT))
def test_a_fixation_is_counted_where_it_is_moved_to_or_not_at_all(matrix, x, y):
    images = catalogue(matrix)
    moved = move_points(looks((x, y)), transforms_of(images, size=SIZE)).iloc[0]
    np.testing.assert_allclose(moved[["x", "y"]].to_numpy(float), (matrix @ (x, y, 1))[:2], atol=1e-9)
    if not (0 < moved["x"] < 40 and 0 < moved["y"] < 40):
        with pytest.raises(InputError, match="part of its photograph that the aligned grid shows"):
            fixation_counts(looks((x, y)), images, size=SIZE)
        return
    (row,), (column,) = np.nonzero(fixation_counts(looks((x, y)), images, size=SIZE).to_numpy()[0])
    assert max(abs(column + 0.5 - moved["x"]), abs(row + 0.5 - moved["y"])) <= 0.5 + 1e-9


def test_a_gaussian_on_a_fixation_grows_with_the_photograph_and_keeps_its_mass():
    for scale in (0.5, 1.5):
        images = catalogue(similarity(scale, 0.7))
        one = fixation_maps(looks((35, 45), (0, 0)), images, size=SIZE, sigma=4.0).to_numpy()[0]  # the corner is lost
        spread = (np.arange(40) + 0.5 - 20) ** 2
        assert one.sum() == pytest.approx(1, abs=1e-5)
        assert np.sqrt(one.sum(axis=0) @ spread) == pytest.approx(4 * scale, rel=0.02)


def test_upright_boxes_cover_on_the_grid_what_boxes_of_upright_photographs_do():
    images = catalogue(similarity(0.5, 0.0, (3.0, -2.0)))
    drawn = boxes((20, 20, 50, 70), (20, 0, 40, 20), (30, 0, 50, 6))  # the last one lies outside
    moved, shown = upright_boxes(drawn, images, size=SIZE)
    assert moved["worker"].tolist() == ["w0", "w1"]
    # half the size about the middles, (35, 45) at (23, 18): (20, 20) is at (15.5, 5.5); the second is cut at the top
    assert moved[["x0", "y0", "x1", "y1"]].to_numpy().tolist() == [[15.5, 5.5, 30.5, 30.5], [15.5, 0, 25.5, 5.5]]
    pd.testing.assert_frame_equal(shown, pd.DataFrame({"image": ["a/0"], "actor": "a", "height": 40, "width": 40}))
    expected = rasterise_boxes(drawn.iloc[:2], images, size=SIZE)["coverage"]
    np.testing.assert_array_equal(rasterise_boxes(moved, shown, size=SIZE)["coverage"], expected)


@given(scale=st.floats(0.2, 0.6), turn=st.floats(-0.5, 0.5))
def test_upright_boxes_keep_their_middles_and_sides_whatever_the_turn(scale, turn):
    images = catalogue(similarity(scale, turn))
    moved, _ = upright_boxes(boxes((30, 40, 42, 48)), images, size=SIZE)
    x0, y0, x1, y1 = moved[["x0", "y0", "x1", "y1"]].to_numpy()[0]
    assert (x1 - x0, y1 - y0) == pytest.approx((12 * scale, 8 * scale))
    middle = move_points(pd.DataFrame({"image": ["a/0"], "x": [36.0], "y": [44.0]}), transforms_of(images, size=SIZE))
    assert ((x0 + x1) / 2, (y0 + y1) / 2) == pytest.approx((middle["x"][0], middle["y"][0]))
