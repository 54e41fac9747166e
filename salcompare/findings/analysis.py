"""A study's whole analysis: labelled estimates put into one tidy table, with the heatmaps beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pandas as pd
import xarray as xr

from salcompare.blocks import one_thread
from salcompare.findings import findings
from salcompare.findings.failures import FAILED, n_failed
from salcompare.findings.p_values import name_families, with_p_is
from salcompare.findings.parts import Analysis, Draws
from salcompare.findings.quality.estimates import compare_headlines, headline_estimates
from salcompare.findings.rows import estimates_table, nulls_table, with_responses
from salcompare.progress import Progress, Silent
from salcompare.study_data import StudyData

if TYPE_CHECKING:
    from salcompare.config import Maps, Statistics

__all__ = ["Results", "analyse", "compare_headlines", "headline_estimates"]


@dataclass(frozen=True)
class Results:
    """What an analysis gives.

    Attributes
    ----------
    estimates : DataFrame
        See `salcompare.schema.ESTIMATES`.
    heatmaps : Dataset
        ``heatmap``, ``relative``, and ``relative_t`` and ``relative_p`` of `relative_test`, NaN where a pixel was not
        tested; all (source, actor, y, x).
    nulls : DataFrame
        Columns statistic, metric, form, source, value: draws under the null, for figures.
    tables : dict of str to DataFrame
        Those beside the estimates that findings declare, such as the overlap of every image, which would make the
        estimates many times longer; without rows where there is nothing to say.
    """

    estimates: pd.DataFrame
    heatmaps: xr.Dataset
    nulls: pd.DataFrame
    tables: dict[str, pd.DataFrame]


@one_thread()
def analyse(data: StudyData, *, maps: Maps, statistics: Statistics, seed: int,
            responses: Literal["collected", "simulated"] = "collected", progress: Progress | None = None) -> Results:
    """Compute every statistic of a study.

    Parameters
    ----------
    data : StudyData
        Maps, photographs and responses; what is missing is left out of the table.
    maps, statistics : Maps, Statistics
        Settings.
    seed : int
        Each part draws from a stream of its own.
    responses : {"collected", "simulated"}
        What the table says of estimates that rest on responses.
    progress : Progress, optional
        Told of each part.

    Returns
    -------
    Results
    """
    analysis = Analysis(data, maps, statistics, seed, responses, progress or Silent())
    draws: list[Draws] = []
    for finding in findings():
        for rows, nulls in finding.calls("estimates", "estimates", analysis):
            analysis.rows += rows
            draws += nulls
    table = with_p_is(name_families(estimates_table(analysis.rows)), statistics.n_permutations)
    failed = n_failed(table)
    if failed:
        analysis.progress.say(f"  {failed} estimates {FAILED.removesuffix(': ')} and have no value: see reason in "
                              "estimates.csv")
    tables = {name: analysis.tables.get(name, pd.DataFrame(columns=list(columns)))
              for finding in findings() for name, columns in finding.tables.items()}
    return Results(with_responses(table, responses), analysis.heatmaps, nulls_table(draws), tables)
