"""Partial variance explained: worked value, statsmodels, loops, properties, edges, error rates."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.anova import anova_lm

from salcompare.errors import InputError
from salcompare.statistics.variance.explained import variance_explained
from salcompare.statistics.variance.partial import partial_variance_explained


def stack(values, actors, **coords):
    values = np.asarray(values, float)
    return xr.DataArray(values, dims=("image", "x"), coords={
        "image": [f"i{at}" for at in range(len(values))], "actor": ("image", list(actors)),
        **{name: ("image", list(of)) for name, of in coords.items()}})


def simulated(sizes=(5, 5, 5, 5), seed=0, own=0.0, follow=1.0, n_pixels=10, n_traits=3):
    """Photographs that are alike within actors, and maps that follow them and have an effect of the actor's own."""
    rng = np.random.default_rng(seed)
    actors = np.repeat(np.arange(len(sizes)), sizes)
    traits = rng.normal(size=(len(sizes), n_traits))[actors] + 0.5 * rng.normal(size=(len(actors), n_traits))
    photographs = 20 + traits @ rng.normal(size=(n_traits, 16))
    maps = 20 + follow * traits @ rng.normal(size=(n_traits, n_pixels)) + rng.normal(size=(len(actors), n_pixels))
    maps += own * rng.normal(size=(len(sizes), n_pixels))[actors]
    return stack(maps, actors), stack(photographs, actors)


def partial(maps, photographs, *, n_permutations=99, n_components=3, **options):
    return partial_variance_explained(maps, photographs, rng=np.random.default_rng(1), n_permutations=n_permutations,
                                      n_components=n_components, **options)


def test_two_actors_of_three_images_and_one_component_by_hand():
    # Component -1, 0, 1 in both actors: it takes the slope 2, of 4 * 4 = 16 in SST; the actors differ by 6.
    maps = stack([[10], [13], [14], [16], [19], [20]], "aaabbb")
    photographs = stack([[1], [2], [3], [1], [2], [3]], "aaabbb")
    # Means 12 1/3 and 18 1/3: SSB = 6 * 9 = 54. SST = SSB + the deviations' squares, alike in both.
    deviations = np.array([10, 13, 14]) - 37 / 3
    within = 2 * (deviations**2).sum()
    found = partial(maps, photographs, n_components=1)
    assert float(found.r2_photographs) == pytest.approx(16 / (54 + within))
    assert float(found.r2_partial) == pytest.approx(54 / (54 + within - 16))
    assert float(found.pseudo_f) == pytest.approx(54 / ((within - 16) / 3))


@pytest.mark.parametrize("sizes", [(5, 5, 5), (2, 7, 4, 6)])
def test_sums_of_squares_agree_with_nested_models_of_statsmodels(sizes):
    maps, photographs = simulated(sizes, own=0.5)
    centred = photographs.to_numpy() - photographs.to_numpy().mean(axis=0)
    scores = np.linalg.svd(centred, full_matrices=False)[0]
    added = left = 0.0
    for values in maps.to_numpy().T:
        frame = pd.DataFrame({"value": values, "actor": maps.actor.to_numpy(), "a": scores[:, 0], "b": scores[:, 1]})
        table = anova_lm(smf.ols("value ~ a + b", frame).fit(), smf.ols("value ~ a + b + C(actor)", frame).fit())
        added, left = added + table["ss_diff"].iloc[1], left + table["ssr"].iloc[1]
    found = partial(maps, photographs, n_components=2)
    g, n = len(sizes), sum(sizes)
    assert float(found.r2_partial) == pytest.approx(added / (added + left))
    assert float(found.pseudo_f) == pytest.approx(added / (g - 1) / (left / (n - g - 2)))
    adjusted = 1 - left / (n - g - 2) / ((added + left) / (n - 3))
    assert float(found.r2_partial_adjusted) == pytest.approx(adjusted)


def test_the_null_is_freedman_and_lanes_refitted_each_time():
    maps, photographs = simulated((2, 2, 2), own=1.0)
    rng = np.random.default_rng(0)
    found = partial_variance_explained(maps, photographs, rng=rng, n_components=1, n_permutations=720)
    values, actors = maps.to_numpy(), maps.actor.to_numpy()
    score = np.linalg.svd(photographs.to_numpy() - photographs.to_numpy().mean(axis=0))[0][:, :1]
    reduced = np.column_stack([np.ones(6), score])
    full = np.column_stack([score, actors[:, None] == np.arange(3)]).astype(float)
    left = {name: np.eye(6) - design @ np.linalg.pinv(design) for name, design in (("z", reduced), ("xz", full))}
    fitted, residuals = values - left["z"] @ values, left["z"] @ values
    draws = []
    for order in np.random.default_rng(1).permuted(np.tile(np.arange(6), (400, 1)), axis=1):
        moved = fitted + residuals[order]
        draws.append(1 - ((left["xz"] @ moved) ** 2).sum() / ((left["z"] @ moved) ** 2).sum())
    every = np.sort(np.append(found.null.to_numpy(), float(found.r2_partial)))
    assert np.abs(every[:, None] - np.array(draws)).min(axis=0).max() < 1e-9  # each is one of all permutations


