"""Scenarios: everything that a simulated study of planning is drawn from, its face, and the named ones."""

from __future__ import annotations

import dataclasses
import importlib.resources
import json
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from salcompare.errors import InputError, Problem
from salcompare.schema import LABELS
from salcompare.simulation.faces import placements, typical_face
from salcompare.simulation.preferences import WORKER_SHIFT_SD, WORKER_SIZE_SD
from salcompare.simulation.published import published_calibration
from salcompare.simulation.responses import SHIFT_SD, SIZE_SD

Values = NDArray[np.float64]
_STEPS = 512  # of the table of profiles, over the side of a photograph


@dataclass(frozen=True)
class Place:
    """One of the places where boxes lie.

    `label` is what its boxes are called, `share` is of all boxes (the shares of a geometry's places sum to 1). Centre
    and size of its typical box are shares of the photograph's width (x, width) and height (y, height).
    """

    label: str
    share: float
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Geometry:
    """Places of a face, and how boxes vary about them.

    Attributes
    ----------
    places : tuple of Place
        Their shares sum to 1.
    height, width : int
        Of the photographs, pixels.
    shift : float
        Standard deviation of a box's centre about its place, as a share of the box's size, between a worker's boxes.
    size : float
        Standard deviation of the log of a box's sides, between a worker's boxes.
    worker_shift, worker_size : float
        The same, between workers: habits that a worker keeps on all images.
    """

    places: tuple[Place, ...]
    height: int
    width: int
    shift: float = SHIFT_SD
    size: float = SIZE_SD
    worker_shift: float = WORKER_SHIFT_SD
    worker_size: float = WORKER_SIZE_SD

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels, each once, in the order of the places."""
        return tuple(dict.fromkeys(place.label for place in self.places))

    @property
    def shares(self) -> Values:
        """Of the places (place,), made to sum to 1 where they were rounded."""
        shares: Values = np.array([place.share for place in self.places])
        return np.asarray(shares / shares.sum())

    @property
    def boxes(self) -> Values:
        """Centre and size of the typical boxes (place, 4): x, y, width, height, pixels of the photograph."""
        sides = np.array([self.width, self.height] * 2)
        boxes: Values = np.array([[place.x, place.y, place.width, place.height] for place in self.places]) * sides
        return boxes

    @property
    def depths(self) -> Values:
        """How far each place (place,) is in front of the face's outline, from 0 to 1: a dome over the photograph."""
        away: Values = np.array([[place.x - 0.5, place.y - 0.5] for place in self.places])
        return np.asarray(np.clip(1 - (2 * away**2 / 0.35**2).sum(axis=1) / 2, 0, None))


@cache
def published_geometry(*, left_share: float = 0.5) -> Geometry:
    """Give the face of the published typical boxes and label shares, made symmetric about the photograph's midline.

    A one-sided box is on the viewer's left with probability `left_share`; at 0.5 left and right are exchangeable.
    """
    calibration = published_calibration()
    height, width = calibration.frame
    face = typical_face(height=height, width=width)
    places = []
    for label in LABELS:
        options = placements(face, label, left_share=left_share)
        sided = [option.x for option in options if option.side != "middle"]
        half = (max(sided) - min(sided)) / 2 / width if sided else 0.0
        away = {"left": -half, "middle": 0.0, "right": half}
        places += [Place(label, calibration.label_share[label] * option.probability, 0.5 + away[option.side],
                         option.y / height, option.width / width, option.height / height) for option in options]
    return Geometry(tuple(places), height, width)


