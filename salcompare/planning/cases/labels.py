"""Cases of the labels that people give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from salcompare.planning.calibration import Case, Check, Outcome, covering
from salcompare.planning.calibration_scenarios import SIZES
from salcompare.planning.cases.truths import label_share
from salcompare.statistics import label_histogram, population_label_histogram

if TYPE_CHECKING:
    import numpy as np

    from salcompare.planning.generate import SimulatedStudy

RESAMPLES = 199
_ENDS = ["share", "ci_low", "ci_high"]
LABELS = ("eyes", "hairline")
"""A common label and a rare one (6% of the responses)."""
OF_ACTOR = {label: f"share of '{label}' on one actor, workers resampled" for label in LABELS}
OF_ALL = {label: f"share of '{label}' in the population, workers resampled" for label in LABELS}


def _actor(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    actor = study.images["actor"].iloc[0]
    images = study.images[study.images["actor"] == actor]
    responses = study.responses[study.responses["image"].isin(images["image"])]
    table = label_histogram(responses, images, rng=rng, n_resamples=RESAMPLES, labels=LABELS).set_index("label")
    return {name: covering(table.loc[label, _ENDS], truth=float(label_share(study, label)[0]))
            for label, name in OF_ACTOR.items()}


def _population(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    table = population_label_histogram(study.responses, study.images, rng=rng, n_resamples=RESAMPLES,
                                       labels=LABELS).set_index("label")
    return {name: covering(table.loc[label, _ENDS], truth=float(label_share(study, label).mean()))
            for label, name in OF_ALL.items()}


_TRUTH = "The share to be expected of any workers' responses to these images, from the model."
LABEL_CASES = (
    Case("label_histogram", _actor, tuple(Check(name, "interval", _TRUTH, SIZES) for name in OF_ACTOR.values())),
    Case("population_label_histogram", _population, tuple(
        Check(name, "interval", _TRUTH, SIZES) for name in OF_ALL.values())),
)
