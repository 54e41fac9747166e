"""Which responses stay out of the statistics: rules on care, never on opinion.

"The most recognisable feature" has no right answer, so no rule compares a worker's answers on photographs with other
workers' answers. What is judged is an instructed check, whose answer was asked for; a pace or a moment in which nobody
can have looked; a box that holds the whole photograph or nothing; and the same box over and over. Every response that
is left out is logged with the rule and the number that it broke.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from salcompare.config import QUALITY_RULES
from salcompare.schema import CHECKS as DECLARED
from salcompare.schema import LABELS
from salcompare.sources.candidates import clean_name
from salcompare.sources.cells import Cells, each, is_blank, need_columns, read_cells
from salcompare.sources.rows import (
    EDGES,
    Rows,
    add_edges,
    check_corners,
    check_not_relative,
    normalise_label,
    refuse_hidden,
    synonyms_table,
)
from salcompare.store import unguarded

if TYPE_CHECKING:
    from salcompare.config import Quality


Boxes = NDArray[np.float64]  # (..., 4): x0, y0, x1, y1, half-open


def iou(one: Boxes, other: Boxes) -> NDArray[np.float64]:
    """Area that two boxes share over the area that either covers; NaN where an edge is missing, 0 without area."""
    low, high = np.maximum(one[..., :2], other[..., :2]), np.minimum(one[..., 2:], other[..., 2:])
    sides = [np.maximum(side, 0) for side in (high - low, one[..., 2:] - one[..., :2], other[..., 2:] - other[..., :2])]
    shared, *areas = (side[..., 0] * side[..., 1] for side in sides)
    either = areas[0] + areas[1] - shared
    return np.asarray(shared / np.where(either > 0, either, 1), np.float64)


TARGET_EDGES = tuple(f"target_{edge}" for edge in EDGES)
CHECKS = DECLARED.names
"""Columns of a table of checks: the answer, empty where nothing was drawn, and what was asked for."""
_TEXT = ("worker", "image", "label", "target_label")
IN_PIXELS = "multiply them by the photograph's width and height"
"""What to do about shares of the sides where there is no option to read them."""


def read_checks(path: Path, synonyms: Mapping[str, str]) -> pd.DataFrame:
    """Read answers to instructed checks.

    Parameters
    ----------
    path : Path
        A CSV with the columns of `CHECKS`; others are kept out. label and edges of an answer may be empty: the worker
        drew nothing.
    synonyms : mapping
        What a worker may write -> the label it counts as.

    Returns
    -------
    DataFrame
        One row a check, the columns of `CHECKS`, labels normalised.

    Raises
    ------
    InputError
        If the file or a column is missing, if edges are shares of the sides, or naming each row without worker, target
        label or a whole target box, with an edge that is no finite number, or with a box without area.
    """
    cells = read_cells(path, shown=path.name, remedy="set [responses] checks in study.toml")
    return checks_in(cells, synonyms, shown=path.name)


def checks_in(cells: Cells, synonyms: Mapping[str, str], *, shown: str) -> pd.DataFrame:
    """Read answers to instructed checks from the cells of a table; see `read_checks`."""
    need_columns(cells.frame, CHECKS, shown=shown)
    frame, table = cells.frame, synonyms_table(synonyms)
    frame = frame.assign(**{name: each(frame[name], unguarded) for name in _TEXT})
    found = pd.DataFrame({name: each(frame[name], clean_name) for name in ("worker", "image")})
    for name in ("label", "target_label"):
        found[name] = each(frame[name], lambda label: table.get(normalise_label(label), normalise_label(label)))
    rows = Rows(found, shown, list(cells.faults))
    for name in ("worker", "target_label"):
        rows.refuse((found[name] == "").to_numpy(), f"empty_{name}", f"{name} is empty", "a text",
                    "fill the cell or delete the row")
    refuse_hidden(rows, ("worker", "image"))
    nothing = np.all([is_blank(frame[name]) for name in EDGES], axis=0)
    add_edges(rows, cells, EDGES, none=nothing)
    add_edges(rows, cells, TARGET_EDGES)
    for edges in (EDGES, TARGET_EDGES):
        check_not_relative(rows.table[list(edges)].to_numpy(), shown=shown, remedy=IN_PIXELS, fewest=1)
        check_corners(rows, edges=edges)
    rows.check()
    return rows.table.astype(dict.fromkeys(_TEXT, "str"))[list(CHECKS)].reset_index(drop=True)


def judge_checks(checks: pd.DataFrame, config: Quality) -> pd.DataFrame:
    """Say of each check how well the answer meets what was asked for.

    Parameters
    ----------
    checks : DataFrame
        The columns of `CHECKS`.
    config : Quality
        check_iou and check_label.

    Returns
    -------
    DataFrame
        checks with iou (0 where nothing was drawn) and right.
    """
    overlap = np.nan_to_num(iou(_boxes(checks, EDGES), _boxes(checks, TARGET_EDGES)))
    named = (checks["label"].fillna("") == checks["target_label"]).to_numpy() | (not config.check_label)
    return checks.assign(iou=overlap, right=(overlap >= config.check_iou) & named & (overlap > 0))


def _boxes(table: pd.DataFrame, edges: tuple[str, ...]) -> NDArray[np.float64]:
    return table[list(edges)].to_numpy(dtype=np.float64)


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


LEVELS_JUDGED = ("image", "actor")
"""What a box may belong to for the rules to read it."""
LOG = ("response", "worker", "image", "rule", "found", "limit", "reason")
_WITHOUT = {"worker": "the responses name no worker", "image": "the responses name no image",
            "label": "the responses have no label", "seconds": "the responses have no times",
            "checks": "there are no instructed checks"}
_REASONS = {
    "checks": "{found:.0%} of the worker's instructed checks are wrong; the limit is {limit:.0%}",
    "pace": "the worker's median time is {found:.3g} s; the limit is {limit:.3g} s",
    "seconds": "given in {found:.3g} s; the limit is {limit:.3g} s",
    "whole_image": "the box is over {found:.1%} of the image; the limit is {limit:.0%}",
    "tiny": "a side of the box is {found:.2%} of the image's; the limit is {limit:.1%}",
    "same_box": "the worker put this box at the same place of {found:.0%} of the images; the limit is {limit:.0%}",
    "duplicate": "an earlier box of this worker, image and label has IoU {found:.2f} with it; the limit is {limit:.2g}",
    "mostly": "{found:.0%} of the worker's responses are out by other rules; the limit is {limit:.0%}",
}


@dataclass(frozen=True)
class Judged:
    """What the rules made of the responses.

    Attributes
    ----------
    kept : DataFrame
        The responses that no rule took out, as they were.
    log : DataFrame
        One row for each response and rule that took it out: response, worker, image, rule, found (the number that
        broke the rule), limit, and reason in words.
    rules : DataFrame
        One row a rule: rule, takes_out in words, responses and workers that it took out, only (responses that no other
        rule took out), and not_applied: empty, "off", or why it could not be.
    checks : DataFrame
        The instructed checks with iou and right.
    """

    kept: pd.DataFrame
    log: pd.DataFrame
    rules: pd.DataFrame
    checks: pd.DataFrame


def judge_responses(responses: pd.DataFrame, images: pd.DataFrame, checks: pd.DataFrame, config: Quality, *,
                    size: tuple[int, int]) -> Judged:
    """Apply the rules of quality to responses.

    Parameters
    ----------
    responses : DataFrame
        `salcompare.schema.RESPONSES`, or with column actor instead of worker and image and boxes on the study's grid.
    images : DataFrame
        Columns image, height and width.
    checks : DataFrame
        Columns of `CHECKS`; empty where no check was given.
    config : Quality
        Which rules are on, and their limits.
    size : (height, width)
        Of the study's grid, for responses that name no image.

    Returns
    -------
    Judged
        The same whatever the order of rows or workers, save that of duplicates the first row is kept.
    """
    data = Prepared(responses.reset_index(drop=True), _shares(responses, images, size), judge_checks(checks, config))
    not_applied = {name: _why_not(name, data, config) for name in QUALITY_RULES}
    found = {name: RULES[name].find(data, config) for name in RULES if not not_applied[name]}
    if not not_applied["mostly"]:
        found["mostly"] = mostly(data, _places(found, len(responses), but="duplicate"), config)
    out = _places(found, len(responses))
    return Judged(responses[~out], _log(data.table, found), _rules(data.table, found, not_applied, config), data.checks)


def unjudged(responses: pd.DataFrame, checks: pd.DataFrame, why: str) -> Judged:
    """Keep all responses, where they are of a kind that the rules do not read."""
    rules = pd.DataFrame({"rule": list(QUALITY_RULES), "takes_out": "", "n_responses": 0, "workers": 0, "only": 0,
                          "not_applied": why})
    return Judged(responses, pd.DataFrame(columns=list(LOG)), rules, checks.assign(iou=np.nan, right=False))


def _shares(responses: pd.DataFrame, images: pd.DataFrame, size: tuple[int, int]) -> NDArray[np.float64]:
    """Edges (response, 4) as shares of the image's width and height."""
    if "image" in responses:
        shape = images.set_index("image")[["height", "width"]].reindex(responses["image"]).to_numpy(np.float64)
    else:
        shape = np.broadcast_to(np.asarray(size, np.float64), (len(responses), 2))
    shares: NDArray[np.float64] = responses[list(EDGES)].to_numpy(np.float64) / shape[:, [1, 0, 1, 0]]
    return shares


