"""Guided Backpropagation: which pixels speak for a class, along paths that only ever speak for it.

The forward pass runs as it is; the guided rule is put on the ReLU nodes of the graph that autograd recorded, so
nothing is ever put on the model, and the rule dies with the graph.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, Node, get_gradient_edge

from salcompare.classifiers.graph import graph_between, is_clamp, rectifiers
from salcompare.classifiers.logits import DETACHED, check_finite, evaluating, logits_of
from salcompare.errors import InputError, Problem

Output = Literal["logit", "probability"]
Gradients = tuple[Tensor | None, ...]
NO_SLOPE = "look for what has no finite gradient, such as a square root at 0, or values that overflow"


def guided_backprop(model: nn.Module, x: Tensor, target: Tensor | Sequence[int] | int, *,
                    output: Output = "logit") -> Tensor:
    """Gradient of the target's output with respect to the image, negative gradients zeroed at every ReLU.

    Parameters
    ----------
    model : nn.Module
        Takes (n, 3, h, w), gives logits (n, classes), or an object that has them as ``logits``; run as in
        ``eval()`` and left as it was. Its only activations are ReLU or ReLU6, as modules, functions or methods, in
        place or not; others are refused by name. Frozen TorchScript and exported modules stay in evaluation.
    x : Tensor (n, 3, h, w)
        Images as the model wants them, floating, finite. Not changed.
    target : Tensor (n,), sequence of int, or int
        Class explained for each image, from 0; one number is every image's.
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
    _check_images(x)
    targets = _targets(target, x)
    return guided_backprop_several(model, x, targets[None], output=output)[0]


def guided_backprop_several(model: nn.Module, x: Tensor, targets: Tensor, *, output: Output = "logit") -> Tensor:
    """Guided Backpropagation for several targets an image, from one forward pass.

    Parameters
    ----------
    model, x, output
        As for `guided_backprop`.
    targets : Tensor (k, n)
        Integers: k classes to explain for each image.

    Returns
    -------
    Tensor (k, n, 3, h, w)
        At least 0; ``[i]`` equals ``guided_backprop(model, x, targets[i])``.

    Raises
    ------
    InputError
        As for `guided_backprop`.
    """
    _check_images(x)
    _check_output(output)
    if targets.ndim != 2 or targets.shape[1] != len(x) or _not_whole(targets):
        raise InputError(Problem("targets", f"{targets.dtype} of shape {tuple(targets.shape)}",
                                 f"whole numbers of shape (k, {len(x)})"))
    if targets.numel() == 0:
        return x.new_zeros((len(targets), *x.shape))
    with torch.inference_mode(mode=False), torch.enable_grad(), evaluating(model):
        logits, edge = _forward(model, x)
        _check_targets(targets, logits)
        with _guided(logits, edge):
            explained = logits.softmax(1) if output == "probability" else logits
            maps = [_gradient(explained, edge, row, last=i + 1 == len(targets)) for i, row in enumerate(targets)]
    for each in maps:
        check_finite(each, "guided_backprop", NO_SLOPE)
    return maps[0][None] if len(maps) == 1 else torch.stack(maps)


def check_rectified(model: nn.Module, x: Tensor) -> None:
    """Make sure that the guided rule covers a model, from its forward pass alone.

    Raises
    ------
    InputError
        As for `guided_backprop`.
    """
    _check_images(x)
    with torch.inference_mode(mode=False), torch.enable_grad(), evaluating(model):
        logits, edge = _forward(model, x)
        with _guided(logits, edge):
            pass


def _forward(model: nn.Module, x: Tensor) -> tuple[Tensor, GradientEdge]:
    leaf = (x.clone() if x.is_inference() else x.detach()).requires_grad_()
    images = leaf.clone()  # neither a leaf nor the caller's memory, so that the model may work in place on it
    edge = get_gradient_edge(images)
    logits = logits_of(model, images)
    if logits.grad_fn is None:
        raise InputError(DETACHED)
    return logits, edge


