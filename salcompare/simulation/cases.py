"""What is calibrated and planned for: a finding's cases and planned statistics, and the scenarios they are run in."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from salcompare.config import Maps
from salcompare.errors import InputError, Problem
from salcompare.maps import smooth
from salcompare.simulation.scenario import Scenario, expected_coverage, find_scenario, published_geometry
from salcompare.simulation.studies import SimulatedStudy

SMALL = {"grid": (16, 16), "n_workers": 40, "per_image": 10, "smoothness": 1.5}
ACTORS, IMAGES = 12, 5
RAGGED = (14, 11, 9, 8, 8, 6, 5, 4, 3, 2, 1, 1)
THIRDS = (12,) * 4 + (6,) * 4 + (3,) * 4
MANY, MANY_OR_FOUR = (15,) * 6 + (3,) * 6, (15,) * 6 + (4,) * 6
SHARED, IMAGE, UNEQUAL, RAGGED_COUNTS, FEW, SHOOTS, POSED, UNRELATED, LEFT, DEMO = (
    "shared geometry", "image effects only", "unequal spread", "ragged counts", "few actors", "shoots", "posed actors",
    "unrelated actors", "left preference", "demo")
TURNED = "heads that turn"
SPREAD_FEWEST, MANY_AND_FEW, MANY_AND_FOUR, POOLS, SHOOTS_UNPOSED, PAIRS, FOUR_SHOOTS = (
    "few images, most spread", "many and few", "many and four", "workers of actors", "shoots without pose",
    "undeclared pairs", "four shoots")
UNBALANCED = (SPREAD_FEWEST, MANY_AND_FEW)
"""Scenarios in which actors differ in how many images, responses and how much spread they have, and in nothing else."""
NO_ACTOR_EFFECT = (SHARED, IMAGE, UNEQUAL, RAGGED_COUNTS, FEW, *UNBALANCED)
"""Scenarios in which actors do not differ but in their numbers, and in how much their images vary."""
SIZES = ("5 actors", "8 actors", "17 actors", "40 actors")
"""Scenarios with planted effects of actor and image, in which intervals are tried at four numbers of actors."""
SAME_ACTORS = "alike actors"
"""A scenario for intervals about given actors: as these do not differ, all actors have one truth."""
PLANTED = SIZES[2]

WORDS: Mapping[str, str] = {
    SHARED: "Twelve actors with five images each. All photographs show one face, boxes lie at its features, and the "
            "classifier's maps follow the same face with noise in every pixel. Neither actors nor images differ.",
    IMAGE: "As before, and each image has label shares, a pose and a classifier's map of its own; boxes and "
           "classifier move with the pose. Actors do not differ.",
    UNEQUAL: "Images differ, without pose, and they vary four times as much (in standard deviation) on the last actor "
             "as on the first. What is expected of the maps is the same for all actors.",
    RAGGED_COUNTS: "As image effects only, with " + ", ".join(map(str, RAGGED)) + " images of the twelve actors and 4 "
                   "to 16 responses to an image.",
    FEW: "As image effects only, with five actors.",
    SHOOTS: "As image effects only, with six images of each actor; three make a shoot and share their "
            "pose, label shares and the classifier's factors. Actors do not differ.",
    SPREAD_FEWEST: "As unequal spread, with 12, 6 and 3 images of four actors each, and twice the spread (in standard "
                   "deviation) on the last actor, of those with the fewest, as on the first.",
    MANY_AND_FEW: "As image effects only, with 15 images of each of six actors and 20 responses to each, and 3 images "
                  "of each of six others with 4 responses to each.",
    MANY_AND_FOUR: "As many and few, with 4 images of each of the six others.",
    POOLS: "As image effects only, but twelve of the forty workers respond to an actor's images, and no others: what "
           "workers have of their own looks like the actor's.",
    SHOOTS_UNPOSED: "As shoots, without pose, with four images to a shoot, thirty responses to an image and four times "
                    "the variance of where people look, so that images of a shoot are alike in both maps. People and "
                    "classifier share nothing in an image.",
    FOUR_SHOOTS: "As shoots, with twelve images of each actor.",
    PAIRS: "As shoots, without pose, with two images to a shoot, which nobody declares.",
    POSED: "As image effects only, and each actor holds the head in a way of its own: photographs, boxes and "
           "classifier move with it, and nothing else tells actors apart.",
    TURNED: "As image effects only, with thirty responses to an image and less noise, and heads turn: the middle of "
            "the face slides along x, with a standard deviation of a tenth of the photograph's width, and its outline "
            "does not; boxes, photographs and classifier move with it.",
    UNRELATED: "People and classifier both treat actors differently, each in a way of its own, and the classifier does "
               "not follow people in an image. Each actor belongs to one of two groups, which differ in nothing.",
    SAME_ACTORS: "As image effects only; for intervals that take the actors as given.",
    **{name: f"{name.capitalize()} with four images each. Actors differ, images differ, and the classifier follows "
             "people nine tenths of the way on the actor and on the image: the planted effects." for name in SIZES},
    LEFT: "As image effects only, with 17 actors, and all boxes of features that have a side (a cheek, a single eye) "
          "are on the viewer's left.",
    DEMO: "The model of the demo study, estimated from it: forty actors with four images each, aligned, twenty "
          "responses to an image by 120 workers, and a classifier that shares the face with people and hardly anything "
          "else.",
}
"""What each scenario simulates."""


_EFFECTS = {"actor_spread": 0.1, "shared_actor": 0.9, "shared_image": 0.9, "noise": 0.7}


def _small(preset: str, name: str, **changes: object) -> Scenario:
    return find_scenario(preset).replace(name=name, **{"n_actors": ACTORS, "n_images": IMAGES, **SMALL, **changes})


SCENARIOS: Mapping[str, Scenario] = {
    SHARED: _small(SHARED, SHARED), IMAGE: _small(IMAGE, IMAGE), UNEQUAL: _small(UNEQUAL, UNEQUAL),
    RAGGED_COUNTS: _small(RAGGED_COUNTS, RAGGED_COUNTS, n_images=RAGGED, per_image=(4, 16)),
    FEW: _small(FEW, FEW, n_actors=5), SHOOTS: _small(SHOOTS, SHOOTS, n_images=6, per_shoot=3),
    SPREAD_FEWEST: _small(UNEQUAL, SPREAD_FEWEST, n_images=THIRDS, unequal=2.0),
    MANY_AND_FEW: _small(IMAGE, MANY_AND_FEW, n_images=MANY, per_image_of_actors=(20,) * 6 + (4,) * 6),
    MANY_AND_FOUR: _small(IMAGE, MANY_AND_FOUR, n_images=MANY_OR_FOUR, per_image_of_actors=(20,) * 6 + (4,) * 6),
    POOLS: _small(IMAGE, POOLS, workers_of_actor=12),
    SHOOTS_UNPOSED: _small(SHOOTS, SHOOTS_UNPOSED, n_images=8, per_shoot=4, image_shift=0.0, image_spread=0.2,
                           per_image=30),
    FOUR_SHOOTS: _small(SHOOTS, FOUR_SHOOTS, n_images=12, per_shoot=3),
    PAIRS: _small(SHOOTS, PAIRS, n_images=6, per_shoot=2, image_shift=0.0, declared=False),
    POSED: _small(IMAGE, POSED, actor_shift=0.02),
    TURNED: _small(IMAGE, TURNED, turn=0.1, per_image=30, classifier_image=0.3, noise=0.3),
    UNRELATED: _small("actor effects", UNRELATED, shared_actor=0.0, shared_image=0.0, image_shift=0.0, n_groups=2),
    SAME_ACTORS: _small(IMAGE, SAME_ACTORS),
    **{name: _small("actor effects", name, n_actors=int(name.split()[0]), n_images=4, **_EFFECTS) for name in SIZES},
    LEFT: _small(IMAGE, LEFT, n_actors=17, geometry=published_geometry(left_share=1.0)),
    DEMO: find_scenario("demo"),
}
"""By name, in the order of the page."""


def largest(scenario: Scenario) -> Scenario:
    """Give, of scenarios that differ in the number of actors alone and so have one truth, the one with most actors."""
    return SCENARIOS[SIZES[-1]] if scenario.name in SIZES else scenario


FEWER = dict.fromkeys((SAME_ACTORS, *SIZES, LEFT, DEMO), 4)
"""Scenarios for coverage and power, of which one in so many studies is run: they need no bound as tight as tests do."""

NAN = float("nan")


class Outcome(NamedTuple):
    """What one check is in one simulated study: a p-value, or an estimate with its interval and the truth.

    A truth of NaN stands for the mean of the estimates over all runs: what the estimate tends to in studies of this
    size, where the model has no formula for it.
    """

    p: float = NAN
    estimate: float = NAN
    low: float = NAN
    high: float = NAN
    truth: float = NAN


class Result(NamedTuple):
    """What a statistic says of one simulated study; NaN where it gives no p, no interval, or is undefined."""

    p: float = NAN
    value: float = NAN
    low: float = NAN
    high: float = NAN

    @classmethod
    def of(cls, result: xr.Dataset | pd.Series[Any] | pd.DataFrame, value: str = "value") -> Result:
        """Take p, value, ``ci_low`` and ``ci_high`` from a statistic's result, those that it has."""
        names = ("p_value", value, "ci_low", "ci_high")
        return cls(*(float(np.asarray(result[name])) if name in result else NAN for name in names))

    @property
    def test(self) -> Outcome:
        """The outcome of its test."""
        return Outcome(self.p)

    def interval(self, truth: float = NAN) -> Outcome:
        """Give the outcome of its interval."""
        return Outcome(NAN, *self[1:], truth)


