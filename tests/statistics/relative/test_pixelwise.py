"""The family-wise test: worked values, slow and independent ways to the same numbers, and its edges."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from salcompare.errors import InputError
from salcompare.maps import relative_saliency, smooth
from salcompare.statistics.inference.multiplicity import critical_value, p_of_maxima
from salcompare.statistics.relative.contrasts import Plan, squared_t, standardise
from salcompare.statistics.relative.pixelwise import relative_test
from tests.statistics.relative.simulated import boxes, labelled, smooth_noise
from tests.strategies import assert_dask_equals_eager

RAGGED = (5, 5, 8, 6)


def run(maps, **options):
    options = {"sigma": 0.0, "rng": np.random.default_rng(1), "n_permutations": 99, "support": 0.0, **options}
    return relative_test(maps, **options)


def test_a_worked_value_and_every_one_of_seventy_arrangements():
    values = np.array([-1.0, 1.0, -1.0, 1.0, 3.0, 7.0, 3.0, 7.0])[:, None, None] * np.ones((1, 1, 1))
    result = run(labelled(values, (4, 4)))
    np.testing.assert_allclose(result.difference.values.ravel(), [-5, 5])
    np.testing.assert_allclose(result.spread, np.array([4 / 3, 16 / 3]) / 8.75)  # variances, over that of all images
    # With one pixel the pooled variance is that of all images, and an actor's its factor times that.
    np.testing.assert_allclose(np.abs(result.t.values.ravel()), 5 / np.sqrt(4 / 3 / 4 + 16 / 3 / 4))
    assert int(result.n_permutations) == 69
    np.testing.assert_allclose(result.p_value.values.ravel(), (1 + 1) / 70)  # turned round, they are as far apart
    assert float(result.p_attainable) == pytest.approx(1 / 70)


def slow_t(values, labels, scale, *, own=True):
    """t (actor, pixel) and the actors' factors from the definition, of maps (image, pixel), pixel by pixel.

    With each actor's own variance where that is larger than the others', as observed, or without, as permuted; that of
    maps without negative values over what their mean leaves to their maximum.
    """
    groups = [values[labels == code] for code in np.unique(labels)]
    counts = np.array([len(group) for group in groups])
    spread = [(group.var(axis=0, ddof=1) / scale**2).mean() for group in groups]
    squares = [((group - group.mean(axis=0)) ** 2).sum(axis=0) for group in groups]
    pooled = sum(square / factor for square, factor in zip(squares, spread, strict=True)) / (len(values) - len(groups))
    freed = np.array(squares) / np.array(spread)[:, None]
    heat, room = np.array([group.mean(axis=0) for group in groups]), 1.0
    if values.min() >= 0:
        left = [np.maximum(mean * (values.max() - mean), 1e-4 * values.max()**2) for mean in (heat, heat.mean(axis=0))]
        room = left[0] / left[1]
    t, free = [], counts - 1
    for code in range(len(groups)):
        weights = np.where(np.arange(len(groups)) == code, 1.0, -1 / (len(groups) - 1))
        contrast = sum(weight * other.mean(axis=0) for weight, other in zip(weights, groups, strict=True))
        beside = np.delete(freed, code, axis=0).sum(axis=0) / np.delete(free, code).sum()
        excess = (freed / room)[code] / free[code] / beside if own else 0
        t.append(contrast / np.sqrt(pooled * (weights**2 * spread / counts).sum() * np.maximum(1, excess)))
    return np.array(t), np.array(spread)


@pytest.mark.parametrize("sizes", [RAGGED, (4, 4, 4)])
def test_t_is_that_of_a_slow_loop(sizes):
    maps = smooth_noise(np.random.default_rng(2), sizes, side=3, skewed=True)
    result = run(maps)
    flat, labels = maps.values.reshape(len(maps), -1), np.repeat(np.arange(len(sizes)), sizes)
    t, spread = slow_t(flat, labels, flat.std(axis=0))
    np.testing.assert_allclose(result.t.values.reshape(t.shape), t)
    np.testing.assert_allclose(result.spread, spread)


@pytest.mark.parametrize("sizes", [RAGGED, (4, 4, 4)])
def test_the_null_is_that_of_a_slow_loop_over_the_same_permutations(sizes):
    maps = boxes(np.random.default_rng(5), sizes, side=4)
    maps = maps + np.random.default_rng(6).random(maps.shape)
    data = standardise(maps, sigma=0.0, support=0.0, n_permutations=50)
    flat, labels = maps.values.reshape(len(maps), -1), np.repeat(np.arange(len(sizes)), sizes)
    scale = flat.std(axis=0)
    _, spread = slow_t(flat, labels, scale)
    centre = np.mean([flat[labels == code].mean(axis=0) for code in range(len(sizes))], axis=0)
    freed = (flat - centre) / np.sqrt(spread)[labels, None]
    plan = Plan(data, 50)
    for arrangements in plan.permuted(np.random.default_rng(7)):
        block = plan.blocks()[0]
        squares = squared_t(block, arrangements)
        members = arrangements.means.toarray().reshape(len(squares), len(sizes), -1) > 0
        for draw in (0, len(members) - 1):
            taken = members[draw].argmax(axis=0)
            expected, _ = slow_t(freed * np.sqrt(spread)[taken, None], taken, scale, own=False)
            np.testing.assert_allclose(squares[draw], np.square(expected), rtol=1e-4, atol=1e-5)


def test_single_precision_does_not_move_the_null():
    """Where few images are alike and the rest far off, cancellation is worst; t up to 30 are still exact to 1e-4."""
    rng = np.random.default_rng(8)
    maps = boxes(rng, (15,) * 6, side=16)
    maps.values[:15, 4:8, 4:8] += 3
    data = standardise(maps.astype("float32"), sigma=1.0, support=0.1, n_permutations=99)
    drawn = {}
    for dtype in ("float32", "float64"):
        plan = Plan(data, 99)
        blocks = [block.astype(dtype) for block in plan.blocks()]
        rng = np.random.default_rng(9)
        drawn[dtype] = np.concatenate([[squared_t(block, of).max(axis=(1, 2)) for block in blocks]
                                       for of in plan.permuted(rng)], axis=1)
    np.testing.assert_allclose(np.sqrt(drawn["float32"]), np.sqrt(drawn["float64"]), rtol=1e-4)


def test_the_contrast_is_leave_one_out_relative_saliency_of_smoothed_maps():
    maps = boxes(np.random.default_rng(10), RAGGED)
    found = run(maps, sigma=1.0)
    heat = smooth(maps, sigma=1.0).groupby("actor").mean()
    np.testing.assert_allclose(found.difference, relative_saliency(heat, population="others"), atol=1e-12)


def test_p_of_maxima_counts_the_draws_that_are_as_large():
    rng = np.random.default_rng(11)
    observed, null = rng.random((3, 5)), rng.random((40, 7))
    observed[0, 0], observed[1, 1] = np.nan, null.max()
    found = p_of_maxima(observed, null.max(axis=1))
    counted = [np.nan if np.isnan(one) else (1 + sum(null.max(axis=1) >= one)) / 41 for one in observed.ravel()]
    np.testing.assert_allclose(found.ravel(), counted)


@given(st.integers(1, 60), st.sampled_from([0.05, 0.01, 0.2]))
def test_the_critical_value_is_where_p_passes_the_level(n, level):
    null = np.random.default_rng(n).random(n)
    value = critical_value(null, level)
    if np.isnan(value):
        assert 1 / (1 + n) > level
    else:
        assert p_of_maxima(np.array(value * 1.001), null) <= level < p_of_maxima(np.array(value), null)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(4, 6), min_size=2, max_size=3), st.integers(0, 999), st.floats(0.1, 10), st.floats(-9, -5))
def test_neither_unit_nor_offset_nor_order_nor_names_matter(sizes, seed, factor, offset):
    maps = smooth_noise(np.random.default_rng(seed), sizes, side=3)
    found = run(maps, n_permutations=19)
    moved = run(maps * factor + offset, n_permutations=19)
    np.testing.assert_allclose(moved.t, found.t, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(moved.p_value, found.p_value)
    order = np.random.default_rng(seed).permutation(sum(sizes))
    np.testing.assert_allclose(run(maps.isel(image=order), n_permutations=19).t, found.t, rtol=1e-6, atol=1e-8)
    assert (found.p_actor == found.p_value.min(["y", "x"])).all()
    np.testing.assert_allclose((found.difference / found.t > 0) | (found.t == 0), True)


def test_lazy_maps_give_the_same():
    maps = boxes(np.random.default_rng(12), RAGGED)
    assert_dask_equals_eager(relative_test, maps, sigma=1.0, rng=np.random.default_rng(0), n_permutations=29,
                             lazy=False)


def test_same_generator_same_result_and_natural_order_of_actors():
    maps = smooth_noise(np.random.default_rng(13), (4, 4, 4)).assign_coords(
        actor=("image", np.repeat(["s10", "s2", "s1"], 4)))
    xr.testing.assert_identical(run(maps), run(maps))
    result = run(maps)
    assert result.actor.values.tolist() == ["s1", "s2", "s10"]
    flat = maps.values.reshape(12, -1)
    expected, _ = slow_t(flat, np.repeat([2, 1, 0], 4), flat.std(axis=0))
    np.testing.assert_allclose(result.t.values.reshape(3, -1), expected)


def test_pixels_that_few_images_reach_are_not_tested_and_counted():
    maps = smooth_noise(np.random.default_rng(14), (5,) * 4) + 5
    maps.values[:, 0] = 0  # constant
    maps.values[:, 1] = 0
    maps.values[0, 1] = 1  # of one image
    found = run(maps, support=0.1)
    assert int(found.n_pixels) == 48
    assert found.attrs["family_size"] == 48 * 4
    assert found.p_value[:, :2].isnull().all()
    assert found.p_value[:, 2:].notnull().all()
    assert int(run(maps, support=0.0).n_pixels) == 56


def test_images_without_a_map_are_left_out_and_counted():
    maps = boxes(np.random.default_rng(15), (5, 5, 5))
    maps.values[0] = 0
    maps.values[5, 2, 2] = np.nan
    result = run(maps, sigma=1.0)
    assert int(result.n_undefined) == 2
    assert result.n_images.values.tolist() == [4, 4, 5]
    assert result.attrs["left_out"] == "images left out: 1 with a pixel that is NaN or infinite, 1 of zeros only"
    rest = maps.isel(image=[i for i in range(15) if i not in (0, 5)])
    xr.testing.assert_allclose(result.t, run(rest, sigma=1.0).t)


def test_an_actor_with_fewer_than_two_thirds_of_the_images_that_others_have_is_not_tested():
    maps = smooth_noise(np.random.default_rng(19), (9, 9, 6, 4))  # 214 / 28 = 7.6 of the actor of an average image
    assert run(maps).actor_reason.values.tolist() == [""] * 3 + [
        "few images beside the others': a test of a single actor takes 6 here"]
    with pytest.raises(InputError, match="1 actor of 2 with 4 images that differ, and not few beside the others'"):
        run(maps.isel(image=[*range(9), *range(24, 28)]))


def test_actors_with_fewer_than_four_images_or_shoots_are_not_tested_and_say_why():
    maps = smooth_noise(np.random.default_rng(16), (3, 4, 5, 4))
    maps.values[-4:] = maps.values[-1]
    result = run(maps)
    assert result.actor_reason.values.tolist() == [
        "3 images; a test of a single actor takes 4", "", "", "its images do not differ"]
    assert result.attrs["left_out"] == "2 actors not tested"
    for name in ("t", "difference", "p_value", "p_actor", "spread"):
        assert result[name][[0, 3]].isnull().all()
    others = maps.isel(image=slice(3, 12))  # those that are not tested are not among the others either
    xr.testing.assert_allclose(result.t.isel(actor=[1, 2]), run(others).t)
    shoots = maps.isel(image=slice(3, 12)).assign_coords(shoot=("image", list("aabcdefgg")))
    with pytest.raises(InputError, match="1 actor of 2 with 4 shoots"):
        run(shoots, clusters="shoot")


@pytest.mark.parametrize(("change", "said"), [
    (lambda maps: maps.drop_vars("actor"), "no coordinate 'actor'"),
    (lambda maps: maps.isel(x=0), "dims"),
    (lambda maps: maps.isel(image=slice(5)), "1 actor of 2 with 4 images"),
    (lambda maps: maps.assign_coords(actor=("image", [f"a{i}" for i in range(maps.sizes["image"])])), "0 actors of 8"),
    (lambda maps: maps * 0 + 1, "0 actors of 2 with 4 images that differ"),
    (lambda maps: maps.copy(data=np.eye(8)[:, None] * np.ones((8, 1))), "no pixel varies"),
])
def test_what_cannot_be_tested_is_refused_with_the_reason(change, said):
    with pytest.raises(InputError, match=said):
        run(change(boxes(np.random.default_rng(17), (4, 4))), support=0.5)


@pytest.mark.parametrize("options", [{"support": 2.0}, {"n_permutations": 0}, {"clusters": "day"}])
def test_wrong_options_are_refused(options):
    with pytest.raises(InputError):
        run(boxes(np.random.default_rng(18), (4, 4)), **options)

