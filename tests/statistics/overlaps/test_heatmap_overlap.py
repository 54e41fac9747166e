"""Overlap of actors' heatmaps and of the population's."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from scipy import stats

from salcompare.errors import InputError
from salcompare.maps import actor_heatmap
from salcompare.statistics.inference.resampling import WORKERS_SHARED
from salcompare.statistics.metrics.registry import METRICS
from salcompare.statistics.overlaps.heatmaps import as_images, heatmap_tests, population_overlap
from salcompare.statistics.overlaps.pairs import actor_effect_test
from salcompare.statistics.overlaps.same_image import overlap
from tests.strategies import assert_dask_equals_eager, labelled_maps, stack_of_maps

N_STUDIES = 200


def heatmaps(n_actors=9, *, follows=0.5, height=6, width=5, seed=0):
    """People's heatmaps and a classifier's that follow them by so much."""
    rng = np.random.default_rng(seed)
    people = rng.random((n_actors, height, width))
    network = follows * people + (1 - follows) * rng.random(people.shape)
    names = [f"s{a + 1}" for a in range(n_actors)]
    return tuple(actor_heatmap(stack_of_maps(values, names)) for values in (people, network))


def test_actors_heatmaps_are_compared_with_their_own_and_with_others():
    human, classifier = heatmaps(3)
    r = np.array([[stats.pearsonr(a.ravel(), b.ravel()).statistic for b in classifier.values] for a in human.values])
    found = heatmap_tests(human, classifier, metric="pearson", rng=np.random.default_rng(0))
    own, others = np.diag(r), (r.sum(axis=1) - np.diag(r)) / 2
    np.testing.assert_allclose(found.actor_value, [own, others, own - others])
    np.testing.assert_allclose(found.value, found.actor_value.mean("actor"))
    np.testing.assert_allclose(found.p_attainable, [np.nan, np.nan, 1 / 6])
    assert found.n_permutations.values.tolist() == [0, 0, 5]
    assert found.reason.values.tolist()[:2] == [WORKERS_SHARED] * 2
    same = overlap(as_images(human), as_images(classifier), metrics=["pearson"])
    np.testing.assert_allclose(same.pearson, own)


def test_the_populations_heatmap_is_the_mean_over_actors_and_its_overlap_has_no_interval_over_them():
    human, classifier = heatmaps(10)
    found = population_overlap(human, classifier, metrics=["pearson", "similarity"]).sel(metric="pearson")
    expected = stats.pearsonr(human.mean("actor").values.ravel(), classifier.mean("actor").values.ravel()).statistic
    assert float(found.value) == pytest.approx(expected)
    assert "ci_low" not in found


def test_what_is_undefined_says_why():
    human, classifier = heatmaps(4)
    found = population_overlap(human, classifier, metrics=["auc_top20_shuffled", "pearson"])
    assert np.isnan(found.value.sel(metric="auc_top20_shuffled"))
    assert "undefined" in str(found.reason.sel(metric="auc_top20_shuffled").values)
    gone = classifier.copy()
    gone[1] = np.nan
    less = heatmap_tests(human, gone, metric="pearson", rng=np.random.default_rng(0))
    assert less.n.values.tolist() == [3, 3, 3]
    assert less.n_undefined.values.tolist() == [1, 1, 1]
    assert int(population_overlap(human, gone, metrics=["pearson"]).n_undefined) == 1
    with pytest.raises(InputError, match="no actor of whom both"):
        population_overlap(human, classifier * np.nan)
    one = heatmap_tests(human[:1], classifier[:1], metric="pearson", rng=np.random.default_rng(0))
    assert np.isnan(one.p_value).all()
    assert str(one.actor_reason[2, 0].values) == "no other actor"


@settings(max_examples=8, deadline=None)
@given(maps=labelled_maps(n_actors=(2, 3), shape=((2, 4), (2, 4))))
def test_heatmaps_overlap_themselves_perfectly(maps):
    heat = actor_heatmap(maps)
    assume(heat.notnull().any())
    found = overlap(as_images(heat), as_images(heat), share=0.25)
    whole = population_overlap(heat, heat, share=0.25)
    for name, metric in METRICS.items():
        if np.isnan(metric.perfect):
            continue
        values = found[name].values
        np.testing.assert_allclose(values[~np.isnan(values)], metric.perfect, atol=1e-7)
        value = float(whole.value.sel(metric=name))
        assert np.isnan(value) or value == pytest.approx(metric.perfect, abs=1e-7)


def test_unrelated_heatmaps_of_actors_are_rejected_no_more_often_than_said_and_related_ones_are():
    rejected = {0.0: 0, 0.4: 0}
    for follows in rejected:
        for seed in range(N_STUDIES if follows == 0 else 40):
            people, network = (maps.values.reshape(10, -1) for maps in heatmaps(10, follows=follows, seed=seed))
            matrix = np.corrcoef(people, network)[:10, 10:]
            rejected[follows] += actor_effect_test(matrix, np.zeros(10, int), "greater", 99,
                                                   np.random.default_rng(seed))[0] <= 0.05
    assert rejected[0.0] <= stats.binom.ppf(0.999, N_STUDIES, 0.05)
    assert rejected[0.4] > 0.8 * 40


def test_heatmap_overlap_on_dask_equals_that_in_memory():
    human, classifier = heatmaps(4)
    assert_dask_equals_eager(lambda h, c: overlap(as_images(h), as_images(c), sigma=1.0), human, classifier, lazy=False)
    assert_dask_equals_eager(lambda h, c: population_overlap(h, c, metrics=["nss"]).drop_vars("reason"), human,
                             classifier, lazy=False)
    assert_dask_equals_eager(lambda h, c, rng: heatmap_tests(h, c, metric="dice", share=0.2, rng=rng)
                             .drop_vars(["reason", "actor_reason", "ci_method", "resampled"]), human, classifier,
                             rng=np.random.default_rng(0), lazy=False)
