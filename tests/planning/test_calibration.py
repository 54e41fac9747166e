"""Calibration catches what is wrong, goes on where it was stopped, and depends on nothing but its seed."""

import dataclasses
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from salcompare.cli import main
from salcompare.errors import InputError
from salcompare.findings import calibration_cases
from salcompare.planning import calibrate as runner
from salcompare.planning import simulate_study
from salcompare.planning.calibrate import calibrate, run_calibration
from salcompare.planning.rates import calibration_rates, liberal, noticed, with_fresh
from salcompare.progress import Silent
from salcompare.simulation.cases import (
    FEWER,
    IMAGE,
    POOLS,
    RAGGED_COUNTS,
    SIZES,
    WORDS,
    Case,
    Check,
    Outcome,
    require_cases,
)
from salcompare.simulation.cases import SCENARIOS as PUBLISHED
from salcompare.simulation.studies import (
    between_actor_share,
    expected_laterality,
    label_share,
    place_maps,
    population_share,
)
from salcompare.store import read_csv
from tests.planning.broken import BROKEN, NULL, RIGHT, SCENARIOS, Killed

CASES = calibration_cases()


def content(folder):
    """Bytes of all files below a folder, by name; of chunks too."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class Told(Silent):
    """Keeps what is said."""

    def __init__(self):
        self.lines = []

    def say(self, message):
        self.lines.append(message)


@pytest.fixture(scope="module")
def rates(tmp_path_factory):
    folder = tmp_path_factory.mktemp("broken")
    return calibrate(folder, runs=60, cases=(RIGHT, *BROKEN), scenarios=SCENARIOS), folder


def test_tests_and_intervals_that_are_wrong_on_purpose_are_caught(rates):
    caught = liberal(rates[0])
    assert set(caught["check"]) == {"permuting tasks", "pixels as replicates", "too narrow"}
    assert caught["runs"].tolist() == [120] * 3  # fresh ones, twice as many
    assert caught["first_rate"].notna().all()


def test_a_test_that_is_right_holds_its_level_and_finds_what_is_planted(rates):
    found = rates[0].set_index(["check", "purpose"])
    assert found.loc[("right", "level"), "verdict"] == "holds"
    assert found.loc[("right", "power"), "verdict"] == "found"


def test_the_page_names_what_fails_beside_its_chart_and_its_table(rates):
    page = (rates[1] / "calibration.md").read_text()
    assert page.rindex("permuting tasks") > page.index("## Liberal")
    assert "3 tests in 3 cells where the null hypothesis is true: 1 hold their 5%" in page
    assert "3 cells looked liberal in the first runs: the rates of fresh ones stand here." in page
    assert "](calibration.png)" in page
    assert (rates[1] / "calibration.png").is_file()
    assert pd.read_csv(rates[1] / "calibration.csv")["check"].tolist() == rates[0]["check"].tolist()


def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "CHUNK", 4)
    whole = calibrate(tmp_path / "whole", runs=10, cases=(RIGHT,), scenarios=SCENARIOS)
    killed = dataclasses.replace(RIGHT, measure=Killed(RIGHT.measure, 9, tmp_path / "flag"))
    with pytest.raises(KeyboardInterrupt):
        calibrate(tmp_path / "parts", runs=10, cases=(killed,), scenarios=SCENARIOS)
    kept = content(tmp_path / "parts")
    assert 0 < len(kept) < len(content(tmp_path / "whole"))
    again = calibrate(tmp_path / "parts", runs=10, cases=(RIGHT,), scenarios=SCENARIOS)
    pd.testing.assert_frame_equal(whole, again)
    assert content(tmp_path / "parts") == content(tmp_path / "whole")
    assert kept.items() <= content(tmp_path / "parts").items()


def test_chunks_that_are_damaged_or_another_s_are_told_and_run_again(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "CHUNK", 2)
    told = Told()
    about = {"cases": (RIGHT,), "scenarios": SCENARIOS, "folder": tmp_path, "runs": 4, "progress": told}
    whole = run_calibration(**about)
    kept = content(tmp_path)
    first, second, *_ = paths = sorted(tmp_path.rglob("*.json"))
    assert len(paths) == len(kept) == 4
    at = first.read_bytes().index(b"0.")
    flips = [first.read_bytes()[:place] + bytes([first.read_bytes()[place] ^ 1]) + first.read_bytes()[place + 1:]
             for place in (0, at + 2, len(first.read_bytes()) - 5)]
    for damaged in (*flips, b"", first.read_bytes()[:-9]):
        first.write_bytes(damaged)
        pd.testing.assert_frame_equal(run_calibration(**about), whole)
        assert told.lines.pop() == f"  {first} is damaged or of an older version; its runs are made again"
        assert content(tmp_path) == kept
    first.write_bytes(second.read_bytes())  # whole, but of other runs
    pd.testing.assert_frame_equal(run_calibration(**about), whole)
    assert (content(tmp_path), told.lines) == (kept, [])


def test_outcomes_come_back_from_chunks_as_they_were_rounded(tmp_path):
    given = Outcome(1 / 3, float("inf"), -1e-300, float("nan"), 0.1 + 0.2)
    case = Case("odd", lambda study, rng: {'a "b", c': given}, (Check('a "b", c', "test", "", ("null",)),))
    for _ in range(2):
        row = run_calibration((case,), {"null": NULL}, tmp_path, runs=1).iloc[0]
        assert (row["check"], row["run"]) == ('a "b", c', 0)
        np.testing.assert_array_equal(row[list(Outcome._fields)].to_numpy(float),
                                      [0.333333333, np.inf, -1e-300, np.nan, 0.3])


@pytest.mark.slow
def test_two_processes_give_what_one_gives(tmp_path, monkeypatch):
    one = run_calibration((RIGHT,), SCENARIOS, tmp_path / "one", runs=3)
    two = run_calibration((RIGHT,), SCENARIOS, tmp_path / "two", runs=3, jobs=2)
    pd.testing.assert_frame_equal(one, two)
    assert content(tmp_path / "one") == content(tmp_path / "two")


def test_runs_do_not_depend_on_what_else_is_run_nor_on_how_they_are_cut(tmp_path, monkeypatch):
    alone = run_calibration((RIGHT,), SCENARIOS, tmp_path / "alone", runs=6)
    monkeypatch.setattr(runner, "CHUNK", 5)
    beside = run_calibration((*BROKEN, RIGHT), SCENARIOS, tmp_path / "beside", runs=9)
    pd.testing.assert_frame_equal(
        alone, beside[(beside["check"] == "right") & (beside["run"] < 6)].reset_index(drop=True))


def test_more_runs_keep_those_that_are_there_and_other_settings_do_not(tmp_path):
    case = dataclasses.replace(RIGHT, checks=(Check("right", "test", "", ("null",)),))
    few = run_calibration((case,), {"null": NULL}, tmp_path, runs=25)
    before = content(tmp_path)
    more = run_calibration((case,), {"null": NULL}, tmp_path, runs=50)
    assert before.items() < content(tmp_path).items()
    pd.testing.assert_frame_equal(few, more[:25])
    other = run_calibration((case,), {"null": NULL.replace(noise=0.5)}, tmp_path, runs=25)
    assert not other["p"].equals(few["p"])


def test_data_that_allow_no_number_are_counted_as_undefined(tmp_path):
    def refuses(study, rng):
        raise InputError(())

    case = Case("refuses", refuses, (Check("refuses", "test", "", ("null",)),))
    row = calibration_rates(run_calibration((case,), {"null": NULL}, tmp_path, runs=3), (case,)).iloc[0]
    assert (row["runs"], row["n_undefined"], row["verdict"]) == (0, 3, "refused")
    assert np.isnan(row["rate"])


def outcomes(*rows):
    columns = ("scenario", "run", "check", "p", "estimate", "low", "high", "truth")
    return pd.DataFrame(rows, columns=columns)


def test_rates_by_hand():
    nan = np.nan
    case = Case("c", right := (lambda study, rng: {}), (
        Check("t", "test", "", ("null",), ("planted",)), Check("i", "interval", "", ("null",))))
    table = outcomes(
        ("null", 0, "t", 0.05, nan, nan, nan, nan), ("null", 1, "t", 0.051, nan, nan, nan, nan),
        ("null", 2, "t", nan, nan, nan, nan, nan), ("planted", 0, "t", 0.01, nan, nan, nan, nan),
        ("null", 0, "i", nan, 1.0, 0.0, 1.5, nan),  # without a truth, the mean of the estimates: 2
        ("null", 1, "i", nan, 3.0, 2.0, 4.0, nan), ("null", 2, "i", nan, 2.0, nan, nan, nan))
    found = calibration_rates(table, (case,)).set_index(["check", "scenario"])
    level, power, cover = (found.loc[key] for key in (("t", "null"), ("t", "planted"), ("i", "null")))
    assert (level["runs"], level["n_undefined"], level["count"], level["rate"]) == (2, 1, 1, 0.5)
    assert (power["purpose"], power["rate"], power["verdict"]) == ("power", 1.0, "found")
    assert (cover["runs"], cover["n_undefined"], cover["count"]) == (2, 1, 1)
    assert (cover["mean_estimate"], cover["mean_truth"]) == (2.0, 2.0)
    assert level["mc_low"] == pytest.approx(stats.beta.ppf(0.025, 1, 2))
    assert right


@pytest.mark.parametrize(("kind", "hits", "verdict"), [
    ("test", 65, "liberal"), ("test", 64, "holds"), ("test", 37, "holds"), ("test", 36, "conservative"),
    ("interval", 935, "liberal"), ("interval", 936, "holds"), ("interval", 963, "holds"),
    ("interval", 964, "conservative")])
def test_verdicts_are_by_the_exact_interval_on_both_sides(kind, hits, verdict):
    """Of 1,000 studies: where the ends of the exact interval cross 5% and 95%, from scipy's beta quantiles."""
    nominal = 0.05 if kind == "test" else 0.95
    low, high = stats.beta.ppf(0.025, hits, 1001 - hits), stats.beta.ppf(0.975, hits + 1, 1000 - hits)
    assert (low <= nominal <= high) == (verdict == "holds")
    case = Case("c", lambda study, rng: {}, (Check("t", kind, "", ("null",)),))
    hit, miss = ((0.01, 0.9) if kind == "test" else (1.0, 9.0))
    rows = [("null", run, "t", hit if run < hits else miss, 1.0, 0.0, 2.0, hit if run < hits else miss)
            for run in range(1000)]
    row = calibration_rates(outcomes(*rows), (case,)).iloc[0]
    assert (row["verdict"], row["count"], row["runs"]) == (verdict, hits, 1000)


