"""Files of weights: finding a backbone's and loading them; what training leaves, written whole or not at all."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import socket
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

import torch
from torch import nn

from salcompare.classifiers.dlib_network import DLIB, read_dlib
from salcompare.errors import ConfigError, DamagedError, InputError, MissingDependencyError, Problem
from salcompare.progress import Say
from salcompare.provenance import file_holds, note_of, seal_file, sha256_of_file
from salcompare.store import replacing

if TYPE_CHECKING:
    from salcompare.classifiers.backbones import Backbone


SECONDS_TO_CONNECT = 30.0
SAFETENSORS = ".safetensors"
WRAPPED = ("state_dict", "model_state_dict", "model")
"""Under what names a training's checkpoint keeps its state_dict."""
_COUNTER = "num_batches_tracked"  # of batch normalisation; older files lack it and nothing here reads it


def needed(module: str, *, extra: str) -> ModuleType:
    """Import a module that an extra of the package installs; where it is not installed, the error names the command."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise _not_installed(module, extra) from error


def installed(package: str, pattern: str, *, extra: str) -> Path:
    """Find a file inside an installed package without importing it; refused as by `needed` where it is not there."""
    spec = importlib.util.find_spec(package)
    folders = (spec.submodule_search_locations if spec else None) or []
    files = sorted(path for folder in folders for path in Path(folder).glob(pattern))
    if not files:
        raise _not_installed(package, extra)
    return files[0]


def downloaded(url: str, *, say: Say) -> Path:
    """Find a file of weights among those that torch has downloaded, or download it.

    Without a network, the error names the file, where to put it and what else to do.
    """
    name = Path(urlparse(url).path).name
    path = Path(torch.hub.get_dir()) / "checkpoints" / name
    if path.exists():
        return path
    say(f"downloading {name} to {path.parent}")
    path.parent.mkdir(parents=True, exist_ok=True)
    prefix = name.rsplit(".", 1)[0].rsplit("-", 1)[-1]  # torch names such files NAME-<start of SHA-256>.pth
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SECONDS_TO_CONNECT)  # or a silent network would never be given up on
    try:
        torch.hub.download_url_to_file(url, str(path), hash_prefix=prefix, progress=False)
    except (OSError, RuntimeError) as error:
        remedy = (f'put that file at {path}, or name a copy in study.toml with weights = "path/to/{name}", or train '
                  'without it with weights = "none"')
        raise MissingDependencyError(Problem(name, f"could not be downloaded ({error})", remedy=remedy)) from error
    finally:
        socket.setdefaulttimeout(before)
    return path


def load_weights(features: nn.Module, backbone: Backbone, weights: str, *, root: Path, say: Say) -> None:
    """Load weights into a backbone's layers, in place, after checking every name and shape.

    `weights` are "none", which changes nothing, one of the backbone's named weights, or a file's path, which may be
    relative to the study's folder `root`. Refused if there are none of that name and no such file, if the file cannot
    be read or its layers differ (naming each that does), or if named weights are not installed or cannot be downloaded.
    """
    if weights == "none":
        return
    path = backbone.weights[weights](say) if weights in backbone.weights else _local_file(backbone, weights, root=root)
    whole = read_state(path)  # maybe a training's checkpoint, which keeps the state_dict beside the epoch and the like
    state = next((whole[key] for key in WRAPPED if isinstance(whole.get(key), Mapping)), whole)
    state = {backbone.renamed(key): value for key, value in state.items()}
    features.load_state_dict(_matching(state, features, backbone, str(path)), strict=False)


def weights_identity(backbone: Backbone, weights: str, *, root: Path) -> str:
    """Text that changes when the weights would: their name, or the hash of the file."""
    if weights == "none" or weights in backbone.weights:
        return weights
    return sha256_of_file(_local_file(backbone, weights, root=root))


def _local_file(backbone: Backbone, weights: str, *, root: Path) -> Path:
    """Find the file that study.toml names, or say what it may name."""
    path = root / Path(weights).expanduser()
    if not path.is_file():
        names = ", ".join([*map(repr, backbone.weights), "'none'"])
        raise ConfigError(Problem(f"[[classifier]] weights of {backbone.name}",
                                  f"{weights!r} is no name of weights and no file {path}",
                                  f"{names} or the path of a state_dict (.pth, .safetensors), or dlib's (.dat)",
                                  "mend the path, which is taken from the study's folder"))
    return path


def read_state(path: Path) -> dict[str, Any]:
    """Read a file that torch.save, safetensors or dlib wrote: tensors and plain values only, nothing in it is run.

    Refused if it cannot be read or is no mapping; a .safetensors file also where that library is not installed.
    """
    if path.suffix == DLIB:
        return {name: torch.from_numpy(values) for name, values in read_dlib(path).items()}
    load = needed("safetensors.torch", extra="timm").load_file if path.suffix == SAFETENSORS else partial(
        torch.load, map_location="cpu", weights_only=True)
    try:
        state = load(path)
    except Exception as error:  # a damaged pickle can raise anything
        reason = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise InputError(Problem(str(path), f"cannot be read ({reason})",
                                 "a state_dict written by torch.save or safetensors, or dlib's file, unpacked (.dat)",
                                 "get the file again")) from error
    if not isinstance(state, Mapping):
        raise InputError(Problem(str(path), f"holds a {type(state).__name__}", "a state_dict, names to tensors",
                                 "save it with torch.save(model.state_dict(), path)"))
    return dict(state)


def _matching(state: Mapping[str, Any], features: nn.Module, backbone: Backbone, where: str) -> dict[str, Any]:
    """Pick the layers' weights from a file's, or say what differs."""
    wanted = {key: value for key, value in features.state_dict().items() if not key.endswith(_COUNTER)}
    prefix = max(backbone.prefixes, key=lambda p: sum(p + key in state for key in wanted))
    of, remedy = f"those of {backbone.name}", f"give weights of {backbone.name}, or name the backbone that these are of"
    problems = [Problem(where, f"no weights {prefix + key!r}", f"{of}, of shape {_shape(value)}", remedy)
                for key, value in wanted.items() if prefix + key not in state]
    given = {key: state[prefix + key] for key in wanted if prefix + key in state}
    problems += [Problem(where, f"{prefix + key!r} has shape {_shape(value)}", str(_shape(wanted[key])), remedy)
                 for key, value in given.items() if _shape(value) != _shape(wanted[key])]
    tensors = {key: value for key, value in given.items() if isinstance(value, torch.Tensor)}
    problems += [Problem(where, f"{prefix + key!r} is {_kind(value)}", f"{_kind(wanted[key])}, of any number of bits",
                         "save the weights unpacked, as they were trained")
                 for key, value in tensors.items() if not _plain(value, wanted[key])]
    infinite = {key: int((~value.float().isfinite()).sum())  # isfinite does not take floats of 8 bits
                for key, value in tensors.items() if _plain(value, wanted[key])}
    problems += [Problem(where, f"{prefix + key!r} has {count:,} of {tensors[key].numel():,} weights "
                         "that are not finite", "finite weights", "get the file again, or one of before it failed")
                 for key, count in infinite.items() if count]
    known = {prefix + key for key in features.state_dict()}
    problems += [Problem(where, f"unknown weights {key!r}", f"{of} only", remedy)
                 for key in state if key not in known and not key.removeprefix(prefix).startswith(backbone.ignored)
                 and not key.startswith(backbone.ignored)]
    if problems:
        raise InputError(problems)
    chosen = OrderedDict((key, state[prefix + key]) for key in wanted)
    # As every name and shape is today's, layers that would convert an older layout (MNASNet's) must not.
    chosen._metadata = features.state_dict()._metadata  # type: ignore[attr-defined]
    return chosen


def _shape(value: object) -> tuple[int, ...] | str:
    return tuple(value.shape) if isinstance(value, torch.Tensor) else type(value).__name__


def _kind(value: torch.Tensor) -> str:
    kind = f"{value.layout} {value.dtype}".replace("torch.", "").replace("strided", "dense")
    return f"{kind} without values" if value.is_meta else kind


def _plain(value: torch.Tensor, like: torch.Tensor) -> bool:
    """Whether a tensor is dense, has values, and is of floating point where the layer's is; others are misread."""
    return (value.layout is torch.strided and not value.is_meta
            and value.is_floating_point() == like.is_floating_point())


