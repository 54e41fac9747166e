"""What an attribution method is given, checked: images, targets, the network's output as autograd recorded it."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge

from salcompare.classifiers.graph import Graph, graph_between
from salcompare.classifiers.logits import evaluating, logits_of
from salcompare.config import Attribution
from salcompare.errors import InputError, Problem

DETACHED = Problem("model", "an output that autograd cannot follow back to the image",
                   "logits computed from the image by differentiable operations",
                   "remove no_grad, detach and conversions to NumPy from its forward pass")


@dataclass(frozen=True)
class Request:
    """What an attribution method is asked to explain, besides the network and the images (n, 3, h, w).

    `target` (n,) is the class explained for each image, `baseline` (n, 3, h, w) what the images are compared with by
    the methods that compare; `options` has numbers of steps and samples, sizes, output, batch; `generators` are one an
    image, on the CPU, where noise is drawn.
    """

    target: Tensor
    baseline: Tensor
    options: Attribution
    generators: tuple[torch.Generator, ...]

    def outputs(self, model: nn.Module) -> Callable[[Tensor], Tensor]:
        """Make the function that is explained: images (m, 3, h, w) to logits or probabilities (m, classes).

        The images are copied first, so that a model may work in place on what it is given.
        """
        def explained(images: Tensor) -> Tensor:
            """Compute the value that a method explains, (m, classes)."""
            logits = logits_of(model, images.clone())
            return logits.softmax(1) if self.options.output == "probability" else logits
        return explained


@contextlib.contextmanager
def explaining(model: nn.Module) -> Iterator[None]:
    """Put a model and its parts into evaluation with gradients recorded, and each back as it was."""
    with evaluating(model), torch.inference_mode(mode=False), torch.enable_grad():
        yield


def recorded(model: nn.Module, x: Tensor) -> tuple[Tensor, GradientEdge, Graph]:
    """Run a model: its logits, where the gradient reaches the images, and the graph between; refused if there is none.

    The model is given neither a leaf nor the caller's memory, so that it may work in place.
    """
    images = (x.clone() if x.is_inference() else x.detach()).requires_grad_().clone()
    edge = get_gradient_edge(images)
    logits = logits_of(model, images)
    graph = None if logits.grad_fn is None else graph_between(logits.grad_fn, edge.node)
    if graph is None or not graph.nodes:
        raise InputError(DETACHED)
    return logits, edge, graph


def values_of(outputs: Tensor, target: Tensor) -> Tensor:
    """Each image's value (n,) of its target, from outputs (n, classes)."""
    return outputs.gather(1, target.to(outputs.device)[:, None])[:, 0]


def check_images(x: Tensor) -> None:
    """Refuse images that are not floating (n, 3, h, w), without pixels, or not finite."""
    problems = []
    if not isinstance(x, Tensor) or x.ndim != 4 or not x.is_floating_point():
        given = f"{x.dtype} of shape {tuple(x.shape)}" if isinstance(x, Tensor) else type(x).__name__
        problems.append(Problem("x", given, "a floating tensor of shape (n, 3, h, w)"))
    elif x.numel() == 0 and len(x):
        problems.append(Problem("x", f"shape {tuple(x.shape)}, no pixels", "a tensor of shape (n, 3, h, w)"))
    elif not x.sum().isfinite() and not x.isfinite().all():  # the sum is quick, but of large values may overflow
        bad = (~x.isfinite()).flatten(1).any(1).nonzero().flatten().tolist()
        problems += [Problem(f"x[{i}]", "NaN or infinite values", "finite values") for i in bad]
    if problems:
        raise InputError(problems)


def one_target_each(target: Tensor | Sequence[int] | int, x: Tensor) -> Tensor:
    """Give the target of each image (n,), int64; refused if they are no whole numbers, or not one an image."""
    targets = torch.as_tensor(target)
    if (not whole(targets) and targets.numel()) or tuple(targets.shape) not in ((), (len(x),)):
        raise InputError(Problem("target", f"{targets.dtype} of shape {tuple(targets.shape)}",
                                 f"whole numbers of shape ({len(x)},), one an image"))
    return targets.to(torch.int64).expand(len(x))


def whole(targets: Tensor) -> bool:
    """Whether targets are of a type of whole numbers."""
    return not (targets.is_floating_point() or targets.is_complex() or targets.dtype == torch.bool)


def check_classes(targets: Tensor, logits: Tensor) -> None:
    """Refuse targets (k, n) that are none of the model's classes."""
    classes = logits.shape[1]
    bad = ((targets < 0) | (targets >= classes)).nonzero().tolist()
    if bad:
        where = "target[{1}]" if len(targets) == 1 else "targets[{0}, {1}]"
        raise InputError([Problem(where.format(*at), f"class {int(targets[tuple(at)])}",
                                  f"a class from 0 to {classes - 1}") for at in bad])