def test_what_so_many_studies_notice_is_what_simulation_says():
    rate = noticed(1000)
    drawn = np.random.default_rng(0).binomial(1000, rate, 20_000)
    assert np.mean(drawn >= 65) == pytest.approx(0.8, abs=0.01)  # 65 of 1,000 is liberal, 64 is not: above
    assert noticed(4000) < rate


def test_fresh_runs_alone_judge_what_looked_liberal():
    case = Case("c", lambda study, rng: {}, (Check("t", "test", "", ("null", "other")),))
    ps = {"null": 0.01, "other": 0.5}
    first = calibration_rates(outcomes(*((name, run, "t", p, *[np.nan] * 4) for name, p in ps.items()
                                         for run in range(50))), (case,))
    fresh = calibration_rates(outcomes(*(("null", run, "t", 0.5, *[np.nan] * 4) for run in range(50, 150))), (case,))
    both = with_fresh(first, fresh)
    assert both["verdict"].tolist() == ["conservative", "holds"]
    assert both["runs"].tolist() == [100, 50]
    assert both["first_rate"].tolist()[0] == 1.0
    assert np.isnan(both["first_rate"].tolist()[1])


def test_names_that_repeat_or_that_nobody_knows_are_refused():
    twice = (RIGHT, RIGHT, Case("x", RIGHT.measure, (Check("y", "test", "", ("nowhere",)),)))
    with pytest.raises(InputError, match="is listed twice") as error:
        require_cases(twice, SCENARIOS)
    assert "scenario 'nowhere'" in str(error.value)
    with pytest.raises(InputError, match="--runs"):
        run_calibration((RIGHT,), SCENARIOS, None, runs=0)


