"""What the report says of the regions of the face: a sentence, a table and how it was computed."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pandas as pd

from salcompare.faces import REGIONS
from salcompare.findings import regions as terms
from salcompare.findings.controls import RANDOMISED, SOBEL
from salcompare.findings.overlap import CENTRE
from salcompare.naming import HUMAN
from salcompare.printing import ALPHA, interval, joined, percent
from salcompare.report.tables import PrintedTable, pick, table_of, with_p_texts
from salcompare.statistics.inference.resampling import FEWEST_ACTORS
from salcompare.study_data import StudyData

MOST = 3
"""Regions that the summary names."""


def _shares(data: StudyData) -> dict[str, pd.DataFrame]:
    """Rows by region of each column of the table, in its order; those that are not there are left out."""
    shares = pick(data.estimates, **terms.SHARE.name)
    plain = shares["contrast"].isna() | (shares["contrast"] == "")
    columns = {"area": pick(data.estimates, **terms.AREA.name), "named": pick(data.estimates, **terms.NAMED.name),
               HUMAN: shares[shares["source"] == HUMAN]}
    columns |= {source: shares[(shares["source"] == source) & plain] for source in data.ordered_sources}
    columns |= {"random_networks": shares[(shares["source"] == data.main) & (shares["contrast"] == RANDOMISED)],
                "centre": shares[shares["source"] == CENTRE], "edges": shares[shares["source"] == SOBEL]}
    return {name: rows.set_index("region") for name, rows in columns.items() if rows["region"].notna().any()}


def _differences(data: StudyData, kind: str = "classifier") -> pd.DataFrame:
    """People less the main source, or its control, by region."""
    rows = pick(data.estimates, **terms.DIFFERENCE.name, contrast=terms.BETWEEN.format(kind))
    return rows[(rows["source"] == data.main) & rows["region"].notna()].set_index("region")


def summary(data: StudyData) -> list[str]:
    """Say where people's or the network's mass lies, with the area and the controls in the same sentence."""
    shares = _shares(data)
    if "area" not in shares:
        rows = pick(data.estimates, **terms.SHARE.name)
        return [f"What is marked in regions of the face could not be computed ({reason})."
                for reason in rows["reason"].dropna().unique()[:1]]
    first = HUMAN if HUMAN in shares else data.main or ""
    if first not in shares:
        return []
    largest = shares[first]["value"].nlargest(MOST).index
    people = {"boxes": "people box", "fixations": "people look at"}.get(data.people, "people mark")
    verbs = {HUMAN: people, "named": "what they name", "area": "area", "random_networks": "random-weight networks",
             "centre": "a centred blob", "edges": "the photographs' edges"}
    beside = [name for name in ("named", data.main or "", "random_networks", "centre", "edges", "area")
              if name in shares and name != first]
    of = {name: rows["value"].to_dict() for name, rows in shares.items()}
    said = [f"{region} {percent(of[first][region], 0)} ({interval(row, 0)}; " + ", ".join(
        f"{verbs.get(name, name)} {percent(of[name][region], 0)}" for name in beside) + ")"
        for region, row in shares[first].loc[largest].iterrows()]
    return [f"Of what {verbs.get(first, f'{first} marks')}, the largest shares are: {joined(said)}{_apart(data)}."]


def _apart(data: StudyData) -> str:
    """Say in how many regions people differ from the main source, and from its networks with random weights."""
    said = []
    for kind, name in (("classifier", data.main), (RANDOMISED, "random-weight networks")):
        p = _differences(data, kind)["p_adjusted"].dropna()
        said += [f"{(p <= ALPHA).sum()} of {len(p)} regions from {name}"] if len(p) else []
    return f"; people differ in {joined(said)} (5%, Holm)" if said else ""


def tables(data: StudyData) -> Iterator[PrintedTable]:
    """Make the table that has everything of a region in one row, and, folded, that of all estimates."""
    shares = _shares(data)
    if "area" not in shares:
        return
    wide = pd.DataFrame({name: rows["value"].reindex(REGIONS) for name, rows in shares.items()})
    apart = _differences(data).reindex(REGIONS)
    ends = {"human_minus_classifier": "value", "ci_low": "ci_low", "ci_high": "ci_high", "p_adjusted": "p_adjusted"}
    numbers, texts = (wide.assign(**({name: rows[column] for name, column in ends.items()} if _tested(apart) else {}))
                      .rename_axis("region").reset_index() for rows in (apart, with_p_texts(apart)))
    simulated = data.simulated and HUMAN in shares
    yield PrintedTable(
        "regions", "What people name and box, and networks mark, by regions of the face",
        "Shares of the mass in the canonical face, mean over actors of the mean over images; named: of labels, by what "
        "they name, which is not what their boxes hold. Area: the region's share of what photographs show. "
        f"human_minus_classifier: people less {data.main}, p adjusted over regions by Holm's method. Beside them "
        "networks with random weights, a centred blob and the photographs' edges.",
        numbers.assign(responses="simulated") if simulated else numbers, simulated, printed=texts)
    every = data.estimates[data.estimates["statistic"].isin([terms.SHARES, terms.NAMES, terms.DIFFERENCES])]
    yield table_of(
        "regions_intervals", "Regions of the face: every source, with intervals",
        "density: the share over the region's share of the area, which is taken as given, as are random networks' "
        "means. Differences are of people less each other source, on its images.", every,
        ["region", "statistic", "metric", "source", "contrast", "value", "ci_low", "ci_high", "p_adjusted", "n",
         "reason"], folded=True)


def _tested(rows: pd.DataFrame) -> bool:
    return not rows.empty and not all(math.isnan(value) for value in rows["value"])


def methods(data: StudyData) -> list[tuple[str, str]]:
    """Say how regions were measured."""
    if "area" not in _shares(data):
        return []
    return [("Regions of the face", (
        f"Each map is brought to the canonical face and summed over its {len(REGIONS)} regions, those on both sides "
        "together; what a photograph does not show of a region counts for nothing, neither does what lies outside the "
        "face and the ring around it. An image's share of a region is its sum over the sum of all, averaged over an "
        "actor's images, then over actors. A classifier's and a control's interval is a t interval over actors. "
        "Of people workers and actors are both taken as drawn at random: shares are computed anew from each worker's "
        "responses with workers, with actors and with both resampled, one draw fewer than there are of each; the "
        "variance is 2(V_worker + V_actor) − V_both (Schütt et al. 2023), interval and p are of Student's t with the "
        f"fewer of the two less one as degrees of freedom, none below {FEWEST_ACTORS - 1}. Null hypothesis of a "
        "difference: people and the other maps have the same share of their mass in a region; the other's varies with "
        "the actors drawn, p is adjusted over regions by Holm's method. A network's maps and people's boxes are of two "
        "kinds: boxes are upright and roomy. A label counts for the regions that it names, in proportion to their "
        "areas; labels that name none are left out."))]
