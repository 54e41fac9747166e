"""The calibration page: what was simulated, what every test and interval did there, and what falls short and why."""

from __future__ import annotations

import base64
import importlib.resources
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import plotnine as p9
from plotnine.coords import coord_flip

from salcompare import provenance, store
from salcompare.figures import theme
from salcompare.figures.figure import Figure
from salcompare.figures.saving import save_figure
from salcompare.figures.theme import DOUBLE, INK, NULL, figure_theme, ticks, wrapped
from salcompare.planning.rates import FAILURES, POWER, SIMULTANEOUS
from salcompare.printing import ALPHA, percent, ranged
from salcompare.report.render import page_policy, page_style

_TITLES = {"level": "False positives", "coverage": "Coverage", "power": "Planted effects"}
_POWER = percent(POWER, 0)
_MARKS = {"shortfall": "*", "fails": "!", "missed": "!"}


@dataclass(frozen=True)
class Setup:
    """How a calibration was run."""

    runs: int  # wanted of a scenario
    seed: int
    runs_of: Mapping[str, int]  # studies of each scenario
    scenarios: Mapping[str, str]  # what each simulates


def write_page(rates: pd.DataFrame, setup: Setup, folder: Path) -> Path:
    """Write calibration.html (which needs no other file), .md, .csv and the figures; same rates, same bytes."""
    store.write_table(folder / "calibration.csv", rates.round(6))
    figures = calibration_figures(rates)
    pngs = [save_figure(figure, folder)[0] for figure in figures]
    content = _content(rates, setup, figures, pngs)
    store.write_text(folder / "calibration.md", _rendered("calibration.md.jinja", content, escape=False))
    page = folder / "calibration.html"
    store.write_text(page, _rendered("calibration.html", content, escape=True))
    return page


def findings(rates: pd.DataFrame) -> list[str]:
    """Say in words what the calibration shows."""
    return [sentence for purpose in _TITLES if (sentence := _finding(rates[rates["purpose"] == purpose], purpose))]


def shortfalls(rates: pd.DataFrame) -> list[dict[str, str]]:
    """List the cells that do not hold, with their rates and causes; those without a cause first."""
    short = rates[rates["verdict"].isin(["shortfall", *FAILURES])]
    order = short.assign(stated=short["verdict"] == "shortfall").sort_values("stated", kind="stable")
    return [{"check": row["check"], "scenario": row["scenario"], "purpose": _TITLES[row["purpose"]].lower(),
             "rate": percent(row["rate"]), "bound": percent(row["bound"]),
             "cause": row["cause"] or "not explained"} for row in order.to_dict(orient="records")]


def stated(rates: pd.DataFrame) -> list[str]:
    """Say every shortfall in a line."""
    return [f"{row['check']}, {row['scenario']}: {row['rate']} (bound {row['bound']}): {row['cause']}"
            for row in shortfalls(rates)]


def _finding(cells: pd.DataFrame, purpose: str) -> str:
    cells = cells[cells["runs"] > 0]
    if cells.empty:
        return ""
    holding = cells[cells["verdict"].isin(["holds", "found"])]
    good, short = len(holding), int((cells["verdict"] == "shortfall").sum())
    bad, exact = len(cells) - good - short, holding["rate"]
    what = f"{cells['check'].nunique()} {cells['kind'].iloc[0]}s in {len(cells)} cells"
    said = {
        "level": f"{what} where the null hypothesis is true: {good} stay below the bound of "
                 f"{percent(cells['bound'].min())}{_spread(exact, 'reject')}",
        "coverage": f"{what}: {good} cover at least as often as chance leaves to an exact 95% interval"
                    f"{_spread(exact, 'cover')}",
        "power": f"{what} with a planted effect: {good} find it in at least {_POWER} of the studies",
    }[purpose]
    left = f"; {short} fall short for a stated cause" if short else ""
    return f"{_TITLES[purpose]}: {said}{left}" + (f"; {bad} fall short and nothing explains it." if bad else ".")


def _spread(rates: pd.Series[float], verb: str) -> str:
    return f" (they {verb} in {percent(rates.min())} to {percent(rates.max())})" if len(rates) else ""


def _rendered(name: str, content: dict[str, object], *, escape: bool) -> str:
    import jinja2

    environment = jinja2.Environment(autoescape=jinja2.select_autoescape(default_for_string=escape),
                                     undefined=jinja2.StrictUndefined, trim_blocks=True,
                                     lstrip_blocks=True, keep_trailing_newline=True)
    template = importlib.resources.files("salcompare.planning") / name
    return environment.from_string(template.read_text(encoding="utf-8")).render(content)


def _content(rates: pd.DataFrame, setup: Setup, figures: list[Figure], pngs: list[Path]) -> dict[str, object]:
    return {
        "style": page_style(), "policy": page_policy(), "setup": setup,
        "findings": findings(rates), "shortfalls": shortfalls(rates),
        "tables": [_table(rates, purpose) for purpose in _TITLES], "checks": _checks(rates),
        "figures": [{"name": figure.name, "title": figure.title, "caption": figure.caption,
                     "source": "data:image/png;base64," + base64.b64encode(png.read_bytes()).decode("ascii")}
                    for figure, png in zip(figures, pngs, strict=True)],
        "level": percent(ALPHA), "simultaneous": percent(SIMULTANEOUS), "power": _POWER,
        "bound": percent(rates.loc[rates["purpose"] == "level", "bound"].min()),
        "n_cells": int((rates["purpose"] != "power").sum()), "versions": dict(provenance.versions())}


