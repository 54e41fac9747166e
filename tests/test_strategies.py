"""The builders, strategies and checks of the tests do what they say."""

import numpy as np
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from salcompare import schema
from tests.strategies import (
    assert_dask_equals_eager,
    boxes,
    labelled_maps,
    maps,
    pair_of_maps,
    response_tables,
    single_maps,
    stack_of_maps,
    table_of_images,
    table_of_responses,
)


def test_lists_become_maps_with_positions():
    left, right = maps([[3, 1, 0]], np.ones((2, 1, 3), dtype="float32"))
    assert left.dims == ("y", "x")
    assert left.dtype == float
    assert right.dims == ("image", "y", "x")
    assert right.dtype == "float32"
    assert left.x.to_numpy().tolist() == [0, 1, 2]


def test_a_stack_has_images_and_actors_as_salcompares_own_maps_do():
    stack = stack_of_maps([[[1]], [[2]], [[3]]], ["s1", "s2", "s1"])
    assert stack.image.to_numpy().tolist() == ["s1/1", "s2/1", "s1/2"]
    assert stack.sel(image=stack.actor == "s1").to_numpy().ravel().tolist() == [1, 3]
    assert list(stack.indexes) == ["image", "y", "x"]


def test_built_tables_hold_to_the_schema():
    images = table_of_images(["s1", "s1", "s2"], height=5, width=6)
    schema.check_table(images, schema.IMAGES, "images")
    responses = table_of_responses([("s1/1", 0, 0, 1, 1), ("s2/1", 1, 1, 2, 2)], label="lips")
    schema.check_table(responses, schema.RESPONSES, "responses")
    assert responses.response.tolist() == ["r1", "r2"]
    assert responses.x1.tolist() == [1, 2]


@given(labelled_maps(n_actors=(2, 3), n_images=(1, 2), shape=(3, (1, 2))))
def test_drawn_stacks_are_as_asked_for(stack):
    assert len(set(stack.actor.to_numpy())) in (2, 3)
    assert 2 <= stack.sizes["image"] <= 6
    assert stack.sizes["y"] == 3
    assert stack.sizes["x"] in (1, 2)
    assert ((stack >= 0) & (stack <= 1) & (stack * 64 % 1 == 0)).all()


@given(st.integers(1, 9), st.integers(1, 9), st.data())
def test_drawn_boxes_lie_within_the_image(height, width, data):
    x0, y0, x1, y1 = data.draw(boxes(height=height, width=width))
    assert 0 <= x0 < x1 <= width
    assert 0 <= y0 < y1 <= height


IMAGES = table_of_images(["s1", "s2"], height=4, width=3)


@settings(max_examples=15)
@given(response_tables(IMAGES, n_responses=(0, 5), n_workers=2, labels=["nose"]))
def test_drawn_responses_hold_to_the_schema(responses):
    schema.check_table(responses, schema.RESPONSES, "responses")
    assert len(responses) <= 5
    assert set(responses.worker) <= {"w1", "w2"}
    assert (responses.x1 <= 3).all()


def test_ties_empty_maps_and_equal_pairs_come_up():
    assert not find(single_maps(shape=2), lambda grid: not grid.any()).any()
    assert find(single_maps(shape=2), lambda grid: len(np.unique(grid)) == 2).size == 4
    left, right = find(pair_of_maps(dtype="bool"), lambda pair: bool(pair[0].any()) and pair[0].equals(pair[1]))
    assert left.equals(right)
    assert left.dtype == bool


def test_the_check_catches_early_computing_and_differing_values():
    stack = stack_of_maps(np.arange(6.0).reshape(3, 2, 1), ["s1", "s1", "s2"])
    assert_dask_equals_eager(lambda array: array * 2, stack)
    with pytest.raises(AssertionError, match="computed its dask input"):
        assert_dask_equals_eager(lambda array: array.compute() * 2, stack)
    assert_dask_equals_eager(lambda array: array.compute() * 2, stack, lazy=False)
    with pytest.raises(AssertionError):
        assert_dask_equals_eager(lambda array: array + (array.chunks is not None), stack)


def test_the_check_gives_each_call_the_same_draws():
    def noisy(array, *, rng):
        return array + rng.random()

    rng = np.random.default_rng(0)
    assert_dask_equals_eager(noisy, stack_of_maps(np.ones((2, 1, 1)), ["s1", "s2"]), rng=rng)
    assert rng.random() == np.random.default_rng(0).random()
