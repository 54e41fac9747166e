import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from salcompare.classifiers.sampling import BalancedBatches


def batches(sizes, per_class, seed=0):
    edges = np.cumsum([0, *sizes])
    return BalancedBatches(tuple(np.arange(a, b) for a, b in itertools.pairwise(edges)), per_class, seed, "x")


@given(st.lists(st.integers(1, 7), min_size=2, max_size=5), st.integers(1, 9), st.integers(1, 30))
def test_every_batch_holds_as_many_images_of_each_actor(sizes, per_class, iteration):
    drawn = batches(sizes, per_class).at(iteration)
    owner = np.repeat(np.arange(len(sizes)), sizes)[drawn]
    assert np.bincount(owner, minlength=len(sizes)).tolist() == [per_class] * len(sizes)


@given(st.integers(1, 7), st.integers(1, 9), st.integers(0, 100))
def test_every_image_is_drawn_once_before_any_is_drawn_again(n, per_class, seed):
    source = batches([n, 1], per_class, seed)
    drawn = np.concatenate([source.at(iteration)[:per_class] for iteration in range(1, n + 1)])
    for start in range(0, len(drawn), n):
        assert sorted(drawn[start:start + n]) == list(range(n))


def test_rounds_actors_and_seeds_have_orders_of_their_own():
    source = batches([30, 30], 30)
    first, second = source.at(1), source.at(2)
    assert not np.array_equal(first[:30], second[:30])
    assert not np.array_equal(first[:30], first[30:] - 30)
    assert not np.array_equal(first, batches([30, 30], 30, seed=1).at(1))


def test_a_batch_depends_on_its_iteration_only():
    source = batches([5, 4], 3)
    later = source.at(7)
    source.at(1)
    assert np.array_equal(batches([5, 4], 3).at(7), later)
