"""Boxes to coverage: worked values, a slow painter in exact arithmetic, and what is refused."""

import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salcompare import schema
from salcompare.errors import InputError
from salcompare.maps import rasterise_actor_boxes, rasterise_boxes
from salcompare.maps.boxes import _count_boxes, scale_edges
from tests.strategies import response_tables, table_of_images, table_of_responses


def paint(responses, images, size):
    """Count, pixel by pixel and in exact fractions, how many boxes cover each pixel of each image with responses."""
    frames = images.set_index("image")
    painted = {}
    for row in responses.itertuples():
        canvas = painted.setdefault(row.image, np.zeros(size, dtype=int))
        left, right = grid_edges(row.x0, row.x1, frames.width[row.image], size[1])
        top, bottom = grid_edges(row.y0, row.y1, frames.height[row.image], size[0])
        for y in range(top, bottom):
            for x in range(left, right):
                canvas[y, x] += 1
    return painted


def grid_edges(low, high, length, n):
    scale = Fraction(n, int(length))
    first, last = (math.floor(Fraction(edge) * scale + Fraction(1, 2)) for edge in (low, high))
    if first == last:
        first = math.floor((Fraction(low) + Fraction(high)) / 2 * scale)
        last = first + 1
    return first, last


def test_a_box_covers_its_left_edge_and_not_its_right_one():
    images = table_of_images(["s1"], height=3, width=4)
    maps = rasterise_boxes(table_of_responses([("s1/1", 1, 0, 3, 2)]), images, size=(3, 4))
    assert maps.coverage.sel(image="s1/1").to_numpy().tolist() == [[0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]


def test_coverage_is_the_share_of_the_images_own_responses():
    images = table_of_images(["s1", "s2"], height=1, width=4)
    responses = table_of_responses([("s1/1", 0, 0, 2, 1), ("s1/1", 1, 0, 4, 1), ("s2/1", 3, 0, 4, 1)])
    maps = rasterise_boxes(responses, images, size=(1, 4))
    assert maps.coverage.to_numpy()[:, 0].tolist() == [[0.5, 1.0, 0.5, 0.5], [0, 0, 0, 1]]
    assert maps.n_responses.to_numpy().tolist() == [2, 1]


def test_a_box_may_reach_the_far_edges():
    images = table_of_images(["s1"], height=2, width=2)
    maps = rasterise_boxes(table_of_responses([("s1/1", 0, 0, 2, 2)]), images, size=(5, 5))
    assert (maps.coverage == 1).all()


def test_edges_round_half_up():
    low, high = scale_edges(np.array([1.0, 3.0]), np.array([3.0, 5.0]), np.array([8.0, 8.0]), 4)  # 0.5 1.5 2.5
    assert low.tolist() == [1, 2]
    assert high.tolist() == [2, 3]


@pytest.mark.parametrize(("x0", "x1", "pixel"), [(10.1, 10.3, 10), (10.6, 10.9, 10), (19.7, 20.0, 19), (0.0, 0.2, 0)])
def test_a_box_that_rounding_would_empty_keeps_the_pixel_of_its_middle(x0, x1, pixel):
    images = table_of_images(["s1"], height=1, width=20)
    maps = rasterise_boxes(table_of_responses([("s1/1", x0, 0, x1, 1)]), images, size=(1, 20))
    assert np.flatnonzero(maps.coverage.to_numpy()).tolist() == [pixel]


@given(st.data(), st.tuples(st.integers(1, 9), st.integers(1, 9)), st.tuples(st.integers(1, 12), st.integers(1, 12)))
def test_coverage_is_what_a_slow_painter_paints(data, size, frame):
    images = table_of_images(["s1", "s1", "s2"], height=frame[0], width=frame[1])
    responses = data.draw(response_tables(images))
    maps = rasterise_boxes(responses, images, size=size)
    painted = paint(responses, images, size)
    assert set(maps.image.to_numpy()) == set(painted)
    for image, counts in painted.items():
        n = int((responses.image == image).sum())
        assert maps.n_responses.sel(image=image) == n
        np.testing.assert_array_equal(maps.coverage.sel(image=image), (counts / n).astype(np.float32))


def test_many_images_in_any_order_are_painted_exactly():
    rng = np.random.default_rng(5)
    n_boxes, n_maps, height, width = 3000, 70, 97, 83  # more maps than one block holds
    x, y = (np.sort(rng.permuted(np.tile(np.arange(n + 1), (n_boxes, 1)), axis=1)[:, :2], axis=1)
            for n in (width, height))
    codes = rng.integers(0, n_maps, n_boxes)
    edges = np.stack([x[:, 0], y[:, 0], x[:, 1], y[:, 1]], axis=1).astype(np.int32)
    expected = np.zeros((n_maps, height, width), dtype=np.int32)
    for code, (x0, y0, x1, y1) in zip(codes, edges, strict=True):
        expected[code, y0:y1, x0:x1] += 1
    np.testing.assert_array_equal(_count_boxes(edges, codes, expected.shape), expected)


def test_maps_hold_to_the_declared_layout_and_say_how_they_were_made():
    images = table_of_images(["s10", "s2"], height=4, width=4).assign(group=["a", None])
    responses = table_of_responses([("s2/1", 0, 0, 1, 1), ("s10/1", 0, 0, 1, 1)]).assign(origin="simulated")
    maps = rasterise_boxes(responses, images, size=(4, 4), inputs_sha256="abc")
    schema.check_maps(maps, schema.HUMAN_MAPS, "maps")
    assert maps.image.to_numpy().tolist() == ["s10/1", "s2/1"]  # as in the table of images
    assert maps.group.to_numpy().tolist() == ["a", ""]
    assert maps.split.to_numpy().tolist() == ["test", "test"]
    assert "actor" not in maps.indexes
    assert maps.attrs["origin"] == "simulated"
    assert maps.attrs["inputs_sha256"] == "abc"
    assert "half-open" in maps.attrs["boxes"]


def test_images_without_responses_are_left_out_and_counted():
    images = table_of_images(["s1", "s1", "s2"], height=4, width=4)
    maps = rasterise_boxes(table_of_responses([("s1/2", 0, 0, 1, 1)]), images, size=(4, 4))
    assert maps.image.to_numpy().tolist() == ["s1/2"]
    assert maps.attrs["n_images_without_responses"] == 2


def test_no_responses_at_all_give_no_maps():
    images = table_of_images(["s1"], height=4, width=4)
    maps = rasterise_boxes(table_of_responses([]), images, size=(4, 4))
    assert maps.sizes == {"image": 0, "y": 4, "x": 4}
    assert maps.attrs["n_images_without_responses"] == 1


@pytest.mark.parametrize(("row", "says"), [
    (("s1/1", 0, 0, 301, 1), "response 'r1': x1=301 > width 227 of image 's1/1'"),
    (("s1/1", 0, 0, 1, 228), "y1=228 > height 227"),
    (("s1/1", -1, 0, 1, 1), "x0=-1 < 0"),
    (("s1/1", 5, 0, 5, 1), "x0=5 >= x1=5"),
    (("s1/1", 0, 9, 1, 2), "y0=9 >= y1=2"),
    (("s1/1", math.nan, 0, 1, 1), "x0=nan"),
    (("s1/1", 0, 0, math.inf, 1), "x1=inf"),
    (("s9/9", 0, 0, 1, 1), "image 's9/9' is not among the images"),
])
def test_a_box_that_cannot_be_is_refused_by_the_name_of_its_response(row, says):
    with pytest.raises(InputError, match="r1") as caught:
        rasterise_boxes(table_of_responses([row]), table_of_images(["s1"]), size=(8, 8))
    assert says in str(caught.value)


def test_all_bad_boxes_are_reported_at_once():
    responses = table_of_responses([("s1/1", 0, 0, 900, 1), ("s1/1", 0, 0, 1, 1), ("s9/9", 0, 0, 1, 1)])
    with pytest.raises(InputError) as caught:
        rasterise_boxes(responses, table_of_images(["s1"]), size=(8, 8))
    assert [problem.where for problem in caught.value.problems] == ["response 'r1'", "response 'r3'"]


def test_a_response_without_a_name_is_named_by_its_row():
    responses = table_of_responses([("s1/1", 0, 0, 900, 1)]).drop(columns="response").set_index(pd.Index([41]))
    with pytest.raises(InputError, match="responses row 41: x1=900"):
        rasterise_boxes(responses, table_of_images(["s1"]), size=(8, 8))


def test_tables_that_cannot_be_used_are_refused():
    images, responses = table_of_images(["s1"]), table_of_responses([("s1/1", 0, 0, 1, 1)])
    with pytest.raises(InputError, match="no column 'x1'"):
        rasterise_boxes(responses.drop(columns="x1"), images, size=(8, 8))
    with pytest.raises(InputError, match="no column 'height', 'width'"):
        rasterise_boxes(responses, images.drop(columns=["height", "width"]), size=(8, 8))
    with pytest.raises(InputError, match="'s1/1' is listed twice"):
        rasterise_boxes(responses, pd.concat([images, images]), size=(8, 8))
    with pytest.raises(InputError, match="height=0"):
        rasterise_boxes(responses, images.assign(height=0), size=(8, 8))
    with pytest.raises(InputError, match="not numbers"):
        rasterise_boxes(responses.assign(x0="left"), images, size=(8, 8))


@pytest.mark.parametrize("size", [(8,), (0, 8), (8.5, 8), 8, "88"])
def test_a_grid_has_a_height_and_a_width(size):
    with pytest.raises(InputError, match="size"):
        rasterise_boxes(table_of_responses([]), table_of_images(["s1"]), size=size)


def test_boxes_known_by_actor_give_the_share_of_the_actors_responses():
    responses = pd.DataFrame({"actor": ["s10", "s2", "s2"], "x0": [0, 0, 1], "y0": [0, 0, 0], "x1": [3, 2, 3],
                              "y1": [1, 1, 1]})
    heatmaps = rasterise_actor_boxes(responses, size=(1, 3))
    assert heatmaps.actor.to_numpy().tolist() == ["s2", "s10"]
    assert heatmaps.sel(actor="s2").to_numpy().tolist() == [[0.5, 1.0, 0.5]]
    assert heatmaps.sel(actor="s10").to_numpy().tolist() == [[1.0, 1.0, 1.0]]
    assert heatmaps.n_responses.to_numpy().tolist() == [2, 1]
    with pytest.raises(InputError, match="x1=3 > width 2 of the grid"):
        rasterise_actor_boxes(responses, size=(1, 2))