def test_without_anything_in_common_it_is_close_to_the_plain_r2():
    maps, _ = simulated((6,) * 6, own=1.0, follow=0.0)
    rng = np.random.default_rng(3)
    unrelated = stack(rng.normal(size=(36, 16)), maps.actor.to_numpy())
    plain = float(variance_explained(maps, rng=rng, n_permutations=1).r2)
    assert float(partial(maps, unrelated, n_components=1).r2_partial) == pytest.approx(plain, abs=0.05)


def test_dask_gives_what_numpy_gives_and_order_and_surplus_photographs_do_no_harm():
    maps, photographs = simulated()
    found = partial(maps, photographs)
    xr.testing.assert_identical(found, partial(maps.chunk(image=7), photographs.chunk(image=6, x=9)))
    more = xr.concat([photographs.isel(image=slice(None, None, -1)), photographs[:1].assign_coords(image=["new"])],
                     dim="image")
    xr.testing.assert_allclose(found, partial(maps, more))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 999), st.floats(0.01, 100))
def test_whatever_is_linear_in_the_components_can_be_added(seed, scale):
    maps, photographs = simulated(seed=seed, own=0.3)
    moved = (maps + 3 * (photographs - photographs.mean("image"))[:, :10].to_numpy()) * scale
    one, other = partial(maps, photographs), partial(moved, photographs)
    for name in ("r2_partial", "pseudo_f", "p_value"):
        assert float(other[name]) == pytest.approx(float(one[name]), rel=1e-6)
    assert 0 <= float(one.r2_partial) <= 1


def test_a_share_chooses_the_components_within_the_degrees_of_freedom():
    maps, photographs = simulated((5,) * 6)
    found = partial(maps, photographs, n_components=0.999)
    assert (int(found.n_components), found.attrs["components_cut"]) == (3, "")
    noisy = photographs + np.random.default_rng(0).normal(size=photographs.shape)
    cut = partial(maps, noisy, n_components=0.999)
    assert int(cut.n_components) == 12
    assert float(cut.photograph_share) < 0.999
    assert cut.attrs["components_cut"]


def test_clusters_are_averaged_first():
    maps, photographs = simulated((6, 6, 6), own=1.0)
    shoots = np.repeat(np.arange(9), 2)
    means = [stack(part.to_numpy().reshape(9, 2, -1).mean(axis=1), np.repeat(np.arange(3), 3))
             for part in (maps, photographs)]
    found = partial(maps.assign_coords(shoot=("image", shoots)), photographs, n_components=2, clusters="shoot")
    assert float(found.r2_partial) == pytest.approx(float(partial(*means, n_components=2).r2_partial))


@pytest.mark.parametrize("distance", ["bray_curtis", "jensen_shannon"])
def test_other_distances_go_the_same_way(distance):
    maps, photographs = simulated((6,) * 5, own=2.0)
    found = partial(maps.clip(min=0), photographs, distance=distance, n_permutations=199)
    assert float(found.p_value) < 0.05


def test_what_cannot_be_is_refused_or_has_a_reason():
    maps, photographs = simulated()
    with pytest.raises(InputError, match="no image 'i3'"):
        partial(maps, photographs.drop_sel(image="i3"))
    with pytest.raises(InputError, match="fewer than the 16 degrees of freedom"):
        partial(maps, photographs, n_components=16)
    with pytest.raises(InputError, match="a share in"):
        partial(maps, photographs, n_components=1.5)
    with pytest.raises(InputError, match="NaN or infinite"):
        partial(maps, photographs.where(photographs.image != "i2"))
    for wrong, what in ((photographs + 1j, "dtype complex128"), (photographs.to_numpy(), "is a ndarray")):
        with pytest.raises(InputError, match=f"photographs: .*{what}"):
            partial(maps, wrong)
    flat = partial(maps * 0 + 3, photographs)
    assert np.isnan(flat.r2_partial)
    assert "equal" in flat.attrs["reason"]


@pytest.mark.parametrize(("sizes", "n_components"), [((4,) * 8, 3), ((4,) * 8, 12), ((2, 3, 5, 8, 10), 3)])
def test_it_keeps_its_level_where_maps_follow_photographs_that_are_alike_within_actors(sizes, n_components):
    rng, runs, rejections, plain = np.random.default_rng(2), 200, 0, 0
    for run in range(runs):
        maps, photographs = simulated(sizes, seed=run)
        photographs = photographs + 0.05 * rng.normal(size=photographs.shape)
        rejections += float(partial_variance_explained(maps, photographs, rng=rng, n_components=n_components,
                                                       n_permutations=99).p_value) <= 0.05
        plain += run < 40 and float(variance_explained(maps, rng=rng, n_permutations=99).p_value) <= 0.05
    assert rejections <= stats.binom.ppf(0.999, runs, 0.05)
    assert plain >= 36  # the trap: the photographs are what is alike


def test_an_effect_of_the_actors_own_is_found():
    rng, found = np.random.default_rng(3), 0
    for run in range(30):
        maps, photographs = simulated((5,) * 6, seed=run, own=1.0)
        found += float(partial_variance_explained(maps, photographs, rng=rng, n_components=3,
                                                  n_permutations=99).p_value) <= 0.05
    assert found >= 27
