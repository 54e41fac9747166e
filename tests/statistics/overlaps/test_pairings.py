"""Comparisons of two classifiers over pairings, and pairings restricted to groups and images."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from salcompare.errors import InputError
from salcompare.statistics.inference.resampling import WORKERS_SHARED
from salcompare.statistics.metrics.registry import pairwise
from salcompare.statistics.overlaps.pairings import compare_classifiers, compare_pairings, overlap_tests, pairing_tests
from salcompare.statistics.overlaps.pairs import PRODUCT_ERROR, _without_common, actor_effect_test, blocked
from salcompare.statistics.overlaps.same_image import overlap_matrix
from tests.statistics.overlaps.test_overlap import compared, matrix_of, sources
from tests.strategies import assert_dask_equals_eager

N_STUDIES = 200


def test_differences_of_all_pairings_by_hand():
    one = matrix_of([[9, 5, 1, 2], [3, 7, 0, 1], [1, 1, 8, 4], [2, 0, 2, 6]], ["a", "a", "b", "b"])
    other = one.copy(data=one.values - np.array([[1, 0, 0, 0], [0, 3, 0, 0], [0, 0, 2, 0], [0, 0, 0, 0]]))
    found = compare_pairings(one, other, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(found.actor_value.sel(contrast="same image"), [2, 1])
    assert float(found.value.sel(contrast="same image")) == 1.5
    assert float(found.value.sel(contrast="image effect")) == 1.5
    assert float(found.value.sel(contrast="actor effect")) == 0
    # two actors: signs ++ and +-, as two-sided magnitudes are the same for all flipped
    assert float(found.p_value.sel(contrast="image effect")) == 1 / 2
    assert float(found.p_attainable.sel(contrast="image effect")) == 1 / 2
    assert found.n_permutations.values.tolist() == [0, 0, 0, 1, 1]


def test_what_workers_share_has_no_interval_over_actors_and_no_test_but_an_interval_that_is_given():
    rng = np.random.default_rng(0)
    actors = np.repeat([f"s{a}" for a in range(9)], 2)
    one, other = (matrix_of(rng.normal(size=(18, 18)), actors) for _ in range(2))
    bare = compare_pairings(one, other, rng=rng, n_permutations=9)
    assert bare[["ci_low", "ci_high", "p_value"]].to_dataarray()[:, :3].isnull().all()
    assert bare.reason.values.tolist() == [WORKERS_SHARED] * 3 + [""] * 2
    sides = [compared(matrix_of(values, actors)).actor_value.sel(contrast="actor effect").values
             for values in ((one - other).values, (one - other).values.T)]
    both = stats.ttest_1samp(np.mean(sides, axis=0), 0).confidence_interval()
    assert float(bare.ci_high[4] - bare.value[4]) == pytest.approx((both.high - both.low) / 2)
    score = xr.Dataset({"ci_low": 0.3, "ci_high": 0.5, "reason": "", "n_workers": 30}, attrs={
        "ci_method": "jackknife", "resampled": "workers and actors"})
    found = compare_pairings(one, other, rng=rng, same_image=score, n_permutations=9).isel(contrast=0)
    assert float(found.ci_high - found.value) == pytest.approx(0.1)
    assert (found.resampled.item(), found.freedom.item(), found.reason.item()) == ("workers and actors", 8, "")
    none = score.assign(ci_low=np.nan, reason="few")
    assert compare_pairings(one, other, rng=rng, same_image=none, n_permutations=9).reason.values[0] == "few"


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10**6), sizes=st.lists(st.integers(1, 4), min_size=2, max_size=5))
def test_a_difference_is_that_of_the_two_classifiers_values_and_turns_with_their_order(seed, sizes):
    rng = np.random.default_rng(seed)
    actors = np.repeat([f"s{a}" for a in range(len(sizes))], sizes)
    one, other = (matrix_of(rng.normal(size=(len(actors),) * 2), actors) for _ in range(2))
    found = compare_pairings(one, other, rng=rng)
    np.testing.assert_allclose(found.value, compared(one).value - compared(other).value, atol=1e-12)
    back = compare_pairings(other, one, rng=rng)
    np.testing.assert_allclose(back.value, -found.value, atol=1e-12)
    np.testing.assert_array_equal(back.p_value, found.p_value)


def test_the_image_effect_agrees_with_scipys_exact_test():
    rng = np.random.default_rng(1)
    actors = np.repeat([f"s{a}" for a in range(9)], 2)
    one, other = (matrix_of(rng.normal(size=(18, 18)), actors) for _ in range(2))
    found = compare_pairings(one, other, rng=rng).sel(contrast="image effect")
    blocks = np.array([(one.values - other.values)[at:at + 2, at:at + 2] for at in range(0, 18, 2)])
    differences = np.array([np.trace(block) - block[0, 1] - block[1, 0] for block in blocks]) / 2
    exact = stats.permutation_test((differences,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert float(found.p_value) == pytest.approx(exact.pvalue)
    interval = stats.ttest_1samp(differences, 0).confidence_interval()
    assert (float(found.ci_low), float(found.ci_high)) == pytest.approx((interval.low, interval.high))


def test_the_null_of_the_actor_effect_exchanges_an_actors_maps_wherever_they_stand():
    rng = np.random.default_rng(2)
    actors = np.repeat(list("abcd"), 2)
    values = rng.normal(size=(2, 8, 8))
    found = compare_pairings(*(matrix_of(v, actors) for v in values), rng=rng).sel(contrast="actor effect")
    null = []
    for signs in np.ndindex(2, 2, 2, 2):
        exchanged = np.repeat(signs, 2).astype(bool)
        parts = (np.where(exchanged, values[1 - which], values[which]) for which in (0, 1))  # whole columns
        one, other = (float(compared(matrix_of(part, actors)).value.sel(contrast="actor effect")) for part in parts)
        null.append(abs(one - other))
    assert float(found.p_value) == pytest.approx(np.mean(np.array(null) >= null[0] - 1e-12))


def two_classifiers(rng, n_actors, n_images, *, follows=(0.5, 0.5), shared=(1.0, 1.0), pixels=20):
    """Matrices of two classifiers that follow the photograph and the actor as people do, by so much."""
    codes = np.repeat(np.arange(n_actors), n_images)
    actor, photograph, face = rng.normal(size=(n_actors, pixels)), rng.normal(size=(codes.size, pixels)), rng.normal(
        size=pixels)
    maps = [face + actor[codes] + photograph]
    for by_image, by_actor in zip(follows, shared, strict=True):
        maps.append(face + by_actor * actor[codes] + by_image * photograph + rng.normal(size=(codes.size, pixels)))
    unit = [m - m.mean(axis=1, keepdims=True) for m in maps]
    unit = [m / np.linalg.norm(m, axis=1, keepdims=True) for m in unit]
    names = [f"s{a:02d}" for a in codes]
    return [matrix_of(unit[0] @ other.T, names) for other in unit[1:]]


def test_equal_effects_are_told_apart_no_more_often_than_said_and_unequal_ones_are():
    rng = np.random.default_rng(3)
    rejected = np.zeros(5)
    for _ in range(N_STUDIES):
        found = compare_pairings(*two_classifiers(rng, 10, 3), rng=rng, n_permutations=99)
        rejected += found.p_value.values <= 0.05
    assert (rejected <= stats.binom.ppf(0.999, N_STUDIES, 0.05)).all(), rejected / N_STUDIES
    planted = [compare_pairings(*two_classifiers(rng, 12, 4, follows=(0.9, 0.3), shared=(1.2, 0.4)), rng=rng,
                                n_permutations=199).p_value for _ in range(25)]
    found = np.mean([p.sel(contrast=["image effect", "actor effect"]).values <= 0.05 for p in planted], axis=0)
    assert (found > 0.7).all(), found


def test_permuting_images_of_a_difference_takes_equal_effects_for_a_difference():
    """The null of `pairing_tests` on a difference is that neither classifier has an effect, not that both are equal."""
    rng = np.random.default_rng(4)
    naive = ours = 0
    for _ in range(60):
        one, other = two_classifiers(rng, 12, 4, follows=(0.9, 0.9), shared=(1.0, 1.0))
        noisy = one.copy(data=one.values + 0.15 * rng.normal(size=12)[np.repeat(np.arange(12), 4)] * np.eye(48))
        p = pairing_tests(noisy - other, rng=rng, n_permutations=99).p_value.sel(contrast="image effect")
        naive += float(p) <= 0.05
        ours += float(compare_pairings(noisy, other, rng=rng, n_permutations=99).p_value.sel(
            contrast="image effect")) <= 0.05
    assert ours <= stats.binom.ppf(0.999, 60, 0.05)
    assert naive > 2 * max(ours, 4)


def test_images_that_one_side_lacks_are_left_out_and_undefined_ones_counted():
    human, one = sources((4, 4, 3))
    other = one.copy(data=one.values[:, ::-1])
    spoilt = other.copy()
    spoilt[5] = 0
    rng = np.random.default_rng
    found = compare_classifiers(human, one, spoilt, metric="pearson", rng=rng(0), n_permutations=99)
    assert found.attrs["n_undefined"] == 1
    kept = np.delete(np.arange(11), 5)
    less = compare_classifiers(human, one, other[kept], metric="pearson", rng=rng(0), n_permutations=99)
    np.testing.assert_allclose(found.value, less.value)
    assert less.actor_n.values.tolist() == [4, 3, 3]
    with pytest.raises(InputError, match="no image in common"):
        compare_classifiers(human, one[:4], other[6:], metric="pearson", rng=rng(0))


def test_comparisons_on_dask_equal_those_in_memory():
    human, one = sources((3, 4, 2))
    assert_dask_equals_eager(
        lambda h, a, b, rng: compare_classifiers(h, a, b, metric="iou", rng=rng, sigma=1.0, share=0.2)
        .drop_vars(["ci_method", "reason"]),
        human, one, one.copy(data=one.values[:, ::-1]), rng=np.random.default_rng(5), lazy=False)


N_STUDIES_R = 300


def grouped(matrix, of_actors):
    return matrix.assign_coords(group=("image", [of_actors[actor] for actor in matrix.actor.values]))


def test_actors_meet_only_those_of_their_group():
    rng = np.random.default_rng(0)
    actors = list("aabbbccddee")
    group = dict(zip("abcde", ["x", "x", "y", "y", "z"], strict=True))
    values = rng.normal(size=(11, 11))
    found = compared(grouped(matrix_of(values, actors), group), groups="group")
    for actor, other in ("ab", "ba", "cd", "dc"):
        own, others = ([i for i in range(11) if actors[i] == a] for a in (actor, other))
        across = np.mean([values[i, j] for i in own for j in others])
        itself = np.mean([values[i, j] for i in own for j in own if i != j])
        one = found.actor_value.sel(actor=actor)
        assert float(one.sel(contrast="other actor")) == pytest.approx(across)
        assert float(one.sel(contrast="actor effect")) == pytest.approx(itself - across)
    alone = found.sel(actor="e", contrast=["other actor", "actor effect"])
    assert np.isnan(alone.actor_value).all()
    assert found.n.sel(contrast="actor effect") == 4
    # 2 x 2 x 1 arrangements of sets of maps within groups
    assert float(found.p_attainable.sel(contrast="actor effect")) == pytest.approx(1 / 4)
    assert int(found.n_permutations.sel(contrast="actor effect")) == 3
    assert str(found.exchanged.sel(contrast="actor effect").values).endswith("within group")


def test_one_group_of_all_is_no_restriction():
    rng = np.random.default_rng(1)
    matrix = matrix_of(rng.normal(size=(30, 30)), np.repeat([f"s{a}" for a in range(10)], 3))
    plain, one_group = compared(matrix), compared(grouped(matrix, {f"s{a}": "g" for a in range(10)}), groups="group")
    for name in ("value", "ci_low", "ci_high", "p_value", "actor_value", "actor_p_value"):
        np.testing.assert_allclose(one_group[name], plain[name])


def test_the_jackknife_within_groups_is_that_of_a_loop_which_leaves_actors_out():
    rng = np.random.default_rng(2)
    actors = np.repeat([f"s{a:02d}" for a in range(10)], 2)
    matrix = grouped(matrix_of(rng.normal(size=(20, 20)), actors), {f"s{a:02d}": "xyz"[a % 3] for a in range(10)})
    found = compared(matrix, groups="group").sel(contrast="actor effect")
    without = []
    for actor in matrix.actor.values[::2]:
        at = np.flatnonzero(matrix.actor.values != actor)
        part = compared(matrix.isel(image=at, image_other=at), groups="group")
        without.append(float(part.value.sel(contrast="actor effect")))
    error = np.sqrt(9 / 10 * np.sum((without - np.mean(without)) ** 2))
    half = stats.t.ppf(0.975, 9) * error
    assert float(found.ci_high - found.ci_low) / 2 == pytest.approx(half)


def agreeing_on_groups(rng, n_actors=12, n_images=3, pixels=20):
    """Both sides follow the actor's group, not the actor; the sides' actors differ from each other, unrelated."""
    codes = np.repeat(np.arange(n_actors), n_images)
    group = np.arange(n_actors) % 2
    shared = rng.normal(size=(2, pixels))[group]
    sides = []
    for _ in range(2):
        maps = (shared + rng.normal(size=(n_actors, pixels)))[codes] + rng.normal(size=(codes.size, pixels))
        maps -= maps.mean(axis=1, keepdims=True)
        sides.append(maps / np.linalg.norm(maps, axis=1, keepdims=True))
    matrix = matrix_of(sides[0] @ sides[1].T, [f"s{a:02d}" for a in codes])
    return matrix.assign_coords(group=("image", np.array(["women", "men"])[group[codes]]))


def test_agreement_on_groups_alone_is_an_actor_effect_until_actors_meet_their_own_group_only():
    rng = np.random.default_rng(3)
    rejected = {None: 0, "group": 0}
    for _ in range(N_STUDIES_R):
        matrix = agreeing_on_groups(rng)
        for groups in rejected:
            pairs, _, _ = blocked(matrix, groups=groups)
            rejected[groups] += actor_effect_test(pairs.actors, pairs.groups, "greater", 99, rng)[0] <= 0.05
    assert rejected["group"] <= stats.binom.ppf(0.999, N_STUDIES_R, 0.05)
    assert rejected[None] > 0.5 * N_STUDIES_R


ONE = np.zeros(3, int)
"""Three actors of one group."""


def test_what_all_actors_share_is_taken_away_by_hand():
    level, rest = np.array([-1.0, 0, 1]), np.outer([1, -2, 1], [1.0, -2, 1])
    matrix = 4 + level[:, None] + level + 0.5 * np.outer(level, level) + rest
    # squares of the product 4, along it 2, noise 36 / 3: (0.25 x 2 + 12 x 4) / (0.25 x 4 + 12 x 16)
    left = 0.5 - 48.5 / 193
    np.testing.assert_allclose(_without_common(matrix, ONE), rest + left * np.outer(level, level))
    # of the six orders the observed one has the largest t
    assert actor_effect_test(matrix, ONE, "greater", 99, np.random.default_rng(0))[0] == 1 / 6


def slow_t(matrix):
    """Mean / standard deviation of the diagonal without what is shared, the product's factor by ridge regression."""
    n, mean = len(matrix), matrix.mean()
    row, column = matrix.mean(axis=1), matrix.mean(axis=0)
    product, left = np.zeros((2, n, n))
    for i in range(n):
        for j in range(n):
            product[i, j] = (row[i] - mean) * (column[j] - mean)
            left[i, j] = matrix[i, j] - row[i] - column[j] + mean
    _, squares, _, _ = np.linalg.lstsq(product.reshape(-1, 1), left.ravel())
    error, expected = np.sqrt(squares[0] / ((n - 1) ** 2 - 1)), 1 / mean
    # one more observation of the factor: 1 / mean, with its own error
    design = np.append(product.ravel() / error, 1 / abs(PRODUCT_ERROR * expected))
    factor, *_ = np.linalg.lstsq(design[:, None], np.append(left.ravel() / error, np.sign(expected) / PRODUCT_ERROR))
    diagonal = np.diag(left - factor * product)
    return diagonal.mean() / diagonal.std()


