"""A worker is forgotten: out of the database, its log and its free pages; or it is said who stands in the way."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys

import pytest
from sqlalchemy import insert, select

from salcompare.cli import main
from salcompare.collect import database as database_module
from salcompare.collect import forgetting
from salcompare.collect.database import assignments, meta, responses, workers
from salcompare.collect.export import export_responses
from salcompare.collect.forgetting import forget_worker
from salcompare.collect.keys import KEY, pseudonym
from salcompare.collect.serve import open_task
from salcompare.errors import InputError
from salcompare.sources.collected import DATABASE, collected_responses
from tests.collect.serving import make_task

NOW = 1_800_000_000.0
LABELS = ("=1+1", "-lips", "鼻")
READER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN")
connection.execute("SELECT count(*) FROM responses").fetchall()
print("reading", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def task(tmp_path):
    return make_task(tmp_path, n_images=4, practice=0)


@pytest.fixture
def filled(task, tmp_path):
    """A study in which ada has boxed three photographs, and bob one."""
    with task.database.writing() as connection:
        admit(connection, task.keys.hashed("ada"), task, LABELS)
        admit(connection, task.keys.hashed("bob"), task, ("ears",))
    return tmp_path


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(forgetting, "PATIENCE", 0.1)
    monkeypatch.setattr(database_module, "BUSY_SECONDS", 0.1)


def admit(connection, hmac, task, labels):
    worker = connection.scalar(insert(workers).returning(workers.c.id), [
        {"hmac": hmac, "source": "link", "consented": NOW, "instructed": NOW}])
    for label, photo in zip(labels, task.stimuli.trials, strict=False):
        made = connection.scalar(insert(assignments).returning(assignments.c.id), [{
            "worker": worker, "image": photo.image, "kind": "trial", "opaque": f"{hmac[:20]}{label}", "no_box": False,
            "expires": int(NOW), "shown": NOW, "submitted": NOW, "seconds": 1.5}])
        connection.execute(insert(responses).values(assignment=made, label=label, x0=1, y0=2, x1=30, y1=40))


def kept(root):
    return b"".join(path.read_bytes() for path in (root / DATABASE).parent.iterdir())


@contextlib.contextmanager
def reading(root):
    """Let another process read the database for long, as a program does that was left open on it."""
    command = [sys.executable, "-c", READER, str(root / DATABASE)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as reader:
        assert reader.stdout.readline() == b"reading\n"
        yield reader.pid
        reader.stdin.close()


def test_nothing_of_the_worker_is_left_in_any_file(task, filled):
    code, name = task.keys.hashed("ada"), pseudonym(task.keys.hashed("ada"))
    assert forget_worker(filled, " ada ", task.keys).answers == 3
    assert collected_responses(filled / DATABASE, shown=DATABASE)["label"].tolist() == ["ears"]
    assert task.keys.hashed("bob").encode() in kept(filled)
    for text in (code, name[1:], *LABELS):
        assert text.encode() not in kept(filled)
    with task.database.reading() as connection:
        assert [row.hmac for row in connection.execute(select(workers))] == [task.keys.hashed("bob")]
        assert len(connection.execute(select(assignments)).all()) == 1
        assert sorted(connection.scalars(select(meta.c.key))) == ["key", "version"]


def test_free_pages_that_another_program_left_are_wiped_too(task, filled):
    with contextlib.closing(sqlite3.connect(filled / DATABASE)) as other, other:  # without secure_delete
        other.execute("CREATE TABLE notes (words TEXT)")
        other.executemany("INSERT INTO notes VALUES (?)", [(f"what ada said {'.' * 3000}",)] * 20)
    with contextlib.closing(sqlite3.connect(filled / DATABASE)) as other, other:
        other.execute("DROP TABLE notes")
    assert b"what ada said" in kept(filled)
    forget_worker(filled, "ada", task.keys)
    assert b"what ada said" not in kept(filled)


def test_while_somebody_reads_the_worker_is_not_called_forgotten_and_the_same_command_ends_it(
        task, filled, impatient, capsys, monkeypatch):
    monkeypatch.setattr("salcompare.commands._study", lambda options: type("Study", (), {"root": filled}))
    with reading(filled) as reader:
        assert main(["forget-worker", "ada", str(filled)]) == 2
        said = capsys.readouterr()
        assert "forgotten" not in said.out
        assert "still stands in responses.sqlite-wal" in said.err
        assert f"process {reader} (" in said.err
        assert "same command again" in said.err
        assert LABELS[2].encode() in kept(filled)
    assert main(["forget-worker", "ada", str(filled)]) == 0
    assert "what was left" in capsys.readouterr().out
    assert LABELS[2].encode() not in kept(filled)
    assert main(["forget-worker", "ada", str(filled)]) == 2
    assert "no worker 'ada'" in capsys.readouterr().err


def test_a_reader_who_ends_soon_is_waited_for(task, filled, monkeypatch):
    waits = []
    with contextlib.ExitStack() as stack:
        stack.enter_context(reading(filled))
        monkeypatch.setattr(database_module, "BUSY_SECONDS", 0.05)
        monkeypatch.setattr(forgetting.time, "sleep", lambda seconds: (waits.append(seconds), stack.close()))
        assert forget_worker(filled, "ada", task.keys).answers == 3
    assert waits
    assert LABELS[2].encode() not in kept(filled)


def test_a_server_that_starts_ends_what_a_reader_stood_in_the_way_of(task, filled, impatient):
    with reading(filled), pytest.raises(InputError):
        forget_worker(filled, "ada", task.keys)
    assert LABELS[2].encode() in kept(filled)
    open_task(task.stimuli, root=filled)
    assert LABELS[2].encode() not in kept(filled)


def test_it_is_said_which_files_still_name_the_worker(task, filled):
    list(export_responses(filled, filled / "data" / "collected" / "export", task.keys))
    backup = filled / "data" / "collected" / "responses.sqlite.bak"
    with contextlib.closing(sqlite3.connect(filled / DATABASE)) as source, \
            contextlib.closing(sqlite3.connect(backup)) as copy:
        source.backup(copy)
    (filled / "data" / "raw" / "notes.txt").write_text("nobody")
    found = forget_worker(filled, "ada", task.keys).elsewhere
    assert [path.relative_to(filled / "data" / "collected").as_posix() for path in found] == [
        "export/responses.csv", "export/shown.csv", "export/workers.csv", "responses.sqlite.bak"]


def test_a_worker_is_found_by_their_pseudonym_without_the_key(task, filled):
    assert forget_worker(filled, pseudonym(task.keys.hashed("bob")), None).answers == 1
    assert len(collected_responses(filled / DATABASE, shown=DATABASE)) == 3
    with pytest.raises(InputError, match=rf"a pseudonym, as without the key \({KEY}\) codes find nobody"):
        forget_worker(filled, "ada", None)


@pytest.mark.parametrize("name", ["eve", "", "w", "%", "w' OR 1=1 --"])
def test_nobody_is_forgotten_for_somebody_elses_name(task, filled, name):
    with pytest.raises(InputError, match="no worker"):
        forget_worker(filled, name, task.keys)
    assert len(collected_responses(filled / DATABASE, shown=DATABASE)) == 4


@pytest.mark.parametrize(("kind", "left"), [("code", ["=1+1", "-lips", "鼻", "ears"]), ("pseudonym", ["ears", "chin"])])
def test_a_worker_who_came_under_anothers_pseudonym_is_told_apart(task, filled, kind, left):
    of_ada = pseudonym(task.keys.hashed("ada"))
    with task.database.writing() as connection:
        admit(connection, task.keys.hashed(of_ada), task, ("chin",))
    with pytest.raises(InputError, match="choose with --as code or --as pseudonym") as caught:
        forget_worker(filled, of_ada, task.keys)
    assert pseudonym(task.keys.hashed(of_ada)) in str(caught.value)
    assert len(collected_responses(filled / DATABASE, shown=DATABASE)) == 5
    assert forget_worker(filled, of_ada, task.keys, kind=kind).answers == 5 - len(left)
    assert collected_responses(filled / DATABASE, shown=DATABASE)["label"].tolist() == left
