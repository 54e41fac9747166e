"""Unique agreement: how far people and a classifier agree in an image beyond what every face would make them share.

Maps of faces agree because faces lie in the middle, have edges and have one shape that both sides look at. So both maps
of an image are residualised, within the image, on a constant, a centred Gaussian, the photograph's edges, and the mean
human map of all actors as the image's face lies and turns, with its slopes and these times the place in the face: to
first order, what small errors of its place, angle and size do to it. What is correlated is left over after that.

The mean is of *all* actors: of the others alone it would leave a share 1 / (actors - 1) of people's own map in both
residuals, so that a copy of the average face seemed to agree with people beyond the average face. And it is registered
by landmarks: a face that lies elsewhere, or turns, moves both maps, and what the mean does not explain of that they
share. People's maps are moved to where faces lie on average, and what is expected of them there is their regression, in
each pixel over all images, on how the faces' shapes differ. Warping one mean by the landmarks would not do: its errors
depend on how the head is turned, and so are shared.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from salcompare.blocks import side_by_side
from salcompare.errors import InputError, Problem
from salcompare.faces.procrustes import fit_similarity, procrustes_mean
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

POINTS = 20
"""Fewest landmarks of a face that faces can be registered by: five on the features do not show how these lie in it."""
LEAST_CHANGE = 0.03
"""Of a component of shape that is regressed on: how far it moves landmarks over how far they are from their middle."""
PER_COMPONENT = 8
"""Images for each component of shape that is regressed on."""
PHOTOGRAPH = "photograph"
_IMAGES = 16  # whose regressors are held at a time
_NOTHING = 1e-9  # of a map's variance: what is left below it is rounding


@dataclass(frozen=True)
class Registered:
    """People's maps, and what all faces share, registered to each image; made by `registered`.

    Attributes
    ----------
    human : DataArray (image, y, x)
        As given, with coordinate ``actor``; of the images that have landmarks and a photograph.
    edges : array (image, y, x)
        Of the photographs, smoothed as people's maps are.
    poses : Poses
        Where each image's face lies.
    scores : array (image, component)
        How its shape differs from the mean shape; the first is 1.
    faces : array (component, y + 2 by, x + 2 bx)
        What the mean human map is, of a face that lies where faces lie on average, times the scores; with borders of a
        quarter of the sides.
    """

    human: xr.DataArray
    edges: Values
    poses: Poses
    scores: Values
    faces: Values
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
        faces = np.stack([self._face(row) for row in rows])
        slopes = np.gradient(faces, axis=(1, 2))
        middles = (np.arange(n) - self.poses.middles[rows, axis, np.newaxis] for axis, n in enumerate(shape))
        places = np.expand_dims(next(middles), 2), np.expand_dims(next(middles), 1)  # of the face's middle
        of_face = np.stack([faces, *slopes, *(place * slope for place in places for slope in slopes)])
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

    def _face(self, row: int) -> Values:
        """Give the mean human map (y, x) as the face of one image lies and turns; 0 where it is not known."""
        face = np.tensordot(self.scores[row], self.faces, axes=1)
        border = (np.array(face.shape) - self.edges.shape[1:])[:, np.newaxis] // 2
        places = self.poses.to_frame(row, _pixels(self.edges.shape[1:])) + border
        return np.asarray(map_coordinates(face, places, order=3)).reshape(self.edges.shape[1:])

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


class Poses(NamedTuple):
    """Where faces lie: similarities between pixels (y, x) of each image and of the frame, a face as it is on average.

    `turns` (image, 2, 2) take differences of places in the frame to the image; `middles` (image, 2) and `middle` (2)
    are of the landmarks in each image, and in the frame.
    """

    turns: Values
    middles: Values
    middle: Values

    def to_image(self, row: int, places: Values) -> Values:
        """Take places (2, place) of the frame to an image."""
        return np.asarray(self.turns[row] @ (places - self.middle[:, np.newaxis]) + self.middles[row, :, np.newaxis])

    def to_frame(self, row: int, places: Values) -> Values:
        """Take places (2, place) of an image to the frame."""
        off = places - self.middles[row, :, np.newaxis]
        return np.asarray(np.linalg.solve(self.turns[row], off) + self.middle[:, np.newaxis])


def registered(human: xr.DataArray, photographs: xr.DataArray, landmarks: xr.DataArray, *, sigma: float) -> Registered:
    """Register what people's maps are of a face on average to every image, by its landmarks.

    Parameters
    ----------
    human : DataArray (image, y, x)
        People's maps, with coordinate ``actor`` along ``image``.
    photographs : DataArray (image, y, x[, channel])
        On the same grid; images without one are left out.
    landmarks : DataArray (image, point, axis)
        Axes x and y in pixels of that grid, the first one's centre at 0.5 (`salcompare.maps.alignment.move_landmarks`),
        of at least `POINTS` points, the face's outline among them; images without a face, NaN, are left out.
    sigma : float
        Of the Gaussian that maps and edges are smoothed with, pixels.

    Returns
    -------
    Registered
        For `agreement_beyond`, `unique_values` and `unique_ceiling`.

    Raises
    ------
    InputError
        If maps are not labelled, hold an image twice or pixels that are not finite, if there are too few landmarks of a
        face, or no image has all three.

    Notes
    -----
    A similarity of the mean shape, fitted to an image's landmarks, says where its face lies (generalised Procrustes
    analysis). People's maps are moved to where faces lie on average, linearly between pixels; what is expected of them
    there is their regression on the first three principal components of the moved landmarks and the squares of the
    first two, with all actors weighing the same: in the order first, its square, second, its square, third, and no more
    than one for `PER_COMPONENT` images. A pixel that an image does not show counts as the mean of those that do.

    References
    ----------
    Gower (1975), doi:10.1007/BF02291478; Umeyama (1991), doi:10.1109/34.88573
    """
    _require_faces(human, photographs, landmarks)
    seen = human["image"].isin(photographs["image"].to_numpy()).to_numpy()
    placed = landmarks.reindex(image=human["image"].to_numpy()).sel(axis=["y", "x"])
    shapes = np.ascontiguousarray(placed.transpose("image", "point", "axis"), np.float64) - 0.5
    marked = np.isfinite(shapes).all(axis=(1, 2))
    for where, which in (("photographs", seen), ("landmarks", seen & marked)):
        if not which.any():
            raise InputError(Problem(where, "none of an image that people's maps are of", "at least one",
                                     "give all the same image ids"))
    maps = human.isel(image=seen & marked).transpose("image", "y", "x").load()
    shown = photographs.sel(image=maps["image"].to_numpy())
    shown = shown if "channel" in shown.dims else shown.expand_dims(channel=3, axis=-1)
    edges = smooth(sobel_edges(shown.load()), sigma=sigma).transpose("image", "y", "x").to_numpy().astype(np.float64)
    owner = np.unique(maps["actor"].to_numpy(), return_inverse=True)[1]
    weights = 1 / np.bincount(owner)[owner] / (owner.max() + 1)
    poses, scores = _poses(shapes[seen & marked], weights)
    return Registered(maps, edges, poses, scores, _mean_faces(maps.to_numpy(), poses, scores, weights), sigma)


def _require_faces(human: xr.DataArray, photographs: xr.DataArray, landmarks: xr.DataArray) -> None:
    """Refuse what faces cannot be registered by."""
    require_maps(human, "human maps", dims=("image", "y", "x"), named=("actor",))
    require_maps(photographs, "photographs", dims=("image", "y", "x"), named=("image",))
    for given, where in ((human, "human maps"), (photographs, "photographs")):
        finite = xr.ufuncs.isfinite(given.sum(skipna=False, dtype=np.float64))
        if not given.indexes["image"].is_unique or not bool(finite):
            raise InputError(Problem(where, "an image twice, or with pixels that are NaN or infinite",
                                     "each image once, all its pixels finite", "leave those images out"))
    if min(human.sizes["y"], human.sizes["x"]) < 2:
        raise InputError(Problem("human maps", "a side of 1 pixel", "at least 2 x 2 pixels", "give maps of images"))
    if landmarks.sizes["point"] < POINTS:
        raise InputError(Problem("landmarks", f"{landmarks.sizes['point']} points of a face",
                                 f"at least {POINTS}, with the face's outline", "fewer do not show how features lie in "
                                 "a face that turns: detect more with `salcompare landmarks --out FILE`"))


def _poses(shapes: Values, weights: Values) -> tuple[Poses, Values]:
    """Find where faces (image, point, 2) lie, and scores (image, component) of their shapes, orthonormal by weights."""
    mean = procrustes_mean(shapes)
    fit = fit_similarity(mean, shapes)
    fitted = fit.scale[:, np.newaxis, np.newaxis] * fit.rotation
    poses = Poses(fitted @ np.linalg.inv(np.tensordot(weights, fitted, axes=1)), shapes.mean(axis=1),
                  weights @ shapes.mean(axis=1))
    in_frame = np.stack([poses.to_frame(row, shape.T) for row, shape in enumerate(shapes)])
    average = np.tensordot(weights, in_frame, axes=1)
    off, size = (in_frame - average).reshape(len(shapes), -1), np.linalg.norm(average - average.mean(axis=0))
    root = np.sqrt(weights)[:, np.newaxis]
    left, spread, _ = np.linalg.svd(off * root, full_matrices=False)
    spread = np.where(spread < LEAST_CHANGE * size, 0, spread)
    first, second, third = (np.pad(left * spread / root, ((0, 0), (0, 3)))[:, :3]).T
    shape_scores = np.stack([first, first**2, second, second**2, third], axis=1)[:, :len(shapes) // PER_COMPONENT]
    return poses, _orthonormal(np.concatenate([np.ones((len(shapes), 1)), shape_scores], axis=1), root)


def _orthonormal(columns: Values, root: Values) -> Values:
    """Make columns orthonormal by weights, whose roots are given, from the first on; zeros for what adds nothing."""
    columns = columns * root
    columns = columns / np.maximum(np.linalg.norm(columns, axis=0), _NOTHING)
    q, r = np.linalg.qr(columns)
    return np.asarray(np.where(np.abs(np.diag(r)) > np.sqrt(_NOTHING), q * np.sign(np.diag(r)), 0) / root)


def _pixels(shape: tuple[int, ...], borders: tuple[int, ...] = (0, 0)) -> Values:
    """Places (2, pixel) of all pixels of a grid with borders, by row."""
    sides = [np.arange(-border, n + border) for n, border in zip(shape, borders, strict=True)]
    return np.stack(np.meshgrid(*sides, indexing="ij")).reshape(2, -1).astype(np.float64)


def _mean_faces(maps: NDArray[np.floating], poses: Poses, scores: Values, weights: Values) -> Values:
    """Regress maps, moved to where faces lie on average, on their scores, in each pixel over the maps that show it."""
    shape = maps.shape[1:]
    borders = tuple(n // 4 + 1 for n in shape)
    places = _pixels(shape, borders)
    sums, shown = np.zeros((2, scores.shape[1], places.shape[1]))
    last = np.array(shape)[:, np.newaxis] - 0.5
    for row, weighted in enumerate(scores * weights[:, np.newaxis]):
        at = poses.to_image(row, places)
        inside = ((at >= -0.5) & (at <= last)).all(axis=0)
        moved = map_coordinates(maps[row].astype(np.float64), at[:, inside], order=3, mode="nearest")
        sums[:, inside] += np.outer(weighted, moved)
        shown[:, inside] += weighted[:, np.newaxis]
    mean = sums[0] / np.where(shown[0] > _NOTHING, shown[0], np.inf)
    sums -= mean * shown
    sums[0] = mean
    return sums.reshape(-1, *(n + 2 * border for n, border in zip(shape, borders, strict=True)))


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
def unique_agreement(human: xr.DataArray, classifier: xr.DataArray, photographs: xr.DataArray,
                     landmarks: xr.DataArray, *, sigma: float, rng: np.random.Generator,
                     n_permutations: int = 9999) -> xr.Dataset:
    """Estimate and test how far people and a classifier agree beyond what all faces share.

    Parameters
    ----------
    human, classifier : DataArray (image, y, x)
        People's maps and the classifier's, on one grid; people's with coordinate ``actor`` along ``image``.
    photographs : DataArray (image, y, x[, channel])
        On the same grid.
    landmarks : DataArray (image, point, axis)
        As for `registered`. Without them there is no estimate: of faces that move or turn unseen, its test would reject
        half of the time.
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
        If maps are not labelled, there are too few landmarks, or no image has a human map, a classifier map, a
        photograph and landmarks.
    """
    require_maps(human, "maps", dims=("image", "y", "x"), named=("actor",))
    one, other = matched(human, classifier)
    shared = registered(one, photographs, landmarks, sigma=sigma)
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
    people's of the image, so that an actor's value is symmetric about 0. In 300 simulated studies each of 12 actors
    with 4 images on 16 x 16 pixels, whose landmarks err by 0.2 pixels, it rejected 3% of faces that lie alike, 3 and 4%
    where inner features slide by 1 and 1.5 pixels (sd) against the outline, as in heads that turn (67% with a mean face
    that is only moved), 3% where mouths move, and 4% of faces of 0.8 to 1.2 times the mean size that turn, of such as
    move, turn and nod, and of actors who hold their heads elsewhere.
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
