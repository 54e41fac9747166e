"""Simulated responses: boxes as workers might draw them, from a model with planted truth.

Nobody's boxes: every table, figure and page that uses them has to say so. The model, with each parameter's source:

- *Labels.* A label's share in the population is the published one (Fig. 4e of Sun, Teoh & Guerzhoy 2020,
  arXiv:2003.08765). An actor's shares are Dirichlet around them, with the concentration estimated by maximum
  likelihood of a Dirichlet-multinomial from the published counts of responses per actor and label. An image's are
  Dirichlet around its actor's, a worker's on an image Dirichlet around the image's, with the worker's own taste kept
  over all images; these two spreads are not published and are assumed (`preferences.IMAGE_CONCENTRATION`,
  `preferences.WORKER_CONCENTRATION`). Each level has the mean of the one above it.
- *Places.* A box lies at its feature: measured in the ORL photographs (`faces.orl_landmarks`), at the published
  typical centre in others. Its size is the published typical one in the face's own unit.
- *Sides.* Boxes of one cheek, ear, laugh line, eye or brow are on the viewer's left with probability `LEFT_SHARE`.
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
from numpy.typing import NDArray

from salcompare.config import Simulation
from salcompare.errors import InputError, Problem
from salcompare.schema import CHECKS, LABELS
from salcompare.simulation.faces import SMALLEST_BOX, Face, find_face, orl_image, placements, whole_boxes
from salcompare.simulation.preferences import (
    ActorPreference,
    Worker,
    draw_actor,
    draw_image,
    draw_worker,
    planted_truth,
    population_shares,
    stream,
    worker_shares,
)

Kind = Literal["uniform", "whole image", "one box", "hurried", "random label", "inattentive"]
KINDS: dict[Kind, str] = {
    "uniform": "boxes at any place and of any size",
    "whole image": "boxes from corner to corner, within a fiftieth of the sides",
    "one box": "the same box on every photograph",
    "hurried": "answers in a twentieth of the time",
    "random label": "a label drawn at random, whatever the box holds",
    "inattentive": "answers instructed checks with a feature of the worker's own choice",
}
"""What each kind does; in all else its answers are as an honest worker's."""
HURRY = 0.05  # factor on the seconds
CORNER = 0.02  # of a side: how far off the corner a box over the whole photograph begins at most


def careless_workers(names: Sequence[str], n: int) -> dict[str, Kind]:
    """Choose the last n workers and give them the kinds by turns."""
    kinds = list(KINDS)
    return {name: kinds[turn % len(kinds)] for turn, name in enumerate(list(names)[len(names) - n:])}


def plant_careless(table: pd.DataFrame, images: pd.DataFrame, kinds: Mapping[str, Kind], *, seed: int) -> pd.DataFrame:
    """Replace what some workers answered by what a careless worker would.

    Parameters
    ----------
    table : DataFrame
        Responses, as `simulate_responses` gives them.
    images : DataFrame
        image, height, width.
    kinds : mapping
        Worker to kind; workers that are not in the table do no harm.
    seed : int
        A worker's draws depend on the seed and the name alone.

    Returns
    -------
    DataFrame
        The same rows in the same order; those of other workers as they were.
    """
    planted = table.copy()
    shape = images.set_index("image")[["height", "width"]]
    for worker, kind in kinds.items():
        own = (table["worker"] == worker).to_numpy()
        rng = stream(seed, "careless", worker)
        boxes = careless_boxes(kind, shape.loc[table.loc[own, "image"]].to_numpy(np.float64), rng=rng)
        if boxes is not None:
            planted.loc[own, ["x0", "y0", "x1", "y1"]] = boxes
        if kind == "random label":
            planted.loc[own, "label"] = rng.choice(LABELS, own.sum())
        if kind == "hurried":
            planted.loc[own, "seconds"] = (HURRY * table.loc[own, "seconds"]).round(1)
    return planted


def careless_boxes(kind: Kind, shapes: NDArray[np.float64], *, rng: np.random.Generator) -> NDArray[np.int64] | None:
    """Boxes of a careless worker on photographs of some heights and widths (photograph, 2); None if as an honest one's.

    Returns
    -------
    array of int (photograph, 4) or None
        x0, y0, x1, y1, half-open, inside the photograph.
    """
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
    smallest = np.minimum(SMALLEST_BOX, sides)
    first = np.minimum(np.floor(low * sides), sides - smallest)
    last = np.maximum(np.ceil(high * sides), first + smallest)
    boxes: NDArray[np.int64] = np.concatenate([first, last], axis=1).astype(np.int64)
    return boxes


