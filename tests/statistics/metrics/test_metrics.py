"""What each metric of overlap promises: worked values, edges, properties, and agreement with other implementations."""

import warnings

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from salcompare.errors import InputError
from salcompare.maps import top_mask
from salcompare.statistics.metrics.densities import (
    FLOOR,
    emd,
    kl_divergence,
    nss,
    pearson,
    similarity,
)
from salcompare.statistics.metrics.information import information_gain
from salcompare.statistics.metrics.ranking import (
    auc_top20,
    auc_top20_shuffled,
    dice,
    iou,
    midranks,
    positives,
    spearman,
)
from salcompare.statistics.metrics.registry import METRICS, pairwise, required_metrics
from tests.strategies import assert_dask_equals_eager, labelled_maps, maps, pair_of_maps, stack_of_maps

NAMES = sorted(METRICS)
ALONE = [name for name in NAMES if name != "information_gain"]  # whose calibration rests on all images
few = settings(max_examples=25, deadline=None)


def stacks(n=6, height=9, width=8, *, levels=12, dtype=np.float32, seed=0):
    """Two stacks of n maps with ties, of three actors."""
    rng = np.random.default_rng(seed)
    actors = [f"s{i % 3}" for i in range(n)]
    drawn = rng.integers(0, levels, (2, n, height, width)).astype(dtype) / levels
    return stack_of_maps(drawn[0], actors), stack_of_maps(drawn[1], actors)


def value(name, human, classifier):
    """A metric's values, with areas of a quarter of these small grids."""
    return METRICS[name].function(human, classifier, **({"share": 0.25} if METRICS[name].share else {}))


def as_stack(both):
    """Two single maps as stacks of two images, the second image the first map turned round."""
    return tuple(stack_of_maps(np.stack([one, one[::-1, ::-1]]), ["s1", "s2"]) for one in (m.values for m in both))


# ---- worked values, by hand

def test_similarity_counts_the_shared_mass_only():
    left, right = maps([[3, 1, 0]], [[1, 1, 2]])
    assert similarity(left, right) == 0.25 + 0.25


def test_pearson_of_a_ramp_and_its_reverse_is_minus_one():
    ramp, reverse, other = maps([[0, 1, 2]], [[5, 4, 3]], [[0, 2, 1]])
    assert pearson(ramp, reverse) == pytest.approx(-1)
    assert pearson(ramp, other) == pytest.approx(0.5)


def test_spearman_sees_order_only_and_shares_ranks_among_ties():
    steps, bent, tied = maps([[1, 2, 3, 4]], [[1, 10, 100, 1000]], [[1, 2, 2, 3]])
    assert spearman(steps, bent) == pytest.approx(1)
    np.testing.assert_array_equal(midranks(tied.values), [[1, 2.5, 2.5, 4]])
    assert spearman(steps, tied) == pytest.approx(4.5 / np.sqrt(5 * 4.5))


def test_nss_averages_the_standardised_map_where_people_look():
    people, classifier = maps([[0, 0, 1, 1]], [[0, 0, 0, 4]])
    # mean 1, standard deviation sqrt(3): (-1 + 3) / 2 / sqrt(3)
    assert nss(people, classifier) == pytest.approx(1 / np.sqrt(3))


def test_kl_divergence_is_in_nats_and_mixes_the_floor_into_both_sides():
    people, classifier = maps([[1, 0]], [[0, 1]])
    high, low = 1 - FLOOR / 2, FLOOR / 2
    assert kl_divergence(people, classifier) == pytest.approx((high - low) * np.log(high / low))


def test_information_gain_is_one_bit_where_the_density_is_twice_the_baselines():
    people, classifier, flat = maps([[1, 1, 0, 0]], [[1, 1, 0, 0]], [[1, 1, 1, 1]])
    expected = np.log2((1 - FLOOR) / 2 + FLOOR / 4) - np.log2(1 / 4)
    assert information_gain(people, classifier, baseline=flat) == pytest.approx(expected)
    assert expected == pytest.approx(1, abs=0.01)
    assert information_gain(people, flat, baseline=flat) == 0


def test_iou_and_dice_of_areas_that_share_half():
    one, other = maps([[9, 8, 1, 0]], [[9, 1, 8, 0]])
    assert iou(one, other, share=0.5) == pytest.approx(1 / 3)
    assert dice(one, other, share=0.5) == pytest.approx(1 / 2)


