"""The stages of a study: what each needs and makes, which are stale and why, and running them.

A stage's fingerprint follows from its version, its settings, the hashes of the raw files it reads and the fingerprints
of the stages it needs. It is current when the record that its last run left carries that fingerprint, and all files are
as that run left them.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from salcompare import provenance, records, store
from salcompare.blocks import one_thread
from salcompare.errors import DamagedError, InputError, Problem, StaleError, meant
from salcompare.provenance import canonical_json, fingerprint
from salcompare.records import Depth, Fault, Record

if TYPE_CHECKING:
    from salcompare.config import Attribution
    from salcompare.progress import Progress
    from salcompare.study import Study

State = Literal["current", "missing", "stale", "damaged"]


@dataclass(frozen=True)
class Stage:
    """One step of the pipeline, whose name ``salcompare status`` shows."""

    name: str
    requires: tuple[str, ...]
    """Stages whose results it reads."""
    settings: Mapping[str, object]
    """The part of study.toml that its result depends on."""
    make: Callable[[Study, str, Progress], None]
    """Does the work; given the study, its own fingerprint and the progress."""
    inputs: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of each raw file it reads."""
    outputs: tuple[Path, ...] = ()
    """Files and folders that it makes; all must be there, as they were made, for the stage to be current."""
    check: Callable[[Study, Progress], None] | None = None
    """Refuses what this stage could not do; called as soon as the photographs are there, before others are run."""
    extras: tuple[Path, ...] = ()
    """Files that it makes in some studies only."""
    version: int = 1
    """Counts changes of what it makes of the same inputs and settings; raised, older results are made again."""
    begun: Callable[[Study], str] | None = None
    """Says how far a run that was stopped has come; empty where that is not known."""
    note: Callable[[Study], str] | None = None
    """Says something of a result that is current, or nothing."""


@dataclass(frozen=True)
class Standing:
    """Whether a stage's result can be used, and if not, why: it is missing, made from something else, or damaged."""

    stage: Stage
    fingerprint: str  # what its result would have now
    state: State
    reason: str
    record: Record | None = None  # what its last run left, if that can be read


def standings(study: Study, *, depth: Depth = "quick", of: Collection[str] | None = None) -> dict[str, Standing]:
    """Say of every stage, in running order, whether its result is current, and if not, why.

    Stored files are looked at as far as `depth` says, or quickly those of stages that are not among `of`, if given.
    """
    known: dict[str, Standing] = {}
    for stage in study.stages():
        prints = {name: known[name].fingerprint for name in stage.requires}
        now = fingerprint([stage.version, stage.name, stage.settings, stage.inputs, prints])
        known[stage.name] = _standing(study, stage, now, [known[name] for name in stage.requires],
                                      depth=depth if of is None or stage.name in of else "quick")
    return known


def require(study: Study, *names: str) -> None:
    """Raise a `StaleError` that names the command to run, unless the stages are current and their files are whole.

    Stores alone are not read here, as they are held against their checksums when they are.
    """
    known = standings(study, depth="read")
    for name in dict.fromkeys(names):
        state, reason = known[name].state, known[name].reason
        if state == "current" and (wrong := _faults(study, known[name].stage, known[name].record, depth="files")):
            state, reason = "damaged", _told(study, wrong)
        if state != "current":
            kind = DamagedError if state == "damaged" else StaleError
            raise kind(Problem(f"{study.root}: {name}", f"{state} ({reason})", remedy=f"run: {command(study, name)}"))


def command(study: Study, stage: str) -> str:
    """Write the command that makes a stage of a study, and all that it needs."""
    return f"salcompare run --until {shlex.quote(stage)} --study {shlex.quote(str(study.root))}"


def damages(study: Study, standing: Standing) -> list[Problem]:
    """List every file of a stage that is not as it was made, with the command that makes it again; all are read."""
    remedy = f"run: {command(study, standing.stage.name)}"
    if standing.state == "damaged" and standing.record is None:
        return [Problem(f"{study.root}: {standing.stage.name}", standing.reason, remedy=remedy)]
    return [Problem(str(fault.path), fault.what, remedy=remedy)
            for fault in _faults(study, standing.stage, standing.record, depth="whole")]


