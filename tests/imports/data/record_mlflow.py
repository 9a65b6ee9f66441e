"""Writes what tests/imports/test_mlflow.py reads, by MLflow itself: `python record_mlflow.py FOLDER` with mlflow 3.17.2 installed.

It leaves `mlruns.zip`, the file store, and `mlflow_server.json`, what `mlflow server` answers about it: each request with its answer.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote

os.environ["MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING"] = "false"
os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"

import mlflow  # type: ignore[import-not-found]  # installed by whoever records

BEGAN = 1_700_000_000_000


def record(top: Path) -> None:
    client = mlflow.MlflowClient(tracking_uri=(top / "mlruns").as_uri())
    first = client.create_experiment("vision/好き", tags={"mlflow.note.content": "Looks at birds."})
    full(client, first)
    for name, status in (("failed", "FAILED"), ("killed", "KILLED"), ("going", "RUNNING")):
        run = client.create_run(first, start_time=BEGAN + 60_000, run_name=name, tags={"mlflow.user": "nina"})
        client.log_metric(run.info.run_id, "loss", 0.5, timestamp=BEGAN + 61_000, step=-1)
        if status != "RUNNING":
            client.set_terminated(run.info.run_id, status, end_time=BEGAN + 62_000)
    gone = client.create_run(first, run_name="deleted")
    client.delete_run(gone.info.run_id)
    client.create_experiment("empty")
    client.delete_experiment(client.create_experiment("deleted"))


def full(client: mlflow.MlflowClient, experiment: str) -> None:
    run = client.create_run(
        experiment,
        start_time=BEGAN,
        run_name="first ✓",
        tags={
            "mlflow.note.content": "Some *words*.",
            "mlflow.source.git.commit": "0" * 40,
            "mlflow.source.name": "train.py",
            "mlflow.user": "nina",
            "stage": "early",
            "bare": "",
            "long": "x" * 3000,
        },
    ).info.run_id
    for name, value in {
        "lr": 1e-3,
        "layers": 3,
        "big": 2**70,
        "flag": True,
        "none": None,
        "opt/name": "adam\nw",
        "text": "1e5",
        "nan": float("nan"),
    }.items():
        client.log_param(run, name, value)
    for step in range(300):
        at = BEGAN + 1000 + step * 10
        client.log_metric(run, "loss", 1 / (step + 1), timestamp=at, step=step)
        if step % 10 == 0:
            client.log_metric(run, "val/acc", step * 0.5, timestamp=at + 3, step=step)
    for value in (float("nan"), float("inf"), -float("inf"), 1e308):
        client.log_metric(run, "odd", value, timestamp=BEGAN + 9000, step=300)
    client.log_metric(run, "system/cpu_utilization_percentage", 12.5, timestamp=BEGAN + 2000, step=0)
    client.log_metric(run, "system/cpu_utilization_percentage", 25.0, timestamp=BEGAN + 4000, step=1)
    client.log_text(run, "weights", "model/weights.bin")
    client.log_dict(run, {"a": 1}, "好き.json")
    client.set_terminated(run, "FINISHED", end_time=BEGAN + 10_000)


def listen(top: Path, kept: dict[str, str]) -> None:
    """Ask the server as the reader does, and keep what it says."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "mlflow",
            "server",
            "--port",
            str(port),
            "--workers",
            "1",
            "--backend-store-uri",
            str(top / "mlruns"),
        ]
    )
    try:
        for _try in range(120):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).read()
                break
            except OSError:
                time.sleep(0.5)
        _ask_all(f"http://127.0.0.1:{port}", kept)
    finally:
        server.terminate()
        server.wait(30)


def _ask_all(address: str, kept: dict[str, str]) -> None:
    def asked(path: str, body: object = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        request = urllib.request.Request(address + path, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read().decode()
        kept[path + ("" if data is None else " " + data.decode())] = text
        found: dict[str, Any] = json.loads(text) if path.startswith("/api/") else {}
        return found

    api = "/api/2.0/mlflow"
    for experiment in asked(f"{api}/experiments/search", {"max_results": 100})["experiments"]:
        body = {
            "experiment_ids": [experiment["experiment_id"]],
            "order_by": ["attributes.start_time ASC"],
            "run_view_type": "ACTIVE_ONLY",
            "max_results": 100,
        }
        for run in asked(f"{api}/runs/search", body).get("runs", []):
            key, metrics = run["info"]["run_id"], run["data"].get("metrics", [])
            for metric in metrics:
                most = max(100, min(25_000, 200_000 // len(metrics)))
                name = quote(metric["key"], safe="/")
                asked(f"{api}/metrics/get-history?run_id={key}&metric_key={name}&max_results={most}")
            folders = [""]
            while folders:
                folder = quote(folders.pop(), safe="/")
                for file in asked(f"{api}/artifacts/list?run_id={key}&path={folder}").get("files", []):
                    if file["is_dir"]:
                        folders.append(file["path"])
                    else:
                        asked(f"/get-artifact?path={quote(file['path'], safe='/')}&run_uuid={key}")


if __name__ == "__main__":
    top = Path(sys.argv[1]).resolve()
    (top / "made").mkdir(parents=True)
    record(top / "made")
    shutil.make_archive(str(top / "mlruns"), "zip", top / "made", "mlruns")
    answers: dict[str, str] = {}
    listen(top / "made", answers)
    (top / "mlflow_server.json").write_text(json.dumps(answers, ensure_ascii=False, indent=0))
