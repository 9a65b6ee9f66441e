"""A cluster loses one part after the other while real clients log: nothing acknowledged is lost, nothing is doubled."""

from __future__ import annotations

import base64
import hashlib
import json
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from tests.e2e.clients import Client, Http
from tests.e2e.cluster.cluster import Cluster, cluster
from tests.e2e.durability.test_kill import TRAIN, check_everything_is_there, stored_lines, wait_until

pytestmark = [pytest.mark.live, pytest.mark.enable_socket, pytest.mark.embedded]

SAVE = """
import hashlib, os, wandb
run = wandb.init(project="demo", id="saver")
digests = {}
for number in range(4):
    data = os.urandom(3_000_000)
    with open(f"model_{number}.bin", "wb") as file:
        file.write(data)
    digests[f"model_{number}.bin"] = hashlib.sha256(data).hexdigest()
    run.save(f"model_{number}.bin", policy="now")
run.finish()
answer(digests)
"""


@pytest.fixture(scope="module")
def whole() -> Iterator[Cluster]:
    # Not in pytest's own folder, which nobody else may enter: PostgreSQL is not root's.
    with tempfile.TemporaryDirectory(prefix="ownlog-cluster-") as folder, cluster(Path(folder)) as made:
        made.instance.account("alice")
        yield made


def kill_one_web_server(whole: Cluster) -> None:
    for part in whole.web:
        part.kill()
        time.sleep(0.5)
        part.start()
    whole.wait_for_web()


def kill_one_worker(whole: Cluster) -> None:
    whole.workers[0].kill()
    time.sleep(0.5)
    whole.workers[0].start()


def pause_a_worker(whole: Cluster) -> None:
    whole.workers[1].signal(signal.SIGSTOP)
    time.sleep(2)
    whole.workers[1].signal(signal.SIGCONT)


def flush_the_broker(whole: Cluster) -> None:
    redis.Redis.from_url(whole.places.env["OWNLOG_BROKER_URL"]).flushall()


def restart_postgresql(whole: Cluster) -> None:
    whole.postgres.stop()
    time.sleep(1)
    whole.postgres.start()


def kill_postgresql(whole: Cluster) -> None:
    whole.postgres.stop(kill=True)
    whole.postgres.start()


def break_the_store(whole: Cluster) -> None:
    whole.store.fault = "500"
    time.sleep(2)
    whole.store.fault = ""


def slow_the_store(whole: Cluster) -> None:
    whole.store.fault = "slow"
    time.sleep(3)
    whole.store.fault = ""


HARM: list[Callable[[Cluster], None]] = [
    kill_one_web_server,
    kill_one_worker,
    pause_a_worker,
    flush_the_broker,
    restart_postgresql,
    kill_postgresql,
    break_the_store,
    slow_the_store,
]


def test_nothing_is_lost_or_doubled_whatever_part_goes(whole: Cluster, tmp_path: Path) -> None:
    http, enough = Http(whole.url), tmp_path / "enough"
    names = ["first", "second"]
    with Client(whole.url) as client:
        training = {name: client.start(TRAIN, name, str(enough)) for name in names}
        for name in names:
            wait_until(lambda name=name: stored_lines(http, name) > 20, training[name], 60)  # type: ignore[misc]

        for harm in HARM:
            harm(whole)
            # Lines of both flow all the while; a second later they flow through what was harmed.
            time.sleep(1)
            assert all(process.is_running() for process in training.values())
        enough.touch()
        steps = {name: training[name].answer(120) for name in names}

    for name in names:
        check_everything_is_there(http, name, steps[name])
    wait_until_compacted(whole)
    for name in names:
        check_everything_is_there(http, name, steps[name])


def test_files_arrive_whole_through_a_store_that_fails(whole: Cluster) -> None:
    http = Http(whole.url)
    with Client(whole.url) as client:
        whole.store.fault, refused = "500", whole.store.refused
        saving = client.start(SAVE)
        wait_until(lambda: whole.store.refused > refused + 2, saving, 60)
        whole.store.fault = ""
        digests = saving.answer(120)

    for name, digest in digests.items():
        assert hashlib.sha256(http.download("saver", name)).hexdigest() == digest


def test_a_worker_that_finds_the_store_broken_completes_its_work_later(whole: Cluster) -> None:
    http = Http(whole.url)
    http.make_run("late")
    whole.store.fault, refused = "500", whole.store.refused
    rows = [{"_step": step, "loss": step / 3} for step in range(5_000)]
    try:
        assert http.send("late", history=(0, rows)) == 200
        assert http.send("late", exitcode=0) == 200
        deadline = time.monotonic() + 60
        while whole.store.refused == refused:
            assert time.monotonic() < deadline, "no worker tried to compact the run"
            time.sleep(0.1)
    finally:
        whole.store.fault = ""

    wait_until_compacted(whole)

    assert http.rows("late") == rows


def wait_until_compacted(whole: Cluster, seconds: float = 120) -> None:
    """The workers' sweep comes every 30 seconds."""
    deadline = time.monotonic() + seconds
    assert whole.instance.remote is not None
    while True:
        with psycopg.connect(whole.instance.remote.database) as there:
            query = "SELECT count(*) FROM runs_chunk JOIN runs_run ON run_id = runs_run.id WHERE finished_at IS NOT NULL"
            left = there.execute(query).fetchone()
        if left == (0,):
            return
        assert time.monotonic() < deadline, f"{left} chunks were not compacted"
        time.sleep(0.5)


def test_the_broker_held_ids_only(whole: Cluster) -> None:
    """What a message may carry is a task's name and numbers."""
    broker = redis.Redis.from_url(whole.places.env["OWNLOG_BROKER_URL"])
    whole.workers[0].kill()
    whole.workers[1].kill()
    http = Http(whole.url)
    http.make_run("canary-run")
    assert http.send("canary-run", history=(0, [{"canary-key": "canary-value", "_step": 0}])) == 200
    assert http.send("canary-run", exitcode=0) == 200

    held = [
        raw for key in broker.keys("*") if broker.type(key) == b"list" for raw in broker.lrange(key, 0, -1)
    ]
    messages = [json.loads(raw) for raw in held]
    bodies = [base64.b64decode(message["body"]) for message in messages]

    assert any(b"run_id" in body for body in bodies)
    assert [body for body in bodies if b"canary" in body] == []
    assert "canary" not in repr(held)
    for part in whole.workers:
        part.start()
