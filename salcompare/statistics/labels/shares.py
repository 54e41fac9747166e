"""Responses as codes, and shares of labels under any weights of the workers, by sparse matrix products."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from salcompare.errors import InputError, Problem
from salcompare.statistics.kernels import Values

_BATCH = 256  # resamples at a time; cells x batch numbers are held


@dataclass(frozen=True)
class CodedResponses:
    """Responses as codes from 0; without images each response counts as an image of its own, so all weigh alike."""

    actors: list[str]  # what the codes stand for
    labels: list[str]
    label: NDArray[np.intp]  # (response,)
    image: NDArray[np.intp]  # (response,)
    worker: NDArray[np.intp] | None  # (response,); None where it is not known who drew which box
    actor: NDArray[np.intp]  # (image,), of each image that has a response
    images_known: bool  # whether images are images
    image_names: list[str]  # what the codes of images stand for; empty where images are not known

    @property
    def of_actor(self) -> NDArray[np.intp]:
        """Actor of each response."""
        return self.actor[self.image]

    @property
    def workers_of_actors(self) -> NDArray[np.intp]:
        """How many workers responded to each actor (actor,); 0 where workers are not known."""
        if self.worker is None:
            return np.zeros(len(self.actors), np.intp)
        pairs = np.unique(np.column_stack([self.of_actor, self.worker]), axis=0)
        return np.bincount(pairs[:, 0], minlength=len(self.actors))

    @property
    def responses_of_images(self) -> NDArray[np.intp]:
        """How many responses each image has (image,); at least 1."""
        return np.bincount(self.image, minlength=len(self.actor))

    @property
    def image_shares(self) -> Values:
        """Share of each label in the responses to each image (image, label)."""
        n_labels = len(self.labels)
        counts = np.bincount(self.image * n_labels + self.label, minlength=len(self.actor) * n_labels)
        return counts.reshape(-1, n_labels) / self.responses_of_images[:, None]

    @property
    def effective_responses(self) -> Values:
        """Kish's effective number of responses of each actor (actor,); 0 for an actor without responses.

        A response to an image with m responses, of an actor with k such images, weighs 1 / (k m).
        """
        images = np.bincount(self.actor, minlength=len(self.actors))
        spread = np.bincount(self.actor, 1 / self.responses_of_images, minlength=len(self.actors))
        return np.asarray(images**2 / np.where(spread > 0, spread, 1), float)

    def shares(self, weights: Values | None = None) -> Values:
        """Shares of labels (resample, actor, label), images weighing the same; NaN for an actor without responses.

        Each worker's responses come as often as `weights` (resample, worker), which are not negative, say; without
        weights once, in one resample. Images without a response left are left out.
        """
        worker = np.zeros_like(self.label) if weights is None or self.worker is None else self.worker
        weights = np.ones((1, 1)) if weights is None else weights
        n_labels, n_actors, n_images = len(self.labels), len(self.actors), len(self.actor)
        cells, cell = np.unique(self.image * n_labels + self.label, return_inverse=True)
        of_image, of_label = cells // n_labels, cells % n_labels
        each = np.arange(len(cells))
        responses = _incidence(cell, worker, (len(cells), weights.shape[1]))
        to_image = _incidence(of_image, each, (n_images, len(cells)))
        to_actor = _incidence(self.actor, np.arange(n_images), (n_actors, n_images))
        to_share = _incidence(self.actor[of_image] * n_labels + of_label, each, (n_actors * n_labels, len(cells)))
        shares = np.empty((len(weights), n_actors, n_labels))
        for start in range(0, len(weights), _BATCH):
            counts = responses @ np.ascontiguousarray(weights[start:start + _BATCH].T)  # (cell, resample)
            totals = to_image @ counts
            counts /= np.where(totals > 0, totals, 1)[of_image]
            present = to_actor @ (totals > 0).astype(float)
            sums = (to_share @ counts).reshape(n_actors, n_labels, -1)
            mean = np.where(present > 0, 1 / np.maximum(present, 1), np.nan)[:, None] * sums
            shares[start:start + _BATCH] = np.moveaxis(mean, -1, 0)
        return shares


def _incidence(row: NDArray[np.intp], column: NDArray[np.intp], shape: tuple[int, int]) -> sparse.csr_array:
    """Make the matrix that counts how often each column's unit comes in each row."""
    return sparse.csr_array((np.ones(len(row)), (row, column)), shape=shape)


def code_responses(responses: pd.DataFrame, images: pd.DataFrame | None,
                   labels: Sequence[str] | None) -> CodedResponses:
    """Check and code responses; parameters and errors as for `salcompare.statistics.label_histogram`."""
    images_known = "image" in responses
    _check(responses, images, images_known)
    order = list(dict.fromkeys(labels or ()))
    order += sorted(set(responses["label"].astype(str)) - set(order))
    worker = pd.factorize(responses["worker"], sort=True)[0].astype(np.intp) if "worker" in responses else None
    names: list[str] = []
    if images is not None and images_known:
        unique, image = np.unique(responses["image"].to_numpy(str), return_inverse=True)
        of_image = images.set_index("image")["actor"].reindex(unique).to_numpy(str)
        names = unique.tolist()
    else:
        of_image, image = responses["actor"].to_numpy(str), np.arange(len(responses))
    actors = [] if images is None else list(dict.fromkeys(images["actor"].astype(str)))
    actors += sorted(set(of_image.tolist()) - set(actors))
    label, actor = (pd.Index(among).get_indexer(pd.Index(values)).astype(np.intp) for values, among in (
        (responses["label"].to_numpy(str), order), (of_image, actors)))
    return CodedResponses(actors, order, label, image.astype(np.intp), worker, actor, images_known, names)


def _check(responses: pd.DataFrame, images: pd.DataFrame | None, images_known: bool) -> None:
    problems = []
    if "label" not in responses or not ("image" in responses or "actor" in responses):
        problems.append(Problem("responses", f"columns {', '.join(map(str, responses.columns))}",
                                "label, and image or actor"))
    elif not len(responses):
        problems.append(Problem("responses", "no rows", "at least one response"))
    if images_known and images is None:
        problems.append(Problem("images", "none", "a table with columns image and actor"))
    if images is not None and not {"image", "actor"} <= set(images.columns):
        problems.append(Problem("images", f"columns {', '.join(map(str, images.columns))}", "image and actor"))
    if problems:
        raise InputError(problems)
    problems += [Problem("responses", f"{missing} without {name}", f"a {name} for each")
                 for name in ("label", "image", "actor", "worker")
                 if name in responses and (missing := int(responses[name].isna().sum()))]
    if images is not None and images_known:
        unknown = sorted(set(responses["image"].dropna()) - set(images["image"]))
        problems += [Problem("responses", f"image {name!r} is not in images", remedy="add it, or drop its responses")
                     for name in unknown]
    if problems:
        raise InputError(problems)
