"""A whole instance in a temp folder: the web server over HTTP, with a worker when a test asks for one."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).resolve().parents[1]
API_KEY = "own_" + "k" * 36


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class LiveServer:
    """granian serving config.wsgi over a data folder of its own; restartable, also after kill -9."""

    def __init__(self, *, env: Mapping[str, str] | None = None, threads: int = 4) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ownlog-live-"))
        self.data = self.folder / "var"
        self.keys = self.folder / "keys"
        self.log = self.folder / "server.log"
        self.port = free_port()
        self.threads = threads
        self.url = f"http://127.0.0.1:{self.port}"
        # A clean environment: nothing of the test's own settings may leak into the instance.
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("OWNLOG_", "DJANGO_"))}
        self.env = kept | {
            "OWNLOG_DATA": str(self.data),
            "OWNLOG_KEY_DIR": str(self.keys),
            "DJANGO_SETTINGS_MODULE": "config.settings.local",
            "PYTHONUNBUFFERED": "1",
            **(env or {}),
        }
        self.process: subprocess.Popen[bytes] | None = None

    def manage(self, *arguments: str, input: str | None = None, check: bool = True) -> str:
        """Run manage.py on this instance and return what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.env,
            input=input,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if check and done.returncode != 0:
            raise RuntimeError(f"manage.py {arguments[0]} failed:\n{done.stdout}\n{done.stderr}")
        return done.stdout + done.stderr

    def prepare(self) -> Self:
        self.manage("migrate", "-v0")
        self.manage("migrate", "-v0", "--database", "vault")
        self.manage("vault", "ready")
        return self

    def account(self, name: str, key: str = API_KEY) -> str:
        """An account whose API key is `key`."""
        self.manage("create_account", name, "--email", f"{name}@example.com", "--api-key-stdin", input=key + "\n")
        return key

    def start(self, **env: str) -> Self:
        command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1"]
        command += ["--port", str(self.port), "--workers", "1", "--blocking-threads", str(self.threads)]
        command += ["--no-ws", "--http", "1", "--log-level", "warning", "config.wsgi:application"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.env | env, stdout=log, stderr=log, start_new_session=True
            )
        self.wait()
        return self

    def wait(self, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process is not None and self.process.poll() is not None:
                raise RuntimeError(f"the server ended:\n{self.log.read_text()[-4000:]}")
            try:
                urllib.request.urlopen(self.url + "/health", timeout=2).close()
            except urllib.error.HTTPError:
                return
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise TimeoutError(f"no answer within {seconds} s:\n{self.log.read_text()[-4000:]}")

    def kill(self) -> None:
        """kill -9 of the server and everything it started."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                pass
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()
            self.process = None

    def __enter__(self) -> Self:
        return self.prepare().start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