def _why_not(name: str, data: Prepared, config: Quality) -> str:
    if name not in config.rules:
        return "off"
    needs = ("worker",) if name == "mostly" else RULES[name].needs
    for need in needs:
        there = len(data.checks) if need == "checks" else need in data.table and data.table[need].notna().any()
        if not there:
            return _WITHOUT[need]
    return ""


def _places(found: dict[str, pd.DataFrame], n: int, but: str = "") -> NDArray[np.bool_]:
    """Which responses any rule took out."""
    out = np.zeros(n, bool)
    for name, table in found.items():
        if name != but:
            out[table["place"].to_numpy(np.intp)] = True
    return out


def _log(table: pd.DataFrame, found: dict[str, pd.DataFrame]) -> pd.DataFrame:
    parts = [taken.assign(rule=name, reason=[_REASONS[name].format(found=was, limit=limit) for was, limit in zip(
        taken["found"], taken["limit"], strict=True)]) for name, taken in found.items() if len(taken)]
    if not parts:
        return pd.DataFrame(columns=list(LOG))
    whole = pd.concat(parts, ignore_index=True).sort_values("place", kind="stable", ignore_index=True)
    known = table.iloc[whole["place"]].reset_index(drop=True)
    for name in ("response", "worker", "image"):
        whole[name] = known.get(name, "")
    return whole[list(LOG)]


