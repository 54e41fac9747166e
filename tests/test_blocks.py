"""Blocks side by side: in order, on as many cores as may be used, with one BLAS thread, and what fails is said."""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from salcompare.blocks import Shared, n_cores, side_by_side

BLAS = """
import json
import scipy.linalg
from threadpoolctl import threadpool_info, threadpool_limits
from salcompare.blocks import one_thread, side_by_side

def threads():
    return sorted({library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"})

with threadpool_limits(2, user_api="blas"):  # as it may not have by itself on a machine of one core
    seen = [threads()]
    for inside in side_by_side(lambda _: threads(), range(3)):
        seen += [inside, threads()]
    seen.append(threads())
    with one_thread():
        found = side_by_side(lambda part: part, range(5))
        next(found)
    late = [threads()]
    found.close()
    late.append(threads())
    with one_thread():
        late.append(threads())
    late.append(threads())
print(json.dumps([seen, late]))
"""


@pytest.fixture(scope="module")
def blas():
    """Numbers of BLAS threads in a process of its own: other tests' libraries may hold the number in this one."""
    out = subprocess.run([sys.executable, "-c", BLAS], env={**os.environ, "OMP_NUM_THREADS": "2"}, check=True,
                         capture_output=True, text=True)
    return json.loads(out.stdout)


@pytest.mark.parametrize("cores", ["1", "2", "5"])
def test_results_come_in_the_order_of_the_parts_whichever_is_done_first(monkeypatch, cores):
    monkeypatch.setenv("OMP_NUM_THREADS", cores)
    first_waits = threading.Event()

    def work(part):
        if part == 0 and cores != "1":
            assert first_waits.wait(timeout=30)
        first_waits.set()
        return part**2

    assert list(side_by_side(work, range(20))) == [part**2 for part in range(20)]
    assert list(side_by_side(work, [])) == []


def test_as_many_parts_are_worked_on_as_there_are_cores_and_at_most_as_many_as_asked(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    for most, expected in ((None, 4), (3, 3)):
        together = threading.Barrier(expected)  # passed only by so many at a time
        assert len(list(side_by_side(lambda _, wait=together.wait: wait(timeout=30), range(12), most=most))) == 12
    threads = set(side_by_side(lambda _: threading.get_ident(), range(5), most=1))
    assert threads == {threading.get_ident()}


def test_parts_are_taken_a_little_ahead_only(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    taken = []
    found = side_by_side(lambda part: part, (taken.append(part) or part for part in range(1000)))
    assert next(found) == 0
    assert len(taken) <= 4
    found.close()


def test_blas_has_one_thread_in_and_between_blocks_and_its_own_number_after(blas):
    assert blas[0] == [[2], *[[1]] * 6, [2]]


def test_a_generator_given_up_late_undoes_nothing(blas):
    assert blas[1] == [[1], [2], [1], [2]]  # one is asked for as long as the generator lives


def test_blocks_within_a_block_are_done_one_after_another_by_the_same_thread(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")

    def outer(_):
        return threading.get_ident(), set(side_by_side(lambda _: threading.get_ident(), range(6)))

    for own, inner in side_by_side(outer, range(4)):
        assert inner == {own}


@pytest.mark.parametrize("cores", ["1", "3"])
def test_the_first_failure_in_order_is_raised_and_later_parts_are_left(monkeypatch, cores):
    monkeypatch.setenv("OMP_NUM_THREADS", cores)
    done = []

    def work(part):
        if part in (3, 4):
            time.sleep(0.02 if part == 3 else 0)  # 4 fails before
            raise ValueError(part)
        done.append(part)
        return part

    with pytest.raises(ValueError, match=r"^3$"):
        list(side_by_side(work, range(1000)))
    assert {0, 1, 2} <= set(done) < set(range(20))


def test_settings_of_numpy_hold_in_the_blocks_too(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        list(side_by_side(lambda _: np.ones(1) / np.zeros(1), range(2)))


def test_a_shared_context_is_entered_by_the_first_who_asks_and_left_by_the_last():
    held = []

    @contextlib.contextmanager
    def hold():
        held.append(True)
        yield
        held.pop()

    shared, together = Shared(hold), threading.Barrier(4)

    def ask(_):
        with shared.held():
            together.wait(timeout=30)  # all four ask
            seen = len(held)
            together.wait(timeout=30)
        return seen

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(40))) == [1] * 40
    assert held == []
    with pytest.raises(KeyError), shared.held():
        raise KeyError
    assert held == []


def test_the_environment_says_how_many_cores(monkeypatch):
    for told, expected in (("3", 3), ("1", 1), ("0", 1)):
        monkeypatch.setenv("OMP_NUM_THREADS", told)
        assert n_cores() == expected
    for told in ("", "many"):
        monkeypatch.setenv("OMP_NUM_THREADS", told)
        assert n_cores() >= 1
