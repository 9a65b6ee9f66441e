"""Three web servers and two workers on PostgreSQL, a broker and S3, each part to be killed, paused and restarted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests import servers
from tests.e2e.cluster.front import Front
from tests.live import ROOT, LiveServer
from tests.remote import RemotePlaces
from tests.servers import Postgres, Servers

WEB, WORKERS = 3, 2


@dataclass
class Part:
    """One process of the cluster."""

    command: list[str]
    env: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, cwd=ROOT, env=self.env, stdout=log, stderr=log, start_new_session=True
            )

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        os.killpg(self.process.pid, number)

    def kill(self) -> None:
        if self.process is None:
            return
        self.signal(signal.SIGKILL)
        self.process.wait()
        self.process = None


@dataclass
class Cluster:
    instance: LiveServer  # for manage.py: it is not started itself
    postgres: Postgres
    broker: str
    web: list[Part]
    ports: list[int]
    workers: list[Part]
    front: Front
    store: Front
    places: RemotePlaces

    @property
    def url(self) -> str:
        return self.front.url

    def wait_for_web(self) -> None:
        for port in self.ports:
            servers.wait_for(lambda port=port: servers.listens(port), "a web server")  # type: ignore[misc]


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    with ExitStack() as stack:
        folder.chmod(0o755)
        # Its data must survive being killed, so it is asked to be as careful as in use.
        postgres = Postgres(folder / "postgresql", settings=("max_connections=200",))
        postgres.create()
        postgres.start()
        stack.callback(postgres.stop)
        s3 = stack.enter_context(servers.s3(folder))
        store = stack.enter_context(Front([int(s3.rsplit(":", 1)[1])], delay=1.0))
        broker = stack.enter_context(servers.broker(folder))
        places = RemotePlaces(Servers(postgres.url, broker, s3))
        instance = LiveServer(places=places)
        stack.callback(instance.remove)
        instance.prepare()
        # From here on everything reaches the store through a door that can be faulty.
        env = instance.env | {"OWNLOG_STORAGE_URL": places.env["OWNLOG_STORAGE_URL"].replace(s3, store.url)}
        instance.env = env
        ports = [servers.free_port() for _ in range(WEB)]
        web = [
            Part(
                instance.web_command(port=port), env | {"OWNLOG_PORT": str(port)}, folder / f"web-{port}.log"
            )
            for port in ports
        ]
        worker = [sys.executable, "-m", "config.launch.worker"]
        workers = [Part(worker, env, folder / f"worker-{number}.log") for number in range(WORKERS)]
        for part in (*web, *workers):
            part.start()
            stack.callback(part.kill)
        front = stack.enter_context(Front(ports))
        made = Cluster(instance, postgres, broker, web, ports, workers, front, store, places)
        made.wait_for_web()
        yield made
