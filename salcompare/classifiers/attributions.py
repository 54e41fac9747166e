"""Saliency maps of photographs: what in each speaks for an actor, as arrays and as labelled stores."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import cast

import dask.array as da
import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import nn

from salcompare.classifiers.execution import at_once, generator, one_thread, side_by_side
from salcompare.classifiers.guided import Output, guided_backprop_several
from salcompare.classifiers.logits import evaluating, logits_of, naming
from salcompare.classifiers.methods import check_method, explain, mean_colour
from salcompare.classifiers.network import TrainedClassifier
from salcompare.config import Attribution, method_of
from salcompare.errors import InputError, Problem
from salcompare.map_stream import MapStream
from salcompare.maps import reduce_channels
from salcompare.maps.filters import How
from salcompare.progress import Progress, Silent
from salcompare.provenance import canonical_json, versions
from salcompare.schema import CLASSIFIER_MAPS, check_maps
from salcompare.store import write_dataset

MapArray = NDArray[np.float32]
DIMS = ("image", "y", "x", "channel")
_COLOURS = {"black": 0, "grey": 128, "white": 255}
_TARGETS = {"actor": "the image's own actor", "predicted": "the actor that the network predicts"}
_SIGNS: dict[str, Callable[[NDArray[np.floating]], NDArray[np.floating]]] = {
    "positive": lambda values: values.clip(min=0), "negative": lambda values: (-values).clip(min=0),
    "absolute": np.abs}


def attribute(trained: TrainedClassifier, pixels: xr.DataArray, *, targets: Sequence[str] | xr.DataArray,
              config: Attribution | None = None, method: str | None = None,
              progress: Progress | None = None) -> MapArray:
    """Map what in each photograph speaks for an actor.

    Parameters
    ----------
    trained : TrainedClassifier
    pixels : uint8 DataArray (image, y, x, channel)
        Photographs of the size the network was trained on; may be lazy, ``config.batch`` are read at a time.
    targets : sequence of str, or DataArray (image)
        The actor explained, for each image.
    config : Attribution, optional
        Output explained, reduction of channels, sign, baseline, steps and so on, batch.
    method : str, optional
        One of `salcompare.config.METHODS`; the first of `config` if not given.
    progress : Progress, optional

    Returns
    -------
    float32 ndarray (n, y, x)
        At least 0, in the unit that `salcompare.config.method_of` names; all zero where nothing speaks for the actor.
        Never NaN.

    Raises
    ------
    InputError
        If the photographs are of another size or kind, an actor is not among the network's, or the method does not
        cover the network.
    """
    check_photographs(trained, pixels)
    classes = known_classes(trained, np.asarray(targets), pixels)[None]
    maps: MapArray = several_maps(trained, pixels, classes, config or Attribution(), method=method,
                                  progress=progress)[0]
    return maps


@dataclass(frozen=True)
class Lot:
    """A few photographs uint8 (image, y, x, channel), maybe lazy, that one network explains.

    `classes` (k, image) are those explained for each photograph; without them, the one that the network predicts.
    """

    trained: TrainedClassifier
    pixels: xr.DataArray
    classes: NDArray[np.int64] | None = None


def several_maps(trained: TrainedClassifier, pixels: xr.DataArray, classes: NDArray[np.int64], config: Attribution, *,
                 method: str | None = None, progress: Progress | None = None, what: str = "maps") -> MapArray:
    """Make maps (k, n, y, x) for k classes (k, n) of each photograph, a few photographs at a time on every core."""
    step, _ = at_once(trained.model, config.batch)
    parts = [slice(start, start + step) for start in range(0, pixels.sizes["image"], step)]
    in_turn = maps_in_turn((Lot(trained, pixels.isel(image=part), classes[:, part]) for part in parts), config,
                           method=method, like=trained)
    maps = np.zeros((len(classes), *pixels.shape[:3]), np.float32)
    for part, of_part in zip(parts, (progress or Silent()).track(in_turn, total=len(parts), what=what), strict=True):
        maps[:, part] = of_part
    return maps


def maps_in_turn(lots: Iterable[Lot], config: Attribution, *, like: TrainedClassifier,
                 method: str | None = None) -> Iterator[MapArray]:
    """Explain one lot of photographs on every core, and give the maps (k, n, y, x) of each in the lots' order.

    Lots have at most as many photographs as `execution.at_once` says for the network `like`, which tells where and how
    large theirs are; they are taken a little ahead of the maps. Guided Backpropagation takes one forward pass for all
    k classes; SmoothGrad's noise is the same for all k. Otherwise as `attribute`.
    """
    method = method or config.method
    check_method(method)
    step, most = at_once(like.model, config.batch)
    options = dataclasses.replace(config, batch=step)

    def explained(model: nn.Module, lot: Lot) -> MapArray:
        """Attribute one lot's images on one copy of the network."""
        with naming(lot.pixels["image"].to_numpy().tolist()):
            return _batch(dataclasses.replace(lot.trained, model=model), lot, options, method)

    yield from side_by_side(explained, ((lot.trained.model, lot) for lot in lots), most=most)


