"""What the report says of relative saliency."""

from __future__ import annotations

from collections.abc import Iterator

from salcompare.findings import relative as declared
from salcompare.naming import HUMAN
from salcompare.printing import ALPHA, counted, number, percent
from salcompare.report.content import Section
from salcompare.report.tables import PrintedTable, pick, table_of, wide_table
from salcompare.statistics.relative.contrasts import FEWEST_IMAGES, SUPPORT
from salcompare.study_data import StudyData

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
    tested, untested = rows[rows["p_value"].notna()], int(rows["p_value"].isna().sum())
    left = f" {counted(untested, 'actor')} could not be tested." if untested else ""
    differing = tested[tested["p_adjusted"] <= ALPHA].sort_values("p_adjusted")
    if differing.empty:
        return [f"{who}: no evidence that any actor's differ from the other actors' at any pixel, which is none that "
                f"they are alike.{left}"]
    shown = ", ".join(differing["actor"].head(MOST_NAMED)) + (", ..." if len(differing) > MOST_NAMED else "")
    return [f"{who} differ from the other actors' at some pixels for {len(differing)} of {len(tested)} actors "
            f"({shown}), adjusted over all pixels and actors.{left}"]


def tables(data: StudyData) -> Iterator[PrintedTable]:
    """Make the tables of relative saliency."""
    rows = pick(data.estimates, statistic=declared.STATISTIC)
    yield table_of(
        "relative_population", "Relative saliency: for how many actors any pixel survives",
        f"count of n actors tested, value their share, with p at most {ALPHA:g}, adjusted over pixels and actors; "
        "p_adjusted is the smallest.", rows[(rows["level"] == declared.LARGEST[0].level) & (
            rows["metric"] == declared.LARGEST[0].metric)],
        ["source", "metric", "count", "n", "value", "p_adjusted", "p_attainable", "family_size", "n_resamples",
         "reason"])
    of_actors = rows[rows["level"] == declared.LARGEST[1].level]
    largest, pixels = declared.LARGEST[1].metric, declared.SURVIVING[1].metric
    yield wide_table(
        "relative_actor", "Relative saliency of each actor",
        "max_t: the t farthest from 0 over the tested pixels, with p adjusted over pixels and actors; pixels: how many "
        f"survive at {ALPHA:g}, and their share. n counts images; an actor with fewer than {FEWEST_IMAGES} (shoots "
        "where they are named), or few beside the others', is not tested.", of_actors,
        ["source", "actor"], {
            largest: (largest, "value"), "p_adjusted": (largest, "p_adjusted"), "pixels": (pixels, "count"),
            "share": (pixels, "value"), "n": (largest, "n")}, folded=True)


def methods(data: StudyData) -> list[tuple[str, str]]:
    """Say what relative saliency is and how it was tested."""
    drawn, width = data.settings["statistics"]["n_permutations"], data.settings["study"]["size"][1]
    sigma = number(data.settings["maps"]["sigma"] * width)
    draws, beside = min(drawn, declared.MOST), min(drawn, declared.MOST_BESIDE)
    return [("Relative saliency", (
        "An actor's heatmap minus the mean over actors of the actors' heatmaps. It is tested at every pixel on "
        f"coverage, or masks, smoothed with a Gaussian of standard deviation {sigma} pixels: t of the actor's mean "
        f"less the mean of the other actors' means, of actors with at least {FEWEST_IMAGES} images and two thirds "
        "of what the actor of an average image has. Each actor has "
        "one factor on the variance of all pixels, which is otherwise pooled; where its maps vary more in one place, "
        "for their mean there, than the others', t is smaller for it. What is permuted freely among "
        f"actors ({draws:,} times; {beside:,} for classifiers that no figure shows) are the images' (whole "
        "shoots', where they are named) deviations from the mean of the actors' means in units of their actor's "
        "spread; they take on that of the actor they come to, and all is computed anew, so that actors may differ in "
        "spread and in their numbers of images. p is adjusted over all pixels and all actors by the "
        f"largest |t| (Nichols & Holmes 2002), and cannot be below 1/{draws + 1:,}. A pixel is tested if Kish's (1965) "
        f"effective number of images behind it is at least {percent(SUPPORT, 0)} of the images, whoever is shown; what "
        "hardly any image but one actor's own reaches is not tested. A pixel is a place in the picture, not on the "
        "face: an actor whose face is placed otherwise differs, too."))]


def section(data: StudyData, name: str) -> Section:  # noqa: ARG001 - as every finding's
    """Show a classifier's heatmaps on its page."""
    return Section("heatmaps", "Heatmaps")
