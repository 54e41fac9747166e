"""Tests of a side: whether actors share one, whether each has one of its own, and whether people lean to one.

Maps are mirrored at random, which turns the sign of a map's odd part, so that all arrangements come from one matrix of
inner products of odd parts by one matrix product. Of people, workers and actors are resampled instead: all actors share
workers, who lean to one side by chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy import sparse, stats

from salcompare.errors import InputError, Problem
from salcompare.maps import actor_heatmap, natural_order, require_response_maps
from salcompare.random_numbers import drawing
from salcompare.statistics.inference.crossed import crossed_variance, t_interval_of
from salcompare.statistics.inference.permutation import p_value, sign_flip_test, sign_flips
from salcompare.statistics.inference.resampling import FEWEST_ACTORS, LEVEL, bootstrap_weights, population_mean
from salcompare.statistics.kernels import Codes, Values, maps_in_range
from salcompare.statistics.responses import ImageBoxes, ImageResponses, Responses, names_of, responses_by_image
from salcompare.statistics.symmetries import indices

ACTORS_MIRRORED = "all maps of an actor mirrored together, actors at random"
CLUSTERS_MIRRORED = "whole clusters of images mirrored at random"
NO_SIDE = "the mean over all workers and all actors leans to neither side"
RESAMPLED = ("workers", "actors", "workers and actors")
_BATCH = 256  # resamples at a time; images x batch numbers are held
_MAPS = 16  # maps of single responses that are read at a time


@dataclass(frozen=True)
class OddGram:
    """What the asymmetry of one actor is computed from."""

    actor: str
    n_images: int
    products: Values  # (u, u) of odd parts, summed within clusters; diagonal 0, so it holds pairs of clusters, twice
    even: float  # sum over the same pairs of the inner products of even parts

    @property
    def odd(self) -> float:
        """Sum over pairs of the inner products of odd parts."""
        return float(self.products.sum()) / 2

    @property
    def several(self) -> bool:
        """Whether there is a pair."""
        return len(self.products) > 1

    @property
    def share(self) -> float:
        """Share of odd energy; NaN without a pair, since rounding leaves an actor of one image 1e-17."""
        return _share(self.odd, self.even) if self.several else np.nan

    @property
    def reason(self) -> str:
        """Why there is no share; empty where there is one."""
        if not self.several:
            return "fewer than two images to compare"
        return "" if self.odd + self.even > 0 else indices.NO_ENERGY


@drawing
def common_laterality_test(maps: xr.DataArray, *, rng: np.random.Generator, n_permutations: int = 9999) -> xr.Dataset:
    """Test whether the actors' heatmaps have a side in common.

    Parameters
    ----------
    maps, rng, n_permutations
        As for `asymmetry_test`, errors too; what is drawn is which actors are mirrored.

    Returns
    -------
    Dataset
        - **value**, **ci_low**, **ci_high**: mean over actors of the laterality (L - R) / (L + R) of an actor's
          heatmap, viewer's left, in [-1, 1], with a t interval over actors (NaN below eight); **p_value**, two-sided.
        - **odd_share**: odd / (odd + even) energy from inner products between heatmaps of different actors, so that
          only what actors have in common counts: 0 in expectation without a common side. **odd_share_p_value**: of the
          squared norm of the mean over actors of the heatmaps' odd parts, which sees a common asymmetry that leaves
          L = R. **odd_share_reason**.
        - **p_attainable**, the smallest p that either test can give, and **n_permutations**; **n** actors,
          **n_undefined**, **reason**.
        - Over ``actor``: **laterality**. Over ``permutation``: **null**, of the value.

    Notes
    -----
    Under the null hypothesis the whole set of an actor's maps is as likely as the set of their mirror images,
    independently of the other actors. Actors may be asymmetric, if their sides differ at random: then this test keeps
    its level and has no power, and `asymmetry_test` finds them. With few actors p cannot be small: with six or fewer
    it is at least 1 / 32.
    """
    indices.require_actors(maps)
    heatmaps = actor_heatmap(maps_in_range(maps)).transpose("actor", "y", "x").compute()
    lateral = indices.symmetry(heatmaps)["laterality"].reset_coords(drop=True)
    values = heatmaps.to_numpy()
    values = values[np.isfinite(values).all(axis=(1, 2))]
    odd, even = indices.folded(values)
    gram, energy = odd @ odd.T, even @ even.T
    p, attainable, null = sign_flip_test(lateral.to_numpy(), rng=rng, n_permutations=n_permutations)
    odd_energy, even_energy = (products.sum() - np.trace(products) for products in (gram, energy))
    share = _share(odd_energy, even_energy)
    energies = indices.mirrored(gram, n_permutations, rng) if len(gram) else np.empty(0)
    result = population_mean(lateral).assign(
        p_value=p, p_attainable=attainable, odd_share=share,
        odd_share_p_value=float(p_value(gram.sum(), energies)) if len(gram) else np.nan, laterality=lateral,
        null=("permutation", null), n_permutations=null.size)
    if not len(values):
        result["reason"] = xr.DataArray("no actor with a map")
    undefined = "" if np.isfinite(share) else "fewer than two actors, or no common energy"
    return result.assign(odd_share_reason=str(result["reason"].item()) or undefined).assign_attrs(
        null=ACTORS_MIRRORED, alternative="two-sided", odd_share_alternative="greater")


@drawing
def asymmetry_test(maps: xr.DataArray, *, rng: np.random.Generator, n_permutations: int = 9999,
                   clusters: str | None = None) -> xr.Dataset:
    """Test whether actors' maps are asymmetric, whichever side each actor's are on.

    Parameters
    ----------
    maps : DataArray (image, y, x)
        Maps, masks or photographs, with coordinate ``actor`` along ``image``; actors may have different numbers of
        images. Empty maps and maps that hold NaN are left out.
    rng, n_permutations : Generator, int
        How often to draw which images are mirrored; where there are no more arrangements in all, each comes once.
    clusters : str, optional
        Coordinate along ``image``, such as ``shoot``: images of one actor that share it are mirrored together and
        form no pair. Needed where they share more than the actor, such as near-duplicates.

    Returns
    -------
    Dataset
        - **value**: odd / (odd + even) energy, each a sum over pairs of different images of one actor of inner
          products of their odd (even) parts, pooled over actors; 0 in expectation for symmetric maps, however noisy,
          0.5 for energy on one side only. It has no interval: few actors have most of the odd energy, and intervals by
          jackknife, Fieller's and bootstrap-t held the truth in 85 to 94% with 8 to 40 actors.
        - **p_value**, **p_attainable**, **n_permutations**, **null_mean**; **n** actors, **n_images**,
          **n_undefined** actors without a pair of images, **reason**. **null** (permutation): of the value.
        - Over ``actor``: **actor_value**, **actor_p_value**, **actor_p_attainable**, **actor_n_permutations**,
          **actor_n** images, **actor_reason**. `adjust_p` over ``actor`` gives p of the family.

    Notes
    -----
    Under the null hypothesis each image's map (or each cluster of them) is as likely as its mirror image, given those
    of the other images. The even parts stay as they are, so the test of the odd energy is also a test of the value.
    Only pairs within actors are summed: pairs of images of two actors show a common side alone, which
    `common_laterality_test` tests. A worker who leans to one side and has drawn on several images of an actor makes
    their maps asymmetric: the null speaks of the workers at hand, not of other workers. Simulated, 2,000 studies of 17
    actors with 15 symmetric noisy maps each: rejects 5.1% at 5%, of single actors too; with 2 to 15 maps an
    actor 4.4%. Sides that differ between actors, of a tenth of the energy of the
    noise's odd part, are found always; by `common_laterality_test` in 4.6%.
    """
    grams = odd_grams(maps, clusters)
    p, n_draws, draws = _flips_of_actors(grams, rng, n_permutations)
    p_least = np.where(np.isnan(p), np.nan, 1 / (1 + n_draws))
    several = [gram for gram in grams if gram.several]
    even = sum(gram.even for gram in several)
    value = _share(sum(gram.odd for gram in several), even)
    null = draws[:, -1] / (draws[:, -1] + even) if np.isfinite(value) else np.full(len(draws), np.nan)
    n = len(several)
    of_actors = {"value": [gram.share for gram in grams], "p_value": p[:-1], "p_attainable": p_least[:-1],
                 "n_permutations": n_draws[:-1], "n": [gram.n_images for gram in grams],
                 "reason": [gram.reason for gram in grams]}
    return xr.Dataset({
        **{f"actor_{name}": ("actor", values) for name, values in of_actors.items()},
        "value": value, "p_value": p[-1], "p_attainable": p_least[-1],
        "n_permutations": n_draws[-1],
        "null_mean": float(null.mean()) if null.size else np.nan, "null": ("permutation", null), "n": n,
        "n_images": sum(gram.n_images for gram in grams), "n_undefined": len(grams) - n,
        "reason": ("" if np.isfinite(value) else indices.NO_ENERGY) if n else (
            "no actor with two images" + ("" if clusters is None else " of different clusters")),
    }, {"actor": np.array([gram.actor for gram in grams], dtype=str)}, {
        "null": indices.IMAGES_MIRRORED if clusters is None else CLUSTERS_MIRRORED, "alternative": "greater"})


def odd_grams(maps: xr.DataArray, clusters: str | None) -> list[OddGram]:
    """Give what each actor's asymmetry is computed from."""
    grams = []
    codes = cluster_codes(maps, clusters)
    for one in indices.each_actor(maps):
        odd, even = (_cluster_sums(part, codes[one.images]) for part in indices.folded(one.values))
        products = odd @ odd.T
        np.fill_diagonal(products, 0)
        grams.append(OddGram(one.actor, len(one.images), products, indices.pair_sum(even)))
    return grams


