"""Simulated studies, through the pipeline's own maps: boxes are drawn, then rasterised as a study's are.

The model. All photographs show one face (`geometry`), moved by the actor's and the image's shift. Each actor has
shares of the face's places around the face's own, each image shares around its actor's, and a response goes to a place
drawn from its image's, or to its worker's favourite. Its box lies about that place, and carries the place's label.
The classifier's map is the product of what all faces share, of what it shares with people (the image's expected
coverage over what is expected without its effects), of smooth factors of its own, and of a factor for each pixel.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy import ndimage

from salcompare.maps import rasterise_boxes
from salcompare.random_numbers import drawing
from salcompare.simulation.faces import cut_boxes
from salcompare.simulation.preferences import picked, stream
from salcompare.simulation.responses import response_table
from salcompare.simulation.scenario import Scenario, expected_coverage

Values = NDArray[np.float64]
Codes = NDArray[np.intp]
BACKGROUND = 0.02
"""What a classifier sees where no box lies, as a share of the mean expected coverage."""
_LEAST = 0.5  # pixels of the photograph: sides of the smallest box


@dataclass(frozen=True)
class Truth:
    """What a study was drawn from.

    `actor_shares` (actor, place) and `image_shares` (image, place) are probabilities of the places, in the order of the
    geometry's, before favourites; `owner` (image,) is each image's actor; `shifts` (image, 2) are where the face lies,
    as shares of the photograph's width and height off its place; `turns` (image,) are how far it turns, as a share of
    the width; `label_shares` is the expected share of each label (columns) of the responses to each actor (index).
    """

    actor_shares: Values
    image_shares: Values
    owner: Codes
    shifts: Values
    turns: Values
    label_shares: pd.DataFrame


@dataclass(frozen=True)
class SimulatedStudy:
    """One simulated study; tables and maps are made when they are first asked for, and do not depend on the order.

    `scenario` is what it was drawn from, `images` as `schema.IMAGES`, `truth` the drawn effects, and `seeds` are of the
    draws of people and of the classifier.
    """

    scenario: Scenario
    images: pd.DataFrame
    truth: Truth
    seeds: tuple[int, int]

    @cached_property
    def place_shifts(self) -> Values:
        """Where each place lies in each image (image, place, 2), as `Truth.shifts`."""
        turned = self.truth.turns[:, np.newaxis] * self.scenario.geometry.depths
        return self.truth.shifts[:, np.newaxis] + np.stack([turned, np.zeros_like(turned)], axis=2)

    @cached_property
    def responses(self) -> pd.DataFrame:
        """Boxes as `schema.RESPONSES`, with `origin` "simulated"; float edges, pixels of the photographs."""
        return _responses(self)

    @cached_property
    def human(self) -> xr.Dataset:
        """People's maps as `schema.HUMAN_MAPS`, by `salcompare.rasterise_boxes`."""
        return rasterise_boxes(self.responses, self.images, size=self.scenario.grid)

    @cached_property
    def saliency(self) -> xr.DataArray:
        """The classifier's maps (image, y, x), as `schema.CLASSIFIER_MAPS`; mean over a map about 1."""
        return _saliency(self)


@drawing
def simulate_study(scenario: Scenario, *, rng: np.random.Generator) -> SimulatedStudy:
    """Draw a study; with 17 actors, 15 images and 20 responses each on a grid of 24 x 24 it takes some 15 ms.

    Parameters
    ----------
    scenario : Scenario
        What to draw from: how many actors, images and workers, and by how much they differ.
    rng : Generator
        Equal states give equal studies.

    Returns
    -------
    SimulatedStudy
        Its images and truth; responses and maps when they are asked for.
    """
    owner = np.repeat(np.arange(scenario.n_actors), scenario.images_of_actors)
    names = _numbered("s", scenario.n_actors)
    shoot, first = _shoots(scenario)
    actor_shares = _dirichlet(scenario.geometry.shares[None], np.full(scenario.n_actors, scenario.actor_spread), rng)
    image_shares = _dirichlet(actor_shares[owner[first]], _image_spreads(scenario)[owner[first]], rng)[shoot]
    shifts = (np.asarray(scenario.actor_shift) * rng.standard_normal((scenario.n_actors, 2))[owner]
              + np.asarray(scenario.image_shift) * rng.standard_normal((first.size, 2))[shoot])
    seeds = rng.integers(2**62, size=2)
    turns = scenario.turn * (rng.standard_normal(first.size) if scenario.turn else np.zeros(first.size))[shoot]
    images = _images(scenario, names[owner], owner)
    labels = scenario.geometry.labels
    member = np.array([[place.label == label for label in labels] for place in scenario.geometry.places], dtype=float)
    label_shares = pd.DataFrame(_with_favourites(scenario, actor_shares) @ member, columns=list(labels),
                                index=pd.Index(names, name="actor"))
    truth = Truth(actor_shares, image_shares, owner, shifts, turns, label_shares)
    return SimulatedStudy(scenario, images, truth, (int(seeds[0]), int(seeds[1])))


