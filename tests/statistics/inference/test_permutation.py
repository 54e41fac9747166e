"""Permutations: what may be exchanged, how many ways there are, and p-values from them."""

from __future__ import annotations

import itertools
import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from salcompare.errors import InputError
from salcompare.statistics.inference.permutation import (
    exchangeability,
    n_distinct,
    n_sign_flips,
    p_value,
    permutations,
    permuted_labels,
    sign_flip_test,
    sign_flips,
    smallest_p,
)


def all_rows(exchange, n_permutations, seed=0, **options):
    batches = list(permutations(exchange, n_permutations, np.random.default_rng(seed), **options))
    return np.concatenate(batches) if batches else np.empty((0, exchange.n_units), int)


def test_p_counts_the_observed_arrangement_among_the_others():
    assert p_value(3.0, [1.0, 2.0, 3.0, 4.0]) == 3 / 5
    assert p_value(3.0, [1.0, 2.0, 3.0, 4.0], alternative="less") == 4 / 5
    assert p_value(5.0, [1.0, 2.0, 3.0, 4.0], alternative="two-sided") == 2 / 5
    assert smallest_p(4) == 1 / 5
    assert smallest_p(4, alternative="two-sided") == 2 / 5


def test_values_that_differ_in_their_last_digits_count_as_equal():
    assert p_value(0.3, [0.1 + 0.2 - 1e-16, 0.0]) == p_value(0.3, [0.3, 0.0]) == 2 / 3
    assert p_value(1e-17, [0.0, 0.5, -0.5]) == 3 / 4


def test_undefined_draws_can_only_raise_p_and_an_undefined_value_has_none():
    assert p_value(3.0, [1.0, np.nan]) == 2 / 3
    assert p_value(0.5, [1.0, np.nan], alternative="less") == 2 / 3
    assert np.isnan(p_value(np.nan, [1.0, 2.0]))


def test_p_of_many_statistics_at_once_equals_p_of_each():
    rng = np.random.default_rng(0)
    observed, null = rng.normal(size=(2, 3)), rng.normal(size=(50, 2, 3))
    together = p_value(observed, null, alternative="two-sided")
    for place in np.ndindex(2, 3):
        assert together[place] == p_value(observed[place], null[(slice(None), *place)], alternative="two-sided")


def test_an_unknown_alternative_is_refused():
    with pytest.raises(InputError, match="greater, less or two-sided"):
        p_value(0.0, [1.0], alternative="up")


def test_free_permutations_are_counted_by_the_multinomial_coefficient():
    exchange = exchangeability(list("aabbcc"))
    assert n_distinct(exchange) == math.factorial(6) // 8
    assert n_distinct(exchange, distinct="partitions") == math.factorial(6) // 8 // 6
    assert exchange.null == "images permuted freely among actors"


@pytest.mark.parametrize("labels", ["aabb", "abab", "bbaaa", "abcabc", "aabcc"])
def test_every_assignment_but_the_observed_one_is_enumerated_once(labels):
    exchange = exchangeability(list(labels))
    rows = all_rows(exchange, 10_000)
    expected = set(itertools.permutations(exchange.labels.tolist()))
    found = [tuple(row) for row in permuted_labels(exchange, rows).tolist()]
    assert len(found) == len(set(found)) == n_distinct(exchange) - 1
    assert set(found) | {tuple(exchange.labels.tolist())} == expected


def partition(labels):
    return frozenset(frozenset(np.flatnonzero(np.asarray(labels) == label).tolist()) for label in set(labels))


@pytest.mark.parametrize(("labels", "blocks"), [
    ("aabb", None), ("bacabc", None), ("aabcc", None), ("aabbab", "000111"), ("abcabc", "000111"), ("abbaba", "000111"),
])
def test_every_partition_but_the_observed_one_is_enumerated_once(labels, blocks):
    exchange = exchangeability(list(labels), blocks=None if blocks is None else list(blocks))
    observed = partition(exchange.labels.tolist())
    everything = {partition(row.tolist()) for row in permuted_labels(exchange, all_rows(exchange, 10_000))} | {observed}
    rows = permuted_labels(exchange, all_rows(exchange, 10_000, distinct="partitions"))
    found = [partition(row.tolist()) for row in rows]
    assert len(found) == len(set(found)) == n_distinct(exchange, distinct="partitions") - 1
    assert observed not in found
    assert set(found) | {observed} == everything


