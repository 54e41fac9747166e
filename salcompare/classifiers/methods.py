"""Attribution methods by name, through one signature."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.autograd.graph import get_gradient_edge

from salcompare.classifiers.arguments import Asked, explaining, input_gradient
from salcompare.classifiers.contributions import (
    grad_cam,
    guided_grad_cam,
    input_x_gradient,
    integrated_gradients,
    occlusion,
)
from salcompare.classifiers.deep_lift import deep_lift
from salcompare.classifiers.execution import generator
from salcompare.classifiers.graph import graph_between
from salcompare.classifiers.guided import NO_SLOPE, Output, _check_images, _targets, guided_backprop
from salcompare.classifiers.logits import DETACHED, check_finite, logits_of
from salcompare.config import METHODS, Attribution, smoothed
from salcompare.errors import InputError, Problem

Method = Callable[[nn.Module, Tensor, Asked], Tensor]


def _guided(model: nn.Module, x: Tensor, asked: Asked) -> Tensor:
    return guided_backprop(model, x, asked.target, output=cast("Output", asked.options.output))


_METHODS: dict[str, Method] = {
    "guided_backprop": _guided, "gradient": input_gradient, "input_x_gradient": input_x_gradient,
    "integrated_gradients": integrated_gradients, "grad_cam": grad_cam, "guided_grad_cam": guided_grad_cam,
    "deep_lift": deep_lift, "occlusion": occlusion}


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
    if method not in METHODS:
        raise InputError(Problem("method", repr(method), "one of " + ", ".join(METHODS)))
    _check_images(x)
    if baseline is None:
        baseline = mean_colour(x)
    elif baseline.shape != x.shape:
        raise InputError(Problem("baseline", f"shape {tuple(baseline.shape)}", f"the images' {tuple(x.shape)}"))
    base = smoothed(method)
    asked = Asked(_checked(target, x, model, (base or method) != "occlusion"), baseline, options or Attribution(),
                  tuple(generators) or tuple(generator("smoothgrad", place) for place in range(len(x))))
    if len(asked.generators) != len(x):
        raise InputError(Problem("generators", f"{len(asked.generators)}", f"one an image, {len(x)}"))
    with explaining(model):
        found = _METHODS[method](model, x, asked) if base is None else _smooth(_METHODS[base], model, x, asked)
    check_finite(found, method, NO_SLOPE)
    return found.detach()


def mean_colour(x: Tensor) -> Tensor:
    """Each image's mean colour at all of its pixels, (n, 3, h, w)."""
    return x.mean((2, 3), keepdim=True).expand_as(x).contiguous() if x.numel() else x.clone()


def _smooth(method: Method, model: nn.Module, x: Tensor, asked: Asked) -> Tensor:
    """Mean of a method's values over noisy copies of each image (Smilkov et al. 2017, arXiv:1706.03825)."""
    if not len(x):
        return method(model, x, asked)
    spread = asked.options.noise * (x.amax((1, 2, 3), keepdim=True) - x.amin((1, 2, 3), keepdim=True))
    total: Tensor | None = None
    for _ in range(asked.options.samples):
        noise = torch.stack([torch.randn(x.shape[1:], generator=one) for one in asked.generators]).to(x)
        found = method(model, x + spread * noise, asked)
        total = found if total is None else total + found
    assert total is not None  # noqa: S101 - samples is at least 1; for the type checker
    return total / asked.options.samples


def _checked(target: Tensor | Sequence[int] | int, x: Tensor, model: nn.Module, by_gradient: bool) -> Tensor:
    """Make sure of the targets, from one image's logits; by a gradient, these must depend on the image."""
    targets = _targets(target, x)
    if not len(x):
        return targets
    with explaining(model):
        images = x[:1].detach().clone().requires_grad_(by_gradient).clone()  # no leaf: the model may work in place
        beginning = get_gradient_edge(images).node if by_gradient else None
        logits = logits_of(model, images)
    if beginning and (logits.grad_fn is None or not graph_between(logits.grad_fn, beginning).nodes):
        raise InputError(DETACHED)
    classes = logits.shape[1]
    bad = ((targets < 0) | (targets >= classes)).nonzero().flatten().tolist()
    if bad:
        raise InputError([Problem(f"target[{at}]", f"class {int(targets[at])}", f"a class from 0 to {classes - 1}")
                          for at in bad])
    return targets
