"""The same network taught nonsense: its head trained anew on actors shuffled over the training photographs."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from salcompare.classifiers.features import Values, kept_features
from salcompare.classifiers.network import Network, sha256_of_state
from salcompare.classifiers.preparation import Pixels
from salcompare.classifiers.randomness import derived_seed, generator
from salcompare.classifiers.sampling import BalancedBatches
from salcompare.classifiers.tasks import head_logits
from salcompare.classifiers.trained import TrainedClassifier
from salcompare.classifiers.training import Score, Task, train
from salcompare.config import Phase
from salcompare.errors import InputError, Problem
from salcompare.progress import Progress, Silent
from salcompare.provenance import fingerprint


@dataclasses.dataclass(frozen=True)
class Relabelled:
    """A network whose head learnt shuffled actors.

    Attributes
    ----------
    trained : TrainedClassifier
    memorised : float
        Share of the training photographs for which it names the shuffled actor, in evaluation mode.
    """

    trained: TrainedClassifier
    memorised: float


def training_features(trained: TrainedClassifier, photographs: Pixels, *, folder: Path,
                      progress: Progress | None = None) -> Values:
    """Give features (n, f) of photographs by the network's own layers before the head, kept in a file of the folder."""
    digest = fingerprint([trained.weights_sha256, _digest(photographs)])
    return kept_features(_network(trained).features, photographs, trained.prepare, folder=folder,
                         form=f"{trained.variant}-training", digest=digest, what=f"{trained.variant} features",
                         progress=progress or Silent())


def relabelled(trained: TrainedClassifier, features: Values, actors: NDArray[np.str_], phase: Phase, *, seed: int,
               number: int, folder: Path, progress: Progress | None = None) -> Relabelled:
    """Train a new head on shuffled actors; the layers before it stay.

    Parameters
    ----------
    trained : TrainedClassifier
        Made of features and a head; stays as it is.
    features : float32 array (n, f)
        Of the training photographs, as `training_features` gives them.
    actors : str array (n,)
        Whom each shows; they are shuffled over the photographs, so that each actor keeps its number of them.
    phase : Phase
        How the frozen phase is trained. The weights are kept that fit the shuffled actors best, not those that do
        well on validation photographs, which nothing could.
    seed, number : int
        The study's seed, and which of its shuffles this is.
    folder : Path
        Where the training's checkpoint stands until it is done.
    progress : Progress, optional

    Returns
    -------
    Relabelled

    Raises
    ------
    InputError
        If the network is not made of features and a head, or there is nothing to train on.

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
    network = Network(_network(trained).features, _new_head(trained, seed, number), learned_statistics=True)
    checkpoint = folder / "shuffled.checkpoint.pt"
    digest = fingerprint([trained.weights_sha256, _digest(np.asarray(features[rows])), shuffled.tolist(), phase, seed,
                          number])
    state = train(_task(network, np.asarray(features[rows]), shuffled, phase, seed, number), phase, seed=seed,
                  checkpoint=checkpoint, digest=digest, progress=progress or Silent())
    checkpoint.unlink(missing_ok=True)
    network.eval().requires_grad_(False)
    taught = dataclasses.replace(trained, model=network, weights_sha256=sha256_of_state(network.state_dict()))
    return Relabelled(taught, state.best_accuracy)


def _task(network: Network, features: Values, shuffled: NDArray[np.int64], phase: Phase, seed: int,
          number: int) -> Task:
    by_actor = tuple(np.flatnonzero(shuffled == actor).astype(np.int64) for actor in np.unique(shuffled))
    batches = BalancedBatches(by_actor, phase.per_class, seed, f"shuffled {number}")
    device = next(network.parameters()).device
    targets = torch.from_numpy(shuffled).to(device)

    def batch(iteration: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Features and shuffled actors of one iteration."""
        rows = batches.at(iteration)
        return torch.from_numpy(features[rows]).to(device), targets[torch.from_numpy(rows).to(device)]

    def fit() -> Score:
        """Score the head on what it is trained with."""
        logits = torch.from_numpy(head_logits(network, features)).to(device)
        loss = torch.nn.functional.cross_entropy(logits, targets)
        return Score(float((logits.argmax(1) == targets).double().mean()), float(loss))

    return Task(f"shuffled actors {number + 1}", f"shuffled {number}", network.head, batch, fit)


def _new_head(trained: TrainedClassifier, seed: int, number: int) -> torch.nn.Module:
    head = copy.deepcopy(_network(trained).head).requires_grad_(True)
    with torch.random.fork_rng():
        torch.manual_seed(derived_seed(seed, "controls", "shuffled head", number))
        for module in head.modules():
            reset = getattr(module, "reset_parameters", None)
            if callable(reset):
                reset()
    return head


def _network(trained: TrainedClassifier) -> Network:
    if not isinstance(trained.model, Network):
        raise InputError(Problem("model", f"a {type(trained.model).__name__}", "a network of features and a head, as "
                                 "training leaves it"))
    return trained.model


def _digest(values: NDArray[np.generic]) -> str:
    return hashlib.sha256(repr(values.shape).encode() + np.ascontiguousarray(values).tobytes()).hexdigest()
