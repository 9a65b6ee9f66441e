"""A small front door over TCP: to one of several backends that answer, or faulty on request. What a load balancer does."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from types import TracebackType
from typing import Self

_PIECE = 64 * 1024
_REFUSED = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Front:
    """Listens on a port of its own. `fault` is "", "500" (each request is refused) or "slow" (each waits `delay` seconds)."""

    def __init__(self, backends: Sequence[int], *, delay: float = 2.0) -> None:
        self.backends = list(backends)
        self.delay = delay
        self.fault = ""
        self.refused = 0
        self._next = 0
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                caller, _ = self._socket.accept()
            except OSError:
                return  # closed: the test is over
            threading.Thread(target=self._serve, args=(caller,), daemon=True).start()

    def _serve(self, caller: socket.socket) -> None:
        with closing(caller):
            if self.fault == "500":
                self.refused += 1
                self._refuse(caller)
                return
            if self.fault == "slow":
                time.sleep(self.delay)
            backend = self._connect()
            if backend is None:
                return
            with closing(backend):
                self._pass_on(caller, backend)

    def _refuse(self, caller: socket.socket) -> None:
        caller.settimeout(1)
        try:
            caller.recv(_PIECE)
            caller.sendall(_REFUSED)
            while caller.recv(_PIECE):  # a sender that is cut off before it has read the answer never sees it
                pass
        except OSError:
            return

    def _connect(self) -> socket.socket | None:
        for _ in self.backends:
            self._next += 1
            port = self.backends[self._next % len(self.backends)]
            try:
                return socket.create_connection(("127.0.0.1", port), timeout=2)
            except OSError:
                continue
        return None

    def _pass_on(self, caller: socket.socket, backend: socket.socket) -> None:
        backend.settimeout(None)
        other = {caller: backend, backend: caller}
        try:
            while True:
                ready, _, _ = select.select(list(other), [], [], 120)
                if not ready:
                    return
                for one in ready:
                    piece = one.recv(_PIECE)
                    if not piece or self.fault == "500":  # connections that are kept open are cut as well
                        return
                    if self.fault == "slow" and one is caller:
                        time.sleep(self.delay)
                    other[one].sendall(piece)
        except OSError:
            return
