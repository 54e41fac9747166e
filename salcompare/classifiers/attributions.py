"""Saliency maps of photographs: what in each speaks for its actor, written as labelled stores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import dask.array as da
import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from salcompare.classifiers.guided import guided_backprop_several
from salcompare.classifiers.trained import TrainedClassifier
from salcompare.config import Attribution
from salcompare.errors import InputError, Problem
from salcompare.maps import reduce_channels
from salcompare.progress import Progress, Silent
from salcompare.provenance import canonical_json, versions
from salcompare.schema import CLASSIFIER_MAPS, check_maps
from salcompare.store import MapStream, write_dataset

MapArray = NDArray[np.float32]
DIMS = ("image", "y", "x", "channel")


def attribute(trained: TrainedClassifier, pixels: xr.DataArray, *, targets: Sequence[str] | xr.DataArray,
              config: Attribution | None = None, progress: Progress | None = None) -> MapArray:
    """Map what in each photograph speaks for an actor.

    Parameters
    ----------
    trained : TrainedClassifier
    pixels : uint8 DataArray (image, y, x, channel)
        Photographs of the size the network was trained on; may be lazy, ``config.batch`` are read at a time.
    targets : sequence of str, or DataArray (image)
        The actor explained, for each image.
    config : Attribution, optional
        Output explained, reduction of channels, batch.
    progress : Progress, optional

    Returns
    -------
    float32 ndarray (n, y, x)
        At least 0, logit (or probability) per unit of the network's input; all zero where nothing speaks for the
        actor. Never NaN.

    Raises
    ------
    InputError
        If the photographs are of another size or kind, or an actor is not among the network's.
    """
    config = config or Attribution()
    _check_photographs(trained, pixels)
    classes = _classes(trained, np.asarray(targets), pixels)[None]
    maps: MapArray = _several(trained, pixels, classes, config, progress or Silent(), "maps")[0]
    return maps


def write_classifier_maps(trained: TrainedClassifier, pixels: xr.DataArray, *, config: Attribution, folder: Path,
                          name: str, fingerprint: str, provenance: Mapping[str, object] | None = None,
                          progress: Progress | None = None) -> None:
    """Write the maps of all photographs, each for its own actor, as `schema.CLASSIFIER_MAPS`.

    A killed run is gone on with, to the same bytes: what is computed together is one chunk of the store (in parts of
    ``config.batch``), whatever has been done before.

    Parameters
    ----------
    trained, pixels, config, progress
        As for `attribute`; `pixels` with coordinates image, actor, y and x.
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
    _check_photographs(trained, pixels)
    actors = pixels["actor"]
    _classes(trained, actors.to_numpy(), pixels)
    provenance = dict(provenance or {})
    shape = tuple(pixels.sizes[dim] for dim in DIMS[:3])
    template = xr.Dataset(
        {"saliency": (DIMS[:3], da.zeros(shape, dtype=np.float32))}, coords=_coords(pixels),
        attrs=_attributes(trained, config, {"target": "the image's own actor", **provenance}))
    check_maps(template, CLASSIFIER_MAPS, name)
    stream = MapStream(template, folder, name, fingerprint=fingerprint)
    missing = stream.missing()
    for images in (progress or Silent()).track(missing, total=len(missing), what=f"{name}, 16 images each"):
        saliency = attribute(trained, pixels.isel(image=images), targets=actors[images], config=config)
        stream.write(images, saliency=saliency)
    empty = sum(_n_empty(stream.read(images, "saliency")) for images in stream.ranges())
    stream.finish(provenance, attrs={"n_empty": empty})


@dataclass(frozen=True)
class _Contrast:
    """One photograph of an actor, and the other actor it is also explained for."""

    at: int
    photograph: str
    actor: str
    other_actor: str


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
    _check_photographs(trained, pixels)
    chosen = _contrasts(trained, pixels, list(dict.fromkeys(pairs)), images_per_pair)
    part = pixels.isel(image=[contrast.at for contrast in chosen])
    classes = np.array([[trained.actors.index(c.actor) for c in chosen],
                        [trained.actors.index(c.other_actor) for c in chosen]], dtype=np.int64)
    own, other = _several(trained, part, classes, config, progress or Silent(), name)
    provenance = dict(provenance or {})
    attributes = _attributes(trained, config, {
        "target": "own: the image's own actor; other: the other actor", **provenance,
        "n_empty_own": _n_empty(own), "n_empty_other": _n_empty(other)})
    texts = {"image": [f"{c.photograph}|{c.other_actor}" for c in chosen],
             "photograph": [c.photograph for c in chosen], "actor": [c.actor for c in chosen],
             "other_actor": [c.other_actor for c in chosen]}
    coords = {key: ("image", np.array(values, dtype=str)) for key, values in texts.items()}
    dataset = xr.Dataset({"own": (DIMS[:3], own), "other": (DIMS[:3], other)},
                         coords={**coords, "y": pixels["y"].to_numpy(), "x": pixels["x"].to_numpy()}, attrs=attributes)
    write_dataset(dataset, folder, name, fingerprint=fingerprint, provenance=provenance)


