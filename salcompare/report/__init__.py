"""From what the findings say and the figures show to one reproducible HTML report; nothing is computed here."""

from salcompare.report.data import Answer, Content, ReportData, ReportFigure
from salcompare.report.render import render_report

__all__ = ["Answer", "Content", "ReportData", "ReportFigure", "render_report"]
