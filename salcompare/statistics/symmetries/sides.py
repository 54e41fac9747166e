"""Tests of symmetry: whether all actors share a side, and whether each actor has a side of its own.

Both mirror maps at random. Mirroring turns the sign of a map's odd part, so that all arrangements come from one matrix
of inner products of odd parts by one matrix product.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from salcompare.errors import drawing
from salcompare.maps import actor_heatmap
from salcompare.phrases import counted
from salcompare.statistics.inference.levels import population_mean
from salcompare.statistics.inference.permutation import p_value, smallest_p
from salcompare.statistics.inference.resampling import FEWEST_ACTORS, jackknife_interval
from salcompare.statistics.inference.signs import sign_flip_test, sign_flips
from salcompare.statistics.kernels import Values, maps_in_range
from salcompare.statistics.symmetries.indices import symmetry
from salcompare.statistics.symmetries.parts import (
    cluster_codes,
    cluster_sums,
    each_actor,
    folded,
    pair_sum,
    require_actors,
)

ACTORS_MIRRORED = "all maps of an actor mirrored together, actors at random"
IMAGES_MIRRORED = "single images mirrored at random"
CLUSTERS_MIRRORED = "whole clusters of images mirrored at random"


@dataclass(frozen=True)
class OddGram:
    """What the asymmetry of one actor is computed from.

    Attributes
    ----------
    products : ndarray (u, u)
        Inner products of the odd parts of the actor's images, summed within clusters; the diagonal is 0, so that the
        matrix holds the pairs of images of different clusters, twice.
    even : float
        Sum over the same pairs of the inner products of even parts.
    """

    products: Values
    even: float

    @property
    def odd(self) -> float:
        """Sum over pairs of the inner products of odd parts."""
        return float(self.products.sum()) / 2

    @property
    def several(self) -> bool:
        """Whether there is a pair."""
        return len(self.products) > 1


@drawing
def common_laterality_test(maps: xr.DataArray, *, rng: np.random.Generator, n_permutations: int = 9999) -> xr.Dataset:
    """Test whether the actors' heatmaps have a side in common.

    Parameters
    ----------
    maps : DataArray (image, y, x)
        Maps or masks, with coordinate ``actor`` along ``image``. Empty maps and maps that hold NaN are left out.
    rng : Generator
        Draws which actors are mirrored.
    n_permutations : int
        Arrangements drawn; where there are no more in all, each comes once.

    Returns
    -------
    Dataset
        - **value**, **ci_low**, **ci_high**: mean over actors of the laterality (L - R) / (L + R) of an actor's
          heatmap, viewer's left, in [-1, 1], with a t interval over actors (NaN below eight); **p_value**, two-sided.
        - **odd_share**, **odd_share_ci_low**, **odd_share_ci_high**: odd / (odd + even) energy from inner products
          between heatmaps of different actors, so that only what actors have in common counts: 0 in expectation
          without a common side; by jackknife over actors. **odd_share_p_value**: of the squared norm of the mean over
          actors of the heatmaps' odd parts, which sees a common asymmetry that leaves L = R.
        - **p_attainable**, the smallest p that either test can give; **n** actors, **n_undefined**, **reason**.
        - Over ``actor``: **laterality**. Over ``permutation``: **null**, of the value.

    Raises
    ------
    InputError
        If `maps` are no maps with actors.

    Notes
    -----
    Under the null hypothesis the whole set of an actor's maps is as likely as the set of their mirror images,
    independently of the other actors. Actors may be asymmetric, if their sides differ at random: then this test keeps
    its level and has no power, and `asymmetry_test` finds them. With few actors p cannot be small: with six or fewer
    it is at least 1 / 32.
    """
    require_actors(maps)
    heatmaps = actor_heatmap(maps_in_range(maps)).transpose("actor", "y", "x").compute()
    lateral = symmetry(heatmaps)["laterality"].reset_coords(drop=True)
    values = heatmaps.values[np.isfinite(heatmaps.values).all(axis=(1, 2))]
    odd, even = folded(values)
    gram, energy = odd @ odd.T, even @ even.T
    p, attainable, null = sign_flip_test(lateral.values, rng=rng, n_permutations=n_permutations)
    share, low, high = _between_actors(gram, energy)
    found = population_mean(lateral).assign(
        p_value=p, p_attainable=attainable, odd_share=share, odd_share_ci_low=low, odd_share_ci_high=high,
        odd_share_p_value=_common_energy_p(gram, rng, n_permutations), laterality=lateral,
        null=("permutation", null))
    if not len(values):
        found["reason"] = xr.DataArray("no actor with a map")
    return found.assign_attrs(null=ACTORS_MIRRORED, alternative="two-sided", odd_share_ci_method="jackknife")


@drawing
def asymmetry_test(maps: xr.DataArray, *, rng: np.random.Generator, n_permutations: int = 9999,
                   clusters: str | None = None) -> xr.Dataset:
    """Test whether actors' maps are asymmetric, whichever side each actor's are on.

    Parameters
    ----------
    maps : DataArray (image, y, x)
        Maps, masks or photographs, with coordinate ``actor`` along ``image``; actors may have different numbers of
        images. Empty maps and maps that hold NaN are left out.
    rng : Generator
        Draws which images are mirrored.
    n_permutations : int
        Arrangements drawn; where there are no more in all, each comes once.
    clusters : str, optional
        Coordinate along ``image``, such as ``shoot``: images of one actor that share it are mirrored together and
        form no pair. Needed where they share more than the actor, such as near-duplicates.

    Returns
    -------
    Dataset
        - **value**, **ci_low**, **ci_high**: odd / (odd + even) energy, each a sum over pairs of different images of
          one actor of inner products of their odd (even) parts, pooled over actors; 0 in expectation for symmetric
          maps, however noisy, 0.5 for energy on one side only; by jackknife over actors, NaN below eight.
        - **p_value**, **p_attainable**, **null_mean**; **n** actors, **n_images**, **n_undefined** actors without a
          pair of images, **reason**. **null** (permutation): of the value.
        - Over ``actor``: **actor_value**, **actor_p_value**, **actor_p_attainable**, **actor_n** images,
          **actor_reason**. `adjust_p` over ``actor`` gives p of the family.

    Raises
    ------
    InputError
        If `maps` are no maps with actors, or `clusters` is no such coordinate.

    Notes
    -----
    Under the null hypothesis each image's map (or each cluster of them) is as likely as its mirror image, given those
    of the other images. The even parts stay as they are, so the test of the odd energy is also a test of the value.
    Only pairs within actors are summed: pairs of images of two actors show a common side alone, which
    `common_laterality_test` tests. A worker who leans to one side and has drawn on several images of an actor makes
    their maps asymmetric: the null speaks of the workers at hand, not of other workers.

    Simulated, 2,000 studies of 17 actors with 15 symmetric noisy maps each: rejects 5.1% at 5%, of single actors too,
    and the interval holds 0 in 94.4%; with 2 to 15 maps an actor, 4.4% and 94.8%. Sides that differ between actors,
    of a tenth of the energy of the noise's odd part, are found always; by `common_laterality_test` in 4.6%.
    """
    grams, actors, counts = odd_grams(maps, clusters)
    p, p_least, draws = flips_of_actors(grams, rng, n_permutations)
    several = [g for g in grams if g.several]  # rounding leaves an actor of one image 1e-17
    value, low, high, reason = pooled_share([g.odd for g in several], [g.even for g in several])
    even = sum(g.even for g in several)
    null = draws[:, -1] / (draws[:, -1] + even) if np.isfinite(value) else np.full(len(draws), np.nan)
    n = len(several)
    of_actors = xr.Dataset({
        "actor_value": ("actor", [_share(g.odd, g.even) if g.several else np.nan for g in grams]),
        "actor_p_value": ("actor", p[:-1]), "actor_p_attainable": ("actor", p_least[:-1]), "actor_n": ("actor", counts),
        "actor_reason": ("actor", [_why(g) for g in grams])}, coords={"actor": np.array(actors, dtype=str)})
    return of_actors.assign(
        value=value, ci_low=low, ci_high=high, p_value=p[-1], p_attainable=p_least[-1],
        null_mean=float(null.mean()) if null.size else np.nan, n=n, n_images=sum(counts), n_undefined=len(grams) - n,
        reason=reason if n else "no actor with two images" + ("" if clusters is None else " of different clusters"),
        null=("permutation", null),
    ).assign_attrs(null=IMAGES_MIRRORED if clusters is None else CLUSTERS_MIRRORED, alternative="greater",
                   ci_method="jackknife", resampled="actors")


def odd_grams(maps: xr.DataArray, clusters: str | None = None) -> tuple[list[OddGram], list[str], list[int]]:
    """Give what each actor's asymmetry is computed from, the actors' names, and their numbers of defined maps."""
    grams: list[OddGram] = []
    actors, counts = [], []
    codes = cluster_codes(maps, clusters)
    for one in each_actor(maps):
        odd, even = (cluster_sums(part, codes[one.images]) for part in folded(one.values))
        products = odd @ odd.T
        np.fill_diagonal(products, 0)
        grams.append(OddGram(products, pair_sum(even)))
        actors.append(one.actor)
        counts.append(len(one.images))
    return grams, actors, counts


def flips_of_actors(grams: Sequence[OddGram], rng: np.random.Generator, n_permutations: int) -> tuple[
        Values, Values, Values]:
    """Test the odd energy of each actor and, last, of all together.

    Returns
    -------
    tuple of ndarray (a + 1,), (a + 1,), (b, a + 1)
        p and the smallest p that it could be, NaN for who has no pair; odd energy under the joint arrangements.
    """
    observed = np.array([g.odd if g.several else np.nan for g in grams] + [0.0])
    observed[-1] = np.nansum(observed)
    sizes = [len(g.products) for g in grams]
    groups = np.repeat(np.arange(len(grams)), sizes)
    draws = np.concatenate([np.empty((0, len(grams) + 1)), *(
        _energies(grams, signs) for signs in sign_flips(len(groups), n_permutations, rng, groups=groups))])
    p, least = np.full(len(grams) + 1, np.nan), np.full(len(grams) + 1, np.nan)
    for at, gram in enumerate(grams):
        if gram.several:
            own = draws[:, at] if 2 ** (sizes[at] - 1) - 1 > n_permutations else _enumerated(gram, n_permutations, rng)
            p[at], least[at] = p_value(observed[at], own), smallest_p(own.size)
    if any(gram.several for gram in grams):
        p[-1], least[-1] = p_value(observed[-1], draws[:, -1]), smallest_p(len(draws))
    return p, least, draws


def pooled_share(odd: Sequence[float], even: Sequence[float]) -> tuple[float, float, float, str]:
    """Share of odd energy over actors, its jackknife interval over them, and why there is none."""
    one, other = np.asarray(odd, float), np.asarray(even, float)
    kept = np.abs(one) + np.abs(other) > 0
    one, other = one[kept], other[kept]
    value = _share(one.sum(), other.sum())
    if np.isnan(value):
        return value, np.nan, np.nan, "the maps' common energy is not positive"
    if len(one) < FEWEST_ACTORS:
        return value, np.nan, np.nan, f"{counted(len(one), 'actor')} with a value; an interval needs {FEWEST_ACTORS}"
    without = [_share(one.sum() - a, other.sum() - b) for a, b in zip(one, other, strict=True)]
    interval = jackknife_interval(value, without, resampled="actors")
    return value, float(interval.low), float(interval.high), str(interval.reason.item())


def _energies(grams: Sequence[OddGram], signs: Values) -> Values:  # (b, units) -> (b, a + 1)
    """Odd energy of each actor, and of all, in each arrangement of signs."""
    found = np.zeros((len(signs), len(grams) + 1))
    start = 0
    for at, gram in enumerate(grams):
        own = signs[:, start:start + len(gram.products)]
        found[:, at] = np.einsum("ij,ij->i", own @ gram.products, own) / 2
        start += len(gram.products)
    found[:, -1] = found[:, :-1].sum(axis=1)
    return found


def _enumerated(gram: OddGram, n_permutations: int, rng: np.random.Generator) -> Values:
    units = len(gram.products)
    batches = list(sign_flips(units, n_permutations, rng, groups=np.zeros(units, np.intp)))
    return np.concatenate([_energies([gram], signs)[:, 0] for signs in batches])


def _between_actors(gram: Values, energy: Values) -> tuple[float, float, float]:
    """Share of odd energy that pairs of actors have in common, with its jackknife interval over actors."""
    sums = [(products.sum() - np.trace(products), 2 * (products.sum(axis=1) - np.diag(products)))
            for products in (gram, energy)]
    (odd, odd_of), (even, even_of) = sums
    value = _share(odd, even)
    if len(gram) < FEWEST_ACTORS or np.isnan(value):
        return value, np.nan, np.nan
    without = [_share(odd - a, even - b) for a, b in zip(odd_of, even_of, strict=True)]
    interval = jackknife_interval(value, without, resampled="actors")
    return value, float(interval.low), float(interval.high)


def _common_energy_p(gram: Values, rng: np.random.Generator, n_permutations: int) -> float:
    """Give p of the squared norm of the mean odd part under mirroring of whole actors."""
    if not len(gram):
        return float("nan")
    groups = np.zeros(len(gram), np.intp)
    draws = [np.einsum("ij,ij->i", signs @ gram, signs)
             for signs in sign_flips(len(gram), n_permutations, rng, groups=groups)]
    return float(p_value(gram.sum(), np.concatenate(draws) if draws else np.empty(0)))


def _share(odd: float, even: float) -> float:
    return float(odd / (odd + even)) if odd + even > 0 else float("nan")


def _why(gram: OddGram) -> str:
    if not gram.several:
        return "fewer than two images to compare"
    return "" if gram.odd + gram.even > 0 else "the maps' common energy is not positive"
