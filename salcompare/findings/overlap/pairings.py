"""Rows of the tests over three kinds of pairing: of all images, within groups, of some images, of two classifiers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np
import pandas as pd
import xarray as xr

from salcompare.config import Statistics
from salcompare.findings import overlap as terms
from salcompare.findings.analysis import NULL_DRAWS, Draws
from salcompare.findings.failures import FAILURES, undefined_row
from salcompare.findings.rows import Row, rows_of
from salcompare.naming import HUMAN, PRIMARY, network, network_of
from salcompare.random_numbers import stream
from salcompare.statistics.inference.resampling import WORKERS_SHARED
from salcompare.statistics.metrics.registry import EVERY_METRIC
from salcompare.statistics.overlaps.baselines import paired_differences
from salcompare.statistics.overlaps.pairings import CONTRASTS, compare_pairings, pairing_tests
from salcompare.study_data import StudyData

GROUP = "group"


def pairing_rows(result: xr.Dataset, key: Row, *, ceiling: float = np.nan,
                 restriction: str = "") -> tuple[list[Row], list[Draws]]:
    """Make the rows of `pairing_tests`, for the population and each actor, and keep draws of its nulls.

    The ceiling is that of the mean over same images; a restriction is added to the contrasts' names, where pairs are of
    some groups or images only.
    """
    rows: list[Row] = []
    draws: list[Draws] = []
    result = result.assign(
        ceiling=("contrast", [ceiling if contrast == terms.SAME_IMAGE else np.nan for contrast in CONTRASTS]))
    for contrast in (terms.OTHER_ACTOR, terms.ACTOR_EFFECT) if restriction == terms.SAME_GROUP else CONTRASTS:
        one = result.sel(contrast=contrast)
        here = {**key, "contrast": f"{contrast}, {restriction}" if restriction else contrast}
        rows += rows_of(one, terms.PAIRING, here) + rows_of(one, terms.PAIRING_OF_ACTORS, here)
        if contrast in (terms.IMAGE_EFFECT, terms.ACTOR_EFFECT) and not restriction:
            null = one["null"].dropna("permutation").to_numpy()[:NULL_DRAWS]
            draws.append(({**terms.PAIRING.name, **here, "metric": f"{key['metric']} {contrast}"}, null))
    return rows, draws


def crossed(mean: xr.Dataset, score: xr.Dataset) -> xr.Dataset:
    """Give a mean over actors the interval over workers and actors of the score that it is, its value in the middle.

    The score may lack images to which fewer than two workers responded.
    """
    half = (score["ci_high"] - score["ci_low"]) / 2
    if np.isnan(half):
        return mean.assign(reason=score["reason"].item() or WORKERS_SHARED)
    about = {name: score.attrs[name] for name in ("ci_method", "resampled")}
    return mean.drop_vars(list(about), errors="ignore").assign(
        ci_low=mean["value"] - half, ci_high=mean["value"] + half, reason="").assign_attrs(about)


def of_shared_workers(means: xr.Dataset) -> xr.Dataset:
    """Take the interval over actors from means of what the same workers made of all actors, and say why."""
    reason = means["reason"].where(np.isnan(means["value"]), WORKERS_SHARED)
    return means.assign(ci_low=np.nan, ci_high=np.nan, reason=reason).assign_attrs(ci_method=None, resampled=None)


def from_baseline(values: xr.Dataset, other: xr.Dataset, *, name: str, score: xr.Dataset | None = None,
                  n_permutations: int, rng: np.random.Generator) -> xr.Dataset:
    """Compare overlaps with another map's, of a baseline say, which moves with the workers unless people made it.

    Of simulated studies in which workers alone vary, t intervals over actors of the difference from a centred blob
    held the truth in 89%, from other actors' mean map in 94%.
    """
    result = paired_differences(values, other, alternative="two-sided", n_permutations=n_permutations, rng=rng)
    if name == terms.OTHERS:
        return result
    bare = of_shared_workers(result).assign(p_value=result["p_value"] * np.nan)
    return bare if score is None or name != terms.CENTRE else crossed(bare, score.sel(quantity="mean score above null"))


def restricted_rows(matrix: xr.DataArray, data: StudyData, statistics: Statistics, key: Row,
                    rngs: Mapping[str, np.random.Generator], *, clusters: str | None) -> Iterator[Row]:
    """Give the rows of the same tests within groups of actors, and of the images that the classifier got right.

    There are none where images have no group or no prediction is known, nor where all actors are of one group, or all
    images are classified correctly. Random numbers are given by restriction.
    """
    tests = partial(pairing_tests, better=EVERY_METRIC[str(key["metric"])].better, clusters=clusters,
                    n_permutations=statistics.n_permutations)
    groups = _groups_of(data.images, matrix)
    if groups is not None:
        within = tests(matrix.assign_coords({GROUP: groups}), groups=GROUP, rng=rngs[terms.SAME_GROUP])
        yield from pairing_rows(within, key, restriction=terms.SAME_GROUP)[0]
    predictions = data.get("predictions")
    if predictions is None or predictions.empty:
        return
    networks = map(network, predictions["classifier"], predictions["variant"])
    known = predictions[[name == network_of(key["source"]) for name in networks]]
    correct = known.loc[known["actor"] == known["predicted"], "image"].astype(str)
    right = np.isin(matrix.image.to_numpy(), list(set(correct)))
    if right.all() or known.empty:
        return
    try:
        of_right = tests(matrix.isel(image=right, image_other=right), rng=rngs[terms.CORRECT])
    except FAILURES as error:
        yield undefined_row(error, **{**terms.SAME.name, **key, "contrast": f"{terms.SAME_IMAGE}, {terms.CORRECT}"})
        return
    yield from pairing_rows(of_right, key, restriction=terms.CORRECT)[0]


def _groups_of(images: pd.DataFrame, matrix: xr.DataArray) -> xr.DataArray | None:
    """Give the group of each image's actor; None where images have none, or all are of one."""
    if GROUP not in images:
        return None
    known = images.dropna(subset=[GROUP]).drop_duplicates("image").set_index("image")[GROUP]
    names = [str(known.get(image, "")) for image in matrix.image.to_numpy().tolist()]
    return xr.DataArray(names, dims="image") if len(set(names)) > 1 and all(names) else None


def comparison_rows(one: Mapping[str, xr.DataArray], other: Mapping[str, xr.DataArray], names: tuple[str, str],
                    statistics: Statistics, seed: int, key: Row, *, clusters: str | None,
                    score: xr.Dataset | None) -> Iterator[Row]:
    """Give the rows of one classifier less another, by every metric of which both have a matrix of all pairs.

    `names` are their sources; `key`, which all rows share, must name the form. The score, of the primary metric, is
    what `share_of_ceiling` says of one above the other.
    """
    for metric in (name for name in one if name in other):
        here = {**key, "source": names[0], "against": HUMAN, "metric": metric}
        rng = stream(seed, "classifiers", *names, metric, str(key["form"]))
        try:
            result = compare_pairings(one[metric], other[metric], clusters=clusters, rng=rng,
                                      same_image=score if metric == PRIMARY else None,
                                      n_permutations=statistics.n_permutations)
        except FAILURES as error:
            yield undefined_row(error, **{**terms.CLASSIFIER.name, **here}, contrast=terms.minus(names[1]))
            continue
        named = result.assign_coords(contrast=[terms.minus(names[1], contrast) for contrast in CONTRASTS])
        yield from rows_of(named, terms.CLASSIFIER, here)
