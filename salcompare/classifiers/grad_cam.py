"""Grad-CAM: which places of a network's last maps speak for a class."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge
from torch.nn.functional import interpolate

from salcompare.classifiers.asked import Asked, chosen, outputs
from salcompare.classifiers.guided import Output, guided_backprop
from salcompare.classifiers.logits import is_compiled
from salcompare.errors import InputError, Problem

_EXPECTED = "a module whose output is maps (n, c, y, x) of more than one place"
_COMPILED = "nothing is seen of what happens in compiled modules: give the module that it was made of"


@dataclass(frozen=True)
class _Kept:
    """A layer's output as it was when the layer gave it: what follows may overwrite it in place.

    Attributes
    ----------
    maps : Tensor (n, c, y, x)
        A copy.
    edge : GradientEdge
        Where the gradient with respect to it arrives.
    """

    maps: Tensor
    edge: GradientEdge


def grad_cam(model: nn.Module, x: Tensor, asked: Asked) -> Tensor:
    """Positive part of a layer's maps summed with their mean gradients as weights, (n, 1, h, w), made as large as x.

    The layer is ``options.layer``, or else the module that ran last with an output (n, c, y, x) of more than one
    place. Written here as captum's wants a layer that runs once, and EfficientNet's activations run twice in a block.

    References
    ----------
    Selvaraju et al. (2017), Grad-CAM, arXiv:1610.02391
    """
    if not len(x):
        return x[:, :1].clone()
    leaf = x.detach().clone().requires_grad_()
    kept: list[_Kept] = []
    handles = [module.register_forward_hook(_keep(kept)) for module in _watched(model, asked.options.layer)]
    try:
        values = chosen(outputs(model, asked)(leaf), asked.target)
    finally:
        for handle in handles:
            handle.remove()
    where, layer = "[attribution] layer", repr(asked.options.layer)
    if not kept:
        raise InputError(Problem(where, layer, _EXPECTED, "name one, or use a larger grid"))
    gradient, = torch.autograd.grad(values.sum(), [kept[0].edge], allow_unused=True)
    if gradient is None:
        raise InputError(Problem(where, layer, "a layer on the way to the logits"))
    found = (gradient.mean((2, 3), keepdim=True) * kept[0].maps).sum(1, keepdim=True).detach().clamp(min=0)
    return interpolate(found, x.shape[2:], mode="bilinear", align_corners=False)


def guided_grad_cam(model: nn.Module, x: Tensor, asked: Asked) -> Tensor:
    """Guided Backpropagation times Grad-CAM, (n, 3, h, w) (Selvaraju et al. 2017)."""
    output = cast("Output", asked.options.output)
    return guided_backprop(model, x, asked.target, output=output) * grad_cam(model, x, asked)


def _watched(model: nn.Module, layer: str) -> list[nn.Module]:
    named = dict(model.named_modules())
    if layer and layer not in named:
        raise InputError(Problem("[attribution] layer", repr(layer), "one of " + ", ".join(list(named)[1:60]),
                                 "leave it empty to take the last layer that is still a map"))
    watched = [named[layer]] if layer else list(named.values())
    if any(is_compiled(module) for module in watched):
        raise InputError(Problem("[attribution] layer", repr(layer), _EXPECTED, _COMPILED))
    return watched


def _keep(kept: list[_Kept]) -> Callable[[nn.Module, object, object], Tensor | None]:
    def hook(_: nn.Module, __: object, output: object) -> Tensor | None:
        """Keep the output if it is still a map."""
        if not (isinstance(output, Tensor) and output.ndim == 4 and output[0, 0].numel() > 1 and output.requires_grad):
            return None
        handed_on = None
        if output._is_view():  # a change in place of a view leaves no way back to the view as it was
            output = output.clone()
            handed_on = output.clone()
        kept[:] = [_Kept(output.detach().clone(), get_gradient_edge(output))]
        return handed_on
    return hook
