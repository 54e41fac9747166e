"""Cases of the labels that people give, and what of them is planned for."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from salcompare.simulation import cases
from salcompare.simulation.cases import Case, Check, Outcome, PlannedStatistic, Result
from salcompare.simulation.studies import SimulatedStudy, label_share
from salcompare.statistics.agreement import pairwise_agreement, worker_agreement
from salcompare.statistics.labels.differences import label_differences
from salcompare.statistics.labels.histogram import label_histogram, population_label_histogram

LABELS = ("eyes", "hairline")
"""A common label and a rarer one (6% of the responses)."""
OF_ACTOR = {label: f"share of '{label}' on one actor, logit t over workers" for label in LABELS}
OF_ALL = {label: f"share of '{label}' in the population, logit t over workers" for label in LABELS}
OMNIBUS, CELLS = "labels of actors, omnibus", "labels of actors, most extreme cell"
ALPHA = "agreement of workers (alpha), crossed t"
OF_SHOOTS = {"alpha": "agreement of workers (alpha), whole shoots resampled",
             "likeness": "likeness of two workers' labels, whole shoots resampled"}


def _actor(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:  # noqa: ARG001 - no draws
    images = study.images[study.images["actor"] == study.images["actor"].iloc[-1]]
    responses = study.responses[study.responses["image"].isin(images["image"])]
    table = label_histogram(responses, images, labels=LABELS).set_index("label")
    return {name: Result.of(table.loc[label], "share").interval(float(label_share(study, label)[-1]))
            for label, name in OF_ACTOR.items()}


def _population(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:  # noqa: ARG001 - no draws
    table = population_label_histogram(study.responses, study.images, labels=LABELS).set_index("label")
    return {name: Result.of(table.loc[label], "share").interval(float(label_share(study, label).mean()))
            for label, name in OF_ALL.items()}


def _differences(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    result = label_differences(study.responses, study.images, rng=rng, n_permutations=cases.DRAWS, labels=LABELS,
                               clusters="shoot" if "shoot" in study.images else None)
    return {OMNIBUS: Outcome(float(result["omnibus_p_value"])),
            CELLS: Outcome(float(np.nanmin(result["p_adjusted"].to_numpy())))}


def _alpha(study: SimulatedStudy, rng: np.random.Generator, draws: int) -> Result:
    return Result.of(worker_agreement(study.responses, study.images, rng=rng, n_resamples=draws), "alpha")


def _agreement_of_shoots(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    result = pairwise_agreement(study.responses, study.images, of="labels", rng=rng, clusters="shoot",
                                n_resamples=cases.RESAMPLES)
    return {name: Result.of(result.sel(quantity=quantity)).interval() for quantity, name in OF_SHOOTS.items()}


def _agreement(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    return {ALPHA: _alpha(study, rng, cases.RESAMPLES).interval()}


def _planned_share(study: SimulatedStudy, rng: np.random.Generator, draws: int) -> Result:  # noqa: ARG001 - no draws
    shares = population_label_histogram(study.responses, study.images)
    return Result.of(shares.iloc[int(shares["share"].argmax())], "share")


def _planned_omnibus(study: SimulatedStudy, rng: np.random.Generator, draws: int) -> Result:
    result = label_differences(study.responses, study.images, rng=rng, n_permutations=draws)
    return Result(float(result["omnibus_p_value"]), float(result["omnibus"]))


_NULLS = (cases.IMAGE, cases.UNEQUAL, cases.RAGGED_COUNTS, cases.FEW, cases.SHOOTS, *cases.UNBALANCED)
_UNBALANCED = (cases.RAGGED_COUNTS, cases.MANY_AND_FEW)
_TRUTH = "The share to be expected of any workers' responses to these images, from the model."
_NO_DIFFERENCE = "Actors do not differ in their labels; images, which do, are exchanged with all their responses."
CASES = (
    Case("label_histogram", _actor, tuple(
        Check(name, "interval", _TRUTH, (*cases.SIZES, *_UNBALANCED)) for name in OF_ACTOR.values())),
    Case("population_label_histogram", _population, tuple(
        Check(name, "interval", _TRUTH, (*cases.SIZES, cases.DEMO, *_UNBALANCED)) for name in OF_ALL.values())),
    Case("label_differences", _differences, (
        Check(OMNIBUS, "test", _NO_DIFFERENCE, _NULLS, (cases.PLANTED, cases.DEMO)),
        Check(CELLS, "test", f"{_NO_DIFFERENCE} The smallest adjusted p is that of the family.", _NULLS,
              (cases.DEMO,)))),
    Case("pairwise_agreement(clusters='shoot')", _agreement_of_shoots, tuple(
        Check(name, "interval", cases.TENDS, (cases.SHOOTS_UNPOSED,)) for name in OF_SHOOTS.values())),
    Case("worker_agreement", _agreement, (Check(ALPHA, "interval", cases.TENDS, cases.SIZES),)),
)
PLANNED = (
    PlannedStatistic("label-share", "", "population share of the most frequent label, over workers", False,
                     _planned_share),
    PlannedStatistic("label-differences", "actors differ in their shares of labels (whole images permuted)", "", False,
                     _planned_omnibus),
    PlannedStatistic("worker-agreement", "", "Krippendorff's alpha of the labels of an image", False, _alpha),
)
