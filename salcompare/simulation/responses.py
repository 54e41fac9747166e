"""Simulated responses: boxes as workers might draw them, from a model with planted truth.

Nobody's boxes: every table, figure and page that uses them has to say so. The model, with each parameter's source:

- *Labels.* A label's share in the population is the published one (Fig. 4e of Sun, Teoh & Guerzhoy 2020,
  arXiv:2003.08765). An actor's shares are Dirichlet around them, with the concentration estimated by maximum
  likelihood of a Dirichlet-multinomial from the published counts of responses per actor and label. An image's are
  Dirichlet around its actor's, a worker's on an image Dirichlet around the image's, with the worker's own taste kept
  over all images; these two spreads are not published and are assumed (`preferences.IMAGE_CONCENTRATION`,
  `preferences.WORKER_CONCENTRATION`). Each level has the mean of the one above it.
- *Places.* A box lies around its feature: by the mesh of landmarks in the ORL photographs (`faces.mesh_boxes`), at the
  published typical place in others. Who wears a beard or glasses is known of the actors in `preferences.RAISED_ORL`
  alone, so on all others a beard is a chin without one.
- *Sides.* Boxes of one cheek, ear, laugh line, eye or brow are on the viewer's left with probability `LEFT_SHARE`,
  but for ears of which the head hides one.
- *Habits.* Size factors are lognormal and shifts normal, between workers and between a worker's boxes; the spreads
  are assumed. So are the seconds, lognormal.
- *Assignment.* Each image gets its responses from distinct workers; within an actor, workers take turns in an order
  drawn for the actor, so that their numbers of responses differ by at most one.

Planted, with sizes in the truth: labels raised for some actors, control actors whose shares are exactly the
population's, the preference for the viewer's left, and the spread between workers; where asked for, workers without
care (`KINDS`). Nothing relates the boxes to any classifier's maps: what the two share comes from the faces being in
the same places.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from salcompare.config import Simulation
from salcompare.errors import InputError, Problem
from salcompare.schema import CHECKS, LABELS
from salcompare.simulation import preferences
from salcompare.simulation.faces import SMALLEST_BOX, Face, cut_boxes, find_face, orl_image, placements, whole_boxes

LEFT_SHARE = 0.65
"""Probability that a one-sided box is on the viewer's left; planted. The side is that of the left visual-field bias
of face perception (Gilbert & Bakan 1973, doi:10.1016/0028-3932(73)90049-3); the size is chosen."""
SIZE_SD = 0.15  # of the log of width and of height, between a worker's boxes; assumed
SHIFT_SD = 0.08  # of the centre, as a share of the box's size, between a worker's boxes; assumed
SECONDS_MEDIAN = 12.0  # assumed
SECONDS_SD = 0.5  # of the log, between a worker's responses; assumed
INSTRUCTED = ("nose", "lips", "chin")
"""What checks ask for: features of which there is one, so that there is one right box."""
EDGES = ("x0", "y0", "x1", "y1")
Kind = Literal["uniform", "whole image", "one box", "hurried", "random label", "inattentive"]
KINDS: dict[Kind, str] = {
    "uniform": "boxes at any place and of any size",
    "whole image": "boxes from corner to corner, within a fiftieth of the sides",
    "one box": "the same box on every photograph",
    "hurried": "answers in a twentieth of the time",
    "random label": "a label drawn at random, whatever the box holds",
    "inattentive": "answers instructed checks with a feature of the worker's own choice",
}
"""What each kind of careless worker does; in all else its answers are as an honest worker's."""
HURRY = 0.05  # factor on the seconds
CORNER = 0.02  # of a side: how far off the corner a box over the whole photograph begins at most


@dataclass(frozen=True)
class SimulatedResponses:
    """Responses and the truth they were drawn from.

    Attributes
    ----------
    table : DataFrame
        As `schema.RESPONSES`; `origin` is ``simulated``, and there is no `submitted`, since no clock ran.
    truth : dict
        Ready for JSON: the calibration, every actor's label shares and role, what was planted and how it shows, the
        seed, and the careless workers by kind where there are any.
    """

    table: pd.DataFrame
    truth: dict[str, object]


