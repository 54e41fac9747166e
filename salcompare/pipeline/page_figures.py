"""Figures of the pages beside the report: each classifier's own, and the one that compares them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from salcompare.findings import findings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd

    from salcompare.figures import Figure, FigureData
    from salcompare.report import ReportFigure


def classifier_figures(data: FigureData, drawn: Mapping[str, ReportFigure], training: Mapping[str, pd.DataFrame],
                       folder: Path) -> dict[str, tuple[ReportFigure, ...]]:
    """Draw the figures of each classifier's page; those of the main classifier are the report's own.

    Parameters
    ----------
    data : FigureData
        Of the whole study.
    drawn : mapping
        The report's figures by name.
    training : mapping
        Course of each classifier's training, by name.
    folder : Path
        Gets the figures.
    """
    from salcompare.findings.figures import make_figures

    wanted = sorted(number for finding in findings() for number in finding.on_classifier_pages)
    *others, main = list(dict.fromkeys(source.split("/")[0] for source in data.classifier_maps)) or [""]
    found = {name: tuple(_saved(figure, folder, f"{name}-{figure.name}") for figure in make_figures(
        _only(data, name, training.get(name)), only=wanted)) for name in others}
    own = tuple(figure for number in wanted for name, figure in drawn.items() if name.startswith(f"fig{number}-"))
    return {**found, main: own} if main else {}


def comparison(data: FigureData, folder: Path) -> ReportFigure | None:
    """Draw the figure that compares classifiers; None where nothing can be compared."""
    from salcompare.findings.comparison.figure import comparison_figure, comparison_missing

    return None if comparison_missing(data) else _saved(comparison_figure(data), folder, "comparison")


def _only(data: FigureData, name: str, training: pd.DataFrame | None) -> FigureData:
    """Leave one classifier in the figures' data: what others' are of cannot stand on its page."""
    maps = {source: found for source, found in data.classifier_maps.items() if source.split("/")[0] == name}
    curves = data.removal_curves
    return dataclasses.replace(
        data, classifier_maps=maps, training=training, estimates=_without_others(data, data.estimates, "source", name),
        removal_curves=None if curves is None else _without_others(data, curves, "network", name))


def _without_others(data: FigureData, table: pd.DataFrame, column: str, name: str) -> pd.DataFrame:
    """Leave out rows of the study's other classifiers."""
    others = {source.split("/")[0] for source in data.classifier_maps} - {name}
    kept: pd.DataFrame = table[~table[column].fillna("").astype(str).str.split("/").str[0].isin(others)]
    return kept


def _saved(figure: Figure, folder: Path, name: str) -> ReportFigure:
    from salcompare.figures import save_figure
    from salcompare.report import ReportFigure

    png, svg = save_figure(dataclasses.replace(figure, name=name), folder)
    return ReportFigure(name, figure.title, figure.caption, png, svg)
