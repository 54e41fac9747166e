"""Cases of the variance between actors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from salcompare.planning.calibration import Case, Check, Outcome, covering
from salcompare.planning.calibration_scenarios import (
    DEMO,
    NO_ACTOR_EFFECT,
    PLANTED,
    SHOOTS,
    SIZES,
    UNRELATED,
)
from salcompare.planning.cases.truths import between_actor_share
from salcompare.statistics import variance_explained

if TYPE_CHECKING:
    from salcompare.planning.generate import SimulatedStudy

DRAWS = 199
"""Permutations of a test: p = 0.05 is then among the values it can take, so that a test can be exact."""
FREE = "R² of classifier maps, free permutation"
FREE_HUMAN = "R² of human maps, free permutation"
SHOOT = "R² of classifier maps, shoots permuted whole"
GROUP = "R² by group, actors permuted whole"
SHARE = "between-actor share of human maps, image jackknife"


def _free(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    return {FREE: Outcome(float(variance_explained(study.saliency, rng=rng, n_permutations=DRAWS)["p_value"]))}


def _human(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    found = variance_explained(study.human["coverage"], rng=rng, n_permutations=DRAWS)
    truth = between_actor_share(study) if study.scenario.name in SIZES else float("nan")
    return {FREE_HUMAN: Outcome(float(found["p_value"])), SHARE: covering(
        (found[name].item() for name in ("between_actor_share", "ci_low", "ci_high")), truth=truth)}


def _shoots(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    found = variance_explained(study.saliency, rng=rng, n_permutations=DRAWS, clusters="shoot")
    return {SHOOT: Outcome(float(found["p_value"]))}


def _groups(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    found = variance_explained(study.saliency, "group", rng=rng, n_permutations=DRAWS, clusters="actor")
    return {GROUP: Outcome(float(found["p_value"]))}


_SAME = "the maps' distribution is the same for all actors, so images can be exchanged among them"
VARIANCE_CASES = (
    Case("variance_explained(classifier)", _free, (Check(
        FREE, "test", f"No actor effect: {_SAME}.", NO_ACTOR_EFFECT, (PLANTED, DEMO)),)),
    Case("variance_explained(human)", _human, (
        Check(FREE_HUMAN, "test", f"No actor effect: {_SAME}.", NO_ACTOR_EFFECT, (PLANTED, DEMO)),
        Check(SHARE, "interval", "The variance between these actors' expected maps over that plus the variance within, "
              "from the model.", SIZES))),
    Case("variance_explained(clusters='shoot')", _shoots, (Check(
        SHOOT, "test", "No actor effect; images of a shoot are alike, so shoots are exchanged whole.", (SHOOTS,)),)),
    Case("variance_explained(by='group', clusters='actor')", _groups, (Check(
        GROUP, "test", "Groups do not differ though actors do; actors are exchanged whole.", (UNRELATED,)),)),
)
