"""The picture of a plan: power or half-width over study sizes, with the target."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib import colormaps
from matplotlib.colors import to_hex
from plotnine import (
    aes,
    element_blank,
    element_line,
    facet_wrap,
    geom_hline,
    geom_line,
    geom_linerange,
    geom_point,
    ggplot,
    labs,
    scale_color_manual,
    scale_shape_manual,
    scale_x_continuous,
    scale_y_continuous,
    theme,
)

from salcompare.figures import Figure
from salcompare.figures.theme import DOUBLE, INK, MIDDLE, SEQUENTIAL, SINGLE, figure_theme, ticks
from salcompare.printing import counted
from salcompare.simulation.cases import PlannedStatistic

AXES = {"workers": "workers an image", "images": "images an actor", "actors": "actors"}
"""The sizes, in the order in which they take the x axis, the colour and the panels."""
SHAPES = ("o", "s", "^", "D", "v", "P")
_DARKEST, _LIGHTEST = 0.0, 0.78  # of the colour map; beyond, yellow is lost on white
_DODGE = 0.012  # between colours, as a share of the x axis
_ROW = 1.75  # inches


def power_figure(table: pd.DataFrame, statistic: PlannedStatistic, *, level: float, model: str) -> Figure:
    """Draw a plan.

    Parameters
    ----------
    table : DataFrame
        As `salcompare.planning.power` gives it; rows without a value are left out.
    statistic : PlannedStatistic
        What is planned for.
    level : float
        At or below which p rejects.
    model : str
        What the studies were simulated from, as in ``the demo's model``.

    Returns
    -------
    Figure
        Named ``power`` or ``half-width``.
    """
    measure = str(table["measure"].iloc[0])
    across, coloured, panelled = _roles(table)
    data = table[table["value"].notna()].assign(
        x=table[across] + _DODGE * table[across].max() * _places(table[coloured]), colour=_factor(table[coloured]),
        panel=_factor(table[panelled], f" {AXES[panelled]}"))
    panels = int(table[panelled].nunique())
    width = {1: SINGLE, 2: MIDDLE}.get(panels, DOUBLE)
    rows = -(-panels // 3)
    height = 0.55 + _ROW * rows
    title = f"Power at level {level:g}" if measure == "power" else "Half-width of the 95% interval"
    plot = _plot(data, table, measure, across, coloured, title)
    if panels > 1:
        plot += facet_wrap("panel", ncol=3)
    fixed = [f"{table[name].iloc[0]:,} {AXES[name]}" for name in AXES if not _varies(table[name])]
    return Figure(measure, title, _caption(table, statistic, measure, level, model, fixed),
                  plot + _look(width, height), width, height)


def _roles(table: pd.DataFrame) -> tuple[str, str, str]:
    """Choose which size is on the x axis, which in colours, which in panels: those that vary first."""
    varying = [name for name in AXES if _varies(table[name])]
    order = varying + [name for name in AXES if name not in varying]
    return order[0], order[1], order[2]


def _places(sizes: pd.Series[int]) -> pd.Series[float]:
    """Give sizes their ranks, less the mean rank, so that bars of two colours stand side by side."""
    ranks = sizes.rank(method="dense")
    return ranks - (1 + ranks.max()) / 2


def _varies(sizes: pd.Series[int]) -> bool:
    return len(set(sizes)) > 1


def _factor(sizes: pd.Series[int], unit: str = "") -> pd.Series[Any]:
    """Make sizes categories in rising order, with their unit."""
    ordered = pd.CategoricalDtype([f"{number:,}{unit}" for number in sorted(set(sizes))])
    return pd.Series([f"{number:,}{unit}" for number in sizes], index=sizes.index).astype(ordered)


def _plot(data: pd.DataFrame, table: pd.DataFrame, measure: str, across: str, coloured: str, title: str) -> ggplot:
    target = float(table["target"].iloc[0])
    colours = _colours(int(table[coloured].nunique()))
    numbers = sorted(table[across].unique().tolist())
    highest = max(float(data["value"].max()) if len(data) else 0.0, target)
    top = 1.0 if measure == "power" else min(2 * highest, 1.05 * max(float(data["ci_high"].max()), target))
    data = data.assign(ci_low=data["ci_low"].clip(0, top), ci_high=data["ci_high"].clip(0, top))
    breaks = [0, 0.2, 0.4, 0.6, 0.8, 1] if measure == "power" else ticks(top, most=5)
    name = AXES[coloured].capitalize()
    plot = (ggplot(data, aes("x", "value", color="colour", shape="colour", group="colour"))
            + geom_hline(yintercept=target, linetype="dashed", size=0.5, color=INK)
            + geom_line(size=0.6) + geom_linerange(aes(ymin="ci_low", ymax="ci_high"), size=0.45)
            + geom_point(size=1.7, stroke=0.1)
            + scale_color_manual(values=colours, name=name, drop=False)
            + scale_shape_manual(values=[SHAPES[i % len(SHAPES)] for i in range(len(colours))], name=name, drop=False)
            + scale_x_continuous(breaks=numbers, labels=[f"{number:,}" for number in numbers],
                                 limits=(0, 1.05 * max(numbers)), expand=(0, 0, 0, 0))
            + scale_y_continuous(limits=(0, 1.02 * top), breaks=breaks, expand=(0, 0, 0, 0))
            + labs(x=AXES[across].capitalize(), y=title, subtitle="Simulated studies"))
    return plot if _varies(table[coloured]) else plot + theme(legend_position="none")


def _colours(count: int) -> list[str]:
    scale = colormaps[SEQUENTIAL]
    step = (_LIGHTEST - _DARKEST) / max(count - 1, 1)
    return [to_hex(scale(_DARKEST + step * i)) for i in range(count)]


def _look(width: float, height: float) -> theme:
    return figure_theme(width, height) + theme(
        axis_line_y=element_line(color=INK, size=0.4), axis_ticks_y=element_line(color=INK, size=0.4),
        panel_grid_major_y=element_line(color="#E4E4E4", size=0.3), panel_grid_major_x=element_blank(),
        panel_spacing=0.03, legend_position="right", legend_key_width=16)


def _caption(table: pd.DataFrame, statistic: PlannedStatistic, measure: str, level: float, model: str,
             fixed: list[str]) -> str:
    runs = counted(int(table["runs"].iloc[0]), "simulated study").replace("studys", "studies")
    about = (f"Share of {runs} in which p is at most {level:g}, for the claim that {statistic.tests}"
             if measure == "power" else f"Mean half-width over {runs} of the 95% interval of: {statistic.estimates}")
    bars = "Wilson" if measure == "power" else "t"
    held = f" All with {', '.join(fixed)}." if fixed else ""
    return (f"{about}. Bars: 95% {bars} intervals of the Monte Carlo error; dashed: the target, "
            f"{float(table['target'].iloc[0]):g}.{held} Simulated from {model}: no person drew these boxes.")
