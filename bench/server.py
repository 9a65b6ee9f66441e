"""The server's own figures: taking in, keeping, reading and listing what runs log, on SQLite and on PostgreSQL.

`python -m bench.server [sqlite] [postgresql] [ingest] [reading] [live] [listing]` measures and prints; where no database, or
no group of figures, is named, all of them. Each figure has its floor from the same run: the least that the same work takes on
this machine with nothing around it.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import psutil
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import requests
import zstandard
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from tsdownsample import M4Downsampler

from apps.demo.people import PASSWORD
from bench import load
from bench.figures import Figure, median, share
from bench.report import report
from tests import servers
from tests.e2e.clients import Http
from tests.e2e.durability.stored import count
from tests.live import API_KEY, LiveServer
from tests.remote import RemotePlaces

DATABASES = ("sqlite", "postgresql")
STEPS, CONNECTIONS = 100_000, 4
LISTED_RUNS, KEYS = 10_000, 20
LIVE_RUNS, LIVE_SECONDS = 200, 20
REPEATS = 15
SWEEP_SECONDS = 40


def measure(
    world: object = None, *, databases: Sequence[str] = DATABASES, groups: Sequence[str] = ()
) -> list[Figure]:
    """The figures on each kind of database, on instances of their own: the world is other modules'."""
    figures = [figure for database in databases for figure in _measure_on(database, groups or tuple(GROUPS))]
    return sorted(figures, key=lambda one: [group.__doc__ for group in GROUPS.values()].index(one.how))


def _measure_on(database: str, groups: Sequence[str]) -> list[Figure]:
    with instance(database) as server:
        server.account("alice")
        return [
            replace(figure, database=database, how=group.__doc__ or "")
            for name, group in GROUPS.items()
            if name in groups
            for figure in group(server)
        ]


@contextmanager
def instance(database: str) -> Iterator[LiveServer]:
    """All that `make up` starts; on a PostgreSQL that is as careful as in use, where asked for."""
    with prepared(database) as server:
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def prepared(database: str) -> Iterator[LiveServer]:
    """The same, of which nothing was started yet."""
    with ExitStack() as stack:
        env, places = {}, None
        if database == "postgresql":
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ownlog-bench-")))
            folder.chmod(0o755)
            url = stack.enter_context(
                servers.postgresql(folder / "postgresql", settings=("shared_buffers=256MB",))
            )
            places = RemotePlaces(servers.Servers(url, broker="", s3=""), has_store=False)
            env = {"OWNLOG_LOG_LEVEL": "WARNING"}
        server = LiveServer(env=env, with_worker=True, places=places)
        stack.callback(server.remove)
        server.prepare()
        yield server


# ── Taking in and keeping ──


def ingest(server: LiveServer) -> list[Figure]:
    """Four runs of 100 000 steps x 10 doubles over four connections, until the last is compacted; the floors are parsing, packing and sealing them once, and one Parquet file of them."""
    senders = [_long_run(server, number) for number in range(CONNECTIONS)]
    before_bytes, before = stored_bytes(server), cpu_seconds(server)

    wall = load.send_all(senders)
    assert {status for sender in senders for status in sender.statuses} == {200}
    wait_until_compacted(server)

    points = CONNECTIONS * STEPS * len(load.METRICS)
    cpu = cpu_seconds(server) - before
    time.sleep(
        SWEEP_SECONDS
    )  # until the next sweep, with which a SQLite file gives back what the chunks took
    at_rest = stored_bytes(server) - before_bytes
    return [
        Figure(
            "ingest and compaction, CPU a point", cpu.total() / points * 1e6, "µs", _floor_of_ingest(), 2.0
        ),
        Figure("of it the web server's", cpu["web"] / points * 1e6, "µs"),
        Figure("of it the worker's", cpu["worker"] / points * 1e6, "µs"),
        Figure("ingest over 4 connections, points a second", points / wall, "points/s"),
        Figure("at rest, a point", at_rest / points, "bytes", _floor_at_rest(), 10.0),
    ]