def test_tied_boundary_pixels_count_by_their_share_of_the_area():
    tied, firm = maps([[9, 1, 1, 0]], [[9, 8, 0, 0]])
    # weights 1, 1/2, 1/2, 0 against 1, 1, 0, 0
    assert dice(tied, firm, share=0.5) == pytest.approx(1.5 / 2)
    assert iou(tied, firm, share=0.5) == pytest.approx(1.5 / 2.5)
    assert dice(tied, tied, share=0.5) == 1


def test_auc_counts_ties_between_positive_and_negative_pixels_half():
    people, classifier = maps([[1, 0, 0, 0, 0]], [[2, 1, 2, 3, 0]])
    assert auc_top20(people, classifier) == pytest.approx((1 + 0.5 + 0 + 1) / 4)


def test_auc_positives_keep_tied_pixels_together_and_leave_out_the_smallest_value():
    tied, sparse = maps([[3, 2, 2, 1, 0]], [[5, 0, 0, 0, 0]])
    np.testing.assert_array_equal(positives(tied, share=0.4), [[True, True, True, False, False]])
    np.testing.assert_array_equal(positives(sparse, share=0.6), [[True, False, False, False, False]])


def test_shuffled_negatives_come_from_the_other_images():
    people = stack_of_maps([[[1, 0, 0, 0, 0]], [[0, 0, 0, 0, 1]]], ["s1", "s2"])
    centre_left, = maps([[2, 3, 0, 0, 1]])
    # image 1: pixel 0 (value 2) against pixel 4 (value 1); image 2 the other way round; pixel 1 is nobody's
    np.testing.assert_array_equal(auc_top20_shuffled(people, centre_left), [1, 0])
    assert np.isnan(auc_top20_shuffled(people[:1], centre_left)).all()


def test_emd_is_the_way_that_mass_goes_as_a_share_of_the_diagonal():
    left, right, half = maps([[4, 0], [0, 0]], [[0, 0], [0, 1]], [[1, 1], [0, 0]])
    assert emd(left, right) == pytest.approx(1)
    assert emd(left, half) == pytest.approx(0.5 / np.sqrt(2))


def test_emd_sums_over_coarse_cells_of_any_grid():
    one, other = np.zeros((2, 11, 9))
    one[:2, :2] = 1  # wholly in the first of 4 x 4 cells: rows 0 and 1, columns 0 and 1
    other[0, 0] = 7
    assert emd(*maps(one, other), cells=4) == 0
    assert emd(*maps(one, other[::-1].copy()), cells=4) == pytest.approx(3 / np.hypot(3, 3))


# ---- independent oracles

def test_correlations_agree_with_scipy():
    human, classifier = stacks()
    for function, oracle in ((pearson, stats.pearsonr), (spearman, stats.spearmanr)):
        expected = [oracle(a.ravel(), b.ravel()).statistic
                    for a, b in zip(human.values.astype(float), classifier.values.astype(float), strict=True)]
        np.testing.assert_allclose(function(human, classifier), expected, rtol=1e-12)


def test_ranks_agree_with_scipy_for_signs_zeros_and_ties_in_both_precisions():
    rng = np.random.default_rng(1)
    rows = np.concatenate([rng.normal(size=(3, 50)), rng.integers(-3, 3, (3, 50))]).astype(np.float32)
    rows[0, :4] = [0.0, -0.0, 1e-42, -1e-42]
    np.testing.assert_array_equal(midranks(rows), stats.rankdata(rows, axis=1))
    np.testing.assert_array_equal(midranks(rows.astype(np.float64)), stats.rankdata(rows, axis=1))


def test_auc_top20_agrees_with_scikit_learn():
    from sklearn.metrics import roc_auc_score

    human, classifier = stacks(levels=40)
    positive = positives(human).values
    expected = [roc_auc_score(p.ravel(), c.ravel()) for p, c in zip(positive, classifier.values, strict=True)]
    np.testing.assert_allclose(auc_top20(human, classifier), expected, rtol=1e-12)


def test_auc_top20_shuffled_agrees_with_scikit_learn_on_explicit_negatives():
    from sklearn.metrics import roc_auc_score

    human, classifier = stacks(levels=40)
    positive = positives(human).values.reshape(len(human), -1)
    for i, values in enumerate(classifier.values.reshape(len(human), -1)):
        own = values[positive[i]]
        others = np.concatenate([values[positive[j]] for j in range(len(human)) if j != i])
        truth = np.r_[np.ones(own.size), np.zeros(others.size)]
        expected = roc_auc_score(truth, np.r_[own, others])
        assert float(auc_top20_shuffled(human, classifier)[i]) == pytest.approx(expected, rel=1e-12)


