"""Tables of relative saliency: which actors' maps differ from the others' somewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from salcompare.report.tables.printed import PrintedTable, table_of, why_undefined, with_p_texts

if TYPE_CHECKING:
    from collections.abc import Iterator

SPREAD = "dispersion_t"


def relative_tables(estimates: pd.DataFrame) -> Iterator[PrintedTable]:
    """Make the tables of relative saliency."""
    rows = estimates[estimates["statistic"] == "relative_saliency"]
    population = rows[rows["level"] == "population"]
    yield table_of(
        "relative_population", "Relative saliency: for how many actors anything survives a test",
        "count of n actors, value their share, with p (family-wise or as a discovery rate, see family) at most 0.05; "
        "p_adjusted is the smallest. max_t is the test, which locates pixels; cluster_mass and tfce locate none; "
        "max_t_welch and dispersion_t are there because unequal spread looks like unequal means to max_t; "
        "surviving_share_bh and _by take p from one null pooled over pixels.",
        population, ["source", "metric", "count", "n", "value", "p_adjusted", "p_attainable", "family_size",
                     "n_resamples", "reason"])
    yield _of_actors(rows[rows["level"] == "actor"])
    yield table_of(
        "relative_all", "Relative saliency of each actor, every statistic",
        "value: the t, mass or enhancement farthest from 0, or the share of the tested pixels that survive (count: how "
        "many).", rows[rows["level"] == "actor"],
        ["actor", "source", "metric", "value", "count", "p_adjusted", "p_attainable", "n"], folded=True)


def _of_actors(rows: pd.DataFrame) -> PrintedTable:
    """One row for each actor and source: the largest |t| with its p, and how much survives which rate."""
    table = _wide(rows)
    return PrintedTable(
        "relative_actor", "Relative saliency of each actor",
        "max_t: the t farthest from 0 over the tested pixels, with p adjusted over pixels and actors; pixels: how "
        "many survive at 0.05, pixels_bh: at a false discovery rate of 0.05. Where the dispersion's p is small "
        "beside a small p of max_t, look at the Welch statistic's. n counts images.", table,
        bool((table["responses"] == "simulated").any()), folded=True,
        printed=_wide(with_p_texts(rows)).drop(columns="responses"), undefined=why_undefined(rows))


def _wide(rows: pd.DataFrame) -> pd.DataFrame:
    """Put the statistics of an actor and source into one row."""
    key = ["source", "actor"]
    table = rows[rows["metric"] == "max_t"][[*key, "value", "p_adjusted", "n", "responses"]].rename(
        columns={"value": "max_t"})
    for metric, column in (("surviving_share", "count"), ("surviving_share_bh", "count"), ("max_t_welch", "p_adjusted"),
                           (SPREAD, "p_adjusted"), ("cluster_mass", "p_adjusted"), ("tfce", "p_adjusted")):
        beside = rows[rows["metric"] == metric][[*key, column]]
        name = metric.replace("surviving_share", "pixels") if column == "count" else f"p_{metric}"
        table = table.merge(beside.rename(columns={column: name}), how="left")
    order = [*key, "max_t", "p_adjusted", "pixels", "pixels_bh", "p_max_t_welch", f"p_{SPREAD}", "p_cluster_mass",
             "p_tfce", "n", "responses"]
    return table[order]
