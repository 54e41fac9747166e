"""Running a calibration: simulated studies in chunks, over processes, kept on disk so that a killed run goes on.

Every random number belongs to a seed, a scenario, a run and a case, so results depend neither on the order of the runs
nor on how many processes share them. All cases of a scenario see the same simulated studies.
"""

import contextlib
import dataclasses
import importlib.resources
import os
import shutil
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache, partial
from multiprocessing import get_context, parent_process
from pathlib import Path

import numpy as np
import pandas as pd

from salcompare import provenance
from salcompare.errors import DamagedError, InputError, Problem
from salcompare.findings import calibration_cases
from salcompare.planning.power_runs import read_kept, write_kept
from salcompare.planning.rates import calibration_rates, liberal, with_fresh
from salcompare.progress import Progress, Say, Silent
from salcompare.simulation.cases import FEWER, SCENARIOS, WORDS, Case, Outcome, require_cases
from salcompare.simulation.preferences import stream
from salcompare.simulation.scenario import Scenario
from salcompare.simulation.studies import SimulatedStudy, simulate_study

RUNS = 2000
"""Simulated studies a scenario: the Monte Carlo error of a rate of 5% is then 0.5 percent points."""
FRESH = 2
"""Where a test or interval looks liberal, so many times the first runs are drawn anew, and judge alone: of 200 that
keep their promise exactly some five look liberal by chance."""
CHUNK = 25
"""Runs that one process does at a time, and that are lost at most when it is killed."""
NONE_FEWER: Mapping[str, int] = {}
COLUMNS = ("run", "check", *Outcome._fields)
_SOURCES = ("maps/**/*.py", "simulation/**/*.py", "statistics/**/*.py", "findings/*/calibration.py")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class _Chunk:
    """Some runs of one scenario, and where their outcomes are kept."""

    scenario: str
    settings: Scenario
    cases: tuple[Case, ...]
    runs: range
    seed: int
    path: Path  # sealed JSON of rows with the columns `COLUMNS`

    @property
    def about(self) -> dict[str, object]:
        """What its file says it holds, so that a file that was moved is none of its outcomes."""
        return {"folder": self.path.parent.name, "runs": [self.runs.start, self.runs.stop], "columns": list(COLUMNS)}