def _rules(table: pd.DataFrame, found: dict[str, pd.DataFrame], not_applied: dict[str, str],
           config: Quality) -> pd.DataFrame:
    times = np.zeros(len(table), np.intp)
    for taken in found.values():
        times[taken["place"].to_numpy(np.intp)] += 1
    rows = []
    for name in QUALITY_RULES:
        place = found[name]["place"].to_numpy(np.intp) if name in found else np.empty(0, np.intp)
        workers = table["worker"].iloc[place].nunique() if "worker" in table else 0
        rows.append({"rule": name, "takes_out": _says(name, config), "n_responses": len(place), "workers": workers,
                     "only": int((times[place] == 1).sum()), "not_applied": not_applied[name]})
    return pd.DataFrame(rows)


def _says(name: str, config: Quality) -> str:
    words = MOSTLY if name == "mostly" else RULES[name].says
    return words.format(**dataclasses.asdict(config), named=" and the label is the one asked for"
                        if config.check_label else "")


HONEST = "honest"


def summarise_workers(responses: pd.DataFrame, kept: pd.DataFrame, log: pd.DataFrame,
                      checks: pd.DataFrame) -> pd.DataFrame:
    """Describe each worker.

    Parameters
    ----------
    responses, kept : DataFrame
        All responses, and those that no rule took out.
    log, checks : DataFrame
        As in `Judged`.

    Returns
    -------
    DataFrame
        One row a worker, by name: worker, images, n_responses, kept, own_labels (share of responses with a label beside
        the original eleven), median_seconds, checks, checks_right, rules (that took out any response, by blanks).
        Without rows where the responses name no worker.
    """
    columns = ["worker", "images", "n_responses", "kept", "own_labels", "median_seconds", "checks", "checks_right",
               "rules"]
    if "worker" not in responses or "image" not in responses:
        return pd.DataFrame(columns=columns)
    own = ~responses["label"].isin(LABELS) if "label" in responses else pd.Series(np.nan, responses.index)
    groups = responses.assign(own=own.astype(float)).groupby("worker", sort=True)
    found = pd.DataFrame({"images": groups["image"].nunique(), "n_responses": groups.size(),
                          "own_labels": groups["own"].mean()})
    found["kept"] = kept["worker"].value_counts().reindex(found.index, fill_value=0)
    found["median_seconds"] = groups["seconds"].median() if "seconds" in responses else np.nan
    answered = checks.groupby("worker")["right"]
    found["checks"] = answered.size().reindex(found.index, fill_value=0)
    found["checks_right"] = answered.sum().reindex(found.index, fill_value=0).astype(int)
    rules = log.groupby("worker")["rule"].agg(lambda rule: " ".join(dict.fromkeys(rule)))
    found["rules"] = rules.reindex(found.index).fillna("")
    return found.reset_index()[columns]


