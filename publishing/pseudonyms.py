"""Pseudonyms: names for persons that only one recipient's lists have in common.

Belongs here: the secret, the keys derived from it, and HMAC-SHA256 as an SQL expression. Does
not belong here: which lists carry them (extracts/lists.py).

A plain hash of a NIK can be found by trying every NIK; a keyed one cannot without the key.
Each recipient has a key of its own, so that two recipients cannot put their lists together by
pseudonym, and the audit log has another.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from dataclasses import dataclass

import duckdb

from warehouse.errors import UsageError
from warehouse.settings import Settings

ENVIRONMENT = "CAKUPAN_PSEUDONYM_SECRET"
AUDIT = "audit"
"""Purpose of the pseudonyms that the audit log finds persons by."""

LENGTH = 32
"""Hex letters of a pseudonym: 128 bits, beyond chance meetings among all people."""

_MIN_SECRET = 32
_BLOCK = 64


@dataclass(frozen=True)
class Pseudonyms:
    """Keys for pseudonyms; its text shows no secret.

    Attributes:
        secret: at least 32 bytes, known to the house alone.
    """

    secret: bytes

    def __repr__(self) -> str:
        return "Pseudonyms(...)"

    @classmethod
    def load(cls, settings: Settings) -> Pseudonyms:
        """Read the secret from the settings' file or the environment.

        Raises:
            UsageError: there is none, it is too short, or its file is open to others.
        """
        path, secret = settings.extracts.pseudonym_secret, b""
        if path is not None:
            if not path.is_file():
                raise UsageError(f"pseudonym secret {path} does not exist; no list is written")
            if path.stat().st_mode & 0o077:
                raise UsageError(f"pseudonym secret {path} can be read by others: chmod 600 {path}")
            secret = path.read_bytes().strip()
        else:
            secret = os.environ.get(ENVIRONMENT, "").strip().encode()
        if len(secret) < _MIN_SECRET:
            raise UsageError(
                "lists need a secret for pseudonyms of at least 32 bytes: set "
                f"extracts.pseudonym_secret to a file or {ENVIRONMENT} (such as from "
                "`openssl rand -hex 32`). Keep it: with another one, every pseudonym changes."
            )
        return cls(secret)

    def key(self, purpose: str) -> bytes:
        """Derive the key of one purpose, such as a recipient's `13` or `24/31`."""
        return hmac.digest(self.secret, f"cakupan/pseudonym/{purpose}".encode(), "sha256")

    def of(self, purpose: str, person: str) -> str:
        """Give one person's pseudonym.

        Args:
            purpose: the recipient's key, or `AUDIT`.
            person: the NIK, or what stands for a person without one.
        """
        return hmac.new(self.key(purpose), person.encode(), hashlib.sha256).hexdigest()[:LENGTH]

    def sql(self, con: duckdb.DuckDBPyConnection, purpose: str, person: str, name: str) -> str:
        """Give the same as an SQL expression, for columns of any length.

        The key goes into variables of the connection, never into the text of a query.

        Args:
            con: where the expression will run.
            purpose: as for `of`.
            person: SQL expression of the text.
            name: a word for the variables, different for each purpose in one query.
        """
        key = self.key(purpose).ljust(_BLOCK, b"\0")
        for part, mask in (("inner", 0x36), ("outer", 0x5C)):
            pad = bytes(byte ^ mask for byte in key)
            con.execute(f"SET VARIABLE hmac_{name}_{part} = ?::BLOB", [pad])
        inner = f"unhex(sha256(getvariable('hmac_{name}_inner')::BLOB || encode({person})))"
        outer = f"sha256(getvariable('hmac_{name}_outer')::BLOB || {inner})"
        return f"left({outer}, {LENGTH})"


def forget(con: duckdb.DuckDBPyConnection, *names: str) -> None:
    """Take the keys out of a connection."""
    for name in names:
        for part in ("inner", "outer"):
            con.execute(f"RESET VARIABLE hmac_{name}_{part}")
