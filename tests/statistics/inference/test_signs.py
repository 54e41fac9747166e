"""Sign flips: every arrangement once where they are few, and a test that agrees with a peer's."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from salcompare.errors import InputError
from salcompare.statistics.inference.signs import n_sign_flips, sign_flip_test, sign_flips


def all_flips(units, n_permutations=9999, groups=None):
    batches = list(sign_flips(units, n_permutations, np.random.default_rng(0), groups=groups))
    return np.concatenate(batches) if batches else np.empty((0, units))


def test_every_arrangement_but_the_observed_comes_once_where_they_are_few():
    expected = set(product((1.0, -1.0), repeat=4)) - {(1.0,) * 4}
    found = [tuple(row) for row in all_flips(4).tolist()]
    assert set(found) == expected
    assert len(found) == len(expected) == n_sign_flips(4) - 1


def test_arrangements_that_turn_a_whole_group_come_once():
    groups = ["b", "a", "b", "a", "c"]
    found = all_flips(5, groups=groups)
    assert len(found) == n_sign_flips(5, groups=groups) - 1 == 3
    assert set(map(tuple, found[:, [0, 1, 4]].tolist())) == {(1.0, 1.0, 1.0)}  # the first of each group stays
    assert n_sign_flips(1, groups=[0]) == 1
    assert len(all_flips(1, groups=[0])) == 0


def test_many_units_are_drawn_at_random_as_often_as_asked():
    found = all_flips(60, 5000)
    assert found.shape == (5000, 60)
    assert set(np.unique(found)) == {-1.0, 1.0}
    assert abs(found.mean()) < 4 / np.sqrt(found.size)
    np.testing.assert_array_equal(all_flips(60, 3000), found[:3000])


def test_no_permutations_are_refused():
    with pytest.raises(InputError, match="at least 1"):
        all_flips(3, 0)


@settings(max_examples=30, deadline=None)
@given(values=st.lists(st.integers(-20, 20), min_size=2, max_size=7),
       alternative=st.sampled_from(["greater", "less", "two-sided"]))
def test_the_sign_flip_test_agrees_with_scipys(values, alternative):
    data = np.array(values, float)
    p, _, _ = sign_flip_test(data, rng=np.random.default_rng(0), alternative=alternative)
    magnitude = (lambda x, axis: np.abs(x.mean(axis=axis))) if alternative == "two-sided" else np.mean
    peer = stats.permutation_test((data,), magnitude, permutation_type="samples", n_resamples=np.inf, vectorized=True,
                                  alternative="greater" if alternative == "two-sided" else alternative)
    assert p == pytest.approx(peer.pvalue)


def test_the_smallest_p_is_the_share_of_one_arrangement():
    p, least, null = sign_flip_test(np.arange(1.0, 6.0), rng=np.random.default_rng(0))
    assert p == least == 1 / 16
    assert len(null) == 15
    one_sided, least, _ = sign_flip_test(np.arange(1.0, 6.0), rng=np.random.default_rng(0), alternative="greater")
    assert one_sided == least == 1 / 32
    assert np.isnan(sign_flip_test([np.nan], rng=np.random.default_rng(0))[0])
