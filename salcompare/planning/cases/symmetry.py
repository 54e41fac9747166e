"""Cases of left-right symmetry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from salcompare.planning.calibration import Case, Check, Outcome, covering
from salcompare.planning.calibration_scenarios import SIZES
from salcompare.planning.cases.variance import DRAWS
from salcompare.statistics import odd_share_difference

if TYPE_CHECKING:
    from salcompare.planning.generate import SimulatedStudy

ODD = "odd share of people minus classifier, t over actors"


def _odd(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    found = odd_share_difference(study.human["coverage"], study.saliency, rng=rng, n_permutations=DRAWS)
    return {ODD: covering(found[name].item() for name in ("value", "ci_low", "ci_high"))}


SYMMETRY_CASES = (
    Case("odd_share_difference", _odd, (Check(
        ODD, "interval", "What the difference tends to over many studies of other actors.", SIZES),)),
)
