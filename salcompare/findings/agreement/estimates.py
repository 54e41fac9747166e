"""Estimates of how far workers agree in boxes and labels: of all, of each actor, and a table of images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from salcompare.findings.failures import FAILURES, undefined_row
from salcompare.findings.parts import Analysis, Draws, stream
from salcompare.statistics.agreement import pairwise_agreement
from salcompare.study_data import StudyData

if TYPE_CHECKING:
    import xarray as xr

    from salcompare.config import Statistics
    from salcompare.findings.rows import Row

IMAGE_COLUMNS = ("image", "actor", "workers", "mean_iou", "box_alpha", "same_label", "label_alpha")
"""Of the table of images; each quantity is followed by its interval's ends."""
ALPHA = "krippendorff_alpha"
_METRICS: dict[Literal["boxes", "labels"], dict[str, str]] = {
    "boxes": {"alpha": ALPHA, "likeness": "mean_iou"}, "labels": {"alpha": ALPHA, "likeness": "same_label"}}
_COLUMNS: dict[Literal["boxes", "labels"], dict[str, str]] = {
    "boxes": {"likeness": "mean_iou", "alpha": "box_alpha"},
    "labels": {"likeness": "same_label", "alpha": "label_alpha"}}


def agreement_estimates(data: StudyData, statistics: Statistics, seed: int) -> tuple[list[Row], pd.DataFrame]:
    """Estimate mean IoU and alpha of boxes, and the same of labels for each actor.

    Returns
    -------
    list of Row, DataFrame
        The estimates; labels' alpha of all is `worker_agreement`'s. And one row an image, columns `IMAGE_COLUMNS`.
    """
    rows: list[Row] = []
    tables: list[pd.DataFrame] = []
    responses = data.responses
    if responses is None or "image" not in responses:
        return rows, pd.DataFrame(columns=list(IMAGE_COLUMNS))
    for of in _METRICS:
        key = {"statistic": "box_agreement" if of == "boxes" else "label_agreement", "source": "human"}
        try:
            found = pairwise_agreement(responses, data.images, of=of, rng=stream(seed, "agreement", of),
                                       n_resamples=statistics.n_resamples)
        except FAILURES as error:
            undefined = undefined_row(error, **key, metric=ALPHA)
            rows += [undefined] if of == "boxes" else []
            continue
        rows += _rows(found, of, key)
        tables.append(_of_images(found, of))
    if not tables:
        return rows, pd.DataFrame(columns=list(IMAGE_COLUMNS))
    table = pd.concat(tables, axis=1)
    table.insert(0, "actor", data.images.set_index("image")["actor"].reindex(table.index))
    return rows, table.rename_axis("image").reset_index()


def _rows(found: xr.Dataset, of: Literal["boxes", "labels"], key: Row) -> Iterator[Row]:
    about = {"n_resamples": found.attrs["n_resamples"]}
    for quantity, metric in _METRICS[of].items():
        one = found.sel(quantity=quantity)
        here = {**key, **about, "metric": metric}
        if of == "boxes" or quantity == "likeness":
            yield {**here, "level": "population", "value": float(one["value"]), "ci_low": float(one["ci_low"]),
                   "ci_high": float(one["ci_high"]), "ci_method": found.attrs["ci_method"],
                   "resampled": found.attrs["resampled"], "n": int(found["n"]),
                   "n_undefined": int(found["n_undefined"]), "reason": str(one["reason"].item()) or None}
        for actor in found["actor"].to_numpy().tolist():
            of_actor = one.sel(actor=actor)
            yield {**here, "level": "actor", "actor": actor, "value": float(of_actor["actor_value"]),
                   "ci_low": float(of_actor["actor_ci_low"]), "ci_high": float(of_actor["actor_ci_high"]),
                   "ci_method": found.attrs["unit_ci_method"], "resampled": found.attrs["unit_resampled"],
                   "n": int(of_actor["actor_n"]), "reason": str(of_actor["actor_reason"].item()) or None}


def _of_images(found: xr.Dataset, of: Literal["boxes", "labels"]) -> pd.DataFrame:
    """Columns of one kind of agreement, indexed by image; workers with the boxes."""
    columns: dict[str, object] = {"workers": found["image_n"].to_numpy()} if of == "boxes" else {}
    for quantity, name in _COLUMNS[of].items():
        one = found.sel(quantity=quantity)
        columns |= {name: one["image_value"].to_numpy(), f"{name}_low": one["image_ci_low"].to_numpy(),
                    f"{name}_high": one["image_ci_high"].to_numpy()}
    return pd.DataFrame(columns, index=found["image"].to_numpy().astype(object)).astype(
        {"workers": int} if of == "boxes" else np.float64)


def estimates(analysis: Analysis) -> Iterator[tuple[list[Row], list[Draws]]]:
    """Estimate how far workers agree, of all, of actors and of images."""
    rows, analysis.tables["agreement_images"] = agreement_estimates(analysis.data, analysis.statistics, analysis.seed)
    yield rows, []


def headlines(analysis: Analysis) -> list[Row]:
    """Give the rows that the summary rests on."""
    return agreement_estimates(analysis.data, analysis.statistics, analysis.seed)[0]