@pytest.mark.parametrize("mean", [0.6, 0.05, -0.4])
def test_the_test_of_the_actor_effect_agrees_with_one_that_permutes_the_matrix_itself(mean):
    rng = np.random.default_rng(6)
    for alternative in ("greater", "less"):
        matrix = mean + 0.2 * rng.normal(size=(5, 1)) + 0.2 * rng.normal(size=5) + 0.1 * rng.normal(size=(5, 5))
        null = np.array([slow_t(matrix[:, list(order)]) for order in permutations(range(5))])
        as_good = null >= null[0] - 1e-9 if alternative == "greater" else null <= null[0] + 1e-9
        assert actor_effect_test(matrix, np.zeros(5, int), alternative, 999, rng)[0] == pytest.approx(as_good.mean())


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(2, 7), scale=st.sampled_from([1e-6, 0.3, 1e6]))
def test_what_is_taken_away_goes_with_the_columns_and_the_scale(seed, n, scale):
    rng = np.random.default_rng(seed)
    matrix, groups = 0.5 + 0.2 * rng.normal(size=(2 * n, 2 * n)), np.repeat([0, 1], n)
    rest, order = _without_common(matrix, groups), np.concatenate([rng.permutation(n), n + rng.permutation(n)])
    np.testing.assert_allclose(_without_common(matrix[:, order], groups), rest[:, order], atol=1e-12)
    np.testing.assert_allclose(_without_common(scale * matrix, groups), scale * rest, atol=1e-12 * scale)
    assert not rest[:n, n:].any()


