"""Tables of the variance that actors explain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salcompare.report.tables.printed import PrintedTable, table_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd


def variance_tables(estimates: pd.DataFrame) -> Iterator[PrintedTable]:
    """Make the tables of variance explained."""
    rows = estimates[estimates["statistic"] == "variance_explained"]
    yield _variance(rows)
    yield table_of("variance_explained_all", "Variance of maps explained by actor, every variant",
        "n counts images: the test images, for people those that have responses. The null permutes images freely "
        "among actors; between_actor_share is bias-corrected, with a jackknife interval over images. R² itself "
        "carries no interval. The original study reports 92% and no definition of it: none of these numbers is "
        "known to be its counterpart.", rows,
        ["source", "form", "metric", "value", "ci_low", "ci_high", "null_mean", "p_value", "n"], folded=True)


def _variance(rows: pd.DataFrame) -> PrintedTable:
    """One row for each source and form: R² beside its null, its corrected relatives and the variants."""
    key = ["source", "form"]
    table = rows[rows["metric"] == "r2"][[*key, "value", "null_mean", "p_value", "n", "responses"]]
    table = table.rename(columns={"value": "r2"})
    for metric in ("r2_adjusted", "omega2", "r2_pixel_mean", "r2_uncentred"):
        beside = rows[rows["metric"] == metric][[*key, "value"]]
        table = table.merge(beside.rename(columns={"value": metric}), how="left")
    share = rows[rows["metric"] == "between_actor_share"][[*key, "value", "ci_low", "ci_high"]]
    table = table.merge(share.rename(columns={"value": "between_actor_share"}), how="left")
    order = [*key, "r2", "null_mean", "p_value", "between_actor_share", "ci_low", "ci_high", "r2_adjusted", "omega2",
             "r2_pixel_mean", "r2_uncentred", "n", "responses"]
    return PrintedTable(
        "variance_explained", "Variance of maps explained by actor",
        "n counts images. null_mean and p: images permuted freely among actors. The interval is that of the "
        "bias-corrected between-actor share, by jackknife over images; R² itself carries none. The original study "
        "reports 92% and no definition of it: none of these numbers is known to be its counterpart.", table[order],
        bool((table["responses"] == "simulated").any()), printed=table[order[:-1]])
