"""Symmetry indices: worked values, loops, what mirroring does to them, and what noise does not."""


import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from salcompare.errors import InputError
from salcompare.maps import actor_heatmap
from salcompare.statistics.symmetries.indices import symmetric_null_mean, symmetry
from tests.statistics.symmetries.simulated import odd_shares
from tests.strategies import assert_dask_equals_eager, labelled_maps, maps, single_maps, stack_of_maps

few = settings(max_examples=40, deadline=None)


def noisy_faces(n_images=15, *, n_actors=1, odd=0.0, noise=1.0, seed=0, height=12, width=14):
    """Images that are a symmetric face, an odd part of the actor's own, and independent noise."""
    rng = np.random.default_rng(seed)
    face = np.random.default_rng(99).random((height, width))  # the same for all seeds: it carries the even energy
    face = face + face[:, ::-1]
    stacks = []
    for _ in range(n_actors):
        part = rng.normal(size=(height, width))
        stacks.append(face + odd * (part - part[:, ::-1]) + noise * rng.normal(size=(n_images, height, width)))
    return stack_of_maps(np.concatenate(stacks), [f"s{a + 1}" for a in range(n_actors) for _ in range(n_images)])


# ---- the three indices

def test_symmetry_by_hand_without_an_odd_widths_middle():
    one, = maps([[3, 5, 1]])
    found = symmetry(one)
    assert float(found["index"]) == pytest.approx(1 - 4 / 18)
    assert float(found.laterality) == pytest.approx(2 / 4)
    # deviations 0, 2, -2 and mirrored -2, 2, 0
    assert float(found.mirror_correlation) == pytest.approx(4 / 8)


def test_a_map_on_one_side_only_has_index_zero_and_full_laterality():
    left, right = maps([[2, 1, 0, 0]], [[0, 0, 1, 2]])
    assert [float(symmetry(m)["index"]) for m in (left, right)] == [0, 0]
    assert [float(symmetry(m).laterality) for m in (left, right)] == [1, -1]


def test_symmetry_agrees_with_loops():
    rng = np.random.default_rng(0)
    stack = stack_of_maps(rng.random((4, 5, 7)).astype(np.float32), ["s1"] * 4)
    found = symmetry(stack)
    for i, S in enumerate(stack.values.astype(float)):
        difference = total = left = right = 0.0
        for y in range(5):
            for x in range(7):
                difference += abs(S[y, x] - S[y, 6 - x])
                total += abs(S[y, x]) + abs(S[y, 6 - x])
                left += S[y, x] if x < 3 else 0
                right += S[y, x] if x > 3 else 0
        assert float(found["index"][i]) == pytest.approx(1 - difference / total)
        assert float(found.laterality[i]) == pytest.approx((left - right) / (left + right))
        expected = stats.pearsonr(S.ravel(), S[:, ::-1].ravel()).statistic
        assert float(found.mirror_correlation[i]) == pytest.approx(expected)


@few
@given(one=single_maps(shape=((1, 5), (2, 6))), scale=st.sampled_from([0.5, 16.0]))
def test_mirroring_keeps_the_index_and_turns_laterality_and_scale_does_not_matter(one, scale):
    found, mirrored, scaled = symmetry(one), symmetry(one.copy(data=one.values[:, ::-1])), symmetry(one * scale)
    xr.testing.assert_allclose(found["index"], mirrored["index"])
    xr.testing.assert_allclose(found.mirror_correlation, mirrored.mirror_correlation)
    xr.testing.assert_allclose(found.laterality, -mirrored.laterality)
    xr.testing.assert_allclose(found, scaled)


@few
@given(one=single_maps(shape=((1, 5), (2, 6))))
def test_a_symmetric_map_has_one_one_and_zero(one):
    both = symmetry(one + one.values[:, ::-1])
    if not one.any():
        assert all(np.isnan(both[name]) for name in both)
        return
    assert float(both["index"]) == 1
    assert float(both.mirror_correlation) == pytest.approx(1) or np.isnan(both.mirror_correlation)
    assert float(both.laterality) == 0 or np.isnan(both.laterality)


def test_undefined_indices_are_nan():
    empty, missing, flat = maps([[0, 0]], [[np.nan, 1, 1]], [[2, 2]])
    assert all(np.isnan(symmetry(empty)[name]) for name in ("index", "mirror_correlation", "laterality"))
    assert all(np.isnan(symmetry(missing)[name]) for name in ("index", "mirror_correlation", "laterality"))
    assert np.isnan(symmetry(flat).mirror_correlation)
    assert (float(symmetry(flat)["index"]), float(symmetry(flat).laterality)) == (1, 0)
    middle, = maps([[1, np.nan, 1]])
    assert np.isnan(symmetry(middle).laterality)


def test_the_laterality_of_maps_with_negative_values_is_undefined():
    signed = xr.DataArray([[3.0, -1.0], [0.0, 1.0]], dims=("y", "x"))
    assert np.isnan(symmetry(signed).laterality)
    assert symmetry(abs(signed)).laterality == 0.2


def test_any_leading_dims_and_dask():
    stack = noisy_faces(3, n_actors=2)
    heat = xr.concat([actor_heatmap(stack), actor_heatmap(stack) * 2], dim="source")
    assert symmetry(heat)["index"].dims == ("source", "actor")
    assert_dask_equals_eager(symmetry, stack)


