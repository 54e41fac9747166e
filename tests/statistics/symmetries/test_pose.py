"""Asymmetry of maps beside that of the photographs: worked values, loops, levels, and faces that are turned."""

from __future__ import annotations

from functools import partial
from itertools import permutations, product

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from salcompare.errors import InputError
from salcompare.statistics.symmetries.pose import asymmetry_beyond_photographs, pose_association
from salcompare.statistics.symmetries.sides import asymmetry_test
from tests.statistics.symmetries.simulated import faces, turned
from tests.strategies import assert_dask_equals_eager, stack_of_maps


def association(maps, photographs, **options):
    return pose_association(maps, photographs, rng=np.random.default_rng(0), **options)


def beyond(maps, photographs, n_components=2, **options):
    return asymmetry_beyond_photographs(maps, photographs, rng=np.random.default_rng(0), n_components=n_components,
                                        **options)


def odd_rows(maps):
    return ((maps.values - maps.values[:, :, ::-1]) / 2).reshape(len(maps.values), -1)


def test_pose_association_by_hand():
    # odd parts are (a, -a): an actor's a less their mean are 1, -1 and 2, -2 on both sides
    turns = np.array([3.0, 1.0, 6.0, 2.0])
    stack = stack_of_maps([[[5 + a, 5 - a]] for a in turns], ["s1", "s1", "s2", "s2"])
    found = association(stack, stack)
    assert float(found.value) == pytest.approx(1)
    # of four arrangements two keep the turns of the actors together or turn both
    assert float(found.p_value) == 2 / 4
    assert float(found.p_attainable) == 1 / 4
    opposite = stack.copy(data=stack.values[[1, 0, 2, 3]])
    assert float(association(opposite, stack).value) == pytest.approx(-1)


def test_a_number_for_each_photograph_stands_for_an_odd_part_of_that_size():
    maps, photographs = turned(np.random.default_rng(2), n_actors=4, n_images=3, follow=0.5)
    yaw = xr.DataArray(np.random.default_rng(3).normal(size=12), dims="image", coords={"image": maps["image"]})
    as_pictures = xr.DataArray(yaw.values[:, None, None] * [[1.0, -1.0]], dims=("image", "y", "x"), coords=yaw.coords)
    shoots = maps.assign_coords(shoot=("image", ["a", "a", "b"] * 4))
    for stack, options in ((maps, {}), (shoots, {"clusters": "shoot"})):
        one, other = association(stack, yaw, **options), association(stack, as_pictures, **options)
        assert float(one.value) == pytest.approx(float(other.value))
        assert float(one.p_value) == float(other.p_value)
        alone = beyond(stack, as_pictures, n_components=1, **options)
        beside = beyond(stack, as_pictures, n_components=1, turn=yaw, **options)  # the same number twice
        assert float(beside.value) == pytest.approx(float(alone.value))
    unknown = association(maps, yaw.where(yaw["image"] != maps["image"][0]))
    assert int(unknown.n_images_undefined) == 1
    assert int(beyond(maps, photographs, turn=yaw.where(yaw["image"] != maps["image"][0])).n_images_undefined) == 1


def test_a_turn_that_the_photographs_do_not_show_is_taken_out_of_the_maps():
    rejected = {"photographs": 0, "photographs and yaw": 0}
    for seed in range(40):
        rng = np.random.default_rng(seed)
        maps, photographs = turned(rng, n_actors=12, n_images=4, follow=0.0)
        yaw = xr.DataArray(np.repeat(rng.normal(size=12), 4) + rng.normal(size=48), dims="image",
                           coords={"image": maps["image"]})
        side = np.where(np.arange(maps.sizes["x"]) < maps.sizes["x"] / 2, -1, 1)
        leaning = maps + np.exp(yaw.values[:, None, None] * side / 4)  # no linear turn
        for name, options in (("photographs", {}), ("photographs and yaw", {"turn": yaw})):
            rejected[name] += float(beyond(leaning, photographs, **options).p_value) <= 0.05
    assert rejected["photographs"] > 20
    assert rejected["photographs and yaw"] <= stats.binom.isf(0.001, 40, 0.05)


