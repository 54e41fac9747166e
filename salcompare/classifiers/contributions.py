"""Attribution methods: gradients times what they are of, along a path, of a layer's maps, and covering parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge
from torch.nn.functional import interpolate

from salcompare.classifiers.arguments import Asked, chosen, input_gradient, outputs
from salcompare.classifiers.guided import Output, guided_backprop
from salcompare.classifiers.logits import is_compiled, unnamed
from salcompare.classifiers.weights import needed
from salcompare.errors import InputError, Problem


def input_x_gradient(model: nn.Module, x: Tensor, asked: Asked) -> Tensor:
    """Gradient times the prepared image, (n, 3, h, w) (Shrikumar et al. 2017)."""
    return input_gradient(model, x, asked) * x


def integrated_gradients(model: nn.Module, x: Tensor, asked: Asked) -> Tensor:
    """Gradients averaged along the straight path from the baseline, times the way, (n, 3, h, w).

    They add up to the difference of the outputs, as far as the steps go (Gauss-Legendre).

    References
    ----------
    Sundararajan, Taly & Yan (2017), Axiomatic Attribution for Deep Networks, arXiv:1703.01365
    """
    attr = needed("captum.attr", extra="classifiers")
    method = attr.IntegratedGradients(outputs(model, asked))
    options = asked.options
    at_once = max(1, options.batch // options.steps)
    parts: list[Tensor] = []
    for start in range(0, len(x), at_once):
        part = slice(start, start + at_once)
        with unnamed():
            parts.append(method.attribute(
                x[part], baselines=asked.baseline[part], target=asked.target[part].to(x.device), n_steps=options.steps,
                internal_batch_size=max(options.batch, at_once)).detach())
    return torch.cat(parts).to(x.dtype) if parts else torch.zeros_like(x)


def occlusion(model: nn.Module, x: Tensor, asked: Asked) -> Tensor:
    """How far the output falls when a square is put at the baseline, (n, 1, h, w), averaged over squares.

    References
    ----------
    Zeiler & Fergus (2014), Visualizing and Understanding Convolutional Networks, arXiv:1311.2901
    """
    attr = needed("captum.attr", extra="classifiers")
    if not len(x):
        return x[:, :1].clone()
    side, step = occlusion_square((x.shape[2], x.shape[3]), asked)
    with torch.no_grad(), unnamed():
        found: Tensor = attr.Occlusion(outputs(model, asked)).attribute(
            x, sliding_window_shapes=(3, side, side), strides=(3, step, step), baselines=asked.baseline,
            target=asked.target.to(x.device), perturbations_per_eval=max(1, asked.options.batch // len(x)))
    return found[:, :1].to(x.dtype)  # one square covers all three channels, which hold the same value


def occlusion_square(size: tuple[int, int], asked: Asked) -> tuple[int, int]:
    """Side and step in pixels of the square that occlusion moves over images of a size.

    Raises
    ------
    InputError
        If the images are not even one pixel wide.
    """
    shorter = min(size)
    if shorter < 1:
        raise InputError(Problem("x", f"images of {size[0]} x {size[1]}", "at least one pixel"))
    side = min(shorter, max(1, round(asked.options.window * shorter)))
    return side, max(1, round(asked.options.stride * side))


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
