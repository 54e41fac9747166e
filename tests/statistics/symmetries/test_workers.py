"""Laterality over workers and actors: worked values, maps rebuilt for each resample, its level, and what it avoids."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from salcompare.errors import InputError
from salcompare.maps import actor_heatmap, rasterise_boxes
from salcompare.planning import simulate_study
from salcompare.simulation.cases import LEFT, SCENARIOS, SHARED
from salcompare.simulation.studies import expected_laterality
from salcompare.statistics.inference.crossed import crossed_interval
from salcompare.statistics.inference.resampling import bootstrap_weights
from salcompare.statistics.symmetries.indices import symmetry
from salcompare.statistics.symmetries.sides import common_laterality_test, worker_laterality

SIZE = (8, 9)


def tables(boxes, actors):
    """Responses from (image, worker, x0, y0, x1, y1) and images, named by number, of 18 x 16 pixels."""
    responses = pd.DataFrame(boxes, columns=["image", "worker", "x0", "y0", "x1", "y1"])
    images = pd.DataFrame({"image": range(len(actors)), "actor": actors, "height": 16, "width": 18})
    return responses.astype({"image": str, "worker": str}), images.astype({"image": str})


def ragged(seed, *, n_actors=9, n_workers=12):
    """Actors of one to four images, some without responses; workers who respond once, often, or twice to an image."""
    rng = np.random.default_rng(seed)
    actors = np.repeat([f"s{a + 1}" for a in range(n_actors)], rng.integers(1, 5, n_actors)).tolist()
    boxes = []
    for image in range(len(actors)):
        for worker in rng.integers(0, n_workers, rng.integers(0 if image % 3 else 1, 7)).tolist():
            x, y = sorted(rng.choice(19, 2, replace=False)), sorted(rng.choice(17, 2, replace=False))
            boxes.append((image, worker, x[0], y[0], x[1], y[1]))
    return tables(boxes, actors)


def lean(responses, images, *, seed=0, size=SIZE, **options):
    return worker_laterality(responses, images, size=size, rng=np.random.default_rng(seed), **options)


def mirrored(responses):
    return responses.assign(x0=18 - responses["x1"], x1=18 - responses["x0"])


def test_laterality_by_hand():
    responses, images = tables([(0, "a", 0, 0, 4, 16), (0, "b", 14, 0, 18, 8), (1, "a", 0, 0, 18, 16)], ["ann", "bob"])
    found = lean(responses, images, n_resamples=9)
    assert found["laterality"].to_numpy() == pytest.approx([1 / 3, 0])  # 16 pixels left against 8 right; the same
    assert float(found["value"]) == pytest.approx(1 / 6)
    assert (int(found["n"]), int(found["n_workers"]), int(found["n_images"])) == (2, 2, 2)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("size", [(8, 9), (16, 18), (5, 6)])
def test_the_value_is_that_of_the_maps_with_ragged_counts_and_empty_images(seed, size):
    responses, images = ragged(seed)
    coverage = rasterise_boxes(responses, images, size=size)["coverage"]
    test = common_laterality_test(coverage, rng=np.random.default_rng(0), n_permutations=9)
    found = lean(responses, images, size=size, n_resamples=9)
    assert float(found["value"]) == pytest.approx(float(test["value"]), abs=1e-6)  # maps are float32
    assert int(found["n"]) == int(test["n"])
    order = found["laterality"].sel(actor=test["actor"].to_numpy())
    np.testing.assert_allclose(order, test["laterality"], atol=1e-6)


def rebuilt(responses, images, of_workers, of_actors):
    """Slowly: draw the maps of the workers who were drawn, and average over the actors who were."""
    rows = responses.index.repeat(of_workers.loc[responses["worker"]].to_numpy(int))
    coverage = rasterise_boxes(responses.loc[rows], images, size=SIZE)["coverage"]
    lateral = symmetry(actor_heatmap(coverage))["laterality"].to_series().dropna()
    drawn = [lateral[actor] for actor, times in of_actors.items() for _ in range(int(times)) if actor in lateral]
    return np.mean(drawn) if drawn else np.nan


def test_draws_agree_with_maps_rebuilt_for_each_resample():
    responses, images = ragged(3)
    found = lean(responses, images, seed=5, n_resamples=12)
    workers, actors = np.unique(responses["worker"]), found["laterality"].dropna("actor")["actor"].to_numpy()
    rng = np.random.default_rng(5)
    of_workers = pd.DataFrame(bootstrap_weights(len(workers), 12, rng, fewer=1), columns=workers)
    of_actors = pd.DataFrame(bootstrap_weights(len(actors), 12, rng, fewer=1), columns=actors)
    once = pd.Series(1.0, workers), pd.Series(1.0, actors)
    slow = [[rebuilt(responses, images, of_workers.loc[i], once[1]) for i in range(12)],
            [rebuilt(responses, images, once[0], of_actors.loc[i]) for i in range(12)],
            [rebuilt(responses, images, of_workers.loc[i], of_actors.loc[i]) for i in range(12)]]
    np.testing.assert_allclose(found["draws"], slow, atol=1e-6)
    interval = crossed_interval(found["value"], *np.array(slow), freedom=7, resampled="workers and actors")
    np.testing.assert_allclose([found["ci_low"], found["ci_high"]], [interval.low, interval.high], atol=1e-5)


def test_p_and_interval_are_of_one_t():
    found = lean(*ragged(1), n_resamples=199)
    t = float(found["value"] / found["standard_error"])
    assert int(found["freedom"]) == min(int(found["n"]), int(found["n_workers"])) - 1
    assert float(found["p_value"]) == pytest.approx(2 * stats.t.sf(abs(t), int(found["freedom"])))
    half = float(found["ci_high"] - found["ci_low"]) / 2
    assert half == pytest.approx(float(stats.t.isf(0.025, int(found["freedom"])) * found["standard_error"]))
    assert found.identical(lean(*ragged(1), n_resamples=199))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_mirroring_turns_the_sign_and_neither_order_nor_names_matter(seed):
    responses, images = ragged(seed)
    options = {"size": (16, 18), "n_resamples": 20}  # a pixel of the grid is one of the images: nothing is rounded
    found, other = lean(responses, images, **options), lean(mirrored(responses), images, **options)
    assert abs(float(found["value"])) <= 1
    np.testing.assert_allclose(other["draws"], -found["draws"], atol=1e-12)
    np.testing.assert_allclose(other["p_value"], found["p_value"])
    shuffled = responses.sample(frac=1, random_state=seed)
    assert float(lean(shuffled, images, **options)["p_value"]) == pytest.approx(
        float(found["p_value"]), nan_ok=True)


def test_what_is_undefined_has_a_reason():
    few = lean(*ragged(0, n_actors=7), n_resamples=50)
    assert np.isnan([few["p_value"], few["ci_low"]]).all()
    assert "an interval needs 7" in str(few["reason"].item())
    assert "an interval needs 7" in str(lean(*ragged(0, n_workers=5), n_resamples=50)["reason"].item())
    same = tables([(i, i + j, 0, 0, 4, 4) for i in range(9) for j in range(9)], [f"s{i}" for i in range(9)])
    alike = lean(*same, n_resamples=50)  # all on the left: nothing varies
    assert float(alike["value"]) == 1
    assert np.isnan(alike["p_value"])
    assert str(alike["reason"].item()) == "the variance is not above 0"
    middle = lean(*tables([(0, "a", 8, 0, 10, 4)], ["ann"]), n_resamples=5)
    assert np.isnan(middle["value"])
    assert (int(middle["n"]), int(middle["n_undefined"]), str(middle["reason"].item())) == (
        0, 1, "no box beside the midline")


def test_an_actor_whose_boxes_are_in_the_middle_column_is_left_out_and_counted():
    responses, images = ragged(2)
    more = pd.concat([responses, responses[:1].assign(image="99", worker="x", x0=8, x1=10)], ignore_index=True)
    rows = pd.concat([images, images[:1].assign(image="99", actor="zoe")], ignore_index=True)
    plain, found = lean(responses, images, n_resamples=30), lean(more, rows, n_resamples=30)
    assert int(found["n_undefined"]) == int(plain["n_undefined"]) + 1
    assert np.isnan(found["laterality"].sel(actor="zoe"))
    np.testing.assert_allclose(found["draws"], plain["draws"])


def test_responses_that_cannot_be_used_are_named():
    responses, images = ragged(0)
    with pytest.raises(InputError, match="no response"):
        lean(responses[:0], images)
    with pytest.raises(InputError, match="no worker"):
        lean(responses.assign(worker=[None, *responses["worker"][1:]]), images)
    with pytest.raises(InputError, match="no column 'worker'"):
        lean(responses.drop(columns="worker"), images)


def simulated(name, runs, **changes):
    """p and whether the interval holds the truth, of this test and of the one that takes the workers as given."""
    scenario = SCENARIOS[name].replace(**changes)
    truth = expected_laterality(scenario) if name == LEFT else 0.0
    rng = np.random.default_rng(11)
    found = np.empty((runs, 2, 2))
    for at in range(runs):
        study = simulate_study(scenario, rng=rng)
        for which, test in enumerate((
                worker_laterality(study.responses, study.images, size=scenario.grid, rng=rng, n_resamples=199),
                common_laterality_test(study.human["coverage"], rng=rng, n_permutations=199))):
            found[at, which] = float(test["p_value"]), float(test["ci_low"]) <= truth <= float(test["ci_high"])
    return found[..., 0], found[..., 1].astype(bool)


def test_workers_who_lean_by_chance_are_no_side_of_people():
    p, held = simulated(SHARED, 150, n_workers=20)
    rejected = (p <= 0.05).sum(axis=0)
    most = stats.binom.ppf(0.999, 150, 0.05)
    assert rejected[0] <= most < rejected[1]  # the leaning of the workers at hand is what mirroring actors finds
    assert held[:, 0].sum() >= 150 - most > held[:, 1].sum()


def test_a_side_that_people_prefer_is_found_and_covered():
    p, held = simulated(LEFT, 60, n_workers=120)
    assert (p[:, 0] <= 0.05).mean() > 0.8
    assert held[:, 0].sum() >= 60 - stats.binom.ppf(0.999, 60, 0.05)


@pytest.mark.parametrize("width", [8, 9])
def test_maps_of_responses_give_what_boxes_of_the_same_shape_do(width):
    responses, images = ragged(3)
    size = (16, width * 2)
    on_grid = responses.assign(x0=responses["x0"] * size[1] / 18, x1=responses["x1"] * size[1] / 18).round()
    images = images.assign(width=size[1])
    on_grid = on_grid[on_grid["x0"] < on_grid["x1"]].reset_index(drop=True)
    maps = np.zeros((len(on_grid), *size))
    for at, (x0, y0, x1, y1) in enumerate(on_grid[["x0", "y0", "x1", "y1"]].to_numpy(int)):
        maps[at, y0:y1, x0:x1] = 1
    owner = images.set_index("image")["actor"].reindex(on_grid["image"]).to_numpy()
    labelled = xr.DataArray(maps, dims=("response", "y", "x"), coords={
        "y": np.arange(size[0]), "x": np.arange(size[1]), "image": ("response", on_grid["image"].to_numpy(str)),
        "actor": ("response", owner.astype(str)), "worker": ("response", on_grid["worker"].to_numpy(str))})
    boxes, gaze = (lean(given, images, size=size, n_resamples=50) for given in (on_grid, labelled))
    lazy = lean(labelled.chunk({"response": 5}), images, size=size, n_resamples=50)
    for name in ("value", "ci_low", "ci_high", "p_value"):
        assert float(gaze[name]) == pytest.approx(float(boxes[name]), nan_ok=True)
        assert float(gaze[name]) == pytest.approx(float(lazy[name]), nan_ok=True, abs=0)
