"""Networks that cannot know the people: weights drawn anew, or a head taught shuffled actors."""

import copy
import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from salcompare.classifiers.dataset import BalancedBatches, Pixels
from salcompare.classifiers.execution import derived_seed, device_of, generator
from salcompare.classifiers.logits import is_compiled
from salcompare.classifiers.network import Network, TrainedClassifier, Values, sha256_of_state
from salcompare.classifiers.training import head_task, kept_features, train
from salcompare.config import Phase
from salcompare.config.sections import CALIBRATION_IMAGES
from salcompare.errors import InputError, Problem
from salcompare.progress import Progress, Silent
from salcompare.provenance import fingerprint

HEAD = "head."
"""How the names of a network's new layers begin."""
_NORMS = (_BatchNorm, nn.GroupNorm, nn.LayerNorm)


@dataclasses.dataclass(frozen=True)
class Step:
    """Neighbouring layers that are randomised together.

    `name` is the layer's in the network, or the first's and the last's in the order of the forward pass; `layers` are
    the names of all modules with weights of their own, from the output to the input.
    """

    name: str
    layers: tuple[str, ...]


def steps_from_the_head(trained: TrainedClassifier, photograph: Pixels, *, n: int) -> list[Step]:
    """Divide all layers with weights into n steps at most, the head first and the layers next to the image last.

    After the head come the other layers in parts of as many each as can be; a normalisation stays with the layer
    before it. A photograph uint8 (1, h, w, 3) is run through the network to see in which order its layers come.
    Refused with n below 2, or without weights.
    """
    # Modules whose weights are used without calling them come first; a normalisation goes with what is before it.
    modules = {name: module for name, module in trained.model.named_modules() if _weights(module)}
    called = _order(trained, modules, photograph)
    units: list[list[str]] = []
    for name in [*(name for name in modules if name not in called), *called]:
        if units and isinstance(modules[name], _NORMS):
            units[-1].append(name)
        else:
            units.append([name])
    if n < 2 or not units:
        raise InputError(Problem("steps", f"{n} steps for {len(units)} layers with weights", "at least 2 steps, and "
                                 "a network with weights"))
    head = [unit for unit in units if unit[0].startswith(HEAD)] or units[-1:]
    rest = [unit for unit in units if unit not in head]
    parts = [part for part in np.array_split(np.arange(len(rest)), n - 1) if len(part)]
    return [_step(head), *(_step([rest[at] for at in part]) for part in reversed(parts))]


def randomised(trained: TrainedClassifier, layers: Sequence[str], *, seed: int, number: int,
               calibration: Pixels) -> TrainedClassifier:
    """Copy a network with the weights of some layers (names, as a `Step` has them) drawn anew.

    They are drawn as their own ``reset_parameters`` draws them, or where a module has none, from a Gaussian with the
    standard deviation that its weights had. A layer's weights depend on the study's seed, the number of the
    randomisation and its name, so that those of the layers from the head down are the same however many others are
    randomised. From photographs for calibration, uint8 (n, h, w, 3), two or more, batch normalisations among the layers
    take their running statistics, as those of the trained weights do not fit. With fewer they are 0 and 1.
    """
    model = copy.deepcopy(trained.model)
    modules = dict(model.named_modules())
    unknown = [name for name in layers if name not in modules]
    if unknown:
        raise InputError([Problem("layers", repr(name), "the name of a module of the network") for name in unknown])
    with torch.random.fork_rng(), torch.no_grad():
        for name in layers:
            torch.manual_seed(derived_seed(seed, "controls", number, name))
            _draw(modules[name])
    norms = [modules[name] for name in layers if isinstance(modules[name], _BatchNorm)]
    if norms and len(calibration) > 1:
        # Batch normalisations take their mean and variance from the batch.
        before = [(norm, norm.momentum) for norm in norms if isinstance(norm, _BatchNorm) and norm.track_running_stats]
        for norm, _ in before:
            norm.reset_running_stats()
            norm.momentum = None  # the mean over what is seen, here once
            norm.training = True
        with torch.no_grad():
            model(trained.prepare(calibration).to(device_of(model)))
        for norm, momentum in before:
            norm.momentum, norm.training = momentum, False
    return dataclasses.replace(trained, model=model, weights_sha256=sha256_of_state(model.state_dict()))


def calibration_of(pixels: xr.DataArray) -> Pixels:
    """Choose photographs, of many actors, that `randomised` networks take their statistics from."""
    actors = pixels["actor"].to_numpy().astype(str).tolist()
    first = [actors.index(actor) for actor in dict.fromkeys(actors)]
    rest = [at for at in range(len(actors)) if at not in first]
    chosen: Pixels = pixels.isel(image=(first + rest)[:CALIBRATION_IMAGES]).to_numpy()
    return chosen


def all_layers(trained: TrainedClassifier) -> tuple[str, ...]:
    """Names of all modules with weights of their own."""
    return tuple(name for name, module in trained.model.named_modules() if _weights(module))