def _shoots(scenario: Scenario) -> tuple[Codes, Codes]:
    """Give the shoot of each image (image,), and the first image of each shoot (shoot,)."""
    starts = _within(scenario) % scenario.per_shoot == 0
    return np.cumsum(starts) - 1, np.flatnonzero(starts)


def _dirichlet(mean: Values, spread: Values, rng: np.random.Generator) -> Values:
    """Draw shares around their means: variance spread x p (1 - p); (n or 1, place), (n,) -> (n, place)."""
    means = np.broadcast_to(mean, (spread.size, mean.shape[1]))
    varies = spread > 0
    shares = means.copy()
    parts = rng.standard_gamma(means[varies] * (1 / spread[varies] - 1)[:, None])
    total = parts.sum(axis=1, keepdims=True)
    shares[varies] = np.where(total > 0, parts / np.where(total > 0, total, 1), means[varies])
    return shares


def _image_spreads(scenario: Scenario) -> Values:
    """Spread of images within each actor (actor,): its concentration is divided by the squared factor."""
    if scenario.image_spread == 0:
        return np.zeros(scenario.n_actors)
    concentration = (1 / scenario.image_spread - 1) / scenario.spread_factors**2
    return np.asarray(1 / (concentration + 1))


def _images(scenario: Scenario, actors: NDArray[np.object_], owner: Codes) -> pd.DataFrame:
    within = _within(scenario)
    ids = np.array([f"{actor}/{number + 1}" for actor, number in zip(actors, within, strict=True)], dtype=object)
    extra = {}
    if scenario.n_groups:
        extra["group"] = np.array([f"g{code % scenario.n_groups + 1}" for code in owner], dtype=object)
    if scenario.per_shoot > 1 and scenario.declared:
        extra["shoot"] = np.array([f"{actor}-{number // scenario.per_shoot + 1}"
                                   for actor, number in zip(actors, within, strict=True)], dtype=object)
    return pd.DataFrame({"image": ids, "actor": actors, "split": "test", "file": "simulated", "sha256": "simulated",
                         "height": scenario.geometry.height, "width": scenario.geometry.width, **extra})


def _responses(study: SimulatedStudy) -> pd.DataFrame:
    scenario, rng = study.scenario, np.random.default_rng(study.seeds[0])
    image, worker = _assignment(scenario, len(study.images), rng)
    place = _places(study, image, worker, rng)
    ids, labels = study.images["image"].to_numpy(object), np.array([p.label for p in scenario.geometry.places], object)
    return response_table(ids[image], _numbered("w", scenario.n_workers)[worker], labels[place],
                          _edges(study, image, worker, place, rng), names=_numbered("r", image.size))


def _assignment(scenario: Scenario, n_images: int, rng: np.random.Generator) -> tuple[Codes, Codes]:
    """Give each image its workers, none twice: image and worker of each response."""
    low, high = scenario.responses
    numbers = rng.integers(low, high + 1, n_images)
    draws = rng.random((n_images, scenario.n_workers), dtype=np.float32)
    if scenario.per_image_of_actors:
        numbers = np.repeat(scenario.per_image_of_actors, scenario.images_of_actors)
    if scenario.workers_of_actor:  # the others come last
        ranks = rng.random((scenario.n_actors, scenario.n_workers)).argsort(axis=1).argsort(axis=1)
        draws += np.repeat(ranks >= scenario.workers_of_actor, scenario.images_of_actors, axis=0)
    order = draws.argpartition(high - 1, axis=1)[:, :high]
    order = np.take_along_axis(order, np.take_along_axis(draws, order, axis=1).argsort(axis=1), axis=1)
    chosen = np.arange(high) < numbers[:, None]
    return np.repeat(np.arange(n_images), numbers), order[chosen]


def _places(study: SimulatedStudy, image: Codes, worker: Codes, rng: np.random.Generator) -> Codes:
    """Draw the place of each response: from its image's shares, or the worker's favourite."""
    scenario, shares = study.scenario, study.scenario.geometry.shares
    favourites = picked(np.broadcast_to(shares, (scenario.n_workers, shares.size)), rng.random(scenario.n_workers))
    of_image = picked(study.truth.image_shares[image], rng.random(image.size))
    return np.where(rng.random(image.size) < scenario.favourite, favourites[worker], of_image)


