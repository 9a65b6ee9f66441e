"""A file of 1 GiB by the real client, up and down, beside MLflow's client and server on the same machine in the same run.

`make peers` installs MLflow apart and measures. Each client begins with an empty cache, and each server keeps the file on this
disk: Ownlog sealed, MLflow as it came.
"""

from __future__ import annotations

import json
import os
import random
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
_OURS = """
    import os, shutil
    run = wandb.init(project="bench", settings=FAST)
    began = time.perf_counter()
    made = wandb.Artifact("large", "dataset"); made.add_file(sys.argv[1])
    staged = time.perf_counter() - began
    made = run.log_artifact(made).wait()
    up = time.perf_counter() - began
    name = made.qualified_name
    run.finish()
    shutil.rmtree(os.environ["WANDB_CACHE_DIR"], ignore_errors=True)
    shutil.rmtree(os.environ["WANDB_DATA_DIR"], ignore_errors=True)
    began = time.perf_counter()
    folder = wandb.Api().artifact(name).download(root="got", skip_cache=True)
    tell(staged=staged, up=up, down=time.perf_counter() - began, size=os.path.getsize(os.path.join(folder, "large.bin")))
"""
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
    """A file of 1 GiB of noise by each program's own client: from its first call until the server has it, and from the call that downloads it until it is on the disk; medians of three other files, by turns. The promise is MLflow's own rate in this run."""
    ours, theirs = [], []
    with tempfile.TemporaryDirectory(prefix="ownlog-bench-") as folder, _ownlog() as server, _mlflow() as url:
        path = Path(folder, "large.bin")
        for number in range(REPEATS):
            _write(path, seed=number)  # of what it has already a server would be sent nothing
            ours.append(_logged_here(server, path, Path(folder, f"ours{number}")))
            theirs.append(_logged_there(url, path, Path(folder, f"theirs{number}")))
    return [
        Figure(
            "of the way up, the client's own digest and copy before it asks the server anything",
            median([each["staged"] for each in ours]),
            "s",
        ),
        *_figures(ours, theirs),
    ]


def _figures(ours: list[dict[str, float]], theirs: list[dict[str, float]]) -> list[Figure]:
    return [
        Figure(
            f"1 GiB through the real client, {way}",
            _rate(ours, way),
            "MiB/s",
            limit=_rate(theirs, way),
            more_is_better=True,
        )
        for way in ("up", "down")
    ]


def _rate(told: list[dict[str, float]], way: str) -> float:
    return LARGE / _MIB / median([each[way] for each in told])


def _write(path: Path, *, seed: int) -> None:
    rng = random.Random(seed)
    with path.open("wb") as file:
        for _ in range(LARGE // _MIB):
            file.write(rng.randbytes(_MIB))


@contextmanager
def _ownlog() -> Iterator[LiveServer]:
    server = LiveServer(threads=THREADS)
    try:
        server.prepare()
        server.start()
        server.account("alice")
        yield server
    finally:
        server.stop()
        server.remove()


def _logged_here(server: LiveServer, path: Path, home: Path) -> dict[str, float]:
    home.mkdir()
    client = WandbClient(server, home)
    told = client.run(_OURS, str(path), WANDB_CACHE_DIR=f"{home}/cache", WANDB_DATA_DIR=f"{home}/data").told
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


def _logged_there(url: str, path: Path, home: Path) -> dict[str, float]:
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
    told: dict[str, float] = json.loads(next(line for line in ended.stdout.splitlines() if line[:1] == "{"))
    assert told["size"] == LARGE
    (home / "got/large.bin").unlink()
    return told


if __name__ == "__main__":
    if not MLFLOW.exists():
        sys.exit("MLflow is not installed: make peers")
    report("peers", side_by_side())
