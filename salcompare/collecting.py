"""Collecting for a study on disk: what the commands collect, export and forget-worker do."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from salcompare.errors import InputError, Problem, StaleError
from salcompare.stages import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from salcompare.collect.forgetting import Kind
    from salcompare.collect.material import Material
    from salcompare.progress import Progress
    from salcompare.study import Study

WATCH_SECONDS = 5.0
CLEARED = "\033[H\033[2J"  # to a terminal


def serve_study(study: Study, *, host: str, port: int, progress: Progress, say: Callable[[str], None]) -> None:
    """Serve a study's task until interrupted, and say where it is; photographs are catalogued first if need be.

    Raises
    ------
    InputError
        If workers would be shown photographs whose answers stay out of all statistics.
    """
    from salcompare.collect.serve import announcement, open_task, serve

    try:
        _ = study.images
    except StaleError:
        run(study, until="photographs", progress=progress)
    if study.config.collect.images == "all" and study.compares and not study.images["split"].eq("test").all():
        raise InputError(Problem("study.toml [collect] images", "'all'", "'test', as answers on other photographs are "
                                 "left out of a study with a classifier, whose maps are of test photographs",
                                 "set images = \"test\", or classifier = [] for a study of people alone"))
    task = open_task(_material(study), root=study.root)
    serve(task, host=host, port=port, started=lambda used: say(announcement(task, host=host, port=used)))


def standings(study: Study, *, live: bool) -> Iterator[str]:
    """Say how a study's collection stands, beside a running server or without one.

    Parameters
    ----------
    study : Study
    live : bool
        Say it again and again, each time on a cleared screen.

    Raises
    ------
    InputError
        If nothing was collected yet, or the photographs are not catalogued.
    """
    from salcompare.collect.database import open_database
    from salcompare.collect.monitor import printed, standing
    from salcompare.sources.collected import DATABASE

    database = open_database(study.root / DATABASE, create=False)
    material = _material(study)
    while True:
        with database.reading() as connection:
            text = printed(standing(connection, material, time.time()))
        yield f"{CLEARED}{text}" if live else text
        if not live:
            return
        time.sleep(WATCH_SECONDS)


def export_study(root: Path, folder: Path | None, *, overwrite: bool = False) -> Iterator[Path]:
    """Write what a study collected as CSV tables; see `salcompare.collect.export.export_responses`.

    Raises
    ------
    InputError
        If there is no database, or a folder that was named has such tables already and they may not be written over;
        the study's own folder of exports always may.
    """
    from salcompare.collect.export import EXPORTED, TABLES, export_responses
    from salcompare.collect.keys import existing_keys
    from salcompare.store import free_paths

    own = folder is None or folder.resolve() == (root / EXPORTED).resolve()
    free_paths((folder / f"{name}.csv" for name in TABLES) if folder else (), overwrite=overwrite or own)
    return export_responses(root, folder or root / EXPORTED, existing_keys(root))


def forget(root: Path, worker: str, *, kind: Kind | None, say: Callable[[str], None]) -> None:
    """Delete a worker from a study's database, and say what else still holds their answers."""
    from salcompare.collect.forgetting import forget_worker
    from salcompare.collect.keys import existing_keys

    done = forget_worker(root, worker, existing_keys(root), kind=kind)
    if done.answers is None:
        say(f"no worker {worker!r} is there any more, and what was left in the log of one deleted before is now gone")
    else:
        say(f"forgotten, with {done.answers} answer{'' if done.answers == 1 else 's'}")
    if done.elsewhere:
        say("These files still name them: " + ", ".join(path.relative_to(root).as_posix() for path in done.elsewhere))
    say("Run salcompare export again if there are tables, and salcompare report if the study reads the database; "
        "delete backups and copies elsewhere yourself.")


def _material(study: Study) -> Material:
    from salcompare.collect.material import load_material

    return load_material(study.images, study.config, root=study.root)
