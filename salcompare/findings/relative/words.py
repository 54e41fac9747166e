"""What the report says of relative saliency."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salcompare.findings import relative as declared
from salcompare.naming import HUMAN
from salcompare.printing import ALPHA, number, percent
from salcompare.report.content import Section
from salcompare.report.tables import PrintedTable, pick, table_of, wide_table
from salcompare.statistics.relative.clusters import FORMING_P
from salcompare.statistics.relative.contrasts import SUPPORT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from salcompare.study_data import StudyData

_BESIDE = (declared.SPREAD, declared.MASS, declared.ENHANCED)
MOST_NAMED = 8  # actors; the tables have all


def summary(data: StudyData) -> list[str]:
    """Name the actors whose maps differ from the others', people's first."""
    return [text for source in (HUMAN, data.main) if source is not None for text in _where(data, source)]


def _where(data: StudyData, source: str) -> list[str]:
    """Name the actors whose maps differ from the other actors' somewhere, by the largest |t| over pixels and actors."""
    rows = pick(data.estimates, source=source, **declared.LARGEST[1].name)
    if rows["p_value"].isna().all():
        return []
    who = "People's maps" if source == HUMAN else f"Maps of {source}"
    differing = rows[rows["p_adjusted"] <= ALPHA].sort_values("p_adjusted")
    if differing.empty:
        return [f"{who}: no evidence that any actor's differ from the other actors' at any pixel."]
    shown = ", ".join(differing["actor"].head(MOST_NAMED)) + (", ..." if len(differing) > MOST_NAMED else "")
    return [f"{who} differ from the other actors' at some pixels for {len(differing)} of {len(rows)} actors ({shown}), "
            "adjusted over all pixels and actors."]


def tables(data: StudyData) -> Iterator[PrintedTable]:
    """Make the tables of relative saliency."""
    rows = pick(data.estimates, statistic=declared.STATISTIC)
    yield table_of(
        "relative_population", "Relative saliency: for how many actors anything survives a test",
        "count of n actors, value their share, with p (family-wise or as a discovery rate, see family) at most "
        f"{ALPHA:g}; p_adjusted is the smallest. max_t is the test, which locates pixels; cluster_mass and tfce locate "
        "none; dispersion_t is there because unequal spread looks like unequal means to max_t; "
        "surviving_share_bh and _by take p from one null pooled over pixels.",
        rows[rows["level"] == declared.LARGEST[0].level],
        ["source", "metric", "count", "n", "value", "p_adjusted", "p_attainable", "family_size", "n_resamples",
         "reason"])
    of_actors = rows[rows["level"] == declared.LARGEST[1].level]
    largest, pixels = declared.LARGEST[1].metric, declared.SURVIVING[1].metric
    yield wide_table(
        "relative_actor", "Relative saliency of each actor",
        "max_t: the t farthest from 0 over the tested pixels, with p adjusted over pixels and actors; pixels: how many "
        f"survive at {ALPHA:g}, pixels_bh: at a false discovery rate of {ALPHA:g}. Where the dispersion's p is small "
        "beside a small p of max_t, the actor's spread may differ and not its mean. n counts images.", of_actors,
        ["source", "actor"], {
            largest: (largest, "value"), "p_adjusted": (largest, "p_adjusted"), "pixels": (pixels, "count"),
            "pixels_bh": (f"{pixels}_bh", "count"),
            **{f"p_{single.metric}": (single.metric, "p_adjusted") for _, single in _BESIDE},
            "n": (largest, "n")}, folded=True)
    yield table_of(
        "relative_all", "Relative saliency of each actor, every statistic",
        "value: the t, mass or enhancement farthest from 0, or the share of the tested pixels that survive (count: how "
        "many).", of_actors,
        ["actor", "source", "metric", "value", "count", "p_adjusted", "p_attainable", "n"], folded=True)


def _paragraph(data: StudyData) -> str:
    """Say what relative saliency is and how it was tested."""
    drawn, width = data.settings["statistics"]["n_permutations"], data.settings["study"]["size"][1]
    sigma = number(data.settings["maps"]["sigma"] * width)
    draws, beside = min(drawn, declared.MOST), min(drawn, declared.MOST_BESIDE)
    start, step = declared.TFCE["start"], declared.TFCE["step"]
    return (
        "An actor's heatmap minus the mean over actors of the actors' heatmaps. It is tested at every pixel on "
        f"coverage, or masks, smoothed with a Gaussian of standard deviation {sigma} pixels: t of the actor's mean "
        "less the mean of the other actors' means, over the variance within actors pooled over them. Images are "
        f"permuted freely among actors ({draws:,} times; {beside:,} for the sensitivity analyses and for classifiers "
        "that no figure shows); p is adjusted over all pixels and all actors by the largest |t| (Nichols & Holmes "
        f"2002), and cannot be below 1/{draws + 1:,}. A pixel is tested if Kish's (1965) effective number of images "
        f"behind it is at least {percent(SUPPORT, 0)} of the images, whoever is shown; what hardly any image but one "
        "actor's own reaches is not tested. A pixel is a place in the picture, not on the face: an actor whose face is "
        "placed otherwise differs, too. Unequal spread makes the test reject where no mean differs; so a test of "
        "Levene's (1960) deviations stands beside it. False discovery rates (Benjamini & Hochberg 1995; Benjamini & "
        "Yekutieli 2001) rest on p from one null distribution pooled over pixels, actors and permutations, which "
        "assumes that t has the same null distribution everywhere: a pixel's own permutations cannot reach the small "
        f"p that so many tests ask for. Cluster mass (threshold at a two-sided p of {number(FORMING_P, 1)}) and "
        f"threshold-free cluster enhancement (Smith & Nichols 2009; heights from |t| = {start:g} in steps of {step:g}, "
        "the same for all permutations and actors) say that an actor differs somewhere in or around a cluster, and "
        "locate no pixel.")


def methods(data: StudyData) -> list[tuple[str, str]]:
    """Say what relative saliency is and how it was tested."""
    return [("Relative saliency", _paragraph(data))]


def section(data: StudyData, name: str) -> Section:  # noqa: ARG001 - as every finding's
    """Show a classifier's heatmaps on its page."""
    return Section("heatmaps", "Heatmaps")
