"""What a pilot study's boxes say about places, spreads and habits, by moments over pairs of responses.

Two responses share what their pair has in common: the image, the actor, the worker, or nothing. Means of products over
the pairs of each kind therefore tell the variances apart, whatever their distributions, and the mean over pairs with
nothing in common takes away what centring on the sample's own mean leaves.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from salcompare.errors import InputError, Problem
from salcompare.simulation.scenario import Geometry, Place

Values = NDArray[np.float64]
FEWEST_BOXES = 5
"""Places with fewer boxes are left out: their centre and size are hardly known."""
MOST_SPREAD = 0.9


@dataclass(frozen=True)
class PeopleFit:
    """What boxes say; amounts as in `Scenario` and `Geometry`, NaN where the pilot cannot say."""

    geometry: Geometry
    actor_spread: float
    image_spread: float
    favourite: float
    actor_shift: tuple[float, float]
    image_shift: tuple[float, float]
    n_left_out: int


@dataclass(frozen=True)
class PairMeans:
    """Means of inner products over kinds of pairs; NaN where there is no such pair."""

    nothing: float
    actor: float
    image: float
    worker: float
    itself: float

    def share(self, kind: float) -> float:
        """Give what a kind of pair shares beyond pairs with nothing in common, as a share of the whole variance."""
        whole = self.itself - (0.0 if np.isnan(self.nothing) else self.nothing)
        return (kind - self.nothing) / whole if whole > 0 else np.nan


def fit_people(responses: pd.DataFrame, images: pd.DataFrame) -> PeopleFit:
    """Estimate what planning needs to know of people.

    Parameters
    ----------
    responses, images : DataFrame
        Tables of the pilot study.

    Returns
    -------
    PeopleFit
        Places are labels, apart on the viewer's left, on the right, and across the face's midline; shares, mean
        centres and mean sizes are the boxes' own. Spreads are from pairs of responses and their labels: with w the
        probability of a favourite and V the variance of single responses, pairs of one worker on two actors share
        w² V, pairs on one actor (other image and worker) (1-w)² a V, pairs on one image (1-w)² (a + i (1-a)) V.
        Shifts and habits come from the boxes' centres about their place's mean, in the same way, and the spread of a
        worker's boxes from that within image and place.

    Raises
    ------
    InputError
        If there are fewer than two actors, no actor with two images, or no image with two workers.
    """
    table = _coded(responses, images)
    place, places = _places(table)
    kept = place >= 0
    table, place = table[kept].reset_index(drop=True), place[kept]
    named = pd.factorize(table["label"])[0]
    named = named if named.max() > 0 else place
    labels = pair_means(np.eye(named.max() + 1)[named] - np.bincount(named) / len(named), table)
    worker = labels.share(labels.worker)
    favourite = float(np.sqrt(np.clip(worker, 0, 1))) if not np.isnan(worker) else np.nan
    follows = (1 - np.nan_to_num(favourite)) ** 2
    of_actor = float(np.clip(labels.share(labels.actor) / follows, 0, MOST_SPREAD))
    of_image = (labels.share(labels.image) - labels.share(labels.actor)) / follows / (1 - of_actor)
    geometry, actor_shift, image_shift = _geometry(table, place, places)
    return PeopleFit(geometry, of_actor, float(np.clip(of_image, 0, MOST_SPREAD)), favourite, actor_shift, image_shift,
                     int((~kept).sum()))


def pair_means(values: Values, table: pd.DataFrame) -> PairMeans:
    """Average inner products over pairs of responses.

    Parameters
    ----------
    values : array (response, k)
        Centred.
    table : DataFrame
        Codes ``actor``, ``image`` and ``worker``, one row a response.
    """
    keys = {"all": [], "a": ["actor"], "i": ["image"], "w": ["worker"], "aw": ["actor", "worker"],
            "iw": ["image", "worker"]}
    sums = {name: _pairs(values, table, columns) for name, columns in keys.items()}

    def mean(plus: tuple[str, ...], minus: tuple[str, ...]) -> float:
        """Mean product of the pairs that some sums count and others do not."""
        total, count = (sum(sums[name][at] for name in plus) - sum(sums[name][at] for name in minus) for at in (0, 1))
        return float(total / count) if count > 0 else np.nan

    return PairMeans(nothing=mean(("all", "aw"), ("a", "w")), actor=mean(("a", "iw"), ("i", "aw")),
                     image=mean(("i",), ("iw",)), worker=mean(("w",), ("aw",)),
                     itself=float((values**2).sum() / len(values)))


def _pairs(values: Values, table: pd.DataFrame, columns: list[str]) -> tuple[float, float]:
    """Sum inner products over ordered pairs within groups, each with itself too, and count them."""
    codes = table.groupby(columns, sort=False).ngroup().to_numpy() if columns else np.zeros(len(table), np.intp)
    totals = np.stack([np.bincount(codes, column) for column in values.T])
    return float((totals**2).sum()), float((np.bincount(codes).astype(float) ** 2).sum())


def _coded(responses: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    """Boxes as shares of their photographs, with codes of actor, image and worker."""
    known = images.set_index("image").loc[responses["image"]]
    width, height = known["width"].to_numpy(float), known["height"].to_numpy(float)
    edges = {name: responses[name].to_numpy(float) for name in ("x0", "y0", "x1", "y1")}
    table = pd.DataFrame({
        "label": responses["label"].to_numpy(str), "x": (edges["x0"] + edges["x1"]) / 2 / width,
        "y": (edges["y0"] + edges["y1"]) / 2 / height, "width": (edges["x1"] - edges["x0"]) / width,
        "height": (edges["y1"] - edges["y0"]) / height, "left": edges["x0"] / width, "right": edges["x1"] / width,
        "actor": pd.factorize(known["actor"].to_numpy(str))[0], "image": pd.factorize(responses["image"])[0],
        "worker": pd.factorize(responses["worker"])[0]})
    problems = []
    if table["actor"].nunique() < 2:
        problems.append(Problem("pilot", "responses to one actor only", "at least 2 actors"))
    if table.groupby("actor")["image"].nunique().max() < 2:
        problems.append(Problem("pilot", "no actor with two images", "at least one"))
    if table.groupby("image")["worker"].nunique().max() < 2:
        problems.append(Problem("pilot", "no image with responses of two workers", "at least one"))
    if problems:
        raise InputError(problems)
    return table


def _places(table: pd.DataFrame) -> tuple[NDArray[np.intp], list[tuple[str, str]]]:
    """Give each box the number of its place, -1 where it is left out, and the places' labels and sides."""
    off = table["x"] - table.groupby("label")["x"].transform("median")
    midline = 0.5 + off.groupby(table["image"]).transform("median")  # a turned head moves all of a face
    side = np.where(table["right"] <= midline, "left", np.where(table["left"] >= midline, "right", "middle"))
    keys = list(zip(table["label"].tolist(), side.tolist(), strict=True))
    counts = Counter(keys)
    places = sorted(key for key, count in counts.items() if count >= FEWEST_BOXES)
    if not places:
        raise InputError(Problem("pilot", f"no place with {FEWEST_BOXES} boxes", "more responses"))
    at = {key: number for number, key in enumerate(places)}
    return np.array([at.get(key, -1) for key in keys], dtype=np.intp), places


