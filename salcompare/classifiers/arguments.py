"""What an attribution method is asked for, and the pieces that several methods share."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from salcompare.classifiers.logits import evaluating, logits_of
from salcompare.config import Attribution


@dataclass(frozen=True)
class Asked:
    """What is asked of an attribution method, besides the network and the images.

    Attributes
    ----------
    target : Tensor (n,), int64
        The class explained for each image.
    baseline : Tensor (n, 3, h, w)
        What the images are compared with, by the methods that compare.
    options : Attribution
        Numbers of steps and samples, sizes, output, batch.
    generators : tuple of torch.Generator
        One an image, on the CPU, where noise is drawn.
    """

    target: Tensor
    baseline: Tensor
    options: Attribution
    generators: tuple[torch.Generator, ...]


@contextlib.contextmanager
def explaining(model: nn.Module) -> Iterator[None]:
    """Put a model and its parts into evaluation with gradients recorded, and each back as it was."""
    with evaluating(model), torch.inference_mode(mode=False), torch.enable_grad():
        yield


def outputs(model: nn.Module, asked: Asked) -> Callable[[Tensor], Tensor]:
    """Make the function that is explained: images (m, 3, h, w) to logits or probabilities (m, classes).

    The images are copied first, so that a model may work in place on what it is given.
    """
    def explained(images: Tensor) -> Tensor:
        """Compute the value that a method explains, (m, classes)."""
        logits = logits_of(model, images.clone())
        return logits.softmax(1) if asked.options.output == "probability" else logits
    return explained


def chosen(values: Tensor, target: Tensor) -> Tensor:
    """Each image's value (n,) of its target, from outputs (n, classes)."""
    return values.gather(1, target.to(values.device)[:, None])[:, 0]


def input_gradient(model: nn.Module, x: Tensor, asked: Asked) -> Tensor:
    """Gradient (n, 3, h, w) of each image's own output with respect to it."""
    leaf = x.detach().clone().requires_grad_()
    gradient, = torch.autograd.grad(chosen(outputs(model, asked)(leaf), asked.target).sum(), leaf)
    return gradient