def test_within_blocks_the_number_is_the_product_over_blocks():
    exchange = exchangeability(range(5), blocks=list("xxxyy"))
    assert n_distinct(exchange) == 6 * 2
    rows = all_rows(exchange, 100)
    assert len(np.unique(rows, axis=0)) == len(rows) == 11
    assert (rows[:, :3] < 3).all()


def test_random_permutations_stay_within_blocks_and_move_everything_in_them():
    exchange = exchangeability(range(12), blocks=[0, 1] * 6)
    rows = all_rows(exchange, 600)
    assert rows.shape == (600, 12)
    assert (rows % 2 == np.arange(12) % 2).all()
    assert (np.sort(rows, axis=1) == np.arange(12)).all()
    counts = np.array([(rows[:, 0] == unit).sum() for unit in range(0, 12, 2)])
    assert stats.chisquare(counts).pvalue > 1e-4


def test_clusters_move_whole_and_carry_their_images_with_them():
    exchange = exchangeability(list("aaabbb"), clusters=list("ppqrrs"))
    assert exchange.n_units == 4
    assert exchange.null == "whole clusters of images permuted freely among actors"
    assert not exchange.free
    for labels in permuted_labels(exchange, all_rows(exchange, 100)):
        assert labels[0] == labels[1]
        assert labels[3] == labels[4]
    assert n_distinct(exchange) == 6


def test_a_cluster_across_actors_and_missing_or_ragged_labels_are_refused():
    with pytest.raises(InputError, match="two labels"):
        exchangeability(list("aab"), clusters=list("xyy"))
    with pytest.raises(InputError, match="two blocks"):
        exchangeability(list("aab"), clusters=list("xxy"), blocks=list("pqq"))
    with pytest.raises(InputError, match="missing"):
        exchangeability(["a", None, "b"])
    with pytest.raises(InputError, match="2 values"):
        exchangeability(list("aab"), blocks=[0, 1])


def test_one_arrangement_only_leaves_nothing_to_permute():
    exchange = exchangeability(list("aab"), clusters=list("xxy"))
    assert n_distinct(exchange, distinct="partitions") == 1
    rows = all_rows(exchange, 99, distinct="partitions")
    assert p_value(1.0, np.empty(len(rows))) == 1


def test_draws_follow_the_seed():
    exchange = exchangeability(np.repeat(range(5), 6))
    np.testing.assert_array_equal(all_rows(exchange, 300, seed=4), all_rows(exchange, 300, seed=4))
    assert not np.array_equal(all_rows(exchange, 300, seed=4), all_rows(exchange, 300, seed=5))


@settings(max_examples=50)
@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=7), st.data())
def test_permuting_keeps_the_labels_of_every_block(labels, data):
    blocks = data.draw(st.lists(st.sampled_from("xy"), min_size=len(labels), max_size=len(labels)))
    exchange = exchangeability(labels, blocks=blocks)
    rows = all_rows(exchange, data.draw(st.integers(1, 40)))
    for block in set(blocks):
        here = np.array(blocks) == block
        observed = np.sort(exchange.labels[here])
        assert (np.sort(permuted_labels(exchange, rows)[:, here], axis=1) == observed).all()


def test_enumerated_p_equals_scipy_permutation_test():
    rng = np.random.default_rng(3)
    left, right = rng.normal(size=4), rng.normal(1, size=5)
    values, exchange = np.concatenate([left, right]), exchangeability([0] * 4 + [1] * 5)

    def difference(labels):
        return values[labels == 1].mean() - values[labels == 0].mean()

    null = [difference(row) for row in permuted_labels(exchange, all_rows(exchange, 1000))]
    expected = stats.permutation_test((left, right), lambda x, y: y.mean() - x.mean(), n_resamples=np.inf,
                                      alternative="greater").pvalue
    assert p_value(difference(exchange.labels), null) == pytest.approx(expected, abs=1e-12)


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
