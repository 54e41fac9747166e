"""The published numbers that the simulation is calibrated on, and the concentration estimated from them.

``published.json`` beside this module holds numbers of Sun, Teoh & Guerzhoy (2020), arXiv:2003.08765, and of its
authors' public notebooks, each with how it was read. The mean share of a label comes from Fig. 4e; the spread between
actors from the counts. The counts are of another file than the figure's (chin and laugh line are not in it), so their
means are not used.
"""

from __future__ import annotations

import importlib.resources
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import gammaln

from salcompare.schema import LABELS

Box = tuple[float, float, float, float]  # centre x, centre y, width, height


@dataclass(frozen=True)
class Calibration:
    """Published numbers, ready for use.

    Attributes
    ----------
    source : str
        What to cite.
    label_share : mapping
        Population share of each label, summing to 1 (the published shares, read off a chart, sum to 0.998).
    concentration : float
        Of the Dirichlet distribution of actors' label shares around the population's.
    typical_box, frame : mapping, tuple of int
        Centre x, centre y, width and height of a label's boxes, in pixels of the published frame (height, width).
    peak : float
        Highest value of the published population's human heatmap, on the eye band.
    """

    source: str
    label_share: Mapping[str, float]
    concentration: float
    typical_box: Mapping[str, Box]
    frame: tuple[int, int]
    peak: float


@cache
def published_calibration() -> Calibration:
    """Read the published numbers and estimate the spread between actors from the published counts."""
    raw = json.loads(importlib.resources.files(__package__).joinpath("published.json").read_text(encoding="utf-8"))
    total = sum(raw["label_share"].values())
    counts = [list(actor.values()) for actor in raw["label_counts"].values()]
    height, width = raw["image_size"]
    return Calibration(
        source=raw["source"],
        label_share={label: raw["label_share"][label] / total for label in LABELS},
        concentration=round(dirichlet_concentration(counts), 1),  # rounded, so that all machines draw alike
        typical_box={label: (x, y, w, h) for label, (x, y, w, h) in raw["typical_box"].items()},
        frame=(height, width),
        peak=raw["mean_human_map_peak"],
    )


def dirichlet_concentration(counts: ArrayLike) -> float:
    """Maximum-likelihood concentration of a Dirichlet-multinomial.

    Parameters
    ----------
    counts : array (actors, labels)
        Responses by actor and label; labels that nobody gave are left out.

    Returns
    -------
    float
        Sum of the Dirichlet's parameters, > 0: large where actors are alike. An actor's share p of a label has
        variance p (1 - p) / (concentration + 1) between actors.

    References
    ----------
    Minka (2000), Estimating a Dirichlet distribution.
    """
    table = np.asarray(counts, dtype=float)
    table = table[:, table.sum(axis=0) > 0]
    start = np.log(20 * table.sum(axis=0) / table.sum())

    def cost(log_alpha: NDArray[np.float64]) -> float:
        """Negative log-likelihood."""
        alpha = np.exp(log_alpha)
        whole = gammaln(alpha.sum()) - gammaln(table.sum(axis=1) + alpha.sum())
        return -float((whole + (gammaln(table + alpha) - gammaln(alpha)).sum(axis=1)).sum())

    fitted = minimize(cost, start, method="BFGS")
    return float(np.exp(fitted.x).sum())