def test_the_published_calibration_is_of_todays_checks_and_nothing_is_liberal():
    rows = read_csv(Path(__file__).parents[2] / "docs" / "calibration.csv")
    now = {(check.name, scenario): check.what for case in CASES for check in case.checks
           for scenario in check.scenarios}
    assert {(row.check, row.scenario): row.what for row in rows.itertuples()} == now
    assert liberal(rows).empty


def test_no_case_is_of_people_with_their_workers_held_fixed_or_of_the_welch_statistic():
    assert not {"common_laterality_test(human)", "asymmetry_test(human)", "relative_test(variance='welch')"} & {
        case.name for case in CASES}


def test_every_published_case_names_scenarios_that_are_described():
    require_cases(CASES, PUBLISHED)
    assert set(WORDS) == set(PUBLISHED)
    covered = [check.scenarios for case in CASES for check in case.checks if check.kind == "interval"]
    assert sum(set(SIZES) <= set(names) for names in covered) >= 20


@pytest.mark.parametrize("name", list(PUBLISHED))
def test_every_case_gives_what_its_checks_name_in_every_scenario(name):
    study = simulate_study(PUBLISHED[name], rng=np.random.default_rng(6))
    for case in CASES:
        if name in case.scenarios:
            outcomes = case.measure(study, np.random.default_rng(6))
            assert {check.name for check in case.checks} <= set(outcomes), case.name
            tests = [outcomes[check.name].p for check in case.checks if check.kind == "test" and name in check.holds]
            if (case.name, name) == ("variance_explained(human)", POOLS):  # workers are confounded with actors
                assert np.isnan(tests).all()
            else:
                assert all(0 < p <= 1 for p in tests), case.name


