"""Tables of the quality of the responses, as the stages of quality and statistics left them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salcompare import store
from salcompare.findings.quality import COPIES

if TYPE_CHECKING:
    import pandas as pd

    from salcompare.study import Study

TABLES = ("exclusions", "quality_rules", "quality_workers", "quality_images", "quality_checks", "quality_planted")
"""What rating the responses leaves in data/processed, as CSV; the last only where careless workers were planted."""


def quality_tables(study: Study) -> dict[str, pd.DataFrame]:
    """Tables of the data's quality, where people drew boxes; texts that are empty stay so."""
    if study.people != "boxes":
        return {}
    tables = {}
    for name in (*TABLES, "agreement_images", "headlines"):
        table = store.read_csv(study.processed / f"{name}.csv", text=(
            "response", "worker", "image", "actor", "label", "target_label", "rule", "not_applied", "verdict", "p_is",
            "p_is_all"))
        text = table.select_dtypes(exclude="number").columns
        tables[name] = table.assign(**{column: table[column].fillna("") for column in text})
    return tables


def headlines(study: Study) -> pd.DataFrame:
    """Headline numbers with and without exclusions: ``headline, value, ci_low, ci_high, value_all, ..., verdict``."""
    import pandas as pd

    return quality_tables(study).get("headlines", pd.DataFrame())


def near_duplicates(study: Study) -> pd.DataFrame:
    """Pairs of photographs that look like copies, as the finding's table of that name."""
    return store.read_csv(study.processed / f"{COPIES}.csv", text=("image", "other", "actor", "other_actor"))


INPUTS = {"quality": quality_tables, "headlines": headlines, COPIES: near_duplicates}
