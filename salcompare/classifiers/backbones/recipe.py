"""What a backbone is: a recipe for the layers that the new ones stand on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn

from salcompare.classifiers.preparation import Preprocessing
from salcompare.errors import InputError, Problem
from salcompare.progress import Say

IMAGENET = Preprocessing(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))


@dataclass(frozen=True)
class Backbone:
    """A recipe for the layers before the new ones.

    Attributes
    ----------
    name : str
        What study.toml calls it.
    preprocessing : Preprocessing
        What the layers expect of their input.
    features : callable () -> nn.Module
        Makes the layers, prepared images (n, 3, h, w) -> features (n, f), with weights drawn from torch's global
        generator.
    weights : mapping of str to callable (say) -> Path
        Named weights: each gives the file they stand in, fetching it where needed.
    ignored : tuple of str
        Beginnings of the names, in such a file, of the layers that are not used: the old classifier's.
    prefixes : tuple of str
        What may stand in a file before the names of the layers here.
    renamed : callable (str) -> str
        Today's name of a layer from the name in such a file.
    source_sha256 : str
        Hash of the code that makes the layers where it is the user's own, so that other code is other layers.
    """

    name: str
    preprocessing: Preprocessing
    features: Callable[[], nn.Module]
    weights: Mapping[str, Callable[[Say], Path]] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ("",)
    renamed: Callable[[str], str] = str
    source_sha256: str = ""


class GlobalMean(nn.Module):
    """Mean over y and x; unlike adaptive pooling it is deterministic on every device."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, c, h, w) -> (n, c, 1, 1)."""
        return x.mean(dim=(2, 3), keepdim=True)


def feature_dim(features: nn.Module, size: tuple[int, int], *, name: str) -> int:
    """Count the features that the layers give for images of a size (height, width).

    Raises
    ------
    InputError
        If the layers do not take images of that size, or give something else than features (n, f).
    """
    features.eval()
    try:
        with torch.no_grad():
            found = features(torch.zeros(1, 3, *size))
    except (RuntimeError, AssertionError, ValueError, TypeError, IndexError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise InputError(Problem("[study] size", f"{size[0]} x {size[1]} does not suit {name} ({reason})",
                                 remedy="choose a larger grid, or the size that the network is made for")) from error
    if not isinstance(found, torch.Tensor) or found.ndim != 2 or len(found) != 1 or not found.is_floating_point():
        what = (f"{found.dtype} of shape {tuple(found.shape)}" if isinstance(found, torch.Tensor)
                else f"a {type(found).__name__}")
        raise InputError(Problem(f"[[classifier]] backbone {name!r}", f"gives {what} for one image",
                                 "features of shape (1, f), floating", "end it with a global mean and nn.Flatten()"))
    return int(found.shape[1])


def without_inplace(layers: nn.Module) -> nn.Module:
    """Let no activation overwrite its input: what hooks see is then what the layer was given (and 1% slower)."""
    for layer in layers.modules():
        if hasattr(layer, "inplace"):
            setattr(layer, "inplace", False)  # noqa: B010 - only some layers have it
    return layers
