"""Whether both sides find the same pairs of actors alike: products, Mantel's correlation and error rates."""

import warnings
from itertools import permutations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from salcompare.errors import InputError
from salcompare.statistics.overlaps.actor_similarity import (
    _centred_pairs,
    _halves,
    _mean_products,
    _sums_of_actors,
    actor_similarity,
)
from tests.strategies import assert_dask_equals_eager, stack_of_maps

N_STUDIES = 100


def study(rng, sizes, *, shared=0.0, human=0.0, classifier=0.0, photograph=1.0, spread=0.0):
    """Maps of 5 x 6 pixels of actors with so many images; both sides share each photograph, and its spread by actor."""
    codes, pixels = np.repeat(np.arange(len(sizes)), sizes), (5, 6)
    shot = rng.normal(size=(codes.size, *pixels))
    both, one, other = rng.normal(size=(3, len(sizes), *pixels))
    scale = rng.lognormal(0, spread, len(sizes))[codes, None, None]
    return tuple(stack_of_maps((shared * both + strength * own)[codes]
                               + scale * (photograph * shot + rng.normal(size=shot.shape)),
                               [f"s{a:02d}" for a in codes])
                 for strength, own in ((human, one), (classifier, other)))


def test_products_of_actors_mean_maps_by_hand():
    maps = np.array([[1.0], [3.0], [2.0], [6.0]])
    member = np.array([[1.0, 1, 0, 0], [0, 0, 1, 1]])
    assert _mean_products(maps @ maps.T, member)[0, 1] == 2 * 4


def test_u_centring_leaves_rows_that_sum_to_zero_and_forgets_what_a_row_has_in_common():
    rng = np.random.default_rng(1)
    own, pairs = rng.normal(size=7), rng.normal(size=(7, 7))
    matrix = pairs + pairs.T
    found = _centred_pairs(matrix)
    np.testing.assert_allclose(_centred_pairs(matrix + own[:, None] + own), found, atol=1e-12)
    square = np.zeros((7, 7))
    square[np.triu_indices(7, 1)] = found
    np.testing.assert_allclose((square + square.T).sum(axis=1), 0, atol=1e-12)
    assert found @ found == pytest.approx(1)


def test_halves_share_no_image_and_hold_all():
    sizes = np.array([2, 3, 5])
    drawn = list(_halves(sizes, 40, np.random.default_rng(0)))
    for first, second in drawn:
        np.testing.assert_array_equal(first + second, np.repeat(np.eye(3), sizes, axis=1))
        assert (abs(first.sum(axis=1) - second.sum(axis=1)) <= 1).all()
        assert (np.minimum(first.sum(axis=1), second.sum(axis=1)) >= 1).all()
    assert np.mean([first[1].sum() for first, _ in drawn]) == 1.5
    assert len({tuple(first[2]) for first, _ in drawn}) > 5


def test_the_plain_part_agrees_with_scikit_bio():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from skbio.stats.distance import mantel as peer
    rng = np.random.default_rng(2)
    points = rng.normal(size=(2, 6, 3))
    points[1] += points[0]
    one, other = (np.linalg.norm(p[:, None] - p, axis=2) for p in points)
    r, _, _ = peer(one, other, method="pearson", permutations=0)
    pairs = [d[np.triu_indices(6, 1)] for d in (one, other)]
    units = [(part - part.mean()) / part.std() / np.sqrt(15) for part in pairs]
    found = np.sort(_sums_of_actors(*(unit[np.newaxis] for unit in units), 6, 999, rng).sum(axis=1) / 2)
    every = [stats.pearsonr(*(d[np.triu_indices(6, 1)] for d in (one, other[np.ix_(p, p)]))).statistic
             for p in permutations(range(6))]
    np.testing.assert_allclose(found, np.sort(every), atol=1e-12)
    assert every[0] == pytest.approx(r)


def test_the_value_is_the_mean_correlation_of_both_sides_distances_over_splits():
    rng = np.random.default_rng(3)
    human, classifier = study(rng, [4, 5, 6, 4, 7], shared=1.0)
    found = actor_similarity(human, classifier, distance="euclidean", rng=np.random.default_rng(4), n_splits=3,
                             n_permutations=19)
    sizes = np.array([4, 5, 6, 4, 7])
    products = [m.values.reshape(26, -1) @ m.values.reshape(26, -1).T for m in (human, classifier)]
    pairs = []
    for first, second in _halves(sizes, 3, np.random.default_rng(4)):
        for one, other in ((first, second), (second, first)):
            products_of = _mean_products(products[0], one), _mean_products(products[1], other)
            pairs.append(_centred_pairs(-products_of[0]) @ _centred_pairs(-products_of[1]))
    assert float(found.value) == pytest.approx(np.mean(pairs))
    assert found.n == 5
    assert "5 actors; an interval needs 8" in str(found.reason.values)


