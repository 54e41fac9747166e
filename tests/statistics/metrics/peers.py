"""Metrics as pysaliency and the MATLAB toolbox of the MIT benchmark define them, written out one map at a time."""

import numpy as np
from scipy.optimize import linprog


def roc(positive, negative):
    """Share of pairs that a positive value wins, ties one half: the area under the ROC curve, in O(n^2)."""
    return float(((positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)).mean())


def density(values):
    return values / values.sum()


def stretched(values):
    """As MATLAB code prepares maps: from 0 to 1."""
    return (values - values.min()) / (values.max() - values.min())


def nss(saliency, fixations):
    y, x = np.repeat(np.argwhere(fixations), fixations[fixations > 0], axis=0).T
    return float(((saliency - saliency.mean()) / saliency.std())[y, x].mean())


def cc(one, other):
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def sim(one, other):
    return float(np.minimum(density(one), density(other)).sum())


def kl(human, saliency, eps=2.2204e-16):
    p, q = density(human), density(saliency)
    return float((p * np.log(eps + p / (q + eps))).sum())


def information_gain(fixations, model, baseline):
    """Bits a fixation, of densities."""
    y, x = np.repeat(np.argwhere(fixations), fixations[fixations > 0], axis=0).T
    return float((np.log2(density(model)) - np.log2(density(baseline)))[y, x].mean())


def auc(saliency, fixations):
    """pysaliency's AUC: every fixation against all pixels."""
    y, x = np.repeat(np.argwhere(fixations), fixations[fixations > 0], axis=0).T
    return roc(saliency[y, x], saliency.ravel())


def auc_judd_of_matlab(saliency, fixations, draws=400):
    """AUC_Judd.m, the mean over draws of the jitter by which it breaks ties."""
    rng = np.random.default_rng(0)
    return float(np.mean([_auc_judd_of_matlab(saliency + 1e-7 * rng.random(saliency.shape), fixations)
                          for _ in range(draws)]))


def _auc_judd_of_matlab(saliency, fixations):
    """Take each fixated pixel once, thresholds at their values, against all other pixels."""
    at = np.sort(saliency[fixations > 0])[::-1]
    above = (saliency.ravel() >= at[:, None]).sum(axis=1)
    places = np.arange(1, at.size + 1)
    hits = np.r_[0, places / at.size, 1]
    alarms = np.r_[0, (above - places) / (saliency.size - at.size), 1]
    return float(np.trapezoid(hits, alarms))


def emd(one, other):
    """Mean distance that mass moves between pixels, as a linear programme."""
    rows, columns = np.divmod(np.arange(one.size), one.shape[1])
    distance = np.hypot(rows[:, None] - rows, columns[:, None] - columns)
    give, take = np.kron(np.eye(one.size), np.ones(one.size)), np.kron(np.ones(one.size), np.eye(one.size))
    margins = np.r_[density(one).ravel(), density(other).ravel()]
    return float(linprog(distance.ravel(), A_eq=np.vstack([give, take]), b_eq=margins).fun)
