"""From a pilot study to the scenario that its plans are simulated from."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from salcompare.errors import InputError, Problem
from salcompare.maps import rasterise_boxes
from salcompare.maps.alignment import is_aligned
from salcompare.simulation.preferences import stream
from salcompare.simulation.scenario import Geometry, Place, Scenario
from salcompare.simulation.studies import simulate_study
from salcompare.statistics import pairwise
from salcompare.statistics.overlaps.pairs import blocked, pairing_means

Values = NDArray[np.float64]
GRID = (24, 24)
STUDIES = 12
"""Simulated studies for each point of the line that the classifier's agreement with people is read off."""
_SMOOTH = (0.3, 6.0)  # least and most, pixels of the grid
_FLOOR = 0.01  # added to maps of mean 1 before taking logs, for pixels of 0
_UNKNOWN = "taken as 0: a pilot of this size cannot tell 0 from 1"
_DEFAULTS = Scenario("defaults")


@dataclass(frozen=True)
class Pilot:
    """A pilot study, and what planning takes from it."""

    scenario: Scenario  # the pilot's sizes, its face, and the estimated effects
    parameters: pd.DataFrame  # parameter, value, estimated: each effect and how it was estimated
    classifier: bool  # whether the pilot has a classifier's maps


def fit_pilot(responses: pd.DataFrame, images: pd.DataFrame, saliency: xr.DataArray | None = None, *, seed: int = 0,
              name: str = "pilot") -> Pilot:
    """Estimate a scenario from a pilot study by moments.

    Parameters
    ----------
    responses, images : DataFrame
        The pilot's tables (`schema.RESPONSES`, `schema.IMAGES`); of aligned photographs as
        `maps.alignment.upright_boxes` gives them.
    saliency : DataArray (image, y, x), optional
        A classifier's maps; averaged over the cells of a grid of 24 x 24, and each scaled to a mean of 1.
    seed : int
        Of the simulated studies that the agreement of classifier and people is matched with.
    name : str
        What the scenario is called.

    Returns
    -------
    Pilot
        People: see `fit_people`. The classifier: products of the logs of its maps, of one image, of one
        actor or of nothing in common, tell its own factors apart, and those of neighbouring pixels how smooth they
        are; its face is the mean of its maps. `shared_image` and `shared_actor` are read off a line between studies
        simulated with 0 and with 1, at which the image effect (the actor effect) of the Pearson correlation is the
        pilot's. Where the faces' moving alone would make the image effect larger, `classifier_moves` is lowered; where
        0 and 1 differ by less than one such effect's standard deviation between studies, 0 is taken.

    Raises
    ------
    InputError
        If the pilot is too small: fewer than two actors, no actor with two images, or no image with two workers; or
        if the photographs are aligned and the boxes are not.

    Notes
    -----
    The estimates are the pilot's own, with its chance in them: from few actors the spread between actors is hardly
    known, and a plan made from it is no better.
    """
    if is_aligned(images):
        raise InputError(Problem("pilot", "boxes in pixels of photographs that are aligned", "boxes on the grid",
                                 "bring them there by salcompare.maps.alignment.upright_boxes"))
    used = images[images["image"].isin(responses["image"])]
    people = fit_people(responses, used)
    per_image = responses.groupby("image").size()
    numbers = tuple(int(number) for number in used.groupby("actor", sort=False).size())
    typical = max(1, round(float(per_image.mean())))
    n_workers = max(int(responses["worker"].nunique()), typical)
    favourite = _DEFAULTS.favourite if np.isnan(people.favourite) else people.favourite
    scenario = Scenario(
        name, n_actors=len(numbers), n_images=numbers, n_workers=n_workers, per_image=typical, grid=GRID,
        geometry=people.geometry, actor_spread=people.actor_spread, image_spread=people.image_spread,
        favourite=favourite, actor_shift=people.actor_shift, image_shift=people.image_shift)
    if saliency is None:
        return Pilot(scenario, _parameters(scenario, people, classifier=False), classifier=False)
    ids = saliency.image.to_numpy()
    common = saliency.sel(image=ids[np.isin(ids, used["image"].to_numpy(str))])
    if common.sizes["image"] < 2:
        raise InputError(Problem("pilot", f"{common.sizes['image']} images with both responses and a classifier's map",
                                 "at least 2"))
    coarse = coarsened(common)
    scenario = scenario.replace(**_classifier(coarse))
    human = rasterise_boxes(responses, used, size=GRID)["coverage"]
    scenario, unknown = _matched(scenario, _effects(human, coarse), seed)
    parameters = _parameters(scenario, people, classifier=True)
    parameters.loc[parameters["parameter"].isin(unknown), "estimated"] = _UNKNOWN
    return Pilot(scenario, parameters, classifier=True)


