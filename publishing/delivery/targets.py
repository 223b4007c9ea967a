"""Where extracts are put: folders, SFTP servers and object stores, by fsspec.

Belongs here: opening a target of the settings, and the few things that are done there. Does not
belong here: what is sent and when (sending.py).
"""

from __future__ import annotations

import base64
import errno
import fnmatch
import hashlib
import importlib
import os
import posixpath
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from fsspec.core import url_to_fs

from warehouse.errors import SourceDown, UsageError
from warehouse.settings import DeliveryTarget, Settings

T = TypeVar("T")

_PART = ".part"
HOST_KEY = "host_key_sha256"
_CHUNK = 1 << 20


def targets_of(settings: Settings, recipient: str) -> list[DeliveryTarget]:
    """Give the targets of the settings that a recipient's key fits."""
    return [
        target
        for target in settings.extracts.targets
        if any(fnmatch.fnmatchcase(recipient, pattern) for pattern in target.recipients)
    ]


class Target:
    """One target, opened.

    Args:
        target: as the settings have it.
        recipient: whose key stands for `{key}` in its URL.

    Raises:
        UsageError: the URL holds a password, an environment variable is not set, SFTP lacks
            its host key or its package, or no file system takes the URL.
        SourceDown: it cannot be reached, or is another server than the settings say.
    """

    def __init__(self, target: DeliveryTarget, recipient: str) -> None:
        self.url = target.url.replace("{key}", recipient.replace("/", "-"))
        if "@" in self.url.split("://")[-1] and ":" in self.url.split("://")[-1].split("@")[0]:
            raise UsageError(
                f"the target of {', '.join(target.recipients)} holds a password in its URL: put it "
                "into an environment variable and name that under `secrets`"
            )
        options: dict[str, Any] = dict(target.options)
        for name, variable in target.secrets.items():
            if not os.environ.get(variable):
                raise UsageError(f"target {self.url}: environment variable {variable} is not set")
            options[name] = os.environ[variable]
        fault = ""
        try:
            if self.url.startswith(("sftp://", "ssh://")):
                self._check_host(str(options.pop(HOST_KEY, "")))
                # A password that fails must not be tried over a connection kept from before.
                options["skip_instance_cache"] = True
            self.fs, self.root = url_to_fs(self.url, **options)
        except ImportError as error:
            raise UsageError(
                f"target {self.url} needs a package that is not installed "
                f"({error.name or error}): have it installed, or give another target"
            ) from None
        except ValueError as error:
            raise UsageError(
                f"target {self.url} cannot be opened: {type(error).__name__}"
            ) from None
        except UsageError:
            raise
        except SourceDown:
            raise
        except Exception as error:  # noqa: BLE001 - every file system has errors of its own
            fault = type(error).__name__
        if fault:
            raise SourceDown(
                f"target {self.url} cannot be reached ({fault}): see that the server is up, and "
                "that its address, user and password are right; then run the command again"
            )

    def size(self, path: str) -> int | None:
        """Give the size of a file; None where there is none."""
        place = self._place(path)

        def look() -> int | None:
            return int(self.fs.info(place)["size"]) if self.fs.exists(place) else None

        return self._told(look)

    def read(self, path: str) -> bytes:
        """Read a small file."""
        return self._told(lambda: bytes(self.fs.cat_file(self._place(path))))

    def put(self, source: Path, path: str) -> None:
        """Put a file there; under its name only once it is whole.

        Raises:
            SourceDown: the target broke off; what was sent of the file is not under its name.
        """
        place = self._place(path)
        part = place + _PART

        def send() -> None:
            self.fs.makedirs(posixpath.dirname(place), exist_ok=True)
            with source.open("rb") as file, self.fs.open(part, "wb") as remote:
                while chunk := file.read(_CHUNK):
                    remote.write(chunk)
            if int(self.fs.info(part)["size"]) != source.stat().st_size:
                raise OSError("the file there is shorter than the one sent")
            if self.fs.exists(place):
                self.fs.rm_file(place)
            self.fs.mv(part, place)

        self._told(send)

    def _told(self, action: Callable[[], T]) -> T:
        """Do something; an error of the file system is told without paths and secrets."""
        try:
            return action()
        except Exception as error:  # noqa: BLE001 - every file system has errors of its own
            # The system's own words for an error of its own; they hold no path.
            known = isinstance(error, OSError) and error.errno in errno.errorcode
            fault = os.strerror(error.errno) if known else type(error).__name__  # type: ignore[attr-defined]
        raise SourceDown(
            f"target {self.url} broke off ({fault}); what was sent whole stays, and the next "
            "`cakupan deliver` goes on from there"
        )

    def _place(self, path: str) -> str:
        return posixpath.join(self.root, path)

    def _check_host(self, wanted: str) -> None:
        """See that the server is the one that the settings name, before any secret is sent."""
        if not wanted:
            raise UsageError(
                f"target {self.url}: put the server's key under options.{HOST_KEY} (ssh-keyscan "
                "HOST | ssh-keygen -lf -), so that no other server can pose as it"
            )
        try:
            paramiko = importlib.import_module("paramiko")
        except ImportError:
            raise UsageError(f"target {self.url} needs the package paramiko (extra sftp)") from None
        host = self.url.split("://")[1].split("/")[0].split("@")[-1]
        name, _, port = host.partition(":")
        transport = paramiko.Transport((name, int(port or 22)))
        try:
            transport.start_client(timeout=20)
            key = transport.get_remote_server_key().asbytes()
        finally:
            transport.close()
        found = base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")
        if found != wanted.removeprefix("SHA256:").rstrip("="):
            raise SourceDown(
                f"target {self.url} shows the key SHA256:{found}, not the one of the settings: it "
                "may be another server; nothing was sent"
            )