def simulate_responses(images: pd.DataFrame, config: Simulation, *, seed: int) -> SimulatedResponses:
    """Simulate workers who draw a box on each image and label it.

    Parameters
    ----------
    images : DataFrame
        The images to draw on: `image`, `actor`, `height`, `width`, and `sha256` by which the ORL photographs are
        known. Those of an actor take their turns in the order of the rows.
    config : config.Simulation
        How many workers, and how many responses on an image.
    seed : int
        Same images, config and seed give the same responses. An actor's do not depend on which others there are.

    Returns
    -------
    SimulatedResponses
        Rows in the order of `images`.

    Raises
    ------
    InputError
        If a column is missing or there are fewer workers than responses on an image.
    """
    _check_images(images, config)
    kinds = _worker_kinds(config)
    workers = {name: preferences.draw_worker(name, seed=seed) for name in kinds}
    hashes = images["sha256"] if "sha256" in images.columns else [None] * len(images)
    faces = {image: find_face(sha256, height=int(height), width=int(width)) for image, sha256, height, width in zip(
        images["image"], hashes, images["height"], images["width"], strict=True)}
    actors: dict[str, preferences.ActorPreference] = {}
    parts: dict[str, pd.DataFrame] = {}
    for actor, shown in images.groupby("actor", sort=True):
        actors[str(actor)] = preferences.draw_actor(str(actor), orl_actor=_orl_actor(shown), seed=seed)
        parts |= _respond_to_actor(shown, actors[str(actor)], faces, workers, per_image=config.per_image, seed=seed)
    table = pd.concat([parts[image] for image in images["image"]], ignore_index=True)
    truth = preferences.planted_truth(images, faces, actors, config, seed=seed, left_share=LEFT_SHARE)
    careless = {name: kind for name, kind in kinds.items() if kind is not None}
    return SimulatedResponses(plant_careless(table, images, careless, seed=seed), truth | (
        {"careless": careless} if careless else {}))


def response_table(images: object, workers: ArrayLike, labels: ArrayLike, boxes: NDArray[np.generic], *,
                   names: object, **more: object) -> pd.DataFrame:
    """Table of simulated responses as `schema.RESPONSES`, one row a box (response, 4); `names` are their ids."""
    return pd.DataFrame({"response": names, "worker": workers, "image": images, "label": labels,
                         **dict(zip(EDGES, boxes.T, strict=True)), **more, "origin": "simulated"})


def _worker_kinds(config: Simulation) -> dict[str, Kind | None]:
    """Give every worker's name with the kind of careless worker that it is, None for an honest one."""
    digits = max(3, len(str(config.workers)))
    names = [f"w{number:0{digits}d}" for number in range(1, config.workers + 1)]
    return dict.fromkeys(names) | careless_workers(names, config.careless)


def _respond_to_actor(images: pd.DataFrame, actor: preferences.ActorPreference, faces: dict[str, Face],
                      workers: dict[str, preferences.Worker], *, per_image: int, seed: int) -> dict[str, pd.DataFrame]:
    """Responses to one actor's images, by image."""
    turns = preferences.stream(seed, "turns", str(images["actor"].iloc[0])).permutation(list(workers))
    parts = {}
    for number, image in enumerate(images["image"]):
        places = (number * per_image + np.arange(per_image)) % len(turns)
        chosen = {str(turns[place]): workers[str(turns[place])] for place in places}
        shares, rng = preferences.draw_image(image, actor.shares, seed=seed), preferences.stream(seed, "image", image)
        parts[image] = _respond_to_image(image, faces[image], shares, chosen, rng=rng)
    return parts


