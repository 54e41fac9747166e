"""From estimates and figures to one reproducible HTML report with its tables; nothing is computed here."""

from salcompare.report.data import ReportData, ReportFigure
from salcompare.report.render import render_report
from salcompare.report.summary import Finding, summarise

__all__ = ["Finding", "ReportData", "ReportFigure", "render_report", "summarise"]
