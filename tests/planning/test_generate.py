"""Simulated studies are what their scenarios say, made by the pipeline's own maps."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import salcompare
from salcompare.errors import InputError
from salcompare.planning import (
    PRESETS,
    Geometry,
    Place,
    Scenario,
    expected_coverage,
    find_scenario,
    published_geometry,
    simulate_study,
)
from salcompare.schema import CLASSIFIER_MAPS, HUMAN_MAPS, IMAGES, RESPONSES, check_maps, check_table

GRID = (12, 12)


def draw(scenario, seed=0):
    return simulate_study(scenario, rng=np.random.default_rng(seed))


@pytest.mark.parametrize("name", PRESETS)
def test_every_named_scenario_makes_a_study_of_the_data_model(name):
    study = draw(PRESETS[name])
    check_table(study.images, IMAGES, "images")
    check_table(study.responses, RESPONSES, "responses")
    check_maps(study.human, HUMAN_MAPS, "human")
    check_maps(study.saliency.to_dataset(), CLASSIFIER_MAPS, "classifier")
    assert study.images.groupby("actor", sort=False).size().tolist() == PRESETS[name].images_of_actors.tolist()
    assert (study.responses["origin"] == "simulated").all()
    assert study.saliency.attrs["origin"] == study.human.attrs["origin"] == "simulated"


def test_people_maps_are_the_pipelines_own():
    study = draw(Scenario("s", n_actors=3, n_images=2, grid=GRID))
    xr.testing.assert_identical(
        study.human, salcompare.rasterise_boxes(study.responses, study.images, size=GRID))


def test_the_same_generator_gives_the_same_study_in_whatever_order_it_is_asked_for():
    scenario = Scenario("s", n_actors=3, n_images=2, grid=GRID, image_spread=0.1, classifier_image=0.5)
    one, other = draw(scenario), draw(scenario)
    _ = one.saliency, other.responses
    pd.testing.assert_frame_equal(one.responses, other.responses)
    xr.testing.assert_identical(one.saliency, other.saliency)
    assert not draw(scenario, seed=1).responses.equals(one.responses)


def test_no_worker_responds_to_an_image_twice_and_numbers_of_responses_are_as_said():
    responses = draw(Scenario("s", n_actors=4, n_images=10, n_workers=9, per_image=(3, 9))).responses
    assert not responses.duplicated(["image", "worker"]).any()
    numbers = responses.groupby("image").size()
    assert (numbers.min(), numbers.max()) == (3, 9)


def test_boxes_of_the_published_face_cover_what_is_expected():
    geometry = published_geometry()
    study = draw(Scenario("s", n_actors=1, n_images=2000, n_workers=2000, favourite=0, grid=(24, 24)))
    expected = expected_coverage(geometry, geometry.shares[None], grid=(24, 24))[0]
    found = study.human.coverage.mean("image").to_numpy()
    inside = slice(2, -2)  # boxes at the edge are cut and pushed inside
    assert np.abs(found - expected)[inside, inside].max() < 0.035
    assert expected.max() == pytest.approx(salcompare.simulation.published_calibration().peak, abs=0.05)


def test_expected_coverage_of_one_exact_box_is_that_box():
    geometry = Geometry((Place("nose", 1.0, 0.5, 0.5, 0.5, 0.25),), 100, 100, shift=1e-9, size=1e-9, worker_shift=0,
                        worker_size=0)
    covered = expected_coverage(geometry, np.ones((1, 1)), grid=(8, 8))[0]
    assert np.array_equal(np.round(covered), np.pad(np.ones((2, 4)), ((3, 3), (2, 2))))
    moved = expected_coverage(geometry, np.ones((1, 1)), grid=(8, 8), shifts=np.array([[0.125, -0.25]]))[0]
    assert np.array_equal(np.round(moved), np.pad(np.ones((2, 4)), ((1, 5), (3, 1))))


def test_the_published_face_is_symmetric_unless_a_side_is_preferred():
    covered = expected_coverage(published_geometry(), published_geometry().shares[None], grid=(24, 24))[0]
    np.testing.assert_allclose(covered, covered[:, ::-1], atol=1e-12)
    left = published_geometry(left_share=0.65)
    assert expected_coverage(left, left.shares[None], grid=(24, 24))[0, :, :12].sum() > covered[:, :12].sum()


@pytest.mark.parametrize(("spreads", "who"), [({"actor_spread": 0.2}, "actor"), ({"image_spread": 0.2}, "image")])
def test_shares_vary_by_their_spread_and_not_in_their_mean(spreads, who):
    truth = draw(Scenario("s", n_actors=4000, n_images=1, per_image=1, **spreads)).truth
    shares = truth.actor_shares if who == "actor" else truth.image_shares
    expected = published_geometry().shares
    np.testing.assert_allclose(shares.mean(axis=0), expected, atol=4 * np.sqrt(0.2 * 0.25 / 4000))
    assert shares.var(axis=0).sum() == pytest.approx(0.2 * (expected * (1 - expected)).sum(), rel=0.05)


def test_unequal_spread_leaves_every_actors_expected_maps_equal():
    scenario = Scenario("s", n_actors=2, n_images=1500, per_image=20, n_workers=400, favourite=0.1, grid=GRID,
                        image_spread=0.05, classifier_image=0.5, noise=0.5, unequal=4.0)
    study = draw(scenario)
    for maps, factor in ((study.human.coverage, 2), (study.saliency, 4)):
        halves = [maps.isel(image=np.flatnonzero(maps.actor.to_numpy() == actor)) for actor in ("s01", "s02")]
        spread = [float(half.var("image").mean()) for half in halves]
        error = np.sqrt(sum(half.var("image") for half in halves) / 1500)
        z = ((halves[0].mean("image") - halves[1].mean("image")) / error).to_numpy()
        assert spread[1] > factor * spread[0]
        assert np.abs(z[np.isfinite(z)]).max() < 4.5  # corners that no box reaches have no spread


def test_the_classifier_follows_people_only_where_it_is_said_to():
    base = Scenario("s", n_actors=8, n_images=10, grid=GRID, per_image=20, noise=0.1, actor_spread=0.1,
                    image_spread=0.1)

    def residual_correlation(scenario, level):
        study = draw(scenario)
        human, classifier = study.human.coverage.to_numpy(), study.saliency.to_numpy()
        by = [maps.reshape(8, 10, -1) for maps in (human, classifier)]
        parts = [maps.mean(axis=1) - maps.mean(axis=(0, 1)) if level == "actor"
                 else maps - maps.mean(axis=1, keepdims=True) for maps in by]
        return np.corrcoef(parts[0].ravel(), parts[1].ravel())[0, 1]

    assert abs(residual_correlation(base, "image")) < 0.1 > abs(residual_correlation(base, "actor"))
    assert residual_correlation(base.replace(shared_image=1.0), "image") > 0.4
    assert residual_correlation(base.replace(shared_actor=1.0), "actor") > 0.4
    assert abs(residual_correlation(base.replace(shared_actor=1.0), "image")) < 0.1


def test_actors_have_the_numbers_of_responses_that_are_theirs():
    scenario = Scenario("s", n_actors=3, n_images=(2, 1, 2), n_workers=9, grid=GRID, per_image_of_actors=(8, 3, 5))
    assert draw(scenario).responses.groupby("image").size().tolist() == [8, 8, 3, 5, 5]
    with pytest.raises(InputError, match="per_image_of_actors of scenario 's'"):
        scenario.replace(per_image_of_actors=(8, 3))


def test_only_an_actors_workers_respond_to_its_images():
    scenario = Scenario("s", n_actors=5, n_images=6, n_workers=20, per_image=4, grid=GRID, workers_of_actor=7)
    responses = draw(scenario).responses
    pools = responses.groupby(responses["image"].str.split("/").str[0])["worker"].agg(lambda names: frozenset(names))
    assert set(pools.map(len)) == {7}
    assert len(set(pools)) == 5
    assert not responses.duplicated(["image", "worker"]).any()
    with pytest.raises(InputError, match="4 of 3 workers"):
        scenario.replace(workers_of_actor=3)


def test_shoots_that_nobody_declares_are_in_no_table():
    scenario = Scenario("s", n_actors=2, n_images=4, per_shoot=2, classifier_image=0.5, noise=0.0, grid=GRID)
    declared, hidden = draw(scenario), draw(scenario.replace(declared=False))
    assert "shoot" in declared.images
    assert "shoot" not in hidden.images
    assert "shoot" not in hidden.saliency.coords
    np.testing.assert_array_equal(declared.saliency, hidden.saliency)


def test_images_of_a_shoot_are_alike_and_named():
    study = draw(Scenario("s", n_actors=2, n_images=6, per_shoot=3, image_spread=0.1, noise=0.0, classifier_image=0.5,
                          n_groups=2))
    assert study.images["shoot"].nunique() == 4
    assert study.saliency.group.to_numpy()[[0, 6]].tolist() == ["g1", "g2"]
    maps = study.saliency.to_numpy()
    np.testing.assert_array_equal(maps[0], maps[2])
    assert not np.array_equal(maps[2], maps[3])


def test_label_shares_in_the_truth_are_what_responses_tend_to():
    study = draw(Scenario("s", n_actors=2, n_images=600, n_workers=300, actor_spread=0.1, image_spread=0.05))
    table = study.responses.merge(study.images[["image", "actor"]])
    found = pd.crosstab(table["actor"], table["label"], normalize="index")
    expected = study.truth.label_shares[found.columns]
    assert np.abs(found.to_numpy() - expected.to_numpy()).max() < 0.03


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=5), st.integers(1, 6), st.integers(0, 4), st.integers(0, 1000))
def test_any_sizes_make_a_study(numbers, per_image, extra, seed):
    scenario = Scenario("s", n_actors=len(numbers), n_images=tuple(numbers), n_workers=per_image + extra,
                        per_image=per_image, grid=(6, 5), image_spread=0.3, image_shift=0.2, actor_shift=0.3,
                        shared_image=1.0, classifier_image=1.0, classifier_actor=1.0)
    study = draw(scenario, seed)
    assert study.human.coverage.shape == study.saliency.shape == (sum(numbers), 6, 5)
    assert len(study.responses) == sum(numbers) * per_image
    assert bool((study.saliency >= 0).all())
    assert bool(np.isfinite(study.saliency).all())


def test_a_scenario_that_cannot_be_drawn_is_refused_with_all_that_is_wrong():
    with pytest.raises(InputError) as caught:
        Scenario("odd", n_actors=3, n_images=(1, 2), n_workers=5, per_image=9, actor_spread=0.95, noise=-1)
    message = str(caught.value)
    for part in ("2 numbers", "at most n_workers = 5", "at most 0.9", "noise"):
        assert part in message
    with pytest.raises(InputError, match="one of 'shared geometry'"):
        find_scenario("nothing")
