"""The two ways of training: new layers on kept features, and the whole network on images."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from salcompare.classifiers.features import Prepare, Values, run
from salcompare.classifiers.material import Material
from salcompare.classifiers.network import Network
from salcompare.classifiers.preparation import augment
from salcompare.classifiers.randomness import generator
from salcompare.classifiers.sampling import BalancedBatches, Rows
from salcompare.classifiers.training import NOTHING_SEEN, Score, Task
from salcompare.config import Classifier

Batch = tuple[torch.Tensor, torch.Tensor]


def frozen_task(network: Network, material: Material, config: Classifier, *, plain: Values, mirrored: Values | None,
                seed: int) -> Task:
    """Train the new layers on features (n, f) of the photographs and, to flip, of their mirror images."""
    batches = BalancedBatches(material.rows_by_actor("train"), config.frozen.per_class, seed, "frozen")
    targets, looked_at = material.targets, material.rows("validation")
    device = next(network.parameters()).device

    def batch(iteration: int) -> Batch:
        """Features and actors of one iteration."""
        rows = batches.at(iteration)
        chosen = np.array(plain[rows])
        if mirrored is not None:
            flipped = torch.rand(len(rows), generator=generator(seed, "frozen", "flip", iteration)).numpy() < 0.5
            chosen[flipped] = mirrored[rows[flipped]]
        return torch.from_numpy(chosen).to(device), _numbers(targets, rows, device)

    def validate() -> Score:
        """Score the new layers on the validation images."""
        if not len(looked_at):
            return NOTHING_SEEN
        logits = torch.from_numpy(head_logits(network, plain[looked_at]))
        return _score(logits, _numbers(targets, looked_at, logits.device))

    return Task(f"{config.name} frozen", "frozen", network.head, batch, validate, keep=config.keep)


def finetuned_task(network: Network, material: Material, config: Classifier, *, prepare: Prepare, seed: int) -> Task:
    """Train the whole network on the photographs, flipped and shifted as the settings say."""
    phase = config.finetuned
    batches = BalancedBatches(material.rows_by_actor("train"), phase.per_class, seed, "finetuned")
    targets, looked_at = material.targets, material.rows("validation")
    device = next(network.parameters()).device

    def batch(iteration: int) -> Batch:
        """Photographs and actors of one iteration."""
        rows = batches.at(iteration)
        draws = generator(seed, "finetuned", "augmentation", iteration)
        moved = augment(material.pixels[rows], flip=phase.flip, shift=phase.shift, generator=draws)
        return prepare(moved).to(device), _numbers(targets, rows, device)

    def validate() -> Score:
        """Score the network on the validation images."""
        if not len(looked_at):
            return NOTHING_SEEN
        logits = torch.from_numpy(run(network, material.pixels[looked_at], prepare))
        return _score(logits, _numbers(targets, looked_at, logits.device))

    return Task(f"{config.name} finetuned", "finetuned", network, batch, validate, config.l2_on, config.keep)


def head_logits(network: Network, features: Values) -> Values:
    """Logits (n, actors) of the new layers for features (n, f)."""
    network.eval()
    device = next(network.parameters()).device
    with torch.no_grad():
        logits: Values = network.head(torch.from_numpy(np.array(features)).to(device)).cpu().numpy()
    return logits


def _numbers(targets: Rows, rows: Rows, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(targets[rows]).to(device)


def _score(logits: torch.Tensor, actors: torch.Tensor) -> Score:
    return Score(float((logits.argmax(1) == actors).double().mean()), float(cross_entropy(logits, actors)))