@dataclass(frozen=True)
class Check:
    """A claim about one of the numbers that a case computes."""

    name: str  # of the outcome in what the case measures; unique among all checks
    kind: Literal["test", "interval"]  # what is counted: p at or below `ALPHA`, or truths inside the interval
    what: str  # the null hypothesis tested or the truth that must be covered, and why it is true in `holds`
    holds: tuple[str, ...]  # scenarios in which the level or the coverage must hold
    finds: tuple[str, ...] = ()  # scenarios with an effect that a test must find
    discrete: bool = False  # few arrangements: the rate may lie far below `ALPHA`

    @property
    def scenarios(self) -> tuple[str, ...]:
        """All scenarios that it is run in."""
        return self.holds + tuple(name for name in self.finds if name not in self.holds)


@dataclass(frozen=True)
class PlannedStatistic:
    """A statistic that a study can be planned for.

    Attributes
    ----------
    name : str
        As the command line names it.
    tests : str
        What its p-value tests; empty where it has none.
    estimates : str
        What its 95% interval is about; empty where it has none.
    classifier : bool
        Whether it needs a classifier's maps.
    function : callable
        Given a study, random numbers and how many permutations or resamples to draw.
    """

    name: str
    tests: str
    estimates: str
    classifier: bool
    function: Callable[[SimulatedStudy, np.random.Generator, int], Result]

    @property
    def described(self) -> str:
        """The name with what it tests and estimates, in a few lines."""
        lines = [f"tests that {self.tests}"] * bool(self.tests) + [f"interval: {self.estimates}"] * bool(self.estimates)
        return "\n    ".join([self.name, *lines])