def run(study: Study, *, until: str | None = None, progress: Progress) -> list[str]:
    """Run every stage that is missing, stale or damaged, in order; give the names of those run.

    With `until`, only that stage and those it requires. Every file that they have stored is read first and held against
    its checksum.
    """
    ran = []
    with _alone(study):
        records.delete_leftovers(study)
        wanted = needed(study, until) if until else {stage.name for stage in study.stages()}
        before = standings(study, depth="whole", of=wanted)
        checked = False
        for number, name in enumerate(before, 1):
            if name not in wanted:
                continue
            standing = standings(study, depth="whole", of=wanted)[name]
            if standing.state == "current":
                for output in (*standing.stage.outputs, *standing.stage.extras):  # of killed runs
                    if output.exists() and records.is_manifest(output, study.root):
                        kept = store.read_manifest(output.parent, output.stem).store
                        store.delete_others(output.parent, output.stem, kept)
                continue
            progress.say(f"[{number}/{len(before)}] {name}: {standing.reason}")
            # Errors of the photographs come first, so it is not until they are there that other stages are checked.
            if (standing.stage.check or {*standing.stage.requires} - {"landmarks"}) and not checked:
                _check(study, [before[name] for name in before if name in wanted], progress)
                checked = True
            with one_thread():  # torch, which trains on all cores, has threads of its own
                _make(study, standing, progress)
            ran.append(name)
        for name, standing in before.items() if ran else ():
            if name in wanted and standing.state == "current" and standing.stage.note is not None and (
                    said := standing.stage.note(study)):
                progress.say(said)
    return ran


def _make(study: Study, standing: Standing, progress: Progress) -> None:
    """Run one stage, after taking away what is damaged, and record what it left."""
    stage = standing.stage
    for copy in records.clear(_faults(study, stage, standing.record, depth="whole")):
        progress.say(f"  what was changed by hand is kept as {copy}")
    mark = _begun_path(study, stage.name)
    store.write_text(mark, standing.fingerprint)
    stage.make(study, standing.fingerprint, progress)
    records.write_record(
        records.record_path(study, stage.name), root=study.root, version=stage.version,
        stage_fingerprint=standing.fingerprint, settings=stage.settings, inputs=stage.inputs,
        requires=_left_by(study, stage.requires), outputs=(*stage.outputs, *stage.extras))
    mark.unlink()


def _left_by(study: Study, names: tuple[str, ...]) -> dict[str, str]:
    """Give the fingerprint of what each stage has left; empty where it has no record."""
    return {name: record.left if (record := _record_of(study, name)) else "" for name in names}


def _record_of(study: Study, name: str) -> Record | None:
    try:
        return records.read_record(records.record_path(study, name))
    except DamagedError:
        return None


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


def kept_from_last_run(study: Study, name: str, settings: Mapping[str, object], path: Path) -> bool:
    """Whether a file is there as the last run of a stage left it, and that run had these settings."""
    record = _record_of(study, name)
    if record is None or record.settings != _plain(settings) or not path.exists():
        return False
    expected = record.files.get(path.relative_to(study.root).as_posix())
    return not record.sealed or expected == provenance.sum_of(path)


def needed(study: Study, until: str) -> set[str]:
    """Names of a stage and all that it requires, directly or not."""
    known = standings(study)
    if until not in known:
        raise InputError(Problem("stage", repr(until), "one of " + ", ".join(known), meant(until, known)))
    wanted, left = set(), [until]
    while left:
        name = left.pop()
        wanted.add(name)
        left += [other for other in known[name].stage.requires if other not in wanted]
    return wanted


def _standing(study: Study, stage: Stage, now: str, required: list[Standing], *, depth: Depth) -> Standing:
    """Say how a stage stands that would have the fingerprint `now`, and beside it what was begun."""
    path = records.record_path(study, stage.name)
    try:
        record = records.read_record(path)
    except DamagedError:
        return Standing(stage, now, "damaged", f"{_shown(study, path)} is damaged or was changed by hand")
    if record is None:
        return Standing(stage, now, "missing", _begun(study, stage, now) or "not made yet")

    def stands(state: State, reason: str) -> Standing:
        """Where the stage stands, with what has begun."""
        begun = _begun(study, stage, now) if state != "current" else ""
        return Standing(stage, now, state, "; ".join(filter(None, (reason, begun))), record)

    waiting = [standing.stage.name for standing in required if standing.state != "current"]
    gone = [_shown(study, output) for output in stage.outputs if not output.exists()]
    if gone and record.sealed:
        return stands("missing", f"{', '.join(gone)} is gone")
    if record.fingerprint != now or not record.sealed:
        return stands("stale", _difference(record, stage, waiting))
    if wrong := _faults(study, stage, record, depth=depth):
        return stands("damaged", _told(study, wrong))
    if waiting:
        return stands("stale", f"{', '.join(waiting)} must be made first")
    others = [name for name, left in _left_by(study, stage.requires).items() if record.requires.get(name) != left]
    if others:
        return stands("stale", f"{', '.join(others)} was made again, with other values")
    return stands("current", "up to date")


