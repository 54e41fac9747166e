"""What was collected as CSV tables, which their owner alone may read: they hold completion codes."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
from sqlalchemy import case, func, select

from salcompare import store
from salcompare.collect.database import Database, assignments, open_database, private, workers
from salcompare.collect.keys import Keys, pseudonym
from salcompare.sources.collected import DATABASE, collected_checks, collected_responses, collected_shown

EXPORTED = Path("data/collected/export")
"""Where the tables of a study are written, unless another folder is named."""
TABLES = ("responses", "checks", "shown", "workers")
"""What is exported, each as a CSV of that name."""


def export_responses(root: Path, folder: Path | None, keys: Keys | None, *, overwrite: bool = False) -> Iterator[Path]:
    """Write what was collected as CSV; gives each file's path.

    The folder, by default `EXPORTED`, whose tables may always be written over, gets responses.csv (one row a box, as
    the pipeline reads it), checks.csv (answers to instructed checks, which ``[responses] checks`` may name), shown.csv
    (all that workers were shown, answered or not) and workers.csv (pseudonyms, with completion codes if there are
    keys). InputError if there is no database, or another folder has such tables already and they may not be written
    over.
    """
    standard = root / EXPORTED
    folder = folder or standard
    free = (folder / f"{name}.csv" for name in TABLES)
    store.free_paths(free, overwrite=overwrite or folder.resolve() == standard.resolve())
    path = root / DATABASE
    database = open_database(path, create=False)
    tables = {"responses": collected_responses(path, shown=DATABASE), "checks": collected_checks(path, shown=DATABASE),
              "shown": collected_shown(path, shown=DATABASE)}
    tables["workers"] = _workers(database, keys)
    private(folder)
    for name, table in tables.items():
        store.write_table(folder / f"{name}.csv", table, mode=0o600)
        yield folder / f"{name}.csv"


def _workers(database: Database, keys: Keys | None) -> pd.DataFrame:
    import pandas as pd

    answered = assignments.c.submitted.is_not(None) & (assignments.c.kind != "practice")
    with database.reading() as connection:
        rows = connection.execute(
            select(workers.c.hmac, workers.c.source, workers.c.consented, func.count(case((answered, 1))))
            .outerjoin(assignments, assignments.c.worker == workers.c.id).group_by(workers.c.id).order_by(workers.c.id))
        listed = [(pseudonym(code), source, datetime.fromtimestamp(consented, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), done,
                   keys.completion_code(code) if keys else "") for code, source, consented, done in rows]
    return pd.DataFrame(listed, columns=["worker", "source", "consented", "answers", "completion_code"])