@dataclass(frozen=True)
class Case:
    """A statistic applied to a simulated study, as a report would.

    `name` is the statistic's, as its function is called; it names the stream of random numbers. Given the study and
    random numbers, `measure` gives the outcome of every check by name; it is a function of a module, so that other
    processes can call it. `checks` are what must hold. `finding` is the name of the finding that shows it.
    """

    name: str
    measure: Callable[[SimulatedStudy, np.random.Generator], Mapping[str, Outcome]]
    checks: tuple[Check, ...]
    finding: str = ""

    @property
    def scenarios(self) -> frozenset[str]:
        """All scenarios that one of its checks is run in."""
        return frozenset(name for check in self.checks for name in check.scenarios)


def require_cases(cases: Iterable[Case], scenarios: Mapping[str, Scenario]) -> None:
    """Refuse cases or checks whose name is not unique or whose scenario is not there, naming each."""
    cases = tuple(cases)
    checks = [check for case in cases for check in case.checks]
    problems = [Problem(f"calibration {kind} {name!r}", "is listed twice", "unique names")
                for kind, names in (("case", [case.name for case in cases]), ("check", [one.name for one in checks]))
                for name in sorted({name for name in names if names.count(name) > 1})]
    problems += [Problem(f"calibration check {check.name!r}", f"scenario {name!r}", f"one of {', '.join(scenarios)}")
                 for check in checks for name in check.scenarios if name not in scenarios]
    if problems:
        raise InputError(problems)


