"""Unique agreement: how far people and a classifier agree in an image beyond what every face would make them share.

Maps of faces agree because faces lie in the middle, have edges and have one shape that both sides look at. So both maps
of an image are residualised, within the image, on a constant, a centred Gaussian, the photograph's edges, and the mean
human map of all actors, registered to the image, with its slopes and these times the place in the face: to first
order, what small shifts, turns in the plane and changes of size do to it. What is correlated is left over after that.

The mean is of *all* actors: of the others alone it would leave a share 1 / (actors - 1) of people's own map in both
residuals, so that a copy of the average face seemed to agree with people beyond the average face. And it is registered:
a face that lies elsewhere moves both maps, and what an unmoved mean does not explain of that they share.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from salcompare.blocks import side_by_side
from salcompare.errors import InputError, Problem
from salcompare.maps import smooth
from salcompare.maps.checks import require_maps
from salcompare.maps.filters import sobel_edges
from salcompare.random_numbers import drawing
from salcompare.statistics.ceilings.pooled import pooled_ceiling
from salcompare.statistics.inference.permutation import sign_flip_test
from salcompare.statistics.inference.resampling import mean_over_actors, population_mean
from salcompare.statistics.kernels import Codes, Values, centred_gaussian, flat, standardised
from salcompare.statistics.overlaps.same_image import matched
from salcompare.statistics.responses import ImageResponses, Responses, responses_by_image

LARGEST_SHIFT = 1 / 8
"""Of a face from where faces lie on average, as a share of the photograph's height and width."""
PHOTOGRAPH = "photograph"
_IMAGES = 16  # whose regressors are held at a time
_NOTHING = 1e-9  # of a map's variance: what is left below it is rounding


