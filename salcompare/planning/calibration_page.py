"""The calibration page: one chart of every test and interval, what it shows in ten lines, and what was simulated."""

from __future__ import annotations

import importlib.resources
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import plotnine as p9
from plotnine.coords import coord_flip

from salcompare import provenance, store
from salcompare.figures.figure import Figure
from salcompare.figures.saving import save_figure
from salcompare.figures.theme import DOUBLE, INK, SMALL, figure_theme, wrapped
from salcompare.figures.theme import percent as axis_percent
from salcompare.findings import findings
from salcompare.planning.rates import POWER, liberal, noticed
from salcompare.printing import ALPHA, counted, joined, percent, ranged


@dataclass(frozen=True)
class Setup:
    """How a calibration was run."""

    runs: int  # wanted of a scenario
    seed: int
    runs_of: Mapping[str, int]  # studies of each scenario
    scenarios: Mapping[str, str]  # what each simulates


def write_page(rates: pd.DataFrame, setup: Setup, folder: Path) -> Path:
    """Write calibration.md, .csv and the chart, and give the first's path; same rates, same bytes."""
    store.write_table(folder / "calibration.csv", rates.round(6))
    figure = calibration_figure(rates)
    save_figure(figure, folder)
    content = {
        "setup": setup, "lines": summary(rates), "figure": figure, "versions": dict(provenance.versions()),
        "liberal": [{"check": row["check"], "scenario": row["scenario"], "rate": _rate(row)}
                    for row in liberal(rates).to_dict(orient="records")]}
    page = folder / "calibration.md"
    store.write_text(page, _rendered(content))
    return page


def summary(rates: pd.DataFrame) -> list[str]:
    """Say in a few lines what the calibration shows: tests, intervals, refusals, fresh runs, planted effects."""
    lines = [*_promise(rates, "level"), *_promise(rates, "coverage")]
    partly = rates[(rates["n_undefined"] > 0) & (rates["runs"] > 0)]
    if len(partly):
        share = partly["runs"] / (partly["runs"] + partly["n_undefined"])
        least = partly.iloc[int(share.to_numpy().argmin())]
        lines.append(f"In {counted(len(partly), 'cell')} a number is refused or undefined in some studies; the rate "
                     f"is of the others, at the least of {_of(least)} ({least['check']}, {least['scenario']}).")
    refused = rates[rates["verdict"] == "refused"]
    if len(refused):
        where = joined(f"{scenario} ({counted(len(rows), 'cell')})" for scenario, rows in refused.groupby(
            "scenario", sort=False))
        lines.append(f"What cannot be known is refused, and no number given: {where}.")
    again = rates[rates["first_rate"].notna()]
    if len(again):
        lines.append(f"{counted(len(again), 'cell')} looked liberal in the first runs: the rates of fresh ones stand "
                     "here.")
    most = int(rates["runs"].max())
    lines.append(f"What {most:,} studies can see: a test that rejects true nulls in {percent(noticed(most))} is called "
                 f"liberal in {percent(POWER, 0)} of calibrations.")
    return lines + _planted(rates[(rates["purpose"] == "power") & (rates["runs"] > 0)])


def _promise(rates: pd.DataFrame, purpose: str) -> list[str]:
    """Count the verdicts of tests or of intervals, and name the cell that errs most often."""
    cells = rates[(rates["purpose"] == purpose) & (rates["runs"] > 0)]
    if cells.empty:
        return []
    tests = purpose == "level"
    number = {verdict: int((cells["verdict"] == verdict).sum()) for verdict in ("holds", "conservative", "liberal")}
    few = int(((cells["verdict"] == "conservative") & cells["discrete"].astype(bool)).sum())
    what, nominal = ("tests", percent(ALPHA, 0)) if tests else ("intervals", percent(1 - ALPHA, 0))
    worst = cells.sort_values("rate", ascending=not tests, kind="stable").iloc[0]
    said = (f"{cells['check'].nunique()} {what} in {len(cells)} cells" + (" where the null hypothesis is true" * tests)
            + f": {number['holds']} hold their {nominal}, {number['conservative']} are conservative"
            + (f" ({few} of them for want of arrangements)" if few else "") + f", {number['liberal']} liberal.")
    verb = ("Most often rejects" if tests else "Least often covers")
    return [said, f"{verb} {worst['check']}, {worst['scenario']}: {_rate(worst)}."]


def _planted(cells: pd.DataFrame) -> list[str]:
    if cells.empty:
        return []
    missed = cells[cells["verdict"] == "missed"]
    rare = "" if missed.empty else "; less often " + ", ".join(
        f"{row['check']} ({row['scenario']}, {percent(row['rate'], 0)})" for row in missed.to_dict(orient="records"))
    return [f"Planted effects, {len(cells)} cells: {len(cells) - len(missed)} found in at least {percent(POWER, 0)} of "
            f"the studies, within Monte Carlo error{rare}."]


