"""What a network says of photographs out of which something was taken, or of which only that was left."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import dask.array as da
import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from scipy import ndimage
from torch import nn

from salcompare.classifiers.attributions import as_attributes, check_photographs, shown_classes
from salcompare.classifiers.dataset import WHITE, Pixels
from salcompare.classifiers.execution import derived_seed, device_of, one_thread, side_by_side
from salcompare.classifiers.logits import evaluating, logits_of, naming
from salcompare.classifiers.network import TrainedClassifier
from salcompare.config import FILLS
from salcompare.errors import InputError, Problem
from salcompare.map_stream import MapStream
from salcompare.maps import top_mask
from salcompare.progress import Progress, Silent
from salcompare.provenance import versions

Way = Literal["deletion", "insertion"]
Orders = Callable[[xr.DataArray], xr.DataArray]
Flags = NDArray[np.bool_]
BATCH = 16
MOST = 8
"""Things done to a batch of photographs at a time, so that many cores do not need much memory."""
VARIABLES = ("logit", "probability", "correct")
BLUR = 0.1
"""Standard deviation of the Gaussian that blurs, as a share of the photograph's shorter side."""


def filled(photograph: Pixels, fill: str, *, seed: int, image: str) -> Pixels:
    """Give a photograph uint8 (y, x, channel) of which nothing is left but what a fill leaves.

    mean: the photograph's mean colour everywhere. blur: the photograph under a Gaussian of `BLUR` times its shorter
    side, borders mirrored. noise: independent normal values with the mean and standard deviation of each channel, cut
    to what a pixel can be; it follows from the seed and the image's name only. Another fill is refused.
    """
    if fill not in FILLS:
        raise InputError(Problem("fill", repr(fill), " or ".join(map(repr, FILLS))))
    values = photograph.astype(np.float64)
    mean = values.mean(axis=(0, 1))
    if fill == "mean":
        return _pixels(np.broadcast_to(mean, values.shape))
    if fill == "blur":
        sigma = BLUR * min(values.shape[:2])
        return _pixels(ndimage.gaussian_filter(values, (sigma, sigma, 0), mode="reflect"))
    rng = np.random.default_rng(derived_seed(seed, "fill", image))
    return _pixels(rng.normal(mean, values.std(axis=(0, 1)), values.shape))


def _pixels(values: NDArray[np.float64]) -> Pixels:
    return np.asarray(np.rint(values).clip(0, WHITE), dtype=np.uint8)


@dataclass(frozen=True)
class Arrangement:
    """One thing done to every photograph.

    Attributes
    ----------
    order : str
        Whose order of the pixels it follows; empty where all pixels are kept, or all are filled.
    way : {"deletion", "insertion"}
        Whether the first pixels in that order are taken out, or only they are left.
    fill : str
        What stands in place of what is missing; empty where nothing is.
    share : float
        Of the photograph's pixels, that are taken out or left.
    whole : bool
        Whether an order with fewer pixels above 0 than that leaves the outcome undefined, as nobody marked the rest.
    """

    order: str
    way: Way
    fill: str
    share: float
    whole: bool = False


INTACT = Arrangement("", "deletion", "", 0.0)


def all_filled(fill: str) -> Arrangement:
    """Nothing left of the photograph."""
    return Arrangement("", "deletion", fill, 1.0)


@one_thread()
def removal_outcomes(trained: TrainedClassifier, pixels: xr.DataArray, orders: xr.DataArray,
                     arrangements: Sequence[Arrangement], *, seed: int) -> xr.Dataset:
    """Take parts out of photographs, and see what the network says of what is left.

    Parameters
    ----------
    trained : TrainedClassifier
    pixels : uint8 DataArray (image, y, x, channel)
        Photographs of the size the network was trained on, with coordinates ``image`` and ``actor``.
    orders : DataArray (order, image, y, x)
        Non-negative maps of the same images: the largest pixels come first. Ties are broken as in `top_mask`.
    arrangements : sequence of Arrangement
        What is done.
    seed : int
        The fill's noise follows from it.

    Returns
    -------
    Dataset (image, arrangement), float32
        ``logit`` and ``probability`` of the image's own actor; ``correct``, 1 if the actor has the largest logit, else
        0. NaN where an order is empty on an image, holds a NaN, or has too few pixels above 0 for a `whole`
        arrangement. Coordinates ``actor`` (image); ``order``, ``way``, ``fill``, ``share`` and ``whole`` (arrangement).

    Raises
    ------
    InputError
        If the photographs are of another size or kind, an actor is not among the network's, or the orders are not of
        these images or lack one that an arrangement names.
    """
    check_photographs(trained, pixels)
    _check_orders(pixels, orders, arrangements)
    classes = shown_classes(trained, pixels)
    photographs = pixels.to_numpy()
    names = pixels["image"].to_numpy().tolist()
    fills = {fill: np.stack([filled(photograph, fill, seed=seed, image=str(image))
                             for photograph, image in zip(photographs, names, strict=True)])
             for fill in dict.fromkeys(arrangement.fill for arrangement in arrangements if arrangement.fill)}
    results = {name: np.full((len(photographs), len(arrangements)), np.nan, np.float32) for name in VARIABLES}
    places_of: dict[Arrangement, list[int]] = {}
    for at, arrangement in enumerate(arrangements):
        places_of.setdefault(dataclasses.replace(arrangement, whole=False), []).append(at)

    def outcomes(model: nn.Module, arrangement: Arrangement) -> tuple[NDArray[np.float32], Flags, Flags]:
        """Ask a core's copy of the network of all photographs, one thing done to them."""
        mask, short, empty = _kept(orders, arrangement, photographs.shape[:3])
        changed = photographs if mask.all() else np.where(mask[..., None], photographs, fills[arrangement.fill])
        return _outcomes(dataclasses.replace(trained, model=model), changed, classes, names), short, empty

    answers = side_by_side(outcomes, ((trained.model, arrangement) for arrangement in places_of), most=MOST)
    for places, (values, short, empty) in zip(places_of.values(), answers, strict=True):
        for at in places:
            defined = ~(short | empty) if arrangements[at].whole else ~empty
            for name, of in zip(VARIABLES, values, strict=True):
                results[name][defined, at] = of[defined]
    return xr.Dataset({name: (("image", "arrangement"), values) for name, values in results.items()},
                      coords=_coords(pixels, arrangements))


