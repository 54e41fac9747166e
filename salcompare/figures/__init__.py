"""Figures: estimates and maps as plotnine objects with captions, and their files; nothing is computed here."""

from salcompare.figures.catalogue import NUMBERS, figures_left_out, make_figures
from salcompare.figures.comparison import comparison_figure, comparison_missing
from salcompare.figures.data import Figure, FigureData
from salcompare.figures.saving import save_figure

__all__ = ["NUMBERS", "Figure", "FigureData", "comparison_figure", "comparison_missing", "figures_left_out",
           "make_figures", "save_figure"]