@dataclass(frozen=True)
class Registered:
    """People's maps, and what all faces share, registered to each image; made by `registered`.

    Attributes
    ----------
    human : DataArray (image, y, x)
        Smoothed, with coordinate ``actor``.
    edges : array (image, y, x)
        Of the photographs, smoothed alike.
    shifts : array (image, 2)
        How far, in pixels down and to the right, the face lies from where it lies on average.
    face : array (y + 2 by, x + 2 bx)
        Mean human map of all actors, of a face that lies where faces lie on average, with borders as wide as
        the largest shift and a pixel.
    at_limit : int
        Images whose shift is the largest one tried, and may be too small.
    """

    human: xr.DataArray
    edges: Values
    shifts: Values
    face: Values
    at_limit: int
    sigma: float

    @cached_property
    def people(self) -> tuple[Values, Values]:
        """Residuals of people's maps, and what share of each is left."""
        return self.residuals(self.human)

    def places(self, maps: xr.DataArray) -> Codes:
        """Say which image each of some maps is of; -1 for none."""
        names = maps[PHOTOGRAPH if PHOTOGRAPH in maps.coords else "image"].to_numpy().astype(str)
        return np.asarray(pd.Index(self.human["image"].to_numpy().astype(str)).get_indexer(pd.Index(names)), np.intp)

    def basis(self, rows: Codes) -> Values:
        """Orthonormal regressors of some images (image, regressor, pixel); zeros for what adds nothing."""
        shape = self.edges.shape[1:]
        down, across = (_weights(np.arange(n) + (whole - n) // 2 - self.shifts[rows, axis, np.newaxis], whole)
                        for axis, (n, whole) in enumerate(zip(shape, self.face.shape, strict=True)))
        of_face = np.stack([down @ one @ np.swapaxes(across, 1, 2) for one in (self.face, *np.gradient(self.face))])
        middles = (np.arange(n) - (n - 1) / 2 - self.shifts[rows, axis, np.newaxis] for axis, n in enumerate(shape))
        places = np.expand_dims(next(middles), 2), np.expand_dims(next(middles), 1)  # of the face's middle
        of_face = np.concatenate([of_face, *(place * of_face[1:] for place in places)])
        blurred = smooth(xr.DataArray(of_face, dims=("regressor", "image", "y", "x")), sigma=self.sigma).to_numpy()
        maps = [np.ones(shape), centred_gaussian(*shape), self.edges[rows], *blurred]
        stacked = np.stack([np.broadcast_to(one, (rows.size, *shape)) for one in maps], axis=1)
        stacked = stacked.reshape(rows.size, len(maps), -1)
        size = np.sqrt(np.einsum("ikp,ikp->ik", stacked, stacked))[..., np.newaxis]
        stacked /= np.where(size > 0, size, 1)
        spread, axes = np.linalg.eigh(stacked @ np.swapaxes(stacked, 1, 2))
        adds = spread > _NOTHING
        scaled = np.swapaxes(axes, 1, 2) * (adds / np.sqrt(np.where(adds, spread, 1)))[..., np.newaxis]
        return np.asarray(scaled @ stacked)

    def residuals(self, maps: xr.DataArray) -> tuple[Values, Values]:
        """Residuals (map, pixel), each of norm 1, and the share (map,) of each map's variance that is left in them.

        Maps (image, y, x) of these images are smoothed as people's are; a coordinate ``photograph`` along ``image``, if
        there is one, says which image each is of. NaN where a map is constant, or nothing is left of it.
        """
        units, shares = (np.empty((maps.sizes["image"], *shape)) for shape in ((self.edges[0].size,), ()))
        for rows, _, unit, share in self.blocks(maps):
            units[rows], shares[rows] = unit, share
        return units, shares

    def blocks(self, maps: xr.DataArray) -> Iterator[tuple[Codes, Codes, Values, Values]]:
        """Give `residuals` some maps at a time: which maps, of which images, their residuals and shares."""
        of, maps = self.places(maps), maps.transpose("image", "y", "x")
        order = np.argsort(of, kind="stable")  # maps of one image next to each other, so that they share its basis

        def some(start: int) -> tuple[Codes, Codes, Values, Values]:
            """Residualise the maps of one block."""
            rows = order[start:start + _IMAGES]
            smoothed = smooth(maps.isel(image=rows), sigma=self.sigma).to_numpy()
            return rows, of[rows], *self._residuals(smoothed, of[rows])

        return side_by_side(some, range(0, len(of), _IMAGES))

    def _residuals(self, maps: NDArray[np.floating], rows: Codes) -> tuple[Values, Values]:
        images, of = np.unique(rows, return_inverse=True)
        basis = self.basis(images)[of]
        left = standardised(flat(maps))[:, np.newaxis]
        for _ in range(2):  # once more, for what rounding has left of the regressors
            left = left - (left @ np.swapaxes(basis, 1, 2)) @ basis
        share = (left[:, 0] ** 2).mean(axis=1)
        share = np.where(share > _NOTHING, share, np.nan)
        return left[:, 0] / np.sqrt(share * left.shape[2])[:, np.newaxis], share

    def products(self, image: int, responses: ImageResponses) -> Values:
        """Inner products of the residuals of one image's single responses (response, response)."""
        basis = self.basis(np.array([image]))[0].reshape(-1, *self.edges.shape[1:])
        along = np.stack([responses.products_with_map(one) for one in basis])
        return np.asarray(responses.covariance + np.outer(responses.sums, responses.sums) / responses.pixels
                          - along.T @ along)


def registered(human: xr.DataArray, photographs: xr.DataArray, *, sigma: float) -> Registered:
    """Register the mean human map of all actors to every image, by the photographs' edges.

    Parameters
    ----------
    human : DataArray (image, y, x)
        People's maps, with coordinate ``actor`` along ``image``.
    photographs : DataArray (image, y, x[, channel])
        On the same grid; images without one are left out.
    sigma : float
        Of the Gaussian that maps and edges are smoothed with, pixels.

    Returns
    -------
    Registered

    Raises
    ------
    InputError
        If maps are not labelled, or no image has both a human map and a photograph.

    Notes
    -----
    An image's shift maximises the correlation of its smoothed edges with the middle of the mean photograph's (mean
    within actors, then over actors), over shifts up to `LARGEST_SHIFT` of either side; between pixels a parabola finds
    the peak. Human maps are moved back by it, averaged within actors, then over actors, where they show the face, and
    the mean is moved to each image, by cubic convolution.

    References
    ----------
    Keys (1981), doi:10.1109/TASSP.1981.1163711
    """
    require_maps(human, "human maps", dims=("image", "y", "x"), named=("actor",))
    require_maps(photographs, "photographs", dims=("image", "y", "x"), named=("image",))
    for given, where in ((human, "human maps"), (photographs, "photographs")):
        finite = xr.ufuncs.isfinite(given.sum(skipna=False, dtype=np.float64))
        if not given.indexes["image"].is_unique or not bool(finite):
            raise InputError(Problem(where, "an image twice, or with pixels that are NaN or infinite",
                                     "each image once, all its pixels finite", "leave those images out"))
    seen = human["image"].isin(photographs["image"].to_numpy()).to_numpy()
    if not seen.any():
        raise InputError(Problem("photographs", "none of an image that people's maps are of", "at least one",
                                 "give both the same image ids"))
    maps = human.isel(image=seen).transpose("image", "y", "x").load()
    shown = photographs.sel(image=maps["image"].to_numpy())
    shown = shown if "channel" in shown.dims else shown.expand_dims(channel=3, axis=-1)
    edges = smooth(sobel_edges(shown.load()), sigma=sigma).transpose("image", "y", "x").to_numpy().astype(np.float64)
    owner = np.unique(maps["actor"].to_numpy(), return_inverse=True)[1]
    weights = 1 / np.bincount(owner)[owner]
    border = [round(LARGEST_SHIFT * n) for n in edges.shape[1:]]
    shifts, at_limit = _shifts(edges, np.average(edges, axis=0, weights=weights), border)
    face = _mean_face(maps.to_numpy(), shifts, weights, [n + 1 for n in border])
    return Registered(maps, edges, shifts, face, at_limit, sigma)


def _shifts(edges: Values, mean: Values, border: list[int]) -> tuple[Values, int]:
    """Find the shifts (image, 2) at which the middle of the mean correlates best with each image; count the largest."""
    middle = mean[border[0]:mean.shape[0] - border[0], border[1]:mean.shape[1] - border[1]]
    pattern = middle - middle.mean()
    edges = edges - edges.mean(axis=(1, 2), keepdims=True)
    products = fftconvolve(edges, pattern[np.newaxis, ::-1, ::-1], mode="valid", axes=(1, 2))
    sums, squares = (_box_sums(values, middle.shape) for values in (edges, edges**2))
    spread = squares - sums**2 / middle.size
    least = 1e-9 * squares.max(axis=(1, 2), keepdims=True)
    fits = np.divide(products, np.sqrt(spread), out=np.zeros_like(products), where=spread > least)
    best = np.stack(np.unravel_index(fits.reshape(len(fits), -1).argmax(axis=1), fits.shape[1:]), axis=1)
    flat_ones = np.ptp(fits, axis=(1, 2)) == 0
    best[flat_ones] = border
    inside = (best > 0) & (best < np.array(fits.shape[1:]) - 1)
    padded = np.pad(fits, ((0, 0), (1, 1), (1, 1)), mode="edge")
    shifts, images = (best - border).astype(np.float64), np.arange(len(fits))
    for axis, step in enumerate(np.eye(2, dtype=np.intp)):
        before, peak, after = (padded[images, *(best + 1 + way * step).T] for way in (-1, 0, 1))
        bend = before - 2 * peak + after
        shifts[:, axis] += np.where(inside[:, axis] & (bend < 0), (before - after) / 2 / np.where(bend < 0, bend, 1), 0)
    return shifts, int((~inside).any(axis=1).sum())


def _box_sums(values: Values, shape: tuple[int, ...]) -> Values:
    """Add up all boxes of a shape in maps (image, y, x)."""
    for axis, n in enumerate(shape, start=1):
        ends = np.insert(np.cumsum(values, axis=axis), 0, 0, axis=axis)
        size = ends.shape[axis]
        values = np.take(ends, np.arange(n, size), axis) - np.take(ends, np.arange(size - n), axis)
    return values


def _weights(positions: Values, n: int) -> Values:
    """Weights (..., k, n) of n pixels in values at positions (..., k), by Keys' cubic convolution; 0 beyond them."""
    far = np.abs(positions[..., np.newaxis] - np.arange(n))
    weights = np.where(far <= 1, (1.5 * far - 2.5) * far**2 + 1,
                       np.where(far < 2, ((-0.5 * far + 2.5) * far - 4) * far + 2, 0))
    inside = (np.abs(positions - (n - 1) / 2) <= n / 2)[..., np.newaxis]
    return weights * inside / np.where(inside, weights.sum(axis=-1, keepdims=True), 1)


def _mean_face(maps: NDArray[np.floating], shifts: Values, weights: Values, border: list[int]) -> Values:
    """Average maps moved back to where faces lie on average (y + 2 by, x + 2 bx), each pixel over maps that show it."""
    total, shown = (np.zeros([n + 2 * edge for n, edge in zip(maps.shape[1:], border, strict=True)]) for _ in "ab")
    for start in range(0, len(maps), _IMAGES):
        rows = slice(start, start + _IMAGES)
        down, across = (_weights(np.arange(-edge, n + edge) + shifts[rows, axis, np.newaxis], n)
                        for axis, (n, edge) in enumerate(zip(maps.shape[1:], border, strict=True)))
        moved = down @ maps[rows] @ np.swapaxes(across, 1, 2)
        total += np.tensordot(weights[rows], moved, axes=1)
        shown += np.einsum("i,iy,ix->yx", weights[rows], down.sum(axis=2), across.sum(axis=2))
    return np.asarray(total / np.where(shown > _NOTHING, shown, np.inf))


def unique_values(shared: Registered, maps: xr.DataArray) -> xr.DataArray:
    """Correlate the residuals of people's map of each image with those of another map of it.

    Parameters
    ----------
    shared : Registered
        People's maps and what all faces share.
    maps : DataArray (image, y, x)
        A classifier's or a control's. With a coordinate ``photograph`` along ``image``, which says what each map is of,
        an image's value is the mean over its maps.

    Returns
    -------
    DataArray (image)
        In [-1, 1], with coordinate ``actor``; NaN where nothing is left of either map.

    Raises
    ------
    InputError
        If no map is of an image that people's are of.
    """
    known = _known(shared, maps)
    values, of = np.empty(known.sizes["image"]), shared.places(known)
    for rows, images, units, _ in shared.blocks(known):
        values[rows] = np.einsum("ip,ip->i", shared.people[0][images], units)
    means = pd.Series(values).groupby(of).mean()
    return shared.human["actor"].isel(image=means.index.to_numpy()).copy(data=means.to_numpy()).rename(None)


def _known(shared: Registered, maps: xr.DataArray) -> xr.DataArray:
    """Keep the maps of images that people's are of."""
    require_maps(maps, "classifier maps", dims=("image", "y", "x"))
    known = np.flatnonzero(shared.places(maps) >= 0)
    if not known.size:
        raise InputError(Problem("classifier maps", "none of an image with a human map and a photograph",
                                 "at least one", "give all the same image ids"))
    return maps.isel(image=known)


@drawing
def unique_agreement(human: xr.DataArray, classifier: xr.DataArray, photographs: xr.DataArray, *, sigma: float,
                     rng: np.random.Generator, n_permutations: int = 9999) -> xr.Dataset:
    """Estimate and test how far people and a classifier agree beyond what all faces share.

    Parameters
    ----------
    human, classifier : DataArray (image, y, x)
        People's maps and the classifier's, on one grid; people's with coordinate ``actor`` along ``image``.
    photographs : DataArray (image, y, x[, channel])
        On the same grid. Without them there is no test: of faces that move unseen it would reject half of the time.
    sigma : float
        Of the Gaussian that maps and edges are smoothed with, pixels.
    rng, n_permutations : Generator, int
        How many sign flips to draw; where there are no more in all, each comes once.

    Returns
    -------
    Dataset
        As `agreement_beyond` gives it.

    Raises
    ------
    InputError
        If maps are not labelled, or no image has a human map, a classifier map and a photograph.
    """
    require_maps(human, "maps", dims=("image", "y", "x"), named=("actor",))
    one, other = matched(human, classifier)
    shared = registered(one, photographs, sigma=sigma)
    return agreement_beyond(shared, other, rng=rng, n_permutations=n_permutations)


@drawing
def agreement_beyond(shared: Registered, maps: xr.DataArray, *, rng: np.random.Generator,
                     n_permutations: int = 9999) -> xr.Dataset:
    """Estimate and test unique agreement of maps (image, y, x) with people's, which are registered.

    Returns
    -------
    Dataset
        Scalars: **value**, mean over actors of the mean over an actor's images of the correlation of both residuals, in
        [-1, 1], with **ci_low**, **ci_high** by t over actors (NaN below eight); **beyond**, **beyond_low**,
        **beyond_high**: the same less the mean correlation with other actors' images on either side; **others**, that
        mean; **p_value**, **p_attainable**, **null_mean** (0), **n_permutations** of the one-sided test that flips
        actors' signs of the latter; **r2**: the share of what the regressors leave of people's maps (each at standard
        deviation 1) that the classifier's residual explains, times one coefficient, the other actors'; it may be
        negative, and is NaN for an **r2_reason**; **n** actors, **n_undefined**, **reason**; **n_images**,
        **n_images_undefined** (on which nothing is left of a map).
        Over ``actor``: **actor_value**, **actor_beyond**, **actor_n** (images).

    Notes
    -----
    Null hypothesis: once the regressors are taken away, the classifier's map of an image has nothing to do with
    people's of the image, so that an actor's value is symmetric about 0. In simulated studies of 12 actors with 4
    images on 16 x 16 pixels it rejected 5% of faces that lie alike, 6% of faces of 0.8 to 1.2 times the mean size, and
    11% of faces moved by 1.4 pixels (sd) down and across, alike in an actor's images; but 67% where inner features slid
    by a pixel (sd) against the outline, as in heads that turn: show these aligned, at one angle.
    """
    known = _known(shared, maps)
    of, (units, _) = shared.places(known), shared.residuals(known)
    people, left = (values[of] for values in shared.people)
    each = xr.DataArray(np.einsum("ip,ip->i", people, units), dims="image", coords={
        "actor": ("image", shared.human["actor"].to_numpy()[of])})
    defined = ~np.isnan(each.to_numpy())
    means = mean_over_actors(each)
    names = means["actor"].to_numpy()
    member = (names[:, np.newaxis] == each["actor"].to_numpy()) & defined
    share = member / np.maximum(member.sum(axis=1, keepdims=True), 1)
    blocks = (share @ np.nan_to_num(people)) @ (share @ np.nan_to_num(units)).T
    others = _with_others(blocks, member.any(axis=1))
    beyond = means["actor_value"] - others
    gain = share @ np.nan_to_num(each.to_numpy() * np.sqrt(left)), share @ np.nan_to_num(left)
    p, least, null = sign_flip_test(beyond.to_numpy(), rng=rng, n_permutations=n_permutations, alternative="greater")
    population = population_mean(beyond)
    r2 = _cross_validated(*gain)
    reason = "fewer than two actors with people's maps to explain" if np.isnan(r2) else ""
    return means.assign(
        beyond=population["value"], beyond_low=population["ci_low"], beyond_high=population["ci_high"],
        others=population_mean(beyond.copy(data=others))["value"], r2=r2, r2_reason=reason, p_value=p,
        p_attainable=least, null_mean=0.0, n_permutations=null.size, actor_beyond=beyond, n_images=known.sizes["image"],
        n_images_undefined=int((~defined).sum())).assign_attrs(
            null="signs of actors' values beyond other actors' flipped", alternative="greater", sigma=shared.sigma)


def _with_others(blocks: Values, defined: NDArray[np.bool_]) -> Values:
    """Mean of each actor's row and column of mean correlations (actor, actor) over the other actors; NaN without."""
    pairs = np.outer(defined, defined) & ~np.eye(len(blocks), dtype=bool)
    sums, n = (blocks * pairs + (blocks * pairs).T).sum(axis=1), 2 * pairs.sum(axis=1)
    return np.asarray(np.where(n > 0, sums, np.nan) / np.maximum(n, 1))


def _cross_validated(products: Values, energies: Values) -> float:
    """Share of the energy explained, from each actor's mean product with a residual of unit energy and mean energy."""
    used = energies > 0
    if used.sum() < 2:
        return float("nan")
    products, energies = products[used], energies[used]
    slope = (products.sum() - products) / (products.size - 1)
    return float((2 * slope * products - slope**2).sum() / energies.sum())


def unique_ceiling(shared: Registered, responses: Responses, images: pd.DataFrame) -> xr.Dataset:
    """Estimate the unique agreement that a perfect model could have with people, given how few responded.

    Parameters
    ----------
    shared : Registered
        People's maps and what all faces share.
    responses, images : DataFrame or DataArray, DataFrame
        Boxes or maps (response, y, x), and rows of images: as for `noise_ceiling`.

    Returns
    -------
    Dataset
        As `pooled_ceiling` gives it, of residualised responses; **ceiling** is NaN where those of different workers do
        not agree.
    """
    by_image = responses_by_image(responses, images, size=shared.edges.shape[1:], sigma=shared.sigma)
    people = shared.human["image"].to_numpy().astype(str).tolist()
    rows = [row for row, name in enumerate(people) if name in by_image]
    boxes = [by_image[people[row]] for row in rows]
    products = list(side_by_side(lambda at: shared.products(rows[at], boxes[at]), range(len(rows))))
    return pooled_ceiling(products, [box.worker for box in boxes], shared.human["actor"].to_numpy()[rows].tolist())