def summarise_images(responses: pd.DataFrame, kept: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    """Count each image's responses.

    Returns
    -------
    DataFrame
        One row an image that has responses or is a test image: image, actor, n_responses, workers, kept. Without rows
        where the responses name no image.
    """
    if "image" not in responses:
        return pd.DataFrame(columns=["image", "actor", "n_responses", "workers", "kept"])
    asked = images["image"].isin(responses["image"]) | (images["split"] == "test" if "split" in images else False)
    found = images.loc[asked, ["image", "actor"]].reset_index(drop=True)
    groups = responses.groupby("image")
    found["n_responses"] = found["image"].map(groups.size()).fillna(0).astype(int)
    found["workers"] = found["image"].map(groups["worker"].nunique()).fillna(0).astype(int)
    found["kept"] = found["image"].map(kept["image"].value_counts()).fillna(0).astype(int)
    return found


def compare_planted(workers: pd.DataFrame, careless: Mapping[str, str]) -> pd.DataFrame:
    """Compare which workers are found with which were planted, where responses are simulated.

    Parameters
    ----------
    workers : DataFrame
        As `summarise_workers` gives it.
    careless : mapping
        Worker to kind of careless worker.

    Returns
    -------
    DataFrame
        One row a kind, ``honest`` the last: kind, workers, found (of whom at most half of the responses are kept),
        n_responses, left_out, and share_left_out. Without rows where no worker was planted.
    """
    columns = ["kind", "workers", "found", "n_responses", "left_out", "share_left_out"]
    if not careless or workers.empty:
        return pd.DataFrame(columns=columns)
    kinds = workers["worker"].map(dict(careless)).fillna(HONEST)
    out = workers["n_responses"] - workers["kept"]
    mostly_out = (2 * out >= workers["n_responses"]).astype(int)
    groups = pd.DataFrame({"kind": kinds, "workers": 1, "found": mostly_out, "n_responses": workers["n_responses"],
                           "left_out": out}).groupby("kind").sum()
    order = [*(kind for kind in dict.fromkeys(careless.values()) if kind in groups.index), HONEST]
    found = groups.reindex(order, fill_value=0).rename_axis("kind").reset_index()
    shares = found["left_out"] / found["n_responses"].where(found["n_responses"] > 0)
    return found.assign(share_left_out=shares)[columns]


def counted(rules: pd.DataFrame) -> str:
    """Say how many responses each rule took out, as ``tiny 3, checks 40``."""
    numbers = zip(rules["rule"].tolist(), rules["n_responses"].tolist(), strict=True)
    return ", ".join(f"{rule} {n}" for rule, n in numbers if n)
