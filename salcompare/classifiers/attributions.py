"""Saliency maps of a study's photographs, written as labelled stores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import dask.array as da
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from salcompare.classifiers.cores import at_once, one_thread
from salcompare.classifiers.saliency import (
    DIMS,
    Lot,
    attribute,
    check_photographs,
    described,
    known_classes,
    maps_in_turn,
    several_maps,
)
from salcompare.classifiers.trained import TrainedClassifier
from salcompare.config import Attribution
from salcompare.errors import InputError, Problem
from salcompare.progress import Progress, Silent
from salcompare.schema import CLASSIFIER_MAPS, check_maps
from salcompare.store import MapStream, write_dataset

__all__ = ["attribute", "write_class_differences", "write_classifier_maps"]
_TARGETS = {"actor": "the image's own actor", "predicted": "the actor that the network predicts"}


@one_thread()
def write_classifier_maps(trained: TrainedClassifier, pixels: xr.DataArray, *, config: Attribution, folder: Path,
                          name: str, fingerprint: str, method: str | None = None,
                          provenance: Mapping[str, object] | None = None, progress: Progress | None = None) -> None:
    """Write the maps of all photographs, each for its own actor or the predicted one, as `schema.CLASSIFIER_MAPS`.

    A killed run is gone on with, to the same bytes: what is computed together is a few photographs of one chunk of the
    store, whatever has been done before and on however many cores.

    Parameters
    ----------
    trained, pixels, config, method, progress
        As for `attribute`; `pixels` with coordinates image, actor, y and x. Lazy photographs are read as they are
        needed, so that memory does not grow with their number.
    folder, name, fingerprint
        As for `store.write_dataset`.
    provenance : mapping, optional
        What else a reader must know to trust the maps, such as the seed and hashes of the inputs; kept in the
        manifest and the maps' attributes.

    Raises
    ------
    InputError
        As for `attribute`.
    """
    check_photographs(trained, pixels)
    if config.target == "actor":
        known_classes(trained, pixels["actor"].to_numpy(), pixels)
    provenance = dict(provenance or {})
    shape = tuple(pixels.sizes[dim] for dim in DIMS[:3])
    template = xr.Dataset(
        {"saliency": (DIMS[:3], da.zeros(shape, dtype=np.float32))}, coords=_coords(pixels),
        attrs=described(trained, config, {"target": _TARGETS[config.target], **provenance}, method=method))
    check_maps(template, CLASSIFIER_MAPS, name)
    stream = MapStream(template, folder, name, fingerprint=fingerprint)
    missing, (step, _) = stream.missing(), at_once(trained.model, config.batch)
    found = maps_in_turn(_lots(trained, pixels, config, missing, step), config, method=method, like=trained)
    for images in stream.tracked(progress or Silent(), what=f"{name}, 16 images each"):
        n_lots = -(-(images.stop - images.start) // step)
        stream.write(images, saliency=np.concatenate([maps[0] for maps in islice(found, n_lots)]))
    empty = sum(_n_empty(stream.read(images, "saliency")) for images in stream.ranges())
    stream.finish(provenance, attrs={"n_empty": empty})


def _lots(trained: TrainedClassifier, pixels: xr.DataArray, config: Attribution, chunks: Sequence[slice],
          step: int) -> Iterator[Lot]:
    """Cut each chunk of the store into as many photographs as are explained at a time."""
    for chunk in chunks:
        for start in range(chunk.start, chunk.stop, step):
            part = pixels.isel(image=slice(start, min(start + step, chunk.stop)))
            yield Lot(trained, part, known_classes(trained, part["actor"].to_numpy(), part)[None]
                      if config.target == "actor" else None)


@dataclass(frozen=True)
class _Contrast:
    """One photograph of an actor, and the other actor it is also explained for."""

    at: int
    photograph: str
    actor: str
    other_actor: str


@one_thread()
def write_class_differences(trained: TrainedClassifier, pixels: xr.DataArray, *, pairs: Sequence[tuple[str, str]],
                            images_per_pair: int, config: Attribution, folder: Path, name: str, fingerprint: str,
                            provenance: Mapping[str, object] | None = None, progress: Progress | None = None) -> None:
    """Write what speaks for the actor shown, and what in the same photograph speaks for another actor.

    Parameters
    ----------
    trained, pixels, config, progress, folder, name, fingerprint, provenance
        As for `write_classifier_maps`.
    pairs : sequence of (str, str)
        The actor shown, y, and the other one, z.
    images_per_pair : int
        The first so many of y's photographs are taken, or all there are.

    Notes
    -----
    The store has dims (image, y, x) and variables ``own`` (explained: y) and ``other`` (z), float32, at least 0. A
    photograph may stand under two pairs, so ``image`` is ``PHOTOGRAPH|z``; coordinates ``photograph``, ``actor`` (y)
    and ``other_actor`` (z) go along it.

    Raises
    ------
    InputError
        As for `attribute`, or if a pair names one actor twice or has no photographs.
    """
    check_photographs(trained, pixels)
    chosen = _contrasts(trained, pixels, list(dict.fromkeys(pairs)), images_per_pair)
    part = pixels.isel(image=[contrast.at for contrast in chosen])
    classes = np.array([[trained.actors.index(c.actor) for c in chosen],
                        [trained.actors.index(c.other_actor) for c in chosen]], dtype=np.int64)
    own, other = several_maps(trained, part, classes, config, progress=progress, what=name)
    provenance = dict(provenance or {})
    attributes = described(trained, config, {
        "target": "own: the image's own actor; other: the other actor", **provenance,
        "n_empty_own": _n_empty(own), "n_empty_other": _n_empty(other)})
    texts = {"image": [f"{c.photograph}|{c.other_actor}" for c in chosen],
             "photograph": [c.photograph for c in chosen], "actor": [c.actor for c in chosen],
             "other_actor": [c.other_actor for c in chosen]}
    coords = {key: ("image", np.array(values, dtype=str)) for key, values in texts.items()}
    dataset = xr.Dataset({"own": (DIMS[:3], own), "other": (DIMS[:3], other)},
                         coords={**coords, "y": pixels["y"].to_numpy(), "x": pixels["x"].to_numpy()}, attrs=attributes)
    write_dataset(dataset, folder, name, fingerprint=fingerprint, provenance=provenance)


def _contrasts(trained: TrainedClassifier, pixels: xr.DataArray, pairs: list[tuple[str, str]],
               images_per_pair: int) -> list[_Contrast]:
    actors, names = pixels["actor"].to_numpy(), pixels["image"].to_numpy()
    problems, chosen = [], []
    if images_per_pair < 1:
        problems.append(Problem("images_per_pair", str(images_per_pair), "at least 1"))
    for y, z in pairs:
        rows = np.flatnonzero(actors == y)[:max(images_per_pair, 0)]
        chosen += [_Contrast(int(at), str(names[at]), y, z) for at in rows]
        problems += [Problem(f"pair {y!r}, {z!r}", f"{actor!r} is not among the network's actors",
                             "one of " + ", ".join(trained.actors[:40]))
                     for actor in (y, z) if actor not in trained.actors]
        if y == z:
            problems.append(Problem(f"pair {y!r}, {z!r}", "one actor twice", "two actors"))
        elif not (actors == y).any():
            problems.append(Problem(f"pair {y!r}, {z!r}", f"no photographs of {y!r}", "at least one"))
    if problems:
        raise InputError(problems)
    return chosen


def _coords(pixels: xr.DataArray) -> dict[str, object]:
    return {"image": pixels["image"].to_numpy(), "actor": ("image", pixels["actor"].to_numpy()),
            "y": pixels["y"].to_numpy(), "x": pixels["x"].to_numpy()}


def _n_empty(maps: NDArray[np.generic]) -> int:
    """How many maps are all zero; they stay out of heatmaps."""
    return int((maps.max(axis=(1, 2)) == 0).sum())
