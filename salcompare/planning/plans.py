"""A plan: which sizes reach the target and what that rests on, as a table, a picture and a page."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotnine as p9
import xarray as xr
from matplotlib import colormaps
from matplotlib.colors import to_hex

from salcompare import store
from salcompare.errors import InputError, Problem
from salcompare.figures import Figure, save_figure
from salcompare.figures.theme import DOUBLE, INK, MIDDLE, SEQUENTIAL, SINGLE, figure_theme, ticks
from salcompare.planning.pilot import Pilot
from salcompare.planning.power_runs import STATISTICS, Goal, Sizes, check_goal, open_kept, planned_statistic, power
from salcompare.printing import counted, number, percent
from salcompare.progress import Progress
from salcompare.simulation.cases import PlannedStatistic, planned_sigma
from salcompare.simulation.preferences import stream
from salcompare.simulation.scenario import Scenario, find_scenario
from salcompare.simulation.studies import simulate_study
from salcompare.statistics.inference.resampling import LEVEL
from salcompare.statistics.kernels import Values
from salcompare.statistics.variance.components import RELIABILITY, design_reliability, response_variance_components

KEPT = "runs.json"
NOMINAL = percent(LEVEL, 0)
"""The coverage of intervals, as printed."""
PRINTED = ("actors", "images", "workers", "pool", "responses", "value", "ci_low", "ci_high", "reached", "reliability")
_HEADER = {"images": "images an actor", "workers": "workers an image", "pool": "workers in all",
           "responses": "boxes in all", "ci_low": "from", "ci_high": "to"}
AXES = {"workers": "workers an image", "images": "images an actor", "actors": "actors"}
"""The sizes, in the order in which they take the x axis, the colour and the panels."""
SHAPES = ("o", "s", "^", "D", "v", "P")
_DARKEST, _LIGHTEST = 0.0, 0.78  # of the colour map; beyond, yellow is lost on white
_DODGE = 0.012  # between colours, as a share of the x axis
_ROW = 1.75  # inches
_COMPONENTS = 24, 4, 3  # actors, images and studies that components of variance are taken from


@dataclass(frozen=True)
class Model:
    """What studies are simulated from."""

    scenario: Scenario
    name: str  # in words, as in ``the demo's model``
    classifier: bool = True
    parameters: pd.DataFrame | None = None  # how a pilot's were estimated


@dataclass(frozen=True)
class Plan:
    """A finished plan."""

    table: pd.DataFrame  # as `power` gives it
    words: tuple[str, ...]
    printed: str  # the table as a terminal shows it
    paths: tuple[Path, ...]  # of the files written


def named_model(name: str) -> Model:
    """Give the model of a named scenario; `InputError` if there is none of that name."""
    return Model(find_scenario(name), f"the model {name!r}")


def pilot_model(pilot: Pilot) -> Model:
    """Give the model that was estimated from a pilot study."""
    return Model(pilot.scenario, f"the pilot study {pilot.scenario.name!r}", pilot.classifier, pilot.parameters)


def make_plan(model: Model, statistic: str, sizes: list[Sizes], *, goal: Goal, runs: int, draws: int, seed: int,
              out: Path, progress: Progress) -> Plan:
    """Simulate what is missing and write the plan; `InputError` if something wanted cannot be.

    `sizes`, `goal`, `runs`, `draws` and `seed` are as for `power`. The folder STATISTIC of `out` gets ``runs.json``
    (every run, so that the same command goes on where it was stopped), ``power.csv``, ``power.md``, ``power.png`` and
    ``power.svg``, or the same named ``half-width``.
    """
    planned = planned_statistic(statistic)
    check_goal(planned, goal, runs, draws)
    if planned.classifier and not model.classifier:
        raise InputError(Problem(f"--statistic {statistic}", "needs a classifier's maps, and the pilot has none",
                                 "one of " + ", ".join(s.name for s in STATISTICS.values() if not s.classifier)))
    folder = out / statistic
    kept = open_kept(folder / KEPT, scenario=model.scenario, statistic=planned, seed=seed, draws=draws,
                     say=progress.say)
    table = power(model.scenario, planned, sizes, goal=goal, runs=runs, seed=seed, draws=draws, kept=kept,
                  progress=progress)
    table = table.assign(reliability=foretold_reliability(model.scenario, table, seed=seed))
    figure = _figure(table, planned, level=goal.level, model=model.name)
    page = _page(table, planned, goal, model, seed=seed, draws=draws)
    csv, markdown = folder / f"{goal.measure}.csv", folder / f"{goal.measure}.md"
    store.write_table(csv, table.assign(model=model.name, simulated=True))
    pictures = save_figure(figure, folder)
    store.write_text(markdown, f"{page}\n![{figure.title}]({pictures[0].name})\n\n{figure.caption}\n")
    return Plan(table, tuple(_answers(table, goal)), _shown(table).to_string(index=False), (csv, markdown, *pictures))


def foretold_reliability(scenario: Scenario, sizes: pd.DataFrame, *, seed: int) -> Values:
    """Foretell how reliably people's heatmaps tell actors apart in studies of some sizes (a D-study).

    Components of variance of smoothed responses are means over simulated studies of the scenario's; `sizes` has columns
    ``images`` and ``workers``. NaN where the scenario's actors do not differ.
    """
    if not scenario.actor_spread and not np.any(scenario.actor_shift):
        return np.full(len(sizes), np.nan)
    many, parts = scenario.replace(n_actors=_COMPONENTS[0], n_images=_COMPONENTS[1]), []
    for run in range(_COMPONENTS[2]):
        study = simulate_study(many, rng=stream(seed, "components", scenario.name, str(run)))
        parts.append(response_variance_components(study.responses, study.images, size=scenario.grid,
                                                  sigma=planned_sigma(study))["variance"])
    n_images, n_workers = (xr.DataArray(sizes[name].to_numpy(float), dims="size") for name in ("images", "workers"))
    return design_reliability(xr.concat(parts, "run").mean("run"), n_images=n_images, n_workers=n_workers).to_numpy()


def _page(table: pd.DataFrame, statistic: PlannedStatistic, goal: Goal, model: Model, *, seed: int, draws: int) -> str:
    runs = int(table["runs"].iloc[0])
    parts = [f"# How large a study must be: {statistic.name}", f"Every study here is simulated, from {model.name}.",
             _question(statistic, goal), "## Answer", *_answers(table, goal), "## All sizes", _markdown(_shown(table)),
             "## What this rests on", _method(goal, runs, seed, draws)]
    if model.parameters is not None:
        parts += [f"The model was estimated from {model.name}, by moments:", _markdown(model.parameters)]
    undefined = int(table["n_undefined"].sum())
    if undefined:
        parts.append(f"In {undefined:,} of {int(table['runs'].sum()):,} simulated studies the "
                     f"{'test was' if goal.half_width is None else 'interval was'} undefined: "
                     + ("they count as not rejecting." if goal.half_width is None else "they are left out."))
    if table["reliability"].notna().any():
        parts.append("Reliability is foretold from the model's components of variance of smoothed responses: how far "
                     "the differences between actors' heatmaps would be the same with other images and workers. "
                     f"{RELIABILITY:g} is a common aim.")
    parts.append("A plan is as good as its model. Effects estimated from a small pilot carry the pilot's chance; a "
                 "study planned on them may have less power than is said here. Plan for the smallest effect that "
                 "would matter, not for the largest that the pilot allows.")
    return "\n\n".join(parts) + "\n"


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
    return (f"Asked: how large must a study be for a {NOMINAL} interval of half-width {goal.target:g} or less, in its "
            f"own unit, about the {statistic.estimates}?")


def _answers(table: pd.DataFrame, goal: Goal) -> Iterator[str]:
    """Say for each number of actors and images how many workers reach the target, and which size needs fewest boxes."""
    for (actors, images), of_size in table.groupby(["actors", "images"]):
        yield f"- {_answer(int(str(actors)), int(str(images)), of_size.sort_values('workers'), goal)}"
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


def _answer(actors: int, images: int, of_size: pd.DataFrame, goal: Goal) -> str:
    """Say how many workers are needed with so many actors and images."""
    who = f"With {actors:,} actors x {images:,} images"
    met = of_size[_met(of_size, goal)]
    defined = of_size[of_size["value"].notna()]
    if defined.empty:
        return f"{who} nothing can be said: {of_size['reason'].iloc[0]}."
    if met.empty:
        last = defined.iloc[-1]
        return (f"{who} no number of workers that was tried is enough: {last['workers']:,} an image give "
                f"{_value(last, goal)}.")
    first = met.iloc[0]
    least = ", the fewest tried," if len(of_size) > 1 and first["workers"] == of_size["workers"].min() else ""
    return (f"{who}, {first['workers']:,} workers an image{least} give {_value(first, goal)}: {first['responses']:,} "
            f"boxes by {first['pool']:,} workers.")


def _met(table: pd.DataFrame, goal: Goal) -> pd.Series[bool]:
    return table["value"] >= goal.target if goal.half_width is None else table["value"] <= goal.target


def _value(row: pd.Series[float], goal: Goal) -> str:
    value, low, high = (float(row[name]) for name in ("value", "ci_low", "ci_high"))
    if goal.half_width is None:
        return f"{100 * value:.3g}% power ({NOMINAL} interval {100 * low:.0f} to {100 * high:.0f}%)"
    return f"a half-width of {number(value)} ({NOMINAL} interval {number(low)} to {number(high)})"


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


def _figure(table: pd.DataFrame, statistic: PlannedStatistic, *, level: float, model: str) -> Figure:
    """Draw power or half-width over study sizes, with the target; named after what is measured."""
    measure = str(table["measure"].iloc[0])
    varying = [name for name in AXES if _varies(table[name])]
    across, coloured, panelled = sorted(AXES, key=lambda name: name not in varying)  # those that vary come first
    ranks = table[coloured].rank(method="dense")  # so that bars of two colours stand side by side
    data = table[table["value"].notna()].assign(
        x=table[across] + _DODGE * table[across].max() * (ranks - (1 + ranks.max()) / 2),
        colour=_factor(table[coloured]), panel=_factor(table[panelled], f" {AXES[panelled]}"))
    panels = int(table[panelled].nunique())
    width = {1: SINGLE, 2: MIDDLE}.get(panels, DOUBLE)
    rows = -(-panels // 3)
    height = 0.55 + _ROW * rows
    title = f"Power at level {level:g}" if measure == "power" else f"Half-width of the {NOMINAL} interval"
    plot = _plot(data, table, measure, across, coloured, title)
    if panels > 1:
        plot += p9.facet_wrap("panel", ncol=3)
    fixed = [f"{table[name].iloc[0]:,} {AXES[name]}" for name in AXES if name not in varying]
    return Figure(measure, title, _caption(table, statistic, measure, level, model, fixed),
                  plot + _look(width, height), width, height)


def _varies(sizes: pd.Series[int]) -> bool:
    return len(set(sizes)) > 1


def _factor(sizes: pd.Series[int], unit: str = "") -> pd.Series[Any]:
    """Make sizes categories in rising order, with their unit."""
    ordered = pd.CategoricalDtype([f"{number:,}{unit}" for number in sorted(set(sizes))])
    return pd.Series([f"{number:,}{unit}" for number in sizes], index=sizes.index).astype(ordered)


def _plot(data: pd.DataFrame, table: pd.DataFrame, measure: str, across: str, coloured: str, title: str) -> p9.ggplot:
    target = float(table["target"].iloc[0])
    colours = _colours(int(table[coloured].nunique()))
    numbers = sorted(table[across].unique().tolist())
    highest = max(float(data["value"].max()) if len(data) else 0.0, target)
    top = 1.0 if measure == "power" else min(2 * highest, 1.05 * max(float(data["ci_high"].max()), target))
    data = data.assign(ci_low=data["ci_low"].clip(0, top), ci_high=data["ci_high"].clip(0, top))
    breaks = [0, 0.2, 0.4, 0.6, 0.8, 1] if measure == "power" else ticks(top, most=5)
    name = AXES[coloured].capitalize()
    plot = (p9.ggplot(data, p9.aes("x", "value", color="colour", shape="colour", group="colour"))
            + p9.geom_hline(yintercept=target, linetype="dashed", size=0.5, color=INK)
            + p9.geom_line(size=0.6) + p9.geom_linerange(p9.aes(ymin="ci_low", ymax="ci_high"), size=0.45)
            + p9.geom_point(size=1.7, stroke=0.1)
            + p9.scale_color_manual(values=colours, name=name, drop=False)
            + p9.scale_shape_manual(values=[SHAPES[i % len(SHAPES)] for i in range(len(colours))], name=name,
                                    drop=False)
            + p9.scale_x_continuous(breaks=numbers, labels=[f"{number:,}" for number in numbers],
                                    limits=(0, 1.05 * max(numbers)), expand=(0, 0, 0, 0))
            + p9.scale_y_continuous(limits=(0, 1.02 * top), breaks=breaks, expand=(0, 0, 0, 0))
            + p9.labs(x=AXES[across].capitalize(), y=title, subtitle="Simulated studies"))
    return plot if _varies(table[coloured]) else plot + p9.theme(legend_position="none")


def _colours(count: int) -> list[str]:
    scale = colormaps[SEQUENTIAL]
    step = (_LIGHTEST - _DARKEST) / max(count - 1, 1)
    return [to_hex(scale(_DARKEST + step * i)) for i in range(count)]


def _look(width: float, height: float) -> p9.theme:
    return figure_theme(width, height) + p9.theme(
        axis_line_y=p9.element_line(color=INK, size=0.4), axis_ticks_y=p9.element_line(color=INK, size=0.4),
        panel_grid_major_y=p9.element_line(color="#E4E4E4", size=0.3), panel_grid_major_x=p9.element_blank(),
        panel_spacing=0.03, legend_position="right", legend_key_width=16)


def _caption(table: pd.DataFrame, statistic: PlannedStatistic, measure: str, level: float, model: str,
             fixed: list[str]) -> str:
    runs = counted(int(table["runs"].iloc[0]), "simulated study").replace("studys", "studies")
    about = (f"Share of {runs} in which p is at most {level:g}, for the claim that {statistic.tests}"
             if measure == "power" else
             f"Mean half-width over {runs} of the {NOMINAL} interval of: {statistic.estimates}")
    bars = "Wilson" if measure == "power" else "t"
    held = f" All with {', '.join(fixed)}." if fixed else ""
    return (f"{about}. Bars: {NOMINAL} {bars} intervals of the Monte Carlo error; dashed: the target, "
            f"{float(table['target'].iloc[0]):g}.{held} Simulated from {model}: no person drew these boxes.")