def test_kl_divergence_agrees_with_scipy_entropy_of_the_mixtures():
    human, classifier = stacks()
    mixed = [(1 - FLOOR) * v / v.sum(axis=(1, 2), keepdims=True) + FLOOR / v[0].size
             for v in (human.values.astype(float), classifier.values.astype(float))]
    expected = [stats.entropy(p.ravel(), q.ravel()) for p, q in zip(*mixed, strict=True)]
    np.testing.assert_allclose(kl_divergence(human, classifier), expected, rtol=1e-10)


def test_areas_agree_with_sets_where_nothing_ties():
    rng = np.random.default_rng(2)
    human, classifier = (stack_of_maps(rng.random((4, 10, 10)), ["a", "a", "b", "b"]) for _ in range(2))
    for i in range(4):
        one, other = (set(np.flatnonzero(top_mask(m, share=0.2).values[i])) for m in (human, classifier))
        assert float(iou(human, classifier, share=0.2)[i]) == pytest.approx(len(one & other) / len(one | other))
        assert float(dice(human, classifier, share=0.2)[i]) == pytest.approx(2 * len(one & other) / 40)


def test_emd_agrees_with_an_independent_solver(monkeypatch):
    monkeypatch.setenv("POT_BACKEND_DISABLE_PYTORCH", "1")  # it would import torch, which takes seconds
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import ot

    rng = np.random.default_rng(3)
    human, classifier = maps(rng.random((5, 12, 16)) ** 3, rng.random((5, 12, 16)) ** 3)
    y, x = (grid.ravel() for grid in np.mgrid[:4, :4])
    distance = np.hypot(y[:, None] - y, x[:, None] - x) / np.hypot(3, 3)
    for i, value in enumerate(emd(human, classifier, cells=4).values):
        p, q = (m.values[i].reshape(4, 3, 4, 4).sum(axis=(1, 3)).ravel() for m in (human, classifier))
        assert value == pytest.approx(ot.emd2(p / p.sum(), q / q.sum(), distance), abs=1e-9)


GAZE = """
6.61e-15 7.28e-11 2.12e-08 2.16e-07 1.23e-07 3.94e-09 7.89e-12 7.99e-16
5.84e-11 4.17e-07 1.00e-04 9.88e-04 6.21e-04 3.11e-05 1.31e-07 5.27e-11
1.04e-08 2.48e-05 3.38e-03 3.14e-02 2.93e-02 3.90e-03 9.55e-05 2.08e-07
9.94e-07 4.96e-04 2.34e-02 1.54e-01 1.71e-01 4.32e-02 1.89e-03 4.98e-06"""
"""Cells of a Gaussian on fixations: most of them hold next to nothing."""