def _long_run(server: LiveServer, number: int) -> load.Sender:
    Http(server.url).make_run(f"long{number}")
    path = f"/files/alice/demo/long{number}/file_stream"
    return load.Sender(server.url, path, load.batches(STEPS, seed=number))


def cpu_seconds(server: LiveServer) -> Counter[str]:
    """CPU so far of the web server, the worker and the rest (broker, launcher); a database server's own is not theirs."""
    used = Counter[str]()
    for pid, command in server.processes().items():
        part = "web" if "granian" in command else "worker" if "launch.worker" in command else "rest"
        try:
            times = psutil.Process(pid).cpu_times()
        except psutil.NoSuchProcess:
            continue
        used[part] += times.user + times.system
    return used


def stored_bytes(server: LiveServer) -> int:
    """Everything on the disk: both databases after a checkpoint, and the sealed files."""
    files = sum(path.stat().st_size for path in (server.data / "blobs").rglob("*") if path.is_file())
    if server.remote is None:
        _checkpoint(server)
        return files + sum(path.stat().st_size for path in server.data.glob("*.sqlite3*"))
    total = files
    for url, name in (
        (server.remote.database, server.remote.name),
        (server.remote.vault, f"{server.remote.name}-vault"),
    ):
        with psycopg.connect(url, autocommit=True) as there:
            there.execute("VACUUM FULL")
            there.execute("CHECKPOINT")
            size = there.execute("SELECT pg_database_size(%s)", [name]).fetchone()
            total += size[0] if size else 0
    return total


def _checkpoint(server: LiveServer) -> None:
    import sqlite3

    for path in server.data.glob("*.sqlite3"):
        with sqlite3.connect(path, timeout=60) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.close()