def _edges(study: SimulatedStudy, image: Codes, worker: Codes, place: Codes, rng: np.random.Generator) -> Values:
    """Boxes (response, 4) as x0, y0, x1, y1, cut at the photograph's edge."""
    geometry = study.scenario.geometry
    frame = np.array([geometry.width, geometry.height], dtype=float)
    habits = rng.standard_normal((study.scenario.n_workers, 4))[worker]
    draws = rng.standard_normal((image.size, 4))
    typical = geometry.boxes[place]
    centres = (typical[:, :2] + study.place_shifts[image, place] * frame
               + typical[:, 2:] * (geometry.worker_shift * habits[:, :2] + geometry.shift * draws[:, :2]))
    sizes = typical[:, 2:] * np.exp(geometry.worker_size * habits[:, 2:] + geometry.size * draws[:, 2:])
    return cut_boxes(centres - sizes / 2, centres + sizes / 2, sides=frame, smallest=_LEAST)


def _saliency(study: SimulatedStudy) -> xr.DataArray:
    scenario, truth, rng = study.scenario, study.truth, np.random.default_rng(study.seeds[1])
    shoot, first = _shoots(scenario)
    values = _shared(study)
    widths = scenario.spread_factors[truth.owner][:, None, None]
    if scenario.classifier_actor:
        values *= _factors(scenario.classifier_actor, scenario.n_actors, scenario, rng)[truth.owner]
    if scenario.classifier_image:
        values *= _factors(scenario.classifier_image * widths[first], first.size, scenario, rng)[shoot]
    if scenario.noise:
        noise = rng.standard_normal(values.shape, dtype=np.float32)
        sd = (scenario.noise * widths).astype(np.float32)
        values *= np.exp(sd * noise - sd**2 / 2)
    carried = {name: ("image", study.images[name].to_numpy(str)) for name in ("split", "group", "shoot")
               if name in study.images}
    return xr.DataArray(
        values.astype(np.float32), dims=("image", "y", "x"), name="saliency",
        attrs={"origin": "simulated", "scenario": scenario.name},
        coords={"image": study.images["image"].to_numpy(str), "actor": ("image", study.images["actor"].to_numpy(str)),
                **carried, "y": np.arange(scenario.grid[0]), "x": np.arange(scenario.grid[1])})


def _within(scenario: Scenario) -> Codes:
    """Give the images of each actor their numbers from 0 (image,)."""
    return np.concatenate([np.arange(number) for number in scenario.images_of_actors])


def _shared(study: SimulatedStudy) -> Values:
    """Compute what the classifier's maps share with all faces and with people (image, y, x)."""
    scenario, truth = study.scenario, study.truth
    population = np.broadcast_to(scenario.geometry.shares, truth.image_shares.shape)
    shares = [population] + [truth.actor_shares[truth.owner]] * bool(scenario.shared_actor or scenario.shared_image)
    shares += [truth.image_shares] * bool(scenario.shared_image)
    shifts = scenario.classifier_moves * study.place_shifts if study.place_shifts.any() else None
    maps = expected_coverage(scenario.geometry, np.stack(shares), grid=scenario.grid, shifts=shifts)
    maps += BACKGROUND * maps[0].mean()
    values = maps[0] / maps[0].mean()
    if scenario.classifier_face is not None:
        values = _moved(np.array(scenario.classifier_face), scenario.classifier_moves * truth.shifts)
    for follows, above, below in zip((scenario.shared_actor, scenario.shared_image), maps[1:], maps, strict=False):
        values *= 1 - follows + follows * above / below
    return np.asarray(values)


def _moved(face: Values, shifts: Values) -> Values:
    """Move a map by each image's shift, linearly between pixels, its edge repeated: (y, x), (n, 2) -> (n, y, x)."""
    down, across = (_moving(shifts[:, 1 - axis] * face.shape[axis], face.shape[axis]) for axis in (0, 1))
    return np.asarray(down @ face @ np.swapaxes(across, 1, 2))


def _moving(pixels: Values, size: int) -> Values:
    """Matrices (n, size, size) that move a column by some pixels each."""
    source = np.clip(np.arange(size) - pixels[:, None], 0, size - 1)
    return np.asarray(np.clip(1 - np.abs(source[:, :, None] - np.arange(size)), 0, None))


def _factors(sd: float | Values, count: int, scenario: Scenario, rng: np.random.Generator) -> Values:
    """Smooth lognormal factors of mean 1 at every pixel (count, y, x)."""
    rough = rng.standard_normal((count, *scenario.grid))
    if scenario.smoothness:
        down, across = (_smoothing(pixels, scenario.smoothness) for pixels in scenario.grid)
        rough = down @ rough @ across.T
    factors: Values = np.exp(sd * rough - np.square(sd) / 2)
    return factors


