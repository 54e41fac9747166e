"""Random numbers: a stream of its own for each named part, and functions that draw from what they are given alone."""

import functools
import hashlib
import inspect
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numpy as np

from salcompare.errors import InputError, Problem

P = ParamSpec("P")
R = TypeVar("R")


def stream(seed: int, *names: str) -> np.random.Generator:
    """Give each named part a random generator of its own, so that adding a part moves no other's draws."""
    digest = hashlib.sha256("\0".join(names).encode()).digest()
    return np.random.default_rng([seed, *np.frombuffer(digest[:16], np.uint32).tolist()])


def drawing(function: Callable[P, R]) -> Callable[P, R]:
    """Let a public function that draws refuse a call without `rng`, a `numpy.random.Generator`, by an `InputError`.

    There is no fresh generator by default: a p-value or an interval that nobody can compute again is worth less than
    the one word more that it costs to ask for it.
    """
    names = list(inspect.signature(function).parameters)
    place = names.index("rng")

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        """Refuse what is no generator of random numbers."""
        rng = kwargs.get("rng", args[place] if len(args) > place else None)
        if not isinstance(rng, np.random.Generator):
            raise InputError(Problem(
                f"{function.__name__}()", "no rng" if rng is None else f"rng is {type(rng).__name__} {rng!r}",
                "a numpy.random.Generator, from which all draws follow",
                "pass rng=np.random.default_rng(0); the same seed gives the same numbers"))
        return function(*args, **kwargs)

    return checked