def expected_coverage(geometry: Geometry, shares: Values, *, grid: tuple[int, int], shifts: Values | None = None,
                      ) -> Values:
    """Coverage (..., n, y, x) to be expected of boxes that choose their places with given probabilities.

    Parameters
    ----------
    geometry : Geometry
        Where the places are, and how boxes vary about them.
    shares : array (..., n, place)
        Probabilities of the places, for each map.
    grid : tuple of int
        Height and width of the maps.
    shifts : array (n, 2) or (n, place, 2), optional
        Where the face, or each place, lies in each map, as shares of the photograph's width and height off its place.

    Returns
    -------
    array (..., n, y, x)
        Probability that a box covers the pixel's centre; cutting boxes at the photograph's edge is left out of it, and
        sides count as normal about their medians where they are lognormal. That makes its energy 7% (6 to 8) less than
        the products of different workers' boxes, on grids of 16 to 64 pixels, and 0% off where boxes have one size: so
        it serves to draw maps with, and what intervals must cover is taken from boxes.
    """
    offsets = np.zeros((1, 2)) if shifts is None else shifts
    across, down = (_profiles(geometry, axis, offsets[..., axis], grid[1 - axis]) for axis in (0, 1))
    if len(offsets) == 1:
        return np.asarray(np.tensordot(shares, down[0, :, :, None] * across[0, :, None, :], axes=1))
    return np.asarray(np.swapaxes(shares[..., None] * down, -2, -1) @ across)


def _profiles(geometry: Geometry, axis: int, offsets: Values, pixels: int) -> Values:
    """Probability that a box covers each column (or row), places moved by offsets: (n[, place]) -> (n, place, pixels).

    Read off a table by linear interpolation, to about 0.001: a normal integral for each image and place is slow.
    """
    table = _table(geometry, axis)
    offsets = offsets.reshape(len(offsets), -1, 1)  # a column a place, or one for all
    position = np.clip((np.arange(pixels) + 0.5) / pixels - offsets + 1, 0, 3 - 1 / _STEPS) * _STEPS
    before = position.astype(np.intp)
    weight, place = position - before, np.arange(len(table))[:, np.newaxis]
    return np.asarray(table[place, before] * (1 - weight) + table[place, before + 1] * weight)


@lru_cache(maxsize=16)
def _table(geometry: Geometry, axis: int) -> Values:
    """Probability that a box covers positions from -1 to 2 sides of the photograph (place, position)."""
    boxes = geometry.boxes / np.array([geometry.width, geometry.height] * 2)
    centres, sizes = boxes[:, axis, np.newaxis], boxes[:, axis + 2, np.newaxis]
    shift = np.hypot(geometry.shift, geometry.worker_shift)
    spread = sizes * np.hypot(shift, np.hypot(geometry.size, geometry.worker_size) / 2)
    distance = np.linspace(-1, 2, 3 * _STEPS + 1) - centres
    table: Values = ndtr((distance + sizes / 2) / spread) - ndtr((distance - sizes / 2) / spread)
    return table


_SHARES = ("actor_spread", "image_spread", "favourite", "shared_actor", "shared_image", "classifier_moves")
_AMOUNTS = ("turn", "classifier_actor", "classifier_image", "noise", "smoothness")


