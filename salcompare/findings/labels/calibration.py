"""Cases of the labels that people give, and what of them is planned for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from salcompare.config import Simulation
from salcompare.maps import top_mask
from salcompare.simulation import cases, simulate_responses
from salcompare.simulation.cases import Case, Check, Outcome, PlannedStatistic, Result
from salcompare.simulation.studies import label_share
from salcompare.statistics.agreement import worker_agreement
from salcompare.statistics.labels.differences import label_differences
from salcompare.statistics.labels.histogram import label_histogram, population_label_histogram
from salcompare.statistics.labels.regions import region_association

if TYPE_CHECKING:
    from salcompare.simulation.studies import SimulatedStudy

LABELS = ("eyes", "hairline")
"""A common label and a rarer one (6% of the responses)."""
OF_ACTOR = {label: f"share of '{label}' on one actor, workers resampled" for label in LABELS}
OF_ALL = {label: f"share of '{label}' in the population, workers resampled" for label in LABELS}
OMNIBUS, CELLS = "labels of actors, omnibus", "labels of actors, most extreme cell"
CELL = "difference of one actor in 'eyes', t over images"
ALPHA = "agreement of workers (alpha), crossed t"
REGION, REGION_FAMILY = "masks in label regions, mean correlation", "masks in label regions, Holm over labels"
RAISED, RAISED_SHARE = "raised label of the demo's model, its cell", "raised label of the demo's model, share"
_SOME = 8  # actors of the demo's model that labels are raised on, to save time


def _actor(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    images = study.images[study.images["actor"] == study.images["actor"].iloc[0]]
    responses = study.responses[study.responses["image"].isin(images["image"])]
    table = label_histogram(responses, images, rng=rng, n_resamples=cases.RESAMPLES, labels=LABELS).set_index("label")
    return {name: Result.of(table.loc[label], "share").interval(float(label_share(study, label)[0]))
            for label, name in OF_ACTOR.items()}


def _population(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    table = population_label_histogram(study.responses, study.images, rng=rng, n_resamples=cases.RESAMPLES,
                                       labels=LABELS).set_index("label")
    return {name: Result.of(table.loc[label], "share").interval(float(label_share(study, label).mean()))
            for label, name in OF_ALL.items()}


def _differences(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    result = label_differences(study.responses, study.images, rng=rng, n_permutations=cases.DRAWS, labels=LABELS)
    expected = study.truth.label_shares["eyes"].to_numpy()
    cell = Result.of(result.isel(actor=0, label=0), "difference")
    return {OMNIBUS: Outcome(float(result["omnibus_p_value"])),
            CELLS: Outcome(float(np.nanmin(result["p_adjusted"].to_numpy()))),
            CELL: cell.interval(float(expected[0] - expected[1:].mean()))}


def _alpha(study: SimulatedStudy, rng: np.random.Generator, draws: int) -> Result:
    return Result.of(worker_agreement(study.responses, study.images, rng=rng, n_resamples=draws), "alpha")


def _agreement(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    return {ALPHA: _alpha(study, rng, cases.RESAMPLES).interval()}


def _regions(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    masks = top_mask(study.saliency, share=0.1)
    result = region_association(study.responses, study.images, masks, rng=rng, n_permutations=cases.DRAWS,
                                labels=LABELS)
    return {REGION: Outcome(float(result["mean_p_value"])),
            REGION_FAMILY: Outcome(float(np.nanmin(result["p_adjusted"].to_numpy())))}


def _raised(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    """Draw responses from the demo's own model, in which some actors have a label raised, and look for one of them."""
    images = study.images[study.truth.owner < _SOME]
    drawn = simulate_responses(images, Simulation(workers=120, per_image=20), seed=int(rng.integers(2**31)))
    truth: Any = drawn.truth
    planted = [effect for effect in truth["planted"] if effect["kind"] == "raised label"]
    if not planted:
        return {RAISED: Outcome(), RAISED_SHARE: Outcome()}
    actor, label = planted[0]["actor"], planted[0]["label"]
    cell = label_differences(drawn.table, images, rng=rng, n_permutations=cases.DRAWS).sel(actor=actor, label=label)
    table = label_histogram(drawn.table, images, rng=rng, n_resamples=cases.RESAMPLES).set_index(["actor", "label"])
    share = truth["actors"][actor]["label_share"][label]
    return {RAISED: Result.of(cell, "difference").test,
            RAISED_SHARE: Result.of(table.loc[(actor, label)], "share").interval(float(share))}


def _planned_share(study: SimulatedStudy, rng: np.random.Generator, draws: int) -> Result:
    shares = population_label_histogram(study.responses, study.images, rng=rng, n_resamples=draws)
    return Result.of(shares.iloc[int(shares["share"].argmax())], "share")


def _planned_omnibus(study: SimulatedStudy, rng: np.random.Generator, draws: int) -> Result:
    result = label_differences(study.responses, study.images, rng=rng, n_permutations=draws)
    return Result(float(result["omnibus_p_value"]), float(result["omnibus"]))


_NULLS = (cases.IMAGE, cases.UNEQUAL, cases.RAGGED_COUNTS, cases.FEW)
_TRUTH = "The share to be expected of any workers' responses to these images, from the model."
_NO_DIFFERENCE = "Actors do not differ in their labels; images, which do, are exchanged with all their responses."
CASES = (
    Case("label_histogram", _actor, tuple(Check(name, "interval", _TRUTH, cases.SIZES) for name in OF_ACTOR.values())),
    Case("population_label_histogram", _population, tuple(
        Check(name, "interval", _TRUTH, (*cases.SIZES, cases.DEMO)) for name in OF_ALL.values())),
    Case("label_differences", _differences, (
        Check(OMNIBUS, "test", _NO_DIFFERENCE, _NULLS, (cases.PLANTED, cases.DEMO)),
        Check(CELLS, "test", f"{_NO_DIFFERENCE} The smallest adjusted p is that of the family.", _NULLS, (cases.DEMO,)),
        Check(CELL, "interval", "The actor's expected share less the other actors' mean, from the model.",
              cases.SIZES))),
    Case("worker_agreement", _agreement, (Check(ALPHA, "interval", cases.TENDS, cases.SIZES),)),
    Case("region_association", _regions, (
        Check(REGION, "test", "The classifier treats actors without regard to the labels that people give them.",
              (cases.IMAGE, cases.RAGGED_COUNTS, cases.UNRELATED), (cases.PLANTED,)),
        Check(REGION_FAMILY, "test", "As before, for every label; the smallest adjusted p is that of the family.",
              (cases.IMAGE, cases.UNRELATED)))),
    Case("label_differences(demo's own model)", _raised, (
        Check(RAISED, "test", "A label raised by 0.2 of the responses on an actor of eight, with four images of twenty "
              "responses each; p of that one cell, without a family.", (), (cases.DEMO,)),
        Check(RAISED_SHARE, "interval", "The actor's planted share of the raised label.", (cases.DEMO,)))),
)
PLANNED = (
    PlannedStatistic("label-share", "", "population share of the most frequent label, workers resampled", False,
                     _planned_share),
    PlannedStatistic("label-differences", "actors differ in their shares of labels (whole images permuted)", "", False,
                     _planned_omnibus),
    PlannedStatistic("worker-agreement", "", "Krippendorff's alpha of the labels of an image", False, _alpha),
)
