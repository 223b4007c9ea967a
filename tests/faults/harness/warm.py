"""Imports what runs load, once, in the process that children are forked from.

Belongs here: imports alone; nothing may be opened and no thread started, since a fork copies
neither. Does not belong here: anything that runs.
"""

import os
import threading

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import vl_convert  # noqa: F401

if threading.active_count() != 1:
    raise RuntimeError("an import has started a thread: children cannot be forked from here")