DRAWS = 199
"""Permutations of a test: p = 0.05 is then among the values it can take, so that a test can be exact."""
RESAMPLES = 199
"""Of a bootstrap."""
SIGMA = 1.0
"""Of the smoothing that cases use, pixels of the small grid."""
MISPLACED = 0.01  # standard deviation of a landmark's error, of the photograph's sides
GRAIN = 0.05  # standard deviation of a photograph's own noise, of the range of its face

SAME = "the maps' distribution is the same for all actors, so images can be exchanged among them"
FROM_BOXES = "What it tends to over endlessly many actors and workers, from the boxes of other simulated studies."
TENDS = "What the estimate tends to over many studies of other actors."


def planned_sigma(study: SimulatedStudy) -> float:
    """Give the smoothing of what is planned for: the default of study.toml, in pixels of the study's grid."""
    return Maps().sigma * study.scenario.grid[1]


def another_classifier(study: SimulatedStudy, rng: np.random.Generator) -> xr.DataArray:
    """Draw maps of a second classifier that comes from the same model, of the same images."""
    return dataclasses.replace(study, seeds=(study.seeds[0], int(rng.integers(2**62)))).saliency


def photographs(study: SimulatedStudy, rng: np.random.Generator) -> xr.DataArray:
    """Draw photographs (image, y, x): the face as it lies in each image, and noise of their own."""
    scenario, truth = study.scenario, study.truth
    shares = np.broadcast_to(scenario.geometry.shares, truth.image_shares.shape)
    faces = expected_coverage(scenario.geometry, shares, grid=scenario.grid, shifts=study.place_shifts)
    grain = GRAIN * rng.standard_normal(faces.shape)
    return study.saliency.copy(data=faces / faces.max() + grain)


def landmarks(study: SimulatedStudy, rng: np.random.Generator) -> xr.DataArray:
    """Draw landmarks (image, point, axis) on the grid: the corners of the places' typical boxes, with errors."""
    geometry, sides = study.scenario.geometry, np.array(study.scenario.grid)[::-1]
    boxes = geometry.boxes / np.array([geometry.width, geometry.height] * 2)
    corners = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]]) / 2
    points = boxes[:, np.newaxis, :2] + corners * boxes[:, np.newaxis, 2:]  # (place, corner, axis)
    moved = (points + study.place_shifts[:, :, np.newaxis]).reshape(len(study.images), -1, 2)
    return xr.DataArray((moved + MISPLACED * rng.standard_normal(moved.shape)) * sides, dims=("image", "point", "axis"),
                        coords={"image": study.saliency["image"].to_numpy(), "axis": ["x", "y"]})


def measured_yaw(study: SimulatedStudy, rng: np.random.Generator) -> xr.DataArray:
    """Give how far each image's face turns (image,), as a share of the photograph's width, with an error."""
    errors = MISPLACED * rng.standard_normal(len(study.images))
    return xr.DataArray(study.truth.turns + errors, dims="image", coords={"image": study.saliency["image"].to_numpy()})


def smooth_noise(study: SimulatedStudy, rng: np.random.Generator) -> xr.DataArray:
    """Draw normal maps (image, y, x) that are the same for all actors but for their spread, of variance about 1."""
    noise = smooth(study.saliency.copy(data=rng.standard_normal(study.saliency.shape)), sigma=2 * SIGMA)
    return noise / noise.std() * study.scenario.spread_factors[study.truth.owner][:, None, None]


def other_photographs(study: SimulatedStudy, rng: np.random.Generator) -> xr.DataArray:
    """Draw photographs (image, y, x) that have nothing to do with the maps."""
    return study.saliency.copy(data=rng.standard_normal(study.saliency.shape))
