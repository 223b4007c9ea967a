"""Signatures: proof that a file was made here and not changed since.

Belongs here: Ed25519 keys, signing and verifying. Does not belong here: what is signed
(extracts/folder.py), and encryption (encryption.py).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from warehouse.errors import UsageError

OWNER_ONLY = 0o600
_PEM = serialization.Encoding.PEM


@dataclass(frozen=True)
class Signer:
    """A private key, ready to sign; its text shows no key.

    Attributes:
        private_bytes: the raw key; a signer can be handed to another process.
    """

    private_bytes: bytes

    def __repr__(self) -> str:
        return f"Signer({self.fingerprint})"

    def sign(self, content: bytes) -> bytes:
        """Give the signature of a content, 64 bytes."""
        return self._key().sign(content)

    @property
    def public_pem(self) -> bytes:
        """The public key, as PEM."""
        return (
            self._key()
            .public_key()
            .public_bytes(_PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        )

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the public key, to be compared by another way than the files came."""
        return fingerprint(self.public_pem)

    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.private_bytes)


def fingerprint(public_pem: bytes) -> str:
    """Give the SHA-256 of a public key, in hex.

    Raises:
        UsageError: the text is no Ed25519 public key.
    """
    return hashlib.sha256(_public(public_pem).public_bytes_raw()).hexdigest()


def load_signer(path: Path) -> Signer:
    """Read a private key.

    Raises:
        UsageError: the file is missing, open to others than its owner, or no Ed25519 key in
            PEM without a password.
    """
    if not path.is_file():
        raise UsageError(
            f"signing key {path} does not exist: make one with "
            f"`openssl genpkey -algorithm ed25519 -out {path}` and `chmod 600 {path}`"
        )
    if path.stat().st_mode & 0o077:
        raise UsageError(f"signing key {path} can be read by others: chmod 600 {path}")
    fault = ""
    key: object = None
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError):
        fault = "is no private key in PEM without a password"
    if not fault and not isinstance(key, Ed25519PrivateKey):
        fault = "is no Ed25519 key"
    if fault or not isinstance(key, Ed25519PrivateKey):
        raise UsageError(f"signing key {path} {fault}")
    return Signer(key.private_bytes_raw())


def make_signer(path: Path) -> Signer:
    """Read the key at a path, or make one there, owner-only, where there is none."""
    if not path.exists():
        key = Ed25519PrivateKey.generate()
        pem = key.private_bytes(
            _PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
    return load_signer(path)


def house_signer(home: Path, configured: Path | None) -> Signer:
    """Give the key of a home: the settings' one, or its own, made where there is none.

    Args:
        home: its folder.
        configured: `extracts.signing_key` of the settings.

    Raises:
        UsageError: as `load_signer`.
    """
    return load_signer(configured) if configured else make_signer(home / "keys" / "signing.pem")


def is_signed(content: bytes, signature: bytes, public_pem: bytes) -> bool:
    """Tell whether a signature is that of a content, by a public key.

    Raises:
        UsageError: the public key is none.
    """
    try:
        _public(public_pem).verify(signature, content)
    except InvalidSignature:
        return False
    return True


def _public(public_pem: bytes) -> Ed25519PublicKey:
    key: object = None
    with contextlib.suppress(ValueError):
        key = serialization.load_pem_public_key(public_pem)
    if not isinstance(key, Ed25519PublicKey):
        raise UsageError("the public key is no Ed25519 key in PEM")
    return key