def wait_until_compacted(server: LiveServer, seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while left := count(server, "runs_chunk"):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{left} chunks were not compacted")
        time.sleep(0.5)


def _floor_of_ingest() -> float:
    """Unzipping the bodies, parsing them and their lines, compressing and sealing them once: µs of CPU a point."""
    bodies = load.batches(20_000, seed=0)[:-1]
    press, cipher = zstandard.ZstdCompressor(level=1), AESGCM(os.urandom(32))
    begun = time.process_time()
    for body in bodies:
        lines = orjson.loads(gzip.decompress(body))["files"]["wandb-history.jsonl"]["content"]
        for line in lines:
            orjson.loads(line)
        cipher.encrypt(os.urandom(12), press.compress("\n".join(lines).encode()), None)
    return (time.process_time() - begun) / (20_000 * len(load.METRICS)) * 1e6


def _floor_at_rest() -> float:
    """The same table as one Parquet file of plain columns: bytes a point."""
    return len(_parquet()) / (STEPS * len(load.METRICS))


def _parquet() -> bytes:
    rng = np.random.default_rng(0)
    columns = {key: rng.random(STEPS) for key in load.METRICS} | {"_step": np.arange(STEPS)}
    kept = io.BytesIO()
    pq.write_table(
        pa.table(columns), kept, compression="zstd", use_dictionary=False,
        use_byte_stream_split=list(load.METRICS), row_group_size=65536,
    )  # fmt: skip
    return kept.getvalue()


# ── Reading ──


def reading(server: LiveServer) -> list[Figure]:
    """One metric of a run with 100 000 steps over HTTP, the median of fifteen; the floors are the same columns out of a plain Parquet file."""
    key = load.METRICS[3].replace("/", "%2F")
    if not count(server, "runs_run"):  # `ingest` was not asked for
        load.send_all([_long_run(server, 1)])
        wait_until_compacted(server)
    browser, script = signed_in(server), requests.Session()
    script.trust_env = False
    script.headers["Authorization"] = f"Bearer {API_KEY}"
    chart = f"{server.url}/alice/demo/runs/long1/series?key={key}&points=1000"
    history = f"{server.url}/api/v1/projects/alice/demo/runs/long1/history"
    points = f"{history}?key=_step&key={key}&format=arrow"
    return [
        Figure("chart of 1 000 buckets over 100 000 steps, p50", timed(lambda: browser.get(chart)), "ms", _floor_of_chart(), 30.0),
        Figure("all 100 000 points of a metric (Arrow), p50", timed(lambda: script.get(points)), "ms", _floor_of_points(), 100.0),
        Figure("1.3 million values as Parquet, p50", timed(lambda: script.get(f"{history}?format=parquet"), repeats=5), "ms", _repeated(_parquet)),
    ]  # fmt: skip


def signed_in(server: LiveServer) -> requests.Session:
    """A session as a browser has it."""
    server.manage("shell", "-c", _SET_PASSWORD.format(password=PASSWORD))
    session = requests.Session()
    session.trust_env = False
    page = session.get(f"{server.url}/sign-in", timeout=60).text
    token = page.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    form = {"login": "alice", "password": PASSWORD, "csrfmiddlewaretoken": token}
    session.post(
        f"{server.url}/sign-in", form, headers={"Referer": server.url}, timeout=60
    ).raise_for_status()
    assert "ownlog_session" in session.cookies
    return session


_SET_PASSWORD = """
from apps.accounts.models import User
user = User.objects.get(username="alice")
user.set_password("{password}")
user.save()
"""


def timed(ask: Callable[[], requests.Response], *, repeats: int = REPEATS) -> float:
    """The median of the answers, in ms, the first left out."""
    found = []
    for _ in range(repeats + 1):
        begun = time.perf_counter()
        answer = ask()
        found.append((time.perf_counter() - begun) * 1000)
        assert answer.status_code == 200, answer.text[:500]
    return median(found[1:])


def _floor_of_chart() -> float:
    """One column out of a plain Parquet file, and its M4: ms."""
    kept = _parquet()

    def once() -> None:
        column = pq.read_table(io.BytesIO(kept), columns=["_step", load.METRICS[3]])
        values = column[load.METRICS[3]].to_numpy()
        M4Downsampler().downsample(values, n_out=4000)  # type: ignore[no-untyped-call]

    return _repeated(once)


def _floor_of_points() -> float:
    """One column out of a plain Parquet file, written as an Arrow stream: ms."""
    kept = _parquet()

    def once() -> None:
        table = pq.read_table(io.BytesIO(kept), columns=["_step", load.METRICS[3]])
        with pa.ipc.new_stream(io.BytesIO(), table.schema) as stream:
            stream.write_table(table)

    return _repeated(once)


def _repeated(act: Callable[[], object]) -> float:
    found = []
    for _ in range(REPEATS):
        begun = time.perf_counter()
        act()
        found.append((time.perf_counter() - begun) * 1000)
    return median(found)


# ── Many runs at once ──


def many_live(server: LiveServer) -> list[Figure]:
    """200 runs at once, each posting ten metrics a second for twenty seconds, not all in the same moment; the floor is `/health`."""
    http = Http(server.url)
    senders = []
    for number in range(LIVE_RUNS):
        http.make_run(f"live{number}")
        bodies = load.batches(LIVE_SECONDS, seed=number, lines=1)
        path = f"/files/alice/demo/live{number}/file_stream"
        senders.append(load.Sender(server.url, path, bodies, every_seconds=1.0))
    before = cpu_seconds(server)
    load.send_all(senders)
    cpu = cpu_seconds(server) - before
    seconds = [each * 1000 for sender in senders for each in sender.seconds]
    refused = sum(status >= 500 for sender in senders for status in sender.statuses)
    lost = sum(
        LIVE_SECONDS - http.read(f"live{number}", "historyLineCount")["historyLineCount"]
        for number in range(LIVE_RUNS)
    )
    bare = timed(lambda: requests.get(f"{server.url}/health", timeout=60))
    return [
        Figure("200 live runs, p99 of an answer", share(seconds, 99), "ms", bare, 300.0),
        Figure("200 live runs, CPU an answer", cpu.total() / len(seconds) * 1000, "ms"),
        Figure("200 live runs, answers of 5xx", refused, "answers", None, 0.0),
        Figure("200 live runs, lines lost", lost, "lines", None, 0.0),
    ]


# ── Listing ──


def listing(server: LiveServer) -> list[Figure]:
    """10 000 runs with 20 settings and 20 results each, filtered by one and sorted by another; the floor is the same over numbers in memory."""
    server.python("-m", "bench.server", "make-runs", timeout=1800)
    browser = signed_in(server)
    rows = f"{server.url}/alice/listed/rows?q=config.c3+%3E+0.5&order=-summary_metrics.s7&from=0"
    server.stop()
    server.start()
    begun = time.perf_counter()
    assert browser.get(rows, timeout=60).status_code == 200
    cold = (time.perf_counter() - begun) * 1000
    warm = timed(lambda: browser.get(rows, timeout=60))
    http = Http(server.url, project="listed")
    thousand = timed(
        lambda: http.session.post(
            f"{server.url}/graphql", json={"query": _THOUSAND, "variables": {}}, timeout=60
        ),
        repeats=5,
    )
    floor = _floor_of_listing()
    return [
        Figure("runs table, 50 of 10 000 filtered and sorted, warm p50", warm, "ms", floor, 30.0),
        Figure("runs table, first request of a fresh process", cold, "ms", None, 1500.0),
        Figure("1 000 runs in full (GraphQL), p50", thousand, "ms", None, 300.0),
    ]


_THOUSAND = """
query { project(name: "listed", entityName: "alice") { runs(first: 1000) { edges { node {
  id name displayName state config summaryMetrics createdAt heartbeatAt tags group jobType
} } } } }
"""


def _floor_of_listing() -> float:
    """The filter and the sort alone, over plain numbers in memory: ms."""
    rng = random.Random(0)
    listed = [(rng.random(), rng.random()) for _ in range(LISTED_RUNS)]
    return _repeated(lambda: sorted([run for run in listed if run[0] > 0.5], key=lambda run: -run[1])[:50])


def make_runs() -> None:
    """Inside the instance's environment: the runs of `listing`, through the services that real use goes through."""
    import django

    django.setup()
    from apps.accounts.actors import Actor
    from apps.accounts.models import User
    from apps.projects.services import get_or_create_project
    from apps.runs.services import start_run
    from apps.runs.types import RunPatch, RunState
    from apps.vault.tree import keys_in_use

    actor = Actor.person(User.objects.get(username="alice"))
    project = get_or_create_project(actor, entity="alice", name="listed")
    rng = random.Random(5)
    for first in range(0, LISTED_RUNS, 500):
        with keys_in_use():
            for number in range(first, first + 500):
                config = {f"c{key}": {"value": rng.random()} for key in range(KEYS)}
                summary = {f"s{key}": rng.random() for key in range(KEYS)}
                patch = RunPatch(
                    config_text=json.dumps(config), summary_text=json.dumps(summary), state=RunState.FINISHED
                )
                start_run(project, name=f"run{number:05d}", by=actor, patch=patch)


GROUPS: dict[str, Callable[[LiveServer], list[Figure]]] = {
    "ingest": ingest,
    "reading": reading,
    "live": many_live,
    "listing": listing,
}


def main(words: list[str]) -> None:
    if words == ["make-runs"]:
        make_runs()
        return
    if unknown := set(words).difference(DATABASES, GROUPS):
        sys.exit(
            f"There is no {', '.join(sorted(unknown))}: choose among {', '.join((*DATABASES, *GROUPS))}."
        )
    databases = [word for word in words if word in DATABASES]
    groups = [word for word in words if word in GROUPS]
    report("server", measure(databases=databases or DATABASES, groups=groups))


if __name__ == "__main__":
    main(sys.argv[1:])
