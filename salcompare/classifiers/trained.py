"""A trained network with all that is needed to use it, and the file it stands in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from salcompare.classifiers.backbones import find_backbone
from salcompare.classifiers.checkpoints import read_whole
from salcompare.classifiers.network import Network, build_network, sha256_of_state
from salcompare.classifiers.preparation import Pixels, Preprocessing
from salcompare.errors import InputError, Problem, StaleError


@dataclass(frozen=True)
class TrainedClassifier:
    """A trained network.

    Attributes
    ----------
    model : nn.Module
        In evaluation mode, its parameters without gradients: prepared images (n, 3, h, w) -> logits (n, actors).
    actors : tuple of str
        Whom each logit is for.
    prepare : callable
        uint8 photographs (n, h, w, 3) -> prepared images (n, 3, h, w).
    weights_sha256 : str
        Of all weights' names and values.
    backbone, variant : str
    size : (height, width) of the photographs it was trained on
    seed : int
        What its training's random draws followed from.
    """

    model: nn.Module
    actors: tuple[str, ...]
    prepare: Callable[[Pixels], torch.Tensor]
    weights_sha256: str
    backbone: str
    variant: str
    size: tuple[int, int]
    seed: int


def trained_path(folder: Path, variant: str) -> Path:
    """Where the network of a variant stands."""
    return folder / f"{variant}.pt"


def load_classifier(folder: Path, variant: str, *, root: Path | None = None) -> TrainedClassifier:
    """Load a network that `train_classifier` left.

    Parameters
    ----------
    folder : Path
        What `train_classifier` wrote into.
    variant : str
        frozen or finetuned.
    root : Path, optional
        The study's folder, where a backbone of the user's own stands; else the nearest above `folder` that holds a
        study.toml.

    Raises
    ------
    StaleError
        If it has not been trained.
    DamagedError
        If its file is not what was written.
    InputError
        If it is of another version.
    """
    path = trained_path(folder, variant)
    if not path.exists():
        raise StaleError(Problem(str(path), "does not exist", remedy="run: salcompare run"))
    content = read_whole(path)
    try:
        return _assemble(content, root or _study_above(folder))
    except (KeyError, TypeError, RuntimeError) as error:
        raise InputError(Problem(str(path), f"is no trained classifier of this version ({error})",
                                 remedy="delete it and run: salcompare run")) from error


def _study_above(folder: Path) -> Path | None:
    return next((above for above in folder.resolve().parents if (above / "study.toml").is_file()), None)


def _assemble(content: dict[str, Any], root: Path | None) -> TrainedClassifier:
    built = content["network"]
    size = (int(built["size"][0]), int(built["size"][1]))
    network: Network = build_network(
        find_backbone(built["backbone"], root=root), size=size, hidden=built["hidden"], dropout=built["dropout"],
        n_actors=len(content["actors"]), learned_statistics=built["learned_statistics"], seed=0)
    network.load_state_dict(content["state"])
    network.eval().requires_grad_(False)
    network.to("cuda" if torch.cuda.is_available() else "cpu")
    prepare = Preprocessing(tuple(built["mean"]), tuple(built["std"]), centre=built["centre"])
    return TrainedClassifier(network, tuple(content["actors"]), prepare, sha256_of_state(content["state"]),
                             built["backbone"], content["variant"], size, content["seed"])