def test_overlaps_that_are_sums_or_products_are_no_actor_effect():
    level = np.array([0.2, 0.5, 0.6, 0.9])
    four, rng = np.zeros(4, int), np.random.default_rng(7)
    for matrix in (np.full((4, 4), 0.3), level[:, None] + level, np.outer(level, level)):
        assert actor_effect_test(matrix, four, "greater", 99, rng)[0] == 1
    assert np.isnan(actor_effect_test(np.full((4, 4), np.nan), four, "greater", 99, rng)[0])
    # two actors: the mean of the diagonal against that of the other two values
    two, pair = np.array([[0.5, 0.2], [0.1, 0.4]]), np.zeros(2, int)
    assert actor_effect_test(two, pair, "greater", 99, rng)[0] == 1 / 2
    assert actor_effect_test(two[:, ::-1], pair, "greater", 99, rng)[0] == 1


def test_p_of_actors_that_may_be_exchanged_is_uniform():
    rng = np.random.default_rng(8)
    p = []
    for _ in range(N_STUDIES_R):
        matrix = np.outer(*rng.uniform(0.3, 1, size=(2, 8))) + 0.05 * rng.normal(size=(8, 8))
        p.append(actor_effect_test(matrix, np.zeros(8, int), "greater", 199, rng)[0])
    assert stats.kstest(p, "uniform").pvalue > 0.001


