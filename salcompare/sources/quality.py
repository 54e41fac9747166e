"""Which responses stay out of the statistics: rules on care, never on opinion.

"The most recognisable feature" has no right answer, so no rule compares a worker's answers on photographs with other
workers' answers. What is judged is an instructed check, whose answer was asked for; a pace or a moment in which nobody
can have looked; a box that holds the whole photograph or nothing; and the same box over and over. Every response that
is left out is logged with the rule and the number that it broke.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from salcompare.config import QUALITY_RULES, Quality
from salcompare.schema import CHECKS as DECLARED
from salcompare.schema import LABELS
from salcompare.sources.cells import Cells, each, is_blank, need_columns, read_cells
from salcompare.sources.datasets import clean_name
from salcompare.sources.rows import EDGES, Rows, counted_label, synonyms_table
from salcompare.store import unguarded

CHECKS = DECLARED.names
"""Columns of a table of checks: the answer, empty where nothing was drawn, and what was asked for."""
BOX_LEVELS = ("image", "actor")
"""What a box may belong to for the rules to read it."""
IN_PIXELS = "multiply them by the photograph's width and height"
"""What to do about shares of the sides where there is no option to read them."""
LOG = ("response", "worker", "image", "rule", "found", "limit", "reason")
_TARGET_EDGES = tuple(f"target_{edge}" for edge in EDGES)
_TEXT = ("worker", "image", "label", "target_label")
_MANY = 2000  # boxes of one worker on all images that are compared at once
_HONEST = "honest"
_WITHOUT = {"worker": "the responses name no worker", "image": "the responses name no image",
            "label": "the responses have no label", "seconds": "the responses have no times",
            "checks": "there are no instructed checks"}
Boxes = NDArray[np.float64]  # (..., 4): x0, y0, x1, y1, half-open


@dataclass(frozen=True)
class Verdict:
    """What the rules made of the responses."""

    kept: pd.DataFrame  # the responses that no rule took out, as they were
    log: pd.DataFrame  # columns `LOG`, one row for each response and rule that took it out; found broke its limit
    rules: pd.DataFrame  # a row a rule; only: responses that no other took out; not_applied: empty, off, or why
    checks: pd.DataFrame  # the instructed checks with iou and right


def judge_responses(responses: pd.DataFrame, images: pd.DataFrame, checks: pd.DataFrame, config: Quality, *,
                    size: tuple[int, int]) -> Verdict:
    """Apply the rules of quality to responses, the same whatever the order of rows or workers, save for duplicates.

    `responses` are `salcompare.schema.RESPONSES`, or have a column actor instead of worker and image and boxes on the
    study's grid, of `size` (height, width). `images` has columns image, height and width, `checks` those of `CHECKS`,
    without rows where no check was given. Of duplicates the first row is kept.
    """
    if "image" in responses:
        shape = images.set_index("image")[["height", "width"]].reindex(responses["image"]).to_numpy(np.float64)
    else:
        shape = np.broadcast_to(np.asarray(size, np.float64), (len(responses), 2))
    shares = responses[list(EDGES)].to_numpy(np.float64) / shape[:, [1, 0, 1, 0]]
    data = _Data(responses.reset_index(drop=True), shares, judge_checks(checks, config))
    not_applied = {name: _why_not(name, data, config) for name in QUALITY_RULES}
    taken: dict[str, pd.DataFrame] = {}
    for name, rule in _RULES.items():
        if not not_applied[name]:
            data.out = _times(taken, len(responses), but="duplicate") > 0
            taken[name] = rule.find(data, config)
    times = _times(taken, len(responses))
    return Verdict(responses[times == 0], _log(data.table, taken),
                   _account(data.table, taken, times, not_applied, config), data.checks)


def keep_all(responses: pd.DataFrame, checks: pd.DataFrame, why: str) -> Verdict:
    """Keep all responses, where they are of a kind that the rules do not read."""
    rules = pd.DataFrame({"rule": list(QUALITY_RULES), "takes_out": "", "n_responses": 0, "workers": 0, "only": 0,
                          "not_applied": why})
    return Verdict(responses, pd.DataFrame(columns=list(LOG)), rules, checks.assign(iou=np.nan, right=False))


def read_checks(path: Path, synonyms: Mapping[str, str]) -> pd.DataFrame:
    """Read answers to instructed checks from a CSV with the columns of `CHECKS`, others being kept out.

    label and edges of an answer may be empty: the worker drew nothing. Labels are normalised, and counted as `synonyms`
    say. Raises `InputError` if the file or a column is missing, if edges are shares of the sides, or naming each row
    without worker, target label or a whole target box, with an edge that is no finite number, or a box without area.
    """
    cells = read_cells(path, shown=path.name, remedy="set [responses] checks in study.toml")
    return checks_in(cells, synonyms, shown=path.name)


def checks_in(cells: Cells, synonyms: Mapping[str, str], *, shown: str) -> pd.DataFrame:
    """Read answers to instructed checks from the cells of a table; see `read_checks`."""
    need_columns(cells.frame, CHECKS, shown=shown)
    frame, table = cells.frame, synonyms_table(synonyms)
    frame = frame.assign(**{name: each(frame[name], unguarded) for name in _TEXT})
    texts = pd.DataFrame({name: each(frame[name], clean_name) for name in ("worker", "image")})
    for name in ("label", "target_label"):
        texts[name] = each(frame[name], lambda label: counted_label(label, table))
    rows = Rows(texts, shown, list(cells.faults))
    rows.refuse_empty(("worker", "target_label"))
    rows.refuse_hidden(("worker", "image"))
    nothing = np.all([is_blank(frame[name]) for name in EDGES], axis=0)
    rows.add_edges(cells, EDGES, none=nothing)
    rows.add_edges(cells, _TARGET_EDGES)
    for edges in (EDGES, _TARGET_EDGES):
        rows.check_not_relative(edges, remedy=IN_PIXELS, fewest=1)
        rows.check_corners(edges=edges)
    rows.check()
    return rows.table.astype(dict.fromkeys(_TEXT, "str"))[list(CHECKS)].reset_index(drop=True)


def judge_checks(checks: pd.DataFrame, config: Quality) -> pd.DataFrame:
    """Add to checks, with the columns of `CHECKS`, iou (0 where nothing was drawn) and whether the answer is right."""
    overlap = np.nan_to_num(iou(*(checks[list(edges)].to_numpy(dtype=np.float64) for edges in (EDGES, _TARGET_EDGES))))
    named = (checks["label"].fillna("") == checks["target_label"]).to_numpy() | (not config.check_label)
    return checks.assign(iou=overlap, right=(overlap >= config.check_iou) & named & (overlap > 0))


@dataclass
class _Data:
    """Responses as the rules read them.

    `table` has rows numbered from 0 and columns worker, image, label and seconds where the responses have them; `boxes`
    (response, 4) are shares of the image's sides; `checks` are as `judge_checks` gives them; `out` (response,) is what
    earlier rules took out, duplicates aside.
    """

    table: pd.DataFrame
    boxes: Boxes
    checks: pd.DataFrame
    out: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))

    @property
    def sides(self) -> Boxes:
        """Width and height of each box (response, 2)."""
        return self.boxes[:, 2:] - self.boxes[:, :2]


@dataclass(frozen=True)
class _Rule:
    """A rule: it gives a table of place (row of the responses), found and limit, one row a response that it takes out.

    It `requires` columns of the responses, or "checks". `says` is what it takes out, filled with the settings, and
    `reason` why a response is out. No rule reads another worker's boxes or labels on the same photograph.
    """

    find: Callable[[_Data, Quality], pd.DataFrame]
    requires: tuple[str, ...]
    says: str
    reason: str


def _wrong_checks(data: _Data, config: Quality) -> pd.DataFrame:
    of_workers = data.checks.groupby("worker")["right"].agg(["mean", "size"])
    wrong = 1 - of_workers.loc[of_workers["size"] >= config.fewest_checks, "mean"]
    return _of_workers(data, wrong[wrong > config.wrong_checks], config.wrong_checks)


def _pace(data: _Data, config: Quality) -> pd.DataFrame:
    times = data.table.dropna(subset=["seconds"]).groupby("worker")["seconds"].agg(["median", "size"])
    medians = times.loc[times["size"] >= config.fewest, "median"]
    limit = config.pace * medians.median()
    return _of_workers(data, medians[medians < limit], limit)


def _same_box(data: _Data, config: Quality) -> pd.DataFrame:
    image = pd.factorize(data.table["image"])[0]
    met, share = np.zeros(len(data.table), np.bool_), np.zeros(len(data.table))
    for _, rows in data.table.groupby("worker", sort=False):
        at = rows.index.to_numpy()
        n_images = len(np.unique(image[at]))
        if n_images >= config.fewest:
            counts = _images_with_it(data.boxes[at], image[at], config.same_edge)
            met[at] = (counts >= config.fewest) & (counts > config.same_box * n_images)
            share[at] = counts / n_images
    return _taken(met, share, config.same_box)


def _images_with_it(boxes: Boxes, image: NDArray[np.intp], edge: float) -> NDArray[np.intp]:
    """Count the images on which a worker has a box at the place of each box, the box's image among them."""
    names, codes = np.unique(image, return_inverse=True)
    counts = np.zeros(len(boxes), np.intp)
    for start in range(0, len(boxes), _MANY):
        part = boxes[start:start + _MANY]
        row, column = np.nonzero((np.abs(part[:, np.newaxis] - boxes) <= edge + 1e-12).all(axis=-1))
        here = np.zeros((len(part), len(names)), bool)
        here[row, codes[column]] = True
        counts[start:start + _MANY] = here.sum(axis=1)
    return counts


