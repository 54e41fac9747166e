"""A plan in words: which sizes reach the target, and what that rests on."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pandas as pd

from salcompare.planning.power_runs import DRAWS, Goal
from salcompare.printing import number
from salcompare.simulation.cases import PlannedStatistic

PRINTED = ("actors", "images", "workers", "pool", "responses", "value", "ci_low", "ci_high", "reached")
_HEADER = {"images": "images an actor", "workers": "workers an image", "pool": "workers in all",
           "responses": "boxes in all", "ci_low": "from", "ci_high": "to"}


def summary(table: pd.DataFrame, statistic: PlannedStatistic, goal: Goal, *, model: str,
            parameters: pd.DataFrame | None, seed: int, draws: int = DRAWS) -> str:
    """Write the page of a plan, in Markdown.

    Parameters
    ----------
    table : DataFrame
        As `salcompare.planning.power` gives it.
    statistic, goal, seed, draws
        As given to `salcompare.planning.power`.
    model : str
        What the studies were simulated from, as in ``the demo's model``.
    parameters : DataFrame or None
        ``parameter, value, estimated`` of a pilot.
    """
    runs = int(table["runs"].iloc[0])
    parts = [f"# How large a study must be: {statistic.name}", f"Every study here is simulated, from {model}.",
             _question(statistic, goal), "## Answer", *_answers(table, goal), "## All sizes", _markdown(_shown(table)),
             "## What this rests on", _method(goal, runs, seed, draws)]
    if parameters is not None:
        parts += [f"The model was estimated from {model}, by moments:", _markdown(parameters)]
    undefined = int(table["n_undefined"].sum())
    if undefined:
        parts.append(f"In {undefined:,} of {int(table['runs'].sum()):,} simulated studies the "
                     f"{'test was' if goal.half_width is None else 'interval was'} undefined: "
                     + ("they count as not rejecting." if goal.half_width is None else "they are left out."))
    parts.append("A plan is as good as its model. Effects estimated from a small pilot carry the pilot's chance; a "
                 "study planned on them may have less power than is said here. Plan for the smallest effect that "
                 "would matter, not for the largest that the pilot allows.")
    return "\n\n".join(parts) + "\n"


def answers(table: pd.DataFrame, goal: Goal) -> list[str]:
    """Say for each number of actors and images how many workers reach the target, and which size needs fewest boxes."""
    return list(_answers(table, goal))


def printed(table: pd.DataFrame) -> str:
    """Print the table for a terminal."""
    return _shown(table).to_string(index=False)


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    """Give the columns that are printed, their cells as text and their names in words."""
    measure = str(table["measure"].iloc[0])
    shown = table[list(PRINTED)].copy()
    for column in shown:
        shown[column] = [_cell(value, decimals=3 if measure == "power" else None) for value in table[column].tolist()]
    return shown.rename(columns={**_HEADER, "value": measure})


def _question(statistic: PlannedStatistic, goal: Goal) -> str:
    if goal.half_width is None:
        return (f"Asked: how large must a study be to find, with power {goal.target:g} at level {goal.level:g}, that "
                f"{statistic.tests}?")
    return (f"Asked: how large must a study be for a 95% interval of half-width {goal.target:g} or less, in its own "
            f"unit, about the {statistic.estimates}?")


def _answers(table: pd.DataFrame, goal: Goal) -> Iterator[str]:
    for (actors, images), own in table.groupby(["actors", "images"]):
        yield f"- {_answer(int(str(actors)), int(str(images)), own.sort_values('workers'), goal)}"
    reached = table[_met(table, goal)]
    if len(reached) > 1:
        best = reached.sort_values(["responses", "actors", "images"], kind="stable").iloc[0]
        yield (f"Fewest boxes: {best['actors']} actors x {best['images']} images x {best['workers']} workers "
               f"({best['responses']:,} boxes, {_value(best, goal)}).")
    if reached.empty:
        yield "No size that was tried reaches the target. Try more actors, images or workers."
    if (table["reached"] == "open").any():
        yield ("Where the Monte Carlo interval holds the target, the answer is open: more --runs narrow it, and those "
               "that are done are kept.")


def _answer(actors: int, images: int, own: pd.DataFrame, goal: Goal) -> str:
    """Say how many workers are needed with so many actors and images."""
    who = f"With {actors:,} actors x {images:,} images"
    met = own[_met(own, goal)]
    defined = own[own["value"].notna()]
    if defined.empty:
        return f"{who} nothing can be said: {own['reason'].iloc[0]}."
    if met.empty:
        last = defined.iloc[-1]
        return (f"{who} no number of workers that was tried is enough: {last['workers']:,} an image give "
                f"{_value(last, goal)}.")
    first = met.iloc[0]
    least = ", the fewest tried," if len(own) > 1 and first["workers"] == own["workers"].min() else ""
    return (f"{who}, {first['workers']:,} workers an image{least} give {_value(first, goal)}: {first['responses']:,} "
            f"boxes by {first['pool']:,} workers.")


def _met(table: pd.DataFrame, goal: Goal) -> pd.Series[bool]:
    return table["value"] >= goal.target if goal.half_width is None else table["value"] <= goal.target


def _value(row: pd.Series[float], goal: Goal) -> str:
    value, low, high = (float(row[name]) for name in ("value", "ci_low", "ci_high"))
    if goal.half_width is None:
        return f"{100 * value:.3g}% power (95% interval {100 * low:.0f} to {100 * high:.0f}%)"
    return f"a half-width of {number(value)} (95% interval {number(low)} to {number(high)})"


def _method(goal: Goal, runs: int, seed: int, draws: int) -> str:
    counted = (f"Power is the share of {runs:,} simulated studies with p at or below {goal.level:g}; its interval is "
               "Wilson's." if goal.half_width is None else
               f"The half-width is the mean over {runs:,} simulated studies; its interval is Student's t.")
    return (f"{counted} Each study uses {draws:,} permutations or resamples; with more, power is a little higher. Each "
            f"worker draws one box on an image; the pool of workers grows with the study, so that each draws as many "
            f"boxes as in the model. Seed {seed}.")


def _markdown(frame: pd.DataFrame) -> str:
    head = [str(column).replace("_", " ") for column in frame.columns]
    lines = [head, ["---"] * len(head)]
    lines += [[_cell(value) for value in row] for row in frame.itertuples(index=False, name=None)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: object, *, decimals: int | None = None) -> str:
    if isinstance(value, float):
        return "–" if math.isnan(value) else number(value) if decimals is None else f"{value:.{decimals}f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
