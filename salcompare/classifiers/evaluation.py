"""What is told of a classifier's variants: accuracy, confusion, near-zero weights, and the tables of them."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.stats import binomtest
from torch import nn

from salcompare.classifiers.dataset import Photographs
from salcompare.classifiers.network import layer_weights, sha256_of_state, trained_path
from salcompare.config.sections import NEAR_ZERO
from salcompare.errors import DamagedError
from salcompare.progress import Progress
from salcompare.provenance import sum_of
from salcompare.schema import SPLITS
from salcompare.store import read_sealed, write_json, write_sealed, write_table

TABLES = ("training", "accuracy", "confusion", "predictions", "weights")
SUMMARY = "summary.json"
FINISHED = "trained.json"
"""Says, once all is there, what was trained and the checksums of all files."""


def predictions_table(logits: NDArray[np.float32], photographs: Photographs) -> pd.DataFrame:
    """One row an image: image, actor, split, the predicted actor and its logit, from logits (n, actors)."""
    best = logits.argmax(axis=1)
    return pd.DataFrame({
        "image": photographs.image, "actor": photographs.actor, "split": photographs.split,
        "predicted": np.array(photographs.actors)[best], "logit": logits[np.arange(len(logits)), best].astype(float)})


def accuracy_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """Accuracy in each split with its 95% Wilson interval (Wilson 1927, doi:10.1080/01621459.1927.10502953).

    Columns split, accuracy, ci_low, ci_high, n_correct, n; NaN where a split has no images.
    """
    correct = predictions["predicted"] == predictions["actor"]
    rows = []
    for split in SPLITS:
        of_split = correct[predictions["split"] == split]
        rows.append((split, *wilson(int(of_split.sum()), len(of_split)), int(of_split.sum()), len(of_split)))
    return pd.DataFrame(rows, columns=["split", "accuracy", "ci_low", "ci_high", "n_correct", "n"])


def wilson(n_correct: int, n: int) -> tuple[float, float, float]:
    """Proportion and its 95% Wilson interval; NaN for n = 0."""
    if n == 0:
        return float("nan"), float("nan"), float("nan")
    interval = binomtest(n_correct, n).proportion_ci(confidence_level=0.95, method="wilson")
    return n_correct / n, float(interval.low), float(interval.high)


def confusion_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """How often (n) each actor's test images were taken for whom (predicted).

    A pair that never occurred is left out, save an actor taken for itself, which is always there.
    """
    tested = predictions[predictions["split"] == "test"]
    counts = tested.groupby(["actor", "predicted"]).size()
    actors = sorted(predictions["actor"].unique())
    pairs = sorted({*counts.index.tolist(), *((actor, actor) for actor in actors)})
    return pd.DataFrame([(actor, predicted, int(counts.get((actor, predicted), 0))) for actor, predicted in pairs],
                        columns=["actor", "predicted", "n"])


def near_zero_thresholds(module: nn.Module) -> dict[str, float]:
    """Weight below which a layer's weights count as near zero, by layer name.

    It is 1% of the standard deviation of the layer's weights in the given network, the one before training, so that
    layers of different scale, and a layer before and after training, are measured alike. Weights from a Gaussian
    would have 0.8% below it, those from a uniform distribution 0.6%.
    """
    return {name: NEAR_ZERO["relative"] * float(weight.detach().std(correction=0))
            for name, weight in layer_weights(module).items()}


def near_zero_shares(module: nn.Module, thresholds: Mapping[str, float]) -> pd.DataFrame:
    """Share of near-zero weights of each convolution and linear layer; biases and batch normalisation left out.

    One row a layer, in the network's order: layer; kind, the layer's class; n_weights; threshold, as
    `near_zero_thresholds` gives it for the network before training; share_near_zero, of |w| < threshold;
    share_below_0.001, the same for the absolute threshold 0.001.
    """
    def share(weight: torch.Tensor, threshold: float) -> float:
        """Share of a layer's weights nearer to zero than a threshold."""
        return int((weight.detach().abs() < threshold).sum()) / weight.numel()

    kinds = {name: type(layer).__name__ for name, layer in module.named_modules()}
    rows = [(name, kinds[name], weight.numel(), thresholds[name], share(weight, thresholds[name]),
             share(weight, NEAR_ZERO["absolute"])) for name, weight in layer_weights(module).items()]
    return pd.DataFrame(rows, columns=["layer", "kind", "n_weights", "threshold", "share_near_zero",
                                       f"share_below_{NEAR_ZERO['absolute']:g}"])


