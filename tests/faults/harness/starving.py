"""Taking away the disk of a process: every file it writes may grow to a size and no farther.

Belongs here: the limit. It is the operating system's (RLIMIT_FSIZE): writes fail truly, below
Python and below DuckDB alike, and no right to mount anything is needed. Does not belong here: a
full file system, which `make soak` mounts where it may (`soak.py`).
"""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """Have every write beyond this many bytes of a file fail, for the time of the block."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Python ignores the signal that goes with it, so that the write itself fails (EFBIG).
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
