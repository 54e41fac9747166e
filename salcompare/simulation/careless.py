"""Workers without care, for the rules of quality to find: six ways of answering that say nothing, or less."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from salcompare.schema import LABELS
from salcompare.simulation.boxes import SMALLEST_BOX
from salcompare.simulation.preferences import stream

Kind = Literal["uniform", "whole image", "one box", "hurried", "random label", "inattentive"]
KINDS: dict[Kind, str] = {
    "uniform": "boxes at any place and of any size",
    "whole image": "boxes from corner to corner, within a fiftieth of the sides",
    "one box": "the same box on every photograph",
    "hurried": "answers in a twentieth of the time",
    "random label": "a label drawn at random, whatever the box holds",
    "inattentive": "answers instructed checks with a feature of the worker's own choice",
}
"""What each kind does; in all else its answers are as an honest worker's."""
HURRY = 0.05  # factor on the seconds
CORNER = 0.02  # of a side: how far off the corner a box over the whole photograph begins at most


def careless_workers(names: Sequence[str], n: int) -> dict[str, Kind]:
    """Choose the last n workers and give them the kinds by turns."""
    kinds = list(KINDS)
    return {name: kinds[turn % len(kinds)] for turn, name in enumerate(list(names)[len(names) - n:])}


def plant_careless(table: pd.DataFrame, images: pd.DataFrame, kinds: Mapping[str, Kind], *, seed: int) -> pd.DataFrame:
    """Replace what some workers answered by what a careless worker would.

    Parameters
    ----------
    table : DataFrame
        Responses, as `simulate_responses` gives them.
    images : DataFrame
        image, height, width.
    kinds : mapping
        Worker to kind; workers that are not in the table do no harm.
    seed : int
        A worker's draws depend on the seed and the name alone.

    Returns
    -------
    DataFrame
        The same rows in the same order; those of other workers as they were.
    """
    planted = table.copy()
    shape = images.set_index("image")[["height", "width"]]
    for worker, kind in kinds.items():
        own = (table["worker"] == worker).to_numpy()
        rng = stream(seed, "careless", worker)
        boxes = careless_boxes(kind, shape.loc[table.loc[own, "image"]].to_numpy(np.float64), rng=rng)
        if boxes is not None:
            planted.loc[own, ["x0", "y0", "x1", "y1"]] = boxes
        if kind == "random label":
            planted.loc[own, "label"] = rng.choice(LABELS, own.sum())
        if kind == "hurried":
            planted.loc[own, "seconds"] = (HURRY * table.loc[own, "seconds"]).round(1)
    return planted


def careless_boxes(kind: Kind, shapes: NDArray[np.float64], *, rng: np.random.Generator) -> NDArray[np.int64] | None:
    """Boxes of a careless worker on photographs of some heights and widths (photograph, 2); None if as an honest one's.

    Returns
    -------
    array of int (photograph, 4) or None
        x0, y0, x1, y1, half-open, inside the photograph.
    """
    n = len(shapes)
    if kind == "uniform":
        corners = np.sort(rng.random((n, 2, 2)), axis=1)
        low, high = corners[:, 0], corners[:, 1]
    elif kind == "whole image":
        low, high = CORNER * rng.random((n, 2)), 1 - CORNER * rng.random((n, 2))
    elif kind == "one box":
        centre, size = rng.uniform(0.3, 0.7, 2), rng.uniform(0.2, 0.5, 2)
        low, high = np.tile(centre - size / 2, (n, 1)), np.tile(centre + size / 2, (n, 1))
    else:
        return None
    sides = shapes[:, ::-1]
    smallest = np.minimum(SMALLEST_BOX, sides)
    first = np.minimum(np.floor(low * sides), sides - smallest)
    last = np.maximum(np.ceil(high * sides), first + smallest)
    boxes: NDArray[np.int64] = np.concatenate([first, last], axis=1).astype(np.int64)
    return boxes
