"""Every classification model of torchvision, its last classifier taken off."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from salcompare.classifiers.backbones.recipe import IMAGENET, Backbone, GlobalMean, without_inplace
from salcompare.classifiers.preparation import Preprocessing
from salcompare.classifiers.weights import downloaded, needed
from salcompare.progress import Say

CLASSIFIERS = ("classifier.", "fc.", "head.", "heads.", "AuxLogits.", "aux1.", "aux2.")
"""What torchvision and timm call the layers that come off, auxiliary classifiers among them."""
WRAPPERS = ("", "module.", "model.")
_HEADS = ("classifier", "fc", "head", "heads")
_HALVES = Preprocessing(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
_WITH_AUXILIARIES = {"googlenet", "inception_v3"}
_OLD_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12])\.")


def torchvision_names() -> list[str]:
    """Names of torchvision's classification models."""
    models = needed("torchvision.models", extra="classifiers")
    names: list[str] = models.list_models(module=models)
    return names


def torchvision_backbone(name: str) -> Backbone:
    """Make the recipe of a torchvision classification model; its named weights are torchvision's default ones.

    The new layers take the place of the last classifier. Of VGG, as of AlexNet, all fully connected layers come off,
    and its convolution layers' output is not pooled to a fixed size; of SqueezeNet the last convolution does, and
    features are the mean over pixels, as in the original; of all others the last linear layer, and dropouts beside it.

    Parameters
    ----------
    name : str
        One of `torchvision_names`.
    """
    return Backbone(name, _HALVES if name in _WITH_AUXILIARIES else IMAGENET, partial(_features, name),
                    weights={"imagenet": partial(_imagenet, name)}, ignored=CLASSIFIERS, prefixes=WRAPPERS,
                    renamed=_todays_name)


def _imagenet(name: str, say: Say) -> Path:
    models = needed("torchvision.models", extra="classifiers")
    return downloaded(models.get_model_weights(name).DEFAULT.url, say=say)


def _features(name: str) -> nn.Module:
    models = needed("torchvision.models", extra="classifiers")
    # Their auxiliary classifiers only serve training from nothing, and would make the output a tuple. The scaling that
    # they do inside (transform_input) is left out, as photographs come scaled as they were trained with.
    options: dict[str, Any] = ({"aux_logits": False, "init_weights": True, "transform_input": False}
                               if name in _WITH_AUXILIARIES else {})
    network: nn.Module = models.get_model(name, weights=None, **options)
    _take_off(network, name)
    for parent in list(network.modules()):
        for child, layer in list(parent.named_children()):
            if isinstance(layer, nn.AdaptiveAvgPool2d) and layer.output_size in (1, (1, 1)):
                setattr(parent, child, GlobalMean())
    return without_inplace(network)


def _take_off(network: Any, name: str) -> None:  # noqa: ANN401 - a module's attributes are modules or tensors
    """Put nothing in the place of the last classifier; the names of all other layers stay."""
    head = next(part for part in _HEADS if hasattr(network, part))
    if name.startswith("vgg"):
        network.avgpool, network.classifier = nn.Identity(), nn.Identity()
    elif name.startswith("squeezenet"):
        network.classifier = GlobalMean()
    elif isinstance(getattr(network, head), nn.Linear):
        setattr(network, head, nn.Identity())
    else:
        layers = getattr(network, head)
        last = max(i for i, layer in enumerate(layers) if isinstance(layer, nn.Linear))
        for i, (child, layer) in enumerate(list(layers.named_children())):
            if i == last or isinstance(layer, nn.Dropout):
                setattr(layers, child, nn.Identity())
    if name in _WITH_AUXILIARIES:
        network.dropout = nn.Identity()


def _todays_name(name: str) -> str:
    """DenseNet's files still have the names of an older torchvision, norm.1 for norm1."""
    return _OLD_DENSENET.sub(r"\1\2.", name)
