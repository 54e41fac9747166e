"""Scores of photographs by a network, for canonical saliency: likeness to other photographs, a logit, a probability."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from salcompare.classifiers.attributions import check_photographs, shown_classes
from salcompare.classifiers.network import Embedder, TrainedClassifier, embed, run
from salcompare.errors import InputError, Problem
from salcompare.maps.occlusion import Score

Values = NDArray[np.float64]


def likeness(network: TrainedClassifier | Embedder, photographs: xr.DataArray) -> Score:
    """Make the score of verification: how much like the actor's other photographs a photograph is to a network.

    Parameters
    ----------
    network : TrainedClassifier or Embedder
        As for `embed`.
    photographs : uint8 DataArray (image, y, x, channel)
        With coordinate ``actor``; two or more of each actor. They are embedded once.

    Returns
    -------
    callable
        Of photographs of these images, covered in parts: the mean cosine of the angle between the embedding and those
        of the actor's other photographs, in [-1, 1]; NaN where the actor has no other. What is not among the
        photographs is refused.

    Raises
    ------
    InputError
        As by `embed`, or without actors.
    """
    if "actor" not in photographs.coords:
        raise InputError(Problem("photographs", "no coordinate 'actor'", "whom each photograph shows"))
    names, actors = (photographs[name].to_numpy().astype(str) for name in ("image", "actor"))
    embedder = network.embedder if isinstance(network, TrainedClassifier) else network
    units = _units(embed(embedder, photographs).to_numpy())
    others = (actors[:, np.newaxis] == actors) & ~np.eye(len(actors), dtype=bool)
    n_others = others.sum(axis=1, keepdims=True)
    targets = np.divide(others @ units, n_others, out=np.full(units.shape, np.nan), where=n_others > 0)
    index = photographs.get_index("image")

    def score(some: xr.DataArray) -> Values:
        """Give the mean cosine of each photograph."""
        at = index.get_indexer(pd.Index(some["image"].to_numpy()))
        if (at < 0).any():
            unknown = str(some["image"].to_numpy()[at < 0][0])
            raise InputError(Problem("image", repr(unknown), f"one of {len(names)} given"))
        embeddings = run(embedder.features, some.transpose("image", "y", "x", "channel"), embedder.prepare)
        return np.asarray((_units(embeddings) * targets[at]).sum(axis=1))

    return score


def class_score(trained: TrainedClassifier, of: Literal["logit", "probability"] = "probability") -> Score:
    """Make the score of identification: a trained network's logit of the actor shown, or its probability.

    Gives a callable of uint8 photographs (image, y, x, channel) with coordinate ``actor``; others, and actors whom the
    network does not know, are refused by an `InputError`.
    """
    if of not in ("logit", "probability"):
        raise InputError(Problem("of", repr(of), "'logit' or 'probability'"))

    def score(some: xr.DataArray) -> Values:
        """Give the logit or probability of each photograph's actor."""
        check_photographs(trained, some)
        logits = run(trained.model, some.transpose("image", "y", "x", "channel"), trained.prepare).astype(np.float64)
        if of == "probability":
            logits = np.exp(logits - logits.max(axis=1, keepdims=True))
            logits /= logits.sum(axis=1, keepdims=True)
        return np.asarray(np.take_along_axis(logits, shown_classes(trained, some)[:, np.newaxis], axis=1)[:, 0])

    return score


def _units(embeddings: NDArray[np.floating]) -> Values:
    """Scale embeddings (image, feature) to length 1."""
    values = embeddings.astype(np.float64)
    return np.asarray(values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), np.finfo(float).tiny))
