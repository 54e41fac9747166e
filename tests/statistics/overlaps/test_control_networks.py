"""The overlap beside controls: worked values, the right false-positive rate, and what the interval covers."""

import numpy as np
import pytest
import xarray as xr

from salcompare.errors import InputError
from salcompare.statistics.overlaps.baselines import defined_on_both
from salcompare.statistics.overlaps.control_networks import (
    _interval,
    network_differences,
    over_networks,
    overlaps_by_network,
    similarity_curve,
)
from salcompare.statistics.overlaps.same_image import overlap

ACTORS, IMAGES, NETWORKS = 12, 2, 5


def labelled(values, networks, *, turns=True):
    """Overlaps (image): one photograph an actor and network, the photographs taking turns."""
    ids, photographs, actors = [], [], []
    for network in range(networks):
        for actor in range(ACTORS):
            photograph = f"a{actor:02d}/{network % IMAGES if turns else 0}"
            ids.append(f"{photograph}|{network}")
            photographs.append(photograph)
            actors.append(f"a{actor:02d}")
    return xr.Dataset({"pearson": ("image", np.asarray(values, float).ravel())},
                      coords={"image": ids, "photograph": ("image", photographs), "actor": ("image", actors),
                              "network": ("image", np.repeat(np.arange(networks), ACTORS))})


def test_the_difference_is_a_mean_over_networks_then_photographs_then_actors():
    control = np.zeros((3, ACTORS))
    control[0], control[1], control[2] = 0.1, 0.2, 0.5  # photographs 0, 1, 0: means 0.3 and 0.2
    found = network_differences(labelled(np.ones((3, ACTORS)), 3), labelled(control, 3))
    assert float(found["value"][0]) == pytest.approx(1 - (0.3 + 0.2) / 2)
    np.testing.assert_allclose(found["actor_value"], 0.75)
    assert float(found["spread"][0]) == pytest.approx(np.std([0.9, 0.8, 0.5], ddof=1))
    assert int(found["n"][0]) == ACTORS
    assert int(found["n_networks"][0]) == 3


def test_the_interval_is_that_of_its_formula():
    rng = np.random.default_rng(1)
    differences = rng.normal(0.1, 0.2, (NETWORKS, ACTORS))
    found = network_differences(labelled(differences, NETWORKS, turns=False),
                                labelled(np.zeros_like(differences), NETWORKS, turns=False))
    actors, networks = differences.mean(axis=0), differences.mean(axis=1)
    first, second = actors.var(ddof=1) / ACTORS, networks.var(ddof=1) * (1 + 1 / NETWORKS)
    from scipy import stats
    freedom = (first + second) ** 2 / (first**2 / (ACTORS - 1) + second**2 / (NETWORKS - 1))
    reach = stats.t.ppf(0.975, freedom) * np.sqrt(first + second)
    assert float(found["value"][0]) == pytest.approx(differences.mean())
    assert float(found["ci_low"][0]) == pytest.approx(differences.mean() - reach)
    assert float(found["ci_high"][0]) == pytest.approx(differences.mean() + reach)


def share_above_zero(rng, *, of_network, of_actor=0.1, effect=0.0, studies=4000):
    """Share of studies whose interval lies above 0; their classifier is one more network of the same kind."""
    people = rng.normal(0, of_actor, (studies, 1, ACTORS))
    noise = rng.normal(0, 0.05, (studies, NETWORKS, ACTORS))
    control = people + of_network * rng.normal(size=(studies, NETWORKS, 1)) + noise
    own = people + of_network * rng.normal(size=(studies, 1, 1)) + rng.normal(0, 0.05, (studies, IMAGES, ACTORS))
    differences = effect + own[:, np.arange(NETWORKS) % IMAGES] - control
    photographs = np.stack([differences[:, image::IMAGES].mean(axis=1) for image in range(IMAGES)])
    found = _interval(photographs.mean(axis=0), differences.mean(axis=2))
    return (found["ci_low"] > 0).mean()


@pytest.mark.parametrize("of_network", [0.0, 0.02, 0.2])
def test_a_map_that_does_not_depend_on_training_is_evidence_in_at_most_one_study_in_forty(of_network):
    # Of 4,000 studies 2.5% and 2.6 standard errors of that.
    assert share_above_zero(np.random.default_rng(6), of_network=of_network) <= 0.025 + 2.6 * 0.0025


def test_a_network_that_has_learnt_is_told_from_those():
    assert share_above_zero(np.random.default_rng(7), of_network=0.02, effect=0.2) > 0.95


