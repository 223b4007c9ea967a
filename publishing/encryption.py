"""Encryption to a recipient's key: what tells of persons leaves no other way.

Belongs here: age (X25519) as a stream that other code writes into, and reading the keys. Does
not belong here: what is written (extracts/lists.py), and signatures (signing.py).

Nothing is written in clear on the way: what is written goes through a pipe of the operating
system into the encryption, and only its result reaches the disk.
"""

from __future__ import annotations

import contextlib
import io
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pyrage

from warehouse.errors import CakupanError, UsageError

SUFFIX = ".age"


def read_keys(keys: Sequence[str], whose: str) -> list[pyrage.x25519.Recipient]:
    """Read age public keys.

    Args:
        keys: texts such as `age1...`.
        whose: named in the error.

    Raises:
        UsageError: there is none, or one is no public key of age.
    """
    if not keys:
        raise UsageError(
            f"no key is set for recipient {whose}: put its age public key under "
            "extracts.recipient_keys in the settings; without one no list is written"
        )
    read = []
    for key in keys:
        recipient = None
        # Its text is not told: it may be a private key given by mistake.
        with contextlib.suppress(pyrage.RecipientError):
            recipient = pyrage.x25519.Recipient.from_str(key.strip())
        if recipient is None:
            raise UsageError(
                f"a key of recipient {whose} is no public key of age: it begins with age1 and "
                "comes from `age-keygen -y`. Never put a private key there."
            )
        read.append(recipient)
    return read


class EncryptedFile(io.RawIOBase):
    """A file that is encrypted while it is written; bounded memory, nothing in clear on disk.

    Use it as a context manager. Where the block raises, or the encryption fails, nothing is
    left at the path.

    Args:
        path: where the encrypted file goes; it must not exist.
        recipients: keys from `read_keys`.
    """

    def __init__(self, path: Path, recipients: Sequence[pyrage.x25519.Recipient]) -> None:
        super().__init__()
        self.path = path
        self.clear_bytes = 0
        self._fault = ""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._target = os.fdopen(descriptor, "wb")
        read_end, self._write_end = os.pipe()
        self._source = os.fdopen(read_end, "rb", buffering=1 << 20)
        self._thread = threading.Thread(
            target=self._encrypt, args=(list(recipients),), name="encryption", daemon=True
        )
        self._thread.start()

    def writable(self) -> bool:
        """It can be written to."""
        return True

    def seekable(self) -> bool:
        """It cannot be sought in: it is a stream."""
        return False

    def tell(self) -> int:
        """Give how many bytes were written into it; Parquet needs to know."""
        return self.clear_bytes

    def write(self, content: object, /) -> int:
        """Write bytes, all of them.

        Raises:
            CakupanError: the encryption has failed.
        """
        view = memoryview(content).cast("B")  # type: ignore[arg-type]
        size, sent, broken = len(view), 0, False
        while sent < size and not broken:
            try:
                sent += os.write(self._write_end, view[sent : sent + (1 << 20)])
            except BrokenPipeError:
                broken = True
        if broken:
            raise CakupanError(f"{self.path.name} could not be written: {self._fault or 'stopped'}")
        self.clear_bytes += size
        return size

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._write_end)
        self._thread.join()
        self._target.close()
        super().close()
        if kind is not None or self._fault:
            self.path.unlink(missing_ok=True)
        if kind is None and self._fault:
            raise CakupanError(f"{self.path.name} could not be written: {self._fault}")

    def _encrypt(self, recipients: list[pyrage.x25519.Recipient]) -> None:
        try:
            pyrage.encrypt_io(self._source, self._target, recipients)
            self._target.flush()
            os.fsync(self._target.fileno())
        except Exception as error:  # noqa: BLE001 - told by the writer, in its own thread
            self._fault = (getattr(error, "strerror", None) or type(error).__name__) + (
                "; check the free space of the disk"
            )
        finally:
            # Whoever still writes gets a broken pipe, and does not wait for ever.
            self._source.close()
