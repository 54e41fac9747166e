"""From what the findings say and the figures show to one reproducible HTML report; nothing is computed here."""

from salcompare.report.content import Answer, Content, ReportFigure
from salcompare.report.render import render_report
from salcompare.study_data import StudyData

__all__ = ["Answer", "Content", "ReportFigure", "StudyData", "render_report"]
