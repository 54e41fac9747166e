"""Tests of symmetry: worked values, loops over all mirrored stacks, their levels, and sides that differ."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from scipy import stats

from salcompare.errors import InputError
from salcompare.maps import actor_heatmap
from salcompare.statistics.symmetries.indices import symmetry
from salcompare.statistics.symmetries.sides import asymmetry_test, common_laterality_test
from tests.statistics.symmetries.simulated import faces
from tests.strategies import assert_dask_equals_eager, labelled_maps, stack_of_maps

few = settings(max_examples=30, deadline=None)


def common(stack, **options):
    return common_laterality_test(stack, rng=np.random.default_rng(0), **options)


def asymmetry(stack, **options):
    return asymmetry_test(stack, rng=np.random.default_rng(0), **options)


def mirrored(stack, which):
    """The stack with some of its images mirrored."""
    values = stack.values.copy()
    values[which] = values[which][:, :, ::-1]
    return stack.copy(data=values)


def odd_energy(stack):
    """Slowly: sum over pairs of different images of one actor of the inner products of their odd parts."""
    total = 0.0
    for i, one in enumerate(stack.values):
        for j, other in enumerate(stack.values):
            if i < j and stack.actor.values[i] == stack.actor.values[j]:
                total += ((one - one[:, ::-1]) / 2 * (other - other[:, ::-1]) / 2).sum()
    return total


def rejections(p):
    return int((np.array(p) <= 0.05).sum())


# ---- a side in common

def test_common_laterality_by_hand():
    stack = stack_of_maps([[[3, 1]], [[2, 0]], [[3, 0]]], ["s1", "s2", "s3"])
    found = common(stack)  # lateralities 1/2, 1, 1, all on the left: two of eight arrangements are as extreme
    assert float(found.value) == pytest.approx(2.5 / 3)
    assert float(found.p_value) == float(found.p_attainable) == 2 / 8
    assert sorted(found.null.values) == pytest.approx([-1.5 / 3, 0.5 / 3, 0.5 / 3])
    assert float(found.odd_share_p_value) == 1 / 4
    assert int(found.n) == 3


def test_common_laterality_agrees_with_mirroring_the_maps_of_whole_actors():
    stack = faces(np.random.default_rng(1), n_actors=5, n_images=[2, 3, 2, 4, 3], common=0.3)
    lateral, energy = [], []
    for turn in product((False, True), repeat=5):
        chosen = [f"s{a + 1}" for a in range(5) if turn[a]]
        heat = actor_heatmap(mirrored(stack, np.isin(stack.actor.values, chosen)))
        mean = heat.mean("actor").values
        lateral.append(abs(float(symmetry(heat).laterality.mean())))
        energy.append(((mean - mean[:, ::-1]) ** 2).sum())
    found = common(stack)
    assert float(found.p_value) == np.mean(np.array(lateral) >= lateral[0] * (1 - 1e-9))
    assert float(found.odd_share_p_value) == np.mean(np.array(energy) >= energy[0] * (1 - 1e-9))


def test_the_common_odd_share_is_that_of_pairs_of_different_actors():
    stack = faces(np.random.default_rng(2), n_actors=4, n_images=3, common=0.5)
    heat = actor_heatmap(stack).values
    odd = even = 0.0
    for i, j in product(range(4), repeat=2):
        if i != j:
            odd += ((heat[i] - heat[i][:, ::-1]) * (heat[j] - heat[j][:, ::-1])).sum()
            even += ((heat[i] + heat[i][:, ::-1]) * (heat[j] + heat[j][:, ::-1])).sum()
    assert float(common(stack).odd_share) == pytest.approx(odd / (odd + even))


# ---- any asymmetry

def test_asymmetry_by_hand():
    # odd parts (1, -1), (2, -2) and (1, -1), even parts (2, 2), (2, 2) and (1, 1)
    stack = stack_of_maps([[[3, 1]], [[4, 0]], [[2, 0]]], ["s1"] * 3)
    found = asymmetry(stack)
    odd, even = 2 * (1 * 2 + 1 * 1 + 2 * 1), 2 * (2 * 2 + 2 * 1 + 2 * 1)
    assert float(found.value) == pytest.approx(odd / (odd + even))
    assert float(found.p_value) == float(found.p_attainable) == 1 / 4  # all on one side: one of four arrangements
    assert float(found.actor_p_value.sel(actor="s1")) == 1 / 4


def test_asymmetry_agrees_with_mirroring_every_set_of_images():
    stack = faces(np.random.default_rng(3), n_actors=3, n_images=[3, 2, 3], own=0.7)
    energy = {turn: odd_energy(mirrored(stack, np.array(turn))) for turn in product((False, True), repeat=8)}
    found = asymmetry(stack)
    observed = odd_energy(stack)
    assert float(found.p_value) == np.mean(np.array(list(energy.values())) >= observed - 1e-9 * abs(observed))
    one = stack.sel(image=stack.actor == "s1")
    own = [odd_energy(mirrored(one, np.array(turn))) for turn in product((False, True), repeat=3)]
    expected = np.mean(np.array(own) >= odd_energy(one) - 1e-9)
    assert float(found.actor_p_value.sel(actor="s1")) == expected
    assert found.actor_p_attainable.values.tolist() == [1 / 4, 1 / 2, 1 / 4]


def test_random_draws_agree_with_mirroring_the_images_that_were_drawn():
    stack = faces(np.random.default_rng(4), n_actors=2, n_images=[6, 5], own=0.5)
    signs = np.random.default_rng(0).integers(0, 2, (20, 11), dtype=np.int8)
    even = (odd_energy(mirrored(stack, slice(0, 0))) / float(asymmetry(stack).value)) - odd_energy(stack)
    expected = [odd_energy(mirrored(stack, row == 0)) for row in signs]
    found = asymmetry(stack, n_permutations=20).null.values
    np.testing.assert_allclose(found, np.array(expected) / (np.array(expected) + even))


@few
@given(stack=labelled_maps(n_images=(1, 4), shape=((2, 4), (2, 5))))
def test_mirroring_whole_actors_and_scale_do_not_matter(stack):
    found = asymmetry(stack)
    turned = mirrored(stack, stack.actor.values == "s1")
    for other in (asymmetry(turned), asymmetry(stack * 4)):
        xr.testing.assert_allclose(found[["value", "p_value", "actor_p_value"]],
                                   other[["value", "p_value", "actor_p_value"]], atol=1e-9)
    assert not float(found.p_value) < float(found.p_attainable)


@few
@given(stack=labelled_maps(n_images=(1, 3), shape=((2, 4), (2, 5))))
def test_maps_that_are_their_own_mirror_images_give_no_evidence(stack):
    symmetric = stack.copy(data=stack.values + stack.values[:, :, ::-1])
    assert not (asymmetry(symmetric).p_value < 1).any()
    assert not (common(symmetric).p_value < 1).any()


def test_asymmetry_does_not_follow_the_noise_as_the_index_does():
    quiet, loud = (faces(np.random.default_rng(5), n_actors=40, noise=noise) for noise in (0.3, 1.2))
    index = [float(symmetry(actor_heatmap(stack))["index"].mean()) for stack in (quiet, loud)]
    assert index[0] - index[1] > 0.02
    for stack in (quiet, loud):
        found = asymmetry(stack, n_permutations=199)
        assert abs(float(found.value)) < 0.002
        assert float(found.p_value) > 0.05


# ---- what cannot be told

def test_one_image_an_actor_leaves_asymmetry_undefined_with_its_reason_and_common_laterality_defined():
    stack = faces(np.random.default_rng(6), n_actors=9, n_images=1)
    found = asymmetry(stack)
    assert np.isnan(found.p_value)
    assert np.isnan(found.value)
    assert found.actor_p_value.isnull().all()
    assert "two images" in str(found.reason.item())
    assert (found.actor_reason == "fewer than two images to compare").all()
    assert int(found.n_undefined) == 9
    assert np.isfinite(common(stack).p_value)


def test_actors_with_one_image_are_counted_and_change_nothing():
    stack = faces(np.random.default_rng(7), n_actors=4, n_images=[3, 1, 4, 1], own=0.5)
    without = stack.sel(image=np.isin(stack.actor.values, ["s1", "s3"]))
    found = asymmetry(stack)
    assert (int(found.n), int(found.n_undefined)) == (2, 2)
    for name in ("value", "p_value", "p_attainable"):
        assert float(found[name]) == pytest.approx(float(asymmetry(without)[name]))


def test_one_actor_has_no_side_in_common_with_another():
    found = common(faces(np.random.default_rng(8), n_actors=1))
    assert float(found.p_value) == float(found.p_attainable) == 1
    assert np.isnan(found.odd_share)


def test_empty_and_missing_maps_are_left_out_and_no_map_at_all_is_undefined():
    stack = faces(np.random.default_rng(9), n_actors=3, n_images=4)
    spoilt = stack.copy(data=stack.values.copy())
    spoilt[3], spoilt[7, 0, 0] = 0, np.nan
    kept = stack.isel(image=[0, 1, 2, 4, 5, 6, 8, 9, 10, 11])
    for test in (asymmetry, common):
        xr.testing.assert_allclose(test(spoilt).drop_vars("n_undefined"), test(kept).drop_vars("n_undefined"))
        assert np.isnan(test(stack * 0).p_value)
        assert str(test(stack * 0).reason.item())
    with pytest.raises(InputError, match="an actor for each image"):
        common(stack.drop_vars("actor"))


def test_on_dask_both_tests_equal_those_in_memory():
    stack = faces(np.random.default_rng(10), n_actors=3, n_images=[2, 3, 4], own=0.3)
    for test in (asymmetry_test, common_laterality_test):
        assert_dask_equals_eager(test, stack, lazy=False, rng=np.random.default_rng(0), n_permutations=30)


# ---- levels and power

def test_symmetric_noise_is_found_asymmetric_as_often_as_the_level():
    runs, found = 200, {"common": [], "common odd parts": [], "any": [], "of an actor": []}
    for run in range(runs):
        rng = np.random.default_rng([run, 1])
        stack = faces(rng, n_actors=8, n_images=[3, 4, 5, 6, 7, 8, 9, 10])
        side = common_laterality_test(stack, rng=rng, n_permutations=199)
        any_side = asymmetry_test(stack, rng=rng, n_permutations=199)
        found["common"].append(float(side.p_value))
        found["common odd parts"].append(float(side.odd_share_p_value))
        found["any"].append(float(any_side.p_value))
        found["of an actor"].append(float(any_side.actor_p_value[-1]))
    bound = stats.binom.ppf(0.999, runs, 0.05)
    for name, p in found.items():
        assert rejections(p) <= bound, name
        assert rejections(p) > 0, name


def test_sides_that_differ_between_actors_are_found_by_mirroring_images_and_not_by_mirroring_actors():
    runs, side, any_side = 60, [], []
    for run in range(runs):
        rng = np.random.default_rng([run, 2])
        stack = faces(rng, own=0.33)
        side.append(float(common_laterality_test(stack, rng=rng, n_permutations=199).p_value))
        any_side.append(float(asymmetry_test(stack, rng=rng, n_permutations=199).p_value))
    assert rejections(any_side) == runs
    assert rejections(side) <= stats.binom.ppf(0.999, runs, 0.05)


def test_a_side_in_common_is_found_by_both():
    rng = np.random.default_rng(11)
    stack = faces(rng, common=0.4)
    assert float(common(stack, n_permutations=999).odd_share_p_value) == 0.001
    assert float(asymmetry(stack, n_permutations=999).p_value) == 0.001


def test_images_of_one_shoot_mirrored_one_by_one_reject_symmetric_actors_and_mirrored_together_do_not():
    """Near-duplicates share their noise: that is no asymmetry of the actor."""
    runs, one_by_one, together = 60, [], []
    for run in range(runs):
        rng = np.random.default_rng([run, 3])
        shots = faces(rng, n_actors=6, n_images=4)
        stack = xr.concat([shots, shots + 0.2 * rng.normal(size=shots.shape)], dim="image")
        stack = stack.assign_coords(image=np.arange(48), shoot=("image", np.tile(shots.image.values, 2)))
        one_by_one.append(float(asymmetry_test(stack, rng=rng, n_permutations=99).p_value))
        together.append(float(asymmetry_test(stack, rng=rng, n_permutations=99, clusters="shoot").p_value))
    assert rejections(one_by_one) > 0.9 * runs
    assert rejections(together) <= stats.binom.ppf(0.999, runs, 0.05)


def test_clusters_form_no_pairs_and_must_be_known():
    stack = faces(np.random.default_rng(12), n_actors=2, n_images=4).assign_coords(shoot=("image", list("aabbcdcc")))
    found = asymmetry(stack, clusters="shoot")
    products = [[(one - one[:, ::-1]).ravel() @ (other - other[:, ::-1]).ravel() / 4 for other in stack.values]
                for one in stack.values]
    odd = sum(products[i][j] for i, j in [(0, 2), (0, 3), (1, 2), (1, 3), (4, 5), (5, 6), (5, 7)])
    even = sum(((stack.values[i] + stack.values[i][:, ::-1]) * (stack.values[j] + stack.values[j][:, ::-1])).sum() / 4
               for i, j in [(0, 2), (0, 3), (1, 2), (1, 3), (4, 5), (5, 6), (5, 7)])
    assert float(found.value) == pytest.approx(odd / (odd + even))
    assert float(found.p_attainable) == 1 / 4
    assert "two images of different clusters" in str(
        asymmetry(stack.assign_coords(shoot=("image", list("aaaabbbb"))), clusters="shoot").reason.item())
    with pytest.raises(InputError, match="a coordinate along image"):
        asymmetry(stack, clusters="session")
    with pytest.raises(InputError, match="without shoot"):
        asymmetry(stack.assign_coords(shoot=("image", np.array([1, np.nan] * 4))), clusters="shoot")
