"""Tests of every pixel: the largest |t| over pixels and actors, of means and of spread; the false discovery rate."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from salcompare.blocks import side_by_side
from salcompare.maps.checks import require_maps
from salcompare.random_numbers import drawing
from salcompare.statistics.inference.multiplicity import Method, adjust_p, critical_value, p_of_maxima
from salcompare.statistics.inference.permutation import about_null, joined
from salcompare.statistics.kernels import Values
from salcompare.statistics.relative.contrasts import (
    SUPPORT,
    Arrangements,
    Plan,
    Standardised,
    Statistic,
    largest_squared_t,
    signed_t,
    squared_t,
    standardise,
)

FAMILY = "pixels and actors (max-statistic)"
ASSUMPTION = "t has the same null distribution at every tested pixel of every actor"
_SHIFT = 13  # squared t are counted by the leading bits of their float32, in buckets of at most 1/1024 of their value
_BUCKETS = np.array([2.0**-10, 2.0**40], np.float32).view(np.uint32) >> _SHIFT


@drawing
def relative_test(maps: xr.DataArray, *, sigma: float, rng: np.random.Generator, n_permutations: int = 999,
                  support: float = SUPPORT, clusters: str | None = None) -> xr.Dataset:
    """Test at every pixel whether one actor's maps differ from the other actors', family-wise over pixels and actors.

    Parameters
    ----------
    maps : DataArray (image, y, x)
        Coverage, masks or saliency with a coordinate ``actor`` along ``image``; eager or dask; actors may have
        different numbers of images. Maps with a NaN or infinite pixel and maps of zeros only are left out, counted.
    sigma : float
        Standard deviation of the Gaussian that maps are smoothed with first, pixels of the grid; 0 for none.
    rng, n_permutations : Generator, int
        How many permutations to draw. Where no more distinct partitions exist, all are enumerated instead.
    support : float
        In [0, 1]: a pixel is tested if Kish's effective number of images behind it, (sum of magnitudes)² / (sum of
        squares), is at least this share of the images, whosever they are; 0 tests all that are not constant. Where few
        images hold all mass, t of any arrangement that puts them together is huge and would decide the largest t.
    clusters : str, optional
        A coordinate nested in the actors, such as ``shoot``: images that share a value move together.

    Returns
    -------
    Dataset
        - **t** (actor, y, x): the actor's mean less the mean of the other actors' means (in which actors weigh the
          same), over its standard error, with the variance within all actors. NaN where the pixel is not tested.
        - **difference** (actor, y, x): that contrast in the maps' unit, relative saliency leaving one out.
        - **p_value** (actor, y, x): two-sided, adjusted over all pixels and actors by the largest |t|; in
          [**p_attainable**, 1]. **p_actor** (actor): the smallest of each actor; it is adjusted too.
        - **threshold**: |t| must pass it for p <= 0.05. **null** (permutation): the largest |t| of each permutation.
        - **n_images** (actor) used, **n_pixels** tested, **n_undefined** images left out, **n_permutations**.
        - attrs: ``family``, ``family_size`` (pixels times actors), ``null``, ``sigma``, ``support``, ``left_out``.

    Raises
    ------
    InputError
        If a dim or coordinate is missing, there is one actor, every actor has one image, or no pixel can be tested.

    Notes
    -----
    The null hypothesis is that the images of all actors are exchangeable at the pixel. Effects elsewhere do no harm:
    over the pixels where it holds, the family-wise error rate is at most 5% whatever happens at others. At a pixel
    where one actor differs, all others differ a little from a mean that holds it: no true null for anybody. Where all
    images are exchangeable the rates were 2.9 to 5.3% in 2,000 studies each of smooth noise and of few boxes, with 5 or
    15 images of each of 6 actors and with 1 to 8 images of each of 5.

    Exchangeable means equal in spread, too. One actor whose maps only vary more than the others' is found, though no
    mean differs: simulated with 6 actors, one of them of three times the spread, at 5% the test rejects in 62% of
    studies with 5 or 15 images of each. So it stands beside `relative_dispersion`.

    Maps of float32 are multiplied in float32; t errs by some 1e-6 of itself. Maps are held in memory once or twice.

    References
    ----------
    Westfall & Young (1993), Resampling-Based Multiple Testing; Nichols & Holmes (2002), doi:10.1002/hbm.1058;
    Bourgon, Gentleman & Huber (2010), doi:10.1073/pnas.0914005107; of unequal spread: Chung & Romano (2013),
    doi:10.1214/13-AOS1090
    """
    data = standardise(maps, sigma=sigma, support=support, n_permutations=n_permutations, clusters=clusters)
    return maxima_of(data, n_permutations, rng)


def maxima_of(data: Standardised, n_permutations: int, rng: np.random.Generator, statistic: Statistic = "mean",
              ) -> xr.Dataset:
    """Carry out the test on maps that are standardised already."""
    t, contrast = signed_t(data, statistic)
    plan = Plan(data, statistic, n_permutations)
    parts = plan.blocks()

    def largest(arrangements: Arrangements) -> Values:
        """Find the largest squared t of some arrangements, over all blocks of pixels."""
        return np.asarray(np.max([largest_squared_t(block, arrangements) for block in parts], axis=0), np.float64)

    null = np.sqrt(joined(side_by_side(largest, plan.permuted(rng))))
    p = p_of_maxima(np.abs(t), null)
    return data.dataset({
        "t": data.on_grid(t), "difference": data.on_grid(contrast), "p_value": data.on_grid(p),
        "p_actor": ("actor", np.min(p, axis=1)), "threshold": critical_value(null), **about_null(null),
        "n_images": ("actor", np.bincount(data.labels)), "n_pixels": data.values.shape[1],
    }, {"family": FAMILY, "family_size": int(np.isfinite(t).sum())})


@drawing
def relative_dispersion(maps: xr.DataArray, *, sigma: float, rng: np.random.Generator, n_permutations: int = 999,
                        support: float = SUPPORT) -> xr.Dataset:
    """Test at every pixel whether one actor's images spread more or less than the other actors'.

    Levene's deviations, |value less the actor's mean|, take the place of the values in `relative_test`.

    Parameters
    ----------
    maps, sigma, rng, n_permutations, support
        As for `relative_test`, errors too. Actors with one image have no spread and are left out.

    Returns
    -------
    Dataset
        As of `relative_test`: **t** is positive where the actor's images spread more, **difference** is that of the
        mean deviations.

    Notes
    -----
    Deviations are taken anew in each permutation of the images. So the null hypothesis is that of `relative_test`, that
    images are exchangeable, and the test is exact under it however skewed the values are; permuting the deviations once
    taken is not (simulated with 10 actors of 4 images it rejects in 31% of studies for normal values and in all for
    lognormal ones). Where means differ and spreads do not, permuted groups spread differently from the observed ones:
    simulated with normal values it then rejects in 7 to 12%.

    Coverage and masks have more spread where they have more mean, so a real difference of means shows here, too. The
    test is a warning, not a proof: where it finds something, a small p of `relative_test` may be one of spread. With
    four images of an actor it hardly finds anything, and then says as little about spread.

    References
    ----------
    Levene (1960), in Contributions to Probability and Statistics, 278-292; Anderson (2006),
    doi:10.1111/j.1541-0420.2005.00440.x
    """
    single = []
    if isinstance(maps, xr.DataArray) and "actor" in maps.coords and maps["actor"].dims == ("image",):
        require_maps(maps, "maps", dims=("image", "y", "x"), named=("actor",))
        names, counts = np.unique(maps["actor"].values, return_counts=True)
        single = names[counts < 2].tolist()
        maps = maps.isel(image=np.flatnonzero(~np.isin(maps["actor"].values, single)))
    data = standardise(maps, sigma=sigma, support=support, n_permutations=n_permutations)
    return maxima_of(data, n_permutations, rng, "spread").assign_attrs(actors_with_one_image=single)


@drawing
def relative_fdr(maps: xr.DataArray, *, sigma: float, rng: np.random.Generator, n_permutations: int = 199,
                 support: float = SUPPORT, clusters: str | None = None) -> xr.Dataset:
    """Test relative saliency at every pixel, with the false discovery rate over pixels and actors.

    Parameters
    ----------
    maps, sigma, rng, support, clusters
        As for `relative_test`, errors too.
    n_permutations : int
        How many to draw; t of every tested pixel and actor under each of them counts.

    Returns
    -------
    Dataset
        - **t** (actor, y, x): as in `relative_test`; NaN where the pixel is not tested.
        - **p_pooled** (actor, y, x): share of t under permutation, over all tested pixels and actors, that are at least
          as far from 0, (1 + #) / (1 + how many); not adjusted.
        - **p_bh**, **p_by** (actor, y, x): the same adjusted after Benjamini & Hochberg and Benjamini & Yekutieli.
        - **p_attainable**: the smallest p_pooled can be. **n_permutations**, **n_undefined**.
        - attrs: ``assumption``, ``family_size`` and those of `relative_test`.

    Notes
    -----
    A pixel's own permutations cannot carry this: B of them give no p below 1/(1 + B), while Benjamini & Hochberg ask
    of the smallest of m p-values to be at most 0.05/m, 6e-8 for 17 actors and 227 x 227 pixels. So t is pooled, which
    assumes that its null distribution is the same everywhere: studentising makes it nearly so, skewed values at pixels
    that few boxes reach do not. The smallest pooled p still rests on n_permutations arrangements, not on as many
    independent draws as were counted.

    Benjamini & Hochberg's rate holds for positively dependent tests; neighbouring pixels are, but the actors' contrasts
    at one pixel sum to 0. Benjamini & Yekutieli's holds whatever the dependence, and is some 14 times as strict here.
    Either says what share of the pixels found is expected to be wrong, and of no pixel that it is right.

    References
    ----------
    Benjamini & Hochberg (1995), doi:10.1111/j.2517-6161.1995.tb02031.x; Benjamini & Yekutieli (2001),
    doi:10.1214/aos/1013699998; Storey & Tibshirani (2003), doi:10.1073/pnas.1530509100
    """
    data = standardise(maps, sigma=sigma, support=support, n_permutations=n_permutations, clusters=clusters)
    return discoveries_of(data, n_permutations, rng)


def discoveries_of(data: Standardised, n_permutations: int, rng: np.random.Generator) -> xr.Dataset:
    """Carry out `relative_fdr` on maps that are standardised already."""
    t, _ = signed_t(data)
    plan = Plan(data, "mean", n_permutations)
    parts, n_draws = plan.blocks(), 0
    counts = np.zeros(int(_BUCKETS[1] - _BUCKETS[0]) + 1, np.intp)
    for arrangements in plan.permuted(rng):
        n_draws += len(arrangements.counts)
        for block in parts:
            counts += np.bincount(_codes(squared_t(block, arrangements)).ravel(), minlength=len(counts))
    above, drawn = counts[::-1].cumsum()[::-1], int(counts.sum())
    p = (1 + above[_codes(t**2)]) / (1 + drawn)
    tests = xr.DataArray(p.ravel(), dims="test")
    methods: tuple[Method, ...] = ("bh", "by")
    by_method = {f"p_{method}": data.on_grid(adjust_p(tests, "test", method=method).to_numpy().reshape(p.shape))
                 for method in methods}
    return data.dataset({
        "t": data.on_grid(t), "p_pooled": data.on_grid(p), **by_method, "p_attainable": 1 / (1 + drawn),
        "n_permutations": n_draws,
    }, {"assumption": ASSUMPTION, "family": "pixels and actors", "family_size": data.family_size})


def _codes(squares: NDArray[np.floating]) -> NDArray[np.uint32]:
    """Bucket of each squared t; a t counts as reached by all others in its bucket, which can only raise p."""
    bits = np.ascontiguousarray(squares, np.float32).view(np.uint32) >> _SHIFT
    np.clip(bits, _BUCKETS[0], _BUCKETS[1], out=bits)
    bits -= _BUCKETS[0]
    return np.asarray(bits, np.uint32)
