"""The head of the audit log: its last number and hash, signed, so that no end can be cut off.

Belongs here: writing, reading and proving the head. Does not belong here: the entries
(audit.py), and the key itself (signing.py).

The head is signed with the key that signs the manifests: who can write to the folder but has not
that key can neither cut the log and write a head to match, nor add entries of their own. A new
head is written beside the old one before the entries are, and takes its place after them. A
killed process leaves none of its entries, all of them, or a part; the next one completes what is
all there, and takes the part back.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from publishing.signing import Signer, is_signed

_MODE = 0o600
_PARTS = 4

End = tuple[int, str]
"""Number and hash of an entry."""


class Head:
    """The head in a folder.

    Args:
        path: its file.
        signer: gives the key; asked when the head is written or proven.
    """

    def __init__(self, path: Path, signer: Callable[[], Signer]) -> None:
        self.path = path
        self.new = path.with_suffix(".new")
        self._signer = signer

    def prepare(self, end: End) -> None:
        """Write the coming head beside the present one; it reaches the disk."""
        signer = self._signer()
        text = f"{end[0]} {end[1]} {signer.fingerprint} {signer.sign(_content(end)).hex()}\n"
        descriptor = os.open(self.new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _MODE)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())

    def switch(self) -> None:
        """Put the prepared head in its place."""
        self.new.replace(self.path)
        descriptor = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def drop(self) -> None:
        """Forget the prepared head."""
        self.new.unlink(missing_ok=True)

    def read(self) -> End | None:
        """Give the end that the head tells, if the signature is right; else None."""
        return self._read(self.path)

    def prepared(self) -> End | None:
        """Give the end of a head that a killed process prepared; None where there is none."""
        coming, present = self._read(self.new), self.read()
        # An older one, put there by somebody, would take entries away.
        return coming if coming and coming[0] > (present[0] if present else 0) else None

    def fault(self) -> str:
        """Tell what is wrong with the head itself; empty if nothing is."""
        if not self.path.exists():
            return f"{self.path} is missing"
        if self.read() is None:
            return (
                f"{self.path} is not signed with the key of this home "
                f"({self._signer().fingerprint[:16]}…): somebody changed it, or the key is another "
                "one. If you know why, sign it again: cakupan audit seal"
            )
        return ""

    def _read(self, path: Path) -> End | None:
        with contextlib.suppress(OSError, ValueError):
            parts = path.read_text("utf-8").split()
            if len(parts) == _PARTS:
                end = int(parts[0]), parts[1]
                if is_signed(_content(end), bytes.fromhex(parts[3]), self._signer().public_pem):
                    return end
        return None


def _content(end: End) -> bytes:
    # The words keep a signature of a head from ever being one of a manifest.
    return f"cakupan audit head\n{end[0]} {end[1]}\n".encode()
