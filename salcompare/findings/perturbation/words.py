"""What the report says of what networks lose when parts are removed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd

from salcompare.findings import perturbation as terms
from salcompare.findings.labels import SHARE
from salcompare.printing import ALPHA, difference, estimate, number, p_text, percent
from salcompare.report.content import Section, classifier_table
from salcompare.report.tables import PrintedTable, one, pick, plain_table, table_of
from salcompare.study_data import StudyData

CALLED = {terms.PEOPLE: "what people marked", terms.CLASSIFIER: "what its map marks", terms.BOTH: "what both mark",
          terms.CENTRE: "the centre"}
CLAIMS = (
    (terms.PEOPLE, terms.RANDOM_PEOPLE, "the network needs what people marked more than the same patches elsewhere"),
    (terms.CLASSIFIER, terms.RANDOM, "the network needs what its map marks more than the same patches elsewhere"),
    (terms.PEOPLE, terms.CLASSIFIER, "the network needs what people marked more than what its own map marks"))


def summary(data: StudyData) -> list[str]:
    """Say what the network loses at equal area, over all fills, and with which label's region."""
    source = data.main
    drops = pick(data.estimates, statistic=terms.DROP, metric=terms.DROPS.metric, source=source or "")
    if source is None or drops.empty:
        return []
    fills = list(dict.fromkeys(drops["form"]))
    area = percent(data.settings["removal"]["area"], 0)
    values = {name: one(drops, form=fills[0], against=name, contrast="", label="") for name in CALLED}
    listed = "; ".join(f"{called}: {estimate(row)}" for name, called in CALLED.items()
                       if (row := values[name]) is not None and not math.isnan(row["value"]))
    said = [f"Without {area} of the photograph (filled with {fills[0]}), the actor's logit drops by: {listed}."]
    said += [_over_fills(drops, fills, *claim) for claim in CLAIMS]
    said += _labels(data, pick(drops, against=terms.REGION))
    return [text for text in [*said, *_areas(data, source, fills)] if text]


def _over_fills(drops: pd.DataFrame, fills: list[str], name: str, other: str, claim: str) -> str:
    """Say with how many fills a claim holds, as one fill alone may be what the network stumbles over."""
    rows = [row for fill in fills if (row := one(drops, form=fill, against=name, contrast=f"minus {other}",
                                                 label="")) is not None and not math.isnan(row["p_value"])]
    if not rows:
        return ""
    evident = [row for row in rows if row["p_adjusted"] <= ALPHA]
    more = [row for row in evident if row["value"] > 0]
    each = "; ".join(f"{row['form']} {_difference(row)}" for row in rows)
    if len(more) == len(rows):
        return f"There is evidence that {claim}, with every fill ({each})."
    if not evident:
        return f"No evidence that {claim}, with any fill ({each})."
    less = len(evident) - len(more)
    parts = [f"more with {len(more)} of {len(rows)} fills"] if more else []
    parts += [f"less with {less} of {len(rows)}"] if less else []
    return f"Whether {claim} depends on the fill, or is reversed: {' and '.join(parts)} ({each})."


def _difference(row: pd.Series[Any]) -> str:
    ends = "" if math.isnan(row["ci_low"]) else f", {number(row['ci_low'], 2)} to {number(row['ci_high'], 2)}"
    return f"{difference(row)}{ends}, adjusted {p_text(row, 'p_adjusted')}"


def _labels(data: StudyData, rows: pd.DataFrame) -> list[str]:
    """Set the label that people name most beside the regions that the network needs most."""
    plain = pick(rows, contrast="")
    plain = plain[plain["value"].notna()].sort_values("value", ascending=False)
    shares = pick(data.estimates, statistic=SHARE, level="population").sort_values("value", ascending=False)
    if plain.empty or shares.empty:
        return []
    tests = pick(rows, contrast=terms.OTHER_LABELS).set_index("label")
    out = [label for label in plain["label"] if label in tests.index and tests["p_adjusted"][label] <= ALPHA
           and tests["value"][label] > 0]
    result = f"the network needs {' and '.join(out)} more than the other labels' regions" if out else (
        "no label's region stands out as what the network needs")
    ranked = ", ".join(f"{row['label']} {number(row['value'], 2)}" for _, row in plain.iterrows())
    top = shares.iloc[0]
    return [f"People name {top['label']} most ({percent(top['value'])}); {result}. Drops of the logit without each "
            f"region: {ranked}."]


def _areas(data: StudyData, source: str, fills: list[str]) -> list[str]:
    """Say whether deleting by the map is faster, and inserting by it better, than by the map elsewhere."""
    said = []
    for quantity, claim in (
            (terms.AREAS["deletion"], "deleting pixels by the map lowers the actor's probability faster"),
            (terms.AREAS["insertion"], "inserting pixels by the map raises it faster")):
        good = -1 if quantity.better == "lower" else 1
        rows = [one(data.estimates, **quantity.name, form=fill, source=source, contrast=terms.MINUS_RANDOM)
                for fill in fills]
        held = [row for row in rows if row is not None and row["p_value"] <= ALPHA and row["value"] * good > 0]
        if any(row is not None for row in rows):
            said.append(f"{claim} than by the map moved elsewhere with {len(held)} of {len(fills)} fills")
    return [f"Area under the curves: {'; '.join(said)} (p at most {ALPHA:g}, single tests)."] if said else []


