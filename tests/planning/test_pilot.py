"""A pilot study gives back what it was drawn from, within its own chance."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from salcompare.errors import InputError
from salcompare.planning import PRESETS, Scenario, demo_scenario, simulate_study
from salcompare.planning.pilot import coarsened, fit_people, fit_pilot, pair_means
from salcompare.planning.power_runs import STATISTICS

PLANTED = Scenario("planted", n_actors=25, n_images=10, per_image=15, n_workers=60, actor_spread=0.06,
                   image_spread=0.04, favourite=0.25, actor_shift=(0.0, 0.03), image_shift=(0.04, 0.01),
                   classifier_actor=0.4, classifier_image=0.5, noise=0.6, smoothness=1.5)


def draw(scenario, seed=0):
    return simulate_study(scenario, rng=np.random.default_rng(seed))


def test_pair_means_are_means_over_pairs():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"actor": [0, 0, 0, 0, 1, 1, 1], "image": [0, 0, 1, 1, 2, 2, 3],
                          "worker": [0, 1, 1, 2, 0, 2, 2]})
    values = rng.normal(size=(7, 3))
    kinds = {"nothing": [], "actor": [], "image": [], "worker": []}
    for one in range(7):
        for other in range(7):
            a, i, w = (table[name][one] == table[name][other] for name in ("actor", "image", "worker"))
            kind = {(False, False, False): "nothing", (True, False, False): "actor", (True, True, False): "image",
                    (False, False, True): "worker"}.get((a, i, w))
            if kind:
                kinds[kind].append(values[one] @ values[other])
    found = pair_means(values, table)
    for kind, products in kinds.items():
        assert getattr(found, kind) == pytest.approx(np.mean(products))
    assert found.itself == pytest.approx((values**2).sum() / 7)


def test_people_are_recovered():
    fits = [fit_people(study.responses, study.images) for study in (draw(PLANTED, seed) for seed in range(8))]

    def mean(name):
        return np.mean([getattr(fit, name) for fit in fits], axis=0)

    assert mean("actor_spread") == pytest.approx(0.06, rel=0.25)
    assert mean("image_spread") == pytest.approx(0.04, rel=0.25)
    assert mean("favourite") == pytest.approx(0.25, rel=0.1)
    assert mean("actor_shift") == pytest.approx((0.0, 0.03), abs=0.006)
    assert mean("image_shift") == pytest.approx((0.04, 0.01), abs=0.004)
    habits = np.mean([[fit.geometry.shift, fit.geometry.size, fit.geometry.worker_shift, fit.geometry.worker_size]
                      for fit in fits], axis=0)
    assert habits == pytest.approx([0.08, 0.15, 0.04, 0.2], rel=0.2)
    of_labels = pd.Series({place.label: 0.0 for place in fits[0].geometry.places})
    for place in fits[0].geometry.places:
        of_labels[place.label] += place.share
    assert of_labels["eyes"] == pytest.approx(0.383, abs=0.08)


def test_a_study_without_effects_gives_none():
    fits = [fit_people(study.responses, study.images)
            for study in (draw(PRESETS["shared geometry"], seed) for seed in range(4))]
    assert np.mean([fit.actor_spread for fit in fits]) < 0.004
    assert np.mean([fit.image_spread for fit in fits]) < 0.006
    assert np.mean([fit.image_shift for fit in fits]) < 0.003


@pytest.fixture(scope="module")
def planted():
    return draw(PLANTED, 1)


@pytest.fixture(scope="module")
def fitted(planted):
    return fit_pilot(planted.responses, planted.images, planted.saliency).scenario


def test_the_classifier_is_recovered(fitted):
    assert fitted.classifier_actor == pytest.approx(0.4, rel=0.3)
    assert fitted.classifier_image == pytest.approx(0.5, rel=0.3)
    assert fitted.noise == pytest.approx(0.6, rel=0.15)
    assert fitted.smoothness == pytest.approx(1.5, rel=0.25)
    face = np.array(fitted.classifier_face)
    expected = draw(PLANTED.replace(noise=0, classifier_actor=0, classifier_image=0), 1).saliency.mean("image")
    assert np.corrcoef(face.ravel(), expected.to_numpy().ravel())[0, 1] > 0.95


def test_agreement_of_classifier_and_people_is_told_from_none():
    base = PLANTED.replace(n_actors=12, n_images=6, actor_shift=0.0, image_shift=0.0, image_spread=0.1,
                           actor_spread=0.1, noise=0.3)
    none, all_ = (fit_pilot(study.responses, study.images, study.saliency).scenario
                  for study in (draw(base, 2), draw(base.replace(shared_image=1.0, shared_actor=1.0), 2)))
    assert none.shared_image < 0.2 < 0.7 < all_.shared_image
    assert none.shared_actor < 0.3 < 0.6 < all_.shared_actor


def test_what_a_small_pilot_cannot_tell_is_none_and_says_so():
    study = draw(PLANTED.replace(n_actors=4, n_images=2, per_image=4, noise=3.0, actor_shift=0.0, image_shift=0.0))
    pilot = fit_pilot(study.responses, study.images, study.saliency)
    assert pilot.scenario.shared_image == 0
    assert pilot.scenario.classifier_moves == 1
    row = pilot.parameters.set_index("parameter").loc["shared_image"]
    assert row["estimated"] == "taken as 0: a pilot of this size cannot tell 0 from 1"


def test_a_pilot_without_a_classifier_plans_for_people():
    study = draw(PLANTED.replace(n_actors=5, n_images=3))
    pilot = fit_pilot(study.responses, study.images)
    assert not pilot.classifier
    assert "noise" not in set(pilot.parameters["parameter"])
    assert pilot.scenario.images_of_actors.tolist() == [3] * 5


def test_studies_of_the_fitted_model_are_like_the_pilot(planted, fitted):
    rng = np.random.default_rng(0)
    like = [draw(fitted, seed) for seed in range(3)]
    for name, tolerance in (("r2-people", 0.06), ("overlap", 0.06), ("image-effect", 0.03), ("actor-effect", 0.03)):
        function = STATISTICS[name].function
        pilot = function(planted, rng, 19).value
        found = np.mean([function(one, rng, 19).value for one in like])
        assert found == pytest.approx(pilot, abs=tolerance), name


def test_the_demo_model_is_like_the_demo():
    """The demo's own estimates: between-actor share of people 0.27, overlap 0.69, ceiling 0.93, image effect 0.007."""
    rng = np.random.default_rng(0)
    studies = [draw(demo_scenario(), seed) for seed in range(4)]
    for name, expected, tolerance in (("r2-people", 0.267, 0.09), ("overlap", 0.693, 0.03), ("ceiling", 0.935, 0.01),
                                      ("overlap-vs-face", -0.194, 0.04), ("image-effect", 0.0074, 0.004)):
        found = np.mean([STATISTICS[name].function(study, rng, 19).value for study in studies])
        assert found == pytest.approx(expected, abs=tolerance), name


def test_coarse_maps_are_means_over_cells_and_empty_maps_are_left_out():
    fine = np.random.default_rng(0).random((3, 48, 72))
    fine[1] = 0
    maps = xr.DataArray(fine, dims=("image", "y", "x"), coords={"image": ["a/1", "a/2", "b/1"],
                                                                "actor": ("image", ["a", "a", "b"])})
    coarse = coarsened(maps)
    assert coarse.image.to_numpy().tolist() == ["a/1", "b/1"]
    cells = fine[2].reshape(24, 2, 24, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(coarse.to_numpy()[1], cells / cells.mean())
    assert coarsened(maps.isel(y=slice(0, 37), x=slice(0, 31))).mean().item() == pytest.approx(1)


def test_a_pilot_too_small_is_refused_with_all_that_is_missing():
    study = draw(Scenario("s", n_actors=1, n_images=1, per_image=1))
    with pytest.raises(InputError) as caught:
        fit_pilot(study.responses, study.images)
    for part in ("at least 2 actors", "no actor with two images", "no image with responses of two workers"):
        assert part in str(caught.value)
