"""Attribution methods by name, through one signature."""

import importlib
from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from salcompare.classifiers import arguments
from salcompare.classifiers.execution import generator
from salcompare.classifiers.guided import NO_SLOPE
from salcompare.classifiers.logits import check_finite, logits_of
from salcompare.config import METHODS, Attribution, method_of, smoothed
from salcompare.errors import InputError, Problem

Method = Callable[[nn.Module, Tensor, arguments.Request], Tensor]


def explain(model: nn.Module, x: Tensor, target: Tensor | Sequence[int] | int, *, method: str,
            baseline: Tensor | None = None, options: Attribution | None = None,
            generators: Sequence[torch.Generator] = ()) -> Tensor:
    """Attribute the target's output to the pixels of each image, by any method.

    Parameters
    ----------
    model : nn.Module
        Takes (n, 3, h, w), gives logits (n, classes), or an object that has them as ``logits``; run as in
        ``eval()`` and left as it was. Frozen TorchScript and modules exported for evaluation stay as they are;
        grad_cam does not see into compiled modules and refuses them.
    x : Tensor (n, 3, h, w)
        Images as the model wants them, floating, finite. Not changed.
    target : Tensor (n,), sequence of int, or int
        Class explained for each image, from 0.
    method : str
        One of `salcompare.config.METHODS`.
    baseline : Tensor (n, 3, h, w), optional
        What integrated_gradients, deep_lift and occlusion compare with; each image's own mean colour if not given.
    options : Attribution, optional
        Output, steps, samples, noise, window, stride, layer, batch; its method, sign, channels and baseline are not
        read.
    generators : sequence of torch.Generator, optional
        One an image, on the CPU, for SmoothGrad's noise; seeded with the image's place if not given.

    Returns
    -------
    Tensor (n, 3, h, w), or (n, 1, h, w) for occlusion and grad_cam
        As the method gives it, signed; at least 0 for guided_backprop, grad_cam and guided_grad_cam. Never NaN;
        detached, dtype and device of `x`. Gradients are in the output's unit per unit of `x`, contributions in the
        output's unit.

    Raises
    ------
    InputError
        If an argument cannot be used, the model fails or gives no finite logits that depend on the image, the method
        does not cover the model, or a value is NaN or infinite.
    """
    check_method(method)
    arguments.check_images(x)
    if baseline is None:
        baseline = mean_colour(x)
    elif baseline.shape != x.shape:
        raise InputError(Problem("baseline", f"shape {tuple(baseline.shape)}", f"the images' {tuple(x.shape)}"))
    targets = arguments.one_target_each(target, x)
    if len(x):
        # The first image tells whether targets are classes whose outputs depend on the image.
        with arguments.explaining(model):
            logits = (arguments.recorded(model, x[:1])[0] if method_of(method).by_gradient
                      else logits_of(model, x[:1].detach().clone()))
        arguments.check_classes(targets[None], logits)
    request = arguments.Request(targets, baseline, options or Attribution(), tuple(generators) or tuple(
        generator("smoothgrad", place) for place in range(len(x))))
    if len(request.generators) != len(x):
        raise InputError(Problem("generators", f"{len(request.generators)}", f"one an image, {len(x)}"))
    module, _, name = method_of(method).function.partition(":")
    function: Method = getattr(importlib.import_module(f"salcompare.classifiers.{module}"), name)
    with arguments.explaining(model):
        values = _smooth(function, model, x, request) if smoothed(method) else function(model, x, request)
    check_finite(values, method, NO_SLOPE)
    return values.detach()


def check_method(method: str) -> None:
    """Refuse what is no name of an attribution method."""
    if method not in METHODS:
        raise InputError(Problem("method", repr(method), "one of " + ", ".join(METHODS)))


def mean_colour(x: Tensor) -> Tensor:
    """Each image's mean colour at all of its pixels, (n, 3, h, w)."""
    return x.mean((2, 3), keepdim=True).expand_as(x).contiguous() if x.numel() else x.clone()


def _smooth(function: Method, model: nn.Module, x: Tensor, request: arguments.Request) -> Tensor:
    """Mean of a method's values over noisy copies of each image (Smilkov et al. 2017, arXiv:1706.03825)."""
    if not len(x):
        return function(model, x, request)
    spread = request.options.noise * (x.amax((1, 2, 3), keepdim=True) - x.amin((1, 2, 3), keepdim=True))
    total: Tensor | None = None
    for _ in range(request.options.samples):
        noise = torch.stack([torch.randn(x.shape[1:], generator=one) for one in request.generators]).to(x)
        values = function(model, x + spread * noise, request)
        total = values if total is None else total + values
    return cast("Tensor", total) / request.options.samples