def _cluster_sums(rows: Values, clusters: Codes) -> Values:
    """Sum the rows of each cluster, so that pairs of sums hold the pairs of rows of different clusters only."""
    order = np.argsort(clusters, kind="stable")
    starts = np.unique(clusters[order], return_index=True)[1]
    summed: Values = np.add.reduceat(rows[order], starts, axis=0) if len(rows) else rows
    return summed


def cluster_codes(maps: xr.DataArray, clusters: str | None) -> Codes:
    """Give each image the number of its cluster, whose images are mirrored together: one each, or by a coordinate."""
    indices.require_actors(maps)
    if clusters is None:
        return np.arange(maps.sizes["image"])
    if clusters not in maps.coords or maps[clusters].dims != ("image",):
        raise InputError(Problem("clusters", repr(clusters), "a coordinate along image",
                                 f"the maps have {', '.join(map(str, maps.coords))}"))
    codes = pd.factorize(maps[clusters].to_numpy())[0]
    if (codes < 0).any():
        raise InputError(Problem("clusters", f"{(codes < 0).sum()} images without {clusters}", "one for every image"))
    return np.asarray(codes, dtype=np.intp)


def _flips_of_actors(grams: Sequence[OddGram], rng: np.random.Generator, n_permutations: int) -> tuple[
        Values, Codes, Values]:  # (a + 1,), (a + 1,), (b, a + 1)
    """Test the odd energy of each actor and, last, of all together.

    Gives p, NaN for who has no pair, on how many arrangements each rests, and odd energy under the joint ones.
    """
    observed = np.array([gram.odd if gram.several else np.nan for gram in grams] + [0.0])
    observed[-1] = np.nansum(observed)
    groups = np.repeat(np.arange(len(grams)), [len(gram.products) for gram in grams])
    draws = np.concatenate([np.empty((0, len(grams) + 1)), *(
        _energies(grams, signs) for signs in sign_flips(len(groups), n_permutations, rng, groups=groups))])
    p, n_draws = np.full(len(grams) + 1, np.nan), np.zeros(len(grams) + 1, np.intp)
    for at, gram in enumerate(grams):
        if gram.several:
            enumerable = 2 ** (len(gram.products) - 1) - 1 <= n_permutations
            null = indices.mirrored(gram.products, n_permutations, rng) / 2 if enumerable else draws[:, at]
            p[at], n_draws[at] = p_value(observed[at], null), null.size
    if any(gram.several for gram in grams):
        p[-1], n_draws[-1] = p_value(observed[-1], draws[:, -1]), len(draws)
    return p, n_draws, draws