def _faults(study: Study, stage: Stage, record: Record | None, *, depth: Depth) -> list[Fault]:
    if record is None:
        return []
    since = records.record_path(study, stage.name).stat().st_mtime_ns
    return records.faults(record, root=study.root, since=since, depth=depth,
                          extras=stage.extras if record.sealed else ())


def _told(study: Study, wrong: list[Fault]) -> str:
    """Name what is damaged, or how much of it is."""
    return f"{_shown(study, wrong[0].path)} {wrong[0].what}{_and_more(wrong)}"


def _and_more(things: Sequence[object]) -> str:
    return f", and {len(things) - 1} more" if len(things) > 1 else ""


def _shown(study: Study, path: Path) -> str:
    return path.relative_to(study.root).as_posix()


def _begun_path(study: Study, name: str) -> Path:
    return records.record_path(study, name).with_suffix(".begun")


def _begun(study: Study, stage: Stage, now: str) -> str:
    """Say how far a run that has not ended has come; empty where none was begun."""
    try:
        same = _begun_path(study, stage.name).read_text(encoding="utf-8") == now
    except (OSError, ValueError):
        return ""
    if not same:
        return "begun from other inputs or settings, not finished"
    how_far = stage.begun(study) if stage.begun else ""
    return f"begun, not finished: {how_far}" if how_far else "begun, not finished"


def _difference(record: Record, stage: Stage, waiting: list[str]) -> str:
    """Name the settings that changed since the stage's last run, and the first raw file that did, is gone or is new."""
    if not record.sealed:
        return f"made by salcompare {record.version}, whose results carry no checksums"
    if record.stage_version != stage.version:
        return f"made by salcompare {record.version}, which made it otherwise"
    changed = [f"setting {key} changed" for key in _changes(record.settings, _plain(stage.settings))]
    before, now = record.inputs, stage.inputs
    kinds = {"changed": [name for name in before if name in now and before[name] != now[name]],
             "is gone": [name for name in before if name not in now],
             "is new": [name for name in now if name not in before]}
    changed += [f"{min(names)} {what}{_and_more(names)}" for what, names in kinds.items() if names]
    return "; ".join(changed) or f"{', '.join(waiting) or 'a stage it needs'} changed"


def _plain(settings: Mapping[str, object]) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(canonical_json(settings))
    return plain


def _changes(before: Mapping[str, object], now: Mapping[str, object], prefix: str = "") -> list[str]:
    changed = []
    for key in sorted({*before, *now}):
        old, new = before.get(key), now.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            changed += _changes(old, new, f"{prefix}{key}.")
        elif old != new:
            changed.append(f"{prefix}{key}")
    return changed


@contextlib.contextmanager
def _alone(study: Study) -> Iterator[None]:
    """Hold the study against a second run at the same time, where the system can lock files."""
    study.processed.mkdir(parents=True, exist_ok=True)
    with store.held(os.open(study.processed / ".lock", os.O_RDWR | os.O_CREAT, 0o666)) as free:
        if free is False:
            raise InputError(Problem(str(study.processed), "another run is working here",
                                     remedy="wait for it to end, or stop it"))
        yield


def grid_settings(study: Study) -> dict[str, object]:
    """Give the size of the maps, and the seed."""
    return {"size": study.config.study.size, "seed": study.config.study.seed}


def hashed(study: Study, named: list[str]) -> dict[str, str]:
    """Hash those of the named files that exist."""
    return {name: provenance.sha256_of_file(study.root / name) for name in named if (study.root / name).is_file()}


def response_kind(study: Study) -> Literal["collected", "simulated"]:
    """Say whether people really drew the responses."""
    return "simulated" if study.simulated else "collected"


def attribution_settings(attribution: Attribution, method: str | None = None) -> dict[str, object]:
    """Name what the maps of one method, the main one if none is named, depend on, but no other methods' options."""
    return attribution.choices(method or attribution.method) | {"batch": attribution.batch}
