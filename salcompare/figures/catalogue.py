"""All figures by number, and why one is left out."""

from __future__ import annotations

from collections.abc import Callable, Collection

from salcompare.errors import InputError, Problem
from salcompare.figures.ceilings import ceilings_figure, ceilings_missing
from salcompare.figures.class_matrix import class_matrix_figure, class_matrix_missing
from salcompare.figures.controls import controls_figure, controls_missing
from salcompare.figures.data import Figure, FigureData
from salcompare.figures.differences import differences_figure, differences_missing
from salcompare.figures.exclusions import exclusions_figure, exclusions_missing
from salcompare.figures.heatmaps import (
    heatmaps_figure,
    heatmaps_missing,
    relative_figure,
    relative_missing,
)
from salcompare.figures.label_cells import label_cells_figure, label_cells_missing
from salcompare.figures.labels import labels_figure, labels_missing
from salcompare.figures.masks import masks_figure, masks_missing
from salcompare.figures.overlap import overlap_figure, overlap_missing
from salcompare.figures.removal import removal_figure, removal_missing
from salcompare.figures.removal_curves import curves_figure, curves_missing
from salcompare.figures.symmetry import symmetry_figure, symmetry_missing
from salcompare.figures.training import training_figure, training_missing
from salcompare.figures.variance import variance_figure, variance_missing

_FIGURES: dict[int, tuple[Callable[[FigureData], str | None], Callable[[FigureData], Figure]]] = {
    2: (masks_missing, masks_figure),
    3: (differences_missing, differences_figure),
    4: (labels_missing, labels_figure),
    5: (heatmaps_missing, heatmaps_figure),
    6: (relative_missing, relative_figure),
    7: (variance_missing, variance_figure),
    8: (overlap_missing, overlap_figure),
    9: (symmetry_missing, symmetry_figure),
    10: (training_missing, training_figure),
    11: (label_cells_missing, label_cells_figure),
    12: (ceilings_missing, ceilings_figure),
    13: (exclusions_missing, exclusions_figure),
    14: (controls_missing, controls_figure),
    15: (removal_missing, removal_figure),
    16: (curves_missing, curves_figure),
    17: (class_matrix_missing, class_matrix_figure),
}
NUMBERS = tuple(_FIGURES)
"""2 to 6 are those of Sun, Teoh & Guerzhoy (2020); 7 on go beyond."""


def make_figures(data: FigureData, *, only: Collection[int] | None = None) -> list[Figure]:
    """Make the figures whose inputs are there, in order; `figures_left_out` says why others are not.

    Parameters
    ----------
    data : FigureData
        What they show.
    only : collection of int, optional
        Numbers of the figures wanted; all by default.

    Raises
    ------
    InputError
        If `only` names a number that no figure has.
    """
    wanted = NUMBERS if only is None else tuple(only)
    unknown = sorted(set(wanted) - set(NUMBERS))
    if unknown:
        raise InputError(Problem("only", f"figure {', '.join(map(str, unknown))}",
                                 f"numbers from {NUMBERS[0]} to {NUMBERS[-1]}", "name figures that exist"))
    return [draw(data) for number, (missing, draw) in _FIGURES.items() if number in wanted and missing(data) is None]


def figures_left_out(data: FigureData) -> dict[int, str]:
    """Say, by number, why a figure cannot be made from these data."""
    reasons = {number: missing(data) for number, (missing, _) in _FIGURES.items()}
    return {number: reason for number, reason in reasons.items() if reason is not None}
