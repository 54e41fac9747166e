"""Case of verification: the interval of the equal error rate, over people."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from salcompare.simulation import cases
from salcompare.simulation.cases import Case, Check, Outcome, PlannedStatistic, Result
from salcompare.simulation.studies import SimulatedStudy
from salcompare.statistics.verification import equal_error_interval, verification_scores

RATE = "equal error rate, jackknife over people"
_FEATURES, _APART, _SPREAD = 8, 1.6, 0.3  # of embeddings; people apart, and the log of how much theirs vary (SD)


def _verification(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    owner = study.truth.owner
    people = rng.normal(0, _APART, (study.scenario.n_actors, _FEATURES))
    spread = np.exp(rng.normal(0, _SPREAD, study.scenario.n_actors))
    values = people[owner] + spread[owner, None] * rng.standard_normal((len(owner), _FEATURES))
    scores = verification_scores(xr.DataArray(values, dims=("image", "feature"), coords={
        "image": study.images["image"].to_numpy(str), "actor": ("image", study.images["actor"].to_numpy(str))}))
    return {RATE: Result.of(equal_error_interval(scores)).interval()}


CASES = (
    Case("equal_error_interval", _verification, (Check(
        RATE, "interval", "What the rate tends to over many studies of other people, whose embeddings are normal about "
        "them, with spreads of their own.", (cases.RAGGED_COUNTS, *cases.SIZES[1:])),)),
)
PLANNED: tuple[PlannedStatistic, ...] = ()
