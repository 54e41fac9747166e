"""Figures: estimates and maps as plotnine objects with captions, and their files; nothing is computed here."""

from salcompare.figures.catalogue import NUMBERS, figures_left_out, make_figures
from salcompare.figures.data import Figure, FigureData
from salcompare.figures.saving import save_figure

__all__ = ["NUMBERS", "Figure", "FigureData", "figures_left_out", "make_figures", "save_figure"]