def _energies(grams: Sequence[OddGram], signs: Values) -> Values:  # (b, units) -> (b, a + 1)
    """Odd energy of each actor, and of all, in each arrangement of signs."""
    parts = np.split(signs, np.cumsum([len(gram.products) for gram in grams])[:-1], axis=1)
    energies = np.column_stack([np.einsum("ij,ij->i", part @ gram.products, part) / 2
                                for gram, part in zip(grams, parts, strict=True)])
    return np.column_stack([energies, energies.sum(axis=1)])


def _share(odd: float, even: float) -> float:
    return float(odd / (odd + even)) if odd + even > 0 else float("nan")


@dataclass(frozen=True)
class _Halves:
    """Areas of boxes left and right of the midline, summed over each worker's boxes on an image."""

    left: sparse.csr_array  # (image, worker) pixels of the grid
    right: sparse.csr_array
    boxes: sparse.csr_array  # (image, worker) how many boxes there are
    member: sparse.csr_array  # (actor, image) 1 where the image is the actor's
    actors: NDArray[np.str_]  # in natural order

    def laterality(self, workers: Values) -> Values:  # (b, worker) -> (b, actor)
        """Compute (L - R) / (L + R) of the actors' heatmaps of coverage if workers count as often as the weights say.

        An actor's images weigh the same: their number cancels out.
        """
        return np.concatenate([self._laterality(workers[start:start + _BATCH].T)
                               for start in range(0, len(workers), _BATCH)])

    def of(self, actors: NDArray[np.bool_]) -> _Halves:
        """Keep some actors, their images, and the workers of these."""
        images = np.flatnonzero(self.member[actors].sum(axis=0))
        workers = np.flatnonzero(self.boxes[images].sum(axis=0))
        left, right, boxes = (part[images][:, workers] for part in (self.left, self.right, self.boxes))
        return _Halves(left, right, boxes, self.member[actors][:, images], self.actors[actors])

    def _laterality(self, workers: Values) -> Values:  # (worker, b) -> (b, actor)
        drawn = self.boxes @ workers
        share = 1 / np.where(drawn > 0, drawn, 1)
        left, right = (self.member @ ((part @ workers) * share) for part in (self.left, self.right))
        total = left + right
        return np.asarray(((left - right) / np.where(total > 0, total, np.nan)).T, float)