def _table(rates: pd.DataFrame, purpose: str) -> dict[str, object]:
    """One line a check, one column a scenario; a mark at what falls short."""
    cells = rates[rates["purpose"] == purpose]
    scenarios = list(dict.fromkeys(cells["scenario"]))
    printed = {(row["check"], row["scenario"]): _cell(row) for row in cells.to_dict(orient="records")}
    lines = [[check, *(printed.get((check, scenario), "") for scenario in scenarios)]
             for check in dict.fromkeys(cells["check"])]
    return {"title": _TITLES[purpose], "name": purpose, "header": scenarios, "rows": lines}


def _cell(row: Mapping[Any, Any]) -> str:
    if not row["runs"]:
        return "none given"
    partly = " †" if row["n_undefined"] else ""
    return f"{percent(row['rate'])}{_MARKS.get(str(row['verdict']), '')}{partly}"


def _checks(rates: pd.DataFrame) -> list[dict[str, str]]:
    first = rates.drop_duplicates("check")
    return [{"check": row["check"], "case": row["case"], "what": row["what"],
             "discrete": "few arrangements: may lie far below 5%" if row["discrete"] else ""}
            for row in first.to_dict(orient="records")]


ROW, EDGE = 0.105, 0.62  # inches
STRIP = 10  # characters of a line of a panel's title
GOOD, BAD, STATED = "#0072B2", "#D55E00", "#E69F00"
_COLOURS = {"holds": GOOD, "found": GOOD, "shortfall": STATED, "fails": BAD, "missed": BAD}
_KEYS = "blue: within its bound; orange: not, with a stated cause; red: not, unexplained"


def calibration_figures(rates: pd.DataFrame) -> list[Figure]:
    """Draw false positives, coverage and power, each if there is any."""
    parts = [
        ("level", "calibration-tests", "False-positive rate of every test where its null hypothesis is true",
         "False positives, %", f"dashed: {percent(ALPHA, 0)}, the nominal rate", ALPHA),
        ("coverage", "calibration-intervals", "Coverage of every 95% interval",
         "Covered, %", f"dashed: {percent(1 - ALPHA, 0)}, the nominal coverage", 1 - ALPHA),
        ("power", "calibration-power", "How often each test finds what is planted",
         "Found, %", f"dashed: {_POWER}, from where on it counts as found", POWER),
    ]
    defined = rates[rates["runs"] > 0]
    return [_figure(defined[defined["purpose"] == purpose], name, title, axis, nominal, at)
            for purpose, name, title, axis, nominal, at in parts if (defined["purpose"] == purpose).any()]


def _figure(cells: pd.DataFrame, name: str, title: str, axis: str, nominal: str, at: float) -> Figure:
    checks, scenarios = list(dict.fromkeys(cells["check"])), list(dict.fromkeys(cells["scenario"]))
    height = EDGE + ROW * len(checks)
    bounded = cells["purpose"].iloc[0] != "power"
    plot = _plot(cells, checks, scenarios, axis, at, bounded=bounded) + figure_theme(DOUBLE, height) + p9.theme(
        panel_spacing_x=0.012, strip_text_x=p9.element_text(size=5.5), legend_position="none",
        axis_text_y=p9.element_text(size=5.5))
    bound = "; grey: the bound, simultaneous over all cells" if bounded else ""
    edge = " A number at the edge is a rate that lies beyond it."
    text = (f"Dots: shares of {ranged(cells['runs'])} simulated studies; bars: exact 95% binomial intervals; "
            f"{nominal}{bound}. {_KEYS[0].upper()}{_KEYS[1:]}.{edge}")
    return Figure(name, title, text, plot, DOUBLE, height)


def _plot(cells: pd.DataFrame, checks: list[str], scenarios: list[str], axis: str, at: float, *,
          bounded: bool) -> p9.ggplot:
    titles = [wrapped(name, STRIP) for name in scenarios]
    table = cells.assign(
        check=pd.Categorical(cells["check"], categories=checks[::-1]),
        scenario=pd.Categorical([wrapped(name, STRIP) for name in cells["scenario"]], categories=titles))
    low, high = _range(table, at)
    breaks = [value for value in ticks(high, most=3 if low == 0 else 8) if value >= low]
    beyond = table[(table["rate"] < low) | (table["rate"] > high)]
    inside = table.drop(beyond.index)
    inside = inside.assign(mc_low=inside["mc_low"].clip(low, high), mc_high=inside["mc_high"].clip(low, high))
    number = beyond.assign(text=[f"{100 * rate:.0f}" for rate in beyond["rate"]], rate=beyond["rate"].clip(low, high))
    plot = (p9.ggplot(inside, p9.aes("check", "rate")) + p9.facet_grid(cols="scenario")
            + p9.geom_hline(yintercept=at, linetype="dashed", color=INK, size=0.3))
    if bounded:
        plot += p9.geom_point(p9.aes(y="bound"), shape="|", color=NULL, size=1.6)
    if len(beyond):
        plot += p9.geom_text(p9.aes(label="text", color="verdict"), data=number, size=5.5,
                             ha="right" if at < 0.5 else "left")
    return (plot + p9.geom_linerange(p9.aes(ymin="mc_low", ymax="mc_high", color="verdict"), size=0.4)
            + p9.geom_point(p9.aes(color="verdict"), size=1.1, stroke=0) + p9.scale_color_manual(values=_COLOURS)
            + p9.scale_y_continuous(limits=(low, high), breaks=breaks, labels=theme.percent)
            + p9.scale_x_discrete() + coord_flip() + p9.labs(x="", y=axis))


def _range(table: pd.DataFrame, at: float) -> tuple[float, float]:
    """Range of the axis, in which good rates can be told apart; what lies beyond is printed as a number at the edge."""
    if at < 0.5:
        return 0.0, float(min(1, 2.5 * table["bound"].max()))
    return float(max(0, min(at - 0.12, 2.5 * table["bound"].min() - 1.5))), 1.0
