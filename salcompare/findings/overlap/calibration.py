"""Cases of overlap between people and classifier, and what of it is planned for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from salcompare.findings import overlap as terms
from salcompare.maps import actor_heatmap, smooth
from salcompare.naming import PRIMARY
from salcompare.simulation import cases
from salcompare.simulation.cases import Case, Check, Outcome, PlannedStatistic, Result
from salcompare.simulation.studies import SimulatedStudy, tends_to
from salcompare.statistics.ceilings.pooled import share_of_ceiling
from salcompare.statistics.kernels import Values
from salcompare.statistics.overlaps.actor_similarity import actor_similarity
from salcompare.statistics.overlaps.baselines import centre, other_actors_mean, paired_differences
from salcompare.statistics.overlaps.heatmaps import heatmap_tests
from salcompare.statistics.overlaps.pairings import compare_classifiers, compare_pairings, overlap_tests
from salcompare.statistics.overlaps.same_image import overlap, overlap_matrix

IMAGE_EFFECT, ACTOR_EFFECT = "image effect of Pearson overlap", "actor effect of Pearson overlap"
ONE_IMAGE_EFFECT = "image effect of one actor"
IOU_IMAGE, IOU_ACTOR = "image effect of IoU", "actor effect of IoU"
GROUPED = "actor effect within groups"
HEATMAPS = "own against other actors' heatmaps"
SIMILARITY = "same pairs of actors alike (Mantel, noise-corrected)"
SIMILARITY_CI = "same pairs of actors alike, jackknife over actors"
INTERVALS = {terms.IMAGE_EFFECT: "image effect, t over actors",
             terms.ACTOR_EFFECT: "actor effect, jackknife over actors"}
SHOT_IMAGE, SHOT_ACTOR = "image effect, shoots exchanged whole", "actor effect, shoots exchanged whole"
SHOT_SIMILARITY = "same pairs of actors alike, shoots averaged"
DIFFERENCE = "classifier minus another, sign flips"
BIASED = "overlap minus a centre-biased classifier's, jackknife over workers and actors"
BIASED_EFFECTS = {kind: f"{kind} minus a centre-biased classifier's, t over actors" for kind in INTERVALS}
SHIFTED = "classifier minus that of another image, sign flips"
COMPARED = {terms.IMAGE_EFFECT: "image effect of two classifiers, column flips",
            terms.ACTOR_EFFECT: "actor effect of two classifiers, column flips"}


def _tests(study: SimulatedStudy, rng: np.random.Generator, *, draws: int = cases.DRAWS, **options: Any,  # noqa: ANN401 - passed on
           ) -> xr.Dataset:
    return overlap_tests(study.human["coverage"], study.saliency, rng=rng, n_permutations=draws, **options)


def _effect(result: xr.Dataset, contrast: str) -> Outcome:
    return Result.of(result.sel(contrast=contrast)).test


def _pearson(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    tests = _tests(study, rng, metric=PRIMARY, sigma=cases.SIGMA)
    truths = dict(zip(INTERVALS, tends_to(cases.largest(study.scenario), _values).tolist(), strict=True))
    return {
        IMAGE_EFFECT: _effect(tests, terms.IMAGE_EFFECT), ACTOR_EFFECT: _effect(tests, terms.ACTOR_EFFECT),
        ONE_IMAGE_EFFECT: Outcome(float(tests["actor_p_value"].sel(contrast=terms.IMAGE_EFFECT)[0])),
        **{name: Result.of(tests.sel(contrast=kind)).interval(truths[kind]) for kind, name in INTERVALS.items()}}


def _values(study: SimulatedStudy) -> Values:
    """Estimates of `INTERVALS`: means over images and actors, or over pairs of them, so unbiased."""
    tests = _tests(study, np.random.default_rng(0), draws=1, metric=PRIMARY, sigma=cases.SIGMA)
    return np.asarray(tests["value"].sel(contrast=list(INTERVALS)).to_numpy())


def _iou(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    tests = _tests(study, rng, metric="iou", share=0.1)
    return {IOU_IMAGE: _effect(tests, terms.IMAGE_EFFECT), IOU_ACTOR: _effect(tests, terms.ACTOR_EFFECT)}


def _grouped(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    tests = _tests(study, rng, metric=PRIMARY, sigma=cases.SIGMA, groups="group")
    return {GROUPED: _effect(tests, terms.ACTOR_EFFECT)}


def _shots(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    tests = _tests(study, rng, metric=PRIMARY, sigma=cases.SIGMA, clusters="shoot")
    similar = _same_pairs(study, rng, cases.DRAWS, sigma=cases.SIGMA, clusters="shoot")
    return {SHOT_IMAGE: _effect(tests, terms.IMAGE_EFFECT), SHOT_ACTOR: _effect(tests, terms.ACTOR_EFFECT),
            SHOT_SIMILARITY: similar.test}


def _difference(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    """Compare with a second classifier of the same kind."""
    human, one = _smoothed_overlap(study)
    other = overlap(human, smooth(cases.another_classifier(study, rng), sigma=cases.SIGMA), metrics=[PRIMARY])
    result = paired_differences(one, other, rng=rng, n_permutations=cases.DRAWS)
    return {DIFFERENCE: Result.of(result.isel(metric=0)).test}


def _biased(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:  # noqa: ARG001
    score = share_of_ceiling(study.responses, study.images, _with_biased(study), sigma=cases.SIGMA).sel(
        source="map", quantity="mean score above null")
    return {BIASED: Result.of(score).interval(float(tends_to(cases.largest(study.scenario), _less_biased)[0]))}


def _biased_effects(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    result, (_, *truths) = _compare_biased(study, rng), tends_to(cases.largest(study.scenario), _less_biased)
    return {name: Result.of(result.sel(contrast=kind)).interval(truth)
            for (kind, name), truth in zip(BIASED_EFFECTS.items(), truths, strict=True)}


def _with_biased(study: SimulatedStudy) -> dict[str, xr.DataArray]:
    """Draw the same maps to the centre: another model, which what workers have in common suits more or less."""
    return {"biased": study.saliency * centre(study.saliency), "map": study.saliency}


def _compare_biased(study: SimulatedStudy, rng: np.random.Generator) -> xr.Dataset:
    biased, plain = (overlap_matrix(study.human["coverage"], one, metric=PRIMARY, sigma=cases.SIGMA)
                     for one in _with_biased(study).values())
    return compare_pairings(plain, biased, n_permutations=1, rng=rng)


def _less_biased(study: SimulatedStudy) -> Values:
    values = _compare_biased(study, np.random.default_rng(0))["value"]
    return np.asarray(values.sel(contrast=[terms.SAME_IMAGE, *BIASED_EFFECTS]).to_numpy())


def _shifted(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    """Compare with the classifier's maps of the actor's next image."""
    owner = study.truth.owner
    last = np.append(np.flatnonzero(np.diff(owner)), owner.size - 1)
    following = np.arange(1, owner.size + 1)
    following[last] = np.append(0, last[:-1] + 1)
    human, one = _smoothed_overlap(study)
    of_next = study.saliency.copy(data=study.saliency.to_numpy()[following])
    other = overlap(human, smooth(of_next, sigma=cases.SIGMA), metrics=[PRIMARY])
    return {SHIFTED: Result.of(paired_differences(one, other, rng=rng, n_permutations=cases.DRAWS).isel(metric=0)).test}


def _compared(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    tests = compare_classifiers(study.human["coverage"], study.saliency, cases.another_classifier(study, rng),
                                metric=PRIMARY, sigma=cases.SIGMA, rng=rng, n_permutations=cases.DRAWS)
    return {name: _effect(tests, kind) for kind, name in COMPARED.items()}


def _heatmaps(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    human, classifier = actor_heatmap(study.human["coverage"]), actor_heatmap(study.saliency)
    tests = heatmap_tests(human, classifier, metric=PRIMARY, sigma=cases.SIGMA, rng=rng, n_permutations=cases.DRAWS)
    return {HEATMAPS: Result.of(tests.isel(contrast=-1)).test}


def _similarity(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    result = _same_pairs(study, rng, cases.DRAWS, sigma=cases.SIGMA)
    return {SIMILARITY: result.test, SIMILARITY_CI: result.interval()}


def _same_pairs(study: SimulatedStudy, rng: np.random.Generator, draws: int, *, sigma: float | None = None,
                clusters: str | None = None) -> Result:
    return Result.of(actor_similarity(study.human["coverage"], study.saliency, rng=rng, n_permutations=draws,
                                      sigma=cases.planned_sigma(study) if sigma is None else sigma, clusters=clusters))


def _smoothed_overlap(study: SimulatedStudy) -> tuple[xr.DataArray, xr.Dataset]:
    """Smooth people's maps, and compare them with the classifier's, smoothed alike."""
    human = smooth(study.human["coverage"], sigma=cases.SIGMA)
    return human, overlap(human, smooth(study.saliency, sigma=cases.SIGMA), metrics=[PRIMARY])


def _planned_effect(study: SimulatedStudy, rng: np.random.Generator, draws: int, *, contrast: str) -> Result:
    tests = _tests(study, rng, draws=draws, metric=PRIMARY, sigma=cases.planned_sigma(study))
    return Result.of(tests.sel(contrast=contrast))


def _planned_overlap(study: SimulatedStudy, rng: np.random.Generator, draws: int, *,  # noqa: ARG001
                     quantity: str) -> Result:
    maps = {"centre": centre(study.saliency), "map": study.saliency}
    shares = share_of_ceiling(study.responses, study.images, maps, sigma=cases.planned_sigma(study))
    return Result.of(shares.sel(source="map", quantity=quantity))


def _planned_difference(study: SimulatedStudy, rng: np.random.Generator, draws: int) -> Result:
    coverage = study.human["coverage"]
    one, other = (overlap(coverage, maps, metrics=[PRIMARY], sigma=cases.planned_sigma(study))
                  for maps in (study.saliency, other_actors_mean(coverage)))
    return Result.of(paired_differences(one, other, rng=rng, n_permutations=draws).sel(metric=PRIMARY))


_NO_IMAGE_EFFECT = ("No image effect: the classifier follows the face but not the image, so an actor's classifier maps "
                    "can be exchanged among its images.")
_NO_ACTOR_EFFECT = ("No actor effect: the classifier does not follow what people find in an actor, so whole sets of "
                    "its maps can be exchanged among actors.")
_UNPOSED = (cases.SHARED, cases.UNEQUAL, cases.SPREAD_FEWEST, cases.UNRELATED)
_ONE_MODEL = "Both classifiers are drawn from one model"
CASES = (
    Case("overlap_tests(pearson)", _pearson, (
        Check(IMAGE_EFFECT, "test", _NO_IMAGE_EFFECT, _UNPOSED, (cases.PLANTED, cases.DEMO)),
        Check(ONE_IMAGE_EFFECT, "test", f"{_NO_IMAGE_EFFECT} Of the first actor, with twelve images.",
              (cases.SPREAD_FEWEST,)),
        Check(ACTOR_EFFECT, "test", _NO_ACTOR_EFFECT, (*cases.NO_ACTOR_EFFECT, cases.UNRELATED), (cases.SIZES[3],)),
        *(Check(name, "interval", cases.FROM_BOXES, (*cases.SIZES, cases.SHARED)) for name in INTERVALS.values()))),
    Case("overlap_tests(clusters='shoot')", _shots, (
        Check(SHOT_IMAGE, "test", "No image effect; images of a shoot are alike in both maps, so shoots are exchanged "
              "whole.", (cases.SHOOTS_UNPOSED,)),
        Check(SHOT_ACTOR, "test", f"{_NO_ACTOR_EFFECT} Images of a shoot are not each other's other image.",
              (cases.SHOOTS, cases.SHOOTS_UNPOSED)),
        Check(SHOT_SIMILARITY, "test", "Actors do not differ; maps of a shoot are averaged first.", (cases.SHOOTS,)))),
    Case("overlap_tests(iou)", _iou, (
        Check(IOU_IMAGE, "test", _NO_IMAGE_EFFECT, (cases.SHARED, cases.UNEQUAL, cases.SPREAD_FEWEST),
              (cases.SIZES[3],)),
        Check(IOU_ACTOR, "test", _NO_ACTOR_EFFECT, (cases.SHARED, cases.UNEQUAL, *cases.UNBALANCED)))),
    Case("overlap_tests(groups)", _grouped, (Check(
        GROUPED, "test", f"{_NO_ACTOR_EFFECT} Actors meet actors of their group only.", (cases.UNRELATED,)),)),
    Case("paired_differences", _difference, (
        Check(DIFFERENCE, "test", f"{_ONE_MODEL}, so an actor's mean difference is symmetric about 0.",
              (cases.FEW, cases.UNRELATED, cases.SPREAD_FEWEST)),)),
    Case("share_of_ceiling(centre-biased)", _biased, (
        Check(BIASED, "interval", cases.FROM_BOXES, (cases.SHARED, cases.SIZES[1])),)),
    Case("compare_pairings(centre-biased)", _biased_effects, tuple(
        Check(name, "interval", cases.FROM_BOXES, (cases.SHARED, *cases.SIZES[1:3]))
        for name in BIASED_EFFECTS.values())),
    Case("paired_differences(of another image)", _shifted, (
        Check(SHIFTED, "test", "The classifier agrees with people no more on the image than on another of the actor.",
              (cases.SHARED,), (cases.SIZES[3],)),)),
    Case("compare_classifiers", _compared, tuple(
        Check(name, "test", f"{_ONE_MODEL}, so an actor's whole sets of maps can be exchanged between them.",
              (cases.UNRELATED, cases.SPREAD_FEWEST)) for name in COMPARED.values())),
    Case("heatmap_tests", _heatmaps, (Check(
        HEATMAPS, "test", "Whole classifier heatmaps can be exchanged among actors; photographs share no pose.",
        (cases.SHARED, cases.UNEQUAL, cases.SPREAD_FEWEST, cases.UNRELATED), (cases.SIZES[3],)),)),
    Case("actor_similarity", _similarity, (
        Check(SIMILARITY, "test", "Which actors the classifier finds alike has nothing to do with whom people find "
              "alike.", (cases.IMAGE, cases.UNEQUAL, cases.RAGGED_COUNTS, *cases.UNBALANCED, cases.UNRELATED),
              (cases.SIZES[3],)),
        Check(SIMILARITY_CI, "interval", cases.TENDS, cases.SIZES))),
)
PLANNED = (
    PlannedStatistic("overlap", "", "correlation of people's and the classifier's map of the same image", True,
                     partial(_planned_overlap, quantity="mean score")),
    PlannedStatistic("image-effect", "people and the classifier agree on an image beyond what its actor's images share",
                     "correlation on the same image less on other images of the actor", True,
                     partial(_planned_effect, contrast=terms.IMAGE_EFFECT)),
    PlannedStatistic("actor-effect", "people and the classifier agree on an actor beyond what all faces share",
                     "correlation on other images of the actor less on other actors", True,
                     partial(_planned_effect, contrast=terms.ACTOR_EFFECT)),
    PlannedStatistic("overlap-vs-centre", "",
                     "difference of the correlations with people, classifier less centred Gaussian", True,
                     partial(_planned_overlap, quantity="mean score above null")),
    PlannedStatistic("overlap-vs-face", "the classifier agrees with people more than the average face does",
                     "difference of the correlations with people, classifier less other actors' mean human map", True,
                     _planned_difference),
    PlannedStatistic("actor-similarity", "people and the classifier find the same pairs of actors alike",
                     "correlation of distances between actors, from disjoint images", True, _same_pairs),
)
