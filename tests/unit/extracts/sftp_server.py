"""A small SFTP server on this machine, for the tests of delivery."""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import threading
from pathlib import Path

import paramiko

USER, PASSWORD = "penerima", "sandi-uji"


class _Login(paramiko.ServerInterface):
    def check_auth_password(self, username: str, password: str) -> int:
        good = (username, password) == (USER, PASSWORD)
        return paramiko.AUTH_SUCCESSFUL if good else paramiko.AUTH_FAILED

    def get_allowed_auths(self, _username: str) -> str:
        return "password"

    def check_channel_request(self, _kind: str, _number: int) -> int:
        return paramiko.OPEN_SUCCEEDED


class _Handle(paramiko.SFTPHandle):
    def __init__(self, server: SftpServer, path: Path, flags: int, mode: str) -> None:
        super().__init__(flags)
        self.server = server
        self.readfile = self.writefile = path.open(mode)

    def write(self, offset: int, data: bytes) -> int:
        if not self.server.may_write(len(data)):
            return paramiko.SFTP_FAILURE
        return super().write(offset, data)

    def stat(self) -> paramiko.SFTPAttributes:
        return paramiko.SFTPAttributes.from_stat(os.fstat(self.readfile.fileno()))


class _Files(paramiko.SFTPServerInterface):
    server: SftpServer

    def __init__(self, *_: object, served: SftpServer, **__: object) -> None:
        self.server = served

    def _real(self, path: str) -> Path:
        return self.server.root / path.lstrip("/")

    def _attempt(self, action) -> int:
        try:
            action()
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)
        return paramiko.SFTP_OK

    def stat(self, path: str):
        try:
            return paramiko.SFTPAttributes.from_stat(self._real(path).stat())
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)

    lstat = stat

    def list_folder(self, path: str):
        entries = []
        for entry in self._real(path).iterdir():
            attributes = paramiko.SFTPAttributes.from_stat(entry.stat())
            attributes.filename = entry.name
            entries.append(attributes)
        return entries

    def open(self, path: str, flags: int, _attributes: object):
        mode = "r+b" if flags & (os.O_WRONLY | os.O_RDWR) else "rb"
        if flags & os.O_TRUNC or (flags & os.O_CREAT and not self._real(path).exists()):
            mode = "w+b"
        try:
            return _Handle(self.server, self._real(path), flags, mode)
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)

    def mkdir(self, path: str, _attributes: object) -> int:
        return self._attempt(self._real(path).mkdir)

    def remove(self, path: str) -> int:
        return self._attempt(self._real(path).unlink)

    def rename(self, old: str, new: str) -> int:
        return self._attempt(lambda: self._real(old).rename(self._real(new)))

    posix_rename = rename


class SftpServer:
    """Serves a folder until it is closed; `fail_after` bytes it takes no more."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.key = paramiko.ECDSAKey.generate()
        self.fail_after: int | None = None
        self.written = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._transports: list[paramiko.Transport] = []
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def fingerprint(self) -> str:
        digest = hashlib.sha256(self.key.asbytes()).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")

    def may_write(self, size: int) -> bool:
        self.written += size
        return self.fail_after is None or self.written <= self.fail_after

    def close(self) -> None:
        self._socket.close()
        for transport in self._transports:
            transport.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            transport = paramiko.Transport(client)
            transport.add_server_key(self.key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _Files, served=self)
            self._transports.append(transport)
            transport.start_server(event=threading.Event(), server=_Login())
