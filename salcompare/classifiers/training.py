"""Training: Adam on cross-entropy plus an L2 penalty, of new layers on kept features or of the whole network."""

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from salcompare.classifiers.dataset import BalancedBatches, Photographs, Pixels, Rows, augment
from salcompare.classifiers.execution import derived_seed, deterministic, device_of, generator
from salcompare.classifiers.network import BATCH, Network, Prepare, Values, batches_of, layer_weights, run
from salcompare.classifiers.weights import read_matching, write_torch
from salcompare.config import Classifier, Phase
from salcompare.errors import InputError, Problem
from salcompare.progress import Progress, Say
from salcompare.provenance import file_holds, seal_file
from salcompare.store import replacing


def kept_features(features: nn.Module, pixels: Pixels, prepare: Prepare, *, folder: Path, form: str, digest: str,
                  what: str, progress: Progress) -> Values:
    """Features (n, f) of photographs, from the file that an earlier run left, else computed and kept there.

    They are read from the file ``features-<form>-<digest>.npy`` of the folder when used; those of the same form and
    other digests are deleted. `features` makes them of prepared images, `form` is what was done to the photographs
    (plain or mirrored), `digest` is of all that they depend on, and `what` is what progress calls this.
    """
    path = folder / f"features-{form}-{digest}.npy"
    for other in folder.glob(f"features-{form}-*.npy"):
        if other != path:
            other.unlink()
    readable = False
    with contextlib.suppress(ValueError, OSError, EOFError):
        readable = path.exists() and file_holds(path) and len(np.load(path, mmap_mode="r")) == len(pixels)
    if not readable:
        batches = progress.track(batches_of(features, pixels, prepare), total=-(-len(pixels) // BATCH), what=what)
        with replacing(path) as beside:
            _write(beside, batches, len(pixels))
            seal_file(beside)
    values: Values = np.load(path, mmap_mode="r")
    return values


def _write(path: Path, batches: Iterator[tuple[int, Values]], n: int) -> None:
    """Write an array batch by batch; through a memory map, a full disk would kill the process."""
    with path.open("wb") as stream:
        for start, values in batches:
            if not start:
                np.lib.format.write_array_header_1_0(stream, {
                    "descr": np.lib.format.dtype_to_descr(np.dtype(np.float32)), "fortran_order": False,
                    "shape": (n, values.shape[1])})
            stream.write(np.ascontiguousarray(values, dtype=np.float32).tobytes())


@dataclass
class State:
    """Where training stands after an iteration at which the validation images were looked at.

    `iteration` is the last one done, 0 before the first; `log` has one entry a look (iteration, loss, train_accuracy,
    validation_accuracy, validation_loss, penalty); `best` is the model's state at the best look so far, or at the last,
    where that is kept, and what follows is of that look, NaN without validation images. `threads` are the numbers of
    torch's threads that it was trained with: one, unless a run with another number went on with it. Random draws need
    no state, each iteration has streams of its own.
    """

    iteration: int = 0
    log: list[dict[str, float]] = field(default_factory=list)
    model: dict[str, Any] = field(default_factory=dict)
    optimizer: dict[str, Any] = field(default_factory=dict)
    best: dict[str, Any] = field(default_factory=dict)
    best_iteration: int = 0
    threads: list[int] = field(default_factory=list)
    best_accuracy: float = -1.0
    best_loss: float = float("inf")


def write_checkpoint(path: Path, state: State, *, digest: str, iterations: int) -> None:
    """Write where training stands, of how many iterations; `digest` says what is trained on what."""
    content = {entry.name: getattr(state, entry.name) for entry in fields(state)}
    write_torch(path, {"digest": digest, **content}, {"iteration": state.iteration, "iterations": iterations})


def read_checkpoint(path: Path, *, digest: str, say: Say | None = None) -> State | None:
    """Read where training stands; None where there is none, of another digest, or a damaged one, which is said."""
    content = read_matching(path, digest=digest, say=say)
    if content is None or set(content) - {"digest"} != set(asdict(State())):
        return None
    del content["digest"]
    return State(**content)


@dataclass(frozen=True)
class Score:
    """How well images are told apart: share correct, and mean cross-entropy; NaN of no images."""

    accuracy: float
    loss: float


@dataclass(frozen=True)
class Task:
    """What is trained, and on what.

    `title` is what progress calls it, and `variant` frozen or finetuned: the random draws of one are not those of the
    other. `model` are the layers that change, inputs (n, ...) -> logits (n, actors); `batch` gives inputs and actors'
    numbers of an iteration, counted from 1, and depends on nothing else; `validate` looks at the validation images with
    the model as it is. `l2_on` says which weights the L2 penalty is on (all, or linear, which leaves the convolutions
    out), and `keep` whether the best look decides which weights are kept (best) or the last iteration's are.
    """

    title: str
    variant: str
    model: nn.Module
    batch: Callable[[int], tuple[torch.Tensor, torch.Tensor]]
    validate: Callable[[], Score]
    l2_on: str = "all"
    keep: str = "best"


def train(task: Task, phase: Phase, *, seed: int, checkpoint: Path, digest: str, progress: Progress) -> State:
    """Train, or go on training, and leave the model with the weights of its best look, or of its last iteration.

    The validation images are looked at every `validate_every` iterations and after the last. The best look is the one
    of highest accuracy, of those the one of lowest cross-entropy, of those the earliest. The weights before the first
    iteration are no candidate. Where the task keeps the last weights, looks decide nothing. torch keeps all its
    threads, on whose number the weights' last digits depend.

    The checkpoint is written at each look. Training goes on from it if it is there with the same digest, which is of
    everything that the result depends on, with the result of a run of as many threads that was never interrupted. A
    loss that is no longer finite is refused.
    """
    # Adam's weight decay d adds d * w to the gradient, which is the gradient of d/2 * w²: so d = 2 * l2.
    penalised = _penalised(task.model, task.l2_on)
    known = {id(weight) for weight in penalised}
    free = [parameter for parameter in task.model.parameters() if id(parameter) not in known]
    groups = [{"params": penalised, "weight_decay": 2 * phase.l2}, {"params": free, "weight_decay": 0.0}]
    optimizer = torch.optim.Adam(groups, lr=phase.learning_rate, fused=True)
    with deterministic():
        state = read_checkpoint(checkpoint, digest=digest, say=progress.say) or State()
        if state.iteration:
            task.model.load_state_dict(state.model)
            optimizer.load_state_dict(state.optimizer)
            progress.say(f"{task.title}: going on after iteration {state.iteration}")
        state.threads = sorted({*state.threads, torch.get_num_threads()})
        left = range(state.iteration + 1, phase.iterations + 1)
        losses, accuracies = [], []
        for iteration in progress.track(left, total=phase.iterations, what=task.title, done=state.iteration):
            torch.manual_seed(derived_seed(seed, task.variant, "dropout", iteration))
            score = _step(task, optimizer, iteration)
            losses.append(score.loss)
            accuracies.append(score.accuracy)
            if iteration % phase.validate_every == 0 or iteration == phase.iterations:
                seen = Score(math.fsum(accuracies) / len(accuracies), math.fsum(losses) / len(losses))
                _look(task, state, phase, iteration, seen, progress)
                state.optimizer = optimizer.state_dict()
                write_checkpoint(checkpoint, state, digest=digest, iterations=phase.iterations)
                losses, accuracies = [], []
    task.model.load_state_dict(state.best)
    return state


def l2_penalty(model: nn.Module, l2: float, *, on: str = "all") -> float:
    """`l2` times the sum of the squared weights of convolution (unless `on` is linear) and linear layers, no biases."""
    return l2 * math.fsum(float(weight.detach().square().sum()) for weight in _penalised(model, on))


def _penalised(model: nn.Module, on: str) -> list[torch.Tensor]:
    kinds = dict(model.named_modules())
    return [weight for name, weight in layer_weights(model).items()
            if on == "all" or isinstance(kinds[name], nn.Linear)]


def _step(task: Task, optimizer: torch.optim.Optimizer, iteration: int) -> Score:
    inputs, actors = task.batch(iteration)
    task.model.train()
    optimizer.zero_grad(set_to_none=True)
    logits = task.model(inputs)
    loss = cross_entropy(logits, actors)
    if not bool(torch.isfinite(loss)):
        raise InputError(Problem(task.title, f"the loss is {float(loss.detach())} at iteration {iteration}",
                                 "a finite number", "lower learning_rate or l2 in study.toml"))
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return Score(float((logits.detach().argmax(1) == actors).float().mean()), float(loss.detach()))


def _look(task: Task, state: State, phase: Phase, iteration: int, seen: Score, progress: Progress) -> None:
    """Look at the validation images, log it, and keep the weights if they are the best so far."""
    task.model.eval()
    now = task.validate()
    state.iteration = iteration
    state.model = {name: value.detach().cpu().clone() for name, value in task.model.state_dict().items()}
    state.log.append({"iteration": iteration, "loss": seen.loss, "train_accuracy": seen.accuracy,
                      "validation_accuracy": now.accuracy, "validation_loss": now.loss,
                      "penalty": l2_penalty(task.model, phase.l2, on=task.l2_on)})
    better = (now.accuracy, -now.loss) > (state.best_accuracy, -state.best_loss)
    if better or task.keep == "last":
        state.best, state.best_iteration = state.model, iteration
        state.best_accuracy, state.best_loss = now.accuracy, now.loss
    looked = "" if math.isnan(now.accuracy) else f", validation {now.accuracy:.1%}"
    progress.say(f"{task.title}: iteration {iteration} of {phase.iterations}, loss {seen.loss:.3f}, training "
                 f"{seen.accuracy:.1%}{looked}{' (best so far)' if better and task.keep == 'best' else ''}")


Batch = tuple[torch.Tensor, torch.Tensor]


def frozen_task(network: Network, photographs: Photographs, config: Classifier, *, plain: Values,
                mirrored: Values | None, seed: int) -> Task:
    """Train the new layers on features (n, f) of the photographs and, to flip, of their mirror images."""
    batches = BalancedBatches(photographs.rows_by_actor("train"), config.frozen.per_class, seed, "frozen")
    return head_task(network, plain, photographs.targets, batches, title=f"{config.name} frozen",
                     scored=photographs.rows("validation"), mirrored=mirrored, keep=config.keep)


def head_task(network: Network, plain: Values, targets: Rows, batches: BalancedBatches, *, title: str, scored: Rows,
              mirrored: Values | None = None, keep: str = "best") -> Task:
    """Train the new layers on features (n, f) for targets (n,); some rows are scored."""
    device = device_of(network)

    def batch(iteration: int) -> Batch:
        """Give the features and targets of one iteration."""
        rows = batches.at(iteration)
        chosen = np.array(plain[rows])
        if mirrored is not None:
            draws = generator(batches.seed, batches.purpose, "flip", iteration)
            flipped = torch.rand(len(rows), generator=draws).numpy() < 0.5
            chosen[flipped] = mirrored[rows[flipped]]
        return torch.from_numpy(chosen).to(device), torch.from_numpy(targets[rows]).to(device)

    return Task(title, batches.purpose, network.head, batch,
                lambda: _score(head_logits(network, plain[scored]), targets[scored]), keep=keep)


def finetuned_task(network: Network, photographs: Photographs, config: Classifier, *, prepare: Prepare,
                   seed: int) -> Task:
    """Train the whole network on the photographs, flipped and shifted as the settings say."""
    phase = config.finetuned
    batches = BalancedBatches(photographs.rows_by_actor("train"), phase.per_class, seed, "finetuned")
    targets, scored = photographs.targets, photographs.rows("validation")
    device = device_of(network)

    def batch(iteration: int) -> Batch:
        """Give the photographs and targets of one iteration."""
        rows = batches.at(iteration)
        draws = generator(seed, "finetuned", "augmentation", iteration)
        moved = augment(photographs.pixels[rows], flip=phase.flip, shift=phase.shift, generator=draws)
        return prepare(moved).to(device), torch.from_numpy(targets[rows]).to(device)

    return Task(f"{config.name} finetuned", "finetuned", network, batch,
                lambda: _score(run(network, photographs.pixels[scored], prepare) if len(scored) else None,
                               targets[scored]), config.l2_on, config.keep)


def head_logits(network: Network, features: Values) -> Values:
    """Logits (n, actors) of the new layers for features (n, f)."""
    network.eval()
    device = device_of(network)
    with torch.no_grad():
        logits: Values = network.head(torch.from_numpy(np.array(features)).to(device)).cpu().numpy()
    return logits


def _score(logits: Values | None, targets: Rows) -> Score:
    if logits is None or not len(logits):
        return Score(math.nan, math.nan)
    values, actors = torch.from_numpy(logits), torch.from_numpy(targets)
    return Score(float((values.argmax(1) == actors).double().mean()), float(cross_entropy(values, actors)))