def _duplicate(data: _Data, config: Quality) -> pd.DataFrame:
    met, overlap = np.zeros(len(data.table), np.bool_), np.zeros(len(data.table))
    again = data.table.duplicated(["worker", "image", "label"], keep=False)
    for _, rows in data.table[again].groupby(["worker", "image", "label"], sort=False):
        at = rows.index.to_numpy()
        overlap[at] = np.tril(iou(data.boxes[at, np.newaxis], data.boxes[at]), -1).max(axis=1)
        met[at[1:]] = overlap[at[1:]] >= config.duplicate
    return _taken(met, overlap, config.duplicate)


def _mostly(data: _Data, config: Quality) -> pd.DataFrame:
    of_workers = pd.Series(data.out).groupby(data.table["worker"].to_numpy()).agg(["mean", "size"])
    share = of_workers.loc[of_workers["size"] >= config.fewest, "mean"]
    return _of_workers(data, share[(share > config.mostly) & (share < 1)], config.mostly)  # at 1 nothing is left


_RULES = {
    "checks": _Rule(
        _wrong_checks, ("worker", "checks"), "Workers with more than {wrong_checks:.0%} of at least {fewest_checks} "
        "instructed checks wrong. A check is right if the box reaches an IoU of {check_iou:g} with what was asked "
        "for{named}.", "{value:.0%} of the worker's instructed checks are wrong; the limit is {limit:.0%}"),
    "pace": _Rule(
        _pace, ("worker", "seconds"), "Workers whose median time is under {pace:.0%} of the median worker's.",
        "the worker's median time is {value:.3g} s; the limit is {limit:.3g} s"),
    "seconds": _Rule(
        lambda data, config: _taken((times := data.table["seconds"].to_numpy(np.float64)) < config.seconds, times,
                                    config.seconds),
        ("seconds",), "Responses given in under {seconds:g} s.",
        "given in {value:.3g} s; the limit is {limit:.3g} s"),
    "whole_image": _Rule(
        lambda data, config: _taken((areas := data.sides.prod(axis=1)) > config.whole_image, areas, config.whole_image),
        (), "Boxes over more than {whole_image:.0%} of the image.",
        "the box is over {value:.1%} of the image; the limit is {limit:.0%}"),
    "tiny": _Rule(
        lambda data, config: _taken((least := data.sides.min(axis=1)) < config.tiny, least, config.tiny),
        (), "Boxes with a side under {tiny:.1%} of the image's.",
        "a side of the box is {value:.2%} of the image's; the limit is {limit:.1%}"),
    "same_box": _Rule(
        _same_box, ("worker", "image"), "Boxes that a worker put at the same place (edges within {same_edge:.1%} of "
        "the side) of more than {same_box:.0%} of the worker's images, and of at least {fewest}.",
        "the worker put this box at the same place of {value:.0%} of the images; the limit is {limit:.0%}"),
    "duplicate": _Rule(
        _duplicate, ("worker", "image", "label"), "Boxes that repeat an earlier one of the same worker, image and "
        "label (IoU at least {duplicate:g}).",
        "an earlier box of this worker, image and label has IoU {value:.2f} with it; the limit is {limit:.2g}"),
    "mostly": _Rule(
        _mostly, ("worker",), "What is left of a worker with more than {mostly:.0%} of the responses out by another "
        "rule, duplicates aside.",
        "{value:.0%} of the worker's responses are out by other rules; the limit is {limit:.0%}"),
}
"""By name, in the order in which they are applied."""


