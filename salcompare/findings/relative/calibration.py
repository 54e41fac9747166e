"""Cases of relative saliency, one against the other actors at every pixel, and what of it is planned for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from salcompare.maps import actor_heatmap, smooth
from salcompare.simulation.cases import (
    DRAWS,
    FEW,
    IMAGE,
    NO_ACTOR_EFFECT,
    PLANTED,
    RAGGED_COUNTS,
    SAME,
    SHOOTS,
    SIGMA,
    SIZES,
    UNEQUAL,
    UNRELATED,
    Case,
    Check,
    Outcome,
    PlannedStatistic,
    Result,
    another_classifier,
    planned_sigma,
)
from salcompare.statistics.relative.clusters import relative_clusters, relative_tfce
from salcompare.statistics.relative.paired import paired_map_test
from salcompare.statistics.relative.pixelwise import relative_dispersion, relative_fdr, relative_test

if TYPE_CHECKING:
    import xarray as xr

    from salcompare.simulation.studies import SimulatedStudy

LARGEST = "relative saliency, largest |t|"
HUMAN = "relative saliency of human maps, largest |t|"
SHOOT = "relative saliency, largest |t|, shoots permuted whole"
BH, BY = "relative saliency, any discovery (BH)", "relative saliency, any discovery (BY)"
MASS, TFCE = "relative saliency, cluster mass", "relative saliency, TFCE"
SPREAD = "spread of single actors at every pixel, largest |t|"
PAIRED = "difference of two classifiers' heatmaps, largest |t|"


def _of_classifier(name: str, test: Callable[..., xr.Dataset], study: SimulatedStudy, rng: np.random.Generator,
                   **options: object) -> Mapping[str, Outcome]:
    return {name: _least(test(study.saliency, sigma=SIGMA, rng=rng, n_permutations=DRAWS, **options)["p_actor"])}


def _of_people(study: SimulatedStudy, rng: np.random.Generator, draws: int, *, sigma: float | None = None) -> Result:
    result = relative_test(study.human["coverage"], sigma=planned_sigma(study) if sigma is None else sigma, rng=rng,
                           n_permutations=draws)
    return Result(float(result["p_actor"].min()), float(abs(result["t"]).max()))


def _human(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    return {HUMAN: _of_people(study, rng, DRAWS, sigma=SIGMA).test}


def _rates(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    result = relative_fdr(study.saliency, sigma=SIGMA, rng=rng, n_permutations=DRAWS)
    return {BH: _least(result["p_bh"]), BY: _least(result["p_by"])}


def _paired(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    one, other = (actor_heatmap(smooth(maps, sigma=SIGMA)) for maps in (study.saliency, another_classifier(study, rng)))
    return {PAIRED: _least(paired_map_test(one - other, rng=rng, n_permutations=DRAWS)["p_value"])}


def _least(p: xr.DataArray) -> Outcome:
    """Take the smallest p: under a null that is true everywhere, that of the family."""
    return Outcome(float(np.nanmin(p.to_numpy())))


_NULL = f"No actor effect at any pixel: {SAME}."
CASES = (
    Case("relative_test", partial(_of_classifier, LARGEST, relative_test), (
        Check(LARGEST, "test", _NULL, NO_ACTOR_EFFECT, (PLANTED,)),)),
    Case("relative_test(human)", _human, (Check(HUMAN, "test", _NULL, (IMAGE, RAGGED_COUNTS), (SIZES[3],)),)),
    Case("relative_test(clusters='shoot')", partial(_of_classifier, SHOOT, relative_test, clusters="shoot"), (
        Check(SHOOT, "test", "No actor effect; images of a shoot are alike, so shoots are exchanged whole.",
              (SHOOTS,)),)),
    Case("relative_fdr", _rates, (
        Check(BH, "test", f"{_NULL} Where all are true, the false discovery rate is that of any discovery.",
              (IMAGE, RAGGED_COUNTS)),
        Check(BY, "test", "As before.", (IMAGE, RAGGED_COUNTS)))),
    Case("relative_clusters", partial(_of_classifier, MASS, relative_clusters, threshold=2.5), (
        Check(MASS, "test", _NULL, (IMAGE, RAGGED_COUNTS), (PLANTED,)),)),
    Case("relative_tfce", partial(_of_classifier, TFCE, relative_tfce, start=2.0, step=0.5), (
        Check(TFCE, "test", _NULL, (IMAGE,), (PLANTED,)),)),
    Case("relative_dispersion", partial(_of_classifier, SPREAD, relative_dispersion), (
        Check(SPREAD, "test", _NULL, (IMAGE, RAGGED_COUNTS), (UNEQUAL,)),)),
    Case("paired_map_test", _paired, (Check(
        PAIRED, "test", "Both classifiers are drawn from one model, so differences are symmetric about 0.",
        (FEW, UNRELATED), discrete=True),)),
)
PLANNED = (
    PlannedStatistic("relative-people", "some actor's human maps differ from the others' somewhere (largest |t|)", "",
                     False, _of_people),
)