def _geometry(table: pd.DataFrame, place: NDArray[np.intp], places: list[tuple[str, str]],
              ) -> tuple[Geometry, tuple[float, float], tuple[float, float]]:
    """Give the face of the pilot's boxes, and how photographs of actors and images move it."""
    means = table[["x", "y", "width", "height"]].groupby(place).mean().to_numpy()
    centres = table[["x", "y"]].to_numpy() - means[place, :2]
    sizes = means[place, 2:]
    moved = [pair_means(centres[:, [axis]], table) for axis in (0, 1)]
    actor = [_sd(axis.actor - np.nan_to_num(axis.nothing)) for axis in moved]
    image = [_sd(axis.image - axis.actor) for axis in moved]
    relative = pair_means(centres / sizes, table)
    jitter = _within(centres / sizes, table["image"].to_numpy() * len(places) + place)
    logs = np.log(table[["width", "height"]].to_numpy())
    scaled = pair_means(logs - pd.DataFrame(logs).groupby(place).transform("mean").to_numpy(), table)
    habits = [max(np.nan_to_num(found.worker - found.nothing) / 2, 0.0) for found in (relative, scaled)]
    size = max((scaled.itself - np.nan_to_num(scaled.nothing)) / 2 - habits[1], 0.0)
    shares = np.bincount(place) / len(place)
    faces = tuple(Place(label, float(share), *(float(number) for number in mean))
                  for (label, _), share, mean in zip(places, shares, means, strict=True))
    return Geometry(faces, FRAME, FRAME, shift=_sd(jitter - habits[0]), size=_sd(size), worker_shift=_sd(habits[0]),
                    worker_size=_sd(habits[1])), (actor[0], actor[1]), (image[0], image[1])


def _within(values: Values, cell: NDArray[np.intp]) -> float:
    """Give the variance of an axis of values (response, 2) within cells; 0 where no cell has two responses."""
    codes, counts = np.unique(cell, return_inverse=True, return_counts=True)[1:]
    means = np.stack([np.bincount(codes, column) / counts for column in values.T], axis=1)
    freedom = 2 * (len(values) - counts.size)
    return float(((values - means[codes]) ** 2).sum() / freedom) if freedom else 0.0


FRAME = 1000
"""Height and width of the photographs that a fitted face is drawn on, pixels; boxes scale with it."""
_LEAST = 1e-4


def _sd(variance: float) -> float:
    """Give the standard deviation; never 0, as profiles of boxes divide by it."""
    return float(np.sqrt(max(variance, _LEAST**2)))
