"""Responses of any layout to one table."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from salcompare import config as settings
from salcompare.errors import ConfigError, Problem
from salcompare.schema import RESPONSES
from salcompare.sources.cells import read_cells
from salcompare.sources.collected import collected_cells, collected_path
from salcompare.sources.labels import synonyms_table
from salcompare.sources.original import original_responses
from salcompare.sources.tidy import tidy_responses


@dataclass(frozen=True)
class ResponseTable:
    """What people answered.

    Attributes
    ----------
    table : DataFrame
        One row a box, half-open, with normalised labels. Level image: `salcompare.schema.RESPONSES`, in pixels of
        the image as shown. Level actor: column actor instead of worker and image, in pixels of the study's grid.
    level : {"image", "actor"}
        What a box belongs to.
    left_out : DataFrame
        where, reason (codes parted by blanks) and detail of each row that was left out.
    notes : tuple of str
        What cannot be computed from these responses, or was done to them, in plain words.
    """

    table: pd.DataFrame
    level: Literal["image", "actor"]
    left_out: pd.DataFrame
    notes: tuple[str, ...]


def read_responses(config: settings.Responses, synonyms: Mapping[str, str], *, root: Path, images: pd.DataFrame,
                   size: tuple[int, int], tested_only: bool = False) -> ResponseTable:
    """Read people's responses from a tidy CSV, the original study's layout or what was collected.

    Parameters
    ----------
    config : salcompare.config.Responses
        The layout and the file; whether boxes are in pixels of the image or of the grid; whether boxes are cut to
        the image and invalid rows left out.
    synonyms : mapping
        What a worker may write -> the label it counts as; both sides are normalised as labels are.
    root : Path
        The study's directory; the file is relative to it.
    images : DataFrame
        The catalogue, columns image, actor, height and width, and split where `tested_only`.
    size : (height, width)
        Of the study's grid.
    tested_only : bool
        Leave responses on images that are not kept for testing out, counted. The original's layout names no image.

    Returns
    -------
    ResponseTable

    Raises
    ------
    InputError
        If the file or a column is missing, or listing every offending row by its line; a box wholly outside its
        image is one even where boxes are cut.
    ConfigError
        If the synonyms contradict each other, or responses do not come from a file.
    """
    if config.source not in {"csv", "original", "collect"}:
        raise ConfigError(Problem("study.toml [responses] source", repr(config.source), "csv, original or collect",
                                  "name the layout of the file"))
    table = synonyms_table(synonyms)
    if config.source == "collect":
        shown = collected_path(config.path)
        config = dataclasses.replace(config, pixels="image")  # as the page sends them
        responses, left_out, notes = tidy_responses(collected_cells(root / shown, shown=shown), config, table, images,
                                                    size=size, shown=shown, tested_only=tested_only)
        return ResponseTable(_with_ids(responses), "image", left_out, notes)
    shown = Path(config.path).name
    cells = read_cells(root / config.path, shown=shown, remedy="set [responses] path in study.toml")
    if config.source == "original":
        responses, left_out, notes = original_responses(cells, config, table, images, size=size, shown=shown)
        return ResponseTable(_with_ids(responses), "actor", left_out, notes)
    responses, left_out, notes = tidy_responses(cells, config, table, images, size=size, shown=shown,
                                                tested_only=tested_only)
    return ResponseTable(_with_ids(responses), "image", left_out, notes)


def _with_ids(responses: pd.DataFrame) -> pd.DataFrame:
    """Text as text, columns in the schema's order, and an id by row where the file gives none."""
    if "response" not in responses:
        responses = responses.assign(response=[f"r{row:06}" for row in responses["row"].tolist()])
    text = [name for name in (*RESPONSES.text_columns, "actor") if name in responses]
    order = [name for name in ("response", "worker", "image", "actor", *RESPONSES.names) if name in responses]
    return responses.astype(dict.fromkeys(text, "str"))[list(dict.fromkeys(order))].reset_index(drop=True)