def coarsened(saliency: xr.DataArray) -> xr.DataArray:
    """Average maps (image, y, x) over the cells of `GRID`, each divided by its mean; empty ones are left out."""
    averaging = []  # matrices (cells, size) that average a column over cells of equal length, which may cut pixels
    for dim, cells in zip(("y", "x"), GRID, strict=True):
        position = np.arange(size := saliency.sizes[dim])
        edges = np.arange(cells + 1) * size / cells
        parts = np.clip(np.minimum(edges[1:, None], position + 1) - np.maximum(edges[:-1, None], position), 0, None)
        averaging.append(parts / parts.sum(axis=1, keepdims=True))
    down, across = averaging
    values = np.stack([down @ one.to_numpy().astype(float) @ across.T for one in saliency.transpose("image", "y", "x")])
    mean = values.mean(axis=(1, 2))
    kept = np.isfinite(mean) & (mean > 0)
    carried = {"image": saliency.image.to_numpy()[kept], "actor": ("image", saliency.actor.to_numpy()[kept])}
    return xr.DataArray(values[kept] / mean[kept, None, None], dims=("image", "y", "x"), coords={
        **carried, "y": np.arange(GRID[0]), "x": np.arange(GRID[1])})


def _classifier(maps: xr.DataArray) -> dict[str, object]:
    """Estimate the classifier's face, factors, noise and smoothness from maps of mean 1."""
    values, codes = maps.to_numpy(), np.unique(maps.actor.to_numpy().astype(str), return_inverse=True)[1]
    members = np.eye(codes.max() + 1)[codes]
    sizes = members.sum(axis=0)
    face = (np.tensordot(members.T, values, axes=1) / sizes[:, None, None]).mean(axis=0)
    logs = np.log(values + _FLOOR)
    whole, near, far = (_covariances(logs, members, face, lag) for lag in (0, 1, 2))
    # Of Gaussian fields smoothed by s the covariance falls as exp(-lag² / 4 s²); pixel noise is at lag 0 only.
    smoothness = np.sqrt(3 / 4 / np.log(near[0] / far[0])) if near[0] > far[0] > 0 else _SMOOTH[1]
    smoothness = float(np.clip(smoothness, *_SMOOTH))
    factors = float(np.clip(near[0] * np.exp(1 / 4 / smoothness**2), 0, whole[0]))  # of actor and image together
    actor = float(np.clip(whole[1], 0, factors))
    return {"classifier_face": tuple(tuple(float(value) for value in row) for row in face / face.mean()),
            "classifier_actor": float(np.sqrt(actor)), "classifier_image": float(np.sqrt(factors - actor)),
            "noise": float(np.sqrt(max(whole[0] - factors, 0.0))), "smoothness": smoothness}


def _covariances(logs: Values, members: Values, weights: Values, lag: int) -> tuple[float, float]:
    """Give covariances of pixels `lag` apart in one image, and in two images of an actor, beyond different actors'.

    Pixels weigh as the face does: far from its features logs follow where the face lies, more than anything else.
    """
    by_axis = []
    centred = logs - logs.mean(axis=0)
    same, itself = members @ members.T > 0, np.eye(len(logs), dtype=bool)
    for axis in (1, 2):
        moved, weight = np.moveaxis(centred, axis, -1), np.moveaxis(weights, axis - 1, -1)
        stop = moved.shape[-1] - lag
        weight = np.sqrt(weight[..., :stop] * weight[..., lag:]).ravel()
        one, other = (moved[..., first:first + stop].reshape(len(logs), -1) for first in (0, lag))
        products = (one * weight) @ other.T / weight.sum()
        nothing = products[~same].mean() if (~same).any() else 0.0
        actor = products[same & ~itself].mean() if (same & ~itself).any() else nothing
        by_axis.append((products[itself].mean() - nothing, actor - nothing))
    return float(np.mean([each[0] for each in by_axis])), float(np.mean([each[1] for each in by_axis]))


