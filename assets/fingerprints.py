"""Whether a delivery has been conformed already, by this very code and contract.

Belongs here: what a conformed delivery depends on, as a fingerprint, and the record of it.
Does not belong here: conforming. A second month, or a second try, then costs what changed.
"""

import hashlib
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

import duckdb

from sources.contracts import Contract

_CODE = (("sources", "conforming"), ("sources", "identifiers"), ("warehouse", "reference"))
"""Whose files decide what a row becomes, beside the contract: rules and code lists."""

_TABLE = """
    CREATE TABLE IF NOT EXISTS conformed.made (
        dataset VARCHAR, period VARCHAR, version INTEGER, fingerprint VARCHAR,
        PRIMARY KEY (dataset, period)
    )
"""


def fingerprint(contract: Contract) -> str:
    """Give the fingerprint of all that a conformed row depends on beside the delivery."""
    return hashlib.sha256(f"{_code_hash()} {contract!r}".encode()).hexdigest()


def is_made(con: duckdb.DuckDBPyConnection, contract: Contract, period: str, version: int) -> bool:
    """Tell whether this delivery has been conformed under today's fingerprint."""
    con.execute(_TABLE)
    found = con.execute(
        "SELECT version, fingerprint FROM conformed.made WHERE dataset = ? AND period = ?",
        [contract.key, period],
    ).fetchone()
    return found == (version, fingerprint(contract))


def note_made(
    con: duckdb.DuckDBPyConnection, contract: Contract, period: str, version: int
) -> None:
    """Record that this delivery has been conformed; to be called after it has."""
    con.execute(_TABLE)
    con.execute(
        "INSERT OR REPLACE INTO conformed.made VALUES (?, ?, ?, ?)",
        [contract.key, period, version, fingerprint(contract)],
    )


@cache
def _code_hash() -> str:
    digest = hashlib.sha256()
    for package, room in _CODE:
        for name, content in sorted(_contents(files(package).joinpath(room))):
            digest.update(name.encode() + b"\0" + hashlib.sha256(content).digest())
    return digest.hexdigest()


def _contents(folder: Traversable) -> list[tuple[str, bytes]]:
    found = []
    for entry in folder.iterdir():
        if entry.is_dir():
            if entry.name != "__pycache__":
                found += _contents(entry)
        else:
            found.append((f"{folder.name}/{entry.name}", entry.read_bytes()))
    return found
