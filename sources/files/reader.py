"""One door to the readers of every format.

Belongs here: choosing the reader by what the file is. Does not belong here: the readers.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from sources.contracts import Contract
from sources.files import delimited, parquet, workbook
from sources.files.detection import detect
from sources.files.staging import Staged


def stage_file(
    con: duckdb.DuckDBPyConnection, path: Path, name: str, contract: Contract, work: Path
) -> Staged:
    """Prepare one delivered file for landing, whatever its format.

    Args:
        con: connection that will run the query.
        path: the kept file.
        name: its name in messages and in the landing table.
        contract: the dataset's.
        work: an empty folder for temporary files, removed by the caller once landed.

    Returns:
        The rows as text, with reasons where one cannot be taken.

    Raises:
        DataRefused: the file as a whole cannot be taken.
    """
    form = detect(path, name)
    if form == "parquet":
        return parquet.stage(con, path, name, contract)
    if form == "xlsx":
        return workbook.stage(path, name, contract, work)
    return delimited.stage(path, name, form, contract, work)
