"""The rules, each one function: which responses it takes out, and the number that broke it.

A rule takes responses as `Prepared` and gives a table with the columns place (row of the responses), found and limit.
No rule reads another worker's boxes or labels on the same photograph: who disagrees breaks none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from salcompare.sources.quality.geometry import iou

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from salcompare.config import Quality

MANY = 2000  # boxes of one worker on all images that are compared at once


@dataclass(frozen=True)
class Prepared:
    """Responses as the rules read them.

    Attributes
    ----------
    table : DataFrame
        Rows numbered from 0; columns worker, image, label, seconds where the responses have them.
    boxes : ndarray (response, 4)
        Edges as shares of the image's width and height.
    checks : DataFrame
        As `judge_checks` gives it; may be empty.
    """

    table: pd.DataFrame
    boxes: NDArray[np.float64]
    checks: pd.DataFrame


def wrong_checks(data: Prepared, config: Quality) -> pd.DataFrame:
    """Take out workers with too large a share of instructed checks wrong."""
    of_workers = data.checks.groupby("worker")["right"].agg(["mean", "size"])
    judged = of_workers[of_workers["size"] >= config.fewest_checks]
    wrong = 1 - judged["mean"]
    return _of_workers(data, wrong[wrong > config.wrong_checks], config.wrong_checks)


def pace(data: Prepared, config: Quality) -> pd.DataFrame:
    """Take out workers whose median time is a small share of the median over workers."""
    times = data.table.dropna(subset=["seconds"]).groupby("worker")["seconds"].agg(["median", "size"])
    medians = times.loc[times["size"] >= config.fewest, "median"]
    limit = config.pace * medians.median()
    return _of_workers(data, medians[medians < limit], limit)


def seconds(data: Prepared, config: Quality) -> pd.DataFrame:
    """Take out responses that came sooner than anybody can look, draw and name."""
    return _found(data.table["seconds"].to_numpy(np.float64), config.seconds, below=True)


def whole_image(data: Prepared, config: Quality) -> pd.DataFrame:
    """Take out boxes that hold nearly all of the photograph, and so point at nothing."""
    sides = data.boxes[:, 2:] - data.boxes[:, :2]
    return _found(sides.prod(axis=1), config.whole_image, below=False)


def tiny(data: Prepared, config: Quality) -> pd.DataFrame:
    """Take out boxes that hold nearly nothing, such as a click without a drag."""
    return _found((data.boxes[:, 2:] - data.boxes[:, :2]).min(axis=1), config.tiny, below=True)


def same_box(data: Prepared, config: Quality) -> pd.DataFrame:
    """Take out boxes that a worker put at one place of many images, whatever they show."""
    parts = [_none()]
    image = pd.factorize(data.table["image"])[0]
    for _, rows in data.table.groupby("worker", sort=False):
        own = rows.index.to_numpy()
        n_images = len(np.unique(image[own]))
        if n_images < config.fewest:
            continue
        share = _images_alike(data.boxes[own], image[own], config.same_edge)
        met = (share >= config.fewest) & (share > config.same_box * n_images)
        parts.append(pd.DataFrame({"place": own[met], "found": share[met] / n_images, "limit": config.same_box}))
    return pd.concat(parts, ignore_index=True)


def duplicate(data: Prepared, config: Quality) -> pd.DataFrame:
    """Take out what a worker sent again: an earlier response's image and label, and nearly its box."""
    parts = [_none()]
    again = data.table.duplicated(["worker", "image", "label"], keep=False)
    for _, rows in data.table[again].groupby(["worker", "image", "label"], sort=False):
        own = rows.index.to_numpy()
        overlap = np.tril(iou(data.boxes[own, np.newaxis], data.boxes[own]), -1).max(axis=1)
        met = overlap >= config.duplicate
        met[0] = False
        parts.append(pd.DataFrame({"place": own[met], "found": overlap[met], "limit": config.duplicate}))
    return pd.concat(parts, ignore_index=True)


