"""Estimates of how far workers agree in boxes and labels: of all, of each actor, and a table of images."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import xarray as xr

from salcompare.config import Statistics
from salcompare.findings import agreement as declared
from salcompare.findings.analysis import Analysis, Draws
from salcompare.findings.failures import FAILURES, undefined_row
from salcompare.findings.rows import Row, rows_of
from salcompare.naming import HUMAN
from salcompare.random_numbers import stream
from salcompare.statistics.agreement import Kind, pairwise_agreement
from salcompare.study_data import StudyData

IMAGE_COLUMNS = declared.FINDING.tables[declared.TABLE]
"""Of the table of images; each quantity is followed by its interval's ends."""
_COLUMNS: dict[Kind, dict[str, str]] = {"boxes": {"likeness": declared.BOX_IOU.metric, "alpha": "box_alpha"},
                                        "labels": {"likeness": declared.SAME_LABEL.metric, "alpha": "label_alpha"}}


def agreement_estimates(data: StudyData, statistics: Statistics, seed: int) -> tuple[list[Row], pd.DataFrame]:
    """Estimate mean IoU and alpha of boxes, and the same of labels for each actor; labels' alpha of all is elsewhere.

    Gives the estimates, and a table with one row an image, columns `IMAGE_COLUMNS`.
    """
    rows: list[Row] = []
    tables: list[pd.DataFrame] = []
    responses, key = data.responses, {"source": HUMAN}
    if responses is None or "image" not in responses:
        return rows, pd.DataFrame(columns=list(IMAGE_COLUMNS))
    for of, parts in declared.PARTS.items():
        try:
            result = pairwise_agreement(responses, data.images, of=of, rng=stream(seed, "agreement", of),
                                        clusters="shoot" if "shoot" in data.images else None,
                                        n_resamples=statistics.n_resamples)
        except FAILURES as error:
            reason = undefined_row(error, **declared.BOX_ALPHA.name, **key)
            rows += [reason] if of == "boxes" else []
            continue
        rows += [row for part, quantities in parts.items() for quantity in quantities
                 for row in rows_of(result.sel(quantity=part), quantity, key)]
        tables.append(_of_images(result, of))
    if not tables:
        return rows, pd.DataFrame(columns=list(IMAGE_COLUMNS))
    table = pd.concat(tables, axis=1)
    table.insert(0, "actor", data.images.set_index("image")["actor"].reindex(table.index))
    return rows, table.rename_axis("image").reset_index()


def _of_images(result: xr.Dataset, of: Kind) -> pd.DataFrame:
    """Columns of one kind of agreement, indexed by image; workers with the boxes."""
    columns: dict[str, object] = {"workers": result["image_n"].to_numpy()} if of == "boxes" else {}
    for part, name in _COLUMNS[of].items():
        one = result.sel(quantity=part)
        columns |= {name: one["image_value"].to_numpy(), f"{name}_low": one["image_ci_low"].to_numpy(),
                    f"{name}_high": one["image_ci_high"].to_numpy()}
    return pd.DataFrame(columns, index=result["image"].to_numpy().astype(object)).astype(
        {"workers": int} if of == "boxes" else np.float64)


def estimates(analysis: Analysis) -> Iterator[tuple[list[Row], list[Draws]]]:
    """Estimate how far workers agree, of all, of actors and of images."""
    rows, analysis.tables[declared.TABLE] = agreement_estimates(analysis.data, analysis.statistics, analysis.seed)
    yield rows, []


def headlines(analysis: Analysis) -> list[Row]:
    """Give the rows that the summary rests on."""
    return agreement_estimates(analysis.data, analysis.statistics, analysis.seed)[0]
