"""Tables of the variance that actors explain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salcompare.report.tables.printed import PrintedTable, table_of, why_undefined, with_p_texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd


_BESIDE = ("r2_bray_curtis", "r2_jensen_shannon", "r2_partial", "r2_partial_adjusted", "r2_photographs", "r2_group")


def variance_tables(estimates: pd.DataFrame) -> Iterator[PrintedTable]:
    """Make the tables of variance explained."""
    rows = estimates[estimates["statistic"] == "variance_explained"]
    yield _variance(rows)
    yield _beside(estimates)
    yield _components(estimates)
    yield table_of("variance_explained_all", "Variance of maps explained by actor, every variant",
        f"n counts images: the test images, for people those that have responses. {_null(rows)} between_actor_share is "
        "bias-corrected, with a jackknife interval over images. R² itself carries no interval. The original study "
        "reports 92% and no definition of it: none of these numbers is known to be its counterpart.", rows,
        ["source", "form", "metric", "contrast", "value", "ci_low", "ci_high", "null", "null_mean", "p_value", "n",
         "reason"], folded=True)


def _null(rows: pd.DataFrame) -> str:
    """Say what the null of R² permutes."""
    said = list(dict.fromkeys(rows.loc[rows["metric"] == "r2", "null"].dropna()))
    return f"Null: {'; '.join(said)}." if said else ""


def _beside(estimates: pd.DataFrame) -> PrintedTable:
    """Show what R² is read with: the spread within actors, other distances, the photographs' part, groups."""
    rows = estimates[(estimates["statistic"] == "dispersion") | ((estimates["statistic"] == "variance_explained")
                                                                 & estimates["metric"].isin(_BESIDE))]
    return table_of("variance_beside", "Beside R²: spread, other distances, the photographs' part",
        "f_median: do the images of some actors vary more than those of others (PERMDISP)? Where p is small, unequal "
        "spread may be part of what R²'s test found. r2_bray_curtis and r2_jensen_shannon: R² of other distances. "
        "r2_partial: R² of what is left of the maps once the photographs' leading components are taken out, linearly; "
        "what maps take from the rest of a photograph still counts as the actor's. r2_photographs: the components' own "
        "share. r2_group: R² of the actors' groups, whole actors permuted.", rows,
        ["source", "form", "metric", "contrast", "value", "null_mean", "p_value", "p_attainable", "n"])


def _components(estimates: pd.DataFrame) -> PrintedTable:
    """Shares of the variance by source of variation."""
    return table_of("variance_components", "What the variance is made of",
        "Shares of the variance of single maps, for people of single responses, with 95% jackknife intervals over "
        "what is named. One map an image: its image share holds the residual. n counts images, for people responses.",
        estimates[estimates["statistic"] == "variance_component"],
        ["source", "form", "metric", "value", "ci_low", "ci_high", "resampled", "n"])


def _variance(rows: pd.DataFrame) -> PrintedTable:
    """One row for each source and form: R² beside its null, its corrected relatives and the variants."""
    table = _wide(rows)
    return PrintedTable(
        "variance_explained", "Variance of maps explained by actor",
        f"n counts images. {_null(rows)} The interval is that of the "
        "bias-corrected between-actor share, by jackknife over images; R² itself carries none. The original study "
        "reports 92% and no definition of it: none of these numbers is known to be its counterpart.", table,
        bool((table["responses"] == "simulated").any()), printed=_wide(with_p_texts(rows)).drop(columns="responses"),
        undefined=why_undefined(rows))


def _wide(rows: pd.DataFrame) -> pd.DataFrame:
    """Put what belongs to one source and form into one row."""
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
    return table[order]