def shot(values, actors, shoots):
    return matrix_of(values, actors).assign_coords(shoot=("image", list(shoots)))


@pytest.mark.parametrize("shoots", ["aabbccddd", "abbbcddee"], ids=["of two and three", "of one to three"])
def test_images_of_one_shoot_are_not_each_others_other_image(shoots):
    values, actors = np.random.default_rng(9).normal(size=(9, 9)), list("pppppqqqq")
    if shoots[4] == "c":
        actors = list("ppppqqqqq")
    found = compared(shot(values, actors, shoots), clusters="shoot")
    for actor in "pq":
        own = [i for i in range(9) if actors[i] == actor]
        rest = np.mean([values[i, j] for i in own for j in own if shoots[i] != shoots[j]])
        across = np.mean([values[i, j] for i in own for j in range(9) if actors[j] != actor])
        one = found.actor_value.sel(actor=actor)
        assert float(one.sel(contrast="same actor, other image")) == pytest.approx(rest)
        assert float(one.sel(contrast="image effect")) == pytest.approx(np.mean([values[i, i] for i in own]) - rest)
        assert float(one.sel(contrast="actor effect")) == pytest.approx(rest - across)
    assert str(found.exchanged.sel(contrast="image effect").values) == (
        "classifier maps of whole shoots permuted among the shoots of each actor")


