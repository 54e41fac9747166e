"""Guided Backpropagation in slower, less general ways, to hold the fast one to."""

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional


class Guided(torch.autograd.Function):
    """min(max(x, 0), ceiling), whose backward pass lets through what is positive, where the unit is on."""

    @staticmethod
    def forward(ctx, x, ceiling):
        ctx.save_for_backward((x > 0) & (x < ceiling))
        return x.clamp(0, ceiling)

    @staticmethod
    def backward(ctx, gradient):
        on, = ctx.saved_tensors
        return torch.where(on & (gradient > 0), gradient, torch.zeros_like(gradient)), None


class GuidedReLU(nn.Module):
    """A module in a ReLU's place."""

    def __init__(self, ceiling=float("inf")):
        super().__init__()
        self.ceiling = ceiling

    def forward(self, x):
        return Guided.apply(x, self.ceiling)


def replaced(model: nn.Module) -> nn.Module:
    """A copy, in evaluation, with `GuidedReLU` in the place of every module that is a ReLU or ReLU6."""
    model = copy.deepcopy(model).eval()
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.ReLU6):
                setattr(parent, name, GuidedReLU(6))
            elif isinstance(child, nn.ReLU):
                setattr(parent, name, GuidedReLU())
    return model


def by_replacement(model: nn.Module, x: Tensor, target: Tensor) -> Tensor:
    """The map of a network whose ReLUs are all modules."""
    x = x.clone().requires_grad_()
    logits = replaced(model)(x)
    logits[torch.arange(len(x)), target].sum().backward()
    return x.grad.clamp(min=0)


def by_hand(layers: nn.Sequential, x: Tensor, target: Tensor) -> Tensor:
    """The map of a sequence of convolutions, ReLUs, max pools, one flattening and linear layers, without autograd."""
    inputs, places = [], {}
    with torch.no_grad():
        for i, layer in enumerate(layers):
            inputs.append(x)
            if isinstance(layer, nn.MaxPool2d):
                x, places[i] = functional.max_pool2d(x, layer.kernel_size, layer.stride, return_indices=True)
            else:
                x = layer(x)
        gradient = functional.one_hot(target, x.shape[1]).to(x.dtype)
        for i, layer in reversed(list(enumerate(layers))):
            gradient = _back(layer, inputs[i], gradient, places.get(i))
    return gradient.clamp(min=0)


def _back(layer, x, gradient, places):
    if isinstance(layer, nn.Linear):
        return gradient @ layer.weight
    if isinstance(layer, nn.Flatten):
        return gradient.reshape(x.shape)
    if isinstance(layer, nn.ReLU):
        return gradient * (gradient > 0) * (x > 0)
    if isinstance(layer, nn.MaxPool2d):
        return functional.max_unpool2d(gradient, places, layer.kernel_size, layer.stride, output_size=x.shape)
    height = (x.shape[2] + 2 * layer.padding[0] - layer.kernel_size[0]) % layer.stride[0]
    width = (x.shape[3] + 2 * layer.padding[1] - layer.kernel_size[1]) % layer.stride[1]
    return functional.conv_transpose2d(gradient, layer.weight, stride=layer.stride, padding=layer.padding,
                                       output_padding=(height, width))
