"""Rows of the tests over three kinds of pairing: all images, within groups of actors, and of some images only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from salcompare.findings.failures import FAILURES, undefined_row
from salcompare.findings.parts import NULL_DRAWS, Draws, actor_rows, population_row
from salcompare.naming import network_of
from salcompare.printing import EQUAL
from salcompare.statistics.metrics.registry import METRICS
from salcompare.statistics.overlaps.pairings import CONTRASTS, pairing_tests
from salcompare.study_data import StudyData

if TYPE_CHECKING:
    from salcompare.config import Statistics
    from salcompare.findings.rows import Row

GROUP = "group"
SAME_GROUP, CORRECT = "same group", "correctly classified images"
_OF_GROUPS = ("other actor", "actor effect")


def pairing_rows(found: xr.Dataset, key: Mapping[str, object], *, ceiling: float = np.nan,
                 restriction: str = "") -> tuple[list[Row], list[Draws]]:
    """Make the rows of `pairing_tests`, for the population and each actor, and keep draws of its nulls.

    Parameters
    ----------
    found : Dataset
        As `pairing_tests` gives it.
    key : mapping
        What all rows share; contrast is added.
    ceiling : float
        Of the mean over same images.
    restriction : str
        Added to the contrasts' names, where pairs are of some groups or images only.
    """
    rows: list[Row] = []
    draws: list[Draws] = []
    contrasts = _OF_GROUPS if restriction == SAME_GROUP else CONTRASTS
    for contrast in contrasts:
        one = found.sel(contrast=contrast)
        named = f"{contrast}, {restriction}" if restriction else contrast
        here = {**key, "contrast": named}
        rows.append(_population(one, here, ceiling if contrast == "same image" else np.nan))
        rows += _actors(one, here)
        if _is_effect(one) and not restriction:
            null = one["null"].dropna("permutation").to_numpy()[:NULL_DRAWS]
            draws.append(({**here, "metric": f"{key['metric']} {contrast}"}, null))
    return rows, draws


def restricted_rows(matrix: xr.DataArray, data: StudyData, statistics: Statistics, key: Mapping[str, object],
                    rngs: Mapping[str, np.random.Generator]) -> Iterator[Row]:
    """Give the rows of the same tests within groups of actors, and of the images that the classifier got right.

    Parameters
    ----------
    matrix : DataArray (image, image_other)
        All pairs.
    data : StudyData
        Whose images may have a group and whose predictions may be known; without, there is no row. Nor is there one
        where all actors are of one group, or all images are classified correctly.
    statistics : Statistics
        Settings.
    key : mapping
        What all rows share.
    rngs : mapping
        By restriction.
    """
    tests = partial(pairing_tests, better=METRICS[str(key["metric"])].better,
                    n_permutations=statistics.n_permutations, n_resamples=statistics.n_resamples)
    groups = groups_of(data.images, matrix)
    if groups is not None:
        found = tests(matrix.assign_coords({GROUP: groups}), groups=GROUP, rng=rngs[SAME_GROUP])
        yield from pairing_rows(found, key, restriction=SAME_GROUP)[0]
    known = predictions_of(data.get("predictions"), str(key["source"]))
    right = np.isin(matrix.image.to_numpy(), list(correct_images(known)))
    if right.all() or known.empty:
        return
    try:
        found = tests(matrix.isel(image=right, image_other=right), rng=rngs[CORRECT])
    except FAILURES as error:
        yield undefined_row(error, **{**key, "contrast": f"same image, {CORRECT}"})
        return
    yield from pairing_rows(found, key, restriction=CORRECT)[0]


def groups_of(images: pd.DataFrame, matrix: xr.DataArray) -> xr.DataArray | None:
    """Give the group of each image's actor; None where images have none, or all are of one."""
    if GROUP not in images:
        return None
    known = images.dropna(subset=[GROUP]).drop_duplicates("image").set_index("image")[GROUP]
    names = [str(known.get(image, "")) for image in matrix.image.to_numpy().tolist()]
    return xr.DataArray(names, dims="image") if len(set(names)) > 1 and all(names) else None


def predictions_of(predictions: pd.DataFrame | None, source: str) -> pd.DataFrame:
    """Rows of the predictions of a source, CLASSIFIER/VARIANT/METHOD; none for ready-made maps."""
    if predictions is None or predictions.empty:
        return pd.DataFrame(columns=["image", "actor", "predicted"])
    return predictions[predictions["classifier"] + "/" + predictions["variant"] == network_of(source)]


def correct_images(predictions: pd.DataFrame) -> set[str]:
    """Ids of the images whose actor was named."""
    return set(predictions.loc[predictions["actor"] == predictions["predicted"], "image"].astype(str))


def _population(one: xr.Dataset, key: Row, ceiling: float) -> Row:
    row = {**population_row(one, **key), "ci_method": str(one["ci_method"].item()), "ceiling": ceiling}
    if not _is_effect(one):
        return row
    return row | _about_test(one) | {"p_value": float(one["p_value"]), "p_attainable": float(one["p_attainable"])}


def _actors(one: xr.Dataset, key: Row) -> Iterator[Row]:
    about = {"ci_method": one.attrs["actor_ci_method"], "resampled": one.attrs["actor_resampled"]}
    tested = _is_effect(one)
    if tested:
        about |= _about_test(one) | {"null_mean": np.nan}
    names = ("ci_low", "ci_high", "reason", *(("p_value", "p_attainable") if tested else ()))
    columns = {name: one[f"actor_{name}"].to_numpy().tolist() for name in names}
    for index, row in enumerate(actor_rows(one["actor_value"], one["actor_n"], **key)):
        here = {name: values[index] for name, values in columns.items()}
        if tested:
            here |= {f"value_{side}": float(one[f"actor_{side}"][index]) for side in ("one", "other")}
        here["reason"] = here["reason"] or row["reason"]
        if str(one["contrast"].item()) == "actor effect":
            here["p_is"] = EQUAL  # a rank among the actors
        yield {**row, **about, **here} | ({"n_resamples": n_draws(here["p_attainable"])} if tested else {})


def _about_test(one: xr.Dataset) -> dict[str, object]:
    effect = str(one["contrast"].item()).removesuffix(" effect")
    return {"null": one.attrs[f"null_{effect}"], "null_mean": 0.0, "alternative": one.attrs["alternative"],
            "n_resamples": n_draws(one["p_attainable"].item())}


def _is_effect(one: xr.Dataset) -> bool:
    return str(one["contrast"].item()).endswith("effect")


def n_draws(p_attainable: float) -> int | None:
    """Draws or arrangements behind a p-value, from the smallest that it can be."""
    return None if np.isnan(p_attainable) else round(1 / p_attainable) - 1