def _not_installed(what: str, extra: str) -> MissingDependencyError:
    return MissingDependencyError(Problem(what, "is not installed", remedy=f"run: pip install 'salcompare[{extra}]'"))


def read_matching(path: Path, *, digest: str, say: Say | None = None) -> dict[str, Any] | None:
    """Read what `write_torch` wrote; None where there is none, of another digest, or a damaged one, which is said."""
    if not path.exists():
        return None
    try:
        content = read_whole(path)
    except DamagedError:
        if say:
            say(f"  {path} is damaged; what it held is made again")
        return None
    return content if content.get("digest") == digest else None


def read_whole(path: Path) -> dict[str, Any]:
    """Read what `write_torch` wrote; DamagedError if it is not what was written, or cannot be read."""
    try:
        if file_holds(path) or _is_older(path):
            return read_state(path)
    except (InputError, OSError):
        pass
    raise DamagedError(Problem(str(path), "is damaged (its bytes are not those written)", remedy="run: salcompare run"))


def _is_older(path: Path) -> bool:
    """Whether it is a file without a seal, as salcompare 0.1.0 left it, and its zip archive's own checksums hold."""
    try:
        with zipfile.ZipFile(path) as archive:
            return note_of(path) is None and archive.testzip() is None
    except (zipfile.BadZipFile, NotImplementedError, EOFError, zlib.error, RuntimeError):
        return False


def write_torch(path: Path, content: Mapping[str, Any], note: Mapping[str, object] | None = None) -> None:
    """Write tensors and plain values, whole or not at all; equal contents give equal bytes.

    `provenance.note_of` tells the note without torch.
    """
    with replacing(path) as beside:
        with beside.open("wb") as stream:
            try:
                torch.save(dict(content), stream)  # given a path, torch would write the passing name into the file
            except RuntimeError as error:  # of torch's own archive, after the disk's
                raise (error.__context__ if isinstance(error.__context__, OSError) else error) from None
        seal_file(beside, note)
