"""A publication as a data package.

Belongs here: `datapackage.json` by the Data Package standard, version 2 (datapackage.org), which
tells other tools the files, types, keys and meanings. Does not belong here: the tables.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from publishing.dictionary.reading import Column, Dictionary, Table

_SCHEMA = "https://datapackage.org/profiles/2.0/datapackage.json"
_TYPES = {
    "VARCHAR": "string",
    "BIGINT": "integer",
    "INTEGER": "integer",
    "SMALLINT": "integer",
    "HUGEINT": "integer",
    "UBIGINT": "integer",
    "DOUBLE": "number",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP": "datetime",
}


def package(dictionary: Dictionary, folder: Path) -> str:
    """Write the descriptor.

    Args:
        dictionary: what the published warehouse says of itself.
        folder: the publication's folder, with its Parquet files.

    Returns:
        JSON text; the same publication gives the same text.
    """
    resources = [
        _resource(table, folder, path)
        for table in dictionary.tables
        if (folder / (path := f"parquet/{table.schema}/{table.name}.parquet")).is_file()
    ]
    document = {
        "$schema": _SCHEMA,
        "name": f"cakupan-{dictionary.publication}",
        "id": f"cakupan/{dictionary.publication}",
        "title": f"Cakupan BPJS Ketenagakerjaan, {dictionary.period}",
        "description": (
            "Kesenjangan cakupan jaminan sosial ketenagakerjaan menurut lapangan usaha dan wilayah "
            "(Inpres 2/2021). Coverage gaps of employment social security by sector and region."
        ),
        "version": dictionary.code_version,
        "created": dictionary.published_at.replace(" ", "T") + "Z",
        "resources": resources,
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _resource(table: Table, folder: Path, path: str) -> dict[str, Any]:
    file = folder / path
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    schema: dict[str, Any] = {"fields": [_field(column) for column in table.columns]}
    key = [column.name for column in table.columns if column.in_grain]
    if key:
        schema["primaryKey"] = key
    return {
        "name": f"{table.schema}-{table.name}".replace("_", "-"),
        "title": table.id,
        "description": table.en,
        "path": path,
        "format": "parquet",
        "mediatype": "application/vnd.apache.parquet",
        "bytes": file.stat().st_size,
        "hash": f"sha256:{digest}",
        "schema": schema,
    }


def _field(column: Column) -> dict[str, Any]:
    field: dict[str, Any] = {
        "name": column.name,
        "type": _type(column.data_type),
        "title": column.meaning_id,
        "description": column.meaning_en,
        "konsep": column.concept,
        "ukuran": column.measure,
    }
    if column.classification:
        field["klasifikasi"] = column.classification
    if column.unit:
        field["satuan"], field["unit"] = column.unit_id, column.unit
    return field


def _type(data_type: str) -> str:
    if data_type.endswith("[]"):
        return "list"
    base = re.sub(r"\(.*\)", "", data_type)
    return "number" if base == "DECIMAL" else _TYPES.get(base, "any")
