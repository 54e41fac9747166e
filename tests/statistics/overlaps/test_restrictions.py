"""Pairings restricted to actors of one group, and to some images."""

import numpy as np
import pytest
from scipy import stats

from salcompare.errors import InputError
from salcompare.statistics.metrics.registry import pairwise
from salcompare.statistics.overlaps.pairing_nulls import actor_effect_test
from salcompare.statistics.overlaps.pairs import blocked
from salcompare.statistics.overlaps.same_image import overlap_matrix, overlap_tests
from salcompare.testing import assert_dask_equals_eager
from tests.statistics.overlaps.test_overlap import compared, matrix_of, sources

N_STUDIES = 300


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
    np.testing.assert_allclose(found.actor_p_attainable.sel(contrast="actor effect")[:4], 1 / 2)
    assert "cannot go below 1/2" in str(found.actor_reason.sel(actor="a", contrast="actor effect").values)
    # 2 x 2 x 1 arrangements of sets of maps within groups
    assert float(found.p_attainable.sel(contrast="actor effect")) == pytest.approx(1 / 4)
    assert found.attrs["null_actor"].endswith("within group")


def test_one_group_of_all_is_no_restriction():
    rng = np.random.default_rng(1)
    matrix = matrix_of(rng.normal(size=(30, 30)), np.repeat([f"s{a}" for a in range(10)], 3))
    plain, one_group = compared(matrix), compared(grouped(matrix, {f"s{a}": "g" for a in range(10)}), groups="group")
    for name in ("value", "ci_low", "ci_high", "p_value", "actor_value", "actor_p_value", "actor_ci_low"):
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
    for _ in range(N_STUDIES):
        matrix = agreeing_on_groups(rng)
        for groups in rejected:
            pairs, _, _ = blocked(matrix, groups=groups)
            rejected[groups] += actor_effect_test(pairs.actors, pairs.groups, "greater", 99, rng)[0] <= 0.05
    assert rejected["group"] <= stats.binom.ppf(0.999, N_STUDIES, 0.05)
    assert rejected[None] > 0.5 * N_STUDIES


def test_a_coordinate_of_the_human_maps_names_the_groups():
    human, classifier = sources((3, 4, 2, 3))
    human = human.assign_coords(group=("image", ["x" if a in ("s1", "s3") else "y" for a in human.actor.values]))
    found = overlap_tests(human, classifier, metric="pearson", groups="group", rng=np.random.default_rng(0),
                          n_permutations=99, n_resamples=20)
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
                          n_permutations=99, n_resamples=20)
    part = overlap_tests(human.sel(image=chosen), classifier.sel(image=chosen), metric="nss",
                         rng=np.random.default_rng(0), n_permutations=99, n_resamples=20)
    np.testing.assert_array_equal(found.actor_value, part.actor_value)
    assert found.actor_n.values.tolist() == [2, 3, 1]
    with pytest.raises(InputError, match="none of the 1 named"):
        overlap_matrix(human, classifier, metric="nss", images=["nobody"])


def test_restricted_tests_on_dask_equal_those_in_memory():
    human, classifier = sources((3, 4, 2, 3))
    human = human.assign_coords(group=("image", ["x" if a in ("s1", "s3") else "y" for a in human.actor.values]))
    assert_dask_equals_eager(
        lambda h, c, rng: overlap_tests(h, c, metric="pearson", groups="group", images=list(human.image.values[1:]),
                                        rng=rng, n_permutations=99, n_resamples=20)
        .drop_vars(["ci_method", "reason", "actor_reason"]),
        human, classifier, rng=np.random.default_rng(5), lazy=False)
