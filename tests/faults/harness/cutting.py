"""A wire to a database that can be cut after a number of bytes.

Belongs here: a proxy on this machine between a driver and a server. Does not belong here: what
must come of a cut wire.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading

_NO_LINGER = struct.pack("ii", 1, 0)
"""Closing then sends a reset, as a broken network does, not a goodbye."""


class Wire:
    """Passes bytes between drivers and a server's socket file; a context manager.

    Args:
        server: path of the socket file.

    Attributes:
        port: where drivers connect to, on 127.0.0.1.
        cut_after: bytes from the server after which a connection is reset; None for never.
        cuts: how many connections are reset at most; later ones pass whole.
        passed: bytes that the server sent, one number for each connection.
    """

    def __init__(self, server: str) -> None:
        self.server = server
        self.cut_after: int | None = None
        self.cuts = 1_000
        self.passed: list[int] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Wire:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_problem: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect(self.server)
            number = len(self.passed)
            self.passed.append(0)
            cut = self.cut_after if number < self.cuts else None
            threading.Thread(target=_forward, args=(near, far), daemon=True).start()
            threading.Thread(target=self._back, args=(far, near, number, cut), daemon=True).start()

    def _back(self, far: socket.socket, near: socket.socket, number: int, cut: int | None) -> None:
        while True:
            try:
                block = far.recv(4096)
            except OSError:
                block = b""
            if cut is not None and self.passed[number] + len(block) > cut:
                with contextlib.suppress(OSError):
                    near.sendall(block[: max(cut - self.passed[number], 0)])
                near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
                block = b""
            if not block:
                break
            self.passed[number] += len(block)
            try:
                near.sendall(block)
            except OSError:
                break
        for end in (near, far):
            # Wakes the thread that waits for the other direction.
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RD)
            end.close()


def _forward(near: socket.socket, far: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while block := near.recv(4096):
            far.sendall(block)
    with contextlib.suppress(OSError):
        far.shutdown(socket.SHUT_WR)