def test_pose_association_agrees_with_a_loop_over_pairs_and_all_permutations_within_actors():
    maps, photographs = turned(np.random.default_rng(1), n_actors=2, n_images=3, follow=0.5)

    def centred(rows):
        return np.concatenate([rows[:3] - rows[:3].mean(axis=0), rows[3:] - rows[3:].mean(axis=0)])

    def correlation(rows, others):
        one, other = ([part[i] @ part[j] for i in range(3) for j in range(3, 6)] for part in (rows, others))
        return np.dot(one, other) / np.sqrt(np.dot(one, one) * np.dot(other, other))

    one, other = centred(odd_rows(maps)), centred(odd_rows(photographs))
    null = [correlation(one, other[[*first, *(3 + np.array(second))]])
            for first, second in product(permutations(range(3)), repeat=2)]
    found = association(maps, photographs)
    assert float(found.value) == pytest.approx(null[0])
    assert float(found.p_value) == pytest.approx(np.mean(np.array(null) >= null[0] - 1e-12))
    assert np.mean(null) == pytest.approx(float(found.null_mean), abs=1e-12)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 100), order=st.permutations(range(12)))
def test_neither_order_scale_nor_a_side_of_the_actor_matters_to_the_association(seed, order):
    rng = np.random.default_rng(seed)
    maps, photographs = turned(rng, n_actors=3, n_images=4, follow=0.5)
    side = xr.DataArray(rng.normal(size=(3, 8, 8))[np.repeat(np.arange(3), 4)], coords=maps.coords, dims=maps.dims)
    found = association(maps, photographs, n_permutations=1)
    other = association((maps * 3 + side).isel(image=order), photographs * 0.5, n_permutations=1)
    assert float(found.value) == pytest.approx(float(other.value))
    assert -1 <= float(found.value) <= 1


def test_the_remainder_is_that_of_least_squares_without_intercept():
    maps, photographs = turned(np.random.default_rng(2), n_actors=4, n_images=5, follow=0.5, own=0.5)
    odd, faces_odd = odd_rows(maps), odd_rows(photographs)
    scores = np.linalg.svd(faces_odd, full_matrices=False)
    scores = scores.U[:, :2] * scores.S[:2]
    fitted = scores @ np.linalg.lstsq(scores, odd, rcond=None)[0]
    found = beyond(maps, photographs)
    assert float(found.explained) == pytest.approx(1 - ((odd - fitted) ** 2).sum() / (odd**2).sum())


def test_signs_are_turned_and_the_remainder_is_regressed_anew():
    maps, photographs = turned(np.random.default_rng(3), n_actors=2, n_images=3, follow=0.5, own=0.5)
    scores = np.linalg.svd(odd_rows(photographs), full_matrices=False).U[:, :1]
    remainder = np.eye(6) - scores @ scores.T
    left = remainder @ odd_rows(maps)
    energies = []
    for signs in product((1, -1), repeat=6):
        rows = remainder @ (np.array(signs)[:, None] * left)
        energies.append(sum((part.sum(axis=0) ** 2).sum() - (part**2).sum() for part in (rows[:3], rows[3:])))
    energies = np.array(energies)
    found = beyond(maps, photographs, n_components=1)
    assert float(found.p_value) == pytest.approx(np.mean(energies >= energies[0] - 1e-9))
    even = (maps.values + maps.values[:, :, ::-1]).reshape(6, -1) / 2
    pairs = sum((part.sum(axis=0) ** 2).sum() - (part**2).sum() for part in (even[:3], even[3:]))
    odd = energies[0] - energies.mean()
    assert float(found.value) == pytest.approx(odd / (odd + pairs))


def test_mirroring_a_photograph_with_its_map_changes_no_coefficient():
    maps, photographs = turned(np.random.default_rng(4), n_actors=3, n_images=4, follow=0.5)
    both = [one.copy(data=np.where((np.arange(12) % 2 == 0)[:, None, None], one.values, one.values[:, :, ::-1]))
            for one in (maps, photographs)]
    assert float(beyond(*both).explained) == pytest.approx(float(beyond(maps, photographs).explained))


def test_photographs_of_another_grid_and_more_images_are_aligned_by_name():
    maps, photographs = turned(np.random.default_rng(5), n_actors=3, n_images=4, follow=0.5)
    some = maps.isel(image=[11, 0, 1, 2, 4, 5, 7, 8, 9])
    wider = photographs.isel(x=np.repeat(np.arange(8), 2)).assign_coords(x=np.arange(16))
    for test in (association, beyond):
        found, other = test(some, wider), test(some, photographs)
        assert int(found.n_images) == 9
        for name in ("value", "p_value"):
            assert float(found[name]) == pytest.approx(float(other[name]))
    fewer = association(maps, photographs.isel(image=slice(3, None)))
    assert (int(fewer.n_images_undefined), int(fewer.n), int(fewer.n_undefined)) == (3, 2, 1)


