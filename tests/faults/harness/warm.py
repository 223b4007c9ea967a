"""Imports what runs load, once, in the process that children are forked from.

Belongs here: imports of libraries, which would cost each child seconds; the program's own modules
are loaded by the child, which may change them first. Nothing may be opened and no thread started,
since a fork copies neither. Does not belong here: anything that runs.
"""

# ruff: noqa: F401
import os
import threading

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import altair
import dagster
import great_expectations
import great_expectations.expectations
import scipy.optimize
import sqlalchemy
import vl_convert
import xlsxwriter

if threading.active_count() != 1:
    raise RuntimeError("an import has started a thread: children cannot be forked from here")
