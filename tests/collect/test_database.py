"""The database's file is removed, replaced, moved away or may only be read while it is served: no answer is lost."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import stat
from collections import namedtuple

import httpx
import pytest

from salcompare.collect import database as database_module
from salcompare.collect.database import open_database
from salcompare.sources.collected import DATABASE, collected_responses
from tests.collect.serving import make_task, serving
from tests.collect.worker import Worker, answer_to


@pytest.fixture(autouse=True)
def look_at_once(monkeypatch):
    monkeypatch.setattr(database_module, "LOOK_SECONDS", 0.0)


@pytest.fixture
def task(tmp_path):
    return make_task(tmp_path, n_images=6, practice=0, checks=False)


@pytest.fixture
def url(tmp_path, task):
    with serving(tmp_path, task) as address:
        yield address


def stored(root):
    return len(collected_responses(root / DATABASE, shown=DATABASE))


def refused(url, worker, sent, words):
    """Hold the server to saying, wherever it is asked, that nothing can be stored."""
    reply = worker.send(sent)
    assert (reply.status_code, reply.json()["retry"]) == (503, True)
    assert int(reply.headers["retry-after"]) >= 1
    for path in ("/next", "/trial"):
        assert worker.get(path).status_code == 503
    health = httpx.get(f"{url}/health")
    assert (health.status_code, health.json()["ok"]) == (503, False)
    assert words in health.json()["error"]


def taken(url, worker, sent):
    """Hold the server to going on with the answer that was refused."""
    assert worker.send(sent).json()["ok"]
    assert worker.send(sent).json()["ok"]
    assert httpx.get(f"{url}/health").json() == {"ok": True}


def away(path):
    """Remove a database with its side files; gives what puts a copy of it back."""
    copy = path.parent.parent / "copy.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as source, contextlib.closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    for name in path.parent.glob(f"{path.name}*"):
        name.unlink()
    return lambda: shutil.copy(copy, path)


def begun(url):
    """A worker who has answered once; gives them and their next answer, not yet sent."""
    worker = Worker(url)
    assert worker.answer(worker.begin()).json()["ok"]
    return worker, answer_to(worker.get("/next"))


def test_a_removed_file_is_noticed_and_a_copy_put_back_is_gone_on_with(url, tmp_path, caplog):
    worker, sent = begun(url)
    put_back = away(tmp_path / DATABASE)
    refused(url, worker, sent, "is gone")
    refused(url, worker, sent, "is gone")
    assert [record.message for record in caplog.records if "Nothing can be stored" in record.message] == [
        "Nothing can be stored: responses.sqlite is gone: it was removed, moved or emptied"]
    assert not (tmp_path / DATABASE).exists()
    put_back()
    taken(url, worker, sent)
    assert stored(tmp_path) == 2


def test_a_folder_moved_away_is_noticed_and_gone_on_with_once_it_is_back(url, tmp_path):
    worker, sent = begun(url)
    folder = (tmp_path / DATABASE).parent
    folder.rename(tmp_path / "elsewhere")
    refused(url, worker, sent, "is gone")
    (tmp_path / "elsewhere").rename(folder)
    taken(url, worker, sent)
    assert stored(tmp_path) == 2


def test_a_copy_that_lacks_what_was_acknowledged_is_not_gone_on_with(url, tmp_path, task):
    worker, sent = begun(url)
    put_back = away(tmp_path / DATABASE)
    full = tmp_path / "full.sqlite"
    shutil.copy(tmp_path / "data" / "copy.sqlite", full)
    with contextlib.closing(sqlite3.connect(tmp_path / "data" / "copy.sqlite")) as copy, copy:
        copy.execute("DELETE FROM assignments")
    put_back()
    refused(url, worker, sent, "lacks 1 acknowledged answers")
    (tmp_path / DATABASE).unlink()
    shutil.copy(full, tmp_path / DATABASE)
    taken(url, worker, sent)
    assert stored(tmp_path) == 2


@pytest.mark.parametrize(("content", "words"), [(b"no database", "cannot be used"), ("other study", "another study")])
def test_another_file_in_its_place_is_refused_and_left_as_it_is(url, tmp_path, content, words):
    worker, sent = begun(url)
    put_back = away(tmp_path / DATABASE)
    if isinstance(content, bytes):
        (tmp_path / DATABASE).write_bytes(content)
    else:
        make_task(tmp_path / "other", n_images=2).database.engine.dispose()
        (tmp_path / "other" / DATABASE).rename(tmp_path / DATABASE)
    before = (tmp_path / DATABASE).read_bytes()
    refused(url, worker, sent, words)
    assert (tmp_path / DATABASE).read_bytes() == before
    (tmp_path / DATABASE).unlink()
    put_back()
    taken(url, worker, sent)
    assert stored(tmp_path) == 2


def test_a_log_left_behind_is_not_laid_over_the_copy_put_back(url, tmp_path, task):
    worker, sent = begun(url)
    path = tmp_path / DATABASE
    put_back = away_but_for_its_log(path)
    assert path.with_name(f"{path.name}-wal").stat().st_size > 0
    put_back()
    taken(url, worker, sent)
    assert stored(tmp_path) == 2
    task.database.engine.dispose()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def away_but_for_its_log(path):
    copy = path.parent.parent / "copy.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as source, contextlib.closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    path.unlink()
    return lambda: shutil.copy(copy, path)


def test_an_emptied_file_is_noticed(url, tmp_path):
    worker, sent = begun(url)
    path = tmp_path / DATABASE
    content = path.read_bytes()
    path.write_bytes(b"")
    refused(url, worker, sent, "emptied")
    path.write_bytes(content)
    taken(url, worker, sent)
    assert stored(tmp_path) == 2


def test_while_the_database_may_only_be_read_nothing_is_acknowledged(url, tmp_path, task):
    worker, sent = begun(url)
    engine = task.database.engine
    engine.dispose()
    only_reading = database_module.sa.event.listens_for(engine, "connect")(
        lambda raw, _: raw.execute("PRAGMA query_only=ON").close())
    reply = worker.send(sent)
    assert (reply.status_code, reply.json()["retry"]) == (503, True)
    health = httpx.get(f"{url}/health")
    assert (health.status_code, "readonly" in health.json()["error"]) == (503, True)
    database_module.sa.event.remove(engine, "connect", only_reading)
    engine.dispose()
    assert httpx.get(f"{url}/health").json() == {"ok": True}
    taken(url, worker, sent)
    assert stored(tmp_path) == 2


def test_a_disk_that_was_made_read_only_is_said_before_anybody_writes(url, monkeypatch):
    flags = namedtuple("Flags", "f_flag")
    monkeypatch.setattr(database_module.os, "statvfs", lambda path: flags(database_module.os.ST_RDONLY))
    health = httpx.get(f"{url}/health")
    assert (health.status_code, "may only be read" in health.json()["error"]) == (503, True)
    monkeypatch.undo()
    assert httpx.get(f"{url}/health").json() == {"ok": True}


def test_a_file_removed_during_a_transaction_is_no_acknowledgement(tmp_path):
    database = open_database(tmp_path / "db.sqlite")
    with pytest.raises(database_module.DatabaseGoneError, match="is gone"), database.writing():
        (tmp_path / "db.sqlite").unlink()


def test_a_database_is_its_owners_alone_whatever_it_was_copied_with(tmp_path):
    path = tmp_path / "new" / "responses.sqlite"
    database = open_database(path)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    path.chmod(0o644)
    open_database(path)
    with database.writing() as connection:
        connection.exec_driver_sql("INSERT INTO meta VALUES ('a', 'b')")
    files = [path, *(path.with_name(f"{path.name}-{end}") for end in ("wal", "shm"))]
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600] * 3


def test_a_database_of_the_version_before_is_brought_to_this_one(tmp_path):
    path = tmp_path / "responses.sqlite"
    open_database(path).engine.dispose()
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("ALTER TABLE assignments DROP COLUMN label_order")
        connection.execute("UPDATE meta SET value = '1' WHERE key = 'version'")
    with open_database(path).reading() as connection:
        assert connection.exec_driver_sql("SELECT label_order FROM assignments").all() == []
        assert connection.exec_driver_sql("SELECT value FROM meta").scalar() == "2"


def test_what_an_error_says_holds_no_answer(tmp_path):
    database = open_database(tmp_path / "db.sqlite")
    with pytest.raises(database_module.DatabaseError) as caught, database.writing() as connection:
        connection.execute(database_module.sa.insert(database_module.meta), [{"key": "version", "value": "a secret"}])
    assert "secret" not in str(caught.value)
