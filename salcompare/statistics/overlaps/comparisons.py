"""Two classifiers against people: differences of all three pairings and both effects, paired over actors."""

from __future__ import annotations

from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from salcompare.errors import InputError, Problem, drawing
from salcompare.statistics.inference.signs import sign_flip_test
from salcompare.statistics.metrics.areas import SHARE
from salcompare.statistics.metrics.registry import METRICS
from salcompare.statistics.overlaps.pairing_intervals import population_intervals
from salcompare.statistics.overlaps.pairings import CONTRASTS
from salcompare.statistics.overlaps.pairs import Pairs, blocked, pairing_means
from salcompare.statistics.overlaps.same_image import overlap_matrix


@drawing
def compare_classifiers(human: xr.DataArray, one: xr.DataArray, other: xr.DataArray, *, metric: str,
                        rng: np.random.Generator, share: float = SHARE, sigma: float | None = None,
                        n_permutations: int = 9999) -> xr.Dataset:
    """Compare two classifiers' overlap with people, such as a finetuned network's with the frozen one's.

    Parameters
    ----------
    human, one, other : DataArray (image, y, x)
        People's maps and two classifiers', on one grid, with coordinate ``actor`` along ``image``; images that all
        three have are compared.
    metric : str
        One of `METRICS`.
    rng : Generator
        Draws sign flips.
    share : float
        Of the pixels, in the areas that iou and dice compare.
    sigma : float, optional
        All maps are first smoothed with a Gaussian of so many pixels.
    n_permutations : int
        Sign flips drawn; where there are no more in all, each comes once.

    Returns
    -------
    Dataset
        As `compare_pairings` gives it.

    Raises
    ------
    InputError
        As for `overlap_tests`, and where no image is common to all three.
    """
    matrices = [overlap_matrix(human, maps, metric=metric, share=share, sigma=sigma) for maps in (one, other)]
    found = compare_pairings(*matrices, rng=rng, n_permutations=n_permutations)
    return found.assign_attrs(metric=metric, better=METRICS[metric].better)


@drawing
def compare_pairings(one: xr.DataArray, other: xr.DataArray, *, rng: np.random.Generator,
                     n_permutations: int = 9999) -> xr.Dataset:
    """Compare two classifiers by their matrices of all pairs with the same human maps.

    Parameters
    ----------
    one, other : DataArray (image, image_other)
        As `overlap_matrix` gives them; images that both have are compared.
    rng : Generator
        Draws sign flips.
    n_permutations : int
        Sign flips drawn; where there are no more in all, each comes once.

    Returns
    -------
    Dataset
        Over ``contrast`` (the three pairings and both effects): **value**, mean over actors of `one` less `other`, in
        the metric's unit, and the two means, **one** and **other**, over the same images; **ci_low**, **ci_high** over
        actors by t or (where actors meet other actors) by jackknife
        (**ci_method**), NaN below eight; **p_value** (two-sided), **p_attainable**; **n** actors, **n_undefined**,
        **reason** for NaN. Over ``contrast`` and ``actor``: **actor_value**; **actor_n** (actor): images. Images on
        which either side is NaN are left out; attrs ``n_undefined`` counts them.

    Raises
    ------
    InputError
        If they have no image in common, or none on which both are defined.

    Notes
    -----
    Null hypothesis: within each actor, whole sets of both classifiers' maps are exchangeable. Exchanging those of one
    actor turns the signs of all pairs of people's maps with them, so that the signs of the matrix' columns are flipped,
    actor by actor: exact, though actors meet in pairs. (To permute images or actors of the difference would test that
    neither classifier has any effect, not that both have the same.) Of networks, one trained copy is compared with
    another: other seeds are not covered.
    """
    images = one.image.values[np.isin(one.image.values, other.image.values)]
    if not images.size:
        raise InputError(Problem("classifiers", "no image in common", "overlaps on the same images"))
    parts = [matrix.sel(image=images, image_other=images) for matrix in (one, other)]
    difference = parts[0].copy(data=parts[0].values - parts[1].transpose(*parts[0].dims).values)
    pairs, actors, left_out = blocked(difference)
    means, columns = pairing_means(pairs), pairing_means(Pairs(pairs.matrix.T, pairs.sizes, pairs.groups))
    tests = [sign_flip_test(values, rng=rng, n_permutations=n_permutations) for values in columns]
    low, high, method, reason = population_intervals(pairs, means)
    n = (~np.isnan(means)).sum(axis=1)
    both = [_mean(pairing_means(blocked(matrix.where(difference.notnull()))[0])) for matrix in (
        parts[0], parts[1].transpose(*parts[0].dims))]
    one_each = {"value": _mean(means), "one": both[0], "other": both[1],
                "ci_low": low, "ci_high": high, "ci_method": method,
                "p_value": [test[0] for test in tests], "p_attainable": [test[1] for test in tests],
                "n": n, "n_undefined": len(actors) - n,
                "reason": np.where(n > 0, reason, "no actor with two images, or one actor only")}
    return xr.Dataset(
        {name: ("contrast", values) for name, values in one_each.items()}
        | {"actor_value": (("contrast", "actor"), means), "actor_n": ("actor", pairs.sizes)},
        coords={"contrast": list(CONTRASTS), "actor": actors},
        attrs={"n_undefined": left_out, "alternative": _ALTERNATIVE, "resampled": "actors",
               "null": "both classifiers' whole sets of maps exchanged within actors"})


_ALTERNATIVE: Literal["two-sided"] = "two-sided"


def _mean(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over actors, NaN left out."""
    defined = ~np.isnan(means)
    n = defined.sum(axis=1)
    mean: NDArray[np.float64] = np.where(defined, means, 0).sum(axis=1) / np.where(n > 0, n, np.nan)
    return mean
