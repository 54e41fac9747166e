"""Estimates of which labels people use, where actors differ in them, and whether workers and classifiers agree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from salcompare import maps as mapping
from salcompare.config import Maps, Statistics
from salcompare.findings import labels as declared
from salcompare.findings.analysis import Analysis, Draws, confounded, shoots_of
from salcompare.findings.failures import guarded, rows_or_reasons, without_value
from salcompare.findings.labels import FEWEST_BOXES
from salcompare.findings.overlap import CENTRE
from salcompare.findings.rows import Row, rows_of
from salcompare.naming import HUMAN
from salcompare.printing import counted
from salcompare.random_numbers import stream
from salcompare.schema import LABELS
from salcompare.statistics.agreement import worker_agreement
from salcompare.statistics.labels.differences import SAME, label_differences
from salcompare.statistics.labels.histogram import label_histogram, population_label_histogram
from salcompare.statistics.labels.regions import label_enrichment
from salcompare.statistics.overlaps.baselines import centre
from salcompare.study_data import StudyData

MOST_HEADLINES = 12


def label_estimates(data: StudyData, maps: Maps, statistics: Statistics, seed: int) -> Iterator[Row]:
    """Estimate shares of labels, differences between actors, workers' agreement, and masks in labels' regions.

    The labels of the original task come first, used or not; a worker's own labels follow.
    """
    responses = data.responses
    if responses is None:
        return
    known = data.images if "image" in responses else None
    yield from guarded(_histograms(responses, known), **declared.SHARES.name, source=HUMAN)
    if why := confounded(data, seed):
        yield without_value(why, **declared.OMNIBUS.name, source=HUMAN)
    else:
        yield from _differences(responses, data.images, statistics, seed)
    yield from rows_or_reasons([declared.ALPHA], {"source": HUMAN}, worker_agreement, responses, data.images,
                               clusters="shoot" if "shoot" in data.images else None,
                               rng=stream(seed, "labels", "agreement"), n_resamples=statistics.n_resamples)[0]
    sides = {source: dataset["saliency"] for source, dataset in data.classifier_maps.items()}
    sides |= {} if data.human is None else {HUMAN: data.human["coverage"]}
    sides |= {CENTRE: centre(next(iter(sides.values())))} if sides else {}
    for source, side in sides.items():
        masks = mapping.top_mask(side, share=maps.mask_share) & (side > 0)  # ties at 0 would be broken by place
        yield from _enrichment(source, responses, known, masks, statistics, seed)


def _histograms(responses: pd.DataFrame, known: pd.DataFrame | None) -> Iterator[Row]:
    """Give shares of labels of all and of each actor, and their effective numbers: the same for an actor's labels."""
    tables = [histogram(responses, known, labels=LABELS) for histogram in (population_label_histogram, label_histogram)]
    kinds = ((declared.SHARES, declared.EFFECTIVE), (declared.SHARES_OF_ACTORS, declared.EFFECTIVE_OF_ACTORS))
    for table, (shares, effective) in zip(tables, kinds, strict=True):
        by = table.get("actor", pd.Series("", table.index))
        counts = table.assign(n=table["n_responses"].groupby(by).transform("sum"),
                              n_undefined=table.get("n_undefined", 0))
        yield from rows_of(_as_result(counts), shares, {"source": HUMAN})
        yield from rows_of(_as_result(counts[~by.duplicated()]), effective, {"source": HUMAN})


def _as_result(table: pd.DataFrame) -> xr.Dataset:
    """Give a table's columns as variables (row)."""
    return xr.Dataset({name: ("row", table[name].to_numpy(object)) for name in table}, {"row": range(len(table))},
                      dict(table.attrs))


def _differences(responses: pd.DataFrame, images: pd.DataFrame, statistics: Statistics, seed: int) -> list[Row]:
    """Give the omnibus test, one test a label, and one a cell."""
    shoots = shoots_of(images)
    return rows_or_reasons([declared.OMNIBUS, declared.OF_LABELS, declared.CELLS], {"source": HUMAN}, _of_actors,
                           responses, images if shoots is None else images.assign(shoot=shoots), labels=LABELS,
                           clusters=None if shoots is None else "shoot", rng=stream(seed, "labels", "differences"),
                           n_permutations=statistics.n_permutations)[0]


def _of_actors(responses: pd.DataFrame, images: pd.DataFrame, **options: Any) -> xr.Dataset:  # noqa: ANN401
    """Compare actors; say how many take no part, and why a label has no test."""
    result = label_differences(responses, images, **options)
    share, out = result["share"], int((result["n_left_out"] > 0).sum())
    return result.assign(
        n=result["n_images"].sum(), n_undefined=result["n_left_out"].sum(),
        left_out=f"{counted(out, 'actor')} left out: one image, or images that all have the same shares" if out else "",
        label_reason=("label", np.where(np.isnan(result["label_p_value"]), SAME, "")),
        one=share.where(~np.isnan(result["p_value"])), other=share - result["difference"])


def _enrichment(source: str, responses: pd.DataFrame, images: pd.DataFrame | None, masks: xr.DataArray,
                statistics: Statistics, seed: int) -> list[Row]:
    """Give the mean over actors and each actor's, label by label; 1 is a mask laid anywhere."""
    return rows_or_reasons([declared.RATIO, declared.RATIO_OF_ACTORS], {"form": "masks", "source": source},
                           label_enrichment, responses, images, masks, labels=LABELS,
                           rng=stream(seed, "labels", "enrichment", source),
                           n_permutations=statistics.n_permutations)[0]


def estimates(analysis: Analysis) -> Iterator[tuple[list[Row], list[Draws]]]:
    """Estimate shares of labels, their differences, and where masks lie among them."""
    analysis.progress.say("  labels")
    rows = label_estimates(analysis.data, analysis.maps, analysis.statistics, analysis.seed)
    yield list(guarded(rows, statistic=declared.SHARES.statistic, source=HUMAN)), []


def headlines(analysis: Analysis) -> Iterator[Row]:
    """Give the rows that the summary rests on."""
    return label_estimates(analysis.main_data, analysis.maps, analysis.statistics, analysis.seed)


def more_headlines(kept: pd.DataFrame, whole: pd.DataFrame,
                   source: str | None) -> Iterator[tuple[str, dict[str, str]]]:  # noqa: ARG001 - as every finding's
    """Name the shares of the labels drawn most often, whoever thought of them."""
    columns, shares = ["statistic", "level", "label", "value", "count"], declared.SHARES
    tables = [table[(table["statistic"] == shares.statistic) & (table["level"] == shares.level)
                    & (table["count"] >= FEWEST_BOXES)] for table in (
                        part.reindex(columns=columns) for part in (kept, whole))]
    table = next((table for table in tables if len(table)), tables[0])
    for label in table.sort_values("value", ascending=False, kind="stable")["label"].head(MOST_HEADLINES):
        yield f"Share of the label {label}", {"statistic": shares.statistic, "label": str(label), "source": HUMAN}
