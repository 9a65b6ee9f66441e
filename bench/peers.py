"""A file of 1 GiB by the real client, up and down, beside MLflow's client and server on the same machine in the same run.

`make peers` installs MLflow apart and measures. Each client begins with an empty cache, and each server keeps the file on this
disk: Ownlog sealed, MLflow as it came.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.figures import Figure, median
from bench.report import ROOT, report
from config.launch.web import THREADS
from tests.live import LiveServer
from tests.wandb_protocol.client import WandbClient

_MIB = 1024 * 1024
LARGE, REPEATS = 1024 * _MIB, 3
MLFLOW = ROOT / ".venv-peers/bin/python"
_UP = """
    run = wandb.init(project=sys.argv[2], settings=FAST)
    began = time.perf_counter()
    made = wandb.Artifact("large", "dataset"); made.add_file(sys.argv[1], **json.loads(sys.argv[3]))
    staged = time.perf_counter() - began
    made = run.log_artifact(made)
    try:
        made.wait()
        name = made.qualified_name
    except ValueError:
        name = ""  # the server that keeps nothing says so, at the end
    tell(staged=staged, up=time.perf_counter() - began, name=name)
    run.finish()
"""
_DOWN = """
    api = wandb.Api(); api.default_entity
    began = time.perf_counter()
    folder = api.artifact(sys.argv[1]).download(root="got", skip_cache=True)
    tell(down=time.perf_counter() - began, size=os.path.getsize(os.path.join(folder, "large.bin")))
"""
# What the client offers to whoever leaves the file as it is: then it takes no copy of it before, and puts none into its cache.
_WITHOUT_COPIES = {"policy": "immutable", "skip_cache": True}
_THEIRS = """
    import json, os, sys, time
    import mlflow
    with mlflow.start_run() as run:
        began = time.perf_counter()
        mlflow.log_artifact(sys.argv[1])
        up = time.perf_counter() - began
    began = time.perf_counter()
    path = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="large.bin", dst_path="got")
    print(json.dumps({"up": up, "down": time.perf_counter() - began, "size": os.path.getsize(path)}))
"""


def side_by_side() -> list[Figure]:
    """A file of 1 GiB of noise by each program's own client: from its first call until the server has it, and from the call that downloads it until it is on the disk; medians of three other files, by turns. The promise is MLflow's own rate in this run; the floor is the same client and a server that throws away what it is sent."""
    ours, alone, lean, lean_alone, theirs = [], [], [], [], []
    with (
        tempfile.TemporaryDirectory(prefix="ownlog-bench-") as folder,
        _ownlog("bench.timed:application", BENCH_TIMES=f"{folder}/times") as server,
        _ownlog("bench.sink:application") as sink,
        _mlflow() as url,
    ):
        path, times = Path(folder, "large.bin"), Path(folder, "times")
        for number in range(REPEATS):
            _write(path, seed=number)  # of what it has already a server would be sent nothing
            home = Path(folder, f"home{number}")
            home.mkdir()
            ours.append(_up(server, path, home / "ours") | _down(server, home / "ours"))
            ours[-1]["put"] = float(times.read_text().split()[-1])
            alone.append(_up(sink, path, home / "alone"))
            lean.append(_up(server, path, home / "lean", **_WITHOUT_COPIES))
            lean_alone.append(_up(sink, path, home / "lean_alone", **_WITHOUT_COPIES))
            theirs.append(_logged_there(url, path, home / "theirs"))
            shutil.rmtree(home)
    up, down = _rate(theirs, "up"), _rate(theirs, "down")
    return [
        _figure("1 GiB through the real client, up", ours, alone, limit=up),
        _figure("the same, told to make no copies of its own", lean, lean_alone, limit=up),
        _part("1 GiB through MLflow's client, up", theirs, "up"),
        _part("the way up through the real client", ours, "up"),
        _part("of it its own digest and copy, before it asks the server anything", ours, "staged"),
        _part("of it the PUT, while it digests and copies into its cache", ours, "put"),
        _figure("1 GiB through the real client, down", ours, way="down", limit=down),
    ]


Told = dict[str, float]


def _figure(
    name: str, told: list[Told], alone: list[Told] | None = None, *, limit: float, way: str = "up"
) -> Figure:
    floor = _rate(alone, way) if alone else None
    return Figure(name, _rate(told, way), "MiB/s", floor, limit, more_is_better=True)


def _part(name: str, told: list[Told], part: str) -> Figure:
    return Figure(name, median([each[part] for each in told]), "s")


def _rate(told: list[Told], way: str) -> float:
    return LARGE / _MIB / median([each[way] for each in told])


def _write(path: Path, *, seed: int) -> None:
    rng = random.Random(seed)
    with path.open("wb") as file:
        for _ in range(LARGE // _MIB):
            file.write(rng.randbytes(_MIB))


@contextmanager
def _ownlog(app: str, **env: str) -> Iterator[LiveServer]:
    server = LiveServer(threads=THREADS)
    try:
        server.prepare()
        server.start(app, **env)
        server.account("alice")
        yield server
    finally:
        server.stop()
        server.remove()


def _up(server: LiveServer, path: Path, home: Path, **options: object) -> Told:
    home.mkdir()
    client = WandbClient(server, home)
    # A project for each way: what one has already, it would not be sent.
    told = client.run(
        _UP,
        str(path),
        home.name,
        json.dumps(options),
        WANDB_CACHE_DIR=f"{home}/cache",
        WANDB_DATA_DIR=f"{home}/data",
    ).told
    (home / "name").write_text(told["name"])
    shutil.rmtree(home / "cache", ignore_errors=True)
    shutil.rmtree(home / "data", ignore_errors=True)
    return told


def _down(server: LiveServer, home: Path) -> Told:
    told = WandbClient(server, home).run(_DOWN, (home / "name").read_text()).told
    assert told["size"] == LARGE
    (home / "got/large.bin").unlink()
    return told


# ── MLflow ──


@contextmanager
def _mlflow() -> Iterator[str]:
    """Its server as its handbook starts one that keeps artifacts itself."""
    with tempfile.TemporaryDirectory(prefix="ownlog-bench-") as folder:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [
            str(MLFLOW), "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port),
            "--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", f"{folder}/artifacts",
        ]  # fmt: skip
        log = Path(folder, "log").open("wb")  # noqa: SIM115  (the server's, until it ends)
        with (
            log,
            subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, start_new_session=True) as server,
        ):
            try:
                _wait(f"http://127.0.0.1:{port}/health")
                yield f"http://127.0.0.1:{port}"
            finally:
                os.killpg(server.pid, 15)


def _wait(url: str) -> None:
    for _ in range(3_000):  # its workers load for a while
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(url)


def _logged_there(url: str, path: Path, home: Path) -> Told:
    home.mkdir()
    script = home / "log.py"
    script.write_text(textwrap.dedent(_THEIRS))
    (home / "got").mkdir()
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "MLFLOW_TRACKING_URI": url}
    ended = subprocess.run(
        [str(MLFLOW), str(script), str(path)],
        cwd=home,
        env=env,
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    told: Told = json.loads(next(line for line in ended.stdout.splitlines() if line[:1] == "{"))
    assert told["size"] == LARGE
    (home / "got/large.bin").unlink()
    return told


if __name__ == "__main__":
    if not MLFLOW.exists():
        sys.exit("MLflow is not installed: make peers")
    report("peers", side_by_side())
