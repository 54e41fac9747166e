"""What happens where an estimate fails: it has no value, with the reason in its row, and the rest goes on.

Two kinds of failure are told apart. The data may not allow an estimate (`InputError`: too few actors, no image in
common). Or the numbers may not: a library's solver gives up, a matrix is singular, an operation overflows. The second
kind is marked with `FAILED`, so that a report can count it. Any other error is a mistake of this package and ends the
run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import numpy as np
import pandas as pd
import xarray as xr

from salcompare.errors import InputError
from salcompare.findings.finding import Quantity
from salcompare.findings.rows import Row, rows_of

FAILURES = (InputError, ArithmeticError, ValueError, RuntimeError)
"""What may be caught where `reason_of` is asked at once: it raises again what is no failure of an estimate."""
FAILED = "failed numerically: "
"""How the reasons of numerical failures begin."""
_NUMERICAL = ("scipy", "numpy", "sklearn")  # whose ValueError and RuntimeError say that numbers cannot be computed with

Part = TypeVar("Part")


def reason_of(error: Exception) -> str:
    """Say why an estimate has no value; raise an error again that is a mistake of this package."""
    said = " ".join(str(error).split())
    if isinstance(error, InputError):
        return said
    if isinstance(error, (ArithmeticError, np.linalg.LinAlgError)) or _home(error) in _NUMERICAL:
        return f"{FAILED}{type(error).__name__}: {said}" if said else f"{FAILED}{type(error).__name__}"
    raise error


def undefined_row(error: Exception, **key: object) -> Row:
    """Make the row of an estimate that the data or the numbers do not allow, with the reason; raises as `reason_of`."""
    return without_value(reason_of(error), **key)


def without_value(reason: str, **key: object) -> Row:
    """Make the row of an estimate that has no value, for a reason."""
    return {"level": "population", **key, "value": np.nan, "reason": reason}


def rows_or_reasons(quantities: Iterable[Quantity], key: Row, compute: Callable[..., xr.Dataset], *data: object,
                    **options: object) -> tuple[list[Row], xr.Dataset | None]:
    """Compute a result with ``data`` and ``options``; give the rows of its quantities, and the result where there is.

    Where it fails each quantity has a row with the reason; one of single actors, labels or regions only if it is the
    first. ``key`` are columns that name what it is of.
    """
    try:
        result = compute(*data, **options)
    except FAILURES as error:  # too few actors or images: the study goes on without these numbers
        return [undefined_row(error, **{**quantity.name, **key}) for at, quantity in enumerate(quantities)
                if not at or not {"actor", "label", "region"} & set(quantity.over)], None
    return [row for quantity in quantities for row in rows_of(result, quantity, key)], result


def guarded(rows: Iterable[Row], **key: object) -> Iterator[Row]:
    """Give rows as long as none fails; then one without value."""
    try:
        yield from rows
    except FAILURES as error:
        yield undefined_row(error, **key)


def guarded_parts(parts: Iterable[tuple[list[Row], list[Part]]], **key: object) -> Iterator[
        tuple[list[Row], list[Part]]]:
    """Give parts of an analysis as long as none fails; then one row without value."""
    try:
        yield from parts
    except FAILURES as error:
        yield [undefined_row(error, **key)], []


def each_that_works(metrics: Sequence[str], compute: Callable[..., xr.Dataset]) -> tuple[xr.Dataset, dict[str, str]]:
    """Compute several metrics at once, and where that fails numerically all but those that fail.

    ``compute`` takes some of the ``metrics`` by that name. Gives values of the metrics that work, without variables
    where none does, and why each other one fails; InputError if the data do not allow any of them.
    """
    failed: dict[str, str] = {}
    working = list(metrics)
    while working:
        try:
            return compute(metrics=working), failed
        except InputError:
            raise
        except FAILURES as error:
            reason_of(error)
        more = {name: reason for name in working if (reason := _failure(compute, name))}
        failed |= more or dict.fromkeys(working, f"{FAILED}they fail together")
        working = [name for name in working if name not in failed]
    return xr.Dataset(), failed


def n_failed(estimates: pd.DataFrame) -> int:
    """How many estimates of a table have no value because they failed numerically."""
    return int(estimates["reason"].fillna("").str.startswith(FAILED).sum())


def _failure(compute: Callable[..., xr.Dataset], name: str) -> str:
    try:
        compute(metrics=[name])
    except FAILURES as error:
        return reason_of(error)
    return ""


def _home(error: Exception) -> str:
    """Name the package of the code that raised an error."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else str(trace.tb_frame.f_globals.get("__name__", "")).split(".")[0]
