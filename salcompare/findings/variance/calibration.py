"""Cases of the variance between actors, and what of it is planned for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import xarray as xr

from salcompare.simulation import cases
from salcompare.simulation.cases import Case, Check, Outcome, PlannedStatistic, Result
from salcompare.simulation.studies import SimulatedStudy, between_actor_share, population_share, tends_to
from salcompare.statistics.confounding import shared_workers
from salcompare.statistics.kernels import Values
from salcompare.statistics.variance.components import (
    RESPONSE_COMPONENTS,
    response_variance_components,
    variance_components,
)
from salcompare.statistics.variance.dispersion import dispersion_test
from salcompare.statistics.variance.explained import variance_explained

F2, F2_HUMAN = "R² of classifier maps (F2)", "R² of human maps (F2)"
FREE, FREE_HUMAN = "R² of classifier maps, free permutation", "R² of human maps, free permutation"
SHOOT = "R² of classifier maps, shoots permuted whole (F2)"
MODES = "R² of four actors that vary along one mode each (F2)"
GROUP = "R² by group, actors permuted whole (F2)"
WORKERS = "workers at random (shared workers)"
SHARE = "between-actor share of human maps, image jackknife"
PAIRS = "equal spread of actors, disjoint pairs"
COMPONENT = "between-actor share of human maps, jackknife over actors"
OF_RESPONSES = {"actor": "actors' share of the variance of boxes, actors and workers",
                "worker": "workers' share of the variance of boxes, actors and workers"}


def _r2(maps: xr.DataArray, rng: np.random.Generator, draws: int) -> Result:
    return Result.of(variance_explained(maps, rng=rng, n_permutations=draws), "between_actor_share")


def _r2_of_people(study: SimulatedStudy, rng: np.random.Generator, draws: int) -> Result:
    return _r2(study.human["coverage"], rng, draws)


def _r2_of_classifier(study: SimulatedStudy, rng: np.random.Generator, draws: int) -> Result:
    return _r2(study.saliency, rng, draws)


def _of_classifier(name: str, study: SimulatedStudy, rng: np.random.Generator,
                   **options: object) -> Mapping[str, Outcome]:
    test: Callable[..., xr.Dataset] = variance_explained
    result = test(study.saliency, rng=rng, n_permutations=cases.DRAWS, **options)
    return {name: Result.of(result).test, FREE: Outcome(float(result["p_value_free"]))}


def _human(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    result = variance_explained(study.human["coverage"], rng=rng, n_permutations=cases.DRAWS)
    sharing = shared_workers(study.responses, study.images, rng=rng, n_permutations=cases.DRAWS)
    tests = {F2_HUMAN: "p_value", FREE_HUMAN: "p_value_free"}  # as a report prints them: not where workers are actors'
    shown = {name: Outcome(cases.NAN if sharing.attrs["confounded"] else float(result[p])) for name, p in tests.items()}
    truth = between_actor_share(study) if study.scenario.name in cases.SIZES else cases.NAN
    return {**shown, SHARE: Result.of(result, "between_actor_share").interval(truth),
            WORKERS: Outcome(float(sharing["p_value"]))}


def _of_few_modes(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    maps, owner = cases.smooth_noise(study, rng), study.truth.owner
    for actor in range(study.scenario.n_actors - 4, study.scenario.n_actors):
        images = np.flatnonzero(owner == actor)
        maps[images] = rng.standard_normal((len(images), 1, 1)) * maps[images[0]].to_numpy()
    p = _r2(maps, rng, cases.DRAWS).p
    return {MODES: Outcome(1.0 if np.isnan(p) else p)}


def _spread(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    result = dispersion_test(study.saliency, rng=rng, n_permutations=cases.DRAWS)
    return {PAIRS: Result.of(result).test}


def _components(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:  # noqa: ARG001
    result = variance_components(study.human["coverage"]).sel(component="actor", resampled="actors")
    return {COMPONENT: Result.of(result, "share").interval(population_share(study.scenario))}


def _of_responses(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:  # noqa: ARG001
    result = response_variance_components(study.responses, study.images, size=study.scenario.grid)
    variances = tends_to(cases.largest(study.scenario), _variances, 60)
    truth = dict(zip(RESPONSE_COMPONENTS, variances / variances.sum(), strict=True))
    return {name: Result.of(result.sel(resampled="actors and workers", component=component), "share").interval(
        float(truth[component])) for component, name in OF_RESPONSES.items()}


def _variances(study: SimulatedStudy) -> Values:
    result = response_variance_components(study.responses, study.images, size=study.scenario.grid)
    return np.asarray(result["variance"], float)


_NULL = "No actor effect: what is expected of the maps is the same for all actors."
_FREELY = f"No actor effect: {cases.SAME}."
_EVEN = (cases.SHARED, cases.IMAGE, cases.FEW)
CASES = (
    Case("variance_explained(classifier)", partial(_of_classifier, F2), (
        Check(F2, "test", _NULL, cases.NO_ACTOR_EFFECT, (cases.PLANTED, cases.DEMO)),
        Check(FREE, "test", _FREELY, _EVEN, (cases.PLANTED, cases.DEMO)))),
    Case("variance_explained(human)", _human, (
        Check(F2_HUMAN, "test", f"{_NULL} Where workers are confounded with actors there is no test.",
              (*cases.NO_ACTOR_EFFECT, cases.POOLS), (cases.PLANTED, cases.DEMO)),
        Check(FREE_HUMAN, "test", _FREELY, _EVEN, (cases.PLANTED, cases.DEMO)),
        Check(WORKERS, "test", "Workers respond to images whoever is shown.", (cases.IMAGE, cases.RAGGED_COUNTS,
              cases.MANY_AND_FEW), (cases.POOLS,)),
        Check(SHARE, "interval", "The variance between these actors' expected maps over that plus the variance within, "
              "from the model.", cases.SIZES))),
    Case("variance_explained(clusters='shoot')", partial(_of_classifier, SHOOT, clusters="shoot"), (
        Check(SHOOT, "test", "No actor effect; images of a shoot are alike, so shoots are exchanged whole.",
              (cases.FOUR_SHOOTS,)),)),
    Case("variance_explained(few modes)", _of_few_modes, (
        Check(MODES, "test", "No actor effect: smooth noise, the last four actors' along one mode each. A test that is "
              "refused counts as one that does not reject.", (cases.SHARED, cases.SPREAD_FEWEST), discrete=True),)),
    Case("variance_explained(by='group', clusters='actor')",
         partial(_of_classifier, GROUP, by="group", clusters="actor"), (
        Check(GROUP, "test", "Groups do not differ though actors do; actors are exchanged whole.",
              (cases.UNRELATED,)),)),
    Case("dispersion_test", _spread, (
        Check(PAIRS, "test", "Images of all actors vary alike about their actor's expected map. Distances within "
              "disjoint pairs are exchanged, which is exact.",
              (cases.IMAGE, cases.RAGGED_COUNTS, cases.FEW, cases.MANY_AND_FEW), (cases.UNEQUAL,)),)),
    Case("variance_components", _components, (Check(
        COMPONENT, "interval", "The share among all actors that could be drawn, from the model.", cases.SIZES),)),
    Case("response_variance_components", _of_responses, tuple(
        Check(name, "interval", cases.FROM_BOXES, cases.SIZES) for name in OF_RESPONSES.values())),
)
_BETWEEN = "share of the maps' variance that lies between actors"
PLANNED = (
    PlannedStatistic("r2-people", "people's maps of one actor are alike (R², by its F2)",
                     f"{_BETWEEN}, people's", False, _r2_of_people),
    PlannedStatistic("r2-classifier", "the classifier's maps of one actor are alike (R², by its F2)",
                     f"{_BETWEEN}, the classifier's", True, _r2_of_classifier),
)
