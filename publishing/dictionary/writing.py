"""The dictionary's files, beside the published warehouse.

Belongs here: which files there are and how they are put into a publication's folder. Does not
belong here: what is in them (page.py, workbook.py, package.py).
"""

from __future__ import annotations

from pathlib import Path

from publishing.dictionary.package import package
from publishing.dictionary.page import page
from publishing.dictionary.reading import read_dictionary
from publishing.dictionary.workbook import write_workbook
from publishing.questions import as_sql

FOLDER = "kamus"
PACKAGE_FILE = "datapackage.json"
_WAREHOUSE = "cakupan.duckdb"


def write_dictionary_files(folder: Path) -> dict[str, int]:
    """Write page, workbook, data package and ready questions of a publication.

    Args:
        folder: the publication's folder, with `cakupan.duckdb` and its Parquet files written.

    Returns:
        Counts for the manifest: tables, columns and concepts described.

    Raises:
        OSError: a file cannot be written.
    """
    dictionary = read_dictionary(folder / _WAREHOUSE)
    place = folder / FOLDER
    place.mkdir(exist_ok=True)
    (place / "kamus.html").write_text(page(dictionary), encoding="utf-8")
    write_workbook(place / "kamus.xlsx", dictionary)
    (place / "pertanyaan.sql").write_text(as_sql(), encoding="utf-8")
    (folder / PACKAGE_FILE).write_text(package(dictionary, folder), encoding="utf-8")
    return {
        "dictionary_tables": len(dictionary.tables),
        "dictionary_columns": sum(len(table.columns) for table in dictionary.tables),
        "dictionary_concepts": len(dictionary.concepts),
    }