def _taken(met: NDArray[np.bool_], values: NDArray[np.float64], limit: float) -> pd.DataFrame:
    """Rows that break a rule, each with its value."""
    place = np.flatnonzero(met)
    return pd.DataFrame({"place": place, "found": values[place], "limit": limit})


def _of_workers(data: _Data, values: pd.Series[float], limit: float) -> pd.DataFrame:
    """All rows of some workers, each with its worker's value."""
    of_rows = np.asarray(data.table["worker"].map(values), np.float64)
    return _taken(data.table["worker"].isin(values.index).to_numpy(), of_rows, limit)


def _why_not(name: str, data: _Data, config: Quality) -> str:
    """Say why a rule is not applied; empty where it is."""
    if name not in config.rules:
        return "off"
    for what in _RULES[name].requires:
        there = len(data.checks) if what == "checks" else what in data.table and data.table[what].notna().any()
        if not there:
            return _WITHOUT[what]
    return ""


def _times(taken: dict[str, pd.DataFrame], n: int, but: str = "") -> NDArray[np.intp]:
    """Count by how many rules each response is out."""
    times = np.zeros(n, np.intp)
    for name, table in taken.items():
        if name != but:
            times[table["place"].to_numpy(np.intp)] += 1
    return times


def _log(table: pd.DataFrame, taken: dict[str, pd.DataFrame]) -> pd.DataFrame:
    parts = [rows.assign(rule=name, reason=[
        _RULES[name].reason.format(value=value, limit=limit) for value, limit in zip(
            rows["found"], rows["limit"], strict=True)]) for name, rows in taken.items() if len(rows)]
    if not parts:
        return pd.DataFrame(columns=list(LOG))
    whole = pd.concat(parts, ignore_index=True).sort_values("place", kind="stable", ignore_index=True)
    known = table.iloc[whole["place"]].reset_index(drop=True)
    for name in ("response", "worker", "image"):
        whole[name] = known.get(name, "")
    return whole[list(LOG)]


