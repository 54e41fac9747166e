"""Power and precision by simulation: they agree with what is known, keep what is done, and say what they mean."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from salcompare.cli import main
from salcompare.errors import InputError
from salcompare.maps import actor_heatmap
from salcompare.planning import PRESETS, Scenario, published_geometry, simulate_study
from salcompare.planning.plans import Model, make_plan, named_model
from salcompare.planning.power_runs import (
    STATISTICS,
    Goal,
    Sizes,
    grid,
    open_kept,
    planned_statistic,
    pool,
    power,
    read_kept,
    resized,
    summarise,
    write_kept,
)
from salcompare.progress import Silent, Terminal
from salcompare.simulation.cases import PlannedStatistic, Result
from salcompare.statistics import population_mean, symmetry, worker_laterality
from tests.small_study import make_small_study

SMALL = (10, 10)
POWER = Goal()
NULL = PRESETS["shared geometry"].replace(grid=SMALL, n_workers=50_000)  # nobody's habits join two images
LEANING = Scenario("leaning", grid=SMALL, geometry=published_geometry(left_share=0.9), actor_spread=0.05, favourite=0,
                   n_actors=10, n_images=3, per_image=6, n_workers=1500)


def table(scenario, statistic, sizes, *, goal=POWER, runs=40, seed=0, draws=99, **options):
    statistic = STATISTICS[statistic] if isinstance(statistic, str) else statistic
    return power(scenario, statistic, sizes, goal=goal, runs=runs, seed=seed, draws=draws, **options)


TESTS = [statistic.name for statistic in STATISTICS.values() if statistic.tests]


# No model makes a classifier agree exactly as well as a baseline, so those tests have no null here.
@pytest.mark.parametrize("name", [name for name in TESTS if not name.startswith("overlap-vs")])
def test_without_any_effect_power_is_the_level(name):
    runs = 50
    found = table(NULL, name, [Sizes(8, 3, 4)], runs=runs)
    assert found["value"].iloc[0] * runs <= stats.binom.ppf(0.999, runs, 0.05)


def test_power_of_an_exact_test_without_any_effect_is_the_level_no_less():
    runs = 200
    found = table(NULL, "r2-people", [Sizes(8, 3, 4)], runs=runs)
    low, high = stats.binom.ppf([0.001, 0.999], runs, 0.05)
    assert low <= found["value"].iloc[0] * runs <= high


def test_power_rises_with_the_effect_and_with_each_size():
    sizes = [Sizes(6, 3, 3), Sizes(6, 3, 12), Sizes(6, 9, 3), Sizes(40, 3, 3)]
    small, workers, images, actors = table(NULL.replace(actor_spread=0.1), "r2-people", sizes, runs=40)["value"]
    assert min(workers, images, actors) > small + 0.05
    more = table(NULL.replace(actor_spread=0.4), "r2-people", sizes[:1], runs=40)["value"].iloc[0]
    assert more > small + 0.2


@pytest.fixture(scope="module")
def many():
    """Laterality of as many actors as it takes to know its mean and spread."""
    rng = np.random.default_rng(7)
    studies = [simulate_study(LEANING.replace(n_actors=60), rng=rng) for _ in range(40)]
    return np.concatenate([symmetry(actor_heatmap(study.human["coverage"]))["laterality"] for study in studies])


def _of_t(study, rng, draws):
    value, low, high, n = (float(part) for _, part in population_mean(
        symmetry(actor_heatmap(study.human["coverage"]))["laterality"])[["value", "ci_low", "ci_high", "n"]].items())
    error = (high - low) / 2 / stats.t.ppf(0.975, n - 1)
    return Result(2 * stats.t.sf(abs(value) / error, n - 1), value, low, high)


OVER_ACTORS = PlannedStatistic("t over actors", "the side", "the side", False, _of_t)


def test_power_of_a_t_test_over_actors_is_the_analytic_one(many):
    """Laterality is tested by t over actors, whose power follows from mean and spread of many actors' values."""
    runs = 120
    found = table(LEANING, OVER_ACTORS, grid([8, 20], [3], [6]), runs=runs)
    for size, power_ in zip((8, 20), found["value"], strict=True):
        analytic = TTestPower().power(many.mean() / many.std(ddof=1), size, 0.05)
        assert 0.2 < analytic < 0.9, analytic
        low, high = stats.binom.ppf([0.001, 0.999], runs, analytic)
        assert low <= power_ * runs <= high