def _respond_to_image(image: str, face: Face, shares: NDArray[np.float64], workers: dict[str, preferences.Worker], *,
                      rng: np.random.Generator) -> pd.DataFrame:
    """One response of each worker to one image."""
    label_draw, place_draw = rng.random((2, len(workers)))
    noise = rng.standard_normal((len(workers), 5))
    habits = list(workers.values())
    of_workers = preferences.worker_shares(shares, np.array([worker.taste for worker in habits]))
    labels = [LABELS[number] for number in preferences.picked(of_workers, label_draw)]
    typical = np.array([_place(face, label, draw) for label, draw in zip(labels, place_draw, strict=True)])
    seconds = SECONDS_MEDIAN * np.array([worker.pace for worker in habits]) * np.exp(SECONDS_SD * noise[:, 4])
    return response_table(image, list(workers), labels, _drawn(face, typical, habits, noise[:, :4]),
                          names=[f"{image}/{name}" for name in workers], seconds=np.round(seconds, 1))


def _place(face: Face, label: str, draw: float) -> tuple[float, float, float, float]:
    """Centre and size of the typical box of a label, at the place that a uniform draw picks."""
    for option in placements(face, label, left_share=LEFT_SHARE):
        draw -= option.probability
        if draw < 0:
            break
    return option.x, option.y, option.width, option.height


def _drawn(face: Face, typical: NDArray[np.float64], workers: Sequence[preferences.Worker],
           noise: NDArray[np.float64]) -> NDArray[np.int64]:
    """Boxes (n, 4) that workers draw for typical ones (n, 4), centre and size, with their habits and noise (n, 4)."""
    sizes = typical[:, 2:] * np.array([[worker.size] for worker in workers]) * np.exp(SIZE_SD * noise[:, :2])
    shift = np.array([worker.shift for worker in workers]) + SHIFT_SD * noise[:, 2:]
    return whole_boxes(typical[:, :2] + typical[:, 2:] * shift, sizes, height=face.height, width=face.width)


def _orl_actor(images: pd.DataFrame) -> str | None:
    """Which ORL actor the images show, if all of them are ORL photographs of one."""
    if "sha256" not in images.columns:
        return None
    actors = {(orl_image(sha256) or "").partition("/")[0] for sha256 in images["sha256"]}
    return (actors.pop() or None) if len(actors) == 1 else None


def _check_images(images: pd.DataFrame, config: Simulation) -> None:
    required = ("image", "actor", "height", "width")
    missing = [name for name in required if name not in images.columns]
    problems = [Problem("images", f"no column {name!r}", "columns " + ", ".join(required)) for name in missing]
    if not missing and images.empty:
        problems.append(Problem("images", "none", "at least one image to respond to"))
    if not missing and images["image"].duplicated().any():
        twice = images["image"][images["image"].duplicated()].iloc[0]
        problems.append(Problem("images", f"image {twice!r} is listed twice", "unique image ids", "rename one"))
    at_most = f"at most workers = {config.workers}"
    if config.careless > config.workers:
        problems.append(Problem("[simulation] careless", str(config.careless), at_most,
                                "raise workers or lower careless"))
    if config.per_image > config.workers:
        problems.append(Problem("[simulation] per_image", str(config.per_image), at_most,
                                "a worker responds to an image once: raise workers or lower per_image"))
    if problems:
        raise InputError(problems)


def careless_workers(names: Sequence[str], n: int) -> dict[str, Kind]:
    """Choose the last n workers and give them the kinds by turns."""
    kinds = list(KINDS)
    return {name: kinds[turn % len(kinds)] for turn, name in enumerate(list(names)[len(names) - n:])}


def plant_careless(table: pd.DataFrame, images: pd.DataFrame, kinds: Mapping[str, Kind], *, seed: int) -> pd.DataFrame:
    """Replace what some workers answered by what a careless worker would, and keep rows and order.

    `table` is as `simulate_responses` gives it, `images` has image, height and width, and `kinds` gives the kind of
    each careless worker; those that are not in the table do no harm. A worker's draws depend on the seed and the name
    alone.
    """
    planted = table.copy()
    shape = images.set_index("image")[["height", "width"]]
    for worker, kind in kinds.items():
        rows = (table["worker"] == worker).to_numpy()
        rng = preferences.stream(seed, "careless", worker)
        boxes = _careless_boxes(kind, shape.loc[table.loc[rows, "image"]].to_numpy(np.float64), rng=rng)
        if boxes is not None:
            planted.loc[rows, list(EDGES)] = boxes
        if kind == "random label":
            planted.loc[rows, "label"] = rng.choice(LABELS, rows.sum())
        if kind == "hurried":
            planted.loc[rows, "seconds"] = (HURRY * table.loc[rows, "seconds"]).round(1)
    return planted


