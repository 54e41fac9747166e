"""Instructed checks as simulated workers answer them: trials that ask for one feature, so that there is a truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from salcompare.config import Simulation
from salcompare.schema import CHECKS, LABELS
from salcompare.simulation.boxes import placements, whole_boxes
from salcompare.simulation.careless import Kind, careless_boxes
from salcompare.simulation.faces import Face, find_face
from salcompare.simulation.preferences import draw_worker, population_shares, stream
from salcompare.simulation.responses import LEFT_SHARE, SHIFT_SD, SIZE_SD, worker_kinds

INSTRUCTED = ("nose", "lips", "chin")
"""What is asked for: features of which there is one, so that there is one right box."""


def simulate_checks(images: pd.DataFrame, config: Simulation, *, seed: int) -> pd.DataFrame:
    """Simulate the workers' answers to instructed checks.

    Parameters
    ----------
    images : DataFrame
        image, height, width, and sha256 by which the ORL photographs are known; each check is asked on one of them.
    config : config.Simulation
        How many workers, how many checks each, and how many of them are careless.
    seed : int
        As for `simulate_responses`: the same workers with the same habits.

    Returns
    -------
    DataFrame
        One row a check, `salcompare.schema.CHECKS`, edges in pixels of the photograph.
    """
    kinds = worker_kinds(config)
    rows = [row for name in kinds for row in _checks_of(name, kinds[name], images, config.checks, seed=seed)]
    return pd.DataFrame(rows, columns=list(CHECKS.names))


def _checks_of(worker: str, kind: Kind | None, images: pd.DataFrame, n: int, *, seed: int) -> list[list[object]]:
    rng = stream(seed, "checks", worker)
    asked = images.iloc[rng.integers(0, len(images), n)]
    targets = [str(label) for label in rng.choice(INSTRUCTED, n)]
    answers = targets
    if kind == "inattentive":
        answers = [str(label) for label in rng.choice(LABELS, n, p=population_shares())]
    noise = rng.standard_normal((n, 4))
    boxes = careless_boxes(kind, asked[["height", "width"]].to_numpy(float), rng=rng) if kind else None
    named = [str(label) for label in rng.choice(LABELS, n)] if kind == "random label" else answers
    rows = []
    for at, (_, image) in enumerate(asked.iterrows()):
        face = find_face(image.get("sha256"), height=int(image["height"]), width=int(image["width"]))
        box = _drawn(face, answers[at], worker, noise[at], seed=seed) if boxes is None else boxes[at].tolist()
        target = _drawn(face, targets[at], None, np.zeros(4), seed=seed)
        rows.append([worker, image["image"], named[at], *box, targets[at], *target])
    return rows


def _drawn(face: Face, label: str, worker: str | None, noise: NDArray[np.float64], *, seed: int,
           ) -> list[int]:
    """Box of a label at its likeliest place, with a worker's habits and noise (4,), or the typical one."""
    place = max(placements(face, label, left_share=LEFT_SHARE), key=lambda option: option.probability)
    size, shift = np.array([place.width, place.height]), np.zeros(2)
    if worker is not None:
        habits = draw_worker(worker, seed=seed)
        shift = (habits.shift + SHIFT_SD * noise[2:]) * size
        size = size * habits.size * np.exp(SIZE_SD * noise[:2])
    boxes = whole_boxes((np.array([place.x, place.y]) + shift)[np.newaxis], size[np.newaxis], height=face.height,
                        width=face.width)
    return [int(edge) for edge in boxes[0]]