def test_half_width_of_a_t_interval_is_sigma_over_root_n(many):
    actors = 16
    # of normal values the mean of the sample's s is c4 sigma
    c4 = np.sqrt(2 / (actors - 1)) * np.exp(_log_gamma(actors / 2) - _log_gamma((actors - 1) / 2))
    expected = stats.t.ppf(0.975, actors - 1) * c4 * many.std(ddof=1) / np.sqrt(actors)
    row = table(LEANING, OVER_ACTORS, [Sizes(actors, 3, 6)], goal=Goal(half_width=0.01), runs=80).iloc[0]
    assert row["value"] == pytest.approx(expected, rel=0.06)
    assert row["reached"] == "no"


def _log_gamma(value):
    from scipy.special import gammaln

    return gammaln(value)


@pytest.mark.parametrize("name", STATISTICS)
def test_every_statistic_gives_what_it_says_it_gives(name):
    statistic = STATISTICS[name]
    study = simulate_study(PRESETS["actor effects"].replace(n_actors=9, n_images=4, per_image=6, grid=SMALL),
                           rng=np.random.default_rng(0))
    found = statistic.function(study, np.random.default_rng(1), 99)
    assert np.isfinite(found.p) == bool(statistic.tests)
    assert np.isfinite(found.value)
    assert np.isfinite([found.low, found.high]).all() == bool(statistic.estimates)
    assert found.low < found.value < found.high or not statistic.estimates
    assert statistic.described.startswith(name)


def test_the_side_of_people_is_planned_with_workers_and_actors_resampled():
    study = simulate_study(LEANING.replace(n_actors=9, n_images=3, per_image=6), rng=np.random.default_rng(0))
    assert not {"laterality", "common-side", "asymmetry"} & set(STATISTICS)  # these took the workers as given
    result = STATISTICS["worker-laterality"].function(study, np.random.default_rng(0), 99)
    expected = worker_laterality(study.responses, study.images, size=SMALL, rng=np.random.default_rng(0),
                                 n_resamples=99)
    assert result == tuple(float(expected[name]) for name in ("p_value", "value", "ci_low", "ci_high"))


def test_the_grid_is_all_combinations_once_in_order():
    assert grid([3, 2], [5], [7, 6, 7]) == [Sizes(2, 5, 6), Sizes(2, 5, 7), Sizes(3, 5, 6), Sizes(3, 5, 7)]
    with pytest.raises(InputError, match="--workers: 0; expected whole numbers of at least 1"):
        grid([3], [5], [0])


def test_workers_draw_as_many_boxes_as_in_the_model():
    model = Scenario("s", n_actors=10, n_images=10, per_image=10, n_workers=50)  # 1,000 boxes, 20 a worker
    assert pool(model, Sizes(10, 10, 10)) == 50
    assert pool(model, Sizes(10, 5, 10)) == 25
    assert pool(model, Sizes(2, 1, 8)) == 8  # an image needs eight
    assert resized(model, Sizes(4, 5, 6)).n_workers == 6
    assert resized(model, Sizes(4, 5, 6)).images_of_actors.tolist() == [5] * 4


def results(rows):
    return [Result(*row) for row in rows]


def test_power_is_a_share_with_wilsons_interval_and_undefined_runs_do_not_reject():
    found = summarise(results([(0.01, 1.0)] * 6 + [(0.5, 2.0)] * 3 + [(np.nan, np.nan)]), Goal())
    assert found["value"] == 0.6
    low, high = stats.binomtest(6, 10).proportion_ci(method="wilson")
    assert (found["ci_low"], found["ci_high"]) == pytest.approx((low, high))
    assert (found["n_undefined"], found["reached"]) == (1, "open")
    assert found["estimate"] == pytest.approx((6 + 6) / 9)


def test_half_width_is_nan_with_the_reason_where_most_runs_have_no_interval():
    found = summarise(results([(np.nan, 0.1, np.nan, np.nan)] * 3 + [(np.nan, 0.1, 0.0, 0.2)]), Goal(half_width=0.1))
    assert np.isnan(found["value"])
    assert found["reason"] == "3 of 4 simulated studies have no interval"
    whole = summarise(results([(np.nan, 0.1, 0.0, width) for width in (0.2, 0.4)]), Goal(half_width=9.0))
    assert (whole["value"], whole["reached"]) == (pytest.approx(0.15), "yes")


