"""Finding a backbone by the name that study.toml gives it."""

from __future__ import annotations

import difflib
from pathlib import Path

from salcompare.classifiers.backbones.installed import ALEXNET, EFFICIENTNET_LITE0
from salcompare.classifiers.backbones.own import own_backbone
from salcompare.classifiers.backbones.recipe import Backbone
from salcompare.classifiers.backbones.timm_models import timm_backbone
from salcompare.classifiers.backbones.torchvision_models import torchvision_backbone, torchvision_names
from salcompare.errors import ConfigError, Problem

TIMM = "timm:"
_REGISTERED: dict[str, Backbone] = {}


def register_backbone(backbone: Backbone) -> None:
    """Make a backbone known by its name, in place of an earlier one of that name."""
    _REGISTERED[backbone.name] = backbone


def find_backbone(name: str, *, root: Path | None = None) -> Backbone:
    """Find the backbone of a name.

    Parameters
    ----------
    name : str
        A registered name (``alexnet``, ``efficientnet_lite0``), a torchvision classification model
        (``resnet18``), ``timm:NAME`` or ``module:factory``.
    root : Path, optional
        The study's folder, where a module of one's own may stand; without it, it must be importable.

    Raises
    ------
    ConfigError
        If there is none of that name, with those that are near it; or the user's own cannot be used, saying why.
    MissingDependencyError
        If the library that has it is not installed.
    """
    if name in _REGISTERED:
        return _REGISTERED[name]
    if name.startswith(TIMM):
        return timm_backbone(name, name.removeprefix(TIMM))
    if ":" in name:
        return own_backbone(name, root=root)
    known = torchvision_names()
    if name in known:
        return torchvision_backbone(name)
    near = difflib.get_close_matches(name, [*_REGISTERED, *known], n=3)
    raise ConfigError(Problem(
        "[[classifier]] backbone", repr(name),
        ", ".join(_REGISTERED) + ", a torchvision classification model, 'timm:NAME' or 'module:factory'",
        "did you mean " + " or ".join(map(repr, near)) + "?" if near else
        "see torchvision.models.list_models(module=torchvision.models)"))


register_backbone(ALEXNET)
register_backbone(EFFICIENTNET_LITE0)
