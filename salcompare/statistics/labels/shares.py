"""Responses as codes, the votes of workers on images, and shares of labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from salcompare.errors import InputError, Problem
from salcompare.statistics.kernels import Values


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

    @cached_property
    def votes(self) -> Votes:
        """One vote for each image and worker, of m boxes each 1/m of it; for each response where no worker is named."""
        voter = np.arange(len(self.image)) if self.worker is None else self.worker
        pairs, vote, boxes = np.unique(np.column_stack([self.image, voter]), axis=0, return_inverse=True,
                                       return_counts=True)
        shares = np.zeros((len(pairs), len(self.labels)))
        np.add.at(shares, (vote.ravel(), self.label), 1 / boxes[vote.ravel()])
        return Votes(pairs[:, 0], pairs[:, 1], shares)

    @property
    def workers_of_actors(self) -> NDArray[np.intp]:
        """How many workers responded to each actor (actor,); 0 where workers are not known."""
        if self.worker is None:
            return np.zeros(len(self.actors), np.intp)
        pairs = np.unique(np.column_stack([self.actor[self.votes.image], self.votes.worker]), axis=0)
        return np.bincount(pairs[:, 0], minlength=len(self.actors))

    @property
    def votes_of_images(self) -> NDArray[np.intp]:
        """How many votes each image has (image,); at least 1."""
        return np.bincount(self.votes.image, minlength=len(self.actor))

    @property
    def image_shares(self) -> Values:
        """Share of each label in the votes on each image (image, label)."""
        sums = np.zeros((len(self.actor), len(self.labels)))
        np.add.at(sums, self.votes.image, self.votes.shares)
        return sums / self.votes_of_images[:, None]

    @property
    def effective_votes(self) -> Values:
        """Kish's effective number of votes of each actor (actor,); 0 for an actor without responses.

        A vote on an image with m votes, of an actor with k such images, weighs 1 / (k m).
        """
        images = np.bincount(self.actor, minlength=len(self.actors))
        spread = np.bincount(self.actor, 1 / self.votes_of_images, minlength=len(self.actors))
        return np.asarray(images**2 / np.where(spread > 0, spread, 1), float)

    @property
    def shares(self) -> Values:
        """Shares of labels (actor, label), images weighing the same; NaN for an actor without responses."""
        images = np.bincount(self.actor, minlength=len(self.actors))[:, None]
        sums = np.zeros((len(self.actors), len(self.labels)))
        np.add.at(sums, self.actor, self.image_shares)
        return sums / np.where(images > 0, images, np.nan)


@dataclass(frozen=True)
class Votes:
    """Votes (vote,), in the order of images and workers: what shares of labels are made of."""

    image: NDArray[np.intp]
    worker: NDArray[np.intp]
    shares: Values  # (vote, label), which sum to 1


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
