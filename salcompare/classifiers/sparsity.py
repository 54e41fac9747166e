"""How many of a network's weights are near zero, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import torch
from torch import nn

from salcompare.classifiers.network import layer_weights

RELATIVE = 0.01
ABSOLUTE = 1e-3


def near_zero_thresholds(module: nn.Module) -> dict[str, float]:
    """Weight below which a layer's weights count as near zero, by layer name.

    It is 1% of the standard deviation of the layer's weights in the given network, the one before training, so that
    layers of different scale, and a layer before and after training, are measured alike. Weights from a Gaussian
    would have 0.8% below it, those from a uniform distribution 0.6%.
    """
    return {name: RELATIVE * float(weight.detach().std(correction=0)) for name, weight in
            layer_weights(module).items()}


def near_zero_shares(module: nn.Module, thresholds: Mapping[str, float]) -> pd.DataFrame:
    """Share of near-zero weights of each convolution and linear layer; biases and batch normalisation left out.

    Parameters
    ----------
    module : nn.Module
    thresholds : mapping of str to float
        As `near_zero_thresholds` gives them for the network before training.

    Returns
    -------
    DataFrame
        One row a layer, in the network's order: layer; kind, the layer's class; n_weights; threshold;
        share_near_zero, the share of |w| < threshold; share_below_0.001, the same for the absolute threshold 0.001.
    """
    kinds = {name: type(layer).__name__ for name, layer in module.named_modules()}
    rows = [(name, kinds[name], weight.numel(), thresholds[name], _share(weight, thresholds[name]),
             _share(weight, ABSOLUTE)) for name, weight in layer_weights(module).items()]
    return pd.DataFrame(rows, columns=["layer", "kind", "n_weights", "threshold", "share_near_zero",
                                       f"share_below_{ABSOLUTE:g}"])


def _share(weight: torch.Tensor, threshold: float) -> float:
    return int((weight.detach().abs() < threshold).sum()) / weight.numel()
