"""Maps of networks that cannot know the people: what a map shows without anything the network has learnt.

Every store has dims (image, y, x) and a float32 variable ``saliency``, at least 0, explained for the photograph's own
actor as the classifier's maps are. A photograph may stand there for several networks, so ``image`` is
``PHOTOGRAPH|NETWORK``; coordinates ``photograph``, ``actor`` and ``network`` (counted from 0) go along it.

The photographs explained, `pixels`, are uint8 (image, y, x, channel) with coordinates image, actor, y and x. They are
refused as by `attribute`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import dask.array as da
import numpy as np
import xarray as xr

from salcompare.classifiers import control_networks as networks
from salcompare.classifiers.attributions import Lot, as_attributes, shown_classes, stream_maps
from salcompare.classifiers.execution import at_once, one_thread
from salcompare.classifiers.network import TrainedClassifier
from salcompare.config import Attribution, Controls, Phase
from salcompare.errors import InputError, Problem
from salcompare.map_stream import MapStream
from salcompare.progress import Progress
from salcompare.provenance import versions

DIMS = ("image", "y", "x")
FORMS = ("cascading", "independent")
Build = Callable[[str], TrainedClassifier]


@dataclass(frozen=True)
class Target:
    """Where the maps of a kind go, and what is said of them.

    `fingerprint` is of all that the maps depend on, `seed` the study's, and `provenance` what else a reader must know.
    """

    folder: Path
    name: str
    fingerprint: str
    seed: int
    provenance: Mapping[str, object]


class _Row(NamedTuple):
    """One map: the photograph's row, and the network that it is explained by."""

    at: int
    key: str
    network: int
    form: str = ""
    layer: str = ""
    step: int = 0


@one_thread()
def write_randomised_maps(trained: TrainedClassifier, pixels: xr.DataArray, target: Target, *, controls: Controls,
                          attribution: Attribution, progress: Progress | None = None) -> None:
    """Write maps of networks all of whose weights are drawn anew.

    `controls` says how many networks, and how many of each actor's photographs they explain: the same for all of them,
    so that each network has maps of other images of an actor, and of other actors, to be compared with.
    """
    layers, calibration = networks.all_layers(trained), networks.calibration_of(pixels)
    rows = [_Row(at, str(network), network) for network in range(controls.randomisations)
            for at in _sample(pixels, controls.images)]

    def build(key: str) -> TrainedClassifier:
        """Draw the network of a number anew."""
        return networks.randomised(trained, layers, seed=target.seed, number=int(key), calibration=calibration)

    _write(trained, pixels, rows, build, target, {"control": "all weights drawn anew"}, attribution, progress)


@one_thread()
def same_when_randomised(one: TrainedClassifier, other: TrainedClassifier, pixels: xr.DataArray, *, seed: int) -> bool:
    """Whether two networks are one and the same once all their weights are drawn anew.

    Two variants of one classifier are, where all that training changes is drawn anew without a look at what it was:
    dropout and the phase of training leave no trace in a network that is only explained. They are not, where a weight
    is drawn with the spread that it had, as those of modules without ``reset_parameters`` are, or where a buffer was
    learnt. `pixels` are as for `write_randomised_maps`, `seed` is the study's.
    """
    if (one.actors, one.prepare, one.seed) != (other.actors, other.prepare, other.seed):
        return False
    first, second = (networks.randomised(trained, networks.all_layers(trained), seed=seed, number=0,
                                         calibration=networks.calibration_of(pixels)) for trained in (one, other))
    return first.weights_sha256 == second.weights_sha256


@one_thread()
def write_shuffled_maps(trained: TrainedClassifier, pixels: xr.DataArray, target: Target, *, training: xr.DataArray,
                        phase: Phase, controls: Controls, attribution: Attribution,
                        progress: Progress | None = None) -> None:
    """Write maps of networks whose head was trained on shuffled actors, as `write_randomised_maps` does.

    `training` are the training photographs, with coordinate actor; `phase` is how the frozen phase is trained. Refused
    also as by `relabelled`.
    """
    photographs, actors = training.to_numpy(), training["actor"].to_numpy().astype(str)
    target.folder.mkdir(parents=True, exist_ok=True)
    features = networks.training_features(trained, photographs, folder=target.folder, progress=progress)
    taught: list[networks.Relabelled] = [
        networks.relabelled(trained, features, actors, phase, seed=target.seed, number=number, folder=target.folder)
        for number in range(controls.shuffles)]
    rows = [_Row(at, str(network), network) for network in range(controls.shuffles)
            for at in _sample(pixels, controls.images)]
    about = {"control": "head trained on shuffled actors", "memorised": [one.memorised for one in taught]}
    _write(trained, pixels, rows, lambda key: taught[int(key)].trained, target, about, attribution, progress)


