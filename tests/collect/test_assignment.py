"""Who sees which photograph next: properties over workers who come, look, answer and stay away."""

from __future__ import annotations

import tempfile
import threading
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, update

from salcompare.collect.assignment import answered, check_places, find_worker, history, lease, place_of
from salcompare.collect.database import assignments, open_database, workers
from salcompare.collect.stimuli import Instructed, Photo, Stimuli
from salcompare.config import Collect

LEASE = 60.0  # minutes are 1 at least
START = 1_800_000_000.0


def stimuli(n_images=6, n_checks=0, seed=0, **options):
    def photo(number):
        return Photo(f"a/{number}", "a", 100, 100)

    checks = tuple(Instructed(photo(100 + number), "nose", (10, 10, 40, 40)) for number in range(n_checks))
    config = Collect(**{"trials": n_images, "checks": n_checks, "practice": 0, "lease_minutes": 1.0} | options)
    return Stimuli(config, seed, tuple(map(photo, range(n_images))), checks, (), {})


def admit(connection, name):
    connection.execute(insert(workers).values(hmac=name, source="link", consented=START, instructed=START))
    return find_worker(connection, name)


def answer(connection, number, now):
    connection.execute(update(assignments).where(assignments.c.id == number)
                       .values(submitted=now, seconds=1.0, no_box=True))


@pytest.fixture
def database(tmp_path):
    return open_database(tmp_path / "responses.sqlite")


def kinds(connection, worker):
    return [row.kind for row in connection.execute(select(assignments).where(assignments.c.worker == worker.id)
                                                   .order_by(assignments.c.id))]


steps = st.lists(st.tuples(st.integers(0, 4), st.booleans(), st.sampled_from([1.0, 20.0, 70.0])), max_size=60)


@settings(max_examples=30)
@given(n_images=st.integers(1, 6), trials=st.integers(1, 6), n_checks=st.integers(0, 3), seed=st.integers(0, 9),
       steps=steps)
def test_however_workers_come_and_go_each_sees_what_fewest_have_and_nothing_twice(n_images, trials, n_checks, seed,
                                                                                  steps):
    shown_to = stimuli(n_images, n_checks, seed, trials=trials)
    with tempfile.TemporaryDirectory() as folder:
        database, now, book = open_database(Path(folder) / "db.sqlite"), START, {}
        with database.writing() as connection:
            people = [admit(connection, f"w{number}") for number in range(5)]
            for who, answers, pause in steps:
                now += pause
                look(connection, people[who], shown_to, now, book, answers=answers)
            done = [answered(history(connection, person.id)) for person in people]
        database.engine.dispose()
    assert done == [sum(state == "done" for (who, _), state in book.items() if who == person.id) for person in people]


def look(connection, worker, shown_to, now, book, *, answers):
    """Let a worker look at their page, and hold what they get to a book that is kept beside."""
    place = place_of(connection, worker, shown_to)
    done = answered(history(connection, worker.id))
    if place == "debrief":
        assert done == shown_to.n_trials + shown_to.n_checks
        return
    load = Counter(image for (_, image), state in book.items() if state == "done" or state > now)
    seen = {image for who, image in book if who == worker.id}
    waiting = [image for (who, image), state in book.items() if who == worker.id and state != "done"]
    given_ = lease(connection, worker.id, "trial", shown_to, now)
    if waiting:
        assert given_.image == waiting[0]
    else:
        pool = [photo.image for photo in shown_to.trials] if given_.kind == "trial" else [
            check.photo.image for check in shown_to.checks]
        left = [image for image in pool if image not in seen]
        assert given_.image in left
        assert load[given_.image] == min(load[image] for image in left)
        assert given_.kind == ("check" if done in check_places(worker.id, shown_to) else "trial")
    assert given_.expires > now
    book[worker.id, given_.image] = given_.expires
    if answers:
        answer(connection, given_.id, now)
        book[worker.id, given_.image] = "done"


