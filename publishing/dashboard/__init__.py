"""The dashboard: one page per publication that opens from disk, without server or network.

Belongs here: the page's data, charts, texts, scripts and how they are put into one file
(docs/guides/dashboard.md). Does not belong here: what may be released (publishing/disclosure),
and when the page is made (assets/dashboard.py).
"""

from publishing.dashboard.making import PAGE_FILE, Dashboard, make_dashboard, make_dashboards

__all__ = ["PAGE_FILE", "Dashboard", "make_dashboard", "make_dashboards"]
