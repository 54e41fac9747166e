"""Cases of relative saliency, one against the other actors at every pixel, and what of it is planned for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from salcompare.maps import actor_heatmap, smooth
from salcompare.simulation import cases
from salcompare.simulation.cases import Case, Check, Outcome, PlannedStatistic, Result
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
    result = test(study.saliency, sigma=cases.SIGMA, rng=rng, n_permutations=cases.DRAWS, **options)
    return {name: _least(result["p_actor"])}


def _of_people(study: SimulatedStudy, rng: np.random.Generator, draws: int, *, sigma: float | None = None) -> Result:
    sigma = cases.planned_sigma(study) if sigma is None else sigma
    result = relative_test(study.human["coverage"], sigma=sigma, rng=rng, n_permutations=draws)
    return Result(float(result["p_actor"].min()), float(abs(result["t"]).max()))


def _human(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    return {HUMAN: _of_people(study, rng, cases.DRAWS, sigma=cases.SIGMA).test}


def _rates(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    result = relative_fdr(study.saliency, sigma=cases.SIGMA, rng=rng, n_permutations=cases.DRAWS)
    return {BH: _least(result["p_bh"]), BY: _least(result["p_by"])}


def _paired(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    both = (study.saliency, cases.another_classifier(study, rng))
    one, other = (actor_heatmap(smooth(maps, sigma=cases.SIGMA)) for maps in both)
    return {PAIRED: _least(paired_map_test(one - other, rng=rng, n_permutations=cases.DRAWS)["p_value"])}


def _least(p: xr.DataArray) -> Outcome:
    """Take the smallest p: under a null that is true everywhere, that of the family."""
    return Outcome(float(np.nanmin(p.to_numpy())))


_NULL = f"No actor effect at any pixel: {cases.SAME}."
CASES = (
    Case("relative_test", partial(_of_classifier, LARGEST, relative_test), (
        Check(LARGEST, "test", _NULL, cases.NO_ACTOR_EFFECT, (cases.PLANTED,)),)),
    Case("relative_test(human)", _human, (
        Check(HUMAN, "test", _NULL, (cases.IMAGE, cases.RAGGED_COUNTS), (cases.SIZES[3],)),)),
    Case("relative_test(clusters='shoot')", partial(_of_classifier, SHOOT, relative_test, clusters="shoot"), (
        Check(SHOOT, "test", "No actor effect; images of a shoot are alike, so shoots are exchanged whole.",
              (cases.SHOOTS,)),)),
    Case("relative_fdr", _rates, (
        Check(BH, "test", f"{_NULL} Where all are true, the false discovery rate is that of any discovery.",
              (cases.IMAGE, cases.RAGGED_COUNTS)),
        Check(BY, "test", "As before.", (cases.IMAGE, cases.RAGGED_COUNTS)))),
    Case("relative_clusters", partial(_of_classifier, MASS, relative_clusters, threshold=2.5), (
        Check(MASS, "test", _NULL, (cases.IMAGE, cases.RAGGED_COUNTS), (cases.PLANTED,)),)),
    Case("relative_tfce", partial(_of_classifier, TFCE, relative_tfce, start=2.0, step=0.5), (
        Check(TFCE, "test", _NULL, (cases.IMAGE,), (cases.PLANTED,)),)),
    Case("relative_dispersion", partial(_of_classifier, SPREAD, relative_dispersion), (
        Check(SPREAD, "test", _NULL, (cases.IMAGE, cases.RAGGED_COUNTS), (cases.UNEQUAL,)),)),
    Case("paired_map_test", _paired, (Check(
        PAIRED, "test", "Both classifiers are drawn from one model, so differences are symmetric about 0.",
        (cases.FEW, cases.UNRELATED), discrete=True),)),
)
PLANNED = (
    PlannedStatistic("relative-people", "some actor's human maps differ from the others' somewhere (largest |t|)", "",
                     False, _of_people),
)
