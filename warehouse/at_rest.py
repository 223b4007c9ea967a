"""Encryption of what lies on disk: the restricted database and the kept deliveries.

Belongs here: the two keys, opening an encrypted database, sealing and opening kept files, and
turning an existing home from clear to encrypted or back. Does not belong here: what leaves the
house (publishing/encryption.py), and file modes (home.py, connection.py).

DuckDB 1.5 writes encrypted files only with the cryptography of its extension `httpfs`. That is
taken from an installed Python package and never from the network; without it nothing is opened.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal

import duckdb
import pyrage

from warehouse.errors import CakupanError, UsageError
from warehouse.home import Home
from warehouse.settings import Settings, load_settings
from warehouse.storage import literal, quote

DATABASE_KEY = "CAKUPAN_DATABASE_KEY"
"""Environment variable with the key of the restricted database."""

DELIVERIES_KEY = "CAKUPAN_DELIVERIES_KEY"
"""Environment variable with the age identity that kept deliveries are sealed to."""

NAME = "restricted"
"""Name under which DuckDB knows the restricted database, encrypted or not."""

SEALED = ".age"
_MIN_KEY = 32
_PACKAGE = "duckdb_extension_httpfs"
_IN_USE: dict[Path, Settings] = {}

Lock = Literal["missing", "clear", "encrypted"]


def remember(home: Home, settings: Settings) -> None:
    """Note the settings a home was opened with, so that its deliveries use the same keys."""
    _IN_USE[home.path] = settings


def database_key(settings: Settings) -> str | None:
    """Read the key of the restricted database; None where none is set.

    Raises:
        UsageError: its file is missing or open to others, or the key is too short.
    """
    key = _secret(settings.encryption.database_key, DATABASE_KEY, "database key")
    if key is not None and len(key) < _MIN_KEY:
        raise UsageError(
            f"the database key has fewer than {_MIN_KEY} characters: make one with "
            "`openssl rand -hex 32` and keep a copy apart from the backups"
        )
    return key


def deliveries_identity(home: Home) -> pyrage.x25519.Identity | None:
    """Read the age identity that kept deliveries are sealed to; None where none is set.

    Raises:
        UsageError: its file is missing or open to others, or it is no identity of age.
    """
    settings = _IN_USE.get(home.path) or load_settings(home)
    text = _secret(settings.encryption.deliveries_key, DELIVERIES_KEY, "deliveries key")
    if text is None:
        return None
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    identity = None
    with contextlib.suppress(pyrage.IdentityError):
        identity = pyrage.x25519.Identity.from_str(lines[0].strip() if lines else "")
    if identity is None:
        raise UsageError(
            "the deliveries key is no identity of age: it begins with AGE-SECRET-KEY-1 and comes "
            "from `age-keygen`"
        )
    return identity


def _secret(path: Path | None, variable: str, what: str) -> str | None:
    if path is None:
        return os.environ.get(variable, "").strip() or None
    if not path.is_file():
        raise UsageError(f"{what} {path} does not exist")
    if path.stat().st_mode & 0o077:
        raise UsageError(f"{what} {path} can be read by others: chmod 600 {path}")
    return path.read_text("utf-8").strip() or None


def state_of(file: Path) -> Lock:
    """Tell by its head whether a database file is encrypted."""
    if not file.exists():
        return "missing"
    with file.open("rb") as stream:
        head = stream.read(128)
    # Checksum, "DUCK" and version come first; then flags, whose first bit tells it.
    return "encrypted" if len(head) > 20 and head[8:12] == b"DUCK" and head[20] & 1 else "clear"


def load_cryptography(con: duckdb.DuckDBPyConnection) -> None:
    """Load the extension that encrypts, from its Python package.

    Raises:
        UsageError: the package is missing or is of another DuckDB.
    """
    found = importlib.util.find_spec(_PACKAGE)
    folders = list(found.submodule_search_locations or ()) if found else []
    files = [
        Path(folder) / "extensions" / f"v{duckdb.__version__}" / "httpfs.duckdb_extension"
        for folder in folders
    ]
    file = next((file for file in files if file.is_file()), None)
    if file is None:
        raise UsageError(
            "a database key is set, but the cryptography of DuckDB is not installed: install "
            f"cakupan[encryption] with duckdb-extension-httpfs {duckdb.__version__}. Nothing was "
            "opened and nothing was written in clear."
        )
    con.execute(f"LOAD {literal(str(file))}")
    con.execute("SET temp_file_encryption = true")


def attach(
    con: duckdb.DuckDBPyConnection,
    file: Path,
    key: str,
    *,
    read_only: bool = False,
    name: str = NAME,
) -> None:
    """Attach an encrypted database file; the key is bound, so that no query text holds it.

    Raises:
        UsageError: the key is another one, or the file is not encrypted.
    """
    fault = ""
    options = "ENCRYPTION_KEY ?, ENCRYPTION_CIPHER 'GCM'" + (", READ_ONLY" if read_only else "")
    try:
        con.execute(f"ATTACH {literal(str(file))} AS {quote(name)} ({options})", [key])
    except (duckdb.InvalidInputException, duckdb.CatalogException) as error:
        fault = str(error)
    if "Wrong encryption key" in fault:
        raise UsageError(
            f"the database key does not open {file}: it was encrypted with another one. Set the "
            f"key it was made with ({DATABASE_KEY} or encryption.database_key)."
        )
    if "is not encrypted" in fault:
        raise UsageError(
            f"a database key is set, but {file} is not encrypted: run `cakupan encrypt` once"
        )
    if fault:
        raise CakupanError(f"{file} could not be opened with the database key")


def needs_key(file: Path) -> UsageError:
    """Give the error for an encrypted file without a key."""
    return UsageError(
        f"{file} is encrypted and no key is set: give it by {DATABASE_KEY} or "
        "encryption.database_key in the settings"
    )


def seal_folder(folder: Path, names: list[str], identity: pyrage.x25519.Identity | None) -> None:
    """Encrypt files of a folder in place, each to `<name>.age`; nothing without an identity."""
    if identity is None:
        return
    recipients = [identity.to_public()]
    for name in names:
        clear, sealed = folder / name, folder / (name + SEALED)
        with clear.open("rb") as source, _owned(sealed) as target:
            pyrage.encrypt_io(source, target, recipients)
            target.flush()
            os.fsync(target.fileno())
        clear.unlink()


def opened(home: Home, folder: Path, name: str, work: Path) -> Path:
    """Give the path of a kept file that can be read: itself, or its clear copy in `work`.

    Args:
        home: whose key opens it.
        folder: of the kept delivery.
        name: of the file as delivered.
        work: folder for the clear copy, owner-only; the caller removes it.

    Raises:
        UsageError: it is sealed and the key is missing or another one.
    """
    sealed = folder / (name + SEALED)
    if (folder / name).exists() or not sealed.exists():
        return folder / name
    return unseal(sealed, work / f"clear-{name}", deliveries_identity(home))


def unseal(sealed: Path, clear: Path, identity: pyrage.x25519.Identity | None) -> Path:
    """Decrypt a sealed file.

    Raises:
        UsageError: the key is missing or another one.
    """
    if identity is None:
        raise UsageError(
            f"{sealed} is encrypted and no key is set: give it by {DELIVERIES_KEY} or "
            "encryption.deliveries_key in the settings"
        )
    wrong = False
    try:
        with sealed.open("rb") as source, _owned(clear) as target:
            pyrage.decrypt_io(source, target, [identity])
    except pyrage.DecryptError:
        wrong = True
    if wrong:
        clear.unlink(missing_ok=True)
        raise UsageError(f"the deliveries key does not open {sealed}, or the file is damaged")
    return clear


@contextlib.contextmanager
def _owned(path: Path) -> Iterator[BinaryIO]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        yield stream


def convert(home: Home, settings: Settings, *, encrypt: bool) -> dict[str, int]:
    """Encrypt a home's database and kept deliveries, or turn them back to clear.

    Each file is written anew beside the old one and takes its place when it is whole. What the
    disk held before may be found on it until it is overwritten: see docs/security.md.

    Args:
        home: the caller holds its lock.
        settings: say where the keys are.
        encrypt: to encrypted, else to clear.

    Returns:
        How many `tables` and `files` were converted; 0 where they were so already.

    Raises:
        UsageError: no key is set, or a wrong one.
    """
    remember(home, settings)
    key, identity = database_key(settings), deliveries_identity(home)
    if key is None and identity is None:
        raise UsageError(
            f"no key is set: give {DATABASE_KEY} (database), {DELIVERIES_KEY} (kept deliveries), "
            "or files under encryption in the settings"
        )
    tables = _convert_database(home, settings, key, encrypt=encrypt) if key else 0
    files = 0
    for record in sorted(home.deliveries.glob("*/*/v*/delivery.json")) if identity else ():
        folder = record.parent
        for path in sorted(folder.iterdir()):
            if path == record or (path.suffix == SEALED) == encrypt:
                continue
            if encrypt:
                seal_folder(folder, [path.name], identity)
            else:
                unseal(path, path.with_name(path.name.removesuffix(SEALED)), identity)
                path.unlink()
            files += 1
        for path in folder.iterdir():
            path.chmod(0o400)
    return {"tables": tables, "files": files}


def _convert_database(home: Home, settings: Settings, key: str, *, encrypt: bool) -> int:
    file = home.restricted_db
    if state_of(file) != ("clear" if encrypt else "encrypted"):
        return 0
    # Made under another name first: a run that dies here leaves the home as it was.
    place = Path(tempfile.mkdtemp(prefix="convert-", dir=home.tmp))
    made = place / file.name
    with duckdb.connect() as con:
        con.execute(f"SET memory_limit = {literal(settings.engine.memory_limit)}")
        con.execute(f"SET temp_directory = {literal(str(place / 'spill'))}")
        load_cryptography(con)
        if encrypt:
            con.execute(f"ATTACH {literal(str(file))} AS old")
            con.execute("CHECKPOINT old")
            attach(con, made, key, name="made")
        else:
            attach(con, file, key, name="old")
            con.execute("CHECKPOINT old")
            con.execute(f"ATTACH {literal(str(made))} AS made")
        made.chmod(0o600)
        con.execute("COPY FROM DATABASE old TO made")
        kept = con.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'old'"
        ).fetchall()
        for schema, table in kept:
            place_of = f"{quote(schema)}.{quote(table)}"
            counts = con.execute(
                f"SELECT (SELECT count(*) FROM old.{place_of}), "
                f"(SELECT count(*) FROM made.{place_of})"
            ).fetchall()[0]
            if counts[0] != counts[1]:
                raise CakupanError(f"{place_of} was not copied whole; the home is as it was")
        con.execute("DETACH made")
        con.execute("DETACH old")
    file.with_name(file.name + ".wal").unlink(missing_ok=True)
    made.replace(file)
    return len(kept)