def _batch(trained: TrainedClassifier, lot: Lot, config: Attribution, method: str) -> MapArray:
    photographs: NDArray[np.uint8] = lot.pixels.to_numpy()
    x = trained.prepare(photographs)
    x = x.to(next(trained.model.parameters(), x).device)
    if lot.classes is None:
        with evaluating(trained.model), torch.no_grad():
            logits = logits_of(trained.model, x, classes=len(trained.actors))
        classes: NDArray[np.int64] = logits.argmax(1)[None].cpu().numpy()
    else:
        classes = lot.classes
    if method == "guided_backprop":
        values = guided_backprop_several(trained.model, x, torch.tensor(classes), output=cast("Output", config.output))
        return np.stack([_one_map(of_class, method, config) for of_class in values.cpu().numpy()])
    baseline = mean_colour(x) if config.baseline == "mean" else trained.prepare(
        np.full_like(photographs, _COLOURS[config.baseline])).to(x.device)
    names = [str(name) for name in lot.pixels["image"].to_numpy()]
    maps = []
    for target in classes:
        noise = [generator(trained.seed, "smoothgrad", name) for name in names]
        values = explain(trained.model, x, torch.tensor(target), method=method, baseline=baseline, options=config,
                         generators=noise)
        maps.append(_one_map(values.cpu().numpy(), method, config))
    return np.stack(maps) if maps else np.zeros((0, *photographs.shape[:3]), np.float32)


def _one_map(values: NDArray[np.floating], method: str, config: Attribution) -> MapArray:
    """Reduce a method's values (n, c, y, x) to maps (n, y, x) that are at least 0."""
    sign = str(config.choices(method).get("sign", "positive"))
    if method_of(method).contributions and config.channels == "sum":
        values = values.sum(axis=1, keepdims=True, dtype=np.float64)
    return reduce_channels(_SIGNS[sign](values), cast("How", config.channels))


def described(trained: TrainedClassifier, config: Attribution, more: Mapping[str, object], *,
              method: str | None = None) -> dict[str, object]:
    """Gather what a reader must know to trust the maps, as attributes."""
    method = method or config.method
    choices = config.choices(method)
    if choices.get("layer") == "":
        choices["layer"] = "the last whose output is maps"
    return as_attributes({
        **choices, "unit": method_of(method).unit.format(config.output), "backbone": trained.backbone,
        "variant": trained.variant, "weights_sha256": trained.weights_sha256, "seed": trained.seed,
        "versions": versions(), **more})


def as_attributes(known: Mapping[str, object]) -> dict[str, object]:
    """Give what is known of a store as attributes: what is not one text or number is given as JSON."""
    return {key: value if isinstance(value, (str, int, float)) else canonical_json(value)
            for key, value in known.items()}


def check_photographs(trained: TrainedClassifier, pixels: xr.DataArray) -> None:
    """Refuse photographs that are not of the kind and size that the network takes."""
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


def known_classes(trained: TrainedClassifier, targets: NDArray[np.generic], pixels: xr.DataArray) -> NDArray[np.int64]:
    """Give the class of each image's target (image); actors that the network does not know are refused."""
    if targets.shape != (pixels.sizes["image"],):
        raise InputError(Problem("targets", f"shape {targets.shape}", f"an actor for each of the "
                                 f"{pixels.sizes['image']} images"))
    classes = {actor: i for i, actor in enumerate(trained.actors)}
    unknown = [(image, actor) for image, actor in zip(pixels["image"].to_numpy(), targets.tolist(), strict=True)
               if actor not in classes]
    if unknown:
        raise InputError([Problem(f"target of image {str(image)!r}", repr(actor),
                                  f"one of the network's actors, {', '.join(trained.actors[:40])}",
                                  "train the network on this actor too, or leave the image out")
                          for image, actor in unknown])
    return np.array([classes[actor] for actor in targets.tolist()], dtype=np.int64)


def unknown_actors(trained: TrainedClassifier, actors: Iterable[str], where: str) -> list[Problem]:
    """Say of actors whom the network does not know whom it knows."""
    return [Problem(where, f"{actor!r} is not among the network's actors", f"one of {', '.join(trained.actors[:40])}")
            for actor in actors if actor not in trained.actors]


