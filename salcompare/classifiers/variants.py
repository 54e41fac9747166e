"""Training the variants of one classifier: frozen, then finetuned from the frozen result, with their tables."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import xarray as xr

from salcompare.classifiers import training
from salcompare.classifiers.backbones import Backbone, find_backbone
from salcompare.classifiers.dataset import Photographs, Pixels, Preprocessing, gather_photographs
from salcompare.classifiers.evaluation import near_zero_shares, near_zero_thresholds, tables_finished, write_tables
from salcompare.classifiers.guided import check_rectified
from salcompare.classifiers.network import Network, Values, build_network, run, trained_path
from salcompare.classifiers.weights import load_weights, read_matching, weights_identity, write_torch
from salcompare.config import Classifier
from salcompare.errors import ConfigError, InputError, Problem
from salcompare.progress import Progress, Say, Silent
from salcompare.provenance import fingerprint
from salcompare.store import delete_leftovers

FORMAT = 1
"""Counts changes of what training does; files of another count are trained anew."""
ORDER = ("frozen", "finetuned")
REMEDY = ('set methods = ["integrated_gradients"] of this [[classifier]] in study.toml, or another method that needs '
          "no ReLU: gradient, input_x_gradient, grad_cam, occlusion, or smoothgrad over one of them")


@dataclass(frozen=True)
class _Job:
    """One classifier being trained."""

    config: Classifier
    backbone: Backbone
    photographs: Photographs
    prepare: Preprocessing
    network: Network
    folder: Path
    seed: int
    features_digest: str
    digests: dict[str, str]
    progress: Progress


def train_classifier(pixels: xr.DataArray, images: pd.DataFrame, config: Classifier, *, root: Path, folder: Path,
                     seed: int, progress: Progress | None = None) -> None:
    """Train the variants of a classifier and write networks and tables.

    *frozen* trains the new layers on features that are computed once and kept; *finetuned* then trains the whole
    network, starting from the frozen result, or from the backbone's weights where frozen is not asked for. A killed
    run goes on when called again, with the result of an uninterrupted one; a finished variant is not trained again.

    Parameters
    ----------
    pixels : uint8 DataArray (image, y, x, channel)
        Photographs on the study's grid.
    images : DataFrame
        As `schema.IMAGES`; gives each image's actor and split.
    config : Classifier
        The section of study.toml.
    root : Path
        What a relative path to weights starts from.
    folder : Path
        Gets, each whole or not at all: ``<variant>.pt``; training.csv (variant, iteration, loss, train_accuracy,
        validation_accuracy, validation_loss, penalty: loss and train_accuracy are means over the batches since the
        last look, with dropout and augmentation); accuracy.csv; confusion.csv (test images); predictions.csv;
        weights.csv; summary.json; and last trained.json, with the others' checksums. Kept features and checkpoints
        stand there too. What stands there from other photographs, settings or seed is not used.
    seed : int
        Every random draw follows from it.
    progress : Progress, optional

    Raises
    ------
    ConfigError
        If the backbone or its weights are unknown, or frozen training is asked to shift images.
    InputError
        If the photographs do not allow training (without validation images `config.keep` must be last), weights
        cannot be read, or the loss is no longer finite.
    MissingDependencyError
        If the backbone or its weights are not installed or cannot be downloaded.
    """
    progress = progress or Silent()
    backbone = find_backbone(config.backbone, root=root)
    if "frozen" in config.variants and config.frozen.shift:
        raise ConfigError(Problem(
            f"[[classifier]] {config.name!r} frozen shift", str(config.frozen.shift),
            "0, because frozen training computes each image's features once", "shift in finetuned only, or use flip"))
    photographs = gather_photographs(pixels, images, keep=config.keep)
    given = {**({"source": backbone.source_sha256} if backbone.source_sha256 else {}), "format": FORMAT,
             "backbone": backbone.name, "preprocessing": backbone.preprocessing, "centre": config.centre, "seed": seed,
             "weights": weights_identity(backbone, config.weights, root=root), "material": photographs.digest()}
    digests = _digests(config, given)
    if tables_finished(folder, digests):
        return
    network = build_network(
        backbone, size=photographs.size, hidden=config.hidden, dropout=config.dropout, n_actors=len(photographs.actors),
        learned_statistics=config.weights != "none", seed=seed)
    load_weights(network.features, backbone, config.weights, root=root, say=progress.say)
    job = _Job(config, backbone, photographs, dataclasses.replace(backbone.preprocessing, centre=config.centre),
               network.to("cuda" if torch.cuda.is_available() else "cpu"), folder, seed, fingerprint(given),
               digests, progress)
    thresholds = near_zero_thresholds(network)
    outcomes, sparsity = {}, {}
    for variant, digest in digests.items():
        path = trained_path(folder, variant)
        outcome = read_matching(path, digest=digest, say=progress.say)
        if outcome is None:
            outcome = _outcome(job, variant, *_train(job, variant))
            write_torch(path, outcome)
        job.network.load_state_dict(outcome["state"])
        outcomes[variant], sparsity[variant] = outcome, near_zero_shares(job.network, thresholds)
    write_tables(folder, outcomes, sparsity, photographs, title=config.name, keep=config.keep, progress=progress)
    for variant in ORDER:  # what is no longer needed, and what killed runs left half written
        _checkpoint_path(folder, variant).unlink(missing_ok=True)
        if variant not in digests:
            trained_path(folder, variant).unlink(missing_ok=True)
    delete_leftovers(folder)


def _digests(config: Classifier, given: dict[str, object]) -> dict[str, str]:
    """Digest of all that each variant depends on, in the order they are trained."""
    digests: dict[str, str] = {}
    kept = {"keep": config.keep} if config.keep != "best" else {}
    for variant in ORDER:
        if variant in config.variants:
            digests[variant] = fingerprint({
                **given, **kept, "hidden": config.hidden, "dropout": config.dropout, "variant": variant,
                "start": digests.get("frozen"), "phase": getattr(config, variant),
                **({"l2_on": config.l2_on} if variant == "finetuned" and config.l2_on != "all" else {})})
    return digests


def _train(job: _Job, variant: str) -> tuple[training.State, Values]:
    """Train a variant: where training ended, and logits of all photographs."""
    config, pixels = job.config, job.photographs.pixels
    if variant == "frozen":
        if config.weights == "none":
            job.progress.say(f"{config.name} frozen: the features are those of random weights (weights = \"none\")")
        plain = _features(job, pixels, "plain")
        mirrored = _features(job, pixels[:, :, ::-1], "mirrored") if config.frozen.flip else None
        task = training.frozen_task(job.network, job.photographs, config, plain=plain, mirrored=mirrored, seed=job.seed)
    else:
        task = training.finetuned_task(job.network, job.photographs, config, prepare=job.prepare, seed=job.seed)
    state = training.train(task, getattr(config, variant), seed=job.seed, digest=job.digests[variant],
                           checkpoint=_checkpoint_path(job.folder, variant), progress=job.progress)
    return state, (training.head_logits(job.network, plain) if variant == "frozen"
                   else run(job.network, pixels, job.prepare))


def _features(job: _Job, pixels: Pixels, form: str) -> Values:
    return training.kept_features(job.network.features, pixels, job.prepare, folder=job.folder, form=form,
                                  digest=job.features_digest, what=f"{job.config.name} features",
                                  progress=job.progress)


def _outcome(job: _Job, variant: str, state: training.State, logits: Values) -> dict[str, Any]:
    """All that is kept of a trained variant, in plain values and tensors."""
    network = {"backbone": job.backbone.name, "size": list(job.photographs.size), "hidden": job.config.hidden,
               "dropout": job.config.dropout, "learned_statistics": job.network.learned_statistics,
               "mean": list(job.prepare.mean), "std": list(job.prepare.std), "centre": job.prepare.centre}
    weights = {name: value.detach().cpu().clone() for name, value in job.network.state_dict().items()}
    return {"digest": job.digests[variant], "variant": variant, "state": weights, "network": network,
            "actors": list(job.photographs.actors), "seed": job.seed, "log": state.log, "iterations": state.iteration,
            "best_iteration": state.best_iteration, "best_validation_accuracy": state.best_accuracy,
            "threads": state.threads,
            "n_parameters": sum(p.numel() for p in job.network.parameters()), "logits": torch.from_numpy(logits)}


def _checkpoint_path(folder: Path, variant: str) -> Path:
    return folder / f"{variant}.checkpoint.pt"


def check_guided(config: Classifier, *, size: tuple[int, int], root: Path | None = None) -> None:
    """Refuse a classifier's network that Guided Backpropagation does not cover, whatever its weights.

    The error names each operation that it does not cover, and the option that gives the network a method of its own.
    `size` (height, width) is the study's grid, `root` the study's folder. Without the backbone as `find_backbone`.
    """
    network = build_network(find_backbone(config.backbone, root=root), size=size, hidden=config.hidden,
                            dropout=config.dropout, n_actors=2, learned_statistics=True, seed=0)
    try:
        check_rectified(network, torch.zeros(1, 3, *size))
    except InputError as error:
        where = f"[[classifier]] {config.name!r} ({config.backbone})"
        raise InputError([dataclasses.replace(problem, where=where, remedy=REMEDY) for problem in error.problems
                          ]) from error


def check_weights(config: Classifier, *, root: Path, say: Say) -> None:
    """Make sure that a classifier's weights are there and fit its layers; named ones are downloaded where needed.

    `root` is the study's folder, and `say` is told when something is downloaded. Refused as by `find_backbone` and
    `load_weights`.
    """
    if config.weights != "none":
        backbone = find_backbone(config.backbone, root=root)
        load_weights(backbone.features(), backbone, config.weights, root=root, say=say)