def _several(trained: TrainedClassifier, pixels: xr.DataArray, classes: NDArray[np.int64], config: Attribution,
             progress: Progress, what: str) -> MapArray:
    """Make maps (k, n, y, x) for classes (k, n), a batch of photographs at a time."""
    n, height, width, _ = pixels.shape
    maps = np.zeros((len(classes), n, height, width), np.float32)
    starts = range(0, n, config.batch)
    for start in progress.track(starts, total=len(starts), what=what):
        batch = slice(start, min(start + config.batch, n))
        maps[:, batch] = _batch(trained, pixels.isel(image=batch).to_numpy(), classes[:, batch], config)
    return maps


def _batch(trained: TrainedClassifier, photographs: NDArray[np.uint8], classes: NDArray[np.int64],
           config: Attribution) -> MapArray:
    x = trained.prepare(photographs)
    weight = next(trained.model.parameters(), x)
    output = cast("Literal['logit', 'probability']", config.output)
    gradients = guided_backprop_several(trained.model, x.to(weight.device), torch.tensor(classes), output=output)
    how = cast("Literal['sum', 'max']", config.channels)
    return np.stack([reduce_channels(gradient, how) for gradient in gradients.cpu().numpy()])


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


def _attributes(trained: TrainedClassifier, config: Attribution, more: Mapping[str, object]) -> dict[str, object]:
    """Gather what a reader must know to trust the maps; what is not one text or number is given as JSON."""
    known = {"method": config.method, "output": config.output, "channels": config.channels,
             "unit": f"{config.output} per unit of the network's input", "backbone": trained.backbone,
             "variant": trained.variant, "weights_sha256": trained.weights_sha256, "seed": trained.seed,
             "versions": versions(), **more}
    return {key: value if isinstance(value, (str, int, float)) else canonical_json(value)
            for key, value in known.items()}


def _n_empty(maps: NDArray[np.generic]) -> int:
    """How many maps are all zero; they stay out of heatmaps."""
    return int((maps.max(axis=(1, 2)) == 0).sum())


def _check_photographs(trained: TrainedClassifier, pixels: xr.DataArray) -> None:
    problems = []
    if pixels.dims != DIMS or pixels.dtype != np.uint8:
        problems.append(Problem("pixels", f"{pixels.dtype} of dims {pixels.dims}", f"uint8 of dims {DIMS}"))
    elif pixels.shape[1:] != (*trained.size, 3):
        problems.append(Problem("pixels", f"photographs of {pixels.shape[1:]} (y, x, channel)", f"{(*trained.size, 3)}",
                                "resize them to what the network was trained on, or train it again"))
    problems += [Problem("pixels", f"no coordinate {name!r}", "image and actor along image")
                 for name in ("image", "actor") if name not in pixels.coords]
    if problems:
        raise InputError(problems)


def _classes(trained: TrainedClassifier, targets: NDArray[np.generic], pixels: xr.DataArray) -> NDArray[np.int64]:
    if targets.shape != (pixels.sizes["image"],):
        raise InputError(Problem("targets", f"shape {targets.shape}", f"an actor for each of the "
                                 f"{pixels.sizes['image']} images"))
    classes = {actor: i for i, actor in enumerate(trained.actors)}
    unknown = [(image, actor) for image, actor in zip(pixels["image"].to_numpy(), targets.tolist(), strict=True)
               if actor not in classes]
    if unknown:
        raise InputError([Problem(f"target of image {str(image)!r}", repr(actor),
                                  "one of the network's actors, " + ", ".join(trained.actors[:40]),
                                  "train the network on this actor too, or leave the image out")
                          for image, actor in unknown])
    return np.array([classes[actor] for actor in targets.tolist()], dtype=np.int64)
