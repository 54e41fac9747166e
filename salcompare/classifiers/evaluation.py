"""How well a trained network tells actors apart: accuracy with intervals, confusion, each image's prediction."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binomtest

from salcompare.classifiers.material import Material
from salcompare.schema import SPLITS


def predictions_table(logits: NDArray[np.float32], material: Material) -> pd.DataFrame:
    """One row an image: image, actor, split, the predicted actor and the predicted actor's logit.

    Parameters
    ----------
    logits : float32 array (n, actors)
        Rows as those of `material`, columns as its `actors`.
    material : Material
    """
    best = logits.argmax(axis=1)
    return pd.DataFrame({
        "image": material.image, "actor": material.actor, "split": material.split,
        "predicted": np.array(material.actors)[best], "logit": logits[np.arange(len(logits)), best].astype(float)})


def accuracy_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """Accuracy in each split with its 95% Wilson interval.

    Parameters
    ----------
    predictions : DataFrame
        As `predictions_table` gives it.

    Returns
    -------
    DataFrame
        split, accuracy, ci_low, ci_high, n_correct, n; NaN where a split has no images.

    References
    ----------
    Wilson (1927), doi:10.1080/01621459.1927.10502953
    """
    correct = predictions["predicted"] == predictions["actor"]
    rows = []
    for split in SPLITS:
        chosen = correct[predictions["split"] == split]
        rows.append((split, *wilson(int(chosen.sum()), len(chosen)), int(chosen.sum()), len(chosen)))
    return pd.DataFrame(rows, columns=["split", "accuracy", "ci_low", "ci_high", "n_correct", "n"])


def wilson(n_correct: int, n: int) -> tuple[float, float, float]:
    """Proportion and its 95% Wilson interval; NaN for n = 0."""
    if n == 0:
        return float("nan"), float("nan"), float("nan")
    interval = binomtest(n_correct, n).proportion_ci(confidence_level=0.95, method="wilson")
    return n_correct / n, float(interval.low), float(interval.high)


def confusion_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """How often each actor's test images were taken for whom.

    Returns
    -------
    DataFrame
        actor, predicted, n; a pair that never occurred is left out, save an actor taken for itself, which always
        stands there.
    """
    tested = predictions[predictions["split"] == "test"]
    counts = tested.groupby(["actor", "predicted"]).size()
    actors = sorted(predictions["actor"].unique())
    pairs = sorted({*counts.index.tolist(), *((actor, actor) for actor in actors)})
    return pd.DataFrame([(actor, predicted, int(counts.get((actor, predicted), 0))) for actor, predicted in pairs],
                        columns=["actor", "predicted", "n"])
