"""DeepLIFT: how far each pixel's difference from a baseline carries the difference of the logits.

captum's passes ReLU6 by without its rule and refuses activations that run twice, and EfficientNet-Lite has both. Here
each activation is met where it is called, as a module, function or method, and the sum of the contributions is checked.
"""

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from salcompare.classifiers.arguments import Request, values_of
from salcompare.classifiers.logits import checked_logits, unnamed
from salcompare.errors import InputError, Problem

SAME = 1e-6  # a difference below which the gradient stands in for the ratio of differences
CARRIED = 0.01  # largest part of all contributions that may miss from, or exceed, the difference of the logits
_ACTIVATIONS: frozenset[Callable[..., Any]] = frozenset({
    *(getattr(functional, name) for name in (
        "relu", "relu6", "hardtanh", "leaky_relu", "elu", "selu", "celu", "silu", "gelu", "mish", "softplus",
        "hardswish", "hardsigmoid", "sigmoid", "tanh", "logsigmoid")),
    torch.relu, torch.sigmoid, torch.tanh, torch.clamp, torch.exp,
    Tensor.relu, Tensor.sigmoid, Tensor.tanh, Tensor.clamp})
_IN_PLACE: dict[Callable[..., Any], Callable[..., Any]] = {
    torch.relu_: torch.relu, Tensor.relu_: torch.relu, Tensor.clamp_: torch.clamp, torch.clamp_: torch.clamp,
    Tensor.sigmoid_: torch.sigmoid, Tensor.tanh_: torch.tanh}


def deep_lift(model: nn.Module, x: Tensor, request: Request) -> Tensor:
    """Contributions of each pixel by the rescale rule, (n, 3, h, w); they add up to the logits' difference.

    InputError if they do not, because the network holds an operation that the rule does not cover.

    References
    ----------
    Shrikumar, Greenside & Kundaje (2017), Learning Important Features Through Propagating Activation Differences,
    arXiv:1704.02685
    """
    if not len(x):
        return x.clone()
    if request.options.output != "logit":
        raise InputError(Problem("output", repr(request.options.output), "'logit'",
                                 "DeepLIFT's rules end at the logit, as the probability is no sum of contributions"))
    leaf = torch.cat([x.detach(), request.baseline.detach()]).requires_grad_()
    with _Rescaling():
        output = model(leaf.clone())
    with unnamed():
        logits = checked_logits(output, len(leaf))
    logit, of_baseline = values_of(logits, request.target.repeat(2)).chunk(2)
    multipliers, = torch.autograd.grad(logit.sum(), leaf)
    contributions: Tensor = multipliers[:len(x)] * (x - request.baseline)
    difference = (logit - of_baseline).detach()
    missing = (contributions.sum((1, 2, 3)) - difference).abs()
    if (missing > CARRIED * contributions.abs().sum((1, 2, 3)).maximum(difference.abs()) + 1e-6).any():
        worst = float((missing / difference.abs().clamp(min=1e-6)).max())
        raise InputError(Problem("model", "DeepLIFT's contributions do not add up to the difference of the logits "
                                 f"(off by up to {worst:.1%})", "operations that its rescale rule covers",
                                 "use integrated_gradients, which any differentiable network can be explained by"))
    return contributions


class _Rescaling(TorchFunctionMode):
    """Put the rescale rule in place of every activation's and maximum pool's gradient, until the block ends."""

    def __torch_function__(self, func: Callable[..., Any], types: Iterable[type], args: tuple[Any, ...] = (),
                           kwargs: dict[str, Any] | None = None) -> Any:  # noqa: ANN401 - any function's result
        kwargs = kwargs or {}
        x = args[0] if args else kwargs.get("input")
        if not isinstance(x, Tensor) or not x.requires_grad:
            return func(*args, **kwargs)
        rest = {name: value for name, value in kwargs.items() if name not in ("input", "inplace")}
        if func is functional.max_pool2d:
            return _RescaledPool.apply(x, lambda part: func(part, *args[1:], **rest | {"return_indices": True}))
        plain = _IN_PLACE.get(func, func)
        if plain not in _ACTIVATIONS:
            return func(*args, **kwargs)
        in_place = plain is not func or _asks_in_place(func, args, kwargs)
        result = _Rescaled.apply(x.clone() if in_place else x, lambda part: plain(part.clone(), *args[1:], **rest))
        return x.copy_(result) if in_place else result


def _asks_in_place(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    try:
        return bool(inspect.signature(func).bind(*args, **kwargs).arguments.get("inplace"))
    except (TypeError, ValueError):  # a built-in, which has no such argument
        return bool(kwargs.get("inplace"))


class _Rescaled(torch.autograd.Function):
    """An activation of images and, behind them, their baselines, with the rescale rule as its gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, activation: Callable[[Tensor], Tensor]) -> Tensor:  # noqa: ANN401
        """Apply the activation, and keep what the rule needs."""
        y = activation(x)
        ctx.save_for_backward(x.clone(), y.clone())  # what follows may overwrite either in place
        ctx.activation = activation
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401
        """Multiply by the ratio of differences; by the slope where the inputs are the same."""
        x, y = ctx.saved_tensors
        away, carried = _differences(x), _differences(y)
        with torch.enable_grad():
            leaf = x.detach().requires_grad_()
            slope, = torch.autograd.grad(ctx.activation(leaf).sum(), leaf)
        ratio = torch.where(away.abs() < SAME, slope[:len(away)], carried / _safe(away))
        return gradients[0] * ratio.repeat(2, *[1] * (x.ndim - 1)), None


class _RescaledPool(torch.autograd.Function):
    """A maximum pool, whose difference goes to the two places where image and baseline have their maxima.

    Of the difference, what lies between the larger of both maxima and the baseline's goes to the image's place, the
    rest to the baseline's; where windows overlap, what they give to one place is added up (captum keeps one of them).
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, pool: Callable[[Tensor], tuple[Tensor, Tensor]]) -> Tensor:  # noqa: ANN401
        """Pool, and keep what came from where."""
        y, places = pool(x)
        ctx.save_for_backward(x.clone(), y.clone(), places)
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401
        """Carry each difference to where its value came from, over the difference there."""
        x, y, places = ctx.saved_tensors
        away = _differences(x).flatten(2)
        (one, other), gradient = y.chunk(2), gradients[0].chunk(2)[0]
        larger = torch.maximum(one, other)
        at_one, at_other = places.flatten(2).chunk(2)
        carried = torch.zeros_like(away)
        carried.scatter_add_(2, at_one, (gradient * (larger - other)).flatten(2))
        carried.scatter_add_(2, at_other, (gradient * (one - larger)).flatten(2))
        slope = torch.zeros_like(away).scatter_add_(2, at_one, gradient.flatten(2))
        ratio = torch.where(away.abs() < SAME, slope, carried / _safe(away))
        half = ratio.reshape(len(away), *x.shape[1:])
        return torch.cat([half, torch.zeros_like(half)]), None


def _differences(both: Tensor) -> Tensor:
    image, baseline = both.chunk(2)
    return image - baseline


def _safe(away: Tensor) -> Tensor:
    return torch.where(away.abs() < SAME, torch.ones_like(away), away)
