"""Cases of noise ceilings, shares of them, and crossed intervals, and what of them is planned for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from salcompare.simulation import cases
from salcompare.simulation.cases import Case, Check, Outcome, PlannedStatistic, Result
from salcompare.statistics.ceilings.between_workers import mean_ceiling, noise_ceiling
from salcompare.statistics.ceilings.resampled import resampled_overlap, share_of_ceiling

if TYPE_CHECKING:
    import numpy as np

    from salcompare.simulation.studies import SimulatedStudy

SPLITS = 10
MOST_SPLITS = 50
"""Of a planned ceiling, however many draws are asked for."""
CEILING = "noise ceiling, t over actors"
KINDS = {"actors": "same-image overlap, actors resampled",
         "workers and actors": "same-image overlap, workers crossed with actors"}
FIXED = {"images within actors": "same-image overlap, images within actors resampled",
         "workers and images within actors": "same-image overlap, workers crossed with images"}
SHARES = {"others' human maps": "share of the ceiling above others' human maps, workers crossed with actors",
          "zero": "share of the ceiling above zero, workers crossed with actors"}
SHARE_CEILING = "ceiling beside the share, workers crossed with actors"


def _mean(study: SimulatedStudy, rng: np.random.Generator, *, sigma: float, n_splits: int) -> Result:
    return Result.of(mean_ceiling(noise_ceiling(study.responses, study.images, size=study.scenario.grid, rng=rng,
                                                sigma=sigma, n_splits=n_splits)))


def _ceiling(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    return {CEILING: _mean(study, rng, sigma=cases.SIGMA, n_splits=SPLITS).interval()}


def _planned_ceiling(study: SimulatedStudy, rng: np.random.Generator, draws: int) -> Result:
    return _mean(study, rng, sigma=cases.planned_sigma(study), n_splits=min(draws, MOST_SPLITS))


def _resampled(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    result = resampled_overlap(study.responses, study.images, study.saliency, rng=rng, sigma=cases.SIGMA,
                               n_resamples=cases.RESAMPLES)
    return {name: Result.of(result.sel(resampled=kind)).interval() for kind, name in (KINDS | FIXED).items()}


def _share(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    result = share_of_ceiling(study.responses, study.images, study.saliency, rng=rng, sigma=cases.SIGMA,
                              nulls=("others' human maps", "zero"), n_resamples=cases.RESAMPLES)
    shares = {name: Result.of(result.sel(null=null, quantity="share")).interval() for null, name in SHARES.items()}
    return shares | {SHARE_CEILING: Result.of(result.sel(null="zero", quantity="ceiling")).interval()}


def _planned_share(study: SimulatedStudy, rng: np.random.Generator, draws: int) -> Result:
    return Result.of(share_of_ceiling(study.responses, study.images, study.saliency, rng=rng,
                                      sigma=cases.planned_sigma(study), nulls=["zero"], n_resamples=draws,
                                      ).sel(null="zero", quantity="share"))


_ONE_TRUTH = "What it tends to over many studies; actors do not differ, so that is the same for these actors."
CASES = (
    Case("noise_ceiling", _ceiling, (Check(CEILING, "interval", cases.TENDS, cases.SIZES),)),
    Case("resampled_overlap", _resampled, (
        *(Check(name, "interval", cases.TENDS, cases.SIZES) for name in KINDS.values()),
        *(Check(name, "interval", _ONE_TRUTH, (cases.SAME_ACTORS,)) for name in FIXED.values()))),
    Case("share_of_ceiling", _share, (
        *(Check(name, "interval", cases.TENDS, cases.SIZES) for name in SHARES.values()),
        Check(SHARE_CEILING, "interval", cases.TENDS, cases.SIZES))),
)
PLANNED = (
    PlannedStatistic("ceiling", "", "noise ceiling of the correlation with people's maps", False, _planned_ceiling),
    PlannedStatistic("share-of-ceiling", "", "share of the noise ceiling that the correlation with people reaches",
                     True, _planned_share),
)
