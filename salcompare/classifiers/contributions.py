"""The attribution methods but DeepLIFT: gradients, what they are multiplied or averaged with, and covered squares.

captum is asked for as many images at once as keep the rows in the network at about the study's batch.
"""

from collections.abc import Callable
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge
from torch.nn.functional import interpolate

from salcompare.classifiers.arguments import Request, values_of
from salcompare.classifiers.guided import Output, guided_backprop
from salcompare.classifiers.logits import is_compiled, unnamed
from salcompare.classifiers.weights import needed
from salcompare.errors import InputError, Problem

_LAYER = "[attribution] layer"
_EXPECTED = "a module whose output is maps (n, c, y, x) of more than one place"


def guided(model: nn.Module, x: Tensor, request: Request) -> Tensor:
    """Guided Backpropagation, (n, 3, h, w), of each image's one target."""
    return guided_backprop(model, x, request.target, output=cast("Output", request.options.output))


def input_gradient(model: nn.Module, x: Tensor, request: Request) -> Tensor:
    """Gradient (n, 3, h, w) of each image's output with respect to it."""
    leaf = x.detach().clone().requires_grad_()
    gradient, = torch.autograd.grad(values_of(request.outputs(model)(leaf), request.target).sum(), leaf)
    return gradient


def input_x_gradient(model: nn.Module, x: Tensor, request: Request) -> Tensor:
    """Gradient times the prepared image, (n, 3, h, w) (Shrikumar et al. 2017)."""
    return input_gradient(model, x, request) * x


def integrated_gradients(model: nn.Module, x: Tensor, request: Request) -> Tensor:
    """Gradients averaged along the straight path from the baseline, times the way, (n, 3, h, w).

    They add up to the difference of the outputs, as far as the steps go (Gauss-Legendre).

    References
    ----------
    Sundararajan, Taly & Yan (2017), Axiomatic Attribution for Deep Networks, arXiv:1703.01365
    """
    attr = needed("captum.attr", extra="classifiers")
    method = attr.IntegratedGradients(request.outputs(model))
    options = request.options
    at_once = max(1, options.batch // options.steps)
    parts: list[Tensor] = []
    for start in range(0, len(x), at_once):
        part = slice(start, start + at_once)
        with unnamed():
            parts.append(method.attribute(
                x[part], baselines=request.baseline[part], target=request.target[part].to(x.device),
                n_steps=options.steps, internal_batch_size=max(options.batch, at_once)).detach())
    return torch.cat(parts).to(x.dtype) if parts else torch.zeros_like(x)


def occlusion(model: nn.Module, x: Tensor, request: Request) -> Tensor:
    """How far the output falls when a square is put at the baseline, (n, 1, h, w), averaged over squares.

    References
    ----------
    Zeiler & Fergus (2014), Visualizing and Understanding Convolutional Networks, arXiv:1311.2901
    """
    attr = needed("captum.attr", extra="classifiers")
    if not len(x):
        return x[:, :1].clone()
    options, shorter = request.options, min(x.shape[2:])
    side = min(shorter, max(1, round(options.window * shorter)))
    step = max(1, round(options.stride * side))
    with torch.no_grad(), unnamed():
        falls: Tensor = attr.Occlusion(request.outputs(model)).attribute(
            x, sliding_window_shapes=(3, side, side), strides=(3, step, step), baselines=request.baseline,
            target=request.target.to(x.device), perturbations_per_eval=max(1, options.batch // len(x)))
    return falls[:, :1].to(x.dtype)  # one square covers all three channels, which hold the same value


def grad_cam(model: nn.Module, x: Tensor, request: Request) -> Tensor:
    """Positive part of a layer's maps summed with their mean gradients as weights, (n, 1, h, w), made as large as x.

    The layer is ``options.layer``, or else the module that ran last with an output (n, c, y, x) of more than one
    place. Written here as captum's wants a layer that runs once, and EfficientNet's activations run twice in a block.

    References
    ----------
    Selvaraju et al. (2017), Grad-CAM, arXiv:1610.02391
    """
    if not len(x):
        return x[:, :1].clone()
    leaf, layer = x.detach().clone().requires_grad_(), request.options.layer
    kept: list[_Kept] = []
    handles = [module.register_forward_hook(_keep(kept)) for module in _watched(model, layer)]
    try:
        values = values_of(request.outputs(model)(leaf), request.target)
    finally:
        for handle in handles:
            handle.remove()
    if not kept:
        raise InputError(Problem(_LAYER, repr(layer), _EXPECTED, "name one, or use a larger grid"))
    gradient, = torch.autograd.grad(values.sum(), [kept[0].edge], allow_unused=True)
    if gradient is None:
        raise InputError(Problem(_LAYER, repr(layer), "a layer on the way to the logits"))
    cam = (gradient.mean((2, 3), keepdim=True) * kept[0].maps).sum(1, keepdim=True).detach().clamp(min=0)
    return interpolate(cam, x.shape[2:], mode="bilinear", align_corners=False)


def guided_grad_cam(model: nn.Module, x: Tensor, request: Request) -> Tensor:
    """Guided Backpropagation times Grad-CAM, (n, 3, h, w) (Selvaraju et al. 2017)."""
    return guided(model, x, request) * grad_cam(model, x, request)


class _Kept(NamedTuple):
    """A copy of a layer's maps (n, c, y, x), which later layers may overwrite, and where their gradient arrives."""

    maps: Tensor
    edge: GradientEdge


def _watched(model: nn.Module, layer: str) -> list[nn.Module]:
    named = dict(model.named_modules())
    if layer and layer not in named:
        raise InputError(Problem(_LAYER, repr(layer), "one of " + ", ".join(list(named)[1:60]),
                                 "leave it empty to take the last layer that is still a map"))
    watched = [named[layer]] if layer else list(named.values())
    if any(is_compiled(module) for module in watched):
        raise InputError(Problem(_LAYER, repr(layer), _EXPECTED, "nothing is seen of what happens in compiled "
                                 "modules: give the module that it was made of"))
    return watched


def _keep(kept: list[_Kept]) -> Callable[[nn.Module, object, object], Tensor | None]:
    def hook(_: nn.Module, __: object, output: object) -> Tensor | None:
        """Keep what a layer gave, where it is a map that gradients reach."""
        if not (isinstance(output, Tensor) and output.ndim == 4 and output[0, 0].numel() > 1 and output.requires_grad):
            return None
        handed_on = None
        if output._is_view():  # a change in place of a view leaves no way back to the view as it was
            output = output.clone()
            handed_on = output.clone()
        kept[:] = [_Kept(output.detach().clone(), get_gradient_edge(output))]
        return handed_on
    return hook