def test_what_cannot_be_computed_is_undefined_with_its_reason():
    single = faces(np.random.default_rng(6), n_actors=6, n_images=1)
    found = association(single, single)
    assert np.isnan(found.value)
    assert "two actors with two images" in str(found.reason.item())
    left = beyond(single, single, n_components=1)
    assert np.isnan(left.p_value)
    assert "two images" in str(left.reason.item())
    same = stack_of_maps(np.repeat(faces(np.random.default_rng(7), n_actors=2, n_images=1).values, 2, axis=0),
                         ["s1", "s1", "s2", "s2"])
    assert "do not differ" in str(association(same, same).reason.item())
    with pytest.raises(InputError, match="three images for each"):
        beyond(single, single, n_components=3)
    with pytest.raises(InputError, match="no image of both"):
        association(single, single.assign_coords(image=[f"x{i}" for i in range(6)]))
    for wrong, what in ((single.rename(y="row"), "without y"), (single + 1j, "dtype complex128"),
                        (single.to_numpy(), "is a ndarray")):
        with pytest.raises(InputError, match=f"photographs: .*{what}"):
            association(single, wrong)


def test_few_actors_have_no_interval_and_say_so():
    found = association(*turned(np.random.default_rng(8), n_actors=7, n_images=3))
    assert np.isnan(found.ci_low)
    assert "8 actors" in str(found.reason.item())
    assert np.isfinite(association(*turned(np.random.default_rng(8), n_actors=8, n_images=3)).ci_low)


def test_on_dask_they_equal_those_in_memory():
    maps, photographs = turned(np.random.default_rng(9), n_actors=3, n_images=4, follow=0.5)
    for test, options in ((pose_association, {}), (asymmetry_beyond_photographs, {"n_components": 2})):
        assert_dask_equals_eager(test, maps, photographs, lazy=False, rng=np.random.default_rng(0), n_permutations=20,
                                 **options)


def test_maps_that_turn_with_the_faces_are_asymmetric_but_not_beyond_the_photographs():
    """Faces were turned: the plain test finds the maps asymmetric always, and cannot tell from whom it comes."""
    runs, p = 100, {"association": [], "plain": [], "beyond": []}
    for run in range(runs):
        rng = np.random.default_rng([run, 1])
        maps, photographs = turned(rng, follow=0.5)
        if run < 20:
            p["association"].append(float(pose_association(maps, photographs, rng=rng, n_permutations=99).p_value))
            p["plain"].append(float(asymmetry_test(maps, rng=rng, n_permutations=99).p_value))
        p["beyond"].append(float(asymmetry_beyond_photographs(maps, photographs, rng=rng, n_components=5,
                                                             n_permutations=199).p_value))
    found = {name: int((np.array(values) <= 0.05).sum()) for name, values in p.items()}
    assert found["association"] == found["plain"] == 20
    assert found["beyond"] <= stats.binom.ppf(0.999, runs, 0.05)


def test_maps_that_have_nothing_to_do_with_the_photographs_keep_the_levels_and_a_side_of_the_actors_own_is_found():
    runs, p = 100, {"association": [], "beyond": [], "own": []}
    for run in range(runs):
        rng = np.random.default_rng([run, 2])
        maps, photographs = turned(rng)
        p["association"].append(float(pose_association(maps, photographs, rng=rng, n_permutations=99).p_value))
        p["beyond"].append(float(asymmetry_beyond_photographs(maps, photographs, rng=rng, n_components=5,
                                                             n_permutations=199).p_value))
        if run < 20:
            sided, photographs = turned(rng, own=0.6, follow=0.5)
            p["own"].append(float(asymmetry_beyond_photographs(sided, photographs, rng=rng, n_components=5,
                                                              n_permutations=99).p_value))
    found = {name: int((np.array(values) <= 0.05).sum()) for name, values in p.items()}
    assert found["association"] <= stats.binom.ppf(0.999, runs, 0.05)
    assert found["beyond"] <= stats.binom.ppf(0.999, runs, 0.05)
    assert found["own"] == 20


def test_whole_shoots_are_exchanged_as_means_of_their_images():
    maps, photographs = turned(np.random.default_rng(21), n_actors=4, n_images=4, follow=1.0)
    twice = [xr.concat([one, one.assign_coords(image=[f"{name}b" for name in one.image.values])], "image")
             for one in (maps, photographs)]
    shoots = twice[0].assign_coords(shoot=("image", maps.image.values.tolist() * 2))
    for statistic in (pose_association, partial(asymmetry_beyond_photographs, n_components=2)):
        one = statistic(maps, photographs, rng=np.random.default_rng(0), n_permutations=99)
        whole = statistic(shoots, twice[1], rng=np.random.default_rng(0), n_permutations=99, clusters="shoot")
        for name in ("value", "p_value"):
            assert float(whole[name]) == pytest.approx(float(one[name]))
        assert whole.sizes["permutation"] == 99
