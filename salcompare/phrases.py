"""Numbers with their nouns, lists and p-values, as figures and the report write them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

AT_MOST, EQUAL = "at most", "equal"
"""What column p_is says of a p-value: that no permutation drawn reached the observed value, or that it is as given."""
_MULTIPLIED = ("(Holm)", "(Benjamini-Hochberg)", "(Benjamini-Yekutieli)")
_LEAST = 1e-300


def counted(n: int, what: str) -> str:
    """Write a number with its noun: ``1 actor``, ``5,354 responses``."""
    return f"{n:,} {what if n == 1 else what + 's'}"


def joined(parts: Iterable[str]) -> str:
    """Write a list: ``a, b and c``; empty parts are left out."""
    given = [part for part in parts if part]
    return given[0] if len(given) == 1 else f"{', '.join(given[:-1])} and {given[-1]}" if given else ""


def p_text(row: Mapping[Any, Any] | pd.Series[Any], column: str = "p_value") -> str:
    """Write a p-value: ``p = 0.032``, ``p <= 0.0001`` where no drawn permutation reached the value; never ``p = 0``.

    Parameters
    ----------
    row : mapping or Series
        A row of the estimates, or of a table made of them.
    column : str
        p_value or p_adjusted.
    """
    number = p_number(row, column)
    if not number:
        return "p not defined"
    return f"p {number}" if number[0] == "<" else f"p = {number}"


def p_number(row: Mapping[Any, Any] | pd.Series[Any], column: str = "p_value") -> str:
    """Write a p-value for a table, as `p_text` without the letter; empty where there is none."""
    p = _float(row, column)
    if math.isnan(p):
        return ""
    if p < _LEAST:
        return f"< {_LEAST:g}"
    if is_at_most(row, column):
        unit = 10.0 ** (math.floor(math.log10(p)) - 1)
        return f"<= {math.ceil(p / unit - 1e-6) * unit:.2g}"  # a bound is rounded up
    return f"{p:.2f}" if p >= 0.1 else f"{p:.3f}" if p >= 0.001 else f"{p:.1g}"


def is_at_most(row: Mapping[Any, Any] | pd.Series[Any], column: str = "p_value") -> bool:
    """Whether a p-value is a bound, as no permutation drawn at random reached the observed value.

    An adjusted one is, where it is such a p times a number, or is itself the smallest that draws can give.
    """
    if row.get("p_is") != AT_MOST:
        return False
    if column != "p_adjusted":
        return True
    adjusted = _float(row, column)
    floors = (_float(row, "p_value"), _float(row, "p_attainable"))
    multiplied = str(row.get("family", "")).endswith(_MULTIPLIED)
    return adjusted < 1 and (multiplied or any(math.isclose(adjusted, floor, rel_tol=1e-9) for floor in floors))


def _float(row: Mapping[Any, Any] | pd.Series[Any], column: str) -> float:
    value = row.get(column)
    return math.nan if value is None else float(value)