def _effects(human: xr.DataArray, classifier: xr.DataArray) -> Values:
    """Image effect and actor effect of the Pearson correlation, means over actors; NaN where undefined."""
    common = human.image.to_numpy()[np.isin(human.image.to_numpy(), classifier.image.to_numpy())]
    matrix = pairwise(human.sel(image=common), classifier.sel(image=common), "pearson")
    effects = pairing_means(blocked(matrix)[0])[3:]
    defined = effects[:, ~np.isnan(effects).any(axis=0)]
    return defined.mean(axis=1) if defined.size else np.full(2, np.nan)


def _matched(scenario: Scenario, observed: Values, seed: int) -> tuple[Scenario, tuple[str, ...]]:
    """Choose how far the classifier moves with the face and follows people, so that effects are the observed ones.

    Gives the names of what a pilot of this size cannot tell, too.
    """
    steps = (0.0, 0.5, 1.0)
    moving = [_simulated(scenario.replace(classifier_moves=step), seed) for step in steps]
    effects = np.maximum.accumulate([mean[0] for mean, _ in moving])
    if effects[-1] - effects[0] > moving[-1][1][0]:
        scenario = scenario.replace(classifier_moves=float(np.interp(observed[0], effects, steps)))
    unknown = []
    for at, parameter in enumerate(("shared_image", "shared_actor")):
        ends = [_simulated(scenario.replace(**{parameter: end}), seed) for end in (0.0, 1.0)]
        rise, error = ends[1][0][at] - ends[0][0][at], ends[0][1][at]
        share = (observed[at] - ends[0][0][at]) / rise if rise > error else np.nan
        if np.isnan(share):
            unknown.append(parameter)
        scenario = scenario.replace(**{parameter: float(np.clip(np.nan_to_num(share), 0, 1))})
    return scenario, tuple(unknown)


def _simulated(scenario: Scenario, seed: int) -> tuple[Values, Values]:
    """Give mean and standard deviation of the effects over simulated studies."""
    drawn = [simulate_study(scenario, rng=stream(seed, "pilot", str(run))) for run in range(STUDIES)]
    effects = np.array([_effects(study.human["coverage"], study.saliency) for study in drawn])
    return effects.mean(axis=0), effects.std(axis=0, ddof=1)


def _parameters(scenario: Scenario, people: PeopleFit, *, classifier: bool) -> pd.DataFrame:
    pairs = "pairs of responses' labels"
    known = f"{pairs}, same worker on different actors"
    assumed = "assumed: no worker responded to two actors"
    rows = [("actor_spread", scenario.actor_spread, f"{pairs}, same actor on different images"),
            ("image_spread", scenario.image_spread, f"{pairs}, same image"),
            ("favourite", scenario.favourite, assumed if np.isnan(people.favourite) else known),
            *((f"{name} {axis}", value, f"pairs of boxes' centres, same {what}")
              for name, shift, what in (("actor_shift", people.actor_shift, "actor on different images"),
                                        ("image_shift", people.image_shift, "image"))
              for axis, value in zip("xy", shift, strict=True))]
    if classifier:
        logs = "products of the logs of the classifier's maps"
        rows += [("classifier_actor", scenario.classifier_actor, f"{logs}, same actor on different images"),
                 ("classifier_image", scenario.classifier_image, f"{logs}, neighbouring pixels of one image"),
                 ("noise", scenario.noise, f"{logs}, the same pixel less its neighbours"),
                 ("smoothness", scenario.smoothness, f"{logs}, pixels one and two apart"),
                 ("classifier_moves", scenario.classifier_moves,
                  "image effect of simulated studies kept from above the pilot's"),
                 ("shared_image", scenario.shared_image, "image effect of simulated studies set to the pilot's"),
                 ("shared_actor", scenario.shared_actor, "actor effect of simulated studies set to the pilot's")]
    return pd.DataFrame(rows, columns=["parameter", "value", "estimated"])


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
    """Estimate what planning needs of people; `InputError` without two actors, two images of one or two workers on one.

    Places are labels, apart on the viewer's left, on the right, and across the face's midline; shares, mean centres and
    mean sizes are the boxes' own. Spreads are from pairs of responses and their labels: with w the probability of a
    favourite and V the variance of single responses, pairs of one worker on two actors share w² V, pairs on one actor
    (other image and worker) (1-w)² a V, pairs on one image (1-w)² (a + i (1-a)) V. Shifts and habits come from the
    boxes' centres about their place's mean, in the same way, and the spread of a worker's boxes from that within image
    and place.
    """
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
    """Average inner products of centred values (response, k) over pairs, by codes ``actor``, ``image``, ``worker``."""
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
    habits = [max(np.nan_to_num(of.worker - of.nothing) / 2, 0.0) for of in (relative, scaled)]
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
