"""The choices where tools disagree, each at its edge, and values beside independent implementations of the field's."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from salcompare.statistics.metrics.densities import FLOOR, kl_divergence, nss, similarity
from salcompare.statistics.metrics.ranking import auc, auc_top20, auc_top20_shuffled, dice, iou, positives, spearman
from salcompare.statistics.metrics.registry import METRICS
from tests.strategies import maps, stack_of_maps


def drawn(n=5, *, levels=30, dtype=np.float32, seed=0):
    rng = np.random.default_rng(seed)
    both = rng.integers(0, levels, (2, n, 9, 8)).astype(dtype) / levels
    return tuple(stack_of_maps(values, [f"s{i % 3}" for i in range(n)]) for values in both)


def general_roc(positive, negative):
    """Area by trapezia under the curve of hits over false alarms, one threshold a value."""
    thresholds = np.sort(np.concatenate([positive, negative]))[::-1]
    hits = [0, *((positive >= t).mean() for t in thresholds), 1]
    alarms = [0, *((negative >= t).mean() for t in thresholds), 1]
    return np.trapezoid(hits, alarms)


def test_auc_is_the_area_by_trapezia_over_all_thresholds():
    human, classifier = drawn(levels=12)
    for i, positive in enumerate(positives(human).values):
        expected = general_roc(classifier.values[i][positive], classifier.values[i][~positive])
        assert float(auc_top20(human, classifier)[i]) == pytest.approx(expected, abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(values=st.lists(st.sampled_from([0.0, -0.0, 1e-45, 0.1, 0.5, 1.0, 3e38, np.inf]), min_size=2, max_size=12),
       marks=st.integers(1, 2**12 - 1))
def test_values_and_marks_sorted_together_count_pairs_as_a_loop_does(values, marks):
    row = np.array(values, np.float32)
    positive = np.array([bool(marks >> at & 1) for at in range(row.size)])
    won = [(p > n) + 0.5 * (p == n) for p in row[positive] for n in row[~positive]]
    expected = np.mean(won) if won and row.max() > row.min() else np.nan
    np.testing.assert_allclose(auc(row[None], positive[None]), [expected])


def test_auc_is_the_same_by_ranks_and_by_marks_in_both_precisions_and_below_zero():
    human, classifier = drawn(levels=15)
    expected = auc_top20(human, classifier)
    np.testing.assert_allclose(auc_top20(human, classifier.astype(np.float64)), expected, rtol=1e-12)
    np.testing.assert_allclose(auc_top20(human, classifier - np.float32(0.5)), expected, rtol=1e-12)


def test_all_true_pixels_of_a_boolean_map_are_positive_but_where_nothing_else_is_left():
    gazed = drawn()[0] > 0.8
    np.testing.assert_array_equal(positives(gazed), gazed)
    everywhere = gazed.copy()
    everywhere[1] = True
    np.testing.assert_array_equal(positives(everywhere)[1], np.zeros((9, 8), dtype=bool))
    np.testing.assert_array_equal(positives(everywhere)[0], gazed[0])
    np.testing.assert_array_equal(positives(everywhere.chunk(image=2)).compute(), positives(everywhere))


@pytest.mark.parametrize("n", [1, 31, 32, 70])
def test_auc_of_many_maps_is_that_of_each_alone(n):
    human, classifier = drawn(n)
    alone = [float(auc_top20(human[i], classifier[i])) for i in range(n)]
    np.testing.assert_array_equal(auc_top20(human, classifier), alone)


def test_negatives_drawn_from_all_pixels_pull_the_auc_towards_one_half():
    """Borji's AUC, in expectation over its draws: with a share s of positive pixels (1 - s) (auc_top20 - 1/2) + 1/2."""
    human, classifier = drawn()
    share = positives(human).mean(("y", "x"))
    for i, positive in enumerate(positives(human).values):
        borji = general_roc(classifier.values[i][positive], classifier.values[i].ravel())
        judd = float(auc_top20(human, classifier)[i])
        assert borji == pytest.approx((1 - float(share[i])) * (judd - 0.5) + 0.5)


