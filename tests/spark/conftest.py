"""One Spark session for all of these tests: each start takes seconds.

`make test-spark` runs these; they are no part of `make test`, which needs neither PySpark nor Java.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from matching.linker.spark.session import started

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A session on two cores of this machine."""
    with started(tmp_path_factory.mktemp("spark"), 2) as session:
        yield session
