"""Whether a network can be had and explained as asked, known before any is trained."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import torch

from salcompare.classifiers.backbones import find_backbone
from salcompare.classifiers.guided import check_rectified
from salcompare.classifiers.network import build_network
from salcompare.classifiers.weights import load_weights
from salcompare.config import Classifier
from salcompare.errors import InputError
from salcompare.progress import Say

REMEDY = ('set methods = ["integrated_gradients"] of this [[classifier]] in study.toml, or another method that needs '
          "no ReLU: gradient, input_x_gradient, grad_cam, occlusion, or smoothgrad over one of them")


def check_guided(config: Classifier, *, size: tuple[int, int], root: Path | None = None) -> None:
    """Make sure that Guided Backpropagation covers a classifier's network, whatever its weights.

    Parameters
    ----------
    config : Classifier
        The section of study.toml.
    size : (height, width)
        Of the study's grid.
    root : Path, optional
        The study's folder.

    Raises
    ------
    InputError
        If it does not, naming each operation that it does not cover, and the option that gives the network a method of
        its own.
    ConfigError
        If there is no such backbone.
    MissingDependencyError
        If the backbone is not installed.
    """
    network = build_network(find_backbone(config.backbone, root=root), size=size, hidden=config.hidden,
                            dropout=config.dropout, n_actors=2, learned_statistics=True, seed=0)
    try:
        check_rectified(network, torch.zeros(1, 3, *size))
    except InputError as error:
        where = f"[[classifier]] {config.name!r} ({config.backbone})"
        raise InputError([dataclasses.replace(problem, where=where, remedy=REMEDY) for problem in error.problems
                          ]) from error


def check_weights(config: Classifier, *, root: Path, say: Say) -> None:
    """Make sure that a classifier's weights are there and fit its layers; named ones are downloaded where needed.

    Parameters
    ----------
    config : Classifier
        The section of study.toml.
    root : Path
        The study's folder.
    say : callable
        Told when something is downloaded.

    Raises
    ------
    ConfigError
        If there is no such backbone, or neither weights of that name nor such a file.
    InputError
        If the file cannot be read, or its layers differ.
    MissingDependencyError
        If the backbone or its weights are not installed, or cannot be downloaded.
    """
    if config.weights != "none":
        backbone = find_backbone(config.backbone, root=root)
        load_weights(backbone.features(), backbone, config.weights, root=root, say=say)