def run_calibration(cases: tuple[Case, ...], scenarios: Mapping[str, Scenario], folder: Path, *, runs: int = RUNS,
                    first: int = 0, seed: int = 0, jobs: int = 1, fewer: Mapping[str, int] = NONE_FEWER,
                    progress: Progress | None = None) -> pd.DataFrame:
    """Simulate the scenarios and apply the cases, each in the scenarios that its checks name.

    `runs` studies are simulated of a scenario, the first `first` of them left out, and fewer of those that `fewer`
    names: one in so many. Chunks of outcomes are kept in `folder`, with checksums; a later call with the same cases,
    scenarios, seed and versions takes them from there, and may want more runs. Damaged chunks, of which `progress`
    tells, are run again. Results do not depend on the number of processes, `jobs`, each of one thread.

    Gives one row an outcome: ``scenario``, ``run``, ``check``, ``p``, ``estimate``, ``low``, ``high``, ``truth``, in
    the order of scenarios, runs and cases. Raises `InputError` if a case names no scenario of these, names repeat, or
    there is no run or no process, and `DamagedError` if a chunk cannot be read back as it has just been written.
    """
    require_cases(cases, scenarios)
    problems = [Problem(f"--{name}", str(value), "at least 1") for name, value in (("runs", runs), ("jobs", jobs))
                if value < 1]
    if problems:
        raise InputError(problems)
    numbers = {name: range(-(-first // fewer.get(name, 1)), -(-runs // fewer.get(name, 1))) for name in scenarios}
    chunks = _chunks(cases, scenarios, folder, numbers, seed)
    progress = progress or Silent()
    outcomes = {chunk.path: _read(chunk, progress.say) for chunk in chunks}
    missing = [chunk for chunk in chunks if outcomes[chunk.path] is None]
    for _ in progress.track(_done(missing, jobs), total=len(missing), what="simulated studies, chunks"):
        pass
    outcomes |= {chunk.path: _read(chunk, progress.say) for chunk in missing}
    damaged = [Problem(str(path), "is not what was written a moment ago", "a disk that keeps what it is given",
                       "run again") for path, outcome in outcomes.items() if outcome is None]
    if damaged:
        raise DamagedError(damaged[0])
    return pd.concat([outcomes[chunk.path] for chunk in chunks], ignore_index=True)


def calibrate(folder: Path, *, runs: int = RUNS, seed: int = 0, jobs: int = 1, cases: tuple[Case, ...] | None = None,
              scenarios: Mapping[str, Scenario] = SCENARIOS, words: Mapping[str, str] = WORDS,
              fewer: Mapping[str, int] = FEWER, progress: Progress | None = None) -> pd.DataFrame:
    """Run a calibration, of all findings' cases where none are given, and write its page.

    What looks liberal is judged by `FRESH` times as many fresh runs (`rates.with_fresh`).
    `folder` gets calibration.md, calibration.csv, the chart, and ``runs/`` with what is needed to go on; `words`
    say what each scenario simulates. For the other arguments and errors see `run_calibration`. Gives what the page
    shows, as `rates.calibration_rates` does.
    """
    from salcompare.planning.calibration_page import Setup, write_page  # processes that only simulate draw nothing

    cases = calibration_cases() if cases is None else cases
    run = partial(run_calibration, scenarios=scenarios, folder=folder / "runs", seed=seed, jobs=jobs, fewer=fewer,
                  progress=progress)
    outcomes = run(cases, runs=runs)
    rates = calibration_rates(outcomes, cases)
    doubtful = _restricted(cases, liberal(rates))
    if doubtful:
        rates = with_fresh(rates, calibration_rates(run(doubtful, first=runs, runs=(1 + FRESH) * runs), doubtful))
    studies = {str(name): int(number) for name, number in outcomes.groupby("scenario")["run"].nunique().items()}
    used = {name: words.get(name, "") for name in scenarios if name in studies}
    write_page(rates, Setup(runs, seed, studies, used), folder)
    kept = {path for those in (cases, doubtful) for path in _folders(those, scenarios, folder / "runs", seed).values()}
    for other in (folder / "runs").glob("*-*"):  # of other settings or versions
        if other.is_dir() and other not in kept:
            shutil.rmtree(other, ignore_errors=True)
    return rates


def _restricted(cases: tuple[Case, ...], rates: pd.DataFrame) -> tuple[Case, ...]:
    """Leave of the cases those checks, in those scenarios of their truth, that have a row."""
    cells = set(zip(rates["check"], rates["scenario"], strict=True))
    left = [dataclasses.replace(case, checks=tuple(
        dataclasses.replace(check, holds=holds, finds=()) for check in case.checks
        if (holds := tuple(name for name in check.holds if (check.name, name) in cells)))) for case in cases]
    return tuple(case for case in left if case.checks)


def _run_chunk(chunk: _Chunk) -> Path:
    """Run a chunk's studies and write their outcomes; give the file's path."""
    rows: list[list[object]] = []
    for run in chunk.runs:
        study = simulate_study(chunk.settings, rng=stream(chunk.seed, "study", chunk.scenario, str(run)))
        for case in chunk.cases:  # digits after the ninth may differ between processors
            rng = stream(chunk.seed, "case", case.name, chunk.scenario, str(run))
            rows += [[run, name, *("" if np.isnan(value) else f"{value:.9g}" for value in outcome)]
                     for name, outcome in _measured(case, chunk.scenario, study, rng).items()]
    write_kept(chunk.path, {**chunk.about, "rows": rows})
    return chunk.path


def _folders(cases: tuple[Case, ...], scenarios: Mapping[str, Scenario], folder: Path, seed: int) -> dict[str, Path]:
    """Name the folder of each scenario's chunks: it changes with whatever its outcomes depend on."""
    paths = {}
    for name, settings in scenarios.items():
        about = [[case.name, [check.name for check in case.checks if name in check.scenarios]]
                 for case in _of(cases, name)]
        print_ = provenance.fingerprint([seed, settings, about, CHUNK, dict(provenance.versions()), code_fingerprint()])
        paths[name] = folder / f"{name.replace(' ', '_').replace(',', '')}-{print_}"
    return paths


@cache
def code_fingerprint() -> str:
    """Sixteen hex digits that change with the code that rates follow from, not with what findings make of them."""
    with importlib.resources.as_file(importlib.resources.files("salcompare")) as base:
        files = sorted(path for pattern in _SOURCES for path in base.glob(pattern))
        return provenance.sha256_of_parts(path.read_text(encoding="utf-8") for path in files)[:16]


def _chunks(cases: tuple[Case, ...], scenarios: Mapping[str, Scenario], folder: Path,
            numbers: Mapping[str, range], seed: int) -> list[_Chunk]:
    """Cut all scenarios' runs into chunks; only the last of a scenario may be short, and is named by its end too."""
    where = _folders(cases, scenarios, folder, seed)
    return [_Chunk(name, settings, _of(cases, name), range(start, min(start + CHUNK, numbers[name].stop)), seed,
                  where[name] / f"{start:06d}-{min(start + CHUNK, numbers[name].stop):06d}.json")
            for name, settings in scenarios.items() if _of(cases, name)
            for start in range(numbers[name].start, numbers[name].stop, CHUNK)]


def _measured(case: Case, scenario: str, study: SimulatedStudy, rng: np.random.Generator) -> dict[str, Outcome]:
    """Outcomes of the checks of a scenario; undefined ones where the data allow no number."""
    names = [check.name for check in case.checks if scenario in check.scenarios]
    try:
        outcomes = case.measure(study, rng)
    except InputError:
        return dict.fromkeys(names, Outcome())
    return {name: outcomes[name] for name in names}


def _of(cases: tuple[Case, ...], scenario: str) -> tuple[Case, ...]:
    return tuple(case for case in cases if scenario in case.scenarios)


def _done(chunks: list[_Chunk], jobs: int) -> Iterator[Path]:
    """Run chunks, in this process or in several, and give their files as they are written."""
    if jobs == 1 or len(chunks) < 2:
        yield from map(_run_chunk, chunks)
        return
    with _one_thread(), ProcessPoolExecutor(
            min(jobs, len(chunks)), mp_context=get_context("spawn"), initializer=_end_with_parent) as pool:
        futures = [pool.submit(_run_chunk, chunk) for chunk in chunks]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _end_with_parent() -> None:
    """Have this process end when the one that started it is killed, rather than wait for work for ever."""
    def wait() -> None:
        """End this process once its parent has ended."""
        if (parent := parent_process()) is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Have processes that are started compute with one thread each, or they get in each other's way."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name in _THREADS:
            del os.environ[name]
        os.environ.update({name: value for name, value in before.items() if value is not None})


def _read(chunk: _Chunk, say: Say) -> pd.DataFrame | None:
    """Read a chunk's outcomes; None where there are none, or where its file is damaged, which is said."""
    kept = read_kept(chunk.path, say=say)
    if kept is None or any(kept.get(key) != value for key, value in chunk.about.items()):
        return None
    frame = pd.DataFrame(kept["rows"], columns=list(COLUMNS))
    numbers = {name: pd.to_numeric(frame[name]).astype("float64") for name in Outcome._fields}
    return frame.assign(scenario=chunk.scenario, check=frame["check"].astype("str"), **numbers)[["scenario", *COLUMNS]]
