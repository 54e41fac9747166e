"""False discovery rate over pixels and actors, on p-values from one null distribution that all of them share."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from salcompare.errors import drawing
from salcompare.statistics.inference.multiplicity import Method, adjust_p
from salcompare.statistics.relative.contrasts import Plan, signed_t, squared_t
from salcompare.statistics.relative.material import SUPPORT, Material, about, dataset, gather, on_grid

ASSUMPTION = "t has the same null distribution at every tested pixel of every actor"
_SHIFT = 13
_BUCKETS = np.array([2.0**-10, 2.0**40], np.float32).view(np.uint32) >> _SHIFT
# Squared t are counted by the leading bits of their float32, in buckets of at most 1/1024 of their value.


@drawing
def relative_fdr(
    maps: xr.DataArray, *, sigma: float, rng: np.random.Generator, n_permutations: int = 199,
    support: float = SUPPORT, clusters: str | None = None,
) -> xr.Dataset:
    """Test relative saliency at every pixel, with the false discovery rate over pixels and actors.

    Parameters
    ----------
    maps, sigma, rng, support, clusters
        As for `relative_test`.
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

        attrs: ``assumption``, ``family_size`` and those of `relative_test`.

    Raises
    ------
    InputError
        As for `relative_test`.

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
    material = gather(maps, sigma=sigma, support=support, n_permutations=n_permutations, clusters=clusters)
    return discoveries_of(material, n_permutations, rng).assign_attrs(about(material, support))


def discoveries_of(material: Material, n_permutations: int, rng: np.random.Generator) -> xr.Dataset:
    """Carry out `relative_fdr` on material that is there already."""
    t, _ = signed_t(material)
    above, drawn, n_draws = _counts_above(material, n_permutations, rng)
    p = (1 + above[_codes(t**2)]) / (1 + drawn)
    tests = xr.DataArray(p.ravel(), dims="test")
    methods: tuple[Method, ...] = ("bh", "by")
    by_method = {f"p_{method}": adjust_p(tests, "test", method=method).to_numpy().reshape(p.shape)
                 for method in methods}
    return dataset(material, {
        "t": on_grid(t, material), "p_pooled": on_grid(p, material),
        **{name: on_grid(values, material) for name, values in by_method.items()},
        "p_attainable": 1 / (1 + drawn), "n_permutations": n_draws, "n_undefined": material.n_undefined,
    }, {"assumption": ASSUMPTION, "family": "pixels and actors", "family_size": material.family_size})


def _counts_above(material: Material, n_permutations: int, rng: np.random.Generator,
                  ) -> tuple[NDArray[np.intp], int, int]:
    """Count t under permutation from each bucket upwards; also how many t and how many permutations there were."""
    plan = Plan(material, "mean", n_permutations)
    parts = plan.blocks()
    counts = np.zeros(int(_BUCKETS[1] - _BUCKETS[0]) + 1, np.intp)
    n_draws = 0
    for arrangements in plan.permuted(rng):
        n_draws += len(arrangements.counts)
        for block in parts:
            counts += np.bincount(_codes(squared_t(block, arrangements)).ravel(), minlength=len(counts))
    return counts[::-1].cumsum()[::-1], int(counts.sum()), n_draws


def _codes(squares: NDArray[np.floating]) -> NDArray[np.uint32]:
    """Bucket of each squared t; a t counts as reached by all others in its bucket, which can only raise p."""
    bits = np.ascontiguousarray(squares, np.float32).view(np.uint32) >> _SHIFT
    np.clip(bits, _BUCKETS[0], _BUCKETS[1], out=bits)
    bits -= _BUCKETS[0]
    return np.asarray(bits, np.uint32)
