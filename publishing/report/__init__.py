"""The six-monthly report to the President (Inpres 2/2021, clause 2.1.b).

Belongs here: reading a release into the report's figures (figures.py), and setting it as PDF
(making.py, report.typ). Does not belong here: any figure that is not in the release, and the
dashboard (publishing/dashboard).
"""

from publishing.report.making import REPORT_FOLDER, Report, make_report

__all__ = ["REPORT_FOLDER", "Report", "make_report"]
