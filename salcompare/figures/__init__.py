"""Figures: what they are drawn from, theme, geoms, captions and files; the findings draw them."""

from salcompare.figures.data import Figure, FigureData
from salcompare.figures.saving import save_figure

__all__ = ["Figure", "FigureData", "save_figure"]
