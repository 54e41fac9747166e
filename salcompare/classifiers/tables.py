"""The tables of a classifier's variants, all made from what their files keep."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from salcompare.checksums import sum_of
from salcompare.classifiers.evaluation import accuracy_table, confusion_table, predictions_table
from salcompare.classifiers.material import Material
from salcompare.classifiers.network import sha256_of_state
from salcompare.classifiers.trained import trained_path
from salcompare.errors import DamagedError
from salcompare.progress import Progress
from salcompare.store import read_sealed, write_json, write_sealed, write_table

TABLES = ("training", "accuracy", "confusion", "predictions", "weights")
SUMMARY = "summary.json"
FINISHED = "trained.json"
"""Says, once all is there, what was trained and the checksums of all files."""


def tables_finished(folder: Path, digests: Mapping[str, str]) -> bool:
    """Whether networks, tables and summary of these variants, and of these only, are all there as they were written."""
    try:
        found = read_sealed(folder / FINISHED)
        return bool(found["digests"] == dict(digests) and found["files"] == _sums(folder, digests))
    except (DamagedError, KeyError, OSError):
        return False


def _sums(folder: Path, variants: Iterable[str]) -> dict[str, str]:
    networks = [trained_path(folder, variant).name for variant in variants]
    return {name: sum_of(folder / name) for name in (*(f"{name}.csv" for name in TABLES), SUMMARY, *networks)}


def write_tables(folder: Path, outcomes: Mapping[str, Mapping[str, Any]], sparsity: Mapping[str, pd.DataFrame],
                 material: Material, *, title: str, keep: str, progress: Progress) -> None:
    """Write the tables, summary.json and, last, trained.json; say what the test accuracies are.

    Parameters
    ----------
    folder : Path
    outcomes : mapping of variant to what its file keeps
    sparsity : mapping of variant to what `near_zero_shares` gives
    material : Material
    title : str
        The classifier's name.
    keep : {"best", "last"}
        Which weights training kept.
    progress : Progress
    """
    tables: dict[str, dict[str, pd.DataFrame]] = {name: {} for name in TABLES}
    for variant, outcome in outcomes.items():
        predictions = predictions_table(outcome["logits"].numpy(), material)
        tables["training"][variant] = pd.DataFrame(outcome["log"])
        tables["accuracy"][variant] = accuracy_table(predictions)
        tables["confusion"][variant] = confusion_table(predictions)
        tables["predictions"][variant] = predictions
        tables["weights"][variant] = sparsity[variant]
    for name, parts in tables.items():
        write_table(folder / f"{name}.csv", _stacked(parts))
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

    Returns
    -------
    dict of variant to dict
        digest; backbone; seed; actors, how many; keep, best or last; iterations; best_iteration, the one whose
        weights are kept; best_validation_accuracy, of these weights, NaN without validation images; threads, the
        numbers of torch's threads that it was trained with; beats_frozen,
        whether finetuning's best validation accuracy is above frozen's, None for frozen, where there is no frozen
        variant and where the last weights are kept; weights_sha256; n_parameters; preprocessing.
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


def _stacked(parts: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    marked = [part.assign(variant=variant)[["variant", *part.columns]] for variant, part in parts.items()]
    return pd.concat(marked, ignore_index=True)


def _sentence(accuracy: pd.DataFrame) -> str:
    test = accuracy.set_index("split").loc["test"]
    if not test["n"]:
        return "no test images"
    return (f"{test['n_correct']:.0f} of {test['n']:.0f} test images right, {test['accuracy']:.1%} "
            f"(95% interval {test['ci_low']:.1%} to {test['ci_high']:.1%})")