@dataclass(frozen=True)
class Scenario:
    """A generative model of a study, from boxes and labels to a classifier's maps.

    Spreads of shares are Dirichlet: an actor's shares of the places have variance spread x p (1 - p) between actors,
    and mean p exactly, whatever the spread; so do an image's around its actor's. The classifier's factors are
    lognormal with mean 1. Actors whose spread differs therefore have the same expected maps.

    Attributes
    ----------
    name : str
        What it is called.
    n_actors, n_workers : int
        How many actors, and the pool of workers.
    n_images : int or tuple of int
        Images of each actor; a tuple gives each its own number.
    per_image : int or tuple of int
        Responses to an image, each by another worker; of (low, high) each image draws its own number.
    per_image_of_actors : tuple of int
        Responses to each of an actor's images, one number an actor, in place of `per_image`; empty for the same rule.
    workers_of_actor : int
        So many workers, drawn for each actor, respond to its images, and no others; 0 for all workers.
    grid : tuple of int
        Height and width of the maps, pixels.
    geometry : Geometry
        The face that all photographs share.
    actor_spread, image_spread : float
        Of where people look, and so of labels: between actors, and between images within actors; in [0, 0.9].
    actor_shift, image_shift : float or (float, float)
        Standard deviation of where the face lies in an actor's photographs, and in an image, as a share of the
        photograph's side; of two numbers the first is along x and the second along y. Boxes move with it.
    turn : float
        Standard deviation of how far a face turns in an image: of the shift of a place in its middle along x, as a
        share of the photograph's width; less away from it, and none at the outline (`Geometry.depths`).
    classifier_moves : float
        How far the classifier's maps move with the face: 1 wholly, 0 not at all.
    favourite : float
        Probability that a response goes to the worker's own favourite place, whatever the image shows.
    unequal : float
        Largest over smallest standard deviation of images within an actor (of `image_spread`, `classifier_image` and
        `noise`), geometric over the actors from first to last; 1 for equal ones.
    shared_actor, shared_image : float
        How far the classifier follows what people look at: on an actor (beyond the shared face), and on an image
        (beyond its actor); 0 not at all, 1 wholly.
    classifier_actor, classifier_image : float
        Standard deviation of the log of the classifier's own smooth factor of an actor, and of an image.
    noise : float
        Standard deviation of the log of the factor of each single pixel.
    classifier_face : tuple of tuple of float, optional
        Rows of the classifier's map that all images share, on the grid; without it, where people look on average.
    smoothness : float
        Of the Gaussian that smooths the classifier's own factors, pixels of the grid.
    per_shoot : int
        So many consecutive images of an actor make a shoot, and share all that images have but their responses and
        pixel noise; 1 for images without shoots.
    declared : bool
        Whether the images' table says which images make a shoot.
    n_groups : int
        Levels of an actor-level factor without any effect; 0 for none.
    """

    name: str
    n_actors: int = 17
    n_images: int | tuple[int, ...] = 15
    n_workers: int = 100
    per_image: int | tuple[int, int] = 20
    per_image_of_actors: tuple[int, ...] = ()
    workers_of_actor: int = 0
    grid: tuple[int, int] = (24, 24)
    geometry: Geometry = field(default_factory=published_geometry)
    actor_spread: float = 0.0
    image_spread: float = 0.0
    actor_shift: float | tuple[float, float] = 0.0
    image_shift: float | tuple[float, float] = 0.0
    turn: float = 0.0
    classifier_moves: float = 1.0
    favourite: float = 0.2
    unequal: float = 1.0
    shared_actor: float = 0.0
    shared_image: float = 0.0
    classifier_actor: float = 0.0
    classifier_image: float = 0.0
    noise: float = 1.0
    smoothness: float = 2.0
    classifier_face: tuple[tuple[float, ...], ...] | None = None
    per_shoot: int = 1
    declared: bool = True
    n_groups: int = 0

    def __post_init__(self) -> None:
        wrong = [(name, "in [0, 1]") for name in _SHARES if not 0 <= getattr(self, name) <= 1]
        wrong += [(name, "at most 0.9") for name in ("actor_spread", "image_spread") if 0.9 < getattr(self, name) <= 1]
        wrong += [(name, ">= 0") for name in _AMOUNTS if not 0 <= getattr(self, name) < np.inf]
        wrong += [(name, ">= 0") for name in ("actor_shift", "image_shift")
                  if not (np.isfinite(getattr(self, name)).all() and np.min(getattr(self, name)) >= 0)]
        wrong += [(name, ">= 1") for name in ("unequal", "per_shoot") if not getattr(self, name) >= 1]
        problems = [Problem(f"{name} of scenario {self.name!r}", str(getattr(self, name)), expected)
                    for name, expected in wrong]
        each = {"n_images": self.n_images, "per_image_of_actors": self.per_image_of_actors or self.per_image}
        problems += [Problem(f"{name} of scenario {self.name!r}", f"{len(numbers)} numbers",
                             f"one for each of {self.n_actors} actors") for name, numbers in each.items()
                     if isinstance(numbers, tuple) and numbers != self.per_image and len(numbers) != self.n_actors]
        if self.classifier_face is not None and self.turn:
            problems.append(Problem(f"turn of scenario {self.name!r}", "beside a classifier_face", "one of both"))
        if self.classifier_face is not None and np.shape(self.classifier_face) != self.grid:
            problems.append(Problem(f"classifier_face of scenario {self.name!r}", str(np.shape(self.classifier_face)),
                                    f"the grid's shape {self.grid}"))
        if self.n_actors < 1 or self.images_of_actors.min() < 1 or min(self.responses) < 1:
            problems.append(Problem(f"scenario {self.name!r}", "no actor, or an actor without images or an image "
                                    "without responses", "at least 1 of each"))
        pool = self.workers_of_actor or self.n_workers
        if not self.responses[1] <= pool <= self.n_workers:
            problems.append(Problem(f"per_image of scenario {self.name!r}", f"{self.responses[1]} of {pool} workers",
                                    f"at most n_workers = {self.n_workers}, and workers_of_actor",
                                    "a worker responds to an image once"))
        if problems:
            raise InputError(problems)

    @property
    def images_of_actors(self) -> NDArray[np.int64]:
        """Images of each actor (actor,)."""
        numbers = self.n_images if isinstance(self.n_images, tuple) else (self.n_images,) * self.n_actors
        return np.array(numbers, dtype=np.int64).reshape(-1)

    @property
    def responses(self) -> tuple[int, int]:
        """Fewest and most responses to an image."""
        if self.per_image_of_actors:
            return min(self.per_image_of_actors), max(self.per_image_of_actors)
        return self.per_image if isinstance(self.per_image, tuple) else (self.per_image, self.per_image)

    @property
    def spread_factors(self) -> NDArray[np.float64]:
        """Factor on the standard deviation of images within each actor (actor,), with geometric mean 1."""
        return np.asarray(np.geomspace(self.unequal**-0.5, self.unequal**0.5, self.n_actors))

    def replace(self, **changes: object) -> Scenario:
        """Give a scenario that differs in what is named."""
        return dataclasses.replace(self, **changes)  # type: ignore[arg-type]