def test_whole_shoots_are_exchanged():
    values, actors, shoots = np.random.default_rng(10).normal(size=(10, 10)), list("ppppppqqqq"), "aabbccddee"
    found = compared(shot(values, actors, shoots), clusters="shoot").sel(contrast="image effect")
    null = []
    for one in permutations(range(3)):
        for other in permutations(range(3, 5)):
            order = [2 * shoot + at for shoot in (*one, *other) for at in (0, 1)]
            null.append(np.diag(values[:, order]) @ np.repeat([1 / 6 * 3 / 2, 1 / 4 * 2], [6, 4]) / 2)
    null = np.array(null)
    assert float(found.p_value) == pytest.approx(np.mean(null >= null[0] - 1e-12))
    np.testing.assert_allclose(np.sort(found.null.dropna("permutation")), np.sort(null - null.mean())[
        np.arange(12) != np.argsort(np.argsort(null))[0]], atol=1e-12)
    assert found.actor_p_attainable.values.tolist() == [1 / 6, 1 / 2]


def test_in_a_shoot_of_another_size_images_come_again():
    values = np.arange(25.0).reshape(5, 5)
    pairs, _, _ = blocked(shot(values, "ppppp", "aabbb"), clusters="shoot")
    np.testing.assert_allclose(pairs.matched, [[np.mean([0, 6]), np.mean([2, 8, 4])],
                                               [np.mean([10, 16, 20]), np.mean([12, 18, 24])]])


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10**6), sizes=st.lists(st.integers(1, 4), min_size=2, max_size=5))
def test_shoots_of_one_image_are_images_and_the_order_of_rows_is_nothing(seed, sizes):
    rng = np.random.default_rng(seed)
    actors = np.repeat([f"s{a}" for a in range(len(sizes))], sizes)
    values = rng.normal(size=(len(actors),) * 2)
    plain = compared(matrix_of(values, actors), n_permutations=3)
    alone = compared(shot(values, actors, rng.permutation(len(actors)).astype(str)), clusters="shoot", n_permutations=3)
    np.testing.assert_allclose(alone.actor_value, plain.actor_value, atol=1e-12)
    np.testing.assert_allclose(alone.ci_low, plain.ci_low, atol=1e-12)
    pairs = shot(values, actors, [f"{actor}{rng.integers(2)}" for actor in actors])
    order = rng.permutation(len(actors))
    one, other = (compared(part, clusters="shoot", n_permutations=20000) for part in (
        pairs, pairs.isel(image=order, image_other=order)))
    for name in ("actor_value", "p_value", "actor_p_value"):
        np.testing.assert_allclose(other[name], one[name], atol=1e-12)


