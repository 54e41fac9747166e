"""What the report says of the labels that people give."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pandas as pd

from salcompare.findings import labels as declared
from salcompare.findings.labels import FEWEST_BOXES
from salcompare.findings.overlap import CENTRE
from salcompare.findings.rows import often_named
from salcompare.naming import HUMAN
from salcompare.printing import ALPHA, number, p_text, percent
from salcompare.report.content import Section, classifier_table
from salcompare.report.tables import PrintedTable, one, pick, table_of
from salcompare.statistics.labels.histogram import FEWEST_FREEDOM
from salcompare.statistics.labels.regions import SHARE
from salcompare.study_data import StudyData

MOST_NAMED = 8  # cells; the tables have all


def summary(data: StudyData) -> list[str]:
    """Name the labels named most, the actors who differ in them, and in which labels' regions masks lie."""
    said = []
    labels = pick(data.estimates, **declared.SHARES.name).sort_values("value", ascending=False)
    if len(labels):
        top = [f"{row['label']} {percent(row['value'])}" + (
            "" if math.isnan(row["ci_low"]) else f" ({percent(row['ci_low'])} to {percent(row['ci_high'])})")
            for _, row in often_named(data.estimates, labels).head(4).iterrows()]
        seldom = int((labels["count"] < FEWEST_BOXES).sum())
        rule = f" Labels with fewer than {FEWEST_BOXES} boxes ({seldom} of them) are in the tables and not named here."
        said.append(f"No label has {FEWEST_BOXES} boxes, so none is named here; the tables have all of them." if not top
                    else "Labels named most, each actor weighing the same: " + ", ".join(top) + "."
                    + (rule if seldom else ""))
    return [*said, *_cells(data), *(_enriched(data, data.main) if data.main else [])]


def _cells(data: StudyData) -> list[str]:
    """Say whether actors differ in their labels, and which cells stand out from the other actors."""
    all_labels = one(data.estimates, **declared.OMNIBUS.name)
    if all_labels is None or math.isnan(all_labels["p_value"]):
        return []
    if all_labels["p_value"] > ALPHA:
        return [f"No evidence that actors differ in the labels they get ({p_text(all_labels)}); how small a difference "
                "would be is not tested."]
    cells = often_named(data.estimates, pick(data.estimates, **declared.CELLS.name))
    cells = cells[cells["p_adjusted"] <= ALPHA].sort_values(["p_adjusted", "value"], ascending=[True, False])
    shown = [f"{row['actor']} {row['label']} ({'+' if row['value'] > 0 else ''}{number(100 * row['value'], 2)} points, "
             f"{p_text(row, 'p_adjusted')})" for _, row in cells.head(MOST_NAMED).iterrows()]
    more = f", and {len(cells) - len(shown)} more" if len(cells) > len(shown) else ""
    which = f"; standing out from the other actors: {', '.join(shown)}{more}" if shown else (
        "; no single actor's label stands out")
    return [f"There is evidence that actors differ in the labels they get ({p_text(all_labels)}){which}."]


def _enriched(data: StudyData, source: str) -> list[str]:
    """Name the labels in whose regions the masks lie more than area explains, beside a centred blob's mask."""
    said, whole = [], pick(data.estimates, statistic=declared.ENRICHMENT, level="population")
    blob = whole[whole["source"] == CENTRE].set_index("label")["value"]
    for name, who in ((HUMAN, "people's masks"), (source, "the classifier's masks")):
        rows = often_named(data.estimates, whole[whole["source"] == name])
        rows = rows[(rows["p_adjusted"] <= ALPHA) & (rows["value"] > 1)].sort_values("value", ascending=False)
        if len(rows):
            said.append(f"{who} cover, more than their area explains, the regions of " + ", ".join(
                f"{row['label']} ({number(row['value'], 2)} times, a centred blob's "
                f"{number(blob.get(row['label'], math.nan), 2)})" for _, row in rows.head(4).iterrows()))
    text = "; ".join(said)
    return [f"{text[0].upper()}{text[1:]}."] if text else []


def tables(data: StudyData) -> Iterator[PrintedTable]:
    """Make the tables of label histograms, of differences between actors and of agreement."""
    estimates = data.estimates
    labels = _with_effective(estimates)
    whole, of_actors = (labels[labels["level"] == kind.level] for kind in (declared.SHARES, declared.SHARES_OF_ACTORS))
    yield table_of("label_share_population", "Label histogram, mean over actors",
        "Each actor weighs the same, within an actor each image, on an image each worker. count of n responses have "
        "the label; n_effective is Kish's effective number of votes. The page lists labels that were drawn, the "
        "CSV also those offered that nobody drew.", whole,
        ["label", "value", "ci_low", "ci_high", "count", "n", "n_effective", "resampled"],
        shown=whole[whole["count"] != 0].sort_values("value", ascending=False, kind="stable").index)
    yield from _differences(pick(estimates, statistic=declared.DIFFERENCE))
    yield table_of("label_agreement", "Do workers agree in the labels of an image?",
        "Krippendorff's alpha: 1 if all workers of an image name the same, 0 if its labels are no more alike than "
        "labels of any images. n counts images with two workers or more.",
        pick(estimates, statistic=declared.AGREEMENT, level=declared.ALPHA.level),
        ["metric", "value", "ci_low", "ci_high", "ci_method", "resampled", "n", "n_undefined", "reason"])
    yield table_of("label_share_actor", "Label histogram of each actor", "", of_actors,
        ["actor", "label", "value", "ci_low", "ci_high", "count", "n", "n_effective"], folded=True)
    yield from _enrichment(pick(estimates, statistic=declared.ENRICHMENT))