@one_thread()
def write_removals(trained: TrainedClassifier, pixels: xr.DataArray, orders: Orders,
                   arrangements: Sequence[Arrangement], *, seed: int, folder: Path, name: str, fingerprint: str,
                   provenance: Mapping[str, object] | None = None, progress: Progress | None = None) -> None:
    """Write the outcomes of all photographs; a killed run is gone on with, to the same bytes.

    Parameters
    ----------
    trained, pixels, arrangements, seed
        As for `removal_outcomes`, errors too; `pixels` may be lazy.
    orders : callable
        Given some of the photographs, the orders of their pixels, as `removal_outcomes` takes them.
    folder, name, fingerprint, provenance, progress
        As for `write_classifier_maps`.
    """
    provenance = dict(provenance or {})
    empty = da.zeros((pixels.sizes["image"], len(arrangements)), dtype=np.float32)
    attrs = as_attributes({
        "target": "the image's own actor", "blur": f"Gaussian, sigma {BLUR:g} of the shorter side",
        "backbone": trained.backbone, "variant": trained.variant, "weights_sha256": trained.weights_sha256,
        "seed": seed, "versions": versions(), **provenance})
    template = xr.Dataset(dict.fromkeys(VARIABLES, (("image", "arrangement"), empty)),
                          coords=_coords(pixels, arrangements), attrs=attrs)
    stream = MapStream(template, folder, name, fingerprint=fingerprint)
    for images in stream.tracked(progress or Silent(), what=f"{name}, 16 images each"):
        part = pixels.isel(image=images).load()
        outcomes = removal_outcomes(trained, part, orders(part), arrangements, seed=seed)
        stream.write(images, **{variable: outcomes[variable].to_numpy() for variable in VARIABLES})
    stream.finish(provenance)


def _kept(orders: xr.DataArray, arrangement: Arrangement, shape: tuple[int, ...]) -> tuple[Flags, Flags, Flags]:
    """Which pixels stay (image, y, x), and which images' order is too short, or empty (image,)."""
    if not arrangement.order:
        none = np.zeros(shape[0], bool)
        return np.full(shape, arrangement.share == 0), none, none
    order = orders.sel(order=arrangement.order, drop=True)
    mask = top_mask(order, share=arrangement.share).to_numpy()
    short = np.asarray((mask & (order.to_numpy() <= 0)).any(axis=(1, 2)), dtype=bool)
    empty = np.asarray(~mask.any(axis=(1, 2)), dtype=bool)
    return mask if arrangement.way == "insertion" else ~mask, short, empty


def _outcomes(trained: TrainedClassifier, photographs: Pixels, classes: NDArray[np.int64],
              names: Sequence[str]) -> NDArray[np.float32]:
    """Logit, probability and correctness (3, n) of each photograph's own actor."""
    device = device_of(trained.model)
    outcomes = np.empty((len(VARIABLES), len(photographs)), np.float32)
    for start in range(0, len(photographs), BATCH):
        batch = slice(start, start + BATCH)
        actors = torch.from_numpy(classes[batch])[:, None]
        with evaluating(trained.model), torch.inference_mode(), naming(names[batch]):
            logits = logits_of(trained.model, trained.prepare(photographs[batch]).to(device),
                               classes=len(trained.actors)).cpu()
        outcomes[0, batch] = logits.gather(1, actors)[:, 0].numpy()
        outcomes[1, batch] = logits.softmax(dim=1).gather(1, actors)[:, 0].numpy()
        outcomes[2, batch] = (logits.argmax(dim=1) == actors[:, 0]).numpy()
    return outcomes


def _coords(pixels: xr.DataArray, arrangements: Sequence[Arrangement]) -> dict[str, object]:
    types = {"order": str, "way": str, "fill": str, "share": np.float64, "whole": bool}
    return {"image": pixels["image"].to_numpy(), "actor": ("image", pixels["actor"].to_numpy()),
            **{name: ("arrangement", np.array([getattr(one, name) for one in arrangements], dtype=dtype))
               for name, dtype in types.items()}}


def _check_orders(pixels: xr.DataArray, orders: xr.DataArray, arrangements: Iterable[Arrangement]) -> None:
    problems = []
    if orders.dims != ("order", "image", "y", "x"):
        raise InputError(Problem("orders", f"has dims {orders.dims}", "(order, image, y, x)"))
    if orders["image"].to_numpy().tolist() != pixels["image"].to_numpy().tolist():
        problems.append(Problem("orders", "of other images than the photographs", "the same images in the same order"))
    if orders.shape[2:] != pixels.shape[1:3]:
        problems.append(Problem("orders", f"maps of {orders.shape[2:]}", f"{pixels.shape[1:3]} (y, x)"))
    known = orders["order"].to_numpy().tolist()
    problems += [Problem("arrangement", f"order {name!r}", "one of " + ", ".join(known))
                 for name in dict.fromkeys(a.order for a in arrangements) if name and name not in known]
    if problems:
        raise InputError(problems)
