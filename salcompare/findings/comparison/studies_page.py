"""The page that compares two studies: a figure and a table of headline differences, all others, and what differs."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import plotnine as p9

from salcompare import provenance
from salcompare.figures import save_figure
from salcompare.figures.figure import Figure, caption
from salcompare.figures.theme import HUMAN, MIDDLE, NULL, SIMULATED, figure_theme
from salcompare.findings.comparison.studies import Comparison, OneStudy
from salcompare.naming import COMPARISON
from salcompare.printing import counted, joined, number, p_number
from salcompare.report.content import Page, ReportFigure, Section, with_rows
from salcompare.report.render import write_pages
from salcompare.report.tables import PrintedTable, plain_table
from salcompare.study_data import StudyData

TITLE = "Differences of the headline numbers"
WIDEST = 1.5  # differences beyond would press the others together
ROW, FRAME = 0.16, 0.6  # inches
HOW = (
    "Difference, one less other, with its 95% interval. Beside it what chance alone gives: of pairs of studies like "
    "these whose populations do not differ, 95 in 100 differ by less. p is two-sided and tests that they do not "
    "differ; p adjusted is Holm's over all headlines that could be tested. A large p is no evidence that they are the "
    "same: the interval says which differences remain possible.")


def write_comparison(compared: Comparison, folder: Path) -> Path:
    """Write comparison.html, its figure and its tables into a folder; give the page's path."""
    data = _data(compared)
    figures: tuple[ReportFigure, ...] = ()
    if len(_drawn(compared.table)):
        figure = differences_figure(data, compared)
        png, svg = save_figure(figure, folder / "figures")
        figures = (ReportFigure(figure.name, figure.title, figure.caption, png, svg),)
    reasons = tuple(f"({at}) {reason} ({count:,} of all estimates)."
                    for at, (reason, count) in enumerate(compared.reasons.items(), 1))
    page = Page(COMPARISON, f"{compared.one.title} and {compared.other.title}", HOW, (
        Section("studies", "The studies", said=tuple(_said(compared)), tables=with_rows([replace(plain_table(
            "settings", "Settings that differ", compared.settings), folded=False)])),
        Section("headlines", TITLE, figures=figures, tables=with_rows([_headlines(compared)]), notes=reasons),
        Section("all", "All estimates", said=("Reasons are numbered as above.",) if reasons else (),
                tables=with_rows(_all(compared)))), report="")
    return write_pages(data, (page,), folder)[0]


def _data(compared: Comparison) -> StudyData:
    studies = (compared.one, compared.other)
    simulated = any(side.config.responses.source == "simulated" for side in studies)
    names = dict.fromkeys(name for side in studies for name in (
        *(given.name for given in side.config.classifier), *(given.name for given in side.config.precomputed)))
    return StudyData(title="Two studies side by side", simulated=simulated, credit="", classifiers=names,
                     provenance={"versions": provenance.versions()})


def _said(compared: Comparison) -> Iterator[str]:
    for which, side in (("One", compared.one), ("Other", compared.other)):
        yield f"{which}: {side.title}, {joined(_counts(side))}."
    yield " ".join((
        "The actors of both are tested in pairs." if compared.one.actors & compared.other.actors else
        "No actor is in both: Welch's t test, from each study's interval over its actors.",
        *compared.notes))
    if compared.one.workers & compared.other.workers:
        yield (f"{counted(len(compared.one.workers & compared.other.workers), 'worker')} of one name in both, which "
               "tests do not know: where they respond alike in both, intervals of what rests on people are too wide.")
    headlines = compared.table[compared.table["headline"].notna()]
    if headlines["p_value"].isna().all():
        yield "No headline number could be tested; the notes below the table say why."


def _marks(compared: Comparison) -> dict[str, str]:
    """Give a number to each reason that estimates are not tested for; it is said once, below the headlines."""
    return {reason: f"({at})" for at, reason in enumerate(compared.reasons, 1)}


def _counts(side: OneStudy) -> list[str]:
    parts = [counted(len(side.actors), "actor"), counted(len(side.images), "image")]
    return [*parts, counted(len(side.workers), "worker")] if side.workers else parts


