"""Cases of the noise ceiling and of shares of it, and what of them is planned for."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from salcompare.simulation import cases
from salcompare.simulation.cases import Case, Check, Outcome, PlannedStatistic, Result
from salcompare.simulation.studies import SimulatedStudy, tends_to
from salcompare.statistics.ceilings.pooled import QUANTITIES, noise_ceiling, share_of_ceiling
from salcompare.statistics.kernels import Values
from salcompare.statistics.overlaps.baselines import centre

CEILING = "noise ceiling, jackknife over workers and actors"
SCORE, SHARE, ABOVE, MEAN, LESS = (f"{name}, jackknife over workers and actors" for name in (
    "overlap pooled over images", "share of the ceiling", "share of the ceiling above a centred blob's",
    "same-image overlap", "overlap minus a centred blob's"))
PARTS = dict(zip((SCORE, SHARE, ABOVE, MEAN, LESS), QUANTITIES, strict=True))
_SCENARIOS = (*cases.SIZES, cases.SHARED, cases.IMAGE, cases.RAGGED_COUNTS, cases.MANY_AND_FEW, cases.POOLS)
_MEANS_IN = (*cases.SIZES, cases.SHARED, cases.RAGGED_COUNTS)


def _of(study: SimulatedStudy, sigma: float) -> xr.Dataset:
    return share_of_ceiling(study.responses, study.images, {"blob": centre(study.saliency), "map": study.saliency},
                            sigma=sigma)


def _parts(study: SimulatedStudy) -> Values:
    shares = _of(study, cases.SIGMA)
    means = shares["value"].sel(source="map", quantity=[PARTS[MEAN], PARTS[LESS]])
    return np.array([shares["products"], shares["energy"], *shares["cross"], *means], float)


def _outcomes(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:  # noqa: ARG001
    shares = _of(study, cases.SIGMA)
    products, energy, blob, cross, mean, less = tends_to(cases.largest(study.scenario), _parts)
    share = cross / np.sqrt(products)
    above = share - blob / np.sqrt(products)
    truths = {SCORE: cross / np.sqrt(energy), SHARE: share, ABOVE: above, MEAN: mean, LESS: less}
    ceiling = Outcome(cases.NAN, *(float(shares[f"ceiling{part}"]) for part in ("", "_ci_low", "_ci_high")))
    of_map = {name: shares.sel(source="map", quantity=part) for name, part in PARTS.items()}
    return {CEILING: ceiling._replace(truth=np.sqrt(products / energy)),
            **{name: Result.of(one).interval(truths[name]) for name, one in of_map.items()}}


def _planned_ceiling(study: SimulatedStudy, rng: np.random.Generator, draws: int) -> Result:  # noqa: ARG001
    return Result.of(noise_ceiling(study.responses, study.images, size=study.scenario.grid,
                                   sigma=cases.planned_sigma(study)))


def _planned_share(study: SimulatedStudy, rng: np.random.Generator, draws: int) -> Result:  # noqa: ARG001
    return Result.of(_of(study, cases.planned_sigma(study)).sel(source="map", quantity="share"))


CASES = (Case("noise_ceiling", _outcomes, tuple(
    Check(name, "interval", cases.FROM_BOXES, _MEANS_IN if name in (MEAN, LESS) else _SCENARIOS)
    for name in (CEILING, *PARTS))),)
PLANNED = (
    PlannedStatistic("ceiling", "", "noise ceiling of the correlation with people's maps", False, _planned_ceiling),
    PlannedStatistic("share-of-ceiling", "", "share of the noise ceiling that the correlation with people reaches",
                     True, _planned_share),
)