def _account(table: pd.DataFrame, taken: dict[str, pd.DataFrame], times: NDArray[np.intp],
             not_applied: dict[str, str], config: Quality) -> pd.DataFrame:
    """Say of each rule what it takes out and how many it took out, or why it was not applied."""
    rows = []
    named = " and the label is the one asked for" if config.check_label else ""
    for name in QUALITY_RULES:
        place = taken[name]["place"].to_numpy(np.intp) if name in taken else np.empty(0, np.intp)
        workers = table["worker"].iloc[place].nunique() if "worker" in table else 0
        says = _RULES[name].says.format(**dataclasses.asdict(config), named=named)
        rows.append({"rule": name, "takes_out": says, "n_responses": len(place), "workers": workers,
                     "only": int((times[place] == 1).sum()), "not_applied": not_applied[name]})
    return pd.DataFrame(rows)


def iou(one: Boxes, other: Boxes) -> NDArray[np.float64]:
    """Area that two boxes share over the area that either covers; NaN where an edge is missing, 0 without area."""
    low, high = np.maximum(one[..., :2], other[..., :2]), np.minimum(one[..., 2:], other[..., 2:])
    sides = [np.maximum(side, 0) for side in (high - low, one[..., 2:] - one[..., :2], other[..., 2:] - other[..., :2])]
    shared, *areas = (side[..., 0] * side[..., 1] for side in sides)
    either = areas[0] + areas[1] - shared
    return np.asarray(shared / np.where(either > 0, either, 1), np.float64)