def tables(data: StudyData) -> Iterator[PrintedTable]:
    """Make the tables of removal at equal area, of labels' regions, and of areas under curves."""
    estimates = data.estimates
    drops = estimates[estimates["statistic"] == terms.DROP]
    of_labels = drops["label"].notna()
    yield table_of(
        "removal_drop", "What the network loses without what people and its map mark, at equal area",
        "Drop in accuracy and in the actor's logit, paired over images, mean over n actors; above 0 the network loses. "
        "form: what stands in place of what was removed. random and random people: the same patches of the "
        "classifier's map, and of people's, at a random place. \"minus\": against's drop less the other's, tested by "
        "flipping the signs of actors' means; p adjusted by Holm's method over the contrasts of a metric and fill.",
        drops[~of_labels],
        ["source", "metric", "form", "against", "contrast", "value", "ci_low", "ci_high", "p_value", "p_adjusted", "n",
         "reason"])
    yield table_of(
        "removal_drop_label", "What the network loses without each label's region",
        "Regions of one area, where the other actors' boxes of the label lie most densely. Minus other labels: the "
        "drop less the mean of the other labels'; p adjusted over labels by Holm's method.", drops[of_labels],
        ["source", "metric", "form", "label", "contrast", "value", "ci_low", "ci_high", "p_value", "p_adjusted", "n",
         "reason"])
    areas = estimates[estimates["statistic"].isin([terms.DELETION, terms.INSERTION])]
    yield table_of(
        "removal_auc", "Areas under deletion and insertion curves",
        "Mean height of the curve from 0 to all pixels, the map's largest first. A map that finds what the network "
        "needs has a small area of deletion and a large one of insertion. random: the classifier's map moved to a "
        "random place. t intervals over n actors; differences tested by flipping the signs of actors' means.", areas,
        ["statistic", "metric", "form", "source", "against", "contrast", "value", "ci_low", "ci_high", "p_value", "n",
         "reason"], folded=True)
    if data.get(terms.CURVES) is not None:
        yield plain_table(terms.CURVES, "Deletion and insertion curves, point by point", data.get(terms.CURVES))


FILLS = {"mean": "the photograph's mean colour",
         "blur": "the photograph under a Gaussian of a tenth of its shorter side",
         "noise": "normal noise with the mean and standard deviation of each channel"}


def methods(data: StudyData) -> list[tuple[str, str]]:
    """Say what was removed, what stood in its place, and how losses were compared."""
    if not data.estimates["statistic"].eq(terms.DROP).any():
        return []
    chosen = data.settings["removal"]
    images = "all test images" if not chosen["per_actor"] else f"the first {chosen['per_actor']} test images"
    fills = "; ".join(f"{fill}: {FILLS[fill]}" for fill in chosen["fills"])
    said = (
        f"Of {images} of each actor, {percent(chosen['area'], 0)} of the pixels are removed: those that the "
        "classifier's map marks most, and the same patches moved to a random place (wrapping around), and the centre")
    if data.people != "none":
        said += ("; those that people's coverage marks most, the same moved, and those that both mark (the product of "
                 "both maps, each scaled to mean 1)")
    said += (
        ". All maps are smoothed first, since of one area many small patches cost a network more than few large ones. "
        f"In place of what is removed stands, each by itself, {fills}. A changed photograph is unlike any that the "
        "network was trained on, so that a loss is read against that of the moved patches, and over all fills. Where "
        "a map has fewer pixels above 0 than are removed, the image is undefined. Deletion and insertion curves "
        "(Petsiuk et al. 2018) remove, or keep, the largest pixels in steps; their area is the trapezoidal mean "
        "height.")
    if data.people == "boxes":
        said += (
            " For the labels that people name most, the region of the same area where the other actors' boxes of the "
            "label lie most densely is removed, and its loss compared with the other labels'.")
    return [("Removal", said)]


def section(data: StudyData, name: str) -> Section:
    """Say on a classifier's page what it loses without parts of the photographs."""
    return Section("removal", "Does it matter to the network?", tables=(
        classifier_table(data, name, "deletion", "Deletion and insertion", "Area under the curve; form: what fills the "
                         "pixels that are taken away. Deletion: smaller is better; insertion: larger.", terms.DELETION,
                         terms.INSERTION),
        classifier_table(data, name, "removal", "Removal at equal area", "Drop when what stands under 'against' is "
                         "taken away.", terms.DROP)),
        absent="Deletion, insertion and removal were not run for this classifier.")
