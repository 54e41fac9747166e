"""Cases of noise ceilings, shares of them, and intervals that cross workers with actors or images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from salcompare.simulation.cases import ALIKE, RESAMPLES, SIGMA, SIZES, TENDS, Case, Check, Outcome, covering
from salcompare.statistics.ceilings.between_workers import mean_ceiling, noise_ceiling
from salcompare.statistics.ceilings.resampled import resampled_overlap, share_of_ceiling

if TYPE_CHECKING:
    import numpy as np

    from salcompare.simulation.studies import SimulatedStudy

SPLITS = 10
CEILING = "noise ceiling, t over actors"
KINDS = {"actors": "same-image overlap, actors resampled",
         "workers and actors": "same-image overlap, workers crossed with actors"}
FIXED = {"images within actors": "same-image overlap, images within actors resampled",
         "workers and images within actors": "same-image overlap, workers crossed with images"}
SHARES = {"others' human maps": "share of the ceiling above others' human maps, workers crossed with actors",
          "zero": "share of the ceiling above zero, workers crossed with actors"}
SHARE_CEILING = "ceiling beside the share, workers crossed with actors"


def _ceiling(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    of_images = noise_ceiling(study.responses, study.images, size=study.scenario.grid, rng=rng, sigma=SIGMA,
                              n_splits=SPLITS)
    found = mean_ceiling(of_images)
    return {CEILING: covering(found[name].item() for name in ("value", "ci_low", "ci_high"))}


def _resampled(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    found = resampled_overlap(study.responses, study.images, study.saliency, rng=rng, sigma=SIGMA,
                              n_resamples=RESAMPLES)
    kinds, value = found["resampled"].to_numpy().tolist(), found["value"].item()
    low, high = found["ci_low"].to_numpy(), found["ci_high"].to_numpy()
    return {name: covering((value, low[kinds.index(kind)], high[kinds.index(kind)]))
            for kind, name in (KINDS | FIXED).items()}


def _share(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    found = share_of_ceiling(study.responses, study.images, study.saliency, rng=rng, sigma=SIGMA,
                             nulls=("others' human maps", "zero"), n_resamples=RESAMPLES)
    parts = [found[part].transpose("null", "quantity") for part in ("value", "ci_low", "ci_high")]
    shares = {name: covering(part.sel(null=null, quantity="share").item() for part in parts)
              for null, name in SHARES.items()}
    return shares | {SHARE_CEILING: covering(part.sel(null="zero", quantity="ceiling").item() for part in parts)}


_ALIKE = "What it tends to over many studies; actors do not differ, so that is the same for these actors."
CASES = (
    Case("noise_ceiling", _ceiling, (Check(CEILING, "interval", TENDS, SIZES),)),
    Case("resampled_overlap", _resampled, (
        *(Check(name, "interval", TENDS, SIZES) for name in KINDS.values()),
        *(Check(name, "interval", _ALIKE, (ALIKE,)) for name in FIXED.values()))),
    Case("share_of_ceiling", _share, (
        *(Check(name, "interval", TENDS, SIZES) for name in SHARES.values()),
        Check(SHARE_CEILING, "interval", TENDS, SIZES))),
)
