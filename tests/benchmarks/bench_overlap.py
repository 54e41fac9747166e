"""Overlap of 255 human and 255 classifier maps of 227 x 227 beside loops over peers.

Human maps are coverage by 20 boxes, so half of their pixels are ties; classifier maps are continuous with a third of
their pixels at 0. One thread and seconds of CPU, so that other work on the machine counts less; medians of interleaved
runs. The loops over all pairs run on a sample of the human maps and are scaled up.

Run: python tests/benchmarks/bench_overlap.py [repeats]
"""

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read when numpy is imported

import resource
import statistics
import sys
import time

import numpy as np
import xarray as xr
from scipy import stats
from sklearn.metrics import roc_auc_score

from salcompare.statistics.metrics.ranking import auc_judd, positives, spearman
from salcompare.statistics.metrics.registry import pairwise

N, SIZE, SAMPLE = 255, 227, 3


def main(repeats: int) -> None:
    """Print a line a case: our seconds, the peer's, the median ratio of neighbouring runs, and the target."""
    human, classifier = people(np.random.default_rng(0)), network(np.random.default_rng(1))
    cases = {
        "pearson, all 255 x 255 pairs, numpy.corrcoef a pair": (
            lambda: pairwise(human, classifier, "pearson"), lambda: loop_corrcoef(human, classifier), N / SAMPLE, 50),
        "pearson, all 255 x 255 pairs, scipy.stats.pearsonr a pair": (
            lambda: pairwise(human, classifier, "pearson"), lambda: loop_pearsonr(human, classifier), N / SAMPLE, 50),
        "spearman, 255 pairs, scipy.stats.spearmanr": (
            lambda: spearman(human, classifier), lambda: loop_spearmanr(human, classifier), 1, 2),
        "auc_judd, 255 pairs, sklearn.metrics.roc_auc_score": (
            lambda: auc_judd(human, classifier), lambda: loop_roc(human, classifier), 1, 10),
        f"auc_judd, 255 pairs, {ROC_NAME}": (
            lambda: auc_judd(human, classifier), lambda: loop_general_roc(human, classifier), 1, 10),
    }
    for name, (ours, peer, scale, target) in cases.items():
        mine, theirs = interleaved(ours, peer, repeats)
        ratio = statistics.median(scale * b / a for a, b in zip(mine, theirs, strict=True))
        print(f"{name}: ours {statistics.median(mine):.3f} s   peer {scale * statistics.median(theirs):.3f} s"
              f"{' (scaled up)' if scale > 1 else ''}   ratio {ratio:.1f}   target >= {target}", flush=True)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


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


def interleaved(ours, peer, repeats):
    """Seconds of both in turn, after one round that is not counted."""
    seconds = ([], [])
    for i in range(repeats + 1):
        for case, taken in zip((ours, peer), seconds, strict=True):
            start = time.process_time()
            case()
            if i:
                taken.append(time.process_time() - start)
    return seconds


def rows(maps):
    return maps.values.reshape(N, -1)


def loop_corrcoef(human, classifier):
    return [[np.corrcoef(a, b)[0, 1] for b in rows(classifier)] for a in rows(human)[:SAMPLE]]


def loop_pearsonr(human, classifier):
    return [[stats.pearsonr(a, b).statistic for b in rows(classifier)] for a in rows(human)[:SAMPLE]]


def loop_spearmanr(human, classifier):
    return [stats.spearmanr(a, b).statistic for a, b in zip(rows(human), rows(classifier), strict=True)]


def loop_roc(human, classifier):
    return [roc_auc_score(a, b) for a, b in zip(rows(positives(human)), rows(classifier), strict=True)]


def loop_general_roc(human, classifier):
    """The peer takes the classifier's values on positive and on negative pixels, float64."""
    return [general_roc(b[a], b[~a])[0]
            for a, b in zip(rows(positives(human)), rows(classifier.astype(np.float64)), strict=True)]


def own_general_roc(positive, negative):
    """Do the steps of pysaliency's general_roc in NumPy: hits and false alarms at every value, and trapezia."""
    thresholds = np.sort(np.concatenate([positive, negative]))[::-1]
    hits = np.searchsorted(np.sort(positive), thresholds, side="left")
    alarms = np.searchsorted(np.sort(negative), thresholds, side="left")
    hit_rates = np.concatenate([[0], 1 - hits / positive.size, [1]])
    alarm_rates = np.concatenate([[0], 1 - alarms / negative.size, [1]])
    return np.trapezoid(hit_rates, alarm_rates), hit_rates, alarm_rates


def peer_roc():
    """pysaliency's function, with the numpy.trapz that NumPy 2.4 has no longer; own steps where it is not installed."""
    try:
        vars(np).setdefault("trapz", np.trapezoid)
        from pysaliency.roc import general_roc as found
    except ImportError:
        return own_general_roc, "general_roc's steps in NumPy (pysaliency is not installed)"
    found(np.arange(3.0), np.arange(3.0))  # compiled at the first call
    return found, "pysaliency general_roc"


general_roc, ROC_NAME = peer_roc()

if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
