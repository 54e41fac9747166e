"""What is stale, why, and what a run does about it."""

import dataclasses
import multiprocessing

import pytest

from salcompare.config import Config
from salcompare.errors import ConfigError, InputError, MissingDependencyError, Problem, StaleError
from salcompare.progress import Silent
from salcompare.stages import Stage, needed, require, run, standings
from salcompare.study import Study


@pytest.fixture
def study(tmp_path):
    """A study whose two stages write a file each and note that they ran."""
    ran, raw = [], {"raw.csv": "hash"}

    def make(name):
        def write(found, _fingerprint, _progress):
            ran.append(name)
            (found.processed / name).write_text(name)
        return write

    def stages(found):
        return [
            Stage("first", (), {"maps": found.config.maps}, make("first"), inputs=dict(raw),
                  outputs=(found.processed / "first",)),
            Stage("second", ("first",), {"report": found.config.report}, make("second"),
                  outputs=(found.processed / "second",)),
        ]

    made = Study(tmp_path, Config(), stages)
    made.ran, made.raw = ran, raw
    return made


@pytest.fixture(autouse=True)
def _open_study(monkeypatch):
    """Let the tests hang what they watch on the frozen study."""
    monkeypatch.setattr(Study, "__setattr__", object.__setattr__)


def with_config(study, **sections):
    changed = Study(study.root, dataclasses.replace(study.config, **sections), study.list_stages)
    changed.ran, changed.raw = study.ran, study.raw
    return changed


def test_a_run_makes_each_stage_once_and_a_second_run_nothing(study):
    assert run(study, progress=Silent()) == ["first", "second"]
    assert run(study, progress=Silent()) == []
    assert {standing.state for standing in standings(study).values()} == {"current"}


def test_a_changed_setting_reruns_the_stages_that_depend_on_it_and_says_which_it_was(study):
    run(study, progress=Silent())
    maps = dataclasses.replace(study.config.maps, mask_share=0.1)
    found = standings(with_config(study, maps=maps))
    assert found["first"].reason == "setting maps.mask_share changed"
    assert found["second"].reason == "first changed"
    report = dataclasses.replace(study.config.report, actors=("ann",))
    assert run(with_config(study, report=report), progress=Silent()) == ["second"]


def test_a_changed_file_is_named(study):
    run(study, progress=Silent())
    study.raw["raw.csv"] = "other"
    assert standings(study)["first"].reason == "raw.csv changed"


def test_a_deleted_result_is_made_again(study):
    run(study, progress=Silent())
    (study.processed / "second").unlink()
    assert standings(study)["second"].reason == "data/processed/second is gone"
    assert run(study, progress=Silent()) == ["second"]


def test_a_stage_that_fails_is_not_recorded_and_the_next_run_goes_on_from_it(study):
    ours = study.stages()

    def failing(_study, _fingerprint, _progress):
        message = "killed"
        raise RuntimeError(message)

    study.list_stages = lambda _: [ours[0], dataclasses.replace(ours[1], make=failing)]
    with pytest.raises(RuntimeError, match="killed"):
        run(study, progress=Silent())
    study.list_stages = lambda _: ours
    assert run(study, progress=Silent()) == ["second"]


def test_until_runs_what_the_stage_needs_and_no_more(study):
    assert needed(study, "second") == {"first", "second"}
    assert run(study, until="first", progress=Silent()) == ["first"]
    with pytest.raises(InputError, match="one of first, second"):
        run(study, until="third", progress=Silent())


def test_reading_what_is_missing_or_stale_names_the_command(study):
    with pytest.raises(StaleError, match=r"first: missing \(not made yet\); run: salcompare run --until first --study"):
        require(study, "first")


def test_a_study_made_by_hand_says_that_it_has_no_stages(tmp_path):
    with pytest.raises(StaleError, match=r"made without its stages; open it with salcompare\.open_study"):
        _ = Study(tmp_path, Config()).images


def _hold(root, ready, done):
    from salcompare.stages import _alone

    with _alone(Study(root, Config())):
        ready.set()
        done.wait(20)


def test_two_runs_at_once_are_refused(study):
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(study.root, ready, done))
    other.start()
    try:
        assert ready.wait(30)
        with pytest.raises(InputError, match="another run is working here"):
            run(study, progress=Silent())
    finally:
        done.set()
        other.join()
    assert run(study, progress=Silent()) == ["first", "second"]


def refusing(study, **refusals):
    """Give stages of the study checks that note their call and may refuse."""
    study.checked = []

    def check_of(name):
        def check(_study, _progress):
            study.checked.append(name)
            if name in refusals:
                raise refusals[name]
        return check

    made = study.list_stages
    study.list_stages = lambda found: [dataclasses.replace(stage, check=check_of(stage.name)) for stage in made(found)]


def test_what_a_later_stage_lacks_is_said_before_the_first_is_run(study):
    refusing(study, second=MissingDependencyError("no weights"))
    with pytest.raises(MissingDependencyError, match="no weights"):
        run(study, progress=Silent())
    assert study.ran == []


def test_all_that_stages_lack_is_said_in_one_error(study):
    missing = [MissingDependencyError(Problem(f"{name}.pth", "is missing")) for name in ("a", "b")]
    refusing(study, first=missing[0], second=missing[1])
    with pytest.raises(MissingDependencyError, match=r"a\.pth: is missing\nb\.pth: is missing"):
        run(study, progress=Silent())
    refusing(study, first=missing[0], second=ConfigError(Problem("c", "is wrong")))
    with pytest.raises(InputError, match=r"a\.pth: is missing\nc: is wrong"):
        run(study, progress=Silent())


def test_only_stages_that_will_be_run_are_checked(study):
    refusing(study)
    run(study, until="first", progress=Silent())
    assert study.checked == ["first"]
    run(study, progress=Silent())
    assert study.checked == ["first", "second"]
    run(study, progress=Silent())
    assert study.checked == ["first", "second"]
