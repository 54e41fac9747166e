"""The stages of a study: what each needs and makes, which are stale and why, and running them.

A stage's fingerprint follows from its settings, the hashes of the raw files it reads and the fingerprints of the
stages it needs. It is current when the record that its last run left carries that fingerprint.
"""

from __future__ import annotations

import contextlib
import json
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import salcompare
from salcompare import store
from salcompare.errors import InputError, Problem, StaleError, meant
from salcompare.provenance import canonical_json, fingerprint

if TYPE_CHECKING:
    from salcompare.progress import Progress
    from salcompare.study import Study

State = Literal["current", "missing", "stale"]


@dataclass(frozen=True)
class Stage:
    """One step of the pipeline.

    Attributes
    ----------
    name : str
        Shown by ``salcompare status``.
    needs : tuple of str
        Stages whose results it reads.
    settings : mapping
        The part of study.toml that its result depends on.
    inputs : mapping
        SHA-256 of each raw file it reads.
    make : callable
        Does the work; given the study, its own fingerprint and the progress.
    outputs : tuple of Path
        What must be there for the stage to be current.
    check : callable, optional
        Given the study and the progress, refuses what this stage could not do; called as soon as the photographs
        are there, before any other stage is run.
    """

    name: str
    needs: tuple[str, ...]
    settings: Mapping[str, object]
    make: Callable[[Study, str, Progress], None]
    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: tuple[Path, ...] = ()
    check: Callable[[Study, Progress], None] | None = None


@dataclass(frozen=True)
class Standing:
    """Whether a stage's result can be used, and if not, why."""

    stage: Stage
    fingerprint: str
    state: State
    reason: str


def standings(study: Study) -> dict[str, Standing]:
    """Say of every stage, in running order, whether its result is current, and if not, why."""
    found: dict[str, Standing] = {}
    for stage in study.stages():
        prints = {need: found[need].fingerprint for need in stage.needs}
        own = fingerprint([salcompare.__version__, stage.name, stage.settings, stage.inputs, prints])
        state, reason = _judge(study, stage, own, [need for need in stage.needs if found[need].state != "current"])
        found[stage.name] = Standing(stage, own, state, reason)
    return found


def require(study: Study, name: str) -> None:
    """Raise a `StaleError` that names the command to run, unless the stage is current."""
    standing = standings(study)[name]
    if standing.state != "current":
        raise StaleError(Problem(f"{study.root}: {name}", f"{standing.state} ({standing.reason})",
                                 remedy=f"run: {command(study, name)}"))


def command(study: Study, stage: str) -> str:
    """Write the command that makes a stage of a study, and all that it needs."""
    return f"salcompare run --until {shlex.quote(stage)} --study {shlex.quote(str(study.root))}"


def run(study: Study, *, until: str | None = None, progress: Progress) -> list[str]:
    """Run every stage that is missing or stale, in order, up to `until` (all if None); give the names of those run."""
    ran = []
    with _alone(study):
        found = standings(study)
        names, wanted = list(found), needed(study, until) if until else set(found)
        checked = False
        for number, name in enumerate(names, 1):
            standing = standings(study)[name] if name in wanted else None
            if standing is None or standing.state == "current":
                continue
            progress.say(f"[{number}/{len(names)}] {name}: {standing.reason}")
            # Errors of the photographs come first, so it is not until they are there that other stages are checked.
            if (standing.stage.needs or standing.stage.check) and not checked:
                _check(study, [found[name] for name in names if name in wanted], progress)
                checked = True
            standing.stage.make(study, standing.fingerprint, progress)
            _record(study, standing)
            ran.append(name)
    return ran


def _check(study: Study, wanted: list[Standing], progress: Progress) -> None:
    """Let every stage that is to be run refuse what it could not do, all at once, before hours are spent on others."""
    errors: list[InputError] = []
    for check in dict.fromkeys(standing.stage.check for standing in wanted if standing.state != "current"):
        try:
            if check is not None:
                check(study, progress)
        except InputError as error:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        kind = type(errors[0]) if len({type(error) for error in errors}) == 1 else InputError
        raise kind([problem for error in errors for problem in error.problems]) from errors[0]


def same_settings(study: Study, name: str, settings: Mapping[str, object]) -> bool:
    """Whether the last run of a stage had these settings."""
    path = _record_path(study, name)
    return path.exists() and store.read_json(path).get("settings") == json.loads(canonical_json(settings))


def needed(study: Study, until: str) -> set[str]:
    """Names of a stage and all that it needs, directly or not."""
    found = standings(study)
    if until not in found:
        raise InputError(Problem("stage", repr(until), "one of " + ", ".join(found), meant(until, found)))
    wanted, left = set(), [until]
    while left:
        name = left.pop()
        wanted.add(name)
        left += [need for need in found[name].stage.needs if need not in wanted]
    return wanted


def _judge(study: Study, stage: Stage, own: str, waiting: list[str]) -> tuple[State, str]:
    path = _record_path(study, stage.name)
    if not path.exists():
        return "missing", "not made yet"
    record = store.read_json(path)
    gone = [output.relative_to(study.root).as_posix() for output in stage.outputs if not _whole(output)]
    if gone:
        return "missing", f"{', '.join(gone)} is gone"
    if record.get("fingerprint") != own:
        return "stale", _difference(record, stage, waiting)
    if waiting:
        return "stale", f"{', '.join(waiting)} must be made first"
    return "current", "up to date"


def _difference(record: Mapping[str, Any], stage: Stage, waiting: list[str]) -> str:
    """Name the settings or files that changed since the stage's last run."""
    if record.get("version") != salcompare.__version__:
        return f"made by salcompare {record.get('version')}"
    now = json.loads(canonical_json({"settings": stage.settings, "inputs": stage.inputs}))
    changed = [f"setting {key} changed" for key in _changes(record.get("settings", {}), now["settings"])]
    files = _changes(record.get("inputs", {}), now["inputs"])
    if files:
        changed.append(f"{files[0]} changed" + (f", and {len(files) - 1} files more" if len(files) > 1 else ""))
    return "; ".join(changed) or f"{', '.join(waiting) or 'a stage it needs'} changed"


def _whole(output: Path) -> bool:
    """Whether an output is there; of a store, also what its manifest points at."""
    if output.parent.name != "reports" and output.suffix == ".json" and output.exists():
        found = store.read_json(output)
        return not isinstance(found, dict) or "store" not in found or (output.parent / found["store"]).exists()
    return output.exists()


def _changes(before: Mapping[str, object], now: Mapping[str, object], prefix: str = "") -> list[str]:
    found = []
    for key in sorted({*before, *now}):
        old, new = before.get(key), now.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            found += _changes(old, new, f"{prefix}{key}.")
        elif old != new:
            found.append(f"{prefix}{key}")
    return found


def _record(study: Study, standing: Standing) -> None:
    stage = standing.stage
    store.write_json(_record_path(study, stage.name), {
        "version": salcompare.__version__, "fingerprint": standing.fingerprint,
        "settings": stage.settings, "inputs": stage.inputs})


def _record_path(study: Study, name: str) -> Path:
    return study.processed / "stages" / (name.replace("/", "-").replace(" ", "-") + ".json")


@contextlib.contextmanager
def _alone(study: Study) -> Iterator[None]:
    """Hold the study against a second run at the same time, where the system can lock files."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    study.processed.mkdir(parents=True, exist_ok=True)
    with (study.processed / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(Problem(str(study.processed), "another run is working here",
                                     remedy="wait for it to end, or stop it")) from error
        yield