def test_a_shoot_of_two_actors_or_of_none_is_refused():
    with pytest.raises(InputError, match="a cluster holds replicates of two labels"):
        compared(shot(np.eye(4), "ppqq", "abbc"), clusters="shoot")
    with pytest.raises(InputError, match="no coordinate 'shoot' along image"):
        compared(matrix_of(np.eye(4), "ppqq"), clusters="shoot")


def test_a_coordinate_of_the_human_maps_names_the_groups():
    human, classifier = sources((3, 4, 2, 3))
    human = human.assign_coords(group=("image", ["x" if a in ("s1", "s3") else "y" for a in human.actor.values]))
    found = overlap_tests(human, classifier, metric="pearson", groups="group", rng=np.random.default_rng(0),
                          n_permutations=99)
    matrix = pairwise(human, classifier, "pearson").values
    expected = matrix[:3, 7:9].mean()
    assert float(found.actor_value.sel(actor="s1", contrast="other actor")) == pytest.approx(expected)
    with pytest.raises(InputError, match="no coordinate 'club' along image"):
        overlap_tests(human, classifier, metric="pearson", groups="club", rng=np.random.default_rng(0))
    mixed = human.assign_coords(group=("image", list("xyxyxyxyxyxy")))
    with pytest.raises(InputError, match="actor 's1': images of group x and y"):
        overlap_tests(mixed, classifier, metric="pearson", groups="group", rng=np.random.default_rng(0))


def test_only_the_images_named_are_used():
    human, classifier = sources((3, 4, 2))
    chosen = human.image.values[[0, 2, 3, 4, 5, 8]]
    found = overlap_tests(human, classifier, metric="nss", images=chosen, rng=np.random.default_rng(0),
                          n_permutations=99)
    part = overlap_tests(human.sel(image=chosen), classifier.sel(image=chosen), metric="nss",
                         rng=np.random.default_rng(0), n_permutations=99)
    np.testing.assert_array_equal(found.actor_value, part.actor_value)
    assert found.actor_n.values.tolist() == [2, 3, 1]
    with pytest.raises(InputError, match="none of the 1 named"):
        overlap_matrix(human, classifier, metric="nss", images=["nobody"])


def test_restricted_tests_on_dask_equal_those_in_memory():
    human, classifier = sources((3, 4, 2, 3))
    human = human.assign_coords(group=("image", ["x" if a in ("s1", "s3") else "y" for a in human.actor.values]))
    assert_dask_equals_eager(
        lambda h, c, rng: overlap_tests(h, c, metric="pearson", groups="group", images=list(human.image.values[1:]),
                                        rng=rng, n_permutations=99)
        .drop_vars(["ci_method", "resampled", "reason", "actor_reason"]),
        human, classifier, rng=np.random.default_rng(5), lazy=False)
