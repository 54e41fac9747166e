"""Cases of overlap between people and classifier."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from salcompare.maps import smooth
from salcompare.planning.calibration import Case, Check, Outcome, covering
from salcompare.planning.calibration_scenarios import (
    DEMO,
    FEW,
    IMAGE,
    NO_ACTOR_EFFECT,
    PLANTED,
    RAGGED_COUNTS,
    SHARED,
    SHOOTS,
    SIZES,
    UNEQUAL,
    UNRELATED,
)
from salcompare.planning.cases.variance import DRAWS
from salcompare.statistics import (
    adjust_p,
    mean_ceiling,
    noise_ceiling,
    overlap,
    overlap_tests,
    paired_differences,
    percentile_interval,
)
from salcompare.statistics.inference.levels import actor_means
from salcompare.statistics.inference.resampling import bootstrap_weights
from salcompare.statistics.overlaps.pairings import CONTRASTS

if TYPE_CHECKING:
    from salcompare.planning.generate import SimulatedStudy

_IMAGE, _ACTOR = CONTRASTS.index("image effect"), CONTRASTS.index("actor effect")
SIGMA = 1.0  # pixels of the small grid
IMAGE_EFFECT, ACTOR_EFFECT = "image effect of Pearson overlap", "actor effect of Pearson overlap"
IMAGE_FAMILY = "image effects of single actors, Holm over actors"
ACTOR_FAMILY = "actor effects of single actors, Holm over actors"
IOU_IMAGE, IOU_ACTOR = "image effect of IoU", "actor effect of IoU"
INTERVALS = {
    "same image": "same-image overlap, t over actors", "other actor": "other-actor overlap, jackknife over actors",
    "image effect": "image effect, t over actors", "actor effect": "actor effect, jackknife over actors"}
ONE_ACTOR = "same-image overlap of one actor, percentiles over its images"
PERCENTILE = "same-image overlap, percentiles of a bootstrap of actors"
DIFFERENCE, DIFFERENCE_CI = "classifier minus another, sign flips", "classifier minus another, t over actors"
PLANTED_DIFFERENCE = "classifier minus that of another image, sign flips"
CEILING = "noise ceiling, t over actors"


def _pearson(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    found = overlap_tests(study.human["coverage"], study.saliency, metric="pearson", sigma=SIGMA, rng=rng,
                          n_permutations=DRAWS, n_resamples=DRAWS)
    p, actor_p = found["p_value"].values, found["actor_p_value"]
    smallest = [float(np.nanmin(adjust_p(actor_p[at], "actor").values)) for at in (_IMAGE, _ACTOR)]
    ends = np.stack([found[name].values for name in ("value", "ci_low", "ci_high")])
    one = [found[f"actor_{name}"].values[0, 0] for name in ("value", "ci_low", "ci_high")]
    return {
        IMAGE_EFFECT: Outcome(float(p[_IMAGE])), ACTOR_EFFECT: Outcome(float(p[_ACTOR])),
        IMAGE_FAMILY: Outcome(smallest[0]), ACTOR_FAMILY: Outcome(smallest[1]), ONE_ACTOR: covering(one),
        **{name: covering(ends[:, CONTRASTS.index(kind)]) for kind, name in INTERVALS.items()}}


def _iou(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    p = overlap_tests(study.human["coverage"], study.saliency, metric="iou", share=0.1, rng=rng,
                      n_permutations=DRAWS, n_resamples=1)["p_value"].values
    return {IOU_IMAGE: Outcome(float(p[_IMAGE])), IOU_ACTOR: Outcome(float(p[_ACTOR]))}


def _difference(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    """Compare with a second classifier of the same kind, and bootstrap the first's mean."""
    human, one = _own_overlap(study)
    other = overlap(human, smooth(another_classifier(study, rng), sigma=SIGMA), metrics=["pearson"])
    found = paired_differences(one, other, rng=rng, n_permutations=DRAWS).isel(metric=0)
    means = actor_means(one["pearson"])["value"].values
    drawn = bootstrap_weights(means.size, 10 * DRAWS, rng) @ means / means.size
    percentile = percentile_interval(drawn, resampled="actors")
    return {DIFFERENCE: Outcome(float(found["p_value"])), DIFFERENCE_CI: _interval(found, truth=0.0),
            PERCENTILE: covering((means.mean(), percentile.low, percentile.high))}