def test_a_small_calibration_holds():
    """Twenty studies of two nulls: a test that is wrong by much would not pass."""
    quick = {"variance_explained(classifier)", "label_differences", "relative_test", "overlap_tests(pearson)"}
    cases = tuple(case for case in CASES if case.name in quick)
    assert len(cases) == len(quick)
    few = {name: PUBLISHED[name] for name in (IMAGE, RAGGED_COUNTS)}
    cases = tuple(dataclasses.replace(case, checks=tuple(
        dataclasses.replace(check, holds=tuple(set(check.holds) & set(few)), finds=())
        for check in case.checks)) for case in cases)
    with tempfile.TemporaryDirectory() as folder:
        rates = calibration_rates(run_calibration(cases, few, Path(folder), runs=20), cases)
    assert len(rates) >= 10
    assert rates["runs"].min() >= 18  # a few may be refused
    tests = rates[rates["kind"] == "test"]
    assert (stats.binom.sf(tests["count"] - 1, tests["runs"], 0.05) > 1e-4).all()


def test_scenarios_of_coverage_and_power_are_run_less_often(tmp_path):
    found = run_calibration((RIGHT,), SCENARIOS, tmp_path, runs=6, fewer={"planted": 4})
    assert found.groupby("scenario")["run"].nunique().to_dict() == {"null": 6, "planted": 2}
    assert not set(FEWER) & {name for case in CASES for check in case.checks for name in check.holds
                             if check.kind == "test"}