def counting(calls):
    def measure(study, rng, draws):
        calls.append(study.scenario.n_actors)
        return Result(rng.random(), rng.random(), 0.0, 1.0)

    return PlannedStatistic("counted", "something", "something", False, measure)


def test_what_was_done_is_kept_and_not_done_again(tmp_path):
    calls = []
    statistic, sizes, path = counting(calls), grid([2, 3], [2], [2]), tmp_path / "runs.json"

    def run(runs, seed=0):
        kept = open_kept(path, scenario=NULL, statistic=statistic, seed=seed, draws=99)
        return power(NULL, statistic, sizes, goal=Goal(), runs=runs, seed=seed, draws=99, kept=kept)

    whole = power(NULL, statistic, sizes, goal=Goal(), runs=6, seed=0, draws=99)
    calls.clear()
    few = run(4)
    assert len(calls) == 8
    pd.testing.assert_frame_equal(run(6), whole)
    assert len(calls) == 12
    pd.testing.assert_frame_equal(run(4), few)
    assert len(calls) == 12
    run(4, seed=1)
    assert len(calls) == 20


def test_a_killed_run_goes_on_where_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr("salcompare.planning.power_runs._SECONDS_BETWEEN_WRITES", 0.0)
    calls = []
    statistic, sizes = counting(calls), [Sizes(2, 2, 2)]

    def stop(study, rng, draws):
        if len(calls) == 3:
            raise KeyboardInterrupt
        return statistic.function(study, rng, draws)

    def run(function):
        one = PlannedStatistic("counted", "something", "something", False, function)
        kept = open_kept(tmp_path / "runs.json", scenario=NULL, statistic=one, seed=0, draws=99)
        return power(NULL, one, sizes, goal=Goal(), runs=5, seed=0, draws=99, kept=kept)

    with pytest.raises(KeyboardInterrupt):
        run(stop)
    found = run(statistic.function)
    assert len(calls) == 5
    pd.testing.assert_frame_equal(found, power(NULL, statistic, sizes, goal=Goal(), runs=5, seed=0, draws=99))


def test_a_plan_says_simulated_everywhere_and_is_the_same_to_the_byte(tmp_path):
    def plan(folder, runs):
        return make_plan(named_model("actor effects"), "label-share", grid([8], [3], [4, 8]),
                         goal=Goal(half_width=0.05), runs=runs, draws=50, seed=3, out=folder, progress=Silent())

    one = plan(tmp_path / "one", 4)
    plan(tmp_path / "other", 2)
    other = plan(tmp_path / "other", 4)
    for first, second in zip(one.paths, other.paths, strict=True):
        assert first.read_bytes() == second.read_bytes(), first.name
    written = {path.suffix: path for path in one.paths}
    assert pd.read_csv(written[".csv"])["simulated"].all()
    page = written[".md"].read_text()
    assert "Every study here is simulated" in page
    assert "no person drew these boxes" in page
    assert "With 8 actors x 3 images" in page
    assert "Reliability is foretold from the model's components of variance" in page
    reliability = pd.read_csv(written[".csv"])["reliability"].tolist()
    assert 0.1 < reliability[0] < reliability[1] < 0.5
    assert json.loads((tmp_path / "one/label-share/runs.json").read_text())["simulated"] is True


