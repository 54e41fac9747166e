"""Contributions along a path from a baseline, and by covering parts of the image: captum's, a bounded part at a time.

captum is asked for as many images at once as keep the rows in the network at about the study's batch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from salcompare.classifiers.asked import Asked, input_gradient, outputs
from salcompare.classifiers.logits import unnamed
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
