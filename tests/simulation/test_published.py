import importlib.resources
import json

import numpy as np
import pytest
from scipy.special import digamma

from salcompare.schema import LABELS
from salcompare.simulation import dirichlet_concentration, published_calibration


def concentration_by_fixed_point(counts, steps=20_000):
    """Minka's fixed-point iteration for the Dirichlet-multinomial, eq. 55: slow, and another way to the maximum."""
    alpha = 20 * counts.sum(axis=0) / counts.sum()
    for _ in range(steps):
        above = (digamma(counts + alpha) - digamma(alpha)).sum(axis=0)
        below = (digamma(counts.sum(axis=1) + alpha.sum()) - digamma(alpha.sum())).sum()
        alpha = alpha * above / below
    return alpha.sum()


def published_counts():
    raw = json.loads(importlib.resources.files("salcompare.simulation").joinpath("published.json").read_text())
    return np.array([list(actor.values()) for actor in raw["label_counts"].values()], dtype=float)


def test_the_published_counts_give_the_concentration_that_a_fixed_point_iteration_gives():
    assert published_calibration().concentration == pytest.approx(concentration_by_fixed_point(published_counts()),
                                                                  abs=0.06)


@pytest.mark.parametrize("truth", [5.0, 50.0])
def test_the_concentration_of_drawn_counts_is_recovered(truth):
    rng = np.random.default_rng(4)
    counts = [rng.multinomial(600, rng.dirichlet(truth * np.array([0.4, 0.3, 0.2, 0.1]))) for _ in range(400)]
    assert dirichlet_concentration(counts) == pytest.approx(truth, rel=0.15)


def test_a_label_that_nobody_gave_does_not_move_the_concentration():
    counts = published_counts()
    with_empty = np.column_stack([counts, np.zeros(len(counts))])
    assert dirichlet_concentration(with_empty) == dirichlet_concentration(counts)


def test_shares_are_the_published_ones_over_their_sum():
    shares = published_calibration().label_share
    assert tuple(shares) == LABELS
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["eyes"] == pytest.approx(0.383 / 0.998)