def summarise_workers(responses: pd.DataFrame, kept: pd.DataFrame, log: pd.DataFrame,
                      checks: pd.DataFrame) -> pd.DataFrame:
    """Describe each worker, from all responses and a `Verdict` on them.

    One row a worker, by name: worker, images, n_responses, kept, own_labels (share of responses with a label beside the
    original eleven), median_seconds, checks, checks_right, rules (that took out any response, by blanks). Without rows
    where the responses name no worker.
    """
    columns = ["worker", "images", "n_responses", "kept", "own_labels", "median_seconds", "checks", "checks_right",
               "rules"]
    if "worker" not in responses or "image" not in responses:
        return pd.DataFrame(columns=columns)
    other = ~responses["label"].isin(LABELS) if "label" in responses else pd.Series(np.nan, responses.index)
    groups = responses.assign(other=other.astype(float)).groupby("worker", sort=True)
    workers = pd.DataFrame({"images": groups["image"].nunique(), "n_responses": groups.size(),
                            "own_labels": groups["other"].mean()})
    workers["kept"] = kept["worker"].value_counts().reindex(workers.index, fill_value=0)
    workers["median_seconds"] = groups["seconds"].median() if "seconds" in responses else np.nan
    answered = checks.groupby("worker")["right"]
    workers["checks"] = answered.size().reindex(workers.index, fill_value=0)
    workers["checks_right"] = answered.sum().reindex(workers.index, fill_value=0).astype(int)
    rules = log.groupby("worker")["rule"].agg(lambda rule: " ".join(dict.fromkeys(rule)))
    workers["rules"] = rules.reindex(workers.index).fillna("")
    return workers.reset_index()[columns]


def summarise_images(responses: pd.DataFrame, kept: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    """Count each image's responses: one row an image that has any or is a test image.

    Columns image, actor, n_responses, workers and kept; without rows where the responses name no image.
    """
    if "image" not in responses:
        return pd.DataFrame(columns=["image", "actor", "n_responses", "workers", "kept"])
    shown = images["image"].isin(responses["image"]) | (images["split"] == "test" if "split" in images else False)
    counts = images.loc[shown, ["image", "actor"]].reset_index(drop=True)
    groups = responses.groupby("image")
    counts["n_responses"] = counts["image"].map(groups.size()).fillna(0).astype(int)
    counts["workers"] = counts["image"].map(groups["worker"].nunique()).fillna(0).astype(int)
    counts["kept"] = counts["image"].map(kept["image"].value_counts()).fillna(0).astype(int)
    return counts


def compare_planted(workers: pd.DataFrame, careless: Mapping[str, str]) -> pd.DataFrame:
    """Compare which workers (`summarise_workers`) are found with which were planted: worker -> kind of `careless`.

    One row a kind, ``honest`` the last: kind, workers, found (of whom at most half of the responses are kept),
    n_responses, left_out, and share_left_out. Without rows where no worker was planted.
    """
    columns = ["kind", "workers", "found", "n_responses", "left_out", "share_left_out"]
    if not careless or workers.empty:
        return pd.DataFrame(columns=columns)
    kinds = workers["worker"].map(dict(careless)).fillna(_HONEST)
    out = workers["n_responses"] - workers["kept"]
    mostly_out = (2 * out >= workers["n_responses"]).astype(int)
    groups = pd.DataFrame({"kind": kinds, "workers": 1, "found": mostly_out, "n_responses": workers["n_responses"],
                           "left_out": out}).groupby("kind").sum()
    order = [*(kind for kind in dict.fromkeys(careless.values()) if kind in groups.index), _HONEST]
    table = groups.reindex(order, fill_value=0).rename_axis("kind").reset_index()
    shares = table["left_out"] / table["n_responses"].where(table["n_responses"] > 0)
    return table.assign(share_left_out=shares)[columns]


def counted(rules: pd.DataFrame) -> str:
    """Say how many responses each rule took out, as ``tiny 3, checks 40``."""
    numbers = zip(rules["rule"].tolist(), rules["n_responses"].tolist(), strict=True)
    return ", ".join(f"{rule} {n}" for rule, n in numbers if n)