def _gradient(explained: Tensor, edge: GradientEdge, target: Tensor, *, last: bool) -> Tensor:
    chosen = explained.gather(1, target.to(explained.device, torch.int64)[:, None])
    gradient, = torch.autograd.grad(chosen, [edge], torch.ones_like(chosen), retain_graph=not last)
    dense = gradient.is_contiguous() or gradient.is_contiguous(memory_format=torch.channels_last)
    return gradient.clamp_(min=0) if dense else gradient.clamp(min=0)  # a broadcast one cannot be clipped in place


@contextlib.contextmanager
def _guided(logits: Tensor, edge: GradientEdge) -> Iterator[None]:
    """Guide every ReLU that the logits depend on, until the block ends."""
    assert logits.grad_fn is not None  # noqa: S101 - checked with the logits; for the type checker
    graph = graph_between(logits.grad_fn, edge.node)
    if not graph.nodes:
        raise InputError(DETACHED)
    handles = [node.register_hook(_guide(node)) for node in rectifiers(graph)]
    try:
        yield
    finally:
        for handle in handles:  # a model that keeps its activations keeps the graph
            handle.remove()


def _guide(node: Node) -> Callable[[Gradients, Gradients], Gradients]:
    """Zero the negative gradients that a ReLU hands on (the ReLU's own rule has been applied to them)."""
    def guide(handed_on: Gradients, _: Gradients) -> Gradients:
        """Zero what is negative of the gradient handed on."""
        gradient, *rest = handed_on
        if gradient is None:
            return handed_on
        gradient = gradient.clamp_(min=0)  # a ReLU's backward makes a fresh tensor, so in place is safe and fast
        if is_clamp(node):
            gradient = gradient.mul_(node._saved_self > 0)  # type: ignore[attr-defined]
        return (gradient, *rest)
    return guide


def _check_images(x: Tensor) -> None:
    problems = []
    if not isinstance(x, Tensor) or x.ndim != 4 or not x.is_floating_point():
        found = f"{x.dtype} of shape {tuple(x.shape)}" if isinstance(x, Tensor) else type(x).__name__
        problems.append(Problem("x", found, "a floating tensor of shape (n, 3, h, w)"))
    elif x.numel() == 0 and len(x):
        problems.append(Problem("x", f"shape {tuple(x.shape)}, no pixels", "a tensor of shape (n, 3, h, w)"))
    elif not x.sum().isfinite() and not x.isfinite().all():  # the sum is quick, but of large values may overflow
        bad = (~x.isfinite()).flatten(1).any(1).nonzero().flatten().tolist()
        problems += [Problem(f"x[{i}]", "NaN or infinite values", "finite values") for i in bad]
    if problems:
        raise InputError(problems)


def _targets(target: Tensor | Sequence[int] | int, x: Tensor) -> Tensor:
    found = torch.as_tensor(target)
    if (_not_whole(found) and found.numel()) or tuple(found.shape) not in ((), (len(x),)):
        raise InputError(Problem("target", f"{found.dtype} of shape {tuple(found.shape)}",
                                 f"whole numbers of shape ({len(x)},), one an image"))
    return found.to(torch.int64).expand(len(x))


def _not_whole(targets: Tensor) -> bool:
    return targets.is_floating_point() or targets.is_complex() or targets.dtype == torch.bool


def _check_output(output: str) -> None:
    if output not in ("logit", "probability"):
        raise InputError(Problem("output", repr(output), "'logit' or 'probability'"))


def _check_targets(targets: Tensor, logits: Tensor) -> None:
    classes = logits.shape[1]
    bad = ((targets < 0) | (targets >= classes)).nonzero().tolist()
    if bad:
        where = "target[{1}]" if len(targets) == 1 else "targets[{0}, {1}]"
        raise InputError([Problem(where.format(*at), f"class {int(targets[tuple(at)])}",
                                  f"a class from 0 to {classes - 1}") for at in bad])
