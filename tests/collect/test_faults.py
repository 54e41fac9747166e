"""A full disk, a database that somebody holds, a server that is killed: nothing acknowledged is lost."""

from __future__ import annotations

import contextlib
import sqlite3
import threading

import httpx
import pytest

from salcompare.collect import database as database_module
from salcompare.collect.database import open_database
from salcompare.errors import InputError
from salcompare.sources.collected import DATABASE, collected_responses
from tests.collect.fault_run import fault_run
from tests.collect.fuzz_routes import fuzz
from tests.collect.serving import make_task, serving
from tests.collect.worker import Worker, answer_to


def stored(root):
    return len(collected_responses(root / DATABASE, shown=DATABASE))


@contextlib.contextmanager
def held(root):
    """Hold the database as another program would that writes for long."""
    with contextlib.closing(sqlite3.connect(root / DATABASE, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


@contextlib.contextmanager
def full(task):
    """Let the disk be full: SQLite may not take another page."""
    connection = task.database.engine.raw_connection()
    pages = connection.cursor().execute("PRAGMA page_count").fetchone()[0]
    connection.close()
    task.database.engine.dispose()
    limit = database_module.sa.event.listens_for(task.database.engine, "connect")(
        lambda raw, _: raw.execute(f"PRAGMA max_page_count={pages}").close())
    yield
    database_module.sa.event.remove(task.database.engine, "connect", limit)
    task.database.engine.dispose()


def test_while_the_database_is_locked_the_worker_is_asked_to_try_again_and_then_it_counts_once(tmp_path, monkeypatch):
    monkeypatch.setattr(database_module, "BUSY_SECONDS", 0.2)
    with serving(tmp_path, n_images=3, practice=0) as url:
        worker = Worker(url)
        sent, other = answer_to(worker.begin()), Worker(url, "bob")
        asked = other.enter()
        with held(tmp_path):
            reply = worker.send(sent)
            assert (reply.status_code, reply.json()["retry"]) == (503, True)
            assert "kept in this page" in reply.json()["error"]
            assert int(reply.headers["retry-after"]) >= 1
            assert worker.get("/health").json() == {"ok": True}
            page = other.agree(asked)
            assert page.status_code == 503
            assert "Please try again" in page.text
            assert stored(tmp_path) == 0
        assert worker.send(sent).json()["ok"]
        assert worker.send(sent).json()["ok"]
    assert stored(tmp_path) == 1


def test_writers_of_our_own_wait_for_each_other_only_so_long(tmp_path, monkeypatch):
    monkeypatch.setattr(database_module, "BUSY_SECONDS", 0.2)
    task = make_task(tmp_path, n_images=3, practice=0)
    with serving(tmp_path, task) as url:
        worker = Worker(url)
        sent = answer_to(worker.begin())
        with task.database.writing():
            replies = []
            threads = [threading.Thread(target=lambda: replies.append(worker.send(sent))) for _ in range(5)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert [reply.status_code for reply in replies] == [503] * 5
        assert worker.send(sent).status_code == 200


def test_while_the_disk_is_full_the_box_is_kept_by_the_page_and_then_it_counts_once(tmp_path):
    task = make_task(tmp_path, n_images=80, practice=0, checks=False)
    with serving(tmp_path, task) as url:
        worker, before, refused = Worker(url), 0, None
        page = worker.begin()
        with full(task):
            while page.url.path == "/trial" and page.status_code == 200 and refused is None:
                sent = answer_to(page, label=f"words of my own, {before:019}")
                reply = worker.send(sent)
                assert reply.status_code in {200, 503}
                refused = sent if reply.status_code == 503 else None
                before += refused is None
                page = worker.get("/next")
            assert refused is None or reply.json()["retry"] is True
            assert refused or page.status_code == 503
            assert httpx.get(f"{url}/health").json() == {"ok": True}
            assert stored(tmp_path) == before
        again = refused or answer_to(worker.get("/next"))
        assert worker.send(again).json()["ok"]
    assert stored(tmp_path) == before + 1


def test_acknowledged_answers_outlive_a_killed_server_each_once(tmp_path):
    outcome = fault_run(tmp_path, workers=6, seconds=3, kills=1, least=10)
    assert not outcome.errors
    assert outcome.kills == 1
    assert outcome.stored == len(outcome.acknowledged) >= 20


def test_random_requests_to_every_route_never_fail(tmp_path):
    done = fuzz(tmp_path, 500, seed=1)
    assert not done.failures
    assert {200, 303, 400, 403, 404, 405, 409} <= set(done.counts)


@pytest.mark.parametrize("content", [b"", b"not a database", b"SQLite format 3\x00" + b"x" * 200])
def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path, content):
    path = tmp_path / "responses.sqlite"
    path.write_bytes(content)
    if content:
        with pytest.raises(InputError, match="cannot be used"):
            open_database(path)
        assert path.read_bytes() == content
    else:
        open_database(path)


def test_a_database_of_another_version_is_refused(tmp_path):
    path = tmp_path / "responses.sqlite"
    open_database(path).engine.dispose()
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE meta SET value = '99' WHERE key = 'version'")
    with pytest.raises(InputError, match="is of version 99"):
        open_database(path)


def test_commits_wait_for_the_disk_and_write_ahead(tmp_path):
    with open_database(tmp_path / "db.sqlite").writing() as connection:
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                 for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")]
    assert found == ["wal", 2, 1, 1]
