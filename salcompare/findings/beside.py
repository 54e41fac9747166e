"""What a statement on agreement of people and a network stands beside: the same of maps that cannot know people."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from salcompare.findings.controls import DIFFERENCE, OF_CONTROL, RANDOMISED, SOBEL, new
from salcompare.findings.overlap import CENTRE
from salcompare.printing import ALPHA, estimate, interval, joined, number, p_text, verdict
from salcompare.report.tables import one, pick

NAMES = {SOBEL: "the photographs' edges", CENTRE: "a centred blob", RANDOMISED: "random-weight networks"}
COLUMNS = {SOBEL: "edges", CENTRE: "centre", RANDOMISED: "random_networks"}
"""Of a table, by what stands in them."""
_KEY = ["source", "metric", "form", "contrast"]


@dataclass(frozen=True)
class Beside:
    """The controls of one number: what each has, and what the classifier's is less it, where they were made."""

    values: dict[str, float]  # by the control; of networks, their mean
    here: float  # the classifier's on the networks' images
    less: dict[str, pd.Series[Any] | None]  # rows of the difference; of networks, from a new one

    @property
    def exceeded(self) -> bool:
        """Whether the classifier's lies above both that of the edges and that of a new random-weight network."""
        return all(row is not None and row["ci_low"] > 0 for row in self.less.values())

    @property
    def said(self) -> str:
        """Name what every control has, and those that the classifier was not held against."""
        here = f" (their mean, on images where this network has {_number(self.here)})"
        made = [f"{_number(value)} of {NAMES[name]}{here if name == RANDOMISED else ''}"
                for name, value in self.values.items() if not math.isnan(value)]
        rest = [NAMES[name] for name, value in self.values.items() if math.isnan(value)]
        return "; ".join([*([f"beside {joined(made)}"] if made else []),
                          *([f"not held against {joined(rest)}"] if rest else [])])

    @property
    def differences(self) -> str:
        """Give what the classifier's is less those that it must exceed."""
        called = {SOBEL: "the edges'", RANDOMISED: "a new random-weight network's"}
        return joined([f"{_number(row['value'])} less {called[name]} ({interval(row)})"
                       for name, row in self.less.items() if row is not None])


def _number(value: float) -> str:
    return number(value, 2)


def beside(estimates: pd.DataFrame, row: pd.Series[Any]) -> Beside:
    """Find the controls of a row of the estimates: the same number of maps that cannot know people."""
    rows = pick(estimates, level="population", **{name: str(row[name]) for name in _KEY})
    less = {name: one(rows, statistic=DIFFERENCE, against=name) for name in (SOBEL, RANDOMISED)}
    centre = one(rows, statistic=OF_CONTROL, against=CENTRE)
    values = {SOBEL: _side(less[SOBEL]), CENTRE: math.nan if centre is None else float(centre["value"]),
              RANDOMISED: _side(less[RANDOMISED])}
    mean = less[RANDOMISED]
    here = math.nan if mean is None else float(mean["value_one"])
    return Beside(values, here, {SOBEL: less[SOBEL],
                                 RANDOMISED: one(rows, statistic=DIFFERENCE, against=new(RANDOMISED))})


def _side(row: pd.Series[Any] | None) -> float:
    return math.nan if row is None else float(row["value_other"])


def claimed(estimates: pd.DataFrame, row: pd.Series[Any], claim: str) -> str:
    """Say whether a test gives evidence of agreement: not unless it exceeds its controls, which the sentence names."""
    controls = beside(estimates, row)
    if not row["p_value"] <= ALPHA:
        return f"{verdict(row, claim).removesuffix('.')}; {controls.said}."
    text, rest = f"{estimate(row)}, {p_text(row)}", "; ".join(filter(None, (controls.said, controls.differences)))
    if controls.exceeded:
        return f"There is evidence that {claim}, and more than controls do: {text}; {rest}."
    return f"{claim[0].upper()}{claim[1:]}, {text}, but this is no evidence of agreement beyond controls: {rest}."


def with_controls(rows: pd.DataFrame, estimates: pd.DataFrame, *, less: str = "") -> pd.DataFrame:
    """Add to rows of agreement the columns `COLUMNS`: the same number of each control, on the images that it is of.

    What the expression `less` matches is taken off contrasts before they are looked up.
    """
    key = [*_KEY, "actor"]
    of_controls = estimates[estimates["statistic"] == OF_CONTROL].drop_duplicates([*key, "against"])
    names = rows[key].assign(contrast=rows["contrast"].str.replace(less, "", regex=True)) if less else rows[key]
    for name, column in COLUMNS.items():
        of = of_controls.loc[of_controls["against"] == name, [*key, "value"]]
        rows = rows.assign(**{column: names.merge(of, how="left", on=key)["value"].to_numpy()})
    return rows
