"""What the report says of relative saliency."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from salcompare.findings.relative import MOST, MOST_BESIDE
from salcompare.findings.relative.estimates import TFCE
from salcompare.printing import ALPHA, number, percent
from salcompare.report.content import Section
from salcompare.report.tables import PrintedTable, pick, table_of, why_undefined, with_p_texts
from salcompare.statistics.relative.contrasts import SUPPORT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from salcompare.study_data import StudyData


SPREAD = "dispersion_t"

MOST_NAMED = 8  # actors; the tables have all


def summary(data: StudyData) -> list[str]:
    """Name the actors whose maps differ from the others', people's first."""
    sources = ["human", data.main]
    return [text for source in sources if source is not None for text in _where(data, source)]


def _where(data: StudyData, source: str) -> list[str]:
    """Name the actors whose maps differ from the other actors' somewhere, by the largest |t| over pixels and actors."""
    rows = pick(data.estimates, statistic="relative_saliency", metric="max_t", level="actor", source=source)
    if rows["p_value"].isna().all():
        return []
    who = "People's maps" if source == "human" else f"Maps of {source}"
    found = rows[rows["p_adjusted"] <= ALPHA].sort_values("p_adjusted")
    if found.empty:
        return [f"{who}: no evidence that any actor's differ from the other actors' at any pixel."]
    shown = ", ".join(found["actor"].head(MOST_NAMED)) + (", ..." if len(found) > MOST_NAMED else "")
    return [f"{who} differ from the other actors' at some pixels for {len(found)} of {len(rows)} actors ({shown}), "
            "adjusted over all pixels and actors."]


def tables(data: StudyData) -> Iterator[PrintedTable]:
    """Make the tables of relative saliency."""
    estimates = data.estimates
    rows = estimates[estimates["statistic"] == "relative_saliency"]
    population = rows[rows["level"] == "population"]
    yield table_of(
        "relative_population", "Relative saliency: for how many actors anything survives a test",
        "count of n actors, value their share, with p (family-wise or as a discovery rate, see family) at most 0.05; "
        "p_adjusted is the smallest. max_t is the test, which locates pixels; cluster_mass and tfce locate none; "
        "dispersion_t is there because unequal spread looks like unequal means to max_t; "
        "surviving_share_bh and _by take p from one null pooled over pixels.",
        population, ["source", "metric", "count", "n", "value", "p_adjusted", "p_attainable", "family_size",
                     "n_resamples", "reason"])
    yield _of_actors(rows[rows["level"] == "actor"])
    yield table_of(
        "relative_all", "Relative saliency of each actor, every statistic",
        "value: the t, mass or enhancement farthest from 0, or the share of the tested pixels that survive (count: how "
        "many).", rows[rows["level"] == "actor"],
        ["actor", "source", "metric", "value", "count", "p_adjusted", "p_attainable", "n"], folded=True)


def _of_actors(rows: pd.DataFrame) -> PrintedTable:
    """One row for each actor and source: the largest |t| with its p, and how much survives which rate."""
    table = _wide(rows)
    return PrintedTable(
        "relative_actor", "Relative saliency of each actor",
        "max_t: the t farthest from 0 over the tested pixels, with p adjusted over pixels and actors; pixels: how "
        "many survive at 0.05, pixels_bh: at a false discovery rate of 0.05. Where the dispersion's p is small "
        "beside a small p of max_t, the actor's spread may differ and not its mean. n counts images.", table,
        bool((table["responses"] == "simulated").any()), folded=True,
        printed=_wide(with_p_texts(rows)).drop(columns="responses"), undefined=why_undefined(rows))


def _wide(rows: pd.DataFrame) -> pd.DataFrame:
    """Put the statistics of an actor and source into one row."""
    key = ["source", "actor"]
    table = rows[rows["metric"] == "max_t"][[*key, "value", "p_adjusted", "n", "responses"]].rename(
        columns={"value": "max_t"})
    for metric, column in (("surviving_share", "count"), ("surviving_share_bh", "count"),
                           (SPREAD, "p_adjusted"), ("cluster_mass", "p_adjusted"), ("tfce", "p_adjusted")):
        beside = rows[rows["metric"] == metric][[*key, column]]
        name = metric.replace("surviving_share", "pixels") if column == "count" else f"p_{metric}"
        table = table.merge(beside.rename(columns={column: name}), how="left")
    order = [*key, "max_t", "p_adjusted", "pixels", "pixels_bh", f"p_{SPREAD}", "p_cluster_mass",
             "p_tfce", "n", "responses"]
    return table[order]


def _paragraph(data: StudyData) -> str:
    """Say what relative saliency is and how it was tested."""
    asked, width = data.settings["statistics"]["n_permutations"], data.settings["study"]["size"][1]
    sigma = number(data.settings["maps"]["sigma"] * width)
    draws, beside = min(asked, MOST), min(asked, MOST_BESIDE)
    return (
        "An actor's heatmap minus the mean over actors of the actors' heatmaps. It is tested at every pixel on "
        f"coverage, or masks, smoothed with a Gaussian of standard deviation {sigma} pixels: t of the actor's mean "
        "less the mean of the other actors' means, over the variance within actors pooled over them. Images are "
        f"permuted freely among actors ({draws} times; {beside} for the sensitivity analyses and for classifiers that "
        "no figure shows); p is adjusted over all pixels and all actors by the largest |t| (Nichols & Holmes 2002), "
        f"and cannot be below 1/{draws + 1}. A pixel is tested if Kish's (1965) effective number of images behind it "
        f"is at least {percent(SUPPORT, 0)} of the images, whoever is shown; what hardly any image but one actor's "
        "own reaches is not tested. A pixel is a place in the picture, not on the face: an actor whose face is "
        "placed otherwise differs, too. Unequal spread makes the test reject where no mean differs; so a test of "
        "Levene's (1960) deviations stands beside it. "
        "False discovery rates (Benjamini & Hochberg "
        "1995; Benjamini & Yekutieli 2001) rest on p from one null distribution pooled over pixels, actors and "
        "permutations, which assumes that t has the same null distribution everywhere: a pixel's own permutations "
        "cannot reach the small p that so many tests ask for. Cluster mass (threshold at a two-sided p of 0.001) and "
        f"threshold-free cluster enhancement (Smith & Nichols 2009; heights from |t| = {TFCE['start']:g} in steps of "
        f"{TFCE['step']:g}, the same for all permutations and actors) say that an actor differs somewhere in or "
        "around a cluster, and locate no pixel.")


def methods(data: StudyData) -> list[tuple[str, str]]:
    """Say what relative saliency is and how it was tested."""
    return [("Relative saliency", _paragraph(data))]


def section(data: StudyData, name: str) -> Section:  # noqa: ARG001 - as every finding's
    """Show a classifier's heatmaps on its page."""
    return Section("heatmaps", "Heatmaps")
