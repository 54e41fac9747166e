"""Guided Backpropagation: which pixels speak for a class, along paths that only ever speak for it.

The forward pass runs as it is; the guided rule is put on the ReLU nodes of the graph that autograd recorded, so
nothing is ever put on the model, and the rule dies with the graph.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, Node

from salcompare.classifiers import arguments
from salcompare.classifiers.graph import is_clamp, rectifiers
from salcompare.classifiers.logits import check_finite
from salcompare.errors import InputError, Problem

Output = Literal["logit", "probability"]
Gradients = tuple[Tensor | None, ...]
NO_SLOPE = "look for what has no finite gradient, such as a square root at 0, or values that overflow"


def guided_backprop(model: nn.Module, x: Tensor, target: Tensor | Sequence[int] | int, *,
                    output: Output = "logit") -> Tensor:
    """Gradient of the target's output with respect to the image, negative gradients zeroed at every ReLU.

    Parameters
    ----------
    model, x, target
        As for `explain`; one target is every image's. The model's only activations are ReLU or ReLU6, as modules,
        functions or methods, in place or not; others are refused by name.
    output : {"logit", "probability"}
        What is explained. The probability's gradient starts at p_t (1 - p_t) for the target's logit and at
        -p_t p_j for any other: where p_t rounds to 1 it underflows, and the whole map is zero.

    Returns
    -------
    Tensor (n, 3, h, w)
        At least 0, in units of the output per unit of `x`; dtype and device of `x`, detached. Never NaN.

    Raises
    ------
    InputError
        If an argument cannot be used, or the model holds an operation that the guided rule does not cover.

    References
    ----------
    Springenberg, Dosovitskiy, Brox & Riedmiller (2015), Striving for Simplicity, arXiv:1412.6806
    """
    arguments.check_images(x)
    return guided_backprop_several(model, x, arguments.one_target_each(target, x)[None], output=output)[0]


def guided_backprop_several(model: nn.Module, x: Tensor, targets: Tensor, *, output: Output = "logit") -> Tensor:
    """Guided Backpropagation for several targets an image, from one forward pass.

    Parameters
    ----------
    model, x, output
        As for `guided_backprop`, errors too.
    targets : Tensor (k, n)
        Integers: k classes to explain for each image.

    Returns
    -------
    Tensor (k, n, 3, h, w)
        At least 0; ``[i]`` equals ``guided_backprop(model, x, targets[i])``.
    """
    arguments.check_images(x)
    if output not in ("logit", "probability"):
        raise InputError(Problem("output", repr(output), "'logit' or 'probability'"))
    if targets.ndim != 2 or targets.shape[1] != len(x) or not arguments.whole(targets):
        raise InputError(Problem("targets", f"{targets.dtype} of shape {tuple(targets.shape)}",
                                 f"whole numbers of shape (k, {len(x)})"))
    if targets.numel() == 0:
        return x.new_zeros((len(targets), *x.shape))
    with arguments.explaining(model):
        logits, edge, graph = arguments.recorded(model, x)
        arguments.check_classes(targets, logits)
        explained = logits.softmax(1) if output == "probability" else logits
        handles = [node.register_hook(_guide(node)) for node in rectifiers(graph)]
        try:
            maps = [_gradient(explained, edge, row, last=i + 1 == len(targets)) for i, row in enumerate(targets)]
        finally:
            for handle in handles:  # a model that keeps its activations keeps the graph
                handle.remove()
    for each in maps:
        check_finite(each, "guided_backprop", NO_SLOPE)
    return maps[0][None] if len(maps) == 1 else torch.stack(maps)


def check_rectified(model: nn.Module, x: Tensor) -> None:
    """Refuse a model that the guided rule does not cover, as `guided_backprop` does, from its forward pass alone."""
    arguments.check_images(x)
    with arguments.explaining(model):
        rectifiers(arguments.recorded(model, x)[2])


def _gradient(explained: Tensor, edge: GradientEdge, target: Tensor, *, last: bool) -> Tensor:
    chosen = explained.gather(1, target.to(explained.device, torch.int64)[:, None])
    gradient, = torch.autograd.grad(chosen, [edge], torch.ones_like(chosen), retain_graph=not last)
    dense = gradient.is_contiguous() or gradient.is_contiguous(memory_format=torch.channels_last)
    return gradient.clamp_(min=0) if dense else gradient.clamp(min=0)  # a broadcast one cannot be clipped in place


def _guide(node: Node) -> Callable[[Gradients, Gradients], Gradients]:
    """Zero the negative gradients that a ReLU hands on (the ReLU's own rule has been applied to them)."""
    def guide(handed_on: Gradients, _: Gradients) -> Gradients:
        """Set negative gradients to zero."""
        gradient, *rest = handed_on
        if gradient is None:
            return handed_on
        gradient = gradient.clamp_(min=0)  # a ReLU's backward makes a fresh tensor, so in place is safe and fast
        if is_clamp(node):
            gradient = gradient.mul_(node._saved_self > 0)  # type: ignore[attr-defined]
        return (gradient, *rest)
    return guide