def _shifted(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    """Compare with the classifier's maps of the actor's next image."""
    owner = study.truth.owner
    last = np.append(np.flatnonzero(np.diff(owner)), owner.size - 1)
    following = np.arange(1, owner.size + 1)
    following[last] = np.append(0, last[:-1] + 1)
    human, one = _own_overlap(study)
    of_next = study.saliency.copy(data=study.saliency.values[following])
    found = paired_differences(one, overlap(human, smooth(of_next, sigma=SIGMA), metrics=["pearson"]), rng=rng,
                               n_permutations=DRAWS)
    return {PLANTED_DIFFERENCE: Outcome(float(found["p_value"].values[0]))}


def _ceiling(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    of_images = noise_ceiling(study.responses, study.images, size=study.scenario.grid, rng=rng, sigma=SIGMA,
                              n_splits=20)
    return {CEILING: _interval(mean_ceiling(of_images))}


def another_classifier(study: SimulatedStudy, rng: np.random.Generator) -> xr.DataArray:
    """Draw maps of a second classifier that comes from the same model, of the same images."""
    return dataclasses.replace(study, seeds=(study.seeds[0], int(rng.integers(2**62)))).saliency


def _own_overlap(study: SimulatedStudy) -> tuple[xr.DataArray, xr.Dataset]:
    """Smooth people's maps, and compare them with the classifier's, smoothed alike."""
    human = smooth(study.human["coverage"], sigma=SIGMA)
    return human, overlap(human, smooth(study.saliency, sigma=SIGMA), metrics=["pearson"])


def _interval(found: xr.Dataset, *, truth: float = float("nan")) -> Outcome:
    return covering((found[name].item() for name in ("value", "ci_low", "ci_high")), truth=truth)


_TENDS = "What the estimate tends to over many studies of other actors."
_POSE = "the classifier follows the face but not the image"
_FEW = ("percentiles of a bootstrap of few actors are too narrow: the plug-in spread has no n-1 and there is no t; the "
        "t interval is the default")
_NO_IMAGE_EFFECT = f"No image effect: {_POSE}, so an actor's classifier maps can be exchanged among its images."
_NO_ACTOR_EFFECT = ("No actor effect: the classifier does not follow what people find in an actor, so whole sets of "
                    "its maps can be exchanged among actors.")
_UNPOSED = (SHARED, UNEQUAL, UNRELATED)
OVERLAP_CASES = (
    Case("overlap_tests(pearson)", _pearson, (
        Check(IMAGE_EFFECT, "test", _NO_IMAGE_EFFECT, _UNPOSED, (PLANTED, DEMO)),
        Check(IMAGE_FAMILY, "test", f"{_NO_IMAGE_EFFECT} The smallest adjusted p is that of the family.", _UNPOSED),
        Check(ACTOR_EFFECT, "test", _NO_ACTOR_EFFECT, (*NO_ACTOR_EFFECT, UNRELATED, SHOOTS, DEMO), (PLANTED,)),
        Check(ACTOR_FAMILY, "test", f"{_NO_ACTOR_EFFECT} The smallest adjusted p is that of the family.",
              (SHARED, IMAGE, RAGGED_COUNTS, UNRELATED), discrete=True),
        *(Check(name, "interval", _TENDS, SIZES) for name in INTERVALS.values()),
        Check(ONE_ACTOR, "interval", "What it tends to, for all actors alike as they do not differ.",
              (RAGGED_COUNTS,), shortfalls={RAGGED_COUNTS: "percentiles of a bootstrap of one actor's 14 images are "
                                            "too narrow, as those of few units are"}))),
    Case("overlap_tests(iou)", _iou, (
        Check(IOU_IMAGE, "test", _NO_IMAGE_EFFECT, (SHARED, UNEQUAL), (PLANTED,)),
        Check(IOU_ACTOR, "test", _NO_ACTOR_EFFECT, (SHARED, UNEQUAL), (PLANTED,)))),
    Case("paired_differences", _difference, (
        Check(DIFFERENCE, "test", "Both classifiers are drawn from one model, so an actor's mean difference is "
              "symmetric about 0.", (SHARED, RAGGED_COUNTS, FEW, UNRELATED)),
        Check(DIFFERENCE_CI, "interval", "0, as both classifiers are drawn from one model.", SIZES),
        Check(PERCENTILE, "interval", _TENDS, SIZES,
              shortfalls=dict.fromkeys(SIZES[:3], _FEW)))),
    Case("paired_differences(of another image)", _shifted, (
        Check(PLANTED_DIFFERENCE, "test", "The classifier agrees with people no more on the image than on another of "
              "the actor.", (SHARED,), (PLANTED,)),)),
    Case("noise_ceiling", _ceiling, (Check(CEILING, "interval", _TENDS, SIZES),)),
)
