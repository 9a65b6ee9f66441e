"""A bare server that keeps one file of a PUT as this one must: read, digested, sealed, written and on the disk when it is told so.

It is the floor of a large upload: one process, MD5 in a thread beside the rest, as few copies as Python takes; and nothing around
it, no HTTP but one head, no gate, no database, no key tree. `python -m bench.receiver FOLDER` says its port and answers until it is ended.
"""

from __future__ import annotations

import hashlib
import os
import socket
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_PIECE, _FRAME = 1024 * 1024, 64 * 1024
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def main(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(max_workers=1) as beside:
        print(listening.getsockname()[1], flush=True)
        number = 0
        while True:
            connection, _address = listening.accept()
            with connection:
                keep(connection, folder / f"kept{number}", beside)
                connection.sendall(_ANSWER)
            number += 1


def keep(connection: socket.socket, path: Path, beside: ThreadPoolExecutor) -> None:
    stream, size = connection.makefile("rb", buffering=_PIECE), 0
    while (line := stream.readline()) not in (b"\r\n", b""):
        name, _colon, value = line.partition(b":")
        size = int(value) if name.lower() == b"content-length" else size
    md5, cipher, frame = hashlib.md5(usedforsecurity=False), AESGCM(os.urandom(32)), 0
    before: Future[None] | None = None
    with path.open("wb", buffering=0) as file:
        while size > 0 and (piece := stream.read(min(_PIECE, size))):
            size -= len(piece)
            digested = beside.submit(md5.update, piece)
            for start in range(0, len(piece), _FRAME):
                file.write(cipher.encrypt(frame.to_bytes(12, "big"), piece[start : start + _FRAME], None))
                frame += 1
            if before is not None:
                before.result()
            before = digested
        if before is not None:
            before.result()
        os.fsync(file.fileno())
    path.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