def test_the_command_writes_the_page(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(runner, "calibration_cases", lambda: (RIGHT,))
    monkeypatch.setattr(runner.calibrate, "__kwdefaults__", runner.calibrate.__kwdefaults__ | {"scenarios": SCENARIOS})
    assert main(["calibrate", "--runs", "4", "--out", str(tmp_path / "out")]) == 0
    assert str(tmp_path / "out" / "calibration.md") in capsys.readouterr().out
    assert (tmp_path / "out" / "calibration.md").read_text().startswith("# Calibration")
    assert main(["calibrate", "--runs", "0", "--out", str(tmp_path / "out")]) == 2


def test_the_command_runs_one_finding_or_test_and_lists_the_names_beside_an_unknown_one(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    ran = {}

    def stopped(cases, *_, **__):
        ran["cases"] = cases
        raise InputError("stopped")

    monkeypatch.setattr(runner, "run_calibration", stopped)
    for name, expected in (("unique", {"unique_agreement", "equivalence"}),
                           ("unique agreement, sign flips", {"unique_agreement"})):
        assert main(["calibrate", "--only", name]) == 2
        assert {case.name for case in ran["cases"]} == expected
    assert main(["calibrate", "--only", "uniqe"]) == 2
    assert "'uniqe' is not calibrated; expected one of unique, unique_agreement" in capsys.readouterr().err


def test_the_true_share_between_actors_is_nothing_without_actor_effects_and_what_many_images_give_with_them():
    settings = PUBLISHED["8 actors"].replace(grid=(8, 8))
    study = simulate_study(settings.replace(actor_spread=0.0), rng=np.random.default_rng(0))
    assert between_actor_share(study) == pytest.approx(0, abs=1e-12)
    many = simulate_study(settings.replace(n_images=150, n_workers=400), rng=np.random.default_rng(1))
    values = many.human["coverage"].to_numpy().reshape(8, 150, -1).astype(float)
    within = values.var(axis=1, ddof=1).sum(axis=-1).mean()
    between = values.mean(axis=1).var(axis=0, ddof=1).sum() - within / 150
    few = dataclasses.replace(many, scenario=settings)  # the same actors; images do not enter
    assert between_actor_share(few) == pytest.approx(between / (between + within), rel=0.1)


def test_the_true_share_of_all_actors_is_the_mean_of_these_actors():
    settings = PUBLISHED["40 actors"].replace(grid=(8, 8))
    drawn = [between_actor_share(simulate_study(settings, rng=np.random.default_rng(seed))) for seed in range(20)]
    assert population_share(settings) == pytest.approx(np.mean(drawn), rel=0.06)


def test_the_true_laterality_follows_the_preferred_side():
    assert expected_laterality(PUBLISHED["left preference"]) > 0.02
    assert abs(expected_laterality(PUBLISHED["shared geometry"])) < 0.01


def test_places_maps_add_up_to_the_mean_human_map():
    settings = PUBLISHED["shared geometry"].replace(n_actors=1, n_images=400, n_workers=400, per_image=40,
                                                    favourite=0.0)
    human = simulate_study(settings, rng=np.random.default_rng(2)).human
    drawn = human["coverage"].mean("image").to_numpy().ravel()
    off = settings.geometry.shares @ place_maps(settings) - drawn  # both are simulated, with workers of their own
    assert np.sqrt((off**2).mean()) < 0.04 * drawn.max()


def test_the_true_label_share_is_the_actors_where_images_do_not_differ():
    study = simulate_study(PUBLISHED["17 actors"].replace(image_spread=0.0), rng=np.random.default_rng(3))
    np.testing.assert_allclose(label_share(study, "eyes"), study.truth.label_shares["eyes"])


def test_an_outcome_without_numbers_is_undefined():
    assert all(np.isnan(value) for value in Outcome())


def test_processes_end_when_the_one_that_started_them_is_killed(tmp_path):
    script = ("from tests.planning.broken import RIGHT, SCENARIOS\n"
              "from salcompare.planning.calibrate import run_calibration\nfrom pathlib import Path\n"
              f"if __name__ == '__main__':\n    run_calibration((RIGHT,), SCENARIOS, Path({str(tmp_path / 'runs')!r}), "
              "runs=100_000, jobs=2)\n")
    (tmp_path / "run.py").write_text(script)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen([sys.executable, tmp_path / "run.py"], env=environment, stdout=subprocess.PIPE) as parent:
        while not any((tmp_path / "runs").rglob("*.json")):
            assert parent.poll() is None, "it ended before it was killed"
            time.sleep(0.02)
        parent.kill()
        parent.communicate(timeout=300)  # comes back once every process that holds the same output has ended
