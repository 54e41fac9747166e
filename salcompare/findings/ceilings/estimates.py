"""Estimates of people's noise ceiling, and of the share of it that classifiers reach."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr

from salcompare.findings import ceilings as terms
from salcompare.findings.analysis import NO_WORKERS, Analysis, Draws, overlap_forms
from salcompare.findings.controls import RANDOMISED
from salcompare.findings.failures import FAILURES, guarded, rows_or_reasons, undefined_row, without_value
from salcompare.findings.overlap import CENTRE, SAME_IMAGE, minus
from salcompare.findings.rows import Row, rows_of
from salcompare.naming import HUMAN, PRIMARY, SMOOTHED
from salcompare.statistics.ceilings.pooled import noise_ceiling, share_of_ceiling
from salcompare.statistics.overlaps.baselines import centre
from salcompare.statistics.overlaps.control_networks import PHOTOGRAPH
from salcompare.study_data import StudyData


def ceiling_rows(data: StudyData, *, sigma: float) -> tuple[list[Row], float]:
    """Estimate the noise ceiling of smoothed maps; give its row and its value, NaN where there is none."""
    if data.human is None:
        message = "ceilings need human maps"
        raise ValueError(message)
    key = {"form": SMOOTHED, "source": HUMAN, "sigma": sigma}
    if data.by_worker is None:
        return [without_value(NO_WORKERS, **{**terms.OF_RESPONSES.name, **key})], np.nan
    coverage = data.human["coverage"]
    rows, result = rows_or_reasons([terms.OF_RESPONSES], key, noise_ceiling, data.by_worker, data.images,
                                   size=(coverage.sizes["y"], coverage.sizes["x"]), sigma=sigma)
    return rows, np.nan if result is None else float(result["value"])


def share_rows(data: StudyData, source: str, *, sigma: float, scores: dict[str, xr.Dataset]) -> Iterator[Row]:
    """Estimate the share of the ceiling that a classifier reaches, and by how much a null reaches less.

    What `share_of_ceiling` says of the classifier beside the centred blob is put into `scores`, by source.
    """
    key = {"form": SMOOTHED, "sigma": sigma, "source": source, "against": HUMAN}
    if data.by_worker is None:
        yield without_value(NO_WORKERS, **{**terms.REACHED.name, **key, "contrast": SAME_IMAGE})
        return
    for null, maps in _nulls(data, source):
        try:
            shares = share_of_ceiling(data.by_worker, data.images, {
                null: maps, source: data.classifier_maps[source]["saliency"]}, sigma=sigma)
        except FAILURES as error:
            yield undefined_row(error, **{**terms.REACHED.name, **key,
                                          "contrast": SAME_IMAGE if null == CENTRE else minus(null)})
            continue
        of_both = shares["value"].sel(quantity="share", drop=True)
        if null == CENTRE:
            scores[source] = shares.sel(source=source, drop=True)
        of_source = shares.sel(source=source, drop=True).assign(
            null=of_both.sel(source=null, drop=True), one=of_both.sel(source=source, drop=True),
            other=of_both.sel(source=null, drop=True))
        for contrast, part, quantity in ((SAME_IMAGE, "score", terms.SCORED), (SAME_IMAGE, "share", terms.REACHED),
                                         (minus(null), "share above null", terms.ABOVE)):
            if null == CENTRE or contrast != SAME_IMAGE:
                yield from rows_of(of_source.sel(quantity=part, drop=True), quantity, {**key, "contrast": contrast})


def _nulls(data: StudyData, source: str) -> Iterator[tuple[str, xr.DataArray]]:
    """Give maps of a centred blob, and of random networks where there are any, by image."""
    yield CENTRE, centre(data.classifier_maps[source]["saliency"])
    random = data.get("controls", {}).get(source, {}).get(RANDOMISED)
    if random is not None:
        maps = random["saliency"]
        yield RANDOMISED, maps.assign_coords(image=maps[PHOTOGRAPH].to_numpy())


def estimates(analysis: Analysis) -> Iterator[tuple[list[Row], list[Draws]]]:
    """Estimate people's noise ceiling, and the share of it that classifiers reach."""
    data = analysis.data
    if data.human is None:
        return
    analysis.progress.say("  noise ceiling")
    sigma = overlap_forms(data.human.sizes["x"], analysis.maps)[1].sigma or 0
    rows, ceiling = ceiling_rows(data, sigma=sigma)
    analysis.shared["ceiling"], analysis.shared["scores"] = ceiling, {}
    yield rows, []
    for source in data.classifier_maps:
        yield list(guarded(share_rows(data, source, sigma=sigma, scores=analysis.shared["scores"]),
                           statistic=terms.SHARE, metric=PRIMARY, source=source)), []


def headlines(analysis: Analysis) -> Iterator[Row]:
    """Give the rows that the summary rests on: the ceiling, and the main classifier's share of it."""
    data = analysis.data
    if data.human is None or data.main is None:
        return
    sigma = overlap_forms(data.human.sizes["x"], analysis.maps)[1].sigma or 0
    rows, ceiling = ceiling_rows(data, sigma=sigma)
    analysis.shared["ceiling"], analysis.shared["scores"] = ceiling, {}
    yield from rows
    yield from share_rows(data, data.main, sigma=sigma, scores=analysis.shared["scores"])
