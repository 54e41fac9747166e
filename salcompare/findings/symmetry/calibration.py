"""Cases of left-right symmetry, and what of it is planned for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import xarray as xr

from salcompare.simulation import cases
from salcompare.simulation.cases import Case, Check, Outcome, PlannedStatistic, Result
from salcompare.simulation.studies import SimulatedStudy, expected_laterality
from salcompare.statistics.inference.multiplicity import adjust_p
from salcompare.statistics.symmetries.pose import asymmetry_beyond_photographs, pose_association
from salcompare.statistics.symmetries.sides import asymmetry_test, common_laterality_test, worker_laterality

WORKERS, WORKERS_CI = "side of human maps, workers and actors", "laterality of human maps, crossed t over both"
SIDE_CLASSIFIER = "common side of classifier maps, laterality"
ODD_CLASSIFIER = "common side of classifier maps, odd energy"
SIDE_CLASSIFIER_CI = "laterality of classifier maps, t over actors"
ASYMMETRY, ASYMMETRY_FAMILY = "asymmetry of classifier maps", "asymmetry of single actors' maps, Holm over actors"
POSE, NO_POSE = "maps turn with the face", "maps turn with unrelated photographs"
YAW = "maps turn with the measured yaw"
BEYOND, BEYOND_YAW = "asymmetry beyond the photographs", "asymmetry beyond the photographs and the measured yaw"


def _side_of_people(study: SimulatedStudy, rng: np.random.Generator, draws: int) -> Result:
    return Result.of(worker_laterality(study.responses, study.images, size=study.scenario.grid, rng=rng,
                                       n_resamples=draws))


def _workers(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    result = _side_of_people(study, rng, cases.RESAMPLES)
    leaning = expected_laterality(study.scenario) if study.scenario.name == cases.LEFT else 0.0
    return {WORKERS: result.test, WORKERS_CI: result.interval(leaning)}


def _side_classifier(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    tests = common_laterality_test(study.saliency, rng=rng, n_permutations=cases.DRAWS)
    result = Result.of(tests)
    return {SIDE_CLASSIFIER: result.test, ODD_CLASSIFIER: Outcome(float(tests["odd_share_p_value"])),
            SIDE_CLASSIFIER_CI: result.interval(0.0)}


def _asymmetry(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    tests = asymmetry_test(study.saliency, rng=rng, n_permutations=cases.DRAWS)
    result, family = Result.of(tests), adjust_p(tests["actor_p_value"], "actor").to_numpy()
    return {ASYMMETRY: result.test, ASYMMETRY_FAMILY: Outcome(float(np.nanmin(family)))}


def _pose(name: str, faces: Callable[..., xr.DataArray], study: SimulatedStudy,
          rng: np.random.Generator) -> Mapping[str, Outcome]:
    result = pose_association(study.saliency, faces(study, rng), rng=rng, n_permutations=cases.DRAWS)
    return {name: Result.of(result).test}


def _beyond(name: str, study: SimulatedStudy, rng: np.random.Generator, *, yaw: bool = False) -> Mapping[str, Outcome]:
    result = asymmetry_beyond_photographs(
        study.saliency, cases.photographs(study, rng), rng=rng, n_components=2, n_permutations=cases.DRAWS,
        turn=cases.measured_yaw(study, rng) if yaw else None)
    return {name: Result.of(result).test}


_NO_SIDE = (cases.SHARED, cases.IMAGE, cases.RAGGED_COUNTS)
_MIRRORED = ("The face is symmetric and so is whatever moves it or changes it: an actor's maps are as likely as their "
             "mirror images.")
_LEANING = ("The face is symmetric: single workers lean to a side, in what they favour and where they put their boxes, "
            "and single actors do, but workers and actors as a whole do not.")
_LEFT_OVER = "What the pose leaves of a map is as likely as its mirror image."
_IMAGES = "Each image is as likely as its mirror image, independently of the actor's others."
CASES = (
    Case("common_laterality_test(classifier)", _side_classifier, (
        Check(SIDE_CLASSIFIER, "test", _MIRRORED, (*_NO_SIDE, cases.UNRELATED)),
        Check(ODD_CLASSIFIER, "test", _MIRRORED, (*_NO_SIDE, cases.UNRELATED)),
        Check(SIDE_CLASSIFIER_CI, "interval", "0.", cases.SIZES))),
    Case("worker_laterality", _workers, (
        Check(WORKERS, "test", _LEANING,
              (cases.SHARED, cases.IMAGE, cases.UNEQUAL, cases.RAGGED_COUNTS, cases.UNRELATED), (cases.LEFT,)),
        Check(WORKERS_CI, "interval", "0, or what the preference for the left leads to, with any workers and actors.",
              (*cases.SIZES, cases.LEFT)))),
    Case("asymmetry_test(classifier)", _asymmetry, (
        Check(ASYMMETRY, "test", _IMAGES, (cases.SHARED, cases.IMAGE, cases.UNEQUAL, cases.RAGGED_COUNTS),
              (cases.PLANTED, cases.UNRELATED)),
        Check(ASYMMETRY_FAMILY, "test", f"{_IMAGES} The smallest adjusted p is that of the family.", _NO_SIDE,
              discrete=True))),
    Case("pose_association(photographs)", partial(_pose, POSE, cases.photographs), (Check(
        POSE, "test", "Photographs do not differ in pose.", (cases.UNEQUAL,), (cases.DEMO,)),)),
    Case("pose_association(unrelated photographs)", partial(_pose, NO_POSE, cases.other_photographs), (Check(
        NO_POSE, "test", "Photographs have nothing to do with the maps.", (cases.IMAGE, cases.RAGGED_COUNTS)),)),
    Case("pose_association(measured yaw)", partial(_pose, YAW, cases.measured_yaw), (Check(
        YAW, "test", "Faces do not turn, so that their measured yaw is its error.", (cases.IMAGE, cases.RAGGED_COUNTS),
        (cases.TURNED,)),)),
    Case("asymmetry_beyond_photographs", partial(_beyond, BEYOND), (Check(
        BEYOND, "test", _LEFT_OVER, (cases.IMAGE, cases.RAGGED_COUNTS), (cases.PLANTED,)),)),
    Case("asymmetry_beyond_photographs(measured yaw)", partial(_beyond, BEYOND_YAW, yaw=True), (Check(
        BEYOND_YAW, "test", _LEFT_OVER, (cases.RAGGED_COUNTS, cases.TURNED), (cases.PLANTED,)),)),
)
PLANNED = (
    PlannedStatistic("worker-laterality", "people's heatmaps lean to one side (workers and actors resampled)",
                     "mean laterality of actors' human heatmaps", False, _side_of_people),
)
