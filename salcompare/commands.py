"""What each command of the command line does: one short function each; the work is done elsewhere."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from salcompare import stages
from salcompare.errors import DamagedError, InputError, Problem, StaleError
from salcompare.naming import COMPARISON, seeded
from salcompare.printing import counted
from salcompare.progress import Terminal
from salcompare.store import free_paths

if TYPE_CHECKING:
    import argparse

    import pandas as pd

    from salcompare.study import Study

WATCH_SECONDS = 5.0
CLEARED = "\033[H\033[2J"  # to a terminal


def init(options: argparse.Namespace) -> None:
    """Make a new study."""
    from salcompare.opening import init_study

    for path in init_study(options.directory):
        print(path)
    print(f"Put photographs into {options.directory}/data/raw/photographs/ACTOR/ and responses into "
          f"{options.directory}/data/raw/responses.csv, edit study.toml (its head says what to change for people "
          "alone, a network alone, gaze, clicks or ready-made maps), then run:\n"
          f"salcompare report --study {options.directory}")


def status(options: argparse.Namespace) -> None:
    """Say how each stage stands."""
    study = _study(options)
    standings = stages.standings(study, depth="whole" if options.verify else "quick")
    width = max(map(len, standings))
    for name, standing in standings.items():
        print(f"{name:<{width}}  {standing.state:<8} {standing.reason}")
    _print_plan(study)
    if options.verify and (damaged := [
            fault for standing in standings.values() for fault in stages.damages(study, standing)]):
        raise DamagedError(damaged)


def _print_plan(study: Study) -> None:
    from salcompare.pipeline.frozen import standing

    said, *changed = standing(study)
    print("\n".join([said, *(f"  {change}" for change in changed)]))


def freeze(options: argparse.Namespace) -> None:
    """Write down the plan before the data."""
    from salcompare.pipeline.frozen import NUMBERS, Choice, freeze

    study = _study(options)
    _images(study)
    numbers = {name: getattr(options, name) for name in NUMBERS}
    print(freeze(study, Choice(options.primary, numbers, options.after_data,
                               options.overwrite)))
    _print_plan(study)


def run(options: argparse.Namespace) -> None:
    """Run what is missing or stale."""
    study = _study(options)
    ran = stages.run(study, until=options.until, progress=Terminal())
    print(f"{counted(len(ran), 'stage')} run" if ran else "nothing to do: every stage is up to date")


def train(options: argparse.Namespace) -> None:
    """Train the classifiers and print their accuracies."""
    study = _study(options)
    if not study.config.classifier:
        raise InputError(Problem(str(study.root / "study.toml"), "the study trains no network",
                                 "a [[classifier]] to train", f"run: salcompare report --study {study.root}"))
    for classifier in study.config.classifier:
        for place, seed in enumerate(study.seeds(classifier)):
            stages.run(study, until=seeded(f"train {classifier.name}", place), progress=Terminal())
            print((study.seed_folder(classifier, seed) / "accuracy.csv").read_text(), end="")


def figures(options: argparse.Namespace) -> None:
    """Draw figures."""
    from salcompare.pipeline.presentation import write_figures

    for path in write_figures(_study(options), only=options.only, progress=Terminal()):
        print(path)


def report(options: argparse.Namespace) -> None:
    """Run what is stale and write the report."""
    study = _study(options)
    stages.run(study, progress=Terminal())
    print(study.reports / "report.html")


def compare(options: argparse.Namespace) -> None:
    """Compare two studies."""
    from salcompare.findings.comparison.studies import compare_studies
    from salcompare.findings.comparison.studies_page import write_comparison
    from salcompare.opening import open_study
    from salcompare.pipeline.study_data import compared_study

    free_paths([options.out / COMPARISON], overwrite=options.overwrite)
    one, other = (compared_study(open_study(folder)) for folder in (options.one, options.other))
    compared = compare_studies(one, other)
    tested = int(compared.table["p_value"].notna().sum())
    why = next((f" ({count:,}: {reason})" for reason, count in compared.reasons.items()), "")
    rows = counted(len(compared.table) - tested, "row")
    print(f"{counted(tested, 'difference')} tested, {rows} not{why}; see the page\n"
          f"{write_comparison(compared, options.out)}")


def import_file(options: argparse.Namespace) -> None:
    """Bring boxes drawn in another tool."""
    from salcompare.opening import open_study
    from salcompare.sources import importers

    if options.images:
        images, study = importers.read_catalogue(options.images), None
        usual = options.file.with_name(f"{options.file.stem}_responses.csv")
    else:
        study = open_study(options.study)
        images, usual = study.images, study.root / importers.responses_path(study.config.responses)
    out = options.out or usual
    if out.is_file() or not out.exists():  # a folder is refused when it is written to
        same = out.resolve() == options.file.resolve()
        free_paths([out, importers.refused_path(out)], overwrite=options.overwrite or same)
    chosen = importers.Options(tuple(options.status), options.worker, options.clip, options.voc_origin, options.image)
    imported = importers.import_responses(options.file, images, file_format=options.format, options=chosen)
    importers.write_imported(imported, out, source=options.file)
    hints = importers.settings_to_change(study.config.responses, out, root=study.root) if study else []
    print("\n".join([imported.described, str(out), str(importers.refused_path(out)), *hints]))


def landmarks(options: argparse.Namespace) -> None:
    """Find the faces' landmarks in a study's photographs."""
    from salcompare.faces.detection import detect_landmarks, open_detector
    from salcompare.faces.files import write_landmarks
    from salcompare.faces.schemes import described_faces
    from salcompare.sources import read_photograph, survey_photographs

    free_paths([options.out], overwrite=options.overwrite)
    study, journal = _study(options), options.out.with_name(f"{options.out.name}.unfinished")
    images, located = survey_photographs(study.config.images, root=study.root, progress=Terminal())
    with open_detector(options.model) as detector:
        made = detect_landmarks(images, lambda image: read_photograph(located[image].path, box=located[image].box),
                                detector, journal=journal, progress=Terminal())
    write_landmarks(options.out, made, images["sha256"])
    journal.unlink()
    print("\n".join([*described_faces(made), str(options.out)]))


def collect(options: argparse.Namespace) -> None:
    """Serve the task, or show how collection stands."""
    from salcompare.collect.serve import announcement, open_task, serve
    from salcompare.collect.stimuli import load_stimuli

    study = _study(options)
    if options.monitor:
        _show_collection(study)
        return
    _images(study)
    if study.config.collect.images == "all" and study.compares and not study.images["split"].eq("test").all():
        raise InputError(Problem("study.toml [collect] images", "'all'", "'test', as answers on other photographs are "
                                 "left out of a study with a classifier, whose maps are of test photographs",
                                 "set images = \"test\", or classifier = [] for a study of people alone"))
    task = open_task(load_stimuli(study.images, study.config, root=study.root), root=study.root)
    serve(task, host=options.host, port=options.port,
          started=lambda used: print(announcement(task, host=options.host, port=used)))


def _show_collection(study: Study) -> None:
    """Print how a collection stands, beside a running server or without one; on a terminal again and again."""
    from salcompare.collect.database import open_database
    from salcompare.collect.monitor import printed, standing
    from salcompare.collect.stimuli import load_stimuli
    from salcompare.sources.collected import DATABASE

    database = open_database(study.root / DATABASE, create=False)
    stimuli = load_stimuli(study.images, study.config, root=study.root)
    while True:
        with database.reading() as connection:
            text = printed(standing(connection, stimuli, time.time()))
        if not sys.stdout.isatty():
            print(text)
            return
        print(f"{CLEARED}{text}", flush=True)
        time.sleep(WATCH_SECONDS)


def export(options: argparse.Namespace) -> None:
    """Write what was collected as tables."""
    from salcompare.collect.export import export_responses
    from salcompare.collect.keys import existing_keys

    root = _study(options).root
    for path in export_responses(root, options.out, existing_keys(root), overwrite=options.overwrite):
        print(path)


def export_lme4(options: argparse.Namespace) -> None:
    """Write outcomes of boxes for crossed mixed models in R."""
    from salcompare.pipeline.responses import write_outcomes

    study = _study(options)
    for path in write_outcomes(study, options.out or study.root / "reports" / "lme4", overwrite=options.overwrite):
        print(path)


def forget_worker(options: argparse.Namespace) -> None:
    """Delete a worker and all their answers, and say what else still holds them."""
    from salcompare.collect.forgetting import forget_worker
    from salcompare.collect.keys import existing_keys

    root = _study(options).root
    done = forget_worker(root, options.worker, existing_keys(root), kind=options.kind)
    if done.answers is None:
        print(f"no worker {options.worker!r} is there any more, and what was left in the log of one deleted before is "
              "now gone")
    else:
        print(f"forgotten, with {done.answers} answer{'' if done.answers == 1 else 's'}")
    if done.elsewhere:
        print("These files still name them: " + ", ".join(path.relative_to(root).as_posix() for path in done.elsewhere))
    print("Run salcompare export again if there are tables, and salcompare report if the study reads the database; "
          "delete backups and copies elsewhere yourself.")


def calibrate(options: argparse.Namespace) -> None:
    """Simulate studies and write how often every test is wrong."""
    from salcompare.findings import cases_of
    from salcompare.planning.calibrate import calibrate
    from salcompare.planning.calibration_page import summary

    cases = None if options.only is None else cases_of(options.only)
    part = "" if options.only is None else "-" + re.sub(r"\W+", "_", options.only)
    out = options.out or Path(f"reports/calibration{part}")
    goes_on = (out / "runs").is_dir()  # a calibration of before, which is gone on with
    free_paths((out / name for name in ("calibration.md", "calibration.csv")),
               overwrite=goes_on or options.overwrite)
    rates = calibrate(out, runs=options.runs, seed=options.seed, jobs=options.jobs, cases=cases, progress=Terminal())
    for line in (*summary(rates), out / "calibration.md"):
        print(line)


def power(options: argparse.Namespace) -> None:
    """Say how large a study must be."""
    from salcompare.planning.plans import make_plan, named_model, pilot_model
    from salcompare.planning.power_runs import STATISTICS, Goal, grid, planned_statistic

    if options.statistic is None:
        print("\n".join(statistic.described for statistic in STATISTICS.values()))
        return
    sizes = grid(options.actors, options.images, options.workers)
    out = options.out or Path("reports/power")
    if options.study is None:
        model = named_model(options.scenario)
    else:
        from salcompare.pipeline import study_pilot

        study = _study(options)
        model = pilot_model(study_pilot(study, classifier=planned_statistic(options.statistic).classifier))
        out = options.out or study.reports / "power"
    free_paths([options.out / options.statistic] if options.out else [], overwrite=options.overwrite)
    goal = Goal(options.level, options.target_power, options.half_width)
    plan = make_plan(model, options.statistic, sizes, goal=goal, runs=options.runs, draws=options.permutations,
                     seed=options.seed, out=out, progress=Terminal())
    print("\n".join([plan.printed, "", *plan.words, "", *map(str, plan.paths)]))


def _images(study: Study) -> pd.DataFrame:
    """Give a study's catalogue, made anew where it is not up to date."""
    try:
        return study.images
    except StaleError:
        stages.run(study, until="photographs", progress=Terminal())
        return study.images


def _study(options: argparse.Namespace) -> Study:
    from salcompare.opening import open_study

    return open_study(options.study, clip=getattr(options, "clip", False),
                      drop_invalid=getattr(options, "drop_invalid", False))
