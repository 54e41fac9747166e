"""Figures of the pages beside the report: each classifier's own, and the one that compares them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from salcompare.findings import findings
from salcompare.naming import classifier_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from salcompare.figures import Figure
    from salcompare.report import ReportFigure
    from salcompare.study_data import StudyData


def classifier_figures(data: StudyData, drawn: Mapping[str, ReportFigure],
                       folder: Path) -> dict[str, tuple[ReportFigure, ...]]:
    """Draw the figures of each classifier's page; those of the main classifier are the report's own.

    Parameters
    ----------
    data : StudyData
        Of the whole study.
    drawn : mapping
        The report's figures by name.
    folder : Path
        Gets the figures.
    """
    from salcompare.findings.figures import make_figures

    wanted = sorted(number for finding in findings() for number in finding.on_classifier_pages)
    main, *others = list(dict.fromkeys(map(classifier_of, data.classifier_maps))) or [""]
    found = {name: tuple(_saved(figure, folder, f"{name}-{figure.name}") for figure in make_figures(
        _only(data, name), only=wanted)) for name in others}
    own = tuple(figure for number in wanted for name, figure in drawn.items() if name.startswith(f"fig{number}-"))
    return {**found, main: own} if main else {}


def comparison(data: StudyData, folder: Path) -> ReportFigure | None:
    """Draw the figure that compares classifiers; None where nothing can be compared."""
    from salcompare.findings.comparison.figure import comparison_figure, comparison_missing

    return None if comparison_missing(data) else _saved(comparison_figure(data), folder, "comparison")


def _only(data: StudyData, name: str) -> StudyData:
    """Leave the maps and estimates of one classifier: what others' are of cannot stand on its page."""
    classifiers = data.estimates["source"].fillna("").map(classifier_of)
    others = set(map(classifier_of, data.classifier_maps)) - {name}
    return data.replace(estimates=data.estimates[~classifiers.isin(others)], classifier_maps={
        source: maps for source, maps in data.classifier_maps.items() if classifier_of(source) == name})


def _saved(figure: Figure, folder: Path, name: str) -> ReportFigure:
    from salcompare.figures import save_figure
    from salcompare.report import ReportFigure

    png, svg = save_figure(dataclasses.replace(figure, name=name), folder)
    return ReportFigure(name, figure.title, figure.caption, png, svg)