def _headlines(compared: Comparison) -> PrintedTable:
    rows = compared.table[compared.table["headline"].notna()].sort_values("family", na_position="last", kind="stable")
    printed = pd.DataFrame({
        "headline": rows["headline"],
        "one": [_with_interval(row, "_one", "value_one") for row in rows.to_dict("records")],
        "other": [_with_interval(row, "_other", "value_other") for row in rows.to_dict("records")],
        "difference": [_with_interval(row, "", "difference") for row in rows.to_dict("records")],
        "by chance alone": [f"within ±{number(chance, 2)}" if chance == chance else "–" for chance in rows["chance"]],
        "p": [p_number(row) or "–" for row in rows.to_dict("records")],
        "p adjusted": [p_number(row, "p_adjusted") or "–" for row in rows.to_dict("records")],
        "not tested": rows["reason"].map(_marks(compared)).fillna("–")})
    said = "95% intervals in brackets; what could be tested comes first." + (
        " The numbers in the last column are those of the notes below." if compared.reasons else "")
    return PrintedTable("differences_headlines", "Headline by headline", said, rows.reset_index(drop=True),
                        _simulated(rows), printed=printed.reset_index(drop=True))


def _with_interval(row: Mapping[Hashable, Any], end: str, value: str) -> str:
    low, high = row[f"ci_low{end}"], row[f"ci_high{end}"]
    interval = f"\n({number(low, 2)} to {number(high, 2)})".replace(" ", "\N{NO-BREAK SPACE}")
    return number(row[value], 2) + (interval if low == low else "")


def _all(compared: Comparison) -> Iterator[PrintedTable]:
    table, tested = compared.table, compared.table["p_value"].notna()
    for name, title, rows in (("differences_tested", "Tested", table[tested]),
                              ("differences_untested", "Not tested, or in one study only", table[~tested])):
        held = [column for column in rows if rows[column].notna().any() and (rows[column].astype(str) != "").any()]
        made = plain_table(name, title, rows[held].reset_index(drop=True))
        printed = made.page.replace({"reason": _marks(compared)})
        yield replace(made, simulated=_simulated(rows), printed=printed)


def _simulated(rows: pd.DataFrame) -> bool:
    return bool((rows["responses"] == "simulated").any())


def _drawn(table: pd.DataFrame) -> pd.DataFrame:
    rows = table[table["headline"].notna() & table["chance"].notna()]
    return rows[(rows["difference"].abs() + rows["chance"]) <= WIDEST].reset_index(drop=True)


def differences_figure(data: StudyData, compared: Comparison) -> Figure:
    """Draw each headline's difference with its interval, over what chance alone gives."""
    table = _drawn(compared.table)
    order = list(dict.fromkeys(table["headline"]))[::-1]
    table = table.assign(row=pd.Categorical(table["headline"], categories=order), least=-table["chance"])
    height = FRAME + ROW * len(order)
    plot = (p9.ggplot(table, p9.aes("difference", "row"))
            + p9.geom_segment(p9.aes(x="least", xend="chance", yend="row"), size=2.4, color="#DDDDDD")
            + p9.geom_vline(xintercept=0, size=0.3, color=NULL)
            + p9.geom_segment(p9.aes(x="ci_low", xend="ci_high", yend="row"), size=0.5, color=HUMAN)
            + p9.geom_point(size=1.7, stroke=0, color=HUMAN) + p9.scale_y_discrete(limits=order)
            + p9.labs(x=f"{compared.one.title} less {compared.other.title}", y="",
                      subtitle=SIMULATED if data.simulated else "") + figure_theme(MIDDLE, height))
    untested = int(compared.table["headline"].notna().sum()) - len(order)
    text = caption(data, [
        f"{counted(len(order), 'headline number')}: difference (point) with its 95% interval (line).",
        "Grey: what chance alone gives where the studies' populations do not differ, in 95 of 100 pairs of studies.",
        f"{untested} more could not be tested, or would not fit; see the table." if untested else ""],
        responses=True, photographs=False)
    return Figure("differences", TITLE, text, plot, MIDDLE, height)
