"""The calibration page: what was simulated, what every test and interval did there, and what falls short and why."""

from __future__ import annotations

import base64
import importlib.resources
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from salcompare import provenance, store
from salcompare.figures.saving import save_figure
from salcompare.planning.calibration_figures import calibration_figures
from salcompare.planning.calibration_rates import FAILURES, POWER, SIMULTANEOUS
from salcompare.report.render import page_policy, page_style
from salcompare.simulation.cases import LEVEL

if TYPE_CHECKING:
    from salcompare.figures.figure import Figure

_TITLES = {"level": "False positives", "coverage": "Coverage", "power": "Planted effects"}
_MARKS = {"shortfall": "*", "fails": "!", "missed": "!"}


@dataclass(frozen=True)
class Setup:
    """How a calibration was run.

    Attributes
    ----------
    runs, seed : int
        Simulated studies that were asked for a scenario, and the seed of all random numbers.
    runs_of : mapping
        Studies of each scenario.
    scenarios : mapping
        What each scenario simulates, in words, by name.
    """

    runs: int
    seed: int
    runs_of: Mapping[str, int]
    scenarios: Mapping[str, str]


def write_page(rates: pd.DataFrame, setup: Setup, folder: Path) -> Path:
    """Write calibration.html, calibration.md, calibration.csv and the figures into a folder; same rates, same bytes.

    Parameters
    ----------
    rates : DataFrame
        As `calibration_rates` gives them.
    setup : Setup
        How they came about.
    folder : Path
        Made if it is not there.

    Returns
    -------
    Path
        Of calibration.html, which needs no other file.
    """
    folder.mkdir(parents=True, exist_ok=True)
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
             "rate": _percent(row["rate"]), "bound": _percent(row["bound"]),
             "cause": row["cause"] or "not explained"} for row in order.to_dict(orient="records")]


def stated(rates: pd.DataFrame) -> list[str]:
    """Say every shortfall in a line."""
    return [f"{row['check']}, {row['scenario']}: {row['rate']} (bound {row['bound']}): {row['cause']}"
            for row in shortfalls(rates)]


def _finding(cells: pd.DataFrame, purpose: str) -> str:
    cells = cells[cells["runs"] > 0]
    if cells.empty:
        return ""
    good, short = int(cells["verdict"].isin(["holds", "found"]).sum()), int((cells["verdict"] == "shortfall").sum())
    bad = len(cells) - good - short
    exact = cells[cells["verdict"].isin(["holds", "found"])]["rate"]
    said = {
        "level": f"{_tests(cells)} in {_count(cells)} cells where the null hypothesis is true: {good} stay below the "
                 f"bound of {_percent(cells['bound'].min())}{_spread(exact, 'reject')}",
        "coverage": f"{_tests(cells)} in {_count(cells)} cells: {good} cover at least as often as chance "
                    f"leaves to an exact 95% interval{_spread(exact, 'cover')}",
        "power": f"{_tests(cells)} in {_count(cells)} cells with a planted effect: {good} find it in at least "
                 f"{POWER:.0%} of the studies",
    }[purpose]
    left = f"; {short} fall short for a stated cause" if short else ""
    return f"{_TITLES[purpose]}: {said}{left}" + (f"; {bad} fall short and nothing explains it." if bad else ".")


def _tests(cells: pd.DataFrame) -> str:
    kind = str(cells["kind"].iloc[0])
    return f"{cells['check'].nunique()} {kind}s"


def _count(cells: pd.DataFrame) -> str:
    return f"{len(cells)}"


def _spread(rates: pd.Series[float], verb: str) -> str:
    return f" (they {verb} in {_percent(rates.min())} to {_percent(rates.max())})" if len(rates) else ""


def _rendered(name: str, content: dict[str, object], *, escape: bool) -> str:
    import jinja2

    environment = jinja2.Environment(autoescape=jinja2.select_autoescape(default_for_string=escape),
                                     undefined=jinja2.StrictUndefined, trim_blocks=True,
                                     lstrip_blocks=True, keep_trailing_newline=True)
    own = importlib.resources.files("salcompare.planning")
    return environment.from_string((own / name).read_text(encoding="utf-8")).render(content)


def _content(rates: pd.DataFrame, setup: Setup, figures: list[Figure], pngs: list[Path]) -> dict[str, object]:
    return {
        "style": page_style(), "policy": page_policy(), "setup": setup,
        "findings": findings(rates), "shortfalls": shortfalls(rates),
        "tables": [_table(rates, purpose) for purpose in _TITLES], "checks": _checks(rates),
        "figures": [_embedded(figure, png) for figure, png in zip(figures, pngs, strict=True)],
        "level": _percent(LEVEL), "simultaneous": f"{SIMULTANEOUS:.1%}", "power": f"{POWER:.0%}",
        "bound": _percent(rates.loc[rates["purpose"] == "level", "bound"].min()),
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
    return f"{_percent(row['rate'])}{_MARKS.get(str(row['verdict']), '')}{partly}"


def _checks(rates: pd.DataFrame) -> list[dict[str, str]]:
    first = rates.drop_duplicates("check")
    return [{"check": row["check"], "case": row["case"], "what": row["what"],
             "discrete": "few arrangements: may lie far below 5%" if row["discrete"] else ""}
            for row in first.to_dict(orient="records")]


def _embedded(figure: Figure, png: Path) -> dict[str, str]:
    source = "data:image/png;base64," + base64.b64encode(png.read_bytes()).decode("ascii")
    return {"name": figure.name, "title": figure.title, "caption": figure.caption, "source": source}


def _percent(share: object) -> str:
    return f"{100 * float(str(share)):.1f}%"