LEFT_SHARE = 0.65
"""Probability that a one-sided box is on the viewer's left; planted. The side is that of the left visual-field bias
of face perception (Gilbert & Bakan 1973, doi:10.1016/0028-3932(73)90049-3); the size is chosen."""
SIZE_SD = 0.15  # of the log of width and of height, between a worker's boxes; assumed
SHIFT_SD = 0.08  # of the centre, as a share of the box's size, between a worker's boxes; assumed
SECONDS_MEDIAN = 12.0  # assumed
SECONDS_SD = 0.5  # of the log, between a worker's responses; assumed


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
    kinds = worker_kinds(config)
    workers = {name: draw_worker(name, seed=seed) for name in kinds}
    faces = _faces(images)
    actors: dict[str, ActorPreference] = {}
    parts: dict[str, pd.DataFrame] = {}
    for actor, own in images.groupby("actor", sort=True):
        actors[str(actor)] = draw_actor(str(actor), orl_actor=_orl_actor(own), seed=seed)
        parts |= _respond_to_actor(own, actors[str(actor)], faces, workers, per_image=config.per_image, seed=seed)
    table = pd.concat([parts[image] for image in images["image"]], ignore_index=True)
    truth = planted_truth(images, faces, actors, config, seed=seed, left_share=LEFT_SHARE)
    careless = {name: kind for name, kind in kinds.items() if kind is not None}
    return SimulatedResponses(plant_careless(table, images, careless, seed=seed), truth | (
        {"careless": careless} if careless else {}))


def worker_kinds(config: Simulation) -> dict[str, Kind | None]:
    """Give every worker's name with the kind of careless worker that it is, None for an honest one."""
    digits = max(3, len(str(config.workers)))
    names = [f"w{number:0{digits}d}" for number in range(1, config.workers + 1)]
    return dict.fromkeys(names) | careless_workers(names, config.careless)


def _faces(images: pd.DataFrame) -> dict[str, Face]:
    hashes = images["sha256"] if "sha256" in images.columns else [None] * len(images)
    return {image: find_face(sha256, height=int(height), width=int(width)) for image, sha256, height, width in zip(
        images["image"], hashes, images["height"], images["width"], strict=True)}


def _respond_to_actor(images: pd.DataFrame, actor: ActorPreference, faces: dict[str, Face], workers: dict[str, Worker],
                      *, per_image: int, seed: int) -> dict[str, pd.DataFrame]:
    """Responses to one actor's images, by image."""
    turns = stream(seed, "turns", str(images["actor"].iloc[0])).permutation(list(workers))
    parts = {}
    for number, image in enumerate(images["image"]):
        places = (number * per_image + np.arange(per_image)) % len(turns)
        chosen = {str(turns[place]): workers[str(turns[place])] for place in places}
        shares = draw_image(image, actor.shares, seed=seed)
        parts[image] = _respond_to_image(image, faces[image], shares, chosen, rng=stream(seed, "image", image))
    return parts


def _respond_to_image(image: str, face: Face, shares: NDArray[np.float64], workers: dict[str, Worker], *,
                      rng: np.random.Generator) -> pd.DataFrame:
    """One response of each worker to one image."""
    label_draw, place_draw = rng.random((2, len(workers)))
    noise = rng.standard_normal((len(workers), 5))
    habits = list(workers.values())
    labels = _pick_labels(worker_shares(shares, np.array([worker.taste for worker in habits])), label_draw)
    typical = np.array([_place(face, label, draw) for label, draw in zip(labels, place_draw, strict=True)])
    sizes = typical[:, 2:] * np.array([[worker.size] for worker in habits]) * np.exp(SIZE_SD * noise[:, :2])
    shift = np.array([worker.shift for worker in habits]) + SHIFT_SD * noise[:, 2:4]
    boxes = whole_boxes(typical[:, :2] + typical[:, 2:] * shift, sizes, height=face.height, width=face.width)
    seconds = SECONDS_MEDIAN * np.array([worker.pace for worker in habits]) * np.exp(SECONDS_SD * noise[:, 4])
    return pd.DataFrame({
        "response": [f"{image}/{name}" for name in workers], "worker": list(workers), "image": image, "label": labels,
        **dict(zip(("x0", "y0", "x1", "y1"), boxes.T, strict=True)), "seconds": np.round(seconds, 1),
        "origin": "simulated"})


def _pick_labels(shares: NDArray[np.float64], draws: NDArray[np.float64]) -> list[str]:
    """Label of each worker: shares (workers, labels), uniform draws (workers,)."""
    passed = (shares.cumsum(axis=1) < draws[:, np.newaxis]).sum(axis=1)
    return [LABELS[number] for number in np.minimum(passed, len(LABELS) - 1)]