def tables_finished(folder: Path, digests: Mapping[str, str]) -> bool:
    """Whether networks, tables and summary of these variants, and of these only, are all there as they were written."""
    try:
        finished = read_sealed(folder / FINISHED)
        return bool(finished["digests"] == dict(digests) and finished["files"] == _sums(folder, digests))
    except (DamagedError, KeyError, OSError):
        return False


def _sums(folder: Path, variants: Iterable[str]) -> dict[str, str]:
    networks = [trained_path(folder, variant).name for variant in variants]
    return {name: sum_of(folder / name) for name in (*(f"{name}.csv" for name in TABLES), SUMMARY, *networks)}


def write_tables(folder: Path, outcomes: Mapping[str, Mapping[str, Any]], sparsity: Mapping[str, pd.DataFrame],
                 photographs: Photographs, *, title: str, keep: str, progress: Progress) -> None:
    """Write the tables, summary.json and, last, trained.json; say what the test accuracies are.

    `outcomes` and `sparsity` are what each variant's file keeps and what `near_zero_shares` gives; `title` is the
    classifier's name, and `keep` which weights training kept.
    """
    tables: dict[str, dict[str, pd.DataFrame]] = {name: {} for name in TABLES}
    for variant, outcome in outcomes.items():
        predictions = predictions_table(outcome["logits"].numpy(), photographs)
        tables["training"][variant] = pd.DataFrame(outcome["log"])
        tables["accuracy"][variant] = accuracy_table(predictions)
        tables["confusion"][variant] = confusion_table(predictions)
        tables["predictions"][variant] = predictions
        tables["weights"][variant] = sparsity[variant]
    for name, parts in tables.items():
        marked = [part.assign(variant=variant)[["variant", *part.columns]] for variant, part in parts.items()]
        write_table(folder / f"{name}.csv", pd.concat(marked, ignore_index=True))
    for variant, accuracy in tables["accuracy"].items():
        last = " after the last iteration, which is kept" if keep == "last" else ""
        progress.say(f"{title} {variant}: {_sentence(accuracy)}{last}")
    summary = summarise(outcomes, keep=keep)
    if summary.get("finetuned", {}).get("beats_frozen") is False:
        progress.say(f"{title} finetuned: no iteration beat the frozen network on the validation images; "
                     "the best of them is kept")
    write_json(folder / SUMMARY, summary)
    digests = {variant: outcome["digest"] for variant, outcome in outcomes.items()}
    write_sealed(folder / FINISHED, {"digests": digests, "files": _sums(folder, outcomes)})


def summarise(outcomes: Mapping[str, Mapping[str, Any]], *, keep: str) -> dict[str, dict[str, Any]]:
    """Say of each variant what it is, how it was trained and whether finetuning was better than not.

    `actors` is how many; `best_iteration` and `best_validation_accuracy` are of the weights that are kept, NaN without
    validation images; `threads` the numbers of torch's threads that it was trained with; `beats_frozen` whether
    finetuning's best validation accuracy is above frozen's, None for frozen, where there is no frozen variant and
    where the last weights are kept.
    """
    frozen = outcomes["frozen"]["best_validation_accuracy"] if "frozen" in outcomes else None
    summary = {}
    for variant, outcome in outcomes.items():
        compared = variant == "finetuned" and frozen is not None and keep == "best"
        network, state = outcome["network"], outcome["state"]
        summary[variant] = {
            **{key: outcome[key] for key in ("digest", "seed", "iterations", "best_iteration",
                                             "best_validation_accuracy", "n_parameters")},
            "threads": outcome.get("threads", []), "actors": len(outcome["actors"]), "keep": keep,
            "backbone": network["backbone"],
            "beats_frozen": outcome["best_validation_accuracy"] > frozen if compared else None,
            "preprocessing": {key: network[key] for key in ("mean", "std", "centre")},
            "weights_sha256": sha256_of_state(state)}
    return summary


def _sentence(accuracy: pd.DataFrame) -> str:
    test = accuracy.set_index("split").loc["test"]
    if not test["n"]:
        return "no test images"
    return (f"{test['n_correct']:.0f} of {test['n']:.0f} test images right, {test['accuracy']:.1%} "
            f"(95% interval {test['ci_low']:.1%} to {test['ci_high']:.1%})")
