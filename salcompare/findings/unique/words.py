"""What the report says of unique agreement: its first sentence, its table and how it was computed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from salcompare.findings import unique as terms
from salcompare.findings.controls import RANDOMISED, SHUFFLED
from salcompare.findings.overlap import SAME_IMAGE, minus
from salcompare.naming import by_classifier, classifier_sources
from salcompare.printing import estimate, interval, joined, number, p_text, percent
from salcompare.report.content import Section, classifier_rows, compact_table
from salcompare.report.tables import PrintedTable, one, pick, table_of
from salcompare.statistics.inference.differences import VERDICTS
from salcompare.statistics.overlaps.unique import PER_COMPONENT, POINTS
from salcompare.study_data import StudyData

_SHOWN = {"statistic": terms.AGREEMENT, "level": "population"}
_SAID = dict(zip(VERDICTS, (
    "There is evidence that {} beyond what all faces share",
    "{} beyond what all faces share, but too little to matter",
    "{} beyond what all faces share by less than would matter, if at all",
    "Whether {} beyond what all faces share is open"), strict=True))
NAMES = {RANDOMISED: "networks with random weights", SHUFFLED: "networks taught shuffled actors"}
REFERENCES = (
    "Lakens, D. (2017). Equivalence tests: A practical primer for t tests, correlations, and meta-analyses. Social "
    "Psychological and Personality Science 8, 355-362. doi:10.1177/1948550617697177",
)


def summary(data: StudyData) -> list[str]:
    """Answer for every source, with its controls in the same sentence, and say how sources differ."""
    said = [_sentence(data, row) for _, row in _of_sources(data).iterrows()]
    between = pick(data.estimates, **_SHOWN)
    between = between[between["against"].isin(classifier_sources(between["against"])) & between["value"].notna()]
    differences = [f"{row['source']} less {row['against']} is {number(row['value'], 2)} ({interval(row)}): "
                   f"{row['verdict']}" for _, row in between.iterrows()]
    return [*said, *([f"Of unique agreement, {'; '.join(differences)}."] if differences else [])]


def _of_sources(data: StudyData) -> pd.DataFrame:
    """Rows of the sources by themselves, the main one first."""
    rows = pick(data.estimates, **_SHOWN, contrast=SAME_IMAGE)
    order = by_classifier(classifier_sources(rows["source"]), data.classifier_names)
    return rows.sort_values("source", key=lambda names: names.map({name: at for at, name in enumerate(order)}))


def _sentence(data: StudyData, row: pd.Series[Any]) -> str:
    if math.isnan(row["value"]):
        return f"Unique agreement could not be computed ({row['reason']})."
    claim = f"people and {row['source']} agree"
    said = _SAID[row["verdict"]].format(claim)
    margin = "" if math.isnan(row["smallest_effect"]) else (
        f"; {number(row['smallest_effect'], 2)} would be the smallest effect of interest, and the ceiling is "
        f"{number(row['ceiling'], 2)}")
    return (f"{said[0].upper()}{said[1:]}: the residuals of their maps correlate by {estimate(row)}, {p_text(row)}"
            f"{margin}{_beside(data, str(row['source']))}.")


def _beside(data: StudyData, source: str) -> str:
    """Put the controls, and what the difference from them amounts to, into the same sentence."""
    said = []
    for kind, name in NAMES.items():
        control = one(data.estimates, **_SHOWN, source=source, contrast=kind)
        less = one(data.estimates, **_SHOWN, source=source, contrast=minus(kind))
        if control is not None and less is not None and not math.isnan(control["value"]):
            reach, apart = (number(row["value"], 2) + ("" if math.isnan(row["ci_low"]) else f", {interval(row)}")
                            for row in (control, less))
            said.append(f"{name} reach {reach} (difference {apart}: {less['verdict']})")
    return f". Of its controls, on the images that they explained, {joined(said)}" if said else (
        "; no control networks stand beside it")


def tables(data: StudyData) -> list[PrintedTable]:
    """Make the table of unique agreement, each source beside its controls."""
    rows = data.estimates[data.estimates["statistic"].isin([terms.AGREEMENT, terms.EXPLAINED])]
    order = by_classifier(classifier_sources(rows["source"]), data.classifier_names)
    rows = rows.sort_values("source", kind="stable", key=lambda names: names.map(
        {name: at for at, name in enumerate(order)}))
    whole = rows["level"] == "population"
    return [table_of(
        "unique_agreement", "Agreement beyond what all faces share, beside that of control networks",
        "Correlation of residuals, mean over actors. p of a source is one-sided, of a difference two-sided; p "
        "equivalence is of two one-sided tests against the smallest effect, with the verdict of both at 5%. Controls, "
        "and differences from them, are on the images that the control networks explained, their mean taken as given. "
        "The share explained (r2) takes its coefficient from the other actors and may be negative.", rows,
        ["source", "contrast", "metric", "value", "ci_low", "ci_high", "p_value", "p_equivalence", "verdict",
         "smallest_effect", "ceiling", "n", "reason"], shown=whole)] if len(rows) else []


def methods(data: StudyData) -> list[tuple[str, str]]:
    """Say how unique agreement was computed and tested."""
    if pick(data.estimates, **_SHOWN).empty:
        return []
    share = data.settings["statistics"]["smallest_effect"]
    return [("Unique agreement", (
        "The primary quantity. Within each image, people's smoothed map and the classifier's are residualised on a "
        "constant, a centred Gaussian, the photograph's smoothed Sobel edges, and the mean human map of all actors, as "
        "the image's face lies and turns, with what small errors of that change (its slopes, and these times the "
        "place in the face); the residuals are correlated, and averaged within actors, then over actors, with a t "
        "interval over actors. Where a face lies is the similarity of the mean shape to its landmarks; how it turns "
        "is the regression, in each pixel, of people's maps on the first three components of faces' shapes and the "
        f"squares of the first two (one for {PER_COMPONENT} images at the most). Images without "
        f"landmarks{_left_out(data)} are left out, and there is no estimate with fewer than {POINTS} landmarks a face: "
        "heads that turn would seem to be agreement. The mean is of all actors, as the others' alone would leave "
        "people's own map in both residuals. Null hypothesis: beyond these regressors, the classifier's map has "
        "nothing to do with people's of the image; actors' values, less those with other actors' images, have their "
        "signs flipped. The ceiling is the root of the products of different workers' residuals over the energy of "
        "coverage's. The smallest effect of "
        f"interest is {percent(share, 0)} of the ceiling; whether an effect is smaller is tested by two one-sided t "
        "tests over actors (Lakens 2017): absence of evidence is never taken for absence of an effect."))]


def _left_out(data: StudyData) -> str:
    landmarks = data.get("landmarks")
    if landmarks is None or data.human is None:
        return ""
    shown = landmarks.reindex(image=data.human["image"].to_numpy())
    placed = np.isfinite(shown.to_numpy()).all(axis=(1, 2))
    return f" ({int((~placed).sum()):,} of {placed.size:,})"


def section(data: StudyData, name: str) -> Section:
    """Give a classifier's unique agreement on its page."""
    rows = classifier_rows(data.estimates, name, terms.AGREEMENT)
    return Section("unique", "Agreement beyond what all faces share", tables=(
        compact_table(f"classifier_{name}_unique", "Unique agreement", "Beside control networks'.",
                      rows[rows["level"] == "population"], of=name),),
        absent="There are no human maps of single images, so there is no unique agreement.")