def mostly(data: Prepared, out: NDArray[np.bool_], config: Quality) -> pd.DataFrame:
    """Take out all that a worker sent if too large a share of it is out; `out` (response,) leaves duplicates aside."""
    of_workers = pd.Series(out).groupby(data.table["worker"].to_numpy()).agg(["mean", "size"])
    share = of_workers.loc[of_workers["size"] >= config.fewest, "mean"]
    return _of_workers(data, share[(share > config.mostly) & (share < 1)], config.mostly)  # at 1 nothing is left


@dataclass(frozen=True)
class Rule:
    """A rule with what it needs.

    Attributes
    ----------
    find : callable
        The rule's function.
    needs : tuple of str
        Columns of the responses, or "checks", without which it cannot be applied.
    says : str
        What it takes out, for a report; filled with the settings.
    """

    find: Callable[[Prepared, Quality], pd.DataFrame]
    needs: tuple[str, ...]
    says: str


RULES = {
    "checks": Rule(wrong_checks, ("worker", "checks"), "Workers with more than {wrong_checks:.0%} of at least "
                   "{fewest_checks} instructed checks wrong. A check is right if the box reaches an IoU of "
                   "{check_iou:g} with what was asked for{named}."),
    "pace": Rule(pace, ("worker", "seconds"), "Workers whose median time is under {pace:.0%} of the median worker's."),
    "seconds": Rule(seconds, ("seconds",), "Responses given in under {seconds:g} s."),
    "whole_image": Rule(whole_image, (), "Boxes over more than {whole_image:.0%} of the image."),
    "tiny": Rule(tiny, (), "Boxes with a side under {tiny:.1%} of the image's."),
    "same_box": Rule(same_box, ("worker", "image"), "Boxes that a worker put at the same place (edges within "
                     "{same_edge:.1%} of the side) of more than {same_box:.0%} of the worker's images, and of at least "
                     "{fewest}."),
    "duplicate": Rule(duplicate, ("worker", "image", "label"), "Boxes that repeat an earlier one of the same worker, "
                      "image and label (IoU at least {duplicate:g})."),
}
"""By name, in order; "mostly" comes after them, since it reads what they took out."""
MOSTLY = "What is left of a worker with more than {mostly:.0%} of the responses out by another rule, duplicates aside."


def _found(values: NDArray[np.float64], limit: float, *, below: bool) -> pd.DataFrame:
    """Rows whose value is strictly beyond a limit; NaN is not."""
    place = np.flatnonzero(values < limit if below else values > limit)
    return pd.DataFrame({"place": place, "found": values[place], "limit": limit})


def _of_workers(data: Prepared, found: pd.Series[float], limit: float) -> pd.DataFrame:
    """All rows of some workers."""
    own = data.table["worker"][data.table["worker"].isin(found.index)]
    return pd.DataFrame({"place": own.index.to_numpy(), "found": own.map(found).to_numpy(np.float64), "limit": limit})


def _images_alike(boxes: NDArray[np.float64], image: NDArray[np.intp], edge: float) -> NDArray[np.intp]:
    """Count the images on which a worker has a box at the place of each box, its own image among them."""
    names, codes = np.unique(image, return_inverse=True)
    counts = np.zeros(len(boxes), np.intp)
    for start in range(0, len(boxes), MANY):
        part = boxes[start:start + MANY]
        alike = (np.abs(part[:, np.newaxis] - boxes) <= edge + 1e-12).all(axis=-1)
        here = np.zeros((len(part), len(names)), bool)
        row, column = np.nonzero(alike)
        here[row, codes[column]] = True
        counts[start:start + MANY] = here.sum(axis=1)
    return counts


def _none() -> pd.DataFrame:
    return pd.DataFrame({"place": np.empty(0, np.intp), "found": np.empty(0), "limit": np.empty(0)})