def _rate(row: pd.Series[Any] | Mapping[Any, Any]) -> str:
    """Print a rate with its Monte Carlo interval and what it is a share of."""
    return f"{percent(row['rate'])} ({percent(row['mc_low'])} to {percent(row['mc_high'])}) of {_of(row)}"


def _of(row: pd.Series[Any] | Mapping[Any, Any]) -> str:
    return f"{row['runs']:,} studies" + (f" out of {row['runs'] + row['n_undefined']:,}" if row["n_undefined"] else "")


def _rendered(content: dict[str, object]) -> str:
    import jinja2

    environment = jinja2.Environment(autoescape=jinja2.select_autoescape(default_for_string=False),
                                     undefined=jinja2.StrictUndefined, trim_blocks=True,
                                     lstrip_blocks=True, keep_trailing_newline=True)
    template = importlib.resources.files("salcompare.planning") / "calibration.md.jinja"
    return environment.from_string(template.read_text(encoding="utf-8")).render(content)


MOST = 0.12  # of the axis of errors: what lies beyond stands at its edge
ROW, GAP, EDGE = 0.024, 3, 0.55  # inches a cell and at top and bottom; cells between two findings
_COLOURS = {"holds": "#0072B2", "conservative": "#7A7A7A", "liberal": "#D55E00"}
_PANELS = {"level": "Tests: true nulls rejected", "coverage": "Intervals: truths missed"}


def calibration_figure(rates: pd.DataFrame) -> Figure:
    """Draw how often every test and every interval errs, one line a cell, by finding; nominally all do in 5%."""
    cells = rates[rates["purpose"].isin(list(_PANELS)) & (rates["runs"] > 0)]
    covers = cells["purpose"] == "coverage"
    low = cells["mc_low"].where(~covers, 1 - cells["mc_high"])
    high = cells["mc_high"].where(~covers, 1 - cells["mc_low"])
    table = cells.assign(
        error=cells["rate"].where(~covers, 1 - cells["rate"]).clip(upper=MOST), low=low.clip(upper=MOST),
        high=high.clip(upper=MOST), panel=pd.Categorical(cells["purpose"].map(_PANELS), list(_PANELS.values())))
    table, places, total = _placed(table)
    height = EDGE + ROW * total
    plot = (p9.ggplot(table, p9.aes("place", "error", color="verdict")) + p9.facet_grid(cols="panel")
            + p9.geom_hline(yintercept=ALPHA, linetype="dashed", color=INK, size=0.3)
            + p9.geom_linerange(p9.aes(ymin="low", ymax="high"), size=0.35) + p9.geom_point(size=0.8, stroke=0)
            + p9.scale_color_manual(values=_COLOURS, breaks=[name for name in _COLOURS
                                                             if name in set(table["verdict"])])
            + p9.scale_y_continuous(limits=(0, MOST), breaks=[0, 0.05, 0.1], labels=axis_percent)
            + p9.scale_x_reverse(limits=(total, -1), breaks=list(places.values()), labels=list(places))
            + coord_flip() + p9.labs(x="", y="Errors, %") + figure_theme(DOUBLE, height)
            + p9.theme(axis_text_y=p9.element_text(size=SMALL), legend_position="bottom",
                       legend_title=p9.element_blank()))
    text = (f"Dots: shares of {ranged(cells['runs'])} simulated studies in which a test rejects a true null "
            "hypothesis, or a 95% interval misses the truth, each test or interval in each scenario; bars: exact 95% "
            "binomial intervals, by which a cell holds its nominal 5% (dashed) or is conservative or liberal.")
    return Figure("calibration", "How often every test and every interval errs", text, plot, DOUBLE, height)


def _placed(table: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, float], float]:
    """Give each cell its line, findings below one another and their cells by rate; the findings' middles; all lines."""
    questions = {one.name: one.question for one in findings()}
    start, places, parts = 0.0, {}, []
    for finding, rows in table.groupby("finding", sort=False):
        lines = max(rows["panel"].value_counts())
        for _, cells in rows.groupby("panel", observed=True):
            order = cells.sort_values("error", kind="stable")
            spread = (lines - len(order)) / 2
            parts.append(order.assign(place=[start + spread + number for number in range(len(order))]))
        places[wrapped(questions.get(str(finding), str(finding)), 24)] = start + (lines - 1) / 2
        start += max(lines, 6) + GAP
    return pd.concat(parts), places, start