def _weights(module: nn.Module) -> list[nn.Parameter]:
    return [weight for weight in module.parameters(recurse=False) if weight is not None]


def _order(trained: TrainedClassifier, modules: dict[str, nn.Module], photograph: Pixels) -> list[str]:
    called: dict[str, None] = {}
    handles = [module.register_forward_pre_hook(lambda *_, name=name: called.setdefault(name))
               for name, module in modules.items() if not is_compiled(module)]
    try:
        with torch.no_grad():
            trained.model(trained.prepare(photograph).to(device_of(trained.model)))
    finally:
        for handle in handles:
            handle.remove()
    return list(called)


def _step(units: list[list[str]]) -> Step:
    names = [name for unit in units for name in unit]
    return Step(" to ".join(dict.fromkeys([units[0][0], units[-1][0]])), tuple(reversed(names)))


def _reset(module: nn.Module) -> bool:
    """Let a module draw its weights itself, if it can."""
    reset = getattr(module, "reset_parameters", None)
    if callable(reset):
        reset()
    return callable(reset)


def _draw(module: nn.Module) -> None:
    if _reset(module):
        return
    for weight in _weights(module):
        spread = float(weight.std(correction=0))
        weight.normal_(0, spread if spread > 0 else 1)


@dataclasses.dataclass(frozen=True)
class Relabelled:
    """A network whose head learnt shuffled actors, and the share of photographs for which it names them (memorised)."""

    trained: TrainedClassifier
    memorised: float


def training_features(trained: TrainedClassifier, photographs: Pixels, *, folder: Path,
                      progress: Progress | None = None) -> Values:
    """Give features (n, f) of photographs by the network's own layers before the head, kept in a file of the folder."""
    digest = fingerprint([trained.weights_sha256, _digest(photographs)])
    return kept_features(trained.parts.features, photographs, trained.prepare, folder=folder,
                         form=f"{trained.variant}-training", digest=digest, what=f"{trained.variant} features",
                         progress=progress or Silent())


def relabelled(trained: TrainedClassifier, features: Values, actors: NDArray[np.str_], phase: Phase, *, seed: int,
               number: int, folder: Path, progress: Progress | None = None) -> Relabelled:
    """Train a new head on shuffled actors; the layers before it stay.

    `features` (n, f) are those of the training photographs, as `training_features` gives them, and `actors` (n,) whom
    each shows: they are shuffled over the photographs, so that each actor keeps its number of them. Trained as the
    frozen phase is; the weights are kept that fit the shuffled actors best, not those that do well on validation
    photographs, which nothing could. `seed` is the study's, `number` which of its shuffles this is; the checkpoint is
    in `folder` until training is done. Refused if the network is not made of features and a head, or there is nothing
    to train on.

    References
    ----------
    Adebayo et al. (2018), arXiv:1810.03292: the data randomisation test
    """
    known = {actor: i for i, actor in enumerate(trained.actors)}
    rows = [i for i, actor in enumerate(actors.tolist()) if actor in known]
    if not rows:
        raise InputError(Problem("training photographs", "none of the network's actors", "at least one"))
    order = torch.randperm(len(rows), generator=generator(seed, "controls", "shuffle", number)).numpy()
    shuffled = np.array([known[str(actors[i])] for i in rows], dtype=np.int64)[order]
    network = Network(trained.parts.features, _new_head(trained, seed, number), learned_statistics=True)
    checkpoint, features = folder / "shuffled.checkpoint.pt", np.asarray(features[rows])
    digest = fingerprint([trained.weights_sha256, _digest(features), shuffled.tolist(), phase, seed, number])
    by_actor = tuple(np.flatnonzero(shuffled == actor).astype(np.int64) for actor in np.unique(shuffled))
    batches = BalancedBatches(by_actor, phase.per_class, seed, f"shuffled {number}")
    task = head_task(network, features, shuffled, batches, title=f"shuffled actors {number + 1}",
                     scored=np.arange(len(shuffled)))
    state = train(task, phase, seed=seed, checkpoint=checkpoint, digest=digest, progress=progress or Silent())
    checkpoint.unlink(missing_ok=True)
    network.eval().requires_grad_(False)
    taught = dataclasses.replace(trained, model=network, weights_sha256=sha256_of_state(network.state_dict()))
    return Relabelled(taught, state.best_accuracy)


def _new_head(trained: TrainedClassifier, seed: int, number: int) -> torch.nn.Module:
    head = copy.deepcopy(trained.parts.head).requires_grad_(True)
    with torch.random.fork_rng():
        torch.manual_seed(derived_seed(seed, "controls", "shuffled head", number))
        for module in head.modules():
            _reset(module)
    return head


def _digest(values: NDArray[np.generic]) -> str:
    return hashlib.sha256(repr(values.shape).encode() + np.ascontiguousarray(values).tobytes()).hexdigest()