@drawing
def worker_laterality(responses: Responses, images: pd.DataFrame, *, size: tuple[int, int],
                      rng: np.random.Generator, n_resamples: int = 2000) -> xr.Dataset:
    """Test whether people's heatmaps lean to a side, workers and actors both taken as drawn at random.

    Parameters
    ----------
    responses, images, size
        As for `noise_ceiling`; images without responses are left out.
    rng, n_resamples : Generator, int
        How many resamples to draw of workers, of actors (with their images), and of both.

    Returns
    -------
    Dataset
        - **value**: mean over actors of the laterality (L - R) / (L + R) of an actor's heatmap (the mean over images
          of the means over responses), viewer's left, in [-1, 1]; an odd width's middle column is left out. That of
          `common_laterality_test` on the maps of `salcompare.rasterise_boxes`.
        - **ci_low**, **ci_high**: 95% t interval, workers and actors crossed; **p_value**, two-sided, of the same t:
          at most 0.05 where the interval leaves 0 out. **standard_error**, **freedom**: the fewer of workers and
          actors, less one. NaN with fewer than 7 degrees of freedom, or where the variance is not above 0.
        - **n** actors, **n_undefined** without anything left or right of the middle, **n_workers**, **n_images**,
          **reason**.
        - Over ``actor``: **laterality**. Over ``resampled`` and ``resample``: **draws** of the value.

    Notes
    -----
    Null hypothesis: `NO_SIDE`. Workers are drawn at random from all who could have drawn boxes, with all their boxes,
    and actors from all who could have been shown, with all their images. `common_laterality_test` takes the workers as
    given: where they lean, all actors do, and it rejects too often for a claim about people. The variances with
    workers, actors, and both resampled are put together by `crossed_variance`.

    References
    ----------
    Schütt et al. (2023), doi:10.7554/eLife.82566
    """
    halves = _halves(responses, images, size)
    lateral = halves.laterality(np.ones((1, halves.boxes.shape[1])))[0]
    used = halves.of(~np.isnan(lateral))
    n_actors, n_workers = len(used.actors), used.boxes.shape[1]
    value = float(lateral[~np.isnan(lateral)].mean()) if n_actors else np.nan
    freedom = max(min(n_actors, n_workers) - 1, 0)
    draws = _draws(used, n_resamples, rng) if n_actors else np.full((3, n_resamples), np.nan)
    variance = float(crossed_variance(*draws))
    error = np.sqrt(variance) if variance > 0 else np.nan
    interval = t_interval_of(value, variance, freedom=freedom, resampled=RESAMPLED[2], level=LEVEL,
                             n_resamples=n_resamples, method="crossed t", n_undefined=np.isnan(draws[2]).sum())
    return xr.Dataset({
        "value": value, "ci_low": float(interval.low), "ci_high": float(interval.high),
        "p_value": float(2 * stats.t.sf(abs(value) / error, freedom)) if freedom >= FEWEST_ACTORS - 1 else np.nan,
        "standard_error": error,
        "freedom": freedom, "n": n_actors, "n_undefined": len(lateral) - n_actors, "n_workers": n_workers,
        "n_images": used.boxes.shape[0], "reason": str(interval.reason) if n_actors else "no box beside the midline",
        "laterality": ("actor", lateral), "draws": (("resampled", "resample"), draws)},
        coords={"actor": halves.actors, "resampled": list(RESAMPLED)},
        attrs={"ci_method": interval.method, "resampled": RESAMPLED[2], "n_resamples": n_resamples, "null": NO_SIDE,
               "alternative": "two-sided"})


