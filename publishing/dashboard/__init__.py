"""The dashboard: one page per publication that opens from disk, without server or network.

Belongs here: the page's data, charts, texts, scripts and how they are put into one file
(docs/guides/dashboard.md). Does not belong here: what may be released (publishing/disclosure),
and when the page is made (assets/dashboard.py).

Nothing is imported here: charts bring Altair along, which only the making of a page needs.
"""

PAGE_FILE = "dasbor.html"
"""The page's name beside the publication."""
