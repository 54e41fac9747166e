"""Headline numbers from the responses that are kept and from all of them, and photographs that look like copies."""

from __future__ import annotations

import pandas as pd

from salcompare.config import Maps, Statistics
from salcompare.findings import findings
from salcompare.findings.analysis import Analysis, with_shoots
from salcompare.findings.headlines import headline_row, named_headlines
from salcompare.findings.p_values import with_p_is
from salcompare.findings.quality import COPIES, FINDING
from salcompare.findings.rows import estimates_table
from salcompare.printing import ALPHA
from salcompare.statistics.near_duplicates import near_duplicates
from salcompare.study_data import StudyData

KEY = ("statistic", "metric", "form", "frame", "source", "contrast", "label", "region")
COLUMNS = ("headline", *KEY, "value", "ci_low", "ci_high", "p_value", "p_is", "n", "value_all", "ci_low_all",
           "ci_high_all", "p_value_all", "p_is_all", "n_all", "difference", "verdict", "reason")
"""Of the table: what is named ``..._all`` rests on all responses, the rest on those that are kept."""


def estimates(analysis: Analysis) -> tuple[()]:
    """Leave the table of test photographs that look like copies and are of no common shoot; there is no estimate."""
    photographs = analysis.data.photographs
    photographs, shoots = with_shoots(photographs.sel(image=photographs["split"] == "test"), analysis.data.images)
    if not photographs.sizes["image"]:
        return ()
    pairs = near_duplicates(photographs)
    table = pairs.to_dataframe().reset_index(drop=True).assign(n_pairs=pairs.attrs["n_pairs"])
    if shoots:
        of = photographs["shoot"].reset_coords(drop=True).to_series()
        table = table[of[table["image"]].to_numpy() != of[table["other"]].to_numpy()]
    analysis.tables[COPIES] = table[list(FINDING.tables[COPIES])]
    return ()


def headline_estimates(data: StudyData, *, maps: Maps, statistics: Statistics, seed: int) -> pd.DataFrame:
    """Compute again what a summary rests on, and little else, with the same random streams as `analyse`.

    ``data`` has the responses and human maps that it is of. Gives some of the rows of the estimates, not adjusted.
    """
    analysis = Analysis(data, maps, statistics, seed)
    rows = [row for finding in findings() for row in finding.calls("estimates", "headlines", analysis)]
    return with_p_is(estimates_table(rows), statistics.n_permutations)


def compare_headlines(kept: pd.DataFrame, whole: pd.DataFrame, source: str | None) -> pd.DataFrame:
    """Put each headline number from the responses that are kept beside that from the whole of them.

    ``source`` is the classifier that the summary speaks of. Gives `COLUMNS`, one row a headline number that either
    table has. verdict says whether evidence comes or goes: by p at most 0.05, or where there is no p and the number is
    a difference, by whether the interval leaves 0 out.
    """
    rows = []
    for name, key in named_headlines(kept, whole, source):
        one, other = (headline_row(table, key) for table in (kept, whole))
        some = one if one is not None else other
        if some is None:
            continue
        row: dict[str, object] = {"headline": name, **{column: some[column] for column in KEY}}
        for estimate, end in ((one, ""), (other, "_all")):
            row |= {f"{column}{end}": None if estimate is None else estimate[column]
                    for column in ("value", "ci_low", "ci_high", "p_value", "p_is", "n")}
        rows.append({**row, "verdict": _verdict(one, other), "reason": None if one is None else one["reason"]})
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    numbers = [name for name in COLUMNS if name.startswith(("value", "ci_", "p_value", "n"))]
    table = table.astype(dict.fromkeys(numbers, "float64"))
    return table.assign(difference=table["value"] - table["value_all"])


def _verdict(one: dict[str, object] | None, other: dict[str, object] | None) -> str:
    evidence = [_evidence(row) for row in (one, other)]
    if None in evidence:
        return ""
    return "same" if evidence[0] == evidence[1] else "evidence only with exclusions" if evidence[0] else (
        "evidence only without exclusions")


def _evidence(row: dict[str, object] | None) -> bool | None:
    """Whether there is evidence for an effect; None where nothing was tested."""
    if row is None:
        return None
    p, low, high = (float(str(row[name])) for name in ("p_value", "ci_low", "ci_high"))
    if p == p:
        return p <= ALPHA
    is_difference = str(row["contrast"]).startswith(("minus ", "over ")) and low == low
    return (low > 0 or high < 0) if is_difference else None
