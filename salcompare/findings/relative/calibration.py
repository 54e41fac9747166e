"""Cases of relative saliency, one against the other actors at every pixel, and what of it is planned for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import xarray as xr

from salcompare.config import Maps
from salcompare.maps import actor_heatmap, smooth, top_mask
from salcompare.simulation import cases
from salcompare.simulation.cases import Case, Check, Outcome, PlannedStatistic, Result
from salcompare.simulation.studies import SimulatedStudy
from salcompare.statistics.relative.paired import paired_map_test
from salcompare.statistics.relative.pixelwise import relative_test

LARGEST = "relative saliency, largest |t|"
HUMAN = "relative saliency of human maps, largest |t|"
SHOOT = "relative saliency, largest |t|, shoots permuted whole"
PLACE = "relative saliency, one actor varying more in one place, largest |t|"
PAIRED = "difference of two classifiers' heatmaps, largest |t|"


def _of_classifier(name: str, study: SimulatedStudy, rng: np.random.Generator,
                   clusters: str | None = None) -> Mapping[str, Outcome]:
    result = relative_test(top_mask(study.saliency, share=Maps().mask_share), sigma=cases.SIGMA, rng=rng,
                           n_permutations=cases.DRAWS, clusters=clusters)
    return {name: _least(result["p_actor"])}


def _of_people(study: SimulatedStudy, rng: np.random.Generator, draws: int, *, sigma: float | None = None) -> Result:
    sigma = cases.planned_sigma(study) if sigma is None else sigma
    result = relative_test(study.human["coverage"], sigma=sigma, rng=rng, n_permutations=draws)
    return Result(float(result["p_actor"].min()), float(abs(result["t"]).max()))


def _in_one_place(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    maps, last = cases.smooth_noise(study, rng), study.truth.owner == study.scenario.n_actors - 1
    down, across = (np.arange(size) - share * size for size, share in zip(study.scenario.grid, (0.75, 0.5),
                                                                         strict=True))
    maps = maps * (1 + 5 * last[:, None, None] * np.exp(-(down[:, None]**2 + across**2) / 8))
    return {PLACE: _least(relative_test(maps, sigma=cases.SIGMA, rng=rng, n_permutations=cases.DRAWS)["p_actor"])}


def _human(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    return {HUMAN: _of_people(study, rng, cases.DRAWS, sigma=cases.SIGMA).test}


def _paired(study: SimulatedStudy, rng: np.random.Generator) -> Mapping[str, Outcome]:
    both = (study.saliency, cases.another_classifier(study, rng))
    one, other = (actor_heatmap(smooth(maps, sigma=cases.SIGMA)) for maps in both)
    return {PAIRED: _least(paired_map_test(one - other, rng=rng, n_permutations=cases.DRAWS)["p_value"])}


def _least(p: xr.DataArray) -> Outcome:
    """Take the smallest p: under a null that is true everywhere, that of the family."""
    return Outcome(float(np.nanmin(p.to_numpy())))


_NULL = f"No actor effect at any pixel: {cases.SAME}, but for the actors' spread."
CASES = (
    Case("relative_test", partial(_of_classifier, LARGEST), (
        Check(LARGEST, "test", f"{_NULL} Masks, as they are tested in a report.",
              (cases.SHARED, cases.IMAGE, cases.RAGGED_COUNTS, cases.FEW, cases.MANY_AND_FEW, cases.MANY_AND_FOUR),
              (cases.PLANTED,)),)),
    Case("relative_test(human)", _human, (
        Check(HUMAN, "test", _NULL, (cases.IMAGE, cases.UNEQUAL, cases.RAGGED_COUNTS, *cases.UNBALANCED,
                                    cases.MANY_AND_FOUR), (cases.SIZES[3],)),)),
    Case("relative_test(clusters='shoot')", partial(_of_classifier, SHOOT, clusters="shoot"), (
        Check(SHOOT, "test", "No actor effect; images of a shoot are alike, so shoots are exchanged whole.",
              (cases.FOUR_SHOOTS,)),)),
    Case("relative_test(one place)", _in_one_place, (
        Check(PLACE, "test", "No actor effect: smooth noise, of which maps of the last actor have six times as much "
              "(in standard deviation) in one place.", (cases.SHARED, cases.FEW)),)),
    Case("paired_map_test", _paired, (Check(
        PAIRED, "test", "Both classifiers are drawn from one model, so differences are symmetric about 0.",
        (cases.FEW, cases.UNRELATED, *cases.UNBALANCED), discrete=True),)),
)
PLANNED = (
    PlannedStatistic("relative-people", "some actor's human maps differ from the others' somewhere (largest |t|)", "",
                     False, _of_people),
)