def shown_classes(trained: TrainedClassifier, pixels: xr.DataArray) -> NDArray[np.int64]:
    """Give the class of each photograph's own actor (image), as `known_classes` does."""
    return known_classes(trained, pixels["actor"].to_numpy(), pixels)


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
        As for `attribute`, errors too; `pixels` with coordinates image, actor, y and x. Lazy photographs are read as
        they are needed, so that memory does not grow with their number.
    folder, name, fingerprint
        As for `store.write_dataset`.
    provenance : mapping, optional
        What else a reader must know to trust the maps, such as the seed and hashes of the inputs; kept in the
        manifest and the maps' attributes.
    """
    check_photographs(trained, pixels)
    if config.target == "actor":
        shown_classes(trained, pixels)
    provenance = dict(provenance or {})
    shape = tuple(pixels.sizes[dim] for dim in DIMS[:3])
    template = xr.Dataset(
        {"saliency": (DIMS[:3], da.zeros(shape, dtype=np.float32))},
        coords={"image": pixels["image"].to_numpy(), "actor": ("image", pixels["actor"].to_numpy()),
                "y": pixels["y"].to_numpy(), "x": pixels["x"].to_numpy()},
        attrs=described(trained, config, {"target": _TARGETS[config.target], **provenance}, method=method))
    check_maps(template, CLASSIFIER_MAPS, name)
    stream = MapStream(template, folder, name, fingerprint=fingerprint)
    step, _ = at_once(trained.model, config.batch)
    parts = [[slice(start, min(start + step, chunk.stop)) for start in range(chunk.start, chunk.stop, step)]
             for chunk in stream.missing()]
    photographs = (pixels.isel(image=part) for chunk in parts for part in chunk)
    lots = (Lot(trained, some, shown_classes(trained, some)[None] if config.target == "actor" else None)
            for some in photographs)
    stream_maps(stream, lots, [len(chunk) for chunk in parts], name, progress,
                config=config, method=method, like=trained)
    empty = sum(_n_empty(stream.read(images, "saliency")) for images in stream.ranges())
    stream.finish(provenance, attrs={"n_empty": empty})


def stream_maps(stream: MapStream, lots: Iterable[Lot], lots_of_chunks: Sequence[int], name: str,
                progress: Progress | None, *, config: Attribution, like: TrainedClassifier,
                method: str | None = None) -> None:
    """Write the first map of each photograph of the lots to the missing chunks of a store, so many lots to each."""
    maps = maps_in_turn(lots, config, method=method, like=like)
    tracked = stream.tracked(progress or Silent(), what=f"{name}, 16 images each")
    for images, n in zip(tracked, lots_of_chunks, strict=True):
        stream.write(images, saliency=np.concatenate([of_lot[0] for of_lot in islice(maps, n)]))


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
    rows, actors, others = list(zip(*chosen, strict=True)) or ((), (), ())
    part = pixels.isel(image=list(rows))
    classes = np.array([[trained.actors.index(actor) for actor in side] for side in (actors, others)], dtype=np.int64)
    shown, other = several_maps(trained, part, classes, config, progress=progress, what=name)
    provenance = dict(provenance or {})
    attributes = described(trained, config, {
        "target": "own: the image's own actor; other: the other actor", **provenance,
        "n_empty_own": _n_empty(shown), "n_empty_other": _n_empty(other)})
    photographs = [str(photograph) for photograph in part["image"].to_numpy()]
    texts = {"image": [f"{photograph}|{z}" for photograph, z in zip(photographs, others, strict=True)],
             "photograph": photographs, "actor": actors, "other_actor": others}
    coords = {key: ("image", np.array(values, dtype=str)) for key, values in texts.items()}
    dataset = xr.Dataset({"own": (DIMS[:3], shown), "other": (DIMS[:3], other)},
                         coords={**coords, "y": pixels["y"].to_numpy(), "x": pixels["x"].to_numpy()}, attrs=attributes)
    write_dataset(dataset, folder, name, fingerprint=fingerprint, provenance=provenance)


def _contrasts(trained: TrainedClassifier, pixels: xr.DataArray, pairs: list[tuple[str, str]],
               images_per_pair: int) -> list[tuple[int, str, str]]:  # a photograph's row, its actor and the other
    actors = pixels["actor"].to_numpy()
    problems, chosen = [], []
    if images_per_pair < 1:
        problems.append(Problem("images_per_pair", str(images_per_pair), "at least 1"))
    for y, z in pairs:
        rows = np.flatnonzero(actors == y)[:max(images_per_pair, 0)]
        chosen += [(int(at), y, z) for at in rows]
        problems += unknown_actors(trained, (y, z), f"pair {y!r}, {z!r}")
        if y == z:
            problems.append(Problem(f"pair {y!r}, {z!r}", "one actor twice", "two actors"))
        elif not (actors == y).any():
            problems.append(Problem(f"pair {y!r}, {z!r}", f"no photographs of {y!r}", "at least one"))
    if problems:
        raise InputError(problems)
    return chosen


def _n_empty(maps: NDArray[np.generic]) -> int:
    """How many maps are all zero; they stay out of heatmaps."""
    return int((maps.max(axis=(1, 2)) == 0).sum())