def test_the_command_plans_and_names_its_files(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = ["power", "--scenario", "image effects only", "--statistic", "worker-laterality", "--runs", "3",
                 "--actors", "8,9", "--images", "2", "--workers", "3"]
    assert main(arguments) == 0
    said = capsys.readouterr().out
    for part in ("workers an image", "With 8 actors x 2 images", "reports/power/worker-laterality/power.csv",
                 "power.png"):
        assert part in said
    assert main(["power"]) == 0
    assert "r2-people\n    tests that people's maps of one actor are alike" in capsys.readouterr().out


def test_a_pilot_study_is_planned_from_once_its_stages_have_run(tmp_path, capsys):
    study = make_small_study(tmp_path / "study", n_images=6)
    arguments = ["power", "--study", str(study), "--statistic", "label-share", "--half-width", "0.2", "--runs", "2",
                 "--actors", "3", "--images", "2", "--workers", "4,6", "--permutations", "50"]
    assert main(arguments) == 2
    assert "salcompare run" in capsys.readouterr().err
    assert main(["run", "--study", str(study), "--until", "human maps"]) == 0
    assert main(arguments) == 0
    assert "With 3 actors x 2 images" in capsys.readouterr().out
    page = (study / "reports/power/label-share/half-width.md").read_text()
    assert "The model was estimated from the pilot study 'small study', by moments" in page
    assert "| actor_spread |" in page
    assert "classifier_face" not in page
    # the classifier's maps are asked for only where they are needed
    assert main([*arguments[:3], "--statistic", "image-effect", "--runs", "2"]) == 2
    assert "maps tiny/finetuned" in capsys.readouterr().err


@pytest.mark.parametrize(("arguments", "message"), [
    (["--statistic", "nothing"], "--statistic: 'nothing'; expected one of unique-agreement"),
    (["--statistic", "overlap"], "--statistic overlap: has no test"),
    (["--statistic", "label-differences", "--half-width", "0.1"], "--statistic label-differences: has no interval"),
    (["--statistic", "r2-people", "--level", "0.001"], "--level: 0.001; expected at least 0.002"),
    (["--statistic", "r2-people", "--target-power", "1.2"], "--target-power: 1.2"),
    (["--statistic", "r2-people", "--half-width", "-1"], "--half-width: -1"),
    (["--statistic", "r2-people", "--runs", "1"], "--runs: 1"),
    (["--statistic", "r2-people", "--workers", "0"], "--workers: 0"),
    (["--statistic", "r2-people", "--scenario", "moon"], "scenario: 'moon'; expected one of"),
    (["--statistic", "r2-people", "--study", "nowhere"], "study.toml"),
])
def test_what_cannot_be_planned_ends_with_2_and_says_why(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["power", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_statistics_of_a_classifier_need_one(tmp_path):
    model = named_model("image effects only")
    without = type(model)(model.scenario, model.name, classifier=False)
    with pytest.raises(InputError, match="the pilot has none; expected one of relative-people") as caught:
        make_plan(without, "image-effect", [Sizes(8, 2, 2)], goal=Goal(), runs=2, draws=99, seed=0, out=tmp_path,
                  progress=Silent())
    assert "image-effect" in str(caught.value)
    assert planned_statistic("image-effect").classifier


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"{}", b"\xff", b'{"fingerprint": "x", "cells": []}'])
def test_kept_runs_that_are_none_or_were_changed_are_told_and_not_used(tmp_path, content):
    path, told = tmp_path / "runs.json", []
    about = {"scenario": NULL, "statistic": next(iter(STATISTICS.values())), "seed": 0, "draws": 99, "say": told.append}
    path.write_bytes(content)
    assert open_kept(path, **about).cells == {}
    numbers = Result(*(0.5 for _ in Result._fields))
    open_kept(path, **about | {"say": None}).keep("a", [numbers], finished=True)
    whole = path.read_bytes()
    assert open_kept(path, **about).cells == {"a": [numbers]}
    assert open_kept(path, **about | {"seed": 1}).cells == {}
    assert told == [f"  {path} is damaged or of an older version; its runs are made again"]
    for damaged in (whole.replace(b"0.5", b"0.6", 1), whole[:-20]):
        path.write_bytes(damaged)
        assert open_kept(path, **about).cells == {}
    assert told == [told[0]] * 3


def test_a_damaged_file_of_runs_does_not_stop_a_plan_and_is_made_again(tmp_path, capsys):
    about = {"goal": Goal(), "runs": 2, "draws": 99, "seed": 0, "out": tmp_path, "progress": Terminal()}
    model = Model(NULL, "a small world")
    whole = make_plan(model, "r2-people", [Sizes(3, 2, 2), Sizes(4, 2, 2)], **about)
    path = tmp_path / "r2-people" / "runs.json"
    kept = path.read_bytes()
    assert "damaged" not in capsys.readouterr().err
    for damaged in (b"", kept[:-1].replace(b"1", b"2", 1)):
        path.write_bytes(damaged)
        again = make_plan(model, "r2-people", [Sizes(3, 2, 2), Sizes(4, 2, 2)], **about)
        pd.testing.assert_frame_equal(whole.table, again.table)
        assert f"{path} is damaged" in capsys.readouterr().err
        assert path.read_bytes() == kept


def test_no_flipped_bit_of_kept_runs_is_read_as_other_values(tmp_path):
    path = tmp_path / "runs.json"
    write_kept(path, {"rows": [[0, "right", "0.05", "", "1e-09"]], "value": 0.25})
    whole, content = path.read_bytes(), read_kept(path)
    assert content["value"] == 0.25
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1:])
        assert read_kept(path) is None, place
