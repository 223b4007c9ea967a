"""What a home has published, as hashes that two homes can be compared by.

Belongs here: reading publications as an analyst does. Does not belong here: when they must be
equal.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import duckdb

_OF_THE_RUN = {
    "run_id", "published_at", "received_at", "made_at", "validated_at", "checked_at",
    "checksums_equal",
}  # fmt: skip
"""Columns that tell when, by which run, or whether a run before left something to compare with."""
_OF_THE_RUNS = {"reference.publication", "release.publication", "quality.publication_change"}
"""Tables that tell of the publications that were made, not of their content."""


def content(home: Path, name: str = "current") -> dict[str, str]:
    """Give a hash of the ordered rows of each published and released table."""
    return content_of(home / "published" / name)


def content_of(folder: Path) -> dict[str, str]:
    """Give the same of one publication's folder."""
    found: dict[str, str] = {}
    for file in ("cakupan.duckdb", "release.duckdb"):
        if not (folder / file).is_file():
            continue
        with duckdb.connect(str(folder / file), read_only=True) as con:
            con.execute("SET threads = 1")
            database = file.removesuffix(".duckdb")
            tables = con.execute(
                "SELECT schema_name, table_name, list(column_name ORDER BY column_index) "
                "FROM duckdb_columns() WHERE NOT internal AND database_name = current_database() "
                "GROUP BY ALL ORDER BY ALL"
            ).fetchall()
            for schema, table, columns in tables:
                if f"{schema}.{table}" in _OF_THE_RUNS:
                    continue
                kept = ", ".join(f'"{c}"' for c in columns if c not in _OF_THE_RUN)
                row = con.execute(
                    f"SELECT md5(coalesce(string_agg(md5(t::VARCHAR), '' ORDER BY t::VARCHAR), "
                    f"'')) FROM (SELECT {kept} FROM {database}.{schema}.{table}) AS t"
                ).fetchone()
                found[f"{file} {schema}.{table}"] = str(row[0]) if row else ""
    return found


def one_hash(tables: dict[str, str]) -> str:
    """Give one hash of all tables."""
    return hashlib.sha256(json.dumps(tables, sort_keys=True).encode()).hexdigest()


def damage(home: Path) -> list[str]:
    """Look for publications that are not whole, and for what should not lie there.

    Returns:
        What is wrong; nothing where every named publication is as its manifest says.
    """
    published = home / "published"
    wrong = []
    for path in sorted(published.iterdir()):
        if path.name == "current":
            if not (path / "publication.json").is_file():
                wrong.append("current leads nowhere")
        elif not path.name.startswith("."):
            if not (path / "publication.json").is_file():
                wrong.append(f"{path.name} has no manifest")
                continue
            manifest = json.loads((path / "publication.json").read_text("utf-8"))
            for file in manifest["files"]:
                content = (path / file["name"]).read_bytes()
                if hashlib.sha256(content).hexdigest() != file["sha256"]:
                    wrong.append(f"{path.name}/{file['name']} differs from its manifest")
    return wrong


def remains(home: Path) -> list[str]:
    """List what a finished run should have cleared away."""
    found = [f"tmp/{path.name}" for path in (home / "tmp").iterdir()]
    found += [p.name for p in (home / "published").iterdir() if p.name.startswith(".")]
    for folder in (home / "deliveries").glob("*/*"):
        found += [f"{folder}/{p.name}" for p in folder.iterdir() if not p.name.startswith("v")]
    return found