def _careless_boxes(kind: Kind, shapes: NDArray[np.float64], *, rng: np.random.Generator) -> NDArray[np.int64] | None:
    """Boxes (n, 4) of a careless worker on photographs of some shapes (n, 2); None if as an honest one's."""
    n = len(shapes)
    if kind == "uniform":
        corners = np.sort(rng.random((n, 2, 2)), axis=1)
        low, high = corners[:, 0], corners[:, 1]
    elif kind == "whole image":
        low, high = CORNER * rng.random((n, 2)), 1 - CORNER * rng.random((n, 2))
    elif kind == "one box":
        centre, size = rng.uniform(0.3, 0.7, 2), rng.uniform(0.2, 0.5, 2)
        low, high = np.tile(centre - size / 2, (n, 1)), np.tile(centre + size / 2, (n, 1))
    else:
        return None
    sides = shapes[:, ::-1]
    boxes: NDArray[np.int64] = cut_boxes(np.floor(low * sides), np.ceil(high * sides), sides=sides,
                                         smallest=np.minimum(SMALLEST_BOX, sides)).astype(np.int64)
    return boxes


def simulate_checks(images: pd.DataFrame, config: Simulation, *, seed: int) -> pd.DataFrame:
    """Simulate the workers' answers to instructed checks, one row a check as `schema.CHECKS`.

    Checks ask for one feature, so that there is a truth. Edges are in pixels of the photograph.

    Parameters
    ----------
    images : DataFrame
        image, height, width, and sha256 by which the ORL photographs are known; each check is asked on one of them.
    config : config.Simulation
        How many workers, how many checks each, and how many of them are careless.
    seed : int
        As for `simulate_responses`: the same workers with the same habits.
    """
    kinds = _worker_kinds(config)
    rows = [row for name in kinds for row in _checks_of(name, kinds[name], images, config.checks, seed=seed)]
    return pd.DataFrame(rows, columns=list(CHECKS.names))


def _checks_of(worker: str, kind: Kind | None, images: pd.DataFrame, n: int, *, seed: int) -> list[list[object]]:
    rng = preferences.stream(seed, "checks", worker)
    shown = images.iloc[rng.integers(0, len(images), n)]
    targets = [str(label) for label in rng.choice(INSTRUCTED, n)]
    answers = targets
    if kind == "inattentive":
        answers = [str(label) for label in rng.choice(LABELS, n, p=preferences.population_shares())]
    noise = rng.standard_normal((n, 4))
    boxes = _careless_boxes(kind, shown[["height", "width"]].to_numpy(float), rng=rng) if kind else None
    named = [str(label) for label in rng.choice(LABELS, n)] if kind == "random label" else answers
    habits, rows = preferences.draw_worker(worker, seed=seed), []
    for at, (_, image) in enumerate(shown.iterrows()):
        face = find_face(image.get("sha256"), height=int(image["height"]), width=int(image["width"]))
        likeliest = _likeliest(face, answers[at])
        box = (_drawn(face, likeliest, [habits], noise[[at]]) if boxes is None else boxes[[at]])[0]
        right = _likeliest(face, targets[at])
        truth = whole_boxes(right[:, :2], right[:, 2:], height=face.height, width=face.width)[0]
        rows.append([worker, image["image"], named[at], *box.tolist(), targets[at], *truth.tolist()])
    return rows


def _likeliest(face: Face, label: str) -> NDArray[np.float64]:
    """Centre and size (1, 4) of the typical box of a label at its likeliest place."""
    place = max(placements(face, label, left_share=LEFT_SHARE), key=lambda option: option.probability)
    return np.array([[place.x, place.y, place.width, place.height]])
