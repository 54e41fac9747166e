"""The statistics whose power or precision can be planned: each as the report computes it, on a simulated study."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import xarray as xr

from salcompare.config import Maps
from salcompare.errors import InputError, Problem
from salcompare.maps import smooth
from salcompare.simulation.studies import SimulatedStudy
from salcompare.statistics import (
    centre,
    mean_ceiling,
    noise_ceiling,
    odd_share_difference,
    other_actors_mean,
    overlap,
    overlap_tests,
    paired_differences,
    population_label_histogram,
    share_of_ceiling,
    variance_explained,
    worker_laterality,
)
from salcompare.statistics.agreement import worker_agreement
from salcompare.statistics.labels.differences import label_differences
from salcompare.statistics.overlaps.actor_similarity import actor_similarity
from salcompare.statistics.relative.pixelwise import relative_test

NAN = float("nan")
PRIMARY = "pearson"
SIGMA = Maps().sigma
"""Of the Gaussian that smooths maps for overlap, as a share of the grid's width: the default of study.toml."""


class Result(NamedTuple):
    """What a statistic says of one study; NaN where it gives no p, no interval, or is undefined."""

    p: float = NAN
    value: float = NAN
    low: float = NAN
    high: float = NAN


@dataclass(frozen=True)
class PlannedStatistic:
    """A statistic that a study can be planned for.

    Attributes
    ----------
    name : str
        As the command line names it.
    tests : str
        What its p-value tests; empty where it has none.
    estimates : str
        What its 95% interval is about; empty where it has none.
    classifier : bool
        Whether it needs a classifier's maps.
    function : callable
        Given a study, random numbers and how many permutations or resamples to draw.
    """

    name: str
    tests: str
    estimates: str
    classifier: bool
    function: Callable[[SimulatedStudy, np.random.Generator, int], Result]

    @property
    def described(self) -> str:
        """The name with what it tests and estimates, in a few lines."""
        lines = [f"tests that {self.tests}"] * bool(self.tests) + [f"interval: {self.estimates}"] * bool(self.estimates)
        return "\n    ".join([self.name, *lines])


def planned_statistic(name: str) -> PlannedStatistic:
    """Find a statistic by its name.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    if name not in STATISTICS:
        raise InputError(Problem("--statistic", repr(name), "one of " + ", ".join(STATISTICS)))
    return STATISTICS[name]


def _r2_people(study: SimulatedStudy, rng: np.random.Generator, draws: int) -> Result:
    return _r2(study.human["coverage"], rng, draws)


def _r2_classifier(study: SimulatedStudy, rng: np.random.Generator, draws: int) -> Result:
    return _r2(study.saliency, rng, draws)


def _r2(maps: xr.DataArray, rng: np.random.Generator, draws: int) -> Result:
    found = variance_explained(maps, rng=rng, n_permutations=draws)
    return _result(found["p_value"], found["between_actor_share"], found["ci_low"], found["ci_high"])


def _relative(study: SimulatedStudy, rng: np.random.Generator, draws: int) -> Result:
    found = relative_test(study.human["coverage"], sigma=_sigma(study), rng=rng, n_permutations=draws)
    return _result(found["p_actor"].min(), abs(found["t"]).max(), NAN, NAN)


def _effect(contrast: str) -> Callable[[SimulatedStudy, np.random.Generator, int], Result]:
    def measure(study: SimulatedStudy, rng: np.random.Generator, draws: int) -> Result:
        """Test the overlap's contrast in one simulated study."""
        tests = overlap_tests(study.human["coverage"], study.saliency, metric=PRIMARY, sigma=_sigma(study), rng=rng,
                              n_permutations=draws, n_resamples=1).sel(contrast=contrast)
        return _tested(tests)

    return measure


def _against(baseline: Callable[[xr.DataArray], xr.DataArray],
             ) -> Callable[[SimulatedStudy, np.random.Generator, int], Result]:
    def measure(study: SimulatedStudy, rng: np.random.Generator, draws: int) -> Result:
        """Test the overlap's difference to the baseline's in one simulated study."""
        coverage = study.human["coverage"]
        own, other = (overlap(coverage, maps, metrics=[PRIMARY], sigma=_sigma(study))
                      for maps in (study.saliency, baseline(coverage)))
        found = paired_differences(own, other, rng=rng, n_permutations=draws).sel(metric=PRIMARY)
        return _tested(found)

    return measure


def _laterality(study: SimulatedStudy, rng: np.random.Generator, draws: int) -> Result:
    return _tested(worker_laterality(study.responses, study.images, size=study.scenario.grid, rng=rng,
                                     n_resamples=draws))


def _ceiling(study: SimulatedStudy, rng: np.random.Generator, draws: int) -> Result:
    ceiling = mean_ceiling(noise_ceiling(study.responses, study.images, size=study.scenario.grid, rng=rng,
                                         sigma=_sigma(study), n_splits=min(draws, 50)))
    return _result(NAN, ceiling["value"], ceiling["ci_low"], ceiling["ci_high"])