def test_distances_of_correlations_do_not_care_for_each_maps_scale():
    rng = np.random.default_rng(5)
    human, classifier = study(rng, [4] * 6, shared=1.0)
    scaled = classifier * xr.DataArray(rng.uniform(0.1, 9, 24), dims="image") + 3
    one, other = (actor_similarity(human, c, rng=np.random.default_rng(0), n_permutations=19)
                  for c in (classifier, scaled))
    assert float(one.value) == pytest.approx(float(other.value))


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_order_of_actors_changes_nothing_but_the_draws(seed):
    rng = np.random.default_rng(seed)
    human, classifier = study(rng, [2, 3, 4, 2], shared=1.0)
    names = dict(zip(["s00", "s01", "s02", "s03"], rng.permutation(["s00", "s01", "s02", "s03"]).tolist(), strict=True))
    renamed = [m.assign_coords(actor=("image", [names[a] for a in m.actor.values])) for m in (human, classifier)]
    one = actor_similarity(human, classifier, rng=np.random.default_rng(0), n_splits=40, n_permutations=30)
    other = actor_similarity(*renamed, rng=np.random.default_rng(1), n_splits=40, n_permutations=30)
    assert float(other.value) == pytest.approx(float(one.value), abs=0.25)  # splits differ
    assert float(one.p_attainable) == 1 / 24
    assert -1 <= float(one.value) <= 1


def test_images_and_actors_that_cannot_be_used_are_left_out_and_counted():
    rng = np.random.default_rng(6)
    human, classifier = study(rng, [3, 3, 3, 3, 3, 2], shared=1.0)
    spoilt = classifier.copy()
    spoilt[-1] = 0.5  # constant
    found = actor_similarity(human, spoilt, rng=rng, n_permutations=19)
    assert (int(found.n), int(found.n_undefined)) == (5, 1)
    assert np.isfinite(found.value)
    few = actor_similarity(human[:9], classifier[:9], rng=rng, n_permutations=19)
    assert np.isnan(few.value)
    assert "3 actors with two images or more; 4 are needed" in str(few.reason.values)
    with pytest.raises(InputError, match="an actor for each image"):
        actor_similarity(human.drop_vars("actor"), classifier.drop_vars("actor"), rng=rng)
    with pytest.raises(InputError, match="distance"):
        actor_similarity(human, classifier, distance="cosine", rng=rng)


def test_maps_of_a_shoot_are_averaged_first():
    rng = np.random.default_rng(9)
    human, classifier = study(rng, [4, 6, 4, 4, 4], shared=1.0)
    shoot = np.array([f"{actor}/{at % 3}" for at, actor in enumerate(human.actor.values)])
    people = human.assign_coords(shoot=("image", shoot))
    one = actor_similarity(people, classifier, clusters="shoot", distance="euclidean", rng=np.random.default_rng(0),
                           n_permutations=19)
    names, first = np.unique(shoot, return_index=True)
    actors = human.actor.values[first]
    means = [stack_of_maps(np.stack([m.values[shoot == name].mean(axis=0) for name in names]), actors)
             for m in (human, classifier)]
    other = actor_similarity(*means, distance="euclidean", rng=np.random.default_rng(0), n_permutations=19)
    xr.testing.assert_allclose(one.drop_vars("reason"), other.drop_vars("reason"))
    with pytest.raises(InputError, match="two labels"):
        actor_similarity(human.assign_coords(shoot=("image", ["a"] * 22)), classifier, clusters="shoot", rng=rng)


def test_many_actors_are_compared_without_the_table_of_all_pairs(monkeypatch):
    rng = np.random.default_rng(7)
    human, classifier = study(rng, [4] * 9, shared=1.0)
    whole = actor_similarity(human, classifier, rng=np.random.default_rng(0), n_permutations=49)
    monkeypatch.setattr("salcompare.statistics.overlaps.actor_similarity._MOST_CROSSED", 3)
    parts = actor_similarity(human, classifier, rng=np.random.default_rng(0), n_permutations=49)
    xr.testing.assert_allclose(whole.drop_vars("reason"), parts.drop_vars("reason"))


def test_similarity_on_dask_equals_that_in_memory():
    human, classifier = study(np.random.default_rng(8), [4] * 8, shared=1.0)
    assert_dask_equals_eager(lambda h, c, rng: actor_similarity(h, c, sigma=1.0, rng=rng, n_permutations=49)
                             .drop_vars("reason"), human, classifier, rng=np.random.default_rng(0), lazy=False)


def ragged(rng):
    return rng.integers(4, 16, 12)


@pytest.mark.parametrize("world", [
    {"sizes": lambda rng: [6] * 12}, {"sizes": ragged}, {"sizes": lambda rng: [6] * 12, "spread": 0.5},
    {"sizes": ragged, "photograph": 0.0},
], ids=["shared photographs", "ragged counts", "unequal spread", "ragged counts without photographs"])
def test_actors_that_do_not_differ_are_not_similar(world):
    world = dict(world)
    sizes, rng = world.pop("sizes"), np.random.default_rng(20)
    rejected = 0
    for _ in range(N_STUDIES):
        human, classifier = study(rng, sizes(rng), **world)
        rejected += float(actor_similarity(human, classifier, distance="euclidean", rng=rng, n_splits=1,
                                           n_permutations=59).p_value) <= 0.05
    assert rejected <= stats.binom.ppf(0.999, N_STUDIES, 0.05)


def test_unrelated_actors_are_not_similar_and_related_ones_are():
    rng = np.random.default_rng(21)
    rejected = {0.0: 0, 1.2: 0}
    for shared, n in ((0.0, N_STUDIES), (1.2, 30)):
        for _ in range(n):
            human, classifier = study(rng, ragged(rng), shared=shared, human=0.7, classifier=0.7)
            rejected[shared] += float(actor_similarity(human, classifier, rng=rng, n_splits=1,
                                                       n_permutations=59).p_value) <= 0.05
    assert rejected[0.0] <= stats.binom.ppf(0.999, N_STUDIES, 0.05)
    assert rejected[1.2] > 0.8 * 30