@cache
def _smoothing(pixels: int, sigma: float) -> Values:
    """Matrix that smooths, going round at the edges, and keeps the variance of independent values."""
    kernel = ndimage.gaussian_filter1d(np.eye(pixels), sigma, axis=0, mode="wrap")
    scaled: Values = kernel / np.sqrt((kernel**2).sum(axis=1, keepdims=True))
    return scaled


@lru_cache(maxsize=64)
def _numbered(letter: str, count: int) -> NDArray[np.object_]:
    digits = max(2, len(str(count)))
    return np.array([f"{letter}{number:0{digits}d}" for number in range(1, count + 1)], dtype=object)


@lru_cache(maxsize=64)
def tends_to(scenario: Scenario, parts: Callable[[SimulatedStudy], Values], studies: int = 200) -> Values:
    """Mean over simulated studies of what is unbiased in each: what it tends to over endlessly many units.

    `parts` gives a study's (k,), and is a function of a module; the studies are other ones than any calibration's.
    """
    every = [parts(simulate_study(scenario, rng=stream(0, "tends to", scenario.name, str(run))))
             for run in range(studies)]
    return np.asarray(np.mean(every, axis=0), float)


_BOXES = 100, 40  # images and responses that a place's expected coverage is the mean of
_MANY = 40, 40  # actors and images that the variance within actors is estimated from


def between_actor_share(study: SimulatedStudy) -> float:
    """Share of the variance of human maps that lies between the actors of a study, these actors taken as given.

    An actor's expected map is linear in its shares of the places; the expected coverage of each place, and the
    variance within actors, are simulated once for a scenario.
    """
    places, within = place_maps(study.scenario), _variance_within(study.scenario)
    expected = _with_favourites(study.scenario, study.truth.actor_shares) @ places
    between = float(expected.var(axis=0, ddof=1).sum())
    return between / (between + within)


def label_share(study: SimulatedStudy, label: str) -> Values:
    """Compute the share (actor,) of a label to be expected of any workers' responses to the images that a study has."""
    owner, geometry = study.truth.owner, study.scenario.geometry
    named = np.array([place.label == label for place in geometry.places], float)
    of_images = _with_favourites(study.scenario, study.truth.image_shares) @ named
    return np.asarray(np.bincount(owner, of_images) / np.bincount(owner))


@lru_cache(maxsize=16)
def place_maps(scenario: Scenario) -> Values:
    """Simulate the expected coverage (place, pixel) of a response at each place, poses included."""
    maps = []
    for number, place in enumerate(scenario.geometry.places):
        alone = dataclasses.replace(scenario.geometry, places=(dataclasses.replace(place, share=1.0),))
        settings = scenario.replace(n_actors=1, n_images=_BOXES[0], per_image=_BOXES[1], n_workers=10 * _BOXES[1],
                                    geometry=alone, per_shoot=1, per_image_of_actors=(), workers_of_actor=0)
        drawn = simulate_study(settings, rng=stream(0, "place", scenario.name, str(number)))
        maps.append(drawn.human["coverage"].mean("image").to_numpy().ravel())
    return np.array(maps, float)


@lru_cache(maxsize=16)
def _variance_within(scenario: Scenario) -> float:
    """Simulate the variance of human maps within actors, summed over pixels."""
    settings = scenario.replace(n_actors=_MANY[0], n_images=_MANY[1], per_image_of_actors=())
    drawn = simulate_study(settings, rng=stream(0, "within", scenario.name))
    maps = drawn.human["coverage"].to_numpy().reshape(*_MANY, -1).astype(float)
    return float(maps.var(axis=1, ddof=1).sum(axis=-1).mean())


def _with_favourites(scenario: Scenario, shares: Values) -> Values:
    return (1 - scenario.favourite) * shares + scenario.favourite * scenario.geometry.shares


@lru_cache(maxsize=16)
def expected_laterality(scenario: Scenario) -> float:
    """Compute the laterality of the human heatmap to be expected, viewer's left, in [-1, 1]."""
    heatmap = (scenario.geometry.shares @ place_maps(scenario)).reshape(scenario.grid)
    half = scenario.grid[1] // 2
    left, right = heatmap[:, :half].sum(), heatmap[:, scenario.grid[1] - half:].sum()
    return float((left - right) / (left + right))


@lru_cache(maxsize=16)
def population_share(scenario: Scenario) -> float:
    """Compute the share of the variance of human maps that lies between actors, of all that could be drawn."""
    shares, maps = scenario.geometry.shares, place_maps(scenario)
    spread = scenario.actor_spread * (np.diag(shares) - np.outer(shares, shares))  # of the Dirichlet
    between = (1 - scenario.favourite) ** 2 * float(np.trace(maps.T @ spread @ maps))
    return between / (between + _variance_within(scenario))
