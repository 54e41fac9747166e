"""Estimates of ceilings, of the share of them that a classifier reaches, and of overlap with workers resampled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
import xarray as xr

from salcompare.findings import ceilings as terms
from salcompare.findings.analysis import NO_WORKERS, Analysis, Draws, overlap_forms
from salcompare.findings.failures import guarded, rows_or_reasons, without_value
from salcompare.findings.rows import rows_of
from salcompare.naming import HUMAN, SMOOTHED
from salcompare.random_numbers import stream
from salcompare.statistics.ceilings.between_workers import mean_ceiling, noise_ceiling
from salcompare.statistics.ceilings.resampled import resampled_overlap, share_of_ceiling
from salcompare.statistics.ceilings.resamples import Null
from salcompare.statistics.inference.resampling import FEWEST_ACTORS
from salcompare.statistics.responses import Responses
from salcompare.study_data import StudyData

if TYPE_CHECKING:
    from salcompare.config import Statistics
    from salcompare.findings.rows import Row

NULLS: dict[Null, str] = {"others' human maps": terms.OTHER_FACES, "others' classifier maps": terms.OTHER_MAPS,
                          "zero": terms.NOTHING}
"""What the nulls are called in the table, after "over"."""
_UNITS = "workers and actors"


def noise_ceiling_rows(data: StudyData, forms: Sequence[tuple[str, float | None, tuple[str, ...]]],
                       seed: int) -> tuple[list[Row], dict[str, float]]:
    """Estimate the noise ceiling of the primary metric in each form; give its rows and its population values."""
    coverage, responses = _people(data)
    images = data.images[data.images["image"].isin(coverage["image"].to_numpy())]
    size = coverage.sizes["y"], coverage.sizes["x"]
    rows: list[Row] = []
    values = {}
    for form, sigma, _ in forms:
        key = {"form": form, "source": HUMAN, "sigma": sigma}
        values[form] = np.nan
        if responses is None:
            rows.append(without_value(NO_WORKERS, **{**terms.OF_RESPONSES.name, **key}))
            continue
        of_form, result = rows_or_reasons([terms.OF_RESPONSES], key, _mean_ceiling, responses, images, size=size,
                                          sigma=sigma or 0.0, rng=stream(seed, "ceiling", form))
        rows += of_form
        if result is not None:
            rows += rows_of(result, terms.OF_ACTORS, key)
            values[form] = float(result["value"])
    return rows, values


def _mean_ceiling(responses: Responses, images: pd.DataFrame, *, size: tuple[int, int], sigma: float,
                  rng: np.random.Generator) -> xr.Dataset:
    return mean_ceiling(noise_ceiling(responses, images, size=size, sigma=sigma, rng=rng))


def ceiling_estimates(data: StudyData, statistics: Statistics, seed: int, *, sigma: float) -> Iterator[Row]:
    """Estimate the primary overlap of every classifier with workers resampled, and what ceilings it reaches."""
    _, responses = _people(data)
    for source, dataset in data.classifier_maps.items():
        key = {"form": SMOOTHED, "sigma": sigma, "source": source, "against": HUMAN}
        if responses is None:
            yield without_value(NO_WORKERS, **{**terms.BY_UNITS.name, **key, "contrast": _UNITS})
            yield from (without_value(NO_WORKERS, **{**terms.REACHED.name, **key, "contrast": terms.over(null)})
                        for null in NULLS.values())
            continue
        rows, result = rows_or_reasons(
            [terms.BY_UNITS], key, resampled_overlap, responses, data.images, dataset["saliency"], sigma=sigma,
            n_resamples=statistics.n_resamples, rng=stream(seed, "resampled", source))
        if result is None:
            yield {**rows[0], "contrast": _UNITS}
            continue
        yield from rows
        yield from share_rows(data, source, statistics, seed, sigma=sigma)


def share_rows(data: StudyData, source: str, statistics: Statistics, seed: int, *, sigma: float) -> Iterator[Row]:
    """Estimate the share of the ceiling that one classifier reaches, where workers are known."""
    _, responses = _people(data)
    if responses is not None:
        key = {"form": SMOOTHED, "sigma": sigma, "source": source, "against": HUMAN}
        yield from guarded(_shares(data, responses, source, statistics, seed, key), **{
            **terms.REACHED.name, **key, "contrast": terms.over(terms.OTHER_FACES)})


def _people(data: StudyData) -> tuple[xr.DataArray, Responses | None]:
    if data.human is None:
        message = "ceilings need human maps"
        raise ValueError(message)
    return data.human["coverage"], data.by_worker


def _shares(data: StudyData, responses: Responses, source: str, statistics: Statistics, seed: int,
            key: Row) -> Iterator[Row]:
    """Give the share of the ceiling over each null, with what it is made of."""
    saliency = data.classifier_maps[source]["saliency"]
    several = np.unique(saliency["actor"].to_numpy()).size >= FEWEST_ACTORS
    units: Literal["actors", "images within actors"] = "actors" if several else "images within actors"
    shares = share_of_ceiling(responses, data.images, saliency, sigma=float(str(key["sigma"])), units=units,
                              n_resamples=statistics.n_resamples, rng=stream(seed, "share"))
    shares = shares.assign({f"{level}{name}": shares[f"{level}value"].sel(quantity=quantity, drop=True)
                            for level in ("", "actor_") for name, quantity in (("null_mean", "null"),
                                                                               ("ceiling", "ceiling"))})
    for null, name in NULLS.items():
        about = {**key, "null": name}
        share, ceiling = (shares.sel(null=null, quantity=quantity, drop=True)
                          for quantity in ("share", "ceiling above null"))
        yield from rows_of(share, terms.REACHED, {**about, "contrast": terms.over(name)})
        yield from rows_of(ceiling, terms.REACHED, {**about, "contrast": terms.over(name, ceiling=True)})
        yield from rows_of(share, terms.REACHED_OF_ACTORS, {**about, "contrast": terms.over(name)})


def estimates(analysis: Analysis) -> Iterator[tuple[list[Row], list[Draws]]]:
    """Estimate people's noise ceiling, and the share of it that classifiers reach."""
    data = analysis.data
    if data.human is None:
        return
    analysis.progress.say("  noise ceiling")
    forms = overlap_forms(data.human.sizes["x"], analysis.maps)
    rows, analysis.shared["ceilings"] = noise_ceiling_rows(data, forms, analysis.seed)
    yield rows, []
    analysis.progress.say("  resampled overlap and share of the ceiling")
    shares = ceiling_estimates(data, analysis.statistics, analysis.seed, sigma=forms[1].sigma or 0)
    yield list(guarded(shares, statistic=terms.SHARE)), []


def headlines(analysis: Analysis) -> Iterator[Row]:
    """Give the rows that the summary rests on: the ceiling, and the main classifier's share of it."""
    data = analysis.data
    if data.human is None or data.main is None:
        return
    smoothed = overlap_forms(data.human.sizes["x"], analysis.maps)[1]
    rows, analysis.shared["ceilings"] = noise_ceiling_rows(data, [smoothed], analysis.seed)
    yield from rows
    yield from share_rows(data, data.main, analysis.statistics, analysis.seed, sigma=smoothed.sigma or 0)
