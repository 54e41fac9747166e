"""Cases of the noise ceiling and of shares of it, and what of them is planned for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from salcompare.simulation import cases
from salcompare.simulation.cases import Case, Check, Outcome, PlannedStatistic, Result
from salcompare.simulation.preferences import stream
from salcompare.simulation.studies import simulate_study
from salcompare.statistics.ceilings.pooled import noise_ceiling, share_of_ceiling
from salcompare.statistics.overlaps.baselines import centre

if TYPE_CHECKING:
    import xarray as xr

    from salcompare.simulation.scenario import Scenario
    from salcompare.simulation.studies import SimulatedStudy

CEILING = "noise ceiling, jackknife over workers and actors"
SCORE, SHARE, ABOVE = (f"{name}, jackknife over workers and actors" for name in (
    "overlap pooled over images", "share of the ceiling", "share of the ceiling above a centred blob's"))
PARTS = {SCORE: "score", SHARE: "share", ABOVE: "share above null"}
STUDIES = 400
"""Simulated studies whose boxes and maps the parameters are taken from."""
_TRUTH = f"What it tends to over endlessly many actors and workers, from the boxes of {STUDIES} other studies."
_SCENARIOS = (*cases.SIZES, cases.IMAGE, cases.RAGGED_COUNTS, cases.MANY_AND_FEW, cases.POOLS)


def _of(study: SimulatedStudy, sigma: float) -> tuple[xr.Dataset, xr.Dataset]:
    ceiling = noise_ceiling(study.responses, study.images, size=study.scenario.grid, sigma=sigma)
    shares = share_of_ceiling(study.responses, study.images, {"blob": centre(study.saliency), "map": study.saliency},
                              sigma=sigma)
    return ceiling, shares.sel(source="map").assign(null_cross=shares["cross"].sel(source="blob", drop=True))


def _outcomes(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:  # noqa: ARG001
    ceiling, shares = _of(study, cases.SIGMA)
    results = {CEILING: ceiling, **{name: shares.sel(quantity=part) for name, part in PARTS.items()}}
    return {name: Result.of(result).interval(truth)
            for (name, result), truth in zip(results.items(), _truths(study.scenario), strict=True)}


@cache
def _truths(scenario: Scenario) -> tuple[float, ...]:
    """Ceiling, score, share and share above the blob's, from the mean parts of many studies."""
    parts = []
    for run in range(STUDIES):
        shares = _of(simulate_study(scenario, rng=stream(0, "ceiling", scenario.name, str(run))), cases.SIGMA)[1]
        parts.append([shares["products"], shares["energy"], shares["null_cross"], shares["cross"]])
    products, energy, blob, cross = np.mean(np.array(parts, float), axis=0)
    share = cross / np.sqrt(products)
    return np.sqrt(products / energy), cross / np.sqrt(energy), share, share - blob / np.sqrt(products)


def _planned_ceiling(study: SimulatedStudy, rng: np.random.Generator, draws: int) -> Result:  # noqa: ARG001
    return Result.of(noise_ceiling(study.responses, study.images, size=study.scenario.grid,
                                   sigma=cases.planned_sigma(study)))


def _planned_share(study: SimulatedStudy, rng: np.random.Generator, draws: int) -> Result:  # noqa: ARG001
    return Result.of(_of(study, cases.planned_sigma(study))[1].sel(quantity="share"))


CASES = (Case("noise_ceiling", _outcomes, tuple(
    Check(name, "interval", _TRUTH, _SCENARIOS) for name in (CEILING, *PARTS))),)
PLANNED = (
    PlannedStatistic("ceiling", "", "noise ceiling of the correlation with people's maps", False, _planned_ceiling),
    PlannedStatistic("share-of-ceiling", "", "share of the noise ceiling that the correlation with people reaches",
                     True, _planned_share),
)
