"""Cases of unique agreement and of equivalence, and what of it is planned for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np

from salcompare.simulation import cases
from salcompare.simulation.cases import Case, Check, Outcome, PlannedStatistic, Result
from salcompare.simulation.preferences import stream
from salcompare.simulation.scenario import Scenario
from salcompare.simulation.studies import SimulatedStudy, simulate_study
from salcompare.statistics.inference.differences import equivalence
from salcompare.statistics.inference.resampling import actor_means
from salcompare.statistics.overlaps.unique import (
    Registered,
    agreement_beyond,
    registered,
    unique_agreement,
    unique_ceiling,
    unique_values,
)

UNIQUE, UNIQUE_CI = "unique agreement, sign flips", "unique agreement, t over actors"
NULL_CI = "unique agreement where there is none, t over actors"
MARGIN, NONE = "equivalence at the smallest effect of interest", "equivalence of two classifiers of one model"
_SHARE = 0.2  # of the ceiling, as a study's default
_MANY = 40  # studies that a scenario's parameter is the mean of


def _registered(study: SimulatedStudy, rng: np.random.Generator) -> Registered:
    return registered(study.human["coverage"], cases.photographs(study, rng), cases.landmarks(study, rng),
                      sigma=cases.SIGMA)


def _unique(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    shared = _registered(study, rng)
    result = Result.of(agreement_beyond(shared, study.saliency, rng=rng, n_permutations=cases.DRAWS))
    planted = study.scenario.shared_image > 0
    return {UNIQUE: result.test, UNIQUE_CI: result.interval(_parameter(study.scenario) if planted else 0.0),
            NULL_CI: result.interval(0.0)}


@cache
def _parameter(scenario: Scenario) -> float:
    """Average unique agreement over other studies of the scenario: its expectation, of which each study is a draw."""
    values = []
    for run in range(_MANY * max(1, 40 // scenario.n_actors)):
        rng = stream(0, "unique", scenario.name, str(run))
        study = simulate_study(scenario, rng=rng)
        shared = _registered(study, rng)
        values.append(float(actor_means(unique_values(shared, study.saliency))["value"].mean()))
    return float(np.mean(values))


def _equivalence(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    """Compare two classifiers of one model, as they are and with the first raised by the smallest effect."""
    shared = _registered(study, rng)
    one, other = (actor_means(unique_values(shared, maps))["value"]
                  for maps in (study.saliency, cases.another_classifier(study, rng)))
    smallest = _SHARE * float(unique_ceiling(shared, study.responses, study.images)["ceiling"])
    return {name: Outcome(float(equivalence(one - other + more, smallest=smallest)["p_equivalence"]))
            for name, more in ((MARGIN, smallest), (NONE, 0.0))}


def _planned(study: SimulatedStudy, rng: np.random.Generator, draws: int) -> Result:
    return Result.of(unique_agreement(study.human["coverage"], study.saliency, cases.photographs(study, rng),
                                      cases.landmarks(study, rng), sigma=cases.planned_sigma(study), rng=rng,
                                      n_permutations=draws))


_NOTHING = ("People and classifier share the face, its pose and the photograph's edges in an image, and nothing else; "
            "the face is registered by simulated landmarks, which err by a hundredth of the photograph.")
_NULLS = (*cases.NO_ACTOR_EFFECT, cases.POSED, cases.TURNED, cases.SHOOTS, cases.SHOOTS_UNPOSED, cases.POOLS,
          cases.UNRELATED)
CASES = (
    Case("unique_agreement", _unique, (
        Check(UNIQUE, "test", _NOTHING, _NULLS, (cases.PLANTED, cases.SIZES[3]), discrete=True),
        Check(NULL_CI, "interval", f"0: {_NOTHING[0].lower()}{_NOTHING[1:]}", tuple(
            name for name in _NULLS if name != cases.FEW)),
        Check(UNIQUE_CI, "interval", "Its mean over many other studies of the same model, simulated once.",
              cases.SIZES[1:]))),
    Case("equivalence", _equivalence, (
        Check(MARGIN, "test", "The difference of two classifiers of one model, raised by the smallest effect of "
              "interest: its expectation is no smaller than that.", (cases.IMAGE, *cases.UNBALANCED)),
        Check(NONE, "test", "What the test must find where two classifiers are of one model.", (), (
            cases.IMAGE, cases.PLANTED, cases.SIZES[3])))),
)
PLANNED = (
    PlannedStatistic("unique-agreement", "people and the classifier agree in an image beyond what all faces share",
                     "correlation of residuals, beyond centre, edges and the mean human map", True, _planned),
)
