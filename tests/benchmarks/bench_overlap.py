"""Overlap of 255 human and 255 classifier maps of 227 x 227 beside loops over peers.

Human maps are coverage by 20 boxes, so half of their pixels are ties; classifier maps are continuous with a third of
their pixels at 0. Seconds of CPU on one thread where nothing else is said, medians of interleaved runs. The loops
over all pairs run on a sample of the human maps and are scaled up.

pysaliency wants older libraries than ours. To measure beside its own general_roc, install it elsewhere with the same
Python, `pip install pysaliency==0.2.22`, and name that environment's site-packages in the variable PYSALIENCY.

Run: python -m tests.benchmarks.bench_overlap [repeats]
"""


import importlib.util
import os
import sys
from pathlib import Path

import numpy as np
import xarray as xr
from scipy import stats
from sklearn.metrics import roc_auc_score

from salcompare.statistics.metrics.ranking import auc_top20, positives, spearman
from salcompare.statistics.metrics.registry import pairwise
from tests.benchmarks.measure import Case, Peer, peak_memory, run

N, SIZE, SAMPLE = 255, 227, 3


def cases():
    human, classifier = people(np.random.default_rng(0)), network(np.random.default_rng(1))
    yield Case("Pearson, all 255 x 255 pairs", lambda: pairwise(human, classifier, "pearson"), (
        Peer("numpy corrcoef a pair", lambda: loop_corrcoef(human, classifier), 50, N / SAMPLE),
        Peer("scipy pearsonr a pair", lambda: loop_pearsonr(human, classifier), 50, N / SAMPLE)))
    yield Case("Spearman, 255 pairs", lambda: spearman(human, classifier), (
        Peer("scipy spearmanr", lambda: loop_spearmanr(human, classifier), 2),))
    name, load = peer_roc()
    general_roc, positive = load(), positives(human)
    general_roc(np.arange(3.0), np.arange(3.0))  # compiled at the first call
    yield Case("AUC, 255 pairs", lambda: auc_top20(human, classifier), (
        Peer("scikit-learn roc_auc_score", lambda: loop_roc(positives(human), classifier), 10),
        Peer(f"{name}, compiled before", lambda: loop_general_roc(general_roc, positives(human), classifier))),
        check=agree)
    yield Case("AUC, 255 pairs, positive pixels given, on two cores by the wall clock",
               lambda: auc_top20(positive, classifier),
               (Peer(name, lambda: loop_general_roc(load(), positive, classifier), 10),
                Peer(f"{name}, compiled before", lambda: loop_general_roc(general_roc, positive, classifier))),
               check=agree, threads=2)
    yield peak_memory("peak memory, overlaps")


def people(rng):
    """Coverage by 20 boxes about the middle, float32."""
    corners = np.clip(rng.normal(90, 30, (N, 20, 2)), 0, 180).astype(int)
    sides = rng.integers(15, 47, (N, 20, 2))
    maps = np.zeros((N, SIZE, SIZE), dtype=np.float32)
    for i, j in np.ndindex(N, 20):
        (y, x), (h, w) = corners[i, j], sides[i, j]
        maps[i, y:y + h, x:x + w] += 1
    return labelled(maps / 20)


def network(rng):
    """Positive values, a third of them 0, float32."""
    maps = rng.gamma(0.5, size=(N, SIZE, SIZE)).astype(np.float32)
    maps[rng.random(maps.shape, dtype=np.float32) < 1 / 3] = 0
    return labelled(maps)


def labelled(maps):
    return xr.DataArray(maps, dims=("image", "y", "x"), coords={"image": [f"s{i % 17}/{i // 17}" for i in range(N)]})


def rows(maps):
    return maps.values.reshape(N, -1)


def loop_corrcoef(human, classifier):
    return [[np.corrcoef(a, b)[0, 1] for b in rows(classifier)] for a in rows(human)[:SAMPLE]]


def loop_pearsonr(human, classifier):
    return [[stats.pearsonr(a, b).statistic for b in rows(classifier)] for a in rows(human)[:SAMPLE]]


def loop_spearmanr(human, classifier):
    return [stats.spearmanr(a, b).statistic for a, b in zip(rows(human), rows(classifier), strict=True)]


def loop_roc(positive, classifier):
    return [roc_auc_score(a, b) for a, b in zip(rows(positive), rows(classifier), strict=True)]


def loop_general_roc(general_roc, positive, classifier):
    """The peer takes the classifier's values on positive and on negative pixels, float64."""
    return [general_roc(b[a], b[~a])[0]
            for a, b in zip(rows(positive), rows(classifier.astype(np.float64)), strict=True)]


def own_general_roc(positive, negative):
    """Do the steps of pysaliency's general_roc in NumPy: hits and false alarms at every value, and trapezia."""
    thresholds = np.sort(np.concatenate([positive, negative]))[::-1]
    hits = np.searchsorted(np.sort(positive), thresholds, side="left")
    alarms = np.searchsorted(np.sort(negative), thresholds, side="left")
    hit_rates = np.concatenate([[0], 1 - hits / positive.size, [1]])
    alarm_rates = np.concatenate([[0], 1 - alarms / negative.size, [1]])
    return np.trapezoid(hit_rates, alarm_rates), hit_rates, alarm_rates


def peer_roc():
    """Name pysaliency's function, and give what loads it as a new process would; its steps in NumPy without it.

    Its file is read by itself, since the package imports torch and pkg_resources, and with the numpy.trapz that
    NumPy 2.4 has no longer. Each load is compiled anew, which pysaliency does in each process.
    """
    sys.path += [folder for folder in [os.environ.get("PYSALIENCY", "")] if folder]
    files = [Path(folder, "pysaliency", "numba_utils.py") for folder in sys.path]
    file = next((file for file in files if file.exists()), None)
    if file is None:
        return "pysaliency general_roc, its steps in NumPy", lambda: own_general_roc
    vars(np).setdefault("trapz", np.trapezoid)

    def load():
        spec = importlib.util.spec_from_file_location("numba_utils", file)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.general_roc_numba

    return "pysaliency general_roc", load


def agree(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)


if __name__ == "__main__":
    run(cases(), repeats=3)
