"""A full disk: the client is told to come again, nothing is half stored, and with room again nothing is missing."""

from __future__ import annotations

import json
import os
import random
import re
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.clients import Client, ClientProcess, Http
from tests.e2e.durability.stored import blob_sizes, select
from tests.live import LiveServer

pytestmark = [
    pytest.mark.live,
    pytest.mark.embedded,
    pytest.mark.enable_socket,
    pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux can limit a running process"),
]

NOISE = random.Random(5)


def noisy_rows(first: int, end: int) -> list[dict[str, object]]:
    """Rows that do not compress, so that they need room."""
    return [{"_step": n, "noise": NOISE.randbytes(3000).hex()} for n in range(first, end)]


@pytest.fixture
def telling_server(prepared: LiveServer) -> Iterator[LiveServer]:
    """An instance of the test's own whose log has a line for each request."""
    with LiveServer(env={"OWNLOG_LOG_LEVEL": "DEBUG"}).prepare_like(prepared) as live:
        yield live


def refusals(server: LiveServer, method: str) -> int:
    """How often the server had no room for what the client sent by this method."""
    return len(re.findall(rf"{method} wandb_protocol:\S+ 503 ", server.log.read_text()))


def wait_until(met: Callable[[], bool], process: ClientProcess, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not met():
        assert process.is_running(), process.text()
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def database_size(server: LiveServer) -> int:
    files = [server.data / f"ownlog.sqlite3{end}" for end in ("", "-wal")]
    return sum(file.stat().st_size for file in files if file.exists())


def pages_in_use(server: LiveServer) -> int:
    pages: int = select(server, "PRAGMA page_count")[0][0]
    return pages


def test_lines_wait_until_the_database_has_room(own_server: LiveServer) -> None:
    http = Http(own_server.url)
    http.make_run("full")
    sent = noisy_rows(0, 5)
    assert http.send("full", history=(0, sent), summary={"n": 5}) == 200
    own_server.kill()
    most = str(pages_in_use(own_server) + 40)
    own_server.start(
        DJANGO_SETTINGS_MODULE="tests.e2e.durability.small_database", OWNLOG_TEST_MOST_PAGES=most
    )

    status = 200
    while status == 200 and len(sent) < 500:
        before, more = len(sent), noisy_rows(len(sent), len(sent) + 5)
        files = {
            "wandb-history.jsonl": {"offset": before, "content": [json.dumps(row) for row in more]},
            "output.log": {"offset": before, "content": ["x" * 200] * 5},
            "wandb-summary.json": {"offset": 0, "content": [json.dumps({"n": before + 5})]},
        }
        answer = http.post("full", {"files": files})
        status = answer.status_code
        if status == 200:
            sent += more

    assert status == 503
    assert 1 <= int(answer.headers["Retry-After"]) <= 5
    # Reading goes on, and shows nothing of what was refused.
    assert http.rows("full") == sent
    assert http.read("full", "historyLineCount logLineCount summaryMetrics") == {
        "historyLineCount": before,
        "logLineCount": before if before > 5 else 0,
        "summaryMetrics": f'{{"n": {before}}}',
    }
    own_server.restart()
    assert http.send("full", history=(before, more), summary={"n": before + 5}) == 200
    assert http.rows("full") == sent + more


TRAIN = """
import os, random, time, wandb
name, enough = sys.argv[1:]
noise = random.Random(6)
run = wandb.init(project="demo", id=name)
step = 0
while not os.path.exists(enough):
    run.log({"noise": noise.randbytes(2000).hex()})
    print(f"console line {step}")
    step += 1
    time.sleep(0.01)
run.finish()
answer(step)
"""


def test_client_waits_out_a_full_disk(telling_server: LiveServer, tmp_path: Path) -> None:
    enough = tmp_path / "enough"
    http = Http(telling_server.url)
    with Client(telling_server.url) as client:
        empty = database_size(telling_server)
        training = client.start(TRAIN, "starved", str(enough))
        wait_until(lambda: database_size(telling_server) > empty + 500_000, training)

        telling_server.limit_file_size(64 * 1024)
        wait_until(lambda: refusals(telling_server, "POST") >= 1, training)
        stuck = http.read("starved", "historyLineCount")["historyLineCount"]
        wait_until(lambda: refusals(telling_server, "POST") >= 4, training)
        assert http.read("starved", "historyLineCount")["historyLineCount"] == stuck
        telling_server.limit_file_size(None)
        enough.touch()
        steps = training.answer(120)

    noise = random.Random(6)
    assert steps > stuck
    rows = http.rows("starved")
    assert [row["_step"] for row in rows] == list(range(steps))
    assert [row["noise"] for row in rows] == [noise.randbytes(2000).hex() for _ in range(steps)]
    console = [line for line in http.console("starved") if "console line" in line]
    assert [line[line.index("console line") :] for line in console] == [
        f"console line {n}" for n in range(steps)
    ]
    assert http.read("starved", "state")["state"] == "finished"


def test_upload_that_finds_no_room_leaves_nothing(own_server: LiveServer) -> None:
    http = Http(own_server.url)
    http.make_run("files")
    url = http.announce("files", ["model.bin"])["model.bin"]
    data = os.urandom(2_000_000)

    own_server.limit_file_size(600_000)
    status = http.put(url, data)

    assert status == 503
    assert "model.bin" not in http.files("files")
    assert blob_sizes(own_server) == []
    own_server.limit_file_size(None)
    assert http.put(url, data) == 200
    assert http.download("files", "model.bin") == data


def test_upload_that_finds_no_room_keeps_the_file_it_would_replace(own_server: LiveServer) -> None:
    http = Http(own_server.url)
    http.make_run("files")
    url = http.announce("files", ["model.bin"])["model.bin"]
    first, second = os.urandom(700_000), os.urandom(2_000_000)
    assert http.put(url, first) == 200

    own_server.limit_file_size(800_000)
    status = http.put(url, second)

    assert status == 503
    assert http.download("files", "model.bin") == first


SAVE = """
import hashlib, os, wandb
data = os.urandom(3_000_000)
with open("model.bin", "wb") as file:
    file.write(data)
run = wandb.init(project="demo", id="saver")
run.save("model.bin", policy="now")
run.log({"loss": 1})
run.finish()
answer(hashlib.sha256(data).hexdigest())
"""

FETCH = """
import hashlib, wandb
file = wandb.Api().run("alice/demo/saver").file("model.bin").download(root="fetched")
answer(hashlib.sha256(open(file.name, "rb").read()).hexdigest())
"""


def test_client_uploads_a_file_once_there_is_room(telling_server: LiveServer) -> None:
    with Client(telling_server.url) as client:
        telling_server.limit_file_size(1_500_000)
        saving = client.start(SAVE)
        wait_until(lambda: refusals(telling_server, "PUT") >= 2, saving)
        telling_server.limit_file_size(None)

        sent = saving.answer()
        assert client.ask(FETCH) == sent
