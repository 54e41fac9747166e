"""The whole network: a backbone's layers, then two new ones."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Self

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from salcompare.classifiers.backbones import Backbone, feature_dim
from salcompare.classifiers.randomness import derived_seed


class Network(nn.Module):
    """Features, then FC(hidden) + ReLU + dropout + FC(actors): prepared images (n, 3, h, w) -> logits (n, actors).

    Parameters
    ----------
    features : nn.Module
        A backbone's layers, (n, 3, h, w) -> (n, f).
    head : nn.Module
        The new layers, (n, f) -> (n, actors).
    learned_statistics : bool
        Whether batch normalisation keeps the running statistics it was loaded with also while training. With the
        few images of a study, a batch's own statistics are poor and tie each image's logits to its neighbours';
        a network that starts from nothing has no statistics to keep.
    """

    def __init__(self, features: nn.Module, head: nn.Module, *, learned_statistics: bool) -> None:
        super().__init__()
        self.features = features
        self.head = head
        self.learned_statistics = learned_statistics

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map prepared images (n, 3, h, w) to logits (n, actors)."""
        logits: torch.Tensor = self.head(self.features(x))
        return logits

    def train(self, mode: bool = True) -> Self:
        """Switch dropout on or off; batch normalisation too, unless its statistics are kept."""
        super().train(mode)
        if self.learned_statistics:
            for module in self.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self


def build_network(backbone: Backbone, *, size: tuple[int, int], hidden: int, dropout: float, n_actors: int,
                  learned_statistics: bool, seed: int) -> Network:
    """Make a network for images of a size (height, width), all weights drawn from the seed."""
    with torch.random.fork_rng():
        torch.manual_seed(derived_seed(seed, "features"))
        features = backbone.features()
        inputs = feature_dim(features, size, name=backbone.name)
        torch.manual_seed(derived_seed(seed, "head"))
        head = nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, n_actors))
    network = Network(features, head, learned_statistics=learned_statistics)
    return network.to(memory_format=torch.channels_last)


def layer_weights(module: nn.Module) -> dict[str, torch.Tensor]:
    """Weights of the convolution and linear layers by layer name: what the L2 penalty is on.

    Biases are not among them, nor the scales and offsets of batch normalisation.
    """
    return {name: layer.weight for name, layer in module.named_modules() if isinstance(layer, (nn.Linear, _ConvNd))}


def sha256_of_state(state: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 of names, shapes, types and values of a state_dict, in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(state):
        value = state[name].detach().cpu().contiguous()
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\0".encode())
        digest.update(value.numpy().tobytes())
    return digest.hexdigest()
