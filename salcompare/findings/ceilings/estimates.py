"""Estimates of ceilings, of the share of them that a classifier reaches, and of overlap with workers resampled."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np
import xarray as xr

from salcompare.findings.failures import FAILURES, each_that_works, guarded, undefined_row, without_value
from salcompare.findings.parts import (
    NO_WORKERS,
    Analysis,
    Draws,
    actor_rows,
    overlap_forms,
    population_row,
    stream,
)
from salcompare.statistics.ceilings.between_workers import half_ceiling, mean_ceiling, noise_ceiling, rest_ceiling
from salcompare.statistics.ceilings.resampled import resampled_overlap, share_of_ceiling
from salcompare.statistics.ceilings.resamples import Null
from salcompare.statistics.inference.resampling import FEWEST_ACTORS, actor_means, population_mean
from salcompare.statistics.responses import Responses
from salcompare.study_data import StudyData

if TYPE_CHECKING:
    from salcompare.config import Statistics
    from salcompare.findings.rows import Row

PRIMARY = "pearson"
NULLS: dict[Null, str] = {"others' human maps": "other actors' human maps",
                          "others' classifier maps": "other actors' classifier maps", "zero": "no correlation"}
"""What the nulls are called in the table, after "over"."""
N_ROUNDS = 1  # splits, and single workers, of each image: over all images the draw hardly matters
_UNKNOWN = (("resampled_overlap", "workers and actors"), *(("share_of_ceiling", f"over {null}")
                                                           for null in NULLS.values()))
_ANY = ("iou", "auc_judd", "nss", "pearson", "similarity")  # one of each kind of metric


def noise_ceiling_rows(data: StudyData, forms: Sequence[tuple[str, float | None, tuple[str, ...]]],
                       seed: int) -> tuple[list[Row], dict[str, float]]:
    """Estimate the noise ceiling of the primary metric in each form; give its rows and its population values."""
    coverage, responses = _people(data)
    rows: list[Row] = []
    if responses is None:
        rows = [{"statistic": "noise_ceiling", "metric": PRIMARY, "form": form, "source": "human", "sigma": sigma,
                 "level": "population", "reason": NO_WORKERS} for form, sigma, _ in forms]
        return rows, dict.fromkeys((form for form, _, _ in forms), np.nan)
    values = {}
    images = data.images[data.images["image"].isin(coverage["image"].to_numpy())]
    for form, sigma, _ in forms:
        key = {"statistic": "noise_ceiling", "metric": PRIMARY, "form": form, "source": "human", "sigma": sigma}
        try:
            of_images = noise_ceiling(responses, images, size=(coverage.sizes["y"], coverage.sizes["x"]),
                                      sigma=sigma or 0.0, rng=stream(seed, "ceiling", form))
            found = _with_reason(mean_ceiling(of_images), of_images)
        except FAILURES as error:
            rows.append(undefined_row(error, **key))
            values[form] = np.nan
            continue
        rows += [population_row(found, **key), *actor_rows(found["actor_value"], found["actor_n"], **key)]
        values[form] = float(found["value"])
    return rows, values


def ceiling_estimates(data: StudyData, statistics: Statistics, seed: int, *, sigma: float) -> Iterator[Row]:
    """Estimate the primary overlap of every classifier with workers resampled, and what ceilings it reaches.

    Parameters
    ----------
    data : StudyData
        With human maps.
    statistics : Statistics
        Settings.
    seed : int
        Of the study.
    sigma : float
        Of the smoothed form, pixels.
    """
    _, responses = _people(data)
    for source, dataset in data.classifier_maps.items():
        key = {"metric": PRIMARY, "form": "smoothed", "sigma": sigma, "source": source, "against": "human"}
        if responses is None:
            yield from ({**key, "statistic": statistic, "contrast": contrast, "level": "population",
                         "reason": NO_WORKERS} for statistic, contrast in _UNKNOWN)
            continue
        try:
            found = resampled_overlap(responses, data.images, dataset["saliency"], sigma=sigma,
                                      n_resamples=statistics.n_resamples, rng=stream(seed, "resampled", source))
        except FAILURES as error:
            yield undefined_row(error, **key, statistic="resampled_overlap", contrast="workers and actors")
            continue
        yield from _resampled_rows(found, key)
        yield from guarded(_shares(data, responses, source, statistics, seed, key), **key,
                           statistic="share_of_ceiling", contrast=_UNKNOWN[1][1])
        yield from _rounds(data, responses, source, seed, sigma)


def share_rows(data: StudyData, source: str, statistics: Statistics, seed: int, *, sigma: float) -> Iterator[Row]:
    """Estimate the share of the ceiling that one classifier reaches, where workers are known."""
    _, responses = _people(data)
    if responses is None:
        return
    key = {"metric": PRIMARY, "form": "smoothed", "sigma": sigma, "source": source, "against": "human"}
    try:
        yield from _shares(data, responses, source, statistics, seed, key)
    except FAILURES as error:
        yield undefined_row(error, **key, statistic="share_of_ceiling", contrast=_UNKNOWN[1][1])


def _people(data: StudyData) -> tuple[xr.DataArray, Responses | None]:
    if data.human is None:
        message = "ceilings need human maps"
        raise ValueError(message)
    return data.human["coverage"], data.by_worker


def _resampled_rows(found: xr.Dataset, key: Row) -> Iterator[Row]:
    for kind in found["resampled"].to_numpy().tolist():
        one = found.sel(resampled=kind)
        yield {**key, "statistic": "resampled_overlap", "level": "population", "contrast": kind, "resampled": kind,
               "value": float(one["value"]), "ci_low": float(one["ci_low"]), "ci_high": float(one["ci_high"]),
               "ci_method": str(one["ci_method"].item()), "n": int(one["n"]), "n_undefined": int(one["n_undefined"]),
               "reason": str(one["reason"].item()) or None, "n_resamples": found.attrs["n_resamples"]}


def _shares(data: StudyData, responses: Responses, source: str, statistics: Statistics, seed: int,
            key: Row) -> Iterator[Row]:
    """Give the share of the ceiling over each null, with what it is made of."""
    saliency = data.classifier_maps[source]["saliency"]
    several = np.unique(saliency["actor"].to_numpy()).size >= FEWEST_ACTORS
    units: Literal["actors", "images within actors"] = "actors" if several else "images within actors"
    shares = share_of_ceiling(responses, data.images, saliency, sigma=float(str(key["sigma"])), units=units,
                              n_resamples=statistics.n_resamples, rng=stream(seed, "share"))
    for null, called in NULLS.items():
        found = shares.sel(null=null, drop=True)
        about = {**key, "statistic": "share_of_ceiling", "null": called, "n_resamples": found.attrs["n_resamples"]}
        for quantity, contrast in (("share", f"over {called}"), ("ceiling above null", f"ceiling over {called}")):
            yield _share_of_all(found, quantity, {**about, "contrast": contrast})
        yield from _shares_of_actors(found, {**about, "contrast": f"over {called}"})


def _share_of_all(found: xr.Dataset, quantity: str, about: Row) -> Row:
    one = found.sel(quantity=quantity)
    return {**about, "level": "population", "value": float(one["value"]), "ci_low": float(one["ci_low"]),
            "ci_high": float(one["ci_high"]), "ci_method": str(one["ci_method"].item()),
            "resampled": found.attrs["resampled"], "null_mean": float(found["value"].sel(quantity="null")),
            "ceiling": float(found["value"].sel(quantity="ceiling")), "n": int(found["n"]),
            "n_undefined": int(found["n_undefined"]), "reason": str(one["reason"].item()) or None}


def _shares_of_actors(found: xr.Dataset, about: Row) -> Iterator[Row]:
    null, ceiling = (found["actor_value"].sel(quantity=name) for name in ("null", "ceiling"))
    share = found.sel(quantity="share")
    for at, row in enumerate(actor_rows(share["actor_value"], found["actor_n"], **about)):
        kind = str(found["actor_resampled"][at].item())
        yield {**row, "ci_low": float(share["actor_ci_low"][at]), "ci_high": float(share["actor_ci_high"][at]),
               "ci_method": "crossed Fieller" if " and " in kind else "Fieller", "resampled": kind,
               "null_mean": float(null[at]), "ceiling": float(ceiling[at]),
               "reason": str(share["actor_reason"][at].item()) or None}


def _rounds(data: StudyData, responses: Responses, source: str, seed: int, sigma: float) -> Iterator[Row]:
    """Give people against people by every metric, and the classifier against the same people."""
    saliency = data.classifier_maps[source]["saliency"].load()
    for form, width, metrics in (("raw", None, _ANY), ("smoothed", sigma, (PRIMARY,))):
        for statistic, ceiling, option in (("half_ceiling", half_ceiling, "n_splits"),
                                           ("rest_ceiling", rest_ceiling, "n_single")):
            found, failed = each_that_works(metrics, partial(
                _ceiling, ceiling, responses, data.images, saliency, sigma=width, names=(statistic, form), seed=seed,
                **{option: N_ROUNDS}))
            sides = [{"statistic": statistic, "form": form, "sigma": width, "contrast": variable, "source": name,
                      "against": source if name == "human" else "human"}
                     for variable, name in (("ceiling", "human"), ("score", source))]
            yield from (without_value(reason, **side, metric=metric) for side in sides
                        for metric, reason in failed.items())
            if found.data_vars:
                yield from _round_rows(found, sides, [name for name in metrics if name not in failed])


def _ceiling(ceiling: Callable[..., xr.Dataset], *given: object, names: tuple[str, str], seed: int,
             **options: object) -> xr.Dataset:
    """Compute a ceiling with a stream of its own, which is the same however often it is computed."""
    return ceiling(*given, rng=stream(seed, *names), **options)


def _round_rows(found: xr.Dataset, sides: Sequence[Mapping[str, object]], metrics: Sequence[str]) -> Iterator[Row]:
    both = ~np.isnan(found["ceiling"] + found["score"])  # an image without one counts for neither
    for side in sides:
        actors = actor_means(found[str(side["contrast"])].where(both))
        for metric in metrics:
            yield population_row(population_mean(actors["value"].sel(metric=metric)), **side, metric=metric)


def _with_reason(found: xr.Dataset, of_images: xr.Dataset) -> xr.Dataset:
    """Give a mean ceiling that is undefined the reason that most images have."""
    reasons = [reason for reason in of_images["reason"].to_numpy().tolist() if reason]
    if not np.isnan(found["value"].item()) or not reasons:
        return found
    return found.assign(reason=max(sorted(set(reasons)), key=reasons.count))


def estimates(analysis: Analysis) -> Iterator[tuple[list[Row], list[Draws]]]:
    """Estimate people's noise ceiling, and the share of it that classifiers reach."""
    data = analysis.data
    if data.human is None:
        return
    analysis.progress.say("  noise ceiling")
    forms = overlap_forms(data.human["coverage"].sizes["x"], analysis.maps)
    rows, analysis.shared["ceilings"] = noise_ceiling_rows(data, forms, analysis.seed)
    yield rows, []
    analysis.progress.say("  resampled overlap and share of the ceiling")
    sigma = analysis.maps.sigma * data.human["coverage"].sizes["x"]
    shares = ceiling_estimates(data, analysis.statistics, analysis.seed, sigma=sigma)
    yield list(guarded(shares, statistic="share_of_ceiling")), []


def headlines(analysis: Analysis) -> Iterator[Row]:
    """Give the rows that the summary rests on: the ceiling, and the main classifier's share of it."""
    data = analysis.data
    if data.human is None or data.main is None:
        return
    forms = overlap_forms(data.human["coverage"].sizes["x"], analysis.maps)
    rows, analysis.shared["ceilings"] = noise_ceiling_rows(data, forms[1:], analysis.seed)
    yield from rows
    sigma = analysis.maps.sigma * data.human["coverage"].sizes["x"]
    yield from share_rows(data, data.main, analysis.statistics, analysis.seed, sigma=sigma)
