"""Figures of a calibration: every cell's rate with its Monte Carlo interval, its nominal rate and its bound."""

from __future__ import annotations

import pandas as pd
from plotnine import (
    aes,
    element_text,
    facet_grid,
    geom_hline,
    geom_linerange,
    geom_point,
    geom_text,
    ggplot,
    labs,
    scale_color_manual,
    scale_x_discrete,
    scale_y_continuous,
    theme,
)
from plotnine.coords import coord_flip

from salcompare.figures.figure import Figure
from salcompare.figures.theme import DOUBLE, INK, NULL, figure_theme, percent, ticks, wrapped
from salcompare.planning.calibration_rates import POWER
from salcompare.simulation.cases import LEVEL

ROW, EDGE = 0.105, 0.62  # inches
STRIP = 10  # characters of a line of a panel's title
GOOD, BAD, STATED = "#0072B2", "#D55E00", "#E69F00"
_COLOURS = {"holds": GOOD, "found": GOOD, "shortfall": STATED, "fails": BAD, "missed": BAD}
_KEYS = "blue: within its bound; orange: not, with a stated cause; red: not, unexplained"


def calibration_figures(rates: pd.DataFrame) -> list[Figure]:
    """Draw false positives, coverage and power, each if there is any.

    Parameters
    ----------
    rates : DataFrame
        As `calibration_rates` gives them.
    """
    parts = [
        ("level", "calibration-tests", "False-positive rate of every test where its null hypothesis is true",
         "False positives, %", f"dashed: {LEVEL:.0%}, the nominal rate", LEVEL),
        ("coverage", "calibration-intervals", "Coverage of every 95% interval",
         "Covered, %", f"dashed: {1 - LEVEL:.0%}, the nominal coverage", 1 - LEVEL),
        ("power", "calibration-power", "How often each test finds what is planted",
         "Found, %", f"dashed: {POWER:.0%}, from where on it counts as found", POWER),
    ]
    return [_figure(rates[(rates["purpose"] == purpose) & (rates["runs"] > 0)], name, title, axis, nominal, at)
            for purpose, name, title, axis, nominal, at in parts
            if ((rates["purpose"] == purpose) & (rates["runs"] > 0)).any()]


def _figure(cells: pd.DataFrame, name: str, title: str, axis: str, nominal: str, at: float) -> Figure:
    checks, scenarios = list(dict.fromkeys(cells["check"])), list(dict.fromkeys(cells["scenario"]))
    height = EDGE + ROW * len(checks)
    bounded = cells["purpose"].iloc[0] != "power"
    plot = _plot(cells, checks, scenarios, axis, at, bounded=bounded) + figure_theme(DOUBLE, height) + theme(
        panel_spacing_x=0.012, strip_text_x=element_text(size=5.5), legend_position="none",
        axis_text_y=element_text(size=5.5))
    bound = "; grey: the bound, simultaneous over all cells" if bounded else ""
    edge = " A number at the edge is a rate that lies beyond it."
    text = (f"Dots: shares of {_runs(cells)} simulated studies; bars: exact 95% binomial intervals; {nominal}{bound}. "
            f"{_KEYS[0].upper()}{_KEYS[1:]}.{edge}")
    return Figure(name, title, text, plot, DOUBLE, height)


def _plot(cells: pd.DataFrame, checks: list[str], scenarios: list[str], axis: str, at: float, *,
          bounded: bool) -> ggplot:
    titles = [wrapped(name, STRIP) for name in scenarios]
    table = cells.assign(
        check=pd.Categorical(cells["check"], categories=checks[::-1]),
        scenario=pd.Categorical([wrapped(name, STRIP) for name in cells["scenario"]], categories=titles))
    low, high = _range(table, at)
    beyond = table[(table["rate"] < low) | (table["rate"] > high)]
    inside = table.drop(beyond.index)
    inside = inside.assign(mc_low=inside["mc_low"].clip(low, high), mc_high=inside["mc_high"].clip(low, high))
    number = beyond.assign(text=[f"{100 * rate:.0f}" for rate in beyond["rate"]], rate=beyond["rate"].clip(low, high))
    plot = (ggplot(inside, aes("check", "rate")) + facet_grid(cols="scenario")
            + geom_hline(yintercept=at, linetype="dashed", color=INK, size=0.3))
    if bounded:
        plot += geom_point(aes(y="bound"), shape="|", color=NULL, size=1.6)
    if len(beyond):
        plot += geom_text(aes(label="text", color="verdict"), data=number, size=5.5, ha="right" if at < 0.5 else "left")
    return (plot + geom_linerange(aes(ymin="mc_low", ymax="mc_high", color="verdict"), size=0.4)
            + geom_point(aes(color="verdict"), size=1.1, stroke=0) + scale_color_manual(values=_COLOURS)
            + scale_y_continuous(limits=(low, high), breaks=_breaks(low, high), labels=percent)
            + scale_x_discrete() + coord_flip() + labs(x="", y=axis))


def _range(table: pd.DataFrame, at: float) -> tuple[float, float]:
    """Range of the axis, in which good rates can be told apart; what lies beyond is printed as a number at the edge."""
    if at < 0.5:
        return 0.0, float(min(1, 2.5 * table["bound"].max()))
    return float(max(0, min(at - 0.12, 2.5 * table["bound"].min() - 1.5))), 1.0


def _breaks(low: float, high: float) -> list[float]:
    return [value for value in ticks(high, most=3 if low == 0 else 8) if value >= low]


def _runs(cells: pd.DataFrame) -> str:
    least, most = int(cells["runs"].min()), int(cells["runs"].max())
    return f"{most:,}" if least == most else f"{least:,} to {most:,}"
