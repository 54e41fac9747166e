"""What a report is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ReportFigure:
    """A figure as it stands in the report: its files are beside the page, its PNG also inside it."""

    name: str
    title: str
    caption: str
    png: Path
    svg: Path


@dataclass(frozen=True)
class ReportData:
    """Everything that one report prints; the report computes nothing.

    Attributes
    ----------
    title : str
        The study's name.
    simulated : bool
        Whether the responses are simulated; then every page, table and figure that uses them says so.
    credit : str
        Whom the photographs are owed to.
    images, responses : DataFrame
        The catalogue and the responses; `responses` is None for a study without people.
    images_left_out, responses_left_out : DataFrame
        What was not taken, and why.
    notes : tuple of str
        What could not be computed, in words.
    estimates : DataFrame
        See `salcompare.schema.ESTIMATES`.
    classifiers : mapping
        By name: the tables accuracy, confusion, training, weights, and the mapping summary.
    figures : tuple of ReportFigure
        In the order in which they are shown.
    settings, provenance : mapping
        All of study.toml; hashes, versions and seed.
    truth : mapping or None
        What was planted, for simulated responses.
    mask_share : float
        Share of a map's pixels in a classifier's mask.
    """

    title: str
    simulated: bool
    credit: str
    images: pd.DataFrame
    images_left_out: pd.DataFrame
    responses: pd.DataFrame | None
    responses_left_out: pd.DataFrame
    notes: tuple[str, ...]
    estimates: pd.DataFrame
    classifiers: Mapping[str, Mapping[str, Any]]
    figures: tuple[ReportFigure, ...]
    settings: Mapping[str, Any]
    provenance: Mapping[str, Any]
    truth: Mapping[str, Any] | None
    mask_share: float