@cache
def demo_scenario() -> Scenario:
    """Give the model of the demo study: what `salcompare.planning.fit_pilot` estimated from it.

    Its people are simulated, with planted effects (`salcompare.simulation`); its photographs, which are aligned, and
    the maps of its network, dlib's face network, are real. Simulated studies of its size have the demo's between-actor
    shares, overlap, effects and ceiling, as far as the demo's own uncertainty goes.
    """
    text = importlib.resources.files(__package__).joinpath("demo.json").read_text(encoding="utf-8")
    raw: dict[str, Any] = json.loads(text)
    del raw["note"]
    face = raw.pop("geometry")
    places = tuple(Place(**place) for place in face.pop("places"))
    rows = tuple(tuple(row) for row in raw.pop("classifier_face"))
    plain: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in raw.items()}
    return Scenario(**plain, geometry=Geometry(places, **face), classifier_face=rows)


_PAPER = Scenario("shared geometry")
_IMAGES = {"image_spread": 0.05, "image_shift": 0.02, "classifier_image": 0.7}
PRESETS: dict[str, Scenario] = {scenario.name: scenario for scenario in (
    _PAPER,
    _PAPER.replace(name="image effects only", **_IMAGES),
    _PAPER.replace(name="unequal spread", image_spread=0.05, classifier_image=0.7, unequal=4.0),
    _PAPER.replace(name="ragged counts", n_images=(30, 25, 22, 20, 18, 16, 15, 14, 12, 10, 9, 8, 7, 6, 5, 4, 3),
                   per_image=(8, 30), **_IMAGES),
    _PAPER.replace(name="few actors", n_actors=5, **_IMAGES),
    _PAPER.replace(name="shoots", per_shoot=5, **_IMAGES),
    _PAPER.replace(name="actor effects", actor_spread=0.05, classifier_actor=0.7, shared_actor=0.5, shared_image=0.5,
                   **_IMAGES),
    demo_scenario())}
"""The named scenarios. In all but "actor effects" and "demo" actors do not differ; in "shared geometry" images do not
either, and the classifier shares the face with people and nothing else."""


def find_scenario(name: str) -> Scenario:
    """Give a named scenario; InputError if there is none of that name."""
    if name not in PRESETS:
        raise InputError(Problem("scenario", repr(name), "one of " + ", ".join(map(repr, PRESETS))))
    return PRESETS[name]