def _place(face: Face, label: str, draw: float) -> tuple[float, float, float, float]:
    """Centre and size of the typical box of a label, at the place that a uniform draw picks."""
    for option in placements(face, label, left_share=LEFT_SHARE):
        draw -= option.probability
        if draw < 0:
            break
    return option.x, option.y, option.width, option.height


def _orl_actor(images: pd.DataFrame) -> str | None:
    """Which ORL actor the images show, if all of them are ORL photographs of one."""
    if "sha256" not in images.columns:
        return None
    found = {(orl_image(sha256) or "").partition("/")[0] for sha256 in images["sha256"]}
    return (found.pop() or None) if len(found) == 1 else None


def _check_images(images: pd.DataFrame, config: Simulation) -> None:
    needed = ("image", "actor", "height", "width")
    missing = [name for name in needed if name not in images.columns]
    problems = [Problem("images", f"no column {name!r}", "columns " + ", ".join(needed)) for name in missing]
    if not missing and images.empty:
        problems.append(Problem("images", "none", "at least one image to respond to"))
    if not missing and images["image"].duplicated().any():
        twice = images["image"][images["image"].duplicated()].iloc[0]
        problems.append(Problem("images", f"image {twice!r} is listed twice", "unique image ids", "rename one"))
    if config.careless > config.workers:
        problems.append(Problem("[simulation] careless", str(config.careless), f"at most workers = {config.workers}",
                                "raise workers or lower careless"))
    if config.per_image > config.workers:
        problems.append(Problem("[simulation] per_image", str(config.per_image), f"at most workers = {config.workers}",
                                "a worker responds to an image once: raise workers or lower per_image"))
    if problems:
        raise InputError(problems)


INSTRUCTED = ("nose", "lips", "chin")
"""What is asked for: features of which there is one, so that there is one right box."""


def simulate_checks(images: pd.DataFrame, config: Simulation, *, seed: int) -> pd.DataFrame:
    """Simulate the workers' answers to instructed checks.

    Parameters
    ----------
    images : DataFrame
        image, height, width, and sha256 by which the ORL photographs are known; each check is asked on one of them.
    config : config.Simulation
        How many workers, how many checks each, and how many of them are careless.
    seed : int
        As for `simulate_responses`: the same workers with the same habits.

    Returns
    -------
    DataFrame
        One row a check, `salcompare.schema.CHECKS`, edges in pixels of the photograph.
    """
    kinds = worker_kinds(config)
    rows = [row for name in kinds for row in _checks_of(name, kinds[name], images, config.checks, seed=seed)]
    return pd.DataFrame(rows, columns=list(CHECKS.names))


def _checks_of(worker: str, kind: Kind | None, images: pd.DataFrame, n: int, *, seed: int) -> list[list[object]]:
    rng = stream(seed, "checks", worker)
    asked = images.iloc[rng.integers(0, len(images), n)]
    targets = [str(label) for label in rng.choice(INSTRUCTED, n)]
    answers = targets
    if kind == "inattentive":
        answers = [str(label) for label in rng.choice(LABELS, n, p=population_shares())]
    noise = rng.standard_normal((n, 4))
    boxes = careless_boxes(kind, asked[["height", "width"]].to_numpy(float), rng=rng) if kind else None
    named = [str(label) for label in rng.choice(LABELS, n)] if kind == "random label" else answers
    rows = []
    for at, (_, image) in enumerate(asked.iterrows()):
        face = find_face(image.get("sha256"), height=int(image["height"]), width=int(image["width"]))
        box = _drawn(face, answers[at], worker, noise[at], seed=seed) if boxes is None else boxes[at].tolist()
        target = _drawn(face, targets[at], None, np.zeros(4), seed=seed)
        rows.append([worker, image["image"], named[at], *box, targets[at], *target])
    return rows


def _drawn(face: Face, label: str, worker: str | None, noise: NDArray[np.float64], *, seed: int,
           ) -> list[int]:
    """Box of a label at its likeliest place, with a worker's habits and noise (4,), or the typical one."""
    place = max(placements(face, label, left_share=LEFT_SHARE), key=lambda option: option.probability)
    size, shift = np.array([place.width, place.height]), np.zeros(2)
    if worker is not None:
        habits = draw_worker(worker, seed=seed)
        shift = (habits.shift + SHIFT_SD * noise[2:]) * size
        size = size * habits.size * np.exp(SIZE_SD * noise[:2])
    boxes = whole_boxes((np.array([place.x, place.y]) + shift)[np.newaxis], size[np.newaxis], height=face.height,
                        width=face.width)
    return [int(edge) for edge in boxes[0]]