@one_thread()
def write_layer_maps(trained: TrainedClassifier, pixels: xr.DataArray, target: Target, *, controls: Controls,
                     attribution: Attribution, progress: Progress | None = None) -> None:
    """Write maps of networks some of whose layers are drawn anew: from the head down, and each step by itself.

    Coordinates ``form`` (cascading: this step and all above it; independent: this step alone), ``layer`` (the step's
    name) and ``step`` (from 1, the head) go along ``image`` too. The first step is there once, as cascading: alone it
    is the same.
    """
    calibration = networks.calibration_of(pixels)
    steps = networks.steps_from_the_head(trained, pixels.isel(image=slice(0, 1)).to_numpy(), n=controls.layers)
    every = {f"{form}|{number}|{network}": (form, number, network) for network in range(controls.curve_networks)
             for form in FORMS for number in range(1 if form == FORMS[0] else 2, len(steps) + 1)}
    rows = [_Row(at, key, network, form, steps[number - 1].name, number)
            for key, (form, number, network) in every.items()
            for at in _spread(pixels, network, controls.curve_images)]

    def build(key: str) -> TrainedClassifier:
        """Draw the layers of one step, or of all from the head down to it, anew."""
        form, number, network = every[key]
        chosen = steps[:number] if form == FORMS[0] else steps[number - 1:number]
        return networks.randomised(trained, [name for step in chosen for name in step.layers], seed=target.seed,
                          number=network, calibration=calibration)

    _write(trained, pixels, rows, build, target, {"control": "layers drawn anew"}, attribution, progress)


def _write(trained: TrainedClassifier, pixels: xr.DataArray, rows: Sequence[_Row], build: Build, target: Target,
           about: Mapping[str, object], attribution: Attribution, progress: Progress | None) -> None:
    """Explain each row by its network, a chunk of the store at a time; a killed run goes on to the same bytes."""
    if not rows:
        raise InputError(Problem(target.name, "no photographs", "at least one test photograph"))
    provenance = {"seed": target.seed, **target.provenance}
    attrs = as_attributes({
        "target": "the photograph's own actor", "attribution": attribution.choices(attribution.method),
        "backbone": trained.backbone, "variant": trained.variant, "intact_weights_sha256": trained.weights_sha256,
        "versions": versions(), **about, **provenance})
    stream = MapStream(_template(pixels, rows, attrs), target.folder, target.name, fingerprint=target.fingerprint)
    step, _ = at_once(trained.model, attribution.batch)
    chunks = []
    for images in stream.missing():  # cut into rows that one network explains at a time
        by_network = [list(of_key) for _, of_key in groupby(rows[images], key=lambda row: row.key)]
        chunks.append([of_key[at:at + step] for of_key in by_network for at in range(0, len(of_key), step)])
    lots = _lots(pixels, [part for chunk in chunks for part in chunk], build)
    stream_maps(stream, lots, [len(chunk) for chunk in chunks], target.name, progress, config=attribution, like=trained)
    stream.finish(provenance)


def _lots(pixels: xr.DataArray, parts: Sequence[list[_Row]], build: Build) -> Iterator[Lot]:
    """Build each network when its turn comes."""
    for key, of_key in groupby(parts, key=lambda part: part[0].key):
        trained = build(key)
        for part in of_key:
            chosen = pixels.isel(image=[row.at for row in part])
            yield Lot(trained, chosen, shown_classes(trained, chosen)[None])


def _template(pixels: xr.DataArray, rows: Sequence[_Row], attrs: Mapping[str, object]) -> xr.Dataset:
    photographs, at = pixels["image"].to_numpy().astype(str), [row.at for row in rows]
    named = {"image": np.array([f"{photographs[row.at]}|{row.key}" for row in rows]), "photograph": photographs[at],
             "actor": pixels["actor"].to_numpy().astype(str)[at], "network": np.array([row.network for row in rows])}
    if rows[0].form:
        named |= {name: np.array([getattr(row, name) for row in rows]) for name in ("form", "layer", "step")}
    shape = (len(rows), pixels.sizes["y"], pixels.sizes["x"])
    return xr.Dataset({"saliency": (DIMS, da.zeros(shape, dtype=np.float32))},
                      coords={**{name: ("image", values) for name, values in named.items()},
                              "y": pixels["y"].to_numpy(), "x": pixels["x"].to_numpy()}, attrs=dict(attrs))


def _sample(pixels: xr.DataArray, images: int) -> list[int]:
    """Rows of so many photographs of each actor (all if 0, or if there are fewer), evenly spaced in their order."""
    actors, chosen = pixels["actor"].to_numpy().astype(str), []
    for actor in dict.fromkeys(actors.tolist()):
        shown = np.flatnonzero(actors == actor).tolist()
        wanted = min(images or len(shown), len(shown))
        chosen += [shown[(2 * k + 1) * len(shown) // (2 * wanted)] for k in range(wanted)]
    return chosen


def _spread(pixels: xr.DataArray, network: int, images: int) -> list[int]:
    """Rows of so many photographs, of actors as far apart as can be, other ones for each network."""
    n = pixels.sizes["image"]
    wanted = min(images, n)
    return sorted({(network + k * n // wanted) % n for k in range(wanted)})
