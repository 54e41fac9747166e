"""Models of the library timm, with weights from a local file."""

from __future__ import annotations

import difflib
from functools import partial

from torch import nn

from salcompare.classifiers.backbones.recipe import IMAGENET, Backbone, without_inplace
from salcompare.classifiers.backbones.torchvision_models import CLASSIFIERS, WRAPPERS
from salcompare.classifiers.preparation import Preprocessing
from salcompare.classifiers.weights import needed
from salcompare.errors import ConfigError, Problem


def timm_backbone(name: str, model: str) -> Backbone:
    """Make the recipe of a timm model, up to its pooled features.

    Parameters
    ----------
    name : str
        What study.toml calls it, ``timm:NAME``.
    model : str
        timm's NAME, with or without the tag of its weights, which decides the preprocessing: ``resnet18.a1_in1k``.

    Raises
    ------
    ConfigError
        If timm has no model of that name.
    MissingDependencyError
        If timm is not installed.
    """
    timm = needed("timm", extra="timm")
    architecture, _, tag = model.partition(".")
    if not timm.is_model(model) or (tag and model not in timm.list_pretrained(f"{architecture}.*")):
        near = difflib.get_close_matches(model, timm.list_models(), n=3)
        raise ConfigError(Problem("[[classifier]] backbone", repr(name), "a model of timm, as timm.list_models() names "
                                  "them", "did you mean " + " or ".join(map(repr, near)) + "?" if near else ""))
    known = timm.get_pretrained_cfg(model, allow_unregistered=True)
    preprocessing = IMAGENET if known is None else Preprocessing(tuple(known.mean), tuple(known.std))
    return Backbone(name, preprocessing, partial(_features, model), ignored=(*CLASSIFIERS, "last_linear."),
                    prefixes=WRAPPERS)


def _features(model: str) -> nn.Module:
    timm = needed("timm", extra="timm")
    layers: nn.Module = timm.create_model(model, pretrained=False, num_classes=0)
    return without_inplace(layers)