def test_the_shuffled_auc_is_what_drawn_negatives_tend_to():
    rng = np.random.default_rng(1)
    human, classifier = drawn()
    marked = positives(human).values.reshape(5, -1)
    values = classifier.values.reshape(5, -1)
    pool = np.concatenate([np.flatnonzero(marked[j]) for j in range(1, 5)])
    draws = [general_roc(values[0][marked[0]], values[0][rng.choice(pool, 40)]) for _ in range(300)]
    assert float(auc_top20_shuffled(human, classifier)[0]) == pytest.approx(np.mean(draws), abs=0.02)


def test_a_person_who_looks_where_the_classifier_points_has_the_nss_of_fixations():
    rng = np.random.default_rng(2)
    counts, classifier = rng.integers(0, 3, (9, 8)), rng.random((9, 8))
    y, x = (np.repeat(at, counts[counts > 0]) for at in np.nonzero(counts))
    expected = np.mean((classifier[y, x] - classifier.mean()) / classifier.std())
    assert float(nss(*maps(counts / 20, classifier))) == pytest.approx(expected)


def test_similarity_does_not_subtract_the_minimum():
    one, other = maps([[2, 1, 1]], [[1, 1, 2]])
    assert similarity(one, other) == 0.75
    assert similarity(one - 1, other - 1) == 0  # as it would be with the minimum subtracted


def test_one_empty_pixel_does_not_decide_the_divergence():
    rng = np.random.default_rng(3)
    people, classifier = rng.random((9, 8)), rng.random((9, 8))
    people /= people.sum()
    holed = classifier.copy()
    holed[4, 4] = 0
    values = {}
    for floor in (1e-20, 1e-7):
        q = [m / m.sum() for m in (classifier + floor, holed + floor)]
        values[floor] = [float((people * np.log(people / density)).sum()) for density in q]
    ours = [float(kl_divergence(*maps(people, m))) for m in (classifier, holed)]
    assert values[1e-20][1] - values[1e-7][1] > 0.2  # the epsilon is the value
    assert ours[1] - ours[0] < 0.1 < values[1e-7][1] - values[1e-7][0]
    worst = float(kl_divergence(*maps([[1, 0, 0, 0]], [[0, 1, 0, 0]])))
    assert worst < np.log(4 / FLOOR)


def test_areas_with_ties_do_not_care_how_the_grid_is_read():
    rng = np.random.default_rng(4)
    both = rng.integers(0, 3, (2, 6, 6)) / 2.0  # two thirds of the pixels are ties
    for metric in (iou, dice):
        value = float(metric(*maps(*both), share=0.2))
        for turn in (lambda m: m[::-1], lambda m: m[:, ::-1], lambda m: m.T):
            assert float(metric(*maps(*(turn(m).copy() for m in both)), share=0.2)) == pytest.approx(value)
        assert float(metric(*maps(both[0], both[0]), share=0.2)) == pytest.approx(1)


def test_a_constant_map_is_nowhere_a_number_where_order_or_spread_count():
    human, classifier = drawn()
    flat = xr.full_like(classifier, 0.3)
    for name, metric in METRICS.items():
        values = metric.function(human, flat, **({"share": 0.25} if metric.share else {}))
        assert np.isnan(values).all() == (metric.reads != "density" and name != "information_gain"), name
    assert np.isnan(spearman(flat, flat)).all()


def test_only_metrics_of_values_and_densities_see_an_offset():
    human, classifier = drawn()
    for name, metric in METRICS.items():
        options = {"share": 0.25} if metric.share else {}
        moved = metric.function(human, classifier + 1, **options)
        same = np.allclose(moved, metric.function(human, classifier, **options), atol=1e-6)
        assert same == (metric.reads in ("order", "area") or name in ("pearson", "nss")), name


def test_every_metric_says_what_was_chosen_and_what_a_map_has_with_itself():
    rng = np.random.default_rng(5)
    human = stack_of_maps(rng.random((4, 12, 12)), ["a", "a", "b", "b"])
    for metric in METRICS.values():
        assert metric.convention
        assert not metric.convention.endswith(".")
        if not np.isnan(metric.perfect):
            np.testing.assert_allclose(metric.function(human, human), metric.perfect, atol=1e-9)
    assert {name for name, metric in METRICS.items() if np.isnan(metric.perfect)} == {
        "auc_top20_shuffled", "nss", "information_gain"}