def _halves(responses: Responses, images: pd.DataFrame, size: tuple[int, int]) -> _Halves:
    names = names_of(responses)
    if not len(names):
        raise InputError(Problem("responses", "no response", "at least one", "collect some"))
    if not isinstance(responses, pd.DataFrame):  # a side needs no more of a map than its sums over rows
        responses, size = _columns(responses), (1, size[1])
    by_image = responses_by_image(responses, images, size=size)
    nameless = np.flatnonzero(names["worker"].isna() | (names["worker"] == "")).tolist()
    if nameless:
        raise InputError([Problem(f"responses row {row}", "no worker", "a name for each worker") for row in nameless])
    worker = np.concatenate([part.worker for part in by_image.values()])
    image = np.repeat(np.arange(len(by_image)), [len(part.worker) for part in by_image.values()])
    areas = [np.concatenate(side) for side in zip(*(_sides(part, size) for part in by_image.values()), strict=True)]
    left, right, boxes = (sparse.csr_array((area.astype(float), (image, worker)), shape=(
        len(by_image), int(worker.max()) + 1)) for area in areas)
    owner = images.set_index("image")["actor"].astype(str).reindex(list(by_image)).to_numpy(str)
    actors = natural_order(owner.tolist()).astype(str)
    member = sparse.csr_array((actors[:, np.newaxis] == owner).astype(float))
    return _Halves(left, right, boxes, member, actors)


def _columns(maps: xr.DataArray) -> xr.DataArray:
    """Sum maps (response, y, x) over rows, float64, some maps at a time; one row (response, 1, x) is left."""
    require_response_maps(maps)
    ordered = maps.transpose("response", "y", "x")
    sums = np.empty((ordered.sizes["response"], 1, ordered.sizes["x"]))
    for start in range(0, len(sums), _MAPS):
        some = ordered.isel(response=slice(start, start + _MAPS)).to_numpy()
        sums[start:start + _MAPS, 0] = some.sum(axis=1, dtype=np.float64)
    return ordered.isel(y=slice(0, 1)).copy(data=sums)


def _sides(part: ImageResponses, size: tuple[int, int]) -> tuple[Values, Values, Values]:
    """Give what each response to an image holds left and right of the midline, and whether it holds anything."""
    half = size[1] // 2
    if isinstance(part, ImageBoxes):
        height = part.down.sum(axis=1)
        return part.across[:, :half].sum(axis=1) * height, part.across[:, size[1] - half:].sum(axis=1) * height, (
            height > 0)
    columns: Values = np.concatenate([maps.reshape(-1, *size).sum(axis=1, dtype=np.float64) for maps in part.parts])
    return columns[:, :half].sum(axis=1), columns[:, size[1] - half:].sum(axis=1), np.asarray(
        columns.any(axis=1), np.float64)


def _draws(halves: _Halves, n_resamples: int, rng: np.random.Generator) -> Values:  # (3, n_resamples)
    """Draw the population's mean with workers, with actors, and with both resampled."""
    workers = bootstrap_weights(halves.boxes.shape[1], n_resamples, rng, fewer=1)
    actors = bootstrap_weights(len(halves.actors), n_resamples, rng, fewer=1)
    observed = halves.laterality(np.ones((1, halves.boxes.shape[1])))
    resampled = halves.laterality(workers)
    return np.stack([_mean(resampled, np.ones_like(actors)), _mean(observed, actors), _mean(resampled, actors)])


def _mean(lateral: Values, weights: Values) -> Values:  # (b or 1, actor), (b, actor) -> (b,)
    """Mean over actors by weight, of those that have a value."""
    held = np.where(np.isnan(lateral), 0, weights)
    total = held.sum(axis=1)
    return np.asarray((held * np.nan_to_num(lateral)).sum(axis=1) / np.where(total > 0, total, np.nan), float)
