"""Why some tests and intervals fall short in some scenarios: what is known, stated beside what was measured."""

from __future__ import annotations

from collections.abc import Mapping

from salcompare.simulation.cases import (
    DEMO,
    LEFT,
    POSED,
    RAGGED_COUNTS,
    SIZES,
    UNEQUAL,
)

_FEW_WORKERS = ("what is planted is some 2.8 standard errors, most of them the forty workers' own leaning; with more "
                "workers the power rises. A test that takes these as given finds it more often, and claims less")
_NOISY_ALIKE = ("where an actor's images vary more on both sides alike, its correlations are lower by the product of "
                "both sides' attenuations; such products are largest where both are, so own pairs look related. Sets "
                "of maps are then not exchangeable among actors, and the test says so")
_POOLED = ("the variance is that of all actors, so one whose maps only vary more stands out; the test of equal spread "
           "stands beside it for that reason")
_PERCENTILE = ("percentiles of a bootstrap of few units are too narrow: its spread divides by n, not n - 1, and it "
               "knows no t; the t interval is the default")
_BCA = "BCa takes up bias and skewness, not that there are few actors; the t interval is the default"
_FEW_IMAGES = "four images tell an actor's labels from an image's only where the difference is large"
_LINEAR = ("maps follow a pose by more than the photographs' leading components say linearly; what these leave of an "
           "actor's pose counts as the actor's")
_SPREADS = "five images of each actor are few to tell spreads apart"
_PERMANOVA = ("the statistic sees unequal spread as well as unequal means: permuting images gives all actors one "
              "spread. The test of equal spread stands beside it for that reason")
_NOISY_SHARES = ("of actors with few images both the shares of labels and those of masks are noisy, so the two sides "
                 "vary most in the same actors; permuting actors parts these, and the null comes out too narrow")
_RARE_LABEL = ("few workers name the label often, so its share is skewed and the interval ends too low: it misses at "
               "its upper end four times as often as at its lower one")
_ENERGIES = ("a share of energies comes out with too small a standard error where chance makes it small, so the "
             "interval misses at its upper end")

CAUSES: Mapping[str, Mapping[str, str]] = {
    "R² of classifier maps, free permutation": {UNEQUAL: _PERMANOVA},
    "masks in label regions, mean correlation": {RAGGED_COUNTS: _NOISY_SHARES},
    "share of 'hairline' in the population, workers resampled": dict.fromkeys(SIZES, _RARE_LABEL),
    "odd share of classifier maps, jackknife over actors": dict.fromkeys(SIZES, _ENERGIES),
    "relative saliency, largest |t|": {UNEQUAL: _POOLED},
    "partial R² given the photographs": {POSED: _LINEAR},
    "actor effect of Pearson overlap": {UNEQUAL: _NOISY_ALIKE},
    "actor effect of IoU": {UNEQUAL: _NOISY_ALIKE},
    "side of human maps, workers and actors": {LEFT: _FEW_WORKERS},
    "same-image overlap of one actor, percentiles over its images": {RAGGED_COUNTS: _PERCENTILE},
    "same-image overlap, percentiles of a bootstrap of actors": dict.fromkeys(SIZES, _PERCENTILE),
    "same-image overlap, BCa bootstrap of actors": dict.fromkeys(SIZES, _BCA),
    "raised label of the demo's model, its cell": {DEMO: _FEW_IMAGES},
    "equal spread of actors (PERMDISP)": {UNEQUAL: _SPREADS},
    "equal spread of actors, disjoint pairs": {UNEQUAL: _SPREADS},
    "spread of single actors at every pixel, largest |t|": {UNEQUAL: _SPREADS},
}
"""By check and scenario. A cause is printed where the rate falls short, and only there."""
