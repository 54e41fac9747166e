"""Work in blocks that the data alone decide, side by side on all cores, to the same bytes on one core and on many.

The last digits of a sum follow from the order of adding, and BLAS divides its sums among as many threads as there are.
So BLAS has one thread while blocks are worked on, blocks are never cut by the number of cores, and what they give is
put together in their order. torch has threads of its own, which `salcompare.classifiers` sees to.
"""

from __future__ import annotations

import contextlib
import contextvars
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

Part = TypeVar("Part")
Result = TypeVar("Result")

_AHEAD = 2  # blocks a core that are begun or waiting to be taken; more would only be held in memory


class Shared:
    """A context, which `make` gives, that is entered when the first holds it, and left when nobody does any more.

    A generator that is given up late, such as with an error, so cannot undo it for others or undo others' leaving.
    """

    def __init__(self, make: Callable[[], contextlib.AbstractContextManager[object]]) -> None:
        self._make, self._lock, self._holders = make, threading.Lock(), 0
        self._entered = contextlib.ExitStack()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the context until the block ends."""
        with self._lock:
            if not self._holders:
                self._entered.enter_context(self._make())
            self._holders += 1
        try:
            yield
        finally:
            with self._lock:
                self._holders -= 1
                if not self._holders:
                    self._entered.close()


@cache
def _blas() -> ThreadpoolController:
    """Find the libraries to hold, which are those that are loaded: NumPy's BLAS and SciPy's."""
    import scipy.linalg  # noqa: F401 - loads both
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()

_here = threading.local()
_one_thread = Shared(lambda: _blas().limit(limits=1))


def n_cores() -> int:
    """Count the blocks done side by side: as many as OMP_NUM_THREADS says, else as the cores this process may use."""
    told = os.environ.get("OMP_NUM_THREADS", "")
    if told.isdigit():
        return max(1, int(told))
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Hold the BLAS of NumPy and SciPy to one thread until the block ends; may be nested, and serves as a decorator."""
    with _one_thread.held():
        yield


def side_by_side(work: Callable[[Part], Result], parts: Iterable[Part], *, most: int | None = None) -> Iterator[Result]:
    """Do a piece of work on each part, on all cores, and give what it returns in the order of the parts.

    Work that asks for blocks side by side itself does them one after another. Parts are cut by the data alone, taken
    by the calling thread, a few ahead of the cores, and `most` at a time at most, where each takes much memory. Until
    the last result is taken, BLAS has one thread. An error of the first part, in their order, on which `work` fails is
    raised; later parts are left.
    """
    n = 1 if hasattr(_here, "one_of_several") else max(1, min(n_cores(), most or n_cores()))
    with one_thread():
        if n == 1:
            yield from map(work, parts)
            return
        begun: deque[Future[Result]] = deque()
        with ThreadPoolExecutor(n, initializer=_enter) as pool:
            try:
                for part in parts:
                    # np.errstate and the like hold where the caller set them, in other threads too.
                    begun.append(pool.submit(contextvars.copy_context().run, work, part))
                    if len(begun) == _AHEAD * n:
                        yield begun.popleft().result()
                while begun:
                    yield begun.popleft().result()
            finally:
                for left in begun:
                    left.cancel()


def _enter() -> None:
    _here.one_of_several = True
    _blas().limit(limits=1)  # a BLAS on OpenMP has a number for each thread that calls it; this one ends with the pool