def test_checks_come_among_the_trials_never_first_and_at_other_places_for_others():
    shown_to = stimuli(18, 2)
    places = [check_places(worker, shown_to) for worker in range(300)]
    counted = Counter(place for found in places for place in found)
    assert all(len(found) == 2 for found in places)
    assert set(counted) == set(range(1, 20))
    assert max(counted.values()) < 3 * min(counted.values())


def test_ties_are_broken_at_random_and_the_same_way_for_the_same_seed(database):
    firsts = []
    with database.writing() as connection:
        worker = admit(connection, "w")
        for seed in (*range(40), *range(40)):
            firsts.append(lease(connection, worker.id, "trial", stimuli(4, seed=seed), START).image)
            connection.execute(delete(assignments))
    assert firsts[:40] == firsts[40:]
    assert min(Counter(firsts[:40]).values()) >= 3
    assert len(set(firsts)) == 4


def test_workers_who_answer_half_of_the_photographs_cover_them_evenly(database):
    shown_to = stimuli(10, trials=5)
    with database.writing() as connection:
        for number in range(7):
            worker = admit(connection, f"w{number}")
            for _ in range(5):
                answer(connection, lease(connection, worker.id, "trial", shown_to, START).id, START)
        counts = Counter(connection.scalars(select(assignments.c.image)))
    assert set(counts.values()) == {3, 4}
    assert sum(counts.values()) == 35


def test_a_lease_counts_until_it_ends_and_its_worker_still_finds_the_photograph(database):
    shown_to = stimuli(2)
    with database.writing() as connection:
        ada, bob, eve = (admit(connection, name) for name in ("ada", "bob", "eve"))
        first = lease(connection, ada.id, "trial", shown_to, START)
        second = lease(connection, bob.id, "trial", shown_to, START)
        assert {first.image, second.image} == {"a/0", "a/1"}
        answer(connection, second.id, START + 1)
        later = START + LEASE + 1
        assert lease(connection, eve.id, "trial", shown_to, later).image == first.image
        again = lease(connection, ada.id, "trial", shown_to, later)
    assert (again.id, again.opaque) == (first.id, first.opaque)
    assert again.expires > later


def test_a_lease_from_before_the_clock_stepped_back_keeps_a_photograph_from_nobody(database):
    shown_to = stimuli(2)
    with database.writing() as connection:
        ada, bob, eve = (admit(connection, name) for name in ("ada", "bob", "eve"))
        first = lease(connection, ada.id, "trial", shown_to, START + 3600)
        got = {lease(connection, worker.id, "trial", shown_to, START).image for worker in (bob, eve)}
    assert first.image in got
    assert len(got) == 2


def test_workers_who_come_at_the_same_moment_get_different_photographs(database):
    shown_to, got, barrier = stimuli(12), [], threading.Barrier(12)
    with database.writing() as connection:
        people = [admit(connection, f"w{number}") for number in range(12)]

    def come(worker):
        barrier.wait()
        with database.writing() as connection:
            got.append(lease(connection, worker.id, "trial", shown_to, START).image)

    threads = [threading.Thread(target=come, args=(worker,)) for worker in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == sorted(photo.image for photo in shown_to.trials)


def test_the_database_itself_refuses_an_image_twice_and_two_boxes_on_one_answer(database):
    from sqlalchemy.exc import IntegrityError

    from salcompare.collect.database import responses

    with database.writing() as connection:
        worker = admit(connection, "w")
        first = lease(connection, worker.id, "trial", stimuli(1), START)
        box = {"assignment": first.id, "label": "nose", "x0": 0, "y0": 0, "x1": 9, "y1": 9}
        connection.execute(insert(responses).values(**box))
    with pytest.raises(IntegrityError), database.writing() as connection:
        connection.execute(insert(responses).values(**box))
    with pytest.raises(IntegrityError), database.writing() as connection:
        connection.execute(insert(assignments).values(worker=worker.id, image=first.image, kind="trial", opaque="x",
                                                      expires=0, shown=0))