def _label_share(study: SimulatedStudy, rng: np.random.Generator, draws: int) -> Result:
    shares = population_label_histogram(study.responses, study.images, rng=rng, n_resamples=draws)
    top = shares.iloc[int(shares["share"].argmax())]
    return _result(NAN, top["share"], top["ci_low"], top["ci_high"])


def _label_differences(study: SimulatedStudy, rng: np.random.Generator, draws: int) -> Result:
    found = label_differences(study.responses, study.images, rng=rng, n_permutations=draws)
    return _result(found["omnibus_p_value"], found["omnibus"], NAN, NAN)


def _agreement(study: SimulatedStudy, rng: np.random.Generator, draws: int) -> Result:
    found = worker_agreement(study.responses, study.images, rng=rng, n_resamples=draws)
    return _result(NAN, found["alpha"], found["ci_low"], found["ci_high"])


def _odd_share(study: SimulatedStudy, rng: np.random.Generator, draws: int) -> Result:
    one, other = (smooth(maps, sigma=_sigma(study)) for maps in (study.human["coverage"], study.saliency))
    return _tested(odd_share_difference(one, other, rng=rng, n_permutations=draws))


def _similarity(study: SimulatedStudy, rng: np.random.Generator, draws: int) -> Result:
    return _tested(actor_similarity(study.human["coverage"], study.saliency, rng=rng, sigma=_sigma(study),
                                    n_permutations=draws))


def _share_of_ceiling(study: SimulatedStudy, rng: np.random.Generator, draws: int) -> Result:
    found = share_of_ceiling(study.responses, study.images, study.saliency, rng=rng, sigma=_sigma(study),
                             nulls=["zero"], n_resamples=draws).sel(null="zero", quantity="share")
    return _result(NAN, found["value"], found["ci_low"], found["ci_high"])


def _tested(found: xr.Dataset) -> Result:
    return _result(found["p_value"], found["value"], found["ci_low"], found["ci_high"])


def _sigma(study: SimulatedStudy) -> float:
    return SIGMA * study.scenario.grid[1]


def _result(p: object, value: object, low: object, high: object) -> Result:
    return Result(*(float(np.asarray(number)) for number in (p, value, low, high)))


_SHARE = "share of the maps' variance that lies between actors"
STATISTICS: Mapping[str, PlannedStatistic] = {statistic.name: statistic for statistic in (
    PlannedStatistic("r2-people", "people's maps of one actor are alike (R², images permuted among actors)",
                     f"{_SHARE}, people's", False, _r2_people),
    PlannedStatistic("r2-classifier", "the classifier's maps of one actor are alike (R², images permuted among actors)",
                     f"{_SHARE}, the classifier's", True, _r2_classifier),
    PlannedStatistic("relative-people", "some actor's human maps differ from the others' somewhere (largest |t|)", "",
                     False, _relative),
    PlannedStatistic("overlap", "", "correlation of people's and the classifier's map of the same image", True,
                     _effect("same image")),
    PlannedStatistic("image-effect", "people and the classifier agree on an image beyond what its actor's images share",
                     "correlation on the same image less on other images of the actor", True, _effect("image effect")),
    PlannedStatistic("actor-effect", "people and the classifier agree on an actor beyond what all faces share",
                     "correlation on other images of the actor less on other actors", True, _effect("actor effect")),
    PlannedStatistic("overlap-vs-centre", "the classifier agrees with people more than a centred blob does",
                     "difference of the correlations with people, classifier less centred Gaussian", True,
                     _against(centre)),
    PlannedStatistic("overlap-vs-face", "the classifier agrees with people more than the average face does",
                     "difference of the correlations with people, classifier less other actors' mean human map", True,
                     _against(other_actors_mean)),
    PlannedStatistic("actor-similarity", "people and the classifier find the same pairs of actors alike",
                     "correlation of distances between actors, from disjoint images", True, _similarity),
    PlannedStatistic("ceiling", "", "noise ceiling of the correlation with people's maps", False, _ceiling),
    PlannedStatistic("share-of-ceiling", "", "share of the noise ceiling that the correlation with people reaches",
                     True, _share_of_ceiling),
    PlannedStatistic("label-share", "", "population share of the most frequent label, workers resampled", False,
                     _label_share),
    PlannedStatistic("label-differences", "actors differ in their shares of labels (whole images permuted)", "", False,
                     _label_differences),
    PlannedStatistic("worker-agreement", "", "Krippendorff's alpha of the labels of an image", False, _agreement),
    PlannedStatistic("worker-laterality", "people's heatmaps lean to one side (workers and actors resampled)",
                     "mean laterality of actors' human heatmaps", False, _laterality),
    PlannedStatistic("odd-share", "people's maps are more, or less, asymmetric than the classifier's",
                     "difference of the odd shares, people less classifier", True, _odd_share))}
"""By name, in the order in which the command line lists them."""
