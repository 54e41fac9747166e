"""What tells each actor from each other one: every photograph explained for every actor, from one forward pass."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import dask.array as da
import numpy as np
import xarray as xr
from numpy.typing import NDArray
from torch import nn

from salcompare.classifiers.attributions import check_photographs, described, several_maps, unknown_actors
from salcompare.classifiers.execution import AT_ONCE, at_once, one_thread, side_by_side
from salcompare.classifiers.network import TrainedClassifier
from salcompare.config import Attribution
from salcompare.errors import InputError, Problem
from salcompare.map_stream import MapStream
from salcompare.maps import saliency_difference
from salcompare.progress import Progress, Silent

PIXELS = ("y", "x")


def class_maps(trained: TrainedClassifier, pixels: xr.DataArray, *, actors: Sequence[str] | None = None,
               config: Attribution | None = None, method: str | None = None,
               progress: Progress | None = None) -> xr.DataArray:
    """Map what in each photograph speaks for each actor, from one forward pass a batch of photographs.

    Parameters
    ----------
    trained, pixels, config, method, progress
        As for `attribute`, errors too.
    actors : sequence of str, optional
        The actors explained; all of the network's if not given.

    Returns
    -------
    float32 DataArray (other_actor, image, y, x)
        At least 0. In memory: actors times photographs maps.
    """
    check_photographs(trained, pixels)
    named = _known(trained, actors)
    numbers = np.array([trained.actors.index(actor) for actor in named], dtype=np.int64)
    classes = np.repeat(numbers[:, None], pixels.sizes["image"], axis=1)
    maps = several_maps(trained, pixels, classes, config or Attribution(), method=method, progress=progress)
    coords = {name: pixels.coords[name] for name in ("image", "actor", *PIXELS)}
    return xr.DataArray(maps, dims=("other_actor", "image", *PIXELS), name="saliency",
                        coords={"other_actor": np.array(named, dtype=str), **coords})


@one_thread()
def write_class_matrix(trained: TrainedClassifier, pixels: xr.DataArray, *, actors: Sequence[str] | None = None,
                       config: Attribution, folder: Path, name: str, fingerprint: str, method: str | None = None,
                       provenance: Mapping[str, object] | None = None, progress: Progress | None = None) -> None:
    """Write the actor x actor matrix of saliency differences: what in y's photographs tells y from z.

    Parameters
    ----------
    trained, pixels, config, method, folder, name, fingerprint, provenance, progress
        As for `write_classifier_maps`; a killed run goes on with the next actor.
    actors : sequence of str, optional
        Who is compared; all of the network's that have photographs if not given.

    Notes
    -----
    The store has dims (actor, other_actor, y, x), means over the photographs of ``actor``: ``saliency``, explained
    for ``other_actor``, and ``difference``, ReLU(map of y / its peak - map of z / its peak), 0 where both are one.
    float32, at least 0. A photograph with a map that is zero everywhere has no difference and is left out of that
    mean; where all are, the difference is NaN. ``n_images`` (actor) photographs were explained, and ``n_differences``
    (actor, other_actor) of them have a difference.

    Raises
    ------
    InputError
        As for `attribute`, or if an actor has no photograph.
    """
    check_photographs(trained, pixels)
    shown = pixels["actor"].to_numpy()
    named = _known(trained, [a for a in trained.actors if a in set(shown.tolist())] if actors is None else actors)
    absent = [actor for actor in named if actor not in set(shown.tolist())]
    if absent:
        raise InputError([Problem("actors", f"no photographs of {actor!r}", "at least one") for actor in absent])
    provenance = dict(provenance or {})
    attrs = described(trained, config, {"target": "of each photograph of actor: other_actor", **provenance},
                      method=method)
    stream = MapStream(_template(named, pixels, attrs), folder, name, fingerprint=fingerprint, dim="actor", per_chunk=1)

    def row(model: nn.Module, rows: slice) -> dict[str, NDArray[np.generic]]:
        """Compute the row of one actor."""
        of_actor = pixels.isel(image=np.flatnonzero(shown == named[rows.start]))
        return _row(dataclasses.replace(trained, model=model), of_actor, named, config, method)

    most = at_once(trained.model, config.batch)[1]
    in_turn = side_by_side(row, ((trained.model, rows) for rows in stream.missing()), most=most)
    for rows in stream.tracked(progress or Silent(), what=f"{name}, one actor each"):
        stream.write(rows, **next(in_turn))
    stream.finish(provenance)


def _row(trained: TrainedClassifier, photographs: xr.DataArray, named: list[str], config: Attribution,
         method: str | None) -> dict[str, NDArray[np.generic]]:
    """Sum over one actor's photographs, a batch at a time, so that memory does not grow with them."""
    actor, per_batch = str(photographs["actor"].to_numpy()[0]), max(1, min(AT_ONCE, config.batch // len(named)))
    shape = (len(named), photographs.sizes["y"], photographs.sizes["x"])
    saliency, difference, counted = np.zeros(shape), np.zeros(shape), np.zeros(len(named), np.int64)
    for start in range(0, photographs.sizes["image"], per_batch):
        maps = class_maps(trained, photographs.isel(image=slice(start, start + per_batch)), actors=named, config=config,
                          method=method)
        gap = saliency_difference(maps.sel(other_actor=actor, drop=True), maps).transpose("other_actor", "image", ...)
        saliency += maps.sum("image", dtype=np.float64).to_numpy()
        difference += gap.sum("image", skipna=True).to_numpy()
        counted += gap.notnull().all(PIXELS).sum("image").to_numpy()
    with np.errstate(invalid="ignore"):
        mean = difference / np.where(counted, counted, np.nan)[:, None, None]
    return {"saliency": (saliency / photographs.sizes["image"]).astype(np.float32)[None],
            "difference": mean.astype(np.float32)[None], "n_differences": counted[None],
            "n_images": np.array([photographs.sizes["image"]], np.int64)}


def _template(named: list[str], pixels: xr.DataArray, attrs: dict[str, object]) -> xr.Dataset:
    shape = (len(named), len(named), pixels.sizes["y"], pixels.sizes["x"])
    dims = ("actor", "other_actor", *PIXELS)
    maps = {name: (dims, da.zeros(shape, dtype=np.float32)) for name in ("saliency", "difference")}
    counts = {"n_differences": (dims[:2], da.zeros(shape[:2], dtype=np.int64)),
              "n_images": (dims[:1], da.zeros(shape[:1], dtype=np.int64))}
    texts = np.array(named, dtype=str)
    return xr.Dataset({**maps, **counts}, attrs=attrs, coords={
        "actor": texts, "other_actor": texts, "y": pixels["y"].to_numpy(), "x": pixels["x"].to_numpy()})


def _known(trained: TrainedClassifier, actors: Sequence[str] | None) -> list[str]:
    named = list(trained.actors if actors is None else actors)
    problems = unknown_actors(trained, named, "actors")
    problems += [Problem("actors", f"{actor!r} is listed twice", "each actor once")
                 for actor in sorted({actor for actor in named if named.count(actor) > 1})]
    if problems:
        raise InputError(problems)
    return named
