"""Figures: what they are drawn from, theme, geoms, captions and files; the findings draw them."""

from salcompare.figures.figure import Figure
from salcompare.figures.saving import save_figure
from salcompare.study_data import StudyData

__all__ = ["Figure", "StudyData", "save_figure"]
