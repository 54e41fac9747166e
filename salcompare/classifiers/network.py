"""The whole network, a backbone's layers and two new ones; trained, with all that is needed to use it."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from salcompare.classifiers.backbones import Backbone, feature_dim, find_backbone
from salcompare.classifiers.dataset import Pixels, Preprocessing
from salcompare.classifiers.execution import derived_seed
from salcompare.classifiers.weights import read_whole
from salcompare.errors import InputError, Problem, StaleError


class Network(nn.Module):
    """Features, then FC(hidden) + ReLU + dropout + FC(actors): prepared images (n, 3, h, w) -> logits (n, actors).

    `features` are a backbone's layers, (n, 3, h, w) -> (n, f), and `head` the new ones. With `learned_statistics` batch
    normalisation keeps the running statistics it was loaded with also while training: with the few images of a study, a
    batch's own statistics are poor and tie each image's logits to its neighbours'; a network that starts from nothing
    has no statistics to keep.
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


@dataclass(frozen=True)
class TrainedClassifier:
    """A trained network.

    Attributes
    ----------
    model : nn.Module
        In evaluation mode, its parameters without gradients: prepared images (n, 3, h, w) -> logits (n, actors).
    actors : tuple of str
        Whom each logit is for.
    prepare : callable
        uint8 photographs (n, h, w, 3) -> prepared images (n, 3, h, w).
    weights_sha256 : str
        Of all weights' names and values.
    backbone, variant : str
    size : (height, width)
        Of the photographs that it was trained on.
    seed : int
        What its training's random draws followed from.
    """

    model: nn.Module
    actors: tuple[str, ...]
    prepare: Callable[[Pixels], torch.Tensor]
    weights_sha256: str
    backbone: str
    variant: str
    size: tuple[int, int]
    seed: int


def trained_path(folder: Path, variant: str) -> Path:
    """Where the network of a variant stands."""
    return folder / f"{variant}.pt"


def load_classifier(folder: Path, variant: str, *, root: Path | None = None) -> TrainedClassifier:
    """Load a network that `train_classifier` left.

    Parameters
    ----------
    folder : Path
        What `train_classifier` wrote into.
    variant : str
        frozen or finetuned.
    root : Path, optional
        The study's folder, where a backbone of the user's own stands; else the nearest above `folder` that holds a
        study.toml.

    Raises
    ------
    StaleError
        If it has not been trained.
    DamagedError
        If its file is not what was written.
    InputError
        If it is of another version.
    """
    path = trained_path(folder, variant)
    if not path.exists():
        raise StaleError(Problem(str(path), "does not exist", remedy="run: salcompare run"))
    content = read_whole(path)
    try:
        built = content["network"]
        size = (int(built["size"][0]), int(built["size"][1]))
        root = root or next((above for above in folder.resolve().parents if (above / "study.toml").is_file()), None)
        network = build_network(
            find_backbone(built["backbone"], root=root), size=size, hidden=built["hidden"], dropout=built["dropout"],
            n_actors=len(content["actors"]), learned_statistics=built["learned_statistics"], seed=0)
        network.load_state_dict(content["state"])
        network.eval().requires_grad_(False)
        network.to("cuda" if torch.cuda.is_available() else "cpu")
        prepare = Preprocessing(tuple(built["mean"]), tuple(built["std"]), centre=built["centre"])
        return TrainedClassifier(network, tuple(content["actors"]), prepare, sha256_of_state(content["state"]),
                                 built["backbone"], content["variant"], size, content["seed"])
    except (KeyError, TypeError, RuntimeError) as error:
        raise InputError(Problem(str(path), f"is no trained classifier of this version ({error})",
                                 remedy="delete it and run: salcompare run")) from error
