"""Which responses are kept: every rule that is on and can be applied, and the log of what each takes out."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from salcompare.config import QUALITY_RULES
from salcompare.sources.boxes import EDGES
from salcompare.sources.quality.checks import judge_checks
from salcompare.sources.quality.rules import MOSTLY, RULES, Prepared, mostly

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from salcompare.config import Quality

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
