"""Agreement beside networks that have learnt nothing: worked values, false-positive rates, and what intervals cover."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from salcompare.errors import InputError
from salcompare.statistics.overlaps.actor_similarity import actor_similarity, similarity_difference
from salcompare.statistics.overlaps.baselines import centre, given_centre
from salcompare.statistics.overlaps.control_networks import (
    beside_networks,
    less_networks,
    network_maps,
    similarity_curve,
)
from salcompare.statistics.overlaps.pairings import compare_pairings
from salcompare.statistics.overlaps.same_image import overlap_matrix

ACTORS, IMAGES, NETWORKS = 9, 2, 5
IDS = [f"a{actor}/{image}" for actor in range(ACTORS) for image in range(IMAGES)]
CONTRASTS = ["same image", "same actor, other image", "other actor", "image effect", "actor effect"]


def matrix(values):
    """All pairs (image, image_other)."""
    return xr.DataArray(values, dims=("image", "image_other"), coords={
        "image": IDS, "image_other": IDS, "actor": ("image", [name.split("/")[0] for name in IDS])})


def several(values):
    return xr.concat([matrix(of_network) for of_network in values], "network")


def test_the_difference_and_both_intervals_are_those_of_their_formulas():
    rng = np.random.default_rng(1)
    one, networks = rng.random((18, 18)), rng.random((NETWORKS, 18, 18))
    score = xr.Dataset({"ci_low": -0.2, "ci_high": 0.2, "reason": "", "n_workers": 30}, attrs={
        "ci_method": "jackknife", "resampled": "workers and actors"})
    found = less_networks(matrix(one), several(networks), same_image=score)
    assert list(found["contrast"].values) == CONTRASTS
    assert found["resampled"].values.tolist() == ["workers, actors and networks", "", "", *["actors and networks"] * 2]
    same = np.diagonal(one - networks, axis1=1, axis2=2).reshape(NETWORKS, ACTORS, IMAGES).mean(axis=2)
    first, spread = (0.2 / stats.t.ppf(0.975, ACTORS - 1)) ** 2, same.mean(axis=1).var(ddof=1)
    for low, second in (("ci_low", spread / NETWORKS), ("new_low", spread * (1 + 1 / NETWORKS))):
        freedom = (first + second) ** 2 / (first**2 / (ACTORS - 1) + second**2 / (NETWORKS - 1))
        reach = stats.t.ppf(0.975, freedom) * np.sqrt(first + second)
        assert float(found[low][0]) == pytest.approx(same.mean() - reach)
    assert float(found["value"][0]) == pytest.approx(same.mean())
    assert float(found["spread"][0]) == pytest.approx(np.sqrt(spread))
    assert float(found["one"][0] - found["other"][0]) == pytest.approx(same.mean())
    beaten = (np.diagonal(networks, axis1=1, axis2=2).mean(axis=1) >= np.diag(one).mean()).sum()
    assert float(found["p_value"][0]) == (1 + beaten) / (1 + NETWORKS)
    assert float(found["p_attainable"]) == 1 / (1 + NETWORKS)
    lower = less_networks(matrix(one), several(networks), better="lower")
    assert np.isnan(lower["new_low"][:3]).all()
    assert float(lower["p_value"][0]) == (1 + NETWORKS - beaten) / (1 + NETWORKS)


def test_a_single_network_gives_the_values_of_the_comparison_and_says_why_there_is_no_interval():
    rng = np.random.default_rng(2)
    one, other = matrix(rng.random((18, 18))), matrix(rng.random((18, 18)))
    found = less_networks(one, several([other]))
    known = compare_pairings(one, other, rng=rng, n_permutations=1)
    np.testing.assert_allclose(found["value"], known["value"])
    assert set(found["reason"].values) == {"a single network"}
    assert np.isnan(found["ci_low"]).all()
    few = [image for image in IDS if image < "a7"]
    found = less_networks(one.sel(image=few, image_other=few), several(rng.random((3, 18, 18))))
    assert np.isnan(found["new_high"][3])
    assert "needs 8" in found["reason"].values[3]


def test_maps_that_a_network_leaves_empty_are_left_out_of_the_mean_over_networks():
    one, networks = np.full((18, 18), 0.5), np.stack([np.full((18, 18), level) for level in (0.1, 0.2, 0.3)])
    networks[2, :, 4] = np.nan
    found = less_networks(matrix(one), several(networks))
    assert float(found["other"][0]) == pytest.approx((17 * 0.2 + 0.15) / 18)
    assert float(found["value"][0]) == pytest.approx(0.5 - float(found["other"][0]))


def shares(rng, *, of_network, effect=0.0, many=20, actors=12, studies=4000):
    """Of studies whose classifier is one more of the networks but for an effect: how often each interval and p errs.

    Of the mean: the interval leaves out the expected difference; of a new network: it lies above 0, and so does p.
    """
    people = rng.normal(0, 0.1, (studies, 1, actors))
    levels = of_network * rng.normal(size=(studies, many + 1, 1))
    values = people + levels + rng.normal(0, 0.05, (studies, many + 1, actors))
    apart = values[:, :1] + effect - values[:, 1:]
    missed, above, ranked = 0, 0, 0
    for of_study, truth in zip(apart, levels[:, 0, 0] + effect, strict=True):
        actor = of_study.mean(axis=0)
        reach = stats.t.ppf(0.975, actors - 1) * actor.std(ddof=1) / np.sqrt(actors)
        column = {name: ("contrast", [value]) for name, value in (
            ("value", actor.mean()), ("ci_low", actor.mean() - reach), ("ci_high", actor.mean() + reach),
            ("one", 0.0), ("other", 0.0), ("n", actors), ("n_undefined", 0), ("reason", ""))}
        found = beside_networks(xr.Dataset(column), of_study.mean(axis=1)[:, None])
        missed += not found["ci_low"][0] <= truth <= found["ci_high"][0]
        above += found["new_low"][0] > 0
        ranked += found["p_value"][0] <= 0.05
    return missed / studies, above / studies, ranked / studies


@pytest.mark.parametrize("of_network", [0.0, 0.02, 0.2])
def test_intervals_of_the_mean_and_of_a_new_network_and_the_rank_keep_their_levels(of_network):
    missed, above, ranked = shares(np.random.default_rng(6), of_network=of_network, studies=400)
    error = np.sqrt(0.05 * 0.95 / 400)
    assert missed <= 0.05 + 2.6 * error
    assert above <= 0.025 + 2.6 * np.sqrt(0.025 * 0.975 / 400)
    assert ranked <= 1 / 21 + 2.6 * error


def test_a_network_that_has_learnt_is_told_from_those():
    _, above, ranked = shares(np.random.default_rng(7), of_network=0.02, effect=0.2, studies=100)
    assert above > 0.95
    assert ranked > 0.95


def random_maps(ids, **coords):
    rng = np.random.default_rng(len(ids))
    return xr.DataArray(rng.random((len(ids), 6, 5)).astype(np.float32), dims=("image", "y", "x"),
                        coords={"image": ids, **{name: ("image", values) for name, values in coords.items()}})


def test_networks_are_taken_apart_and_their_maps_named_as_the_photographs_are():
    photographs = ["a/0", "b/0", "a/0", "b/0"]
    control = random_maps(["a/0|0", "b/0|0", "a/0|1", "b/0|1"], actor=["a", "b", "a", "b"], photograph=photographs,
                          network=[0, 0, 1, 1])
    apart = network_maps(control)
    assert list(apart) == [0, 1]
    assert list(apart[1]["image"].values) == ["a/0", "b/0"]
    np.testing.assert_array_equal(apart[1], control[2:])
    human = random_maps(["a/0", "b/0", "b/1"], actor=["a", "b", "b"])
    found = overlap_matrix(human, apart[1], metric="pearson")
    assert float(found[0, 1]) == pytest.approx(np.corrcoef(human[0].values.ravel(), control[3].values.ravel())[0, 1],
                                               abs=1e-6)
    with pytest.raises(InputError, match="no coordinate network"):
        network_maps(control.drop_vars("network"))


def test_a_curve_shares_its_first_step_and_averages_photographs_then_randomisations():
    intact = random_maps(["a", "b"])
    rows = [("cascading", 1, 0), ("cascading", 2, 0), ("independent", 2, 0), ("cascading", 1, 1), ("cascading", 2, 1),
            ("independent", 2, 1), ("cascading", 1, 2), ("cascading", 2, 2), ("independent", 2, 2)]
    named = [(photograph, *row) for row in rows for photograph in ("a", "b")]
    control = random_maps(["|".join(map(str, row)) for row in named], photograph=[row[0] for row in named],
                          form=[row[1] for row in named], step=[row[2] for row in named],
                          network=[row[3] for row in named], layer=[f"layer {row[2]}" for row in named])
    values = {row: at for at, row in enumerate(named)}
    found = similarity_curve(intact, control, lambda a, b: xr.DataArray(np.arange(float(len(named))), dims="image"))
    assert list(zip(found.form.values, found.layer.values, strict=True)) == [
        ("cascading", "layer 1"), ("cascading", "layer 2"), ("independent", "layer 1"), ("independent", "layer 2")]
    means = [np.mean([values[p, "independent", 2, network] for p in "ab"]) for network in range(3)]
    assert float(found["value"][3]) == pytest.approx(np.mean(means))
    assert float(found["ci_high"][3] - found["value"][3]) == pytest.approx(
        4.302653 * np.std(means, ddof=1) / np.sqrt(3), rel=1e-5)
    assert float(found["value"][0]) == float(found["value"][2])
    fewer = similarity_curve(intact, control.isel(image=control.network.values < 2),
                             lambda a, b: xr.DataArray(np.ones(12), dims="image"))
    assert np.isnan(fewer["ci_low"]).all()
    assert set(fewer["reason"].values) == {"fewer than 3 randomisations"}


def test_remainders_given_the_centre_correlate_as_a_partial_correlation_does():
    maps, other = random_maps(["a", "b", "c"]), random_maps(["a", "b"]).isel(image=[1, 0])
    blob = centre(maps)[0].values.ravel()
    rest = [given_centre(side) for side in (maps, other)]
    for one, two in ((0, 0), (2, 1)):
        a, b = maps[one].values.ravel(), other[two].values.ravel()
        ab, ac, bc = np.corrcoef(a, b)[0, 1], np.corrcoef(a, blob)[0, 1], np.corrcoef(b, blob)[0, 1]
        partial = (ab - ac * bc) / np.sqrt((1 - ac**2) * (1 - bc**2))
        left = [side[at].values.ravel() for side, at in zip(rest, (one, two), strict=True)]
        assert np.corrcoef(*left)[0, 1] == pytest.approx(partial, abs=1e-5)
        assert np.corrcoef(left[0], blob)[0, 1] == pytest.approx(0, abs=1e-5)
    np.testing.assert_allclose(given_centre(maps.chunk(image=1)), rest[0], atol=1e-6)
    gap = maps.where(maps["image"] != "b")
    assert np.isnan(given_centre(gap)[1]).all()
    assert not np.isnan(given_centre(gap)[0]).any()


def test_the_difference_of_two_similarities_is_theirs_and_zero_without_spread_of_a_source_with_itself():
    rng, actors = np.random.default_rng(4), np.repeat([f"a{k}" for k in range(9)], 4)
    ids = [f"i{k:02d}" for k in range(36)]
    human, one, two = (xr.DataArray(rng.random((36, 5, 5)), dims=("image", "y", "x"), coords={
        "image": ids, "actor": ("image", actors)}) for _ in range(3))
    first, second = (actor_similarity(human, maps, rng=np.random.default_rng(5), n_permutations=9)
                     for maps in (one, two))
    found = similarity_difference(first, second)
    assert float(found["value"]) == float(first["value"] - second["value"])
    gaps = first["without"].values - second["without"].values
    reach = stats.t.ppf(0.975, 8) * np.sqrt(8 / 9 * ((gaps - gaps.mean()) ** 2).sum())
    assert float(found["ci_high"] - found["value"]) == pytest.approx(reach)
    same = similarity_difference(first, first)
    assert [float(same[name]) for name in ("value", "ci_low", "ci_high")] == [0, 0, 0]
    fewer = actor_similarity(human[4:], one[4:], rng=np.random.default_rng(5), n_permutations=9)
    assert np.isnan(similarity_difference(first, fewer)["value"])
