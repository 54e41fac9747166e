"""The whole network, a backbone's layers and two new ones; trained, with all that is needed to use it."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from salcompare.classifiers.backbones import Backbone, feature_dim, find_backbone
from salcompare.classifiers.dataset import Pixels, Preprocessing, pixel_problems
from salcompare.classifiers.execution import derived_seed, device_of, side_by_side
from salcompare.classifiers.logits import check_finite, naming
from salcompare.classifiers.weights import load_weights, read_whole
from salcompare.errors import InputError, Problem, StaleError
from salcompare.progress import Say
from salcompare.provenance import canonical_json, versions

BATCH = 16
MOST = 8
"""Batches at a time, so that many cores do not need much memory."""
Prepare = Callable[[Pixels], torch.Tensor]
Values = NDArray[np.float32]


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
class Embedder:
    """A network's layers before its head.

    Attributes
    ----------
    features : nn.Module
        In evaluation mode: prepared images (n, 3, h, w) -> features (n, f).
    prepare : callable
        uint8 photographs (n, h, w, 3) -> prepared images (n, 3, h, w).
    backbone : str
    size : (height, width), optional
        Of the photographs; any that the layers take if not given.
    """

    features: nn.Module
    prepare: Prepare
    backbone: str
    size: tuple[int, int] | None = None


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
    prepare: Prepare
    weights_sha256: str
    backbone: str
    variant: str
    size: tuple[int, int]
    seed: int

    @property
    def parts(self) -> Network:
        """The model as the features and the head that training leaves it as; refused if it is another one."""
        if not isinstance(self.model, Network):
            raise InputError(Problem("model", f"a {type(self.model).__name__}", "a network of features and a head, as "
                                     "training leaves it"))
        return self.model

    @property
    def embedder(self) -> Embedder:
        """The network without its head."""
        return Embedder(self.parts.features, self.prepare, self.backbone, self.size)


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


def batches_of(model: nn.Module, pixels: Pixels | xr.DataArray, prepare: Prepare) -> Iterator[tuple[int, Values]]:
    """Give where each batch of photographs (n, h, w, 3) starts, and a network's outputs in evaluation mode for it."""
    model.eval()
    device = device_of(model)

    def outputs(network: nn.Module, start: int) -> tuple[int, Values]:
        """Give where a batch starts, and its outputs."""
        with torch.no_grad():
            return start, network(prepare(np.asarray(pixels[start:start + BATCH])).to(device)).cpu().numpy()

    yield from side_by_side(outputs, ((model, start) for start in range(0, len(pixels), BATCH)), most=MOST)


def run(model: nn.Module, pixels: Pixels | xr.DataArray, prepare: Prepare) -> Values:
    """Give the outputs (n, outputs) of a network in evaluation mode for photographs (n, h, w, 3), in their order."""
    return np.concatenate([outputs for _, outputs in batches_of(model, pixels, prepare)])


def load_embedder(backbone: str = "dlib_resnet", weights: str = "installed", *, root: Path | None = None,
                  say: Say = print) -> Embedder:
    """Load a backbone and its weights as they are before training on a study's people, both named as in study.toml.

    `root` is the folder that a path to weights starts from, and where a backbone of the user's own stands; the working
    directory if not given. `say` is told when something is downloaded. Without weights ("none") they are random, the
    same each time. Refused as by `find_backbone` and `load_weights`.
    """
    recipe = find_backbone(backbone, root=root)
    with torch.random.fork_rng():
        torch.manual_seed(derived_seed("embedder"))
        features = recipe.features()
    load_weights(features, recipe, weights, root=root or Path(), say=say)
    features.eval().requires_grad_(False)
    features.to("cuda" if torch.cuda.is_available() else "cpu").to(memory_format=torch.channels_last)
    return Embedder(features, recipe.preprocessing, backbone)


def embed(network: TrainedClassifier | Embedder, photographs: xr.DataArray) -> xr.DataArray:
    """Describe each photograph by its embedding: what the network's head is given, any backbone's features.

    Parameters
    ----------
    network : TrainedClassifier or Embedder
        A trained network, of which the head is left out, or a backbone as `load_embedder` gives it. It runs where its
        weights are.
    photographs : uint8 DataArray (image, y, x, channel)
        Red, green and blue; of a trained network's size. May be lazy: 16 are read at a time on every core.

    Returns
    -------
    float32 DataArray (image, feature)
        With all coordinates along image. Of dlib_resnet 128 features, whose Euclidean distances are small between
        photographs of one person; other backbones' were made to name classes, and are not negative where they come
        from ReLUs. attrs: backbone, layer, weights_sha256 (of these layers alone: a frozen network's is its backbone's)
        and versions. The same bytes on however many cores. Never NaN.

    Raises
    ------
    InputError
        If there are no photographs, they are of another kind or size, or an embedding is not finite.
    """
    if isinstance(network, TrainedClassifier):
        network = network.embedder
    problems = pixel_problems(photographs)
    if not problems:
        photographs = photographs.transpose("image", "y", "x", "channel")
        height, width = photographs.sizes["y"], photographs.sizes["x"]
        if not len(photographs):
            problems = [Problem("photographs", "none", "at least one")]
        elif network.size not in (None, (height, width)):
            problems = [Problem("photographs", f"{height} x {width} pixels", "{} x {}".format(*network.size or ()),
                                "resize them to what the network was trained on")]
    if problems:
        raise InputError(problems)
    feature_dim(network.features, (height, width), name=network.backbone)
    values = run(network.features, photographs, network.prepare)
    with naming([str(image) for image in photographs["image"].to_numpy()]):
        check_finite(torch.from_numpy(values), "embedding", "check the network's weights")
    along = {name: value for name, value in photographs.coords.items() if value.dims == ("image",)}
    return xr.DataArray(values, along, ("image", "feature"), "embedding", {
        "backbone": network.backbone, "layer": "features, which the head is given",
        "weights_sha256": sha256_of_state(network.features.state_dict()), "versions": canonical_json(versions())})
