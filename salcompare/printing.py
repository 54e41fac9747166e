"""The one printer of numbers, p-values, intervals and lists, for the page, its tables and the figures' captions."""

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


def ranged(numbers: Iterable[int]) -> str:
    """Write the smallest and the largest of some numbers: ``4 to 15``, or ``4`` where they are the same."""
    ends = sorted(set(numbers))
    return f"{ends[0]:,}" if len(ends) == 1 else f"{ends[0]:,} to {ends[-1]:,}"


def joined(parts: Iterable[str]) -> str:
    """Write a list: ``a, b and c``; empty parts are left out."""
    given = [part for part in parts if part]
    return given[0] if len(given) == 1 else f"{', '.join(given[:-1])} and {given[-1]}" if given else ""


def p_text(row: Mapping[Any, Any] | pd.Series[Any], column: str = "p_value") -> str:
    """Write a p-value: ``p = 0.032``, ``p <= 0.0001`` where no drawn permutation reached the value; never ``p = 0``.

    It is of a row of the estimates, or of a table made of them, whose `column` is p_value or p_adjusted.
    """
    text = p_number(row, column)
    if not text:
        return "p not defined"
    return f"p {text}" if text[0] == "<" else f"p = {text}"


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


ALPHA = 0.05
"""The level of tests, and of false positives that they are held to; the summary speaks of evidence up to it."""


def number(value: object, digits: int = 3) -> str:
    """Print a number with so many significant digits, whole numbers whole, NaN as a dash."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, (int, float)) and float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}".replace("-", "−")
    text = f"{float(str(value)):#.{digits}g}".rstrip(".")
    if "e" in text and abs(float(text)) >= 1:  # 1.23e+04 reads better as 12,300
        text = f"{float(text):,.0f}"
    return text.replace("-", "−")


def shortest(value: float) -> str:
    """Print a number as on an axis, with no more digits than it has."""
    return f"{value:g}".replace("-", "−")


def percent(share: float, digits: int = 1) -> str:
    """Print a share as a percentage."""
    return f"{100 * share:.{digits}f}%".replace("-", "−")


def spread(fixations: Mapping[str, Any]) -> str:
    """Print the standard deviation of the Gaussians on fixations, in the unit in which it was stated."""
    sigma = fixations["sigma"]
    if fixations["unit"] == "pixels":
        return f"{number(sigma)} pixels"
    wide = fixations["pixels_per_degree"]
    return f"{number(sigma)}° of visual angle, {number(sigma * wide)} pixels at {number(wide)} pixels a degree"


def interval(row: pd.Series[Any], percents: int | None = None) -> str:
    """Print an estimate's 95% interval, of a share as percentages with so many decimals, or why there is none."""
    if math.isnan(row["ci_low"]) or math.isnan(row["ci_high"]):
        return "no interval" + (f": {row['reason']}" if isinstance(row["reason"], str) and row["reason"] else "")
    low, high = (number(row[end], 2) if percents is None else percent(row[end], percents)
                 for end in ("ci_low", "ci_high"))
    return f"95% CI {low} to {high}"


def estimate(row: pd.Series[Any]) -> str:
    """Print an estimate with its interval; of a difference, the two that it is of."""
    return f"{number(row['value'], 2)} ({'; '.join(part for part in (less(row), interval(row)) if part)})"


def less(row: pd.Series[Any]) -> str:
    """Print the two values that a difference is of, as in ``0.412 less 0.398``; nothing where they are not known."""
    one, other = (float(row.get(name, math.nan)) for name in ("value_one", "value_other"))
    return "" if math.isnan(one) or math.isnan(other) else f"{number(one)} less {number(other)}"


def difference(row: pd.Series[Any]) -> str:
    """Print a value and, where it is a difference, the two that it is of."""
    return f"{number(row['value'], 2)} ({less(row)})" if less(row) else number(row["value"], 2)


def contrast(row: pd.Series[Any], claim: str) -> str:
    """Say whether a difference's interval leaves 0 out; the claim is worded for the sign that was found."""
    if math.isnan(row["value"]):
        return f"Whether {claim} could not be computed ({row['reason']})."
    if math.isnan(row["ci_low"]):
        return f"Whether {claim} is open: {difference(row)}, {interval(row)}."
    if row["ci_low"] > 0 or row["ci_high"] < 0:
        return f"There is evidence that {claim}: {estimate(row)}."
    return (f"No evidence that {claim}: {difference(row)}; differences from "
            f"{number(row['ci_low'], 2)} to {number(row['ci_high'], 2)} remain possible.")


def verdict(row: pd.Series[Any], claim: str) -> str:
    """Say whether a test gives evidence for a claim; where it does not, which effects the interval still allows.

    The row is one estimate with value, interval and p_value; `claim` is what the alternative says, to stand after
    "evidence that".
    """
    p = row["p_value"]
    if math.isnan(p):
        reason = f" ({row['reason']})" if isinstance(row["reason"], str) and row["reason"] else ""
        return f"Whether {claim} could not be tested{reason}."
    if p <= ALPHA:
        return f"There is evidence that {claim}: {estimate(row)}, {p_text(row)}."
    floor = row["p_attainable"]
    if not math.isnan(floor) and floor > ALPHA:
        return (f"No evidence that {claim}: {estimate(row)}, {p_text(row)}; with so few replicates this test could not "
                f"have given a p below {number(floor, 2)}.")
    allows = ""
    if not math.isnan(row["ci_low"]):
        allows = f" Effects from {number(row['ci_low'], 2)} to {number(row['ci_high'], 2)} remain possible."
    return f"No evidence that {claim}: {difference(row)}, {p_text(row)}.{allows}"
