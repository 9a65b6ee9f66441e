"""A whole instance in a temp folder: the web server over HTTP, with a worker when a test asks for one."""

from __future__ import annotations

import atexit
import fcntl
import functools
import os
import resource
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.remote import RemotePlaces
from tests.servers import free_port, present

ROOT = Path(__file__).resolve().parents[1]
# Whoever names one of these has a reason not to begin as a copy.
_PLACES = {
    "DJANGO_SETTINGS_MODULE", "OWNLOG_DATA", "OWNLOG_DATABASE_URL", "OWNLOG_KEY_DIR", "OWNLOG_STORAGE_URL", "OWNLOG_VAULT_URL",
}  # fmt: skip
API_KEY = "own_" + "k" * 36


# Where the processes of one run of the suite find what each of them begins as a copy of; tests/conftest.py sets it.
SHARED = "OWNLOG_TEST_SHARED"


def shared(name: str, make: Callable[[LiveServer], object]) -> LiveServer:
    """An instance that is never started, for others to begin as copies of. Of all workers the first that asks makes it."""
    place = shared_folder() / name
    with place.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        place.mkdir(exist_ok=True)
        # The name of its databases and of its bucket, which takes no _.
        instance = LiveServer(folder=place, name=f"{place.parent.name}-{name}".replace("_", "-"))
        if not (place / "made").exists():
            make(instance)
            (place / "made").touch()
    instance.is_prepared = True
    return instance