def _enrichment(rows: pd.DataFrame) -> Iterator[PrintedTable]:
    yield table_of(
        "enrichment", "In which labels' regions do the masks lie?",
        "Share of the mask inside the label's region, divided by the region's share of the photograph, mean over n "
        "actors: 1 is a mask laid anywhere. An actor's region comes from the other actors' boxes. p is two-sided, of "
        "flipped signs of actors' values - 1, adjusted over labels by Holm's method.",
        rows[rows["level"] == "population"],
        ["source", "label", "value", "ci_low", "ci_high", "p_value", "p_adjusted", "n", "reason"], folded=True)
    yield table_of(
        "enrichment_actor", "Enrichment of each actor's masks", "Intervals: t over the actor's n images.",
        rows[rows["level"] == "actor"], ["actor", "source", "label", "value", "ci_low", "ci_high", "n", "reason"],
        folded=True)


def _with_effective(estimates: pd.DataFrame) -> pd.DataFrame:
    """Shares of labels with the effective number of votes of the actor, or of all."""
    shares = pick(estimates, statistic=declared.SHARE)
    of_all = pick(estimates, **declared.EFFECTIVE.name)["value"]
    of_actors = pick(estimates, **declared.EFFECTIVE_OF_ACTORS.name).set_index("actor")["value"]
    single = shares["level"] == declared.SHARES_OF_ACTORS.level
    numbers = shares["actor"].map(of_actors).astype(float)
    return shares.assign(n_effective=numbers.where(single, of_all.iloc[0] if len(of_all) else None))


def _differences(rows: pd.DataFrame) -> Iterator[PrintedTable]:
    yield table_of("label_difference", "Do actors differ in their labels?",
        "eta2: share of the variance between images' label shares that actors explain, of each label and the mean over "
        "labels; p is F2's, with images permuted among actors and scaled to each actor's spread, of the labels "
        "adjusted by Holm's method. n counts images.", rows[rows["level"] == declared.OMNIBUS.level],
        ["metric", "label", "value", "null_mean", "p_value", "p_adjusted", "n", "reason"])
    cells = rows[rows["level"] == declared.CELLS.level]
    out = cells[cells["p_adjusted"] <= ALPHA].sort_values(["p_adjusted", "value"], ascending=[True, False])
    yield table_of("label_difference_actor", "Actors and labels that stand out",
        "The actor's share minus the mean of the other actors'. p_adjusted holds over all actors and labels "
        f"(family_size cells); the page prints cells with p_adjusted at most {ALPHA:g}, the CSV has all.", cells,
        ["actor", "label", "value", "p_value", "p_adjusted", "family_size", "n"], shown=out.index)


OF_ENRICHMENT = (
    "The share of a mask (what the map is 0 on left out) inside a label's region, divided by the region's share of the "
    "photograph, is its enrichment. An actor's region is the smallest that holds half of the area of the label's boxes "
    "that people drew on the other actors. Actors weigh the same; a test flips the signs of actors' enrichment - 1. 1 "
    "is what a mask laid anywhere has: one that keeps to the middle of the face is enriched in whatever lies there, so "
    "that a centred blob's mask stands beside.")


def methods(data: StudyData) -> list[tuple[str, str]]:
    """Say how shares of labels were estimated and compared, and how workers' agreement was, where people named any."""
    if data.people != "boxes":
        return []
    statistics = data.settings["statistics"]
    permutations = statistics["n_permutations"]
    said = [
        "Each worker has one vote on an image, of which several boxes are equal parts. Shares of labels are normalised "
        "within actor, images weighing the same, then averaged over actors. Intervals are t intervals of the logit, "
        "with a jackknife over workers and Satterthwaite's (1946) degrees of freedom, all votes of a worker taken as "
        f"equal (Bell & McCaffrey 2002); below {FEWEST_FREEDOM:g} degrees of freedom there is none. n_effective is "
        "Kish's (1965) effective number of votes: how many of equal weight would give the same variance; it measures "
        "balancing, not that votes of one worker are alike. Figures and headline numbers show the labels drawn most "
        "often, whether the task offered them or a worker typed them; the summary names no "
        f"label with fewer than {FEWEST_BOXES} boxes.",
        "Whether actors differ is tested by permuting whole images, with all their responses, among actors "
        f"({permutations:,} times), their shares scaled to each actor's spread, by Brown & Forsythe's (1974) F; eta² "
        "is the share of the variance between images' label shares that actors explain. A cell compares an actor's "
        "share of a label with the mean of the other actors'; its t has the label's variance times the actors' "
        "spreads. Cells are adjusted by the most extreme of all cells in each permutation (Westfall & Young 1993), "
        "each label's t on the scale of its own null, so that rare labels do not hide the others. Workers are taken to "
        "meet images regardless of the actor.",
        "Krippendorff's (2004) nominal alpha has images as units and workers as coders; 0 means that labels on one "
        "image are no more alike than labels on any. Its t interval crosses workers with images within actors (Schütt "
        "et al. 2023). People may choose what to name, so that a low alpha is no defect.",
    ]
    if data.has_classifier:
        said.append(
            f"A label's region, for an actor, is the smallest that holds {percent(SHARE, 0)} of the area of the boxes "
            "of that label which people drew on the other actors; enrichment is the mask's share inside over the "
            "region's.")
    return [("Labels", " ".join(said)), ("Enrichment in labels' regions", OF_ENRICHMENT)]


def section(data: StudyData, name: str) -> Section:
    """Say on a classifier's page where its maps lie among the labels."""
    return Section("labels", "Labels", tables=(classifier_table(
        data, name, "labels", "Labels that people name, and where the maps lie", "", declared.ENRICHMENT,
        folded=True),))