def test_maps_without_a_grid_or_an_actor_are_refused():
    with pytest.raises(InputError, match="without y"):
        symmetry(xr.DataArray([1.0, 2.0], dims="x"))
    with pytest.raises(InputError, match="an actor for each image"):
        odd_shares(noisy_faces().drop_vars("actor"))


# ---- the index under symmetry

def test_the_null_mean_is_the_mean_over_all_ways_to_mirror_two_images():
    stack = stack_of_maps([[[4, 1]], [[2, 0]]], ["s1", "s1"])
    # mirrored alike: sums (6, 1) or (1, 6); mirrored apart: (4, 3) or (3, 4)
    expected = np.mean([1 - 5 / 7, 1 - 1 / 7])
    found = symmetric_null_mean(stack, rng=np.random.default_rng(0), n_draws=4000)
    assert float(found.sel(actor="s1")) == pytest.approx(expected, abs=0.02)


def test_a_draw_of_the_null_is_the_index_of_the_mean_of_mirrored_images():
    stack = noisy_faces(5)
    rng = np.random.default_rng(3)
    signs = np.random.default_rng(3).choice(np.array([1.0, -1.0]), size=(1, 5))[0]
    turned = np.stack([m if s > 0 else m[:, ::-1] for m, s in zip(stack.values, signs, strict=True)])
    expected = symmetry(xr.DataArray(turned.mean(axis=0), dims=("y", "x")))["index"]
    assert float(symmetric_null_mean(stack, rng=rng, n_draws=1)[0]) == pytest.approx(float(expected))


def test_the_index_of_symmetric_noise_agrees_with_its_null_mean_and_that_of_a_one_sided_actor_does_not():
    symmetric, sided = ([], [])
    for seed in range(40):
        for odd, found in ((0.0, symmetric), (0.5, sided)):
            stack = noisy_faces(15, odd=odd, noise=0.3, seed=seed)
            null = symmetric_null_mean(stack, rng=np.random.default_rng(seed), n_draws=50)
            found.append(float(symmetry(actor_heatmap(stack))["index"][0] - null[0]))
    error = np.std(symmetric, ddof=1) / np.sqrt(40)
    assert abs(np.mean(symmetric)) < 3.3 * error
    assert np.mean(sided) < -0.05


def test_empty_and_missing_maps_stay_out_of_the_null_as_they_stay_out_of_heatmaps():
    stack = noisy_faces(4)
    spoilt = xr.concat([stack, stack[:2].assign_coords(image=["s1/8", "s1/9"])], dim="image")
    spoilt[4], spoilt[5, 0, 0] = 0, np.nan
    for statistic in (lambda m: symmetric_null_mean(m, rng=np.random.default_rng(0)), odd_shares):
        xr.testing.assert_allclose(statistic(spoilt), statistic(stack))
    assert np.isnan(symmetric_null_mean(stack * 0, rng=np.random.default_rng(0))).all()


# ---- the cross-validated odd share

def test_odd_share_by_hand():
    stack = stack_of_maps([[[1, 0]], [[1, 0]], [[1, 1]]], ["s1", "s1", "s2"])
    found = odd_shares(stack)
    assert float(found.sel(actor="s1")) == 0.5  # all on one side: half the energy is odd
    assert np.isnan(found.sel(actor="s2"))  # one image has no other


def test_odd_share_agrees_with_a_loop_over_pairs():
    stack = noisy_faces(6, odd=0.3)
    odd = even = 0.0
    for i, one in enumerate(stack.values):
        for j, other in enumerate(stack.values):
            if i != j:
                odd += ((one - one[:, ::-1]) / 2 * (other - other[:, ::-1]) / 2).sum()
                even += ((one + one[:, ::-1]) / 2 * (other + other[:, ::-1]) / 2).sum()
    assert float(odd_shares(stack)[0]) == pytest.approx(odd / (odd + even))


@few
@given(stack=labelled_maps(n_images=(2, 4), shape=((2, 4), (2, 5))))
def test_odd_share_does_not_care_for_mirroring_all_images_or_for_scale(stack):
    found = odd_shares(stack)
    xr.testing.assert_allclose(found, odd_shares(stack.copy(data=stack.values[:, :, ::-1])), atol=1e-9)
    xr.testing.assert_allclose(found, odd_shares(stack * 4), atol=1e-9)


def test_noise_does_not_move_the_odd_share_of_symmetric_actors_but_a_naive_share_follows_it():
    found = odd_shares(noisy_faces(15, n_actors=200, noise=2.0, seed=1))
    assert abs(float(found.mean())) < 3.3 * float(found.std(ddof=1)) / np.sqrt(200)
    stack = noisy_faces(15, n_actors=200, noise=2.0, seed=1)
    mean = actor_heatmap(stack)
    mirrored = mean.values[:, :, ::-1]
    odd, even = (((mean.values + sign * mirrored) ** 2).sum(axis=(1, 2)) for sign in (-1, 1))
    assert (odd / (odd + even)).mean() > 0.05


def test_statistics_by_actor_on_dask_equal_those_in_memory():
    stack = noisy_faces(3, n_actors=2)
    assert_dask_equals_eager(odd_shares, stack, lazy=False)
    assert_dask_equals_eager(symmetric_null_mean, stack, lazy=False, rng=np.random.default_rng(0), n_draws=5)