@functools.cache
def shared_folder() -> Path:
    """Of the pytest that started this process, or this process's own; gone when it ends."""
    if SHARED in os.environ:
        return Path(os.environ[SHARED])
    folder = Path(tempfile.mkdtemp(prefix="ownlog-shared-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@functools.cache
def migrated() -> LiveServer:
    """Both databases and no key: what takes five seconds of CPU from nothing, once in a run of the suite."""
    return shared("migrated", LiveServer._migrate)


@functools.cache
def _ready() -> LiveServer:
    """An instance with nothing in it."""
    return shared("ready", lambda instance: instance.prepare_like(migrated()).manage("vault", "ready"))


class LiveServer:
    """An instance over a data folder of its own; restartable, also after kill -9.

    It is the web server alone, so that nothing happens behind a test's back; `with_worker` starts all that `make up` does.
    """

    def __init__(
        self,
        *,
        env: Mapping[str, str] | None = None,
        threads: int = 4,
        with_worker: bool = False,
        places: RemotePlaces | None = None,
        folder: Path | None = None,
        name: str | None = None,
        tls: tuple[Path, Path] | None = None,
    ) -> None:
        self.with_worker = with_worker
        # Its certificate, which signs itself, and the key of it.
        self.tls = tls
        self.folder = folder or Path(tempfile.mkdtemp(prefix="ownlog-live-"))
        self.data = self.folder / "var"
        self.keys = self.folder / "keys"
        self.log = self.folder / "server.log"
        self.port = free_port()
        self.threads = threads
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        # A clean environment: nothing of the test's own settings may leak into the instance.
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("OWNLOG_", "DJANGO_"))
        }
        self.env = kept | {
            "OWNLOG_DATA": str(self.data),
            "OWNLOG_KEY_DIR": str(self.keys),
            "OWNLOG_PORT": str(self.port),
            "DJANGO_SETTINGS_MODULE": "config.settings.local",
            "PYTHONUNBUFFERED": "1",
            "TMPDIR": str(self.folder),
        }
        servers = present()
        self.remote = places or (RemotePlaces(servers, name=name) if servers else None)
        if self.remote:
            self.env |= self.remote.env
        self.env |= env or {}
        self.is_special = places is not None or not _PLACES.isdisjoint(env or {})
        self.process: subprocess.Popen[bytes] | None = None
        self.is_prepared = False

    def manage(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        """Run manage.py on this instance and return what it printed."""
        return self.python("manage.py", *arguments, stdin=stdin, check=check)

    def python(
        self, *arguments: str, stdin: str | None = None, check: bool = True, timeout: float = 120
    ) -> str:
        """Run Python in this instance's environment and return what it printed."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.env,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check and done.returncode != 0:
            raise RuntimeError(f"python {' '.join(arguments[:2])} failed:\n{done.stdout}\n{done.stderr}")
        return done.stdout + done.stderr

    def prepare(self) -> Self:
        """Ready to start. To migrate takes seconds, so it is done once, and all others begin as copies of that."""
        return self._make_ready() if self.is_special else self.prepare_like(_ready())

    def _migrate(self) -> None:
        if self.remote:
            self.remote.make()
        self.manage("migrate", "-v0")
        self.manage("migrate", "-v0", "--database", "vault")
        (self.keys / "django_secret").unlink(missing_ok=True)  # whoever begins as a copy makes one of its own

    def _make_ready(self) -> Self:
        self._migrate()
        self.manage("vault", "ready")
        self.is_prepared = True
        return self

    def prepare_like(self, other: LiveServer) -> Self:
        """Begin with a copy of what another instance has, which must be stopped: quicker than to migrate again."""
        if self.remote:
            self.remote.make(like=other.remote)
        shutil.copytree(other.data, self.data)
        shutil.copytree(other.keys, self.keys)
        self.is_prepared = True
        return self

    def account(self, name: str, key: str = API_KEY) -> str:
        """An account whose API key is `key`."""
        self.manage(
            "create_account", name, "--email", f"{name}@example.com", "--api-key-stdin", stdin=key + "\n"
        )
        return key

    def start(self, app: str = "config.wsgi:application", **env: str) -> Self:
        self.launch(app, **env)
        self.wait()
        return self

    def launch(self, app: str = "config.wsgi:application", **env: str) -> None:
        """Start without waiting until it answers."""
        command = [sys.executable, "-m", "config.launch"] if self.with_worker else self.web_command(app)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.env | env, stdout=log, stderr=log, start_new_session=True
            )

    def web_command(self, app: str = "config.wsgi:application", *, port: int | None = None) -> list[str]:
        command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1"]
        command += [
            "--port",
            str(port or self.port),
            "--workers",
            "1",
            "--blocking-threads",
            str(self.threads),
        ]
        if self.tls:
            command += ["--ssl-certificate", str(self.tls[0]), "--ssl-keyfile", str(self.tls[1])]
        return [*command, "--no-ws", "--http", "1", "--log-level", "warning", app]

    def wait(self, seconds: float = 90) -> None:
        deadline = time.monotonic() + seconds
        trusted = ssl.create_default_context(cafile=self.tls[0]) if self.tls else None
        while time.monotonic() < deadline:
            if self.process is not None and self.process.poll() is not None:
                raise RuntimeError(f"the server ended:\n{self.log.read_text()[-4000:]}")
            try:
                urllib.request.urlopen(self.url + "/health", timeout=2, context=trusted).close()
            except urllib.error.HTTPError:
                return
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise TimeoutError(f"no answer within {seconds} s:\n{self.log.read_text()[-4000:]}")

    def processes(self) -> dict[int, str]:
        """The server and everything it started: the command line of each living process."""
        assert self.process is not None
        found = {}
        listing = subprocess.run(
            ["ps", "-axwwo", "pid=,command="], capture_output=True, text=True, check=True
        ).stdout
        for pid, command in (line.split(None, 1) for line in listing.splitlines()):
            try:
                if os.getsid(int(pid)) == self.process.pid and "<defunct>" not in command:
                    found[int(pid)] = command
            except ProcessLookupError:
                continue
        return found

    def kill(self) -> None:
        """kill -9 of the server and everything it started."""
        if self.process is not None:
            self._kill_all()
            self.process.wait()
            self.process = None

    def _kill_all(self) -> None:
        # One may start another while it is being killed.
        while found := self.processes():
            for pid in found:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            time.sleep(0.01)

    def restart(self, app: str = "config.wsgi:application", **env: str) -> Self:
        """kill -9, then start again."""
        self.kill()
        return self.start(app, **env)

    def limit_file_size(self, size: int | None) -> None:
        """Let no file that the server writes grow past `size`: the disk is full. None makes room again."""
        for pid in self.processes():
            hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard if size is None else size, hard))

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                pass
            self._kill_all()
            self.process.wait()
            self.process = None

    def __enter__(self) -> Self:
        if not self.is_prepared:
            self.prepare()
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self.remove()

    def remove(self) -> None:
        if self.remote:
            self.remote.remove()
        shutil.rmtree(self.folder, ignore_errors=True)