def test_emd_of_maps_with_tails_is_what_an_independent_solver_gives(monkeypatch):
    monkeypatch.setenv("POT_BACKEND_DISABLE_PYTORCH", "1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import ot

    rng = np.random.default_rng(4)
    gaze = np.array(GAZE.split(), float).reshape(4, 8)
    gaze = np.concatenate([gaze, gaze[::-1]])
    y, x = np.mgrid[:8, :8]
    places, spreads = rng.uniform(0, 8, (9, 2)), rng.uniform(0.1, 1, 9)
    tails = [np.exp(-((y - top)**2 + (x - left)**2) / 2 / spread)
             for (top, left), spread in zip(places, spreads, strict=True)]
    near = gaze / gaze.sum() * (1 - 10.0 ** -rng.uniform(9, 16, 4)[:, None, None]) + 1e-11 * rng.random((4, 8, 8))
    human = np.stack([gaze] * 13)
    distance = np.hypot(y.ravel()[:, None] - y.ravel(), x.ravel()[:, None] - x.ravel()) / np.hypot(7, 7)
    found = emd(*maps(human, np.concatenate([tails, near]))).values
    for value, one, other in zip(found, human, [*tails, *near], strict=True):
        expected = ot.emd2((one / one.sum()).ravel(), (other / other.sum()).ravel(), distance)
        assert value == pytest.approx(expected, abs=1e-8)


# ---- properties

@pytest.mark.parametrize("name", [name for name in NAMES if not np.isnan(METRICS[name].perfect)])
@few
@given(drawn=labelled_maps(shape=((2, 5), (2, 5)), dtype="float32"))
def test_a_map_overlaps_itself_perfectly_wherever_perfect_is_defined(name, drawn):
    values = value(name, drawn, drawn).values
    np.testing.assert_allclose(values[~np.isnan(values)], METRICS[name].perfect, atol=1e-7)
    varied = drawn.values.max(axis=(1, 2)) > drawn.values.min(axis=(1, 2))
    assert not np.isnan(values[varied]).any()


@pytest.mark.parametrize("name", NAMES)
@few
@given(both=pair_of_maps(shape=((2, 5), (2, 5))))
def test_values_stay_within_their_bounds_and_symmetric_metrics_do_not_care_for_order(name, both):
    metric = METRICS[name]
    human, classifier = as_stack(both)
    values = value(name, human, classifier).values
    assert ((values >= metric.low - 1e-9) & (values <= metric.high + 1e-9) | np.isnan(values)).all()
    if metric.symmetric:
        np.testing.assert_allclose(value(name, classifier, human), values, atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
@few
@given(both=pair_of_maps(shape=((2, 5), (2, 5))), scale=st.sampled_from([0.25, 8.0]))
def test_no_metric_cares_for_scale(name, both, scale):
    human, classifier = as_stack(both)
    expected = value(name, human, classifier)
    xr.testing.assert_allclose(value(name, human * scale, classifier), expected, atol=1e-9)
    xr.testing.assert_allclose(value(name, human, classifier * scale), expected, atol=1e-9)


@few
@given(both=pair_of_maps(shape=((2, 5), (2, 5))))
def test_metrics_of_order_see_order_only(both):
    human, classifier = as_stack(both)
    for name in ("spearman", "auc_top20", "auc_top20_shuffled", "iou", "dice"):
        expected = value(name, human, classifier + 1)
        xr.testing.assert_allclose(value(name, human, np.exp(classifier)), expected, atol=1e-9)


@pytest.mark.parametrize("name", ALONE)
def test_all_pairs_are_what_each_pair_is_alone(name):
    human, classifier = stacks(n=5)
    matrix = pairwise(human, classifier, name)
    assert matrix.dims == ("image", "image_other")
    assert matrix.actor_other.values.tolist() == classifier.actor.values.tolist()
    for j in range(5):
        turned = classifier.roll(image=-j)
        same = METRICS[name].function(human, turned.assign_coords(image=human.image, actor=human.actor)).values
        np.testing.assert_allclose([matrix.values[i, (i + j) % 5] for i in range(5)], same, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_dask_equals_eager(name):
    human, classifier = stacks(height=5)
    classifier[2] = 0
    assert_dask_equals_eager(METRICS[name].function, human, classifier)
    assert_dask_equals_eager(lambda h, c: pairwise(h, c, name), human, classifier)


# ---- edges

@pytest.mark.parametrize("name", ALONE)
def test_an_empty_or_missing_map_on_either_side_is_nan_and_leaves_other_images_alone(name):
    human, classifier = stacks()
    expected = METRICS[name].function(human, classifier).values
    for spoilt in (0, np.nan):
        bad = classifier.copy()
        bad[1] = bad[1] * 0 if spoilt == 0 else bad[1].where(bad.x != 3)
        found = METRICS[name].function(human, bad).values
        assert np.isnan(found[1])
        np.testing.assert_allclose(np.delete(found, 1), np.delete(expected, 1), atol=1e-12)
        bad = human.copy()
        bad[1] = bad[1] * 0 if spoilt == 0 else bad[1].where(bad.x != 3)
        found = METRICS[name].function(bad, classifier).values
        assert np.isnan(found[1])
        assert not np.isnan(np.delete(found, 1)).any()


@pytest.mark.parametrize("name", ALONE)
def test_a_constant_map_is_a_uniform_density_but_has_no_order_and_no_spread(name):
    human, classifier = stacks()
    constant = classifier.copy()
    constant[1] = 0.7
    value = float(METRICS[name].function(human, constant)[1])
    assert np.isnan(value) == (METRICS[name].reads != "density")


@pytest.mark.parametrize("name", [name for name in NAMES if METRICS[name].reads == "density"])
def test_a_density_with_a_negative_value_is_nan(name):
    human, classifier = stacks()
    classifier[0, 0, 0] = -0.5
    assert np.isnan(METRICS[name].function(human, classifier)[0])


def test_unknown_metrics_are_all_named_with_what_there_is():
    with pytest.raises(InputError, match=r"'auc'.*one of iou, dice(.|\n)*'cc'"):
        required_metrics(["pearson", "auc", "cc"])
    with pytest.raises(InputError, match="list of some"):
        required_metrics([])
    with pytest.raises(InputError, match="list of some"):
        required_metrics("pearson")


def test_shuffled_auc_asks_for_images():
    one, = maps([[1, 0]])
    with pytest.raises(InputError, match="dim 'image'"):
        auc_top20_shuffled(one, one)


def test_maps_with_other_labels_are_refused():
    human, classifier = stacks()
    with pytest.raises(ValueError, match="image"):
        pearson(human, classifier.isel(image=slice(1, None)))
