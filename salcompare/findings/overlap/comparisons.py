"""Estimates that compare two classifiers, and actors' similarity on both sides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import xarray as xr

from salcompare.findings.failures import FAILURES, undefined_row
from salcompare.findings.overlap.pairings import n_draws
from salcompare.findings.parts import NULL_DRAWS, Draws, population_row, stream
from salcompare.naming import classifier_of
from salcompare.statistics.inference.permutation import sign_flip_test
from salcompare.statistics.inference.resampling import actor_means, population_mean
from salcompare.statistics.overlaps.actor_similarity import actor_similarity
from salcompare.statistics.overlaps.baselines import sides
from salcompare.statistics.overlaps.pairings import compare_pairings

if TYPE_CHECKING:
    from salcompare.config import Statistics
    from salcompare.findings.rows import Row

DISTANCE: Literal["correlation"] = "correlation"


def compared_sources(sources: Sequence[str]) -> list[tuple[str, str]]:
    """Choose the pairs of sources to compare; the later one comes first: finetuned less frozen.

    They are variants of one classifier by one method, one variant's maps by two methods, and the last sources of two
    classifiers.
    """
    parts = {source: source.split("/") for source in sources}
    last = {classifier_of(source): source for source in sources}.values()
    return [(one, other) for at, one in enumerate(sources) for other in sources[:at]
            if (classifier_of(one) == classifier_of(other)
                and sum(a != b for a, b in zip(parts[one], parts[other], strict=True)) == 1)
            or (one in last and other in last)]


def comparison_rows(one: Mapping[str, xr.DataArray], other: Mapping[str, xr.DataArray], names: tuple[str, str],
                    statistics: Statistics, seed: int, **key: object) -> Iterator[Row]:
    """Give the rows of one classifier less another, of every metric whose matrices of all pairs are there.

    Parameters
    ----------
    one, other : mapping of metric to DataArray (image, image_other)
        All pairs of people's maps with each classifier's.
    names : (str, str)
        Their sources.
    statistics : Statistics
        Settings.
    seed : int
        Of the study.
    **key
        What all rows share; must name the form.
    """
    for metric in one:
        here = {**key, "source": names[0], "against": "human", "metric": metric}
        rng = stream(seed, "classifiers", *names, metric, str(key["form"]))
        try:
            found = compare_pairings(one[metric], other[metric], n_permutations=statistics.n_permutations, rng=rng)
        except FAILURES as error:
            yield undefined_row(error, **here, contrast=f"minus {names[1]}")
            continue
        for contrast in found["contrast"].to_numpy().tolist():
            difference = found.sel(contrast=contrast)
            said = f"minus {names[1]}" if contrast == "same image" else f"{contrast} minus {names[1]}"
            yield {**population_row(difference, **here, contrast=said), **_about(difference),
                   "ci_method": str(difference["ci_method"].item())}


def untested_comparison(one: xr.DataArray, other: xr.DataArray, names: tuple[str, str], statistics: Statistics,
                        seed: int, **key: object) -> Row:
    """Give the row of one classifier less another where only pairs of the same image are compared.

    Parameters
    ----------
    one, other : DataArray (image)
        Overlaps of people's maps with each classifier's.
    names, statistics, seed, **key
        As for `comparison_rows`; key must name the metric, too.
    """
    both = (one - other).assign_coords(actor=one["actor"])
    actors = actor_means(both)["value"]
    p, attainable, _ = sign_flip_test(actors.to_numpy(), n_permutations=statistics.n_permutations, rng=stream(
        seed, "classifiers", *names, str(key["metric"]), str(key["form"])))
    found = population_mean(actors).assign(p_value=p, p_attainable=attainable).assign_attrs(
        null="both classifiers' whole sets of maps exchanged within actors", alternative="two-sided")
    found = found.assign(sides(one, other, both))
    row = population_row(found, **{**key, "source": names[0], "against": "human"}, contrast=f"minus {names[1]}")
    return {**row, **_about(found)}


def similarity_rows(human: xr.DataArray, saliency: xr.DataArray, source: str, sigma: float, statistics: Statistics,
                    seed: int) -> tuple[list[Row], list[Draws]]:
    """Give the rows of the similarity of actors on both sides, and draws of its null."""
    key: dict[str, object] = {"statistic": "actor_similarity", "form": "smoothed", "sigma": sigma, "source": source,
                              "against": "human", "contrast": "pairs of actors"}
    rng = stream(seed, "actor similarity", source)
    try:
        found = actor_similarity(human, saliency, distance=DISTANCE, sigma=sigma, rng=rng,
                                 n_permutations=statistics.n_permutations)
    except FAILURES as error:
        return [undefined_row(error, metric=DISTANCE, **key)], []
    row = {**population_row(found, metric=DISTANCE, **key), **_about(found), "null_mean": float(found["null_mean"])}
    plain = {**key, "metric": "mantel_r", "level": "population", "value": float(found["mantel_r"]),
             "n": int(found["n"]), "n_undefined": int(found["n_undefined"])}
    if np.isnan(found["mantel_r"].item()):
        plain["reason"] = "an actor has fewer than four images, or all pairs of actors are alike on one side"
    null = found["null"].dropna("permutation").to_numpy()[:NULL_DRAWS]
    return [row, plain], [({**key, "metric": DISTANCE}, null)]


def _about(found: xr.Dataset) -> dict[str, object]:
    return {"null": found.attrs["null"], "null_mean": 0.0, "alternative": found.attrs["alternative"],
            "p_value": float(found["p_value"]), "p_attainable": float(found["p_attainable"]),
            "n_resamples": n_draws(float(found["p_attainable"]))}
