"""Numbers in words: how a report prints values, intervals and p-values."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from salcompare.phrases import p_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

ALPHA = 0.05  # the level at which the summary speaks of evidence


def number(value: object, digits: int = 3) -> str:
    """Print a number with so many significant digits, whole numbers whole, NaN as a dash."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, (int, float)) and float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    text = f"{float(str(value)):#.{digits}g}".rstrip(".")
    if "e" in text and abs(float(text)) >= 1:  # 1.23e+04 reads better as 12,300
        text = f"{float(text):,.0f}"
    return text.replace("-", "−")


def percent(share: float, digits: int = 1) -> str:
    """Print a share as a percentage."""
    return f"{100 * share:.{digits}f}%"


def spread(fixations: Mapping[str, Any]) -> str:
    """Print the standard deviation of the Gaussians on fixations, in the unit in which it was stated."""
    sigma = fixations["sigma"]
    if fixations["unit"] == "pixels":
        return f"{number(sigma)} pixels"
    wide = fixations["pixels_per_degree"]
    return f"{number(sigma)}° of visual angle, {number(sigma * wide)} pixels at {number(wide)} pixels a degree"


def interval(row: pd.Series[Any]) -> str:
    """Print an estimate's 95% interval, or why there is none."""
    if math.isnan(row["ci_low"]) or math.isnan(row["ci_high"]):
        return "no interval" + (f": {row['reason']}" if isinstance(row["reason"], str) and row["reason"] else "")
    return f"95% CI {number(row['ci_low'], 2)} to {number(row['ci_high'], 2)}"


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


def verdict(row: pd.Series[Any], claim: str, *, negative: str | None = None) -> str:
    """Say whether a test gives evidence for a claim; where it does not, which effects the interval still allows.

    Parameters
    ----------
    row : Series
        One estimate with value, interval and p_value.
    claim : str
        What the alternative says, to stand after "evidence that".
    negative : str, optional
        What it says of a negative value, where the test is two-sided.
    """
    if negative is not None and row["value"] < 0:
        claim = negative
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