def test_few_actors_or_one_network_have_no_interval_but_a_reason():
    one, other = labelled(np.ones((2, ACTORS)), 2), labelled(np.zeros((2, ACTORS)), 2)
    few = one.actor.isin([f"a{k:02d}" for k in range(7)]).values
    found = network_differences(one.isel(image=few), other.isel(image=few))
    assert np.isnan(found["ci_low"][0])
    assert found["reason"][0] == "fewer than 8 actors"
    single = (one.network == 0).values
    found = network_differences(one.isel(image=single), other.isel(image=single))
    assert np.isnan(found["ci_high"][0])
    assert found["reason"][0] == "a single network"
    assert float(found["value"][0]) == 1


def test_undefined_overlaps_are_left_out_of_means():
    values = np.tile(np.arange(NETWORKS, dtype=float)[:, None], ACTORS)
    values[4] = np.nan  # photograph 0 is left with networks 0 and 2
    found = over_networks(labelled(values, NETWORKS))
    assert found.sizes["image"] == ACTORS * IMAGES
    assert float(found["pearson"].sel(image="a03/0")) == 1
    assert float(found["pearson"].sel(image="a03/1")) == 2
    assert list(np.unique(found.actor)) == [f"a{k:02d}" for k in range(ACTORS)]


def random_maps(ids, **coords):
    rng = np.random.default_rng(len(ids))
    return xr.DataArray(rng.random((len(ids), 6, 5)).astype(np.float32), dims=("image", "y", "x"),
                        coords={"image": ids, **{name: ("image", values) for name, values in coords.items()}})


def test_overlaps_pair_each_network_with_the_classifier_on_the_same_photograph():
    photographs, actors = ["a/0", "a/1", "b/0"], ["a", "a", "b"]
    human, classifier = (random_maps(photographs, actor=actors) for _ in range(2))
    control = random_maps(["a/0|0", "b/0|0", "a/1|1", "b/0|1", "c/0|1"], actor=["a", "b", "a", "b", "c"],
                          photograph=["a/0", "b/0", "a/1", "b/0", "c/0"], network=[0, 0, 1, 1, 1])
    own, others = overlaps_by_network(human, classifier, control, metrics=["pearson", "iou"])
    assert list(own.image.values) == ["a/0|0", "b/0|0", "a/1|1", "b/0|1"]
    assert list(own.photograph.values) == ["a/0", "b/0", "a/1", "b/0"]
    for at, (name, of) in enumerate(zip(own.image.values, own.photograph.values, strict=True)):
        people = human.sel(image=of).values.ravel()
        assert float(own["pearson"][at]) == pytest.approx(np.corrcoef(
            people, classifier.sel(image=of).values.ravel())[0, 1], abs=1e-6)
        assert float(others["pearson"][at]) == pytest.approx(np.corrcoef(
            people, control.sel(image=name).values.ravel())[0, 1], abs=1e-6)
    known = overlap(human, classifier, metrics=["pearson"])
    again, _ = overlaps_by_network(human, classifier, control, metrics=["pearson", "iou"], already=known)
    xr.testing.assert_allclose(again["pearson"], own["pearson"])
    xr.testing.assert_identical(again["iou"], own["iou"])
    with pytest.raises(InputError, match="no coordinate network"):
        overlaps_by_network(human, classifier, control.drop_vars("network"))
    with pytest.raises(InputError, match="no photograph that people"):
        overlaps_by_network(human, classifier, control.isel(image=[4]))


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


def test_both_overlaps_beside_a_difference_are_of_its_photographs_alone():
    control, own = (labelled(values, 3) for values in (np.full((3, ACTORS), 0.3), np.full((3, ACTORS), 0.5)))
    own["pearson"][:ACTORS] = 0.9  # network 0's photographs
    own["pearson"][0], control["pearson"][ACTORS + 1] = np.nan, np.nan  # undefined on one side or the other
    found = network_differences(own, control).isel(metric=0)
    assert float(found["value"]) == pytest.approx(float(found["one"]) - float(found["other"]), abs=1e-15)
    # Photograph 0 has networks 0 and 2 (0.9 and 0.5), photograph 1 network 1 (0.5): 0.6 but for two actors.
    assert float(found["one"]) == pytest.approx((0.6 * (ACTORS - 2) + 0.5 + 0.7) / ACTORS)
    assert float(found["other"]) == pytest.approx(0.3)
    one, other = defined_on_both(own, control)
    assert (one["pearson"].isnull() == other["pearson"].isnull()).all()
    assert int(one["pearson"].isnull().sum()) == 2
