"""The classifiers' side: networks, their training, and maps that are there already."""

from __future__ import annotations

from dataclasses import dataclass, field

from salcompare.config.attribution import METHODS
from salcompare.config.options import option


@dataclass(frozen=True)
class Phase:
    """One phase of training; the defaults are those of the original study's frozen phase."""

    iterations: int = option(1000, "batches", low=1)
    learning_rate: float = option(5e-4, "Adam's step", low=0)
    l2: float = option(1e-2, "times the sum of squared weights (no biases) is added to the loss", low=0)
    per_class: int = option(3, "images of each actor in a batch", low=1)
    flip: bool = option(False, "mirror half of the training images, anew in each batch")
    shift: int = option(0, "move training images by up to so many pixels, anew in each batch", low=0)
    validate_every: int = option(50, "iterations between looks at the validation images, and between checkpoints",
                                 low=1)


@dataclass(frozen=True)
class Classifier:
    """A network, its weights and its training."""

    name: str = option("alexnet", "what the report calls it")
    backbone: str = option("alexnet", "alexnet, efficientnet_lite0, a torchvision classification model such as "
                                     "resnet18, timm:NAME, or your own module:factory")
    weights: str = option("imagenet", "imagenet, installed (from a package), none, or the path of a .pth or "
                                      ".safetensors file")
    variants: tuple[str, ...] = option(("frozen", "finetuned"), "which variants, in order",
                                        choices=("frozen", "finetuned"))
    hidden: int = option(100, "units of the new hidden layer", low=1)
    dropout: float = option(0.5, "share of hidden units left out in training", low=0, high=0.95)
    centre: bool = option(False, "subtract each image's own mean before the network sees it")
    l2_on: str = option("all", "weights that finetuning's l2 is on: all, or linear (the convolutions left out)",
                         choices=("all", "linear"))
    keep: str = option("best", "which weights are kept: those of the best look at the validation images, or those of "
                       "the last iteration, which needs no validation images", choices=("best", "last"))
    methods: tuple[str, ...] = option((), "its attribution methods, its main one first; empty takes those of "
                                      "[attribution]. Networks that use SiLU, GELU or the like in place of ReLU need a "
                                      "method other than guided_backprop, such as integrated_gradients",
                                      choices=METHODS)
    seeds: int = option(1, "how often it is trained, each time with a seed of its own; the first is the study's", low=1)
    frozen: Phase = field(default_factory=Phase)
    finetuned: Phase = field(default_factory=lambda: Phase(iterations=1500, per_class=5))


@dataclass(frozen=True)
class Precomputed:
    """A classifier's maps that are there already; with these and no [[classifier]] nothing is trained, all is test."""

    name: str = option("maps", "what the report calls it")
    path: str = option("data/raw/maps", "a folder of ACTOR/IMAGE.png, .npy, .npz or .nc, or one .npz or .nc file")
    method: str = option("given", "how the maps were made, one word, as in guided_backprop")
    drop_invalid: bool = option(False, "leave out maps that cannot be used, counted, instead of refusing all")
