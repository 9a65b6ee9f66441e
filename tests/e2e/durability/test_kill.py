"""kill -9 at bad moments while the real client logs: every step is there once, in order, with its values."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.clients import Client, ClientProcess, Http
from tests.live import LiveServer

pytestmark = [pytest.mark.live, pytest.mark.enable_socket]

# Logs until it is told that it is enough, and then a little more, so that the last kill is not the end.
TRAIN = """
import os, time, wandb
name, enough = sys.argv[1:]
run = wandb.init(project="demo", id=name, config={"lr": 0.1})
step = more = 0
while more < 50:
    run.log({"loss": 1 / (step + 1), "text": f"at {step}", "nested": {"step": [step, None]}})
    print(f"console line {step}")
    step += 1
    more += os.path.exists(enough)
    time.sleep(0.004)
run.summary["steps"] = step
run.finish()
answer(step)
"""


def expected_row(step: int) -> dict[str, object]:
    return {"_step": step, "loss": 1 / (step + 1), "text": f"at {step}", "nested": {"step": [step, None]}}


def check_everything_is_there(http: Http, run: str, steps: int) -> None:
    rows = http.rows(run)
    assert [row["_step"] for row in rows] == list(range(steps))
    kept = [
        {key: value for key, value in row.items() if key not in ("_timestamp", "_runtime")} for row in rows
    ]
    assert kept == [expected_row(step) for step in range(steps)]
    console = [line for line in http.console(run) if "console line" in line]
    assert [line[line.index("console line") :] for line in console] == [
        f"console line {n}" for n in range(steps)
    ]
    facts = http.read(run, "state exitcode historyLineCount summaryMetrics")
    assert facts["state"] == "finished"
    assert facts["exitcode"] == 0
    assert facts["historyLineCount"] == steps
    assert f'"steps":{steps}' in facts["summaryMetrics"].replace(" ", "")


def wait_until(met: Callable[[], bool], process: ClientProcess, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not met():
        assert process.is_running(), process.text()
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def stored_lines(http: Http, run: str) -> int:
    """Lines of history so far; 0 while the run or the server is not there."""
    try:
        return int(http.read(run, "historyLineCount")["historyLineCount"])
    except (OSError, TypeError):
        return 0


def test_kill_of_everything_at_random_moments(whole_instance: LiveServer, tmp_path: Path) -> None:
    choose = random.Random(20)
    enough = tmp_path / "enough"
    http = Http(whole_instance.url)
    with Client(whole_instance.url) as client:
        training = client.start(TRAIN, "hunted", str(enough))
        wait_until(lambda: stored_lines(http, "hunted") > 20, training)

        for _ in range(3):
            time.sleep(choose.uniform(0.05, 1.0))
            whole_instance.kill()
            time.sleep(choose.uniform(0.0, 0.5))
            whole_instance.start()
        enough.touch()
        steps = training.answer(120)

    assert steps > 300
    check_everything_is_there(http, "hunted", steps)


def test_kill_of_one_child_at_random_moments(whole_instance: LiveServer, tmp_path: Path) -> None:
    """The launcher starts again what died; the client notices nothing."""
    choose = random.Random(21)
    enough = tmp_path / "enough"
    http = Http(whole_instance.url)
    with Client(whole_instance.url) as client:
        training = client.start(TRAIN, "half-dead", str(enough))
        wait_until(lambda: stored_lines(http, "half-dead") > 20, training)

        broker = [] if whole_instance.remote else ["valkey-server"]
        for part in ["granian", "config.launch.worker", *broker, "granian"]:
            time.sleep(choose.uniform(0.05, 0.5))
            for pid in wait_for(part, whole_instance):
                os.kill(pid, signal.SIGKILL)
        before = stored_lines(http, "half-dead")
        wait_until(lambda: stored_lines(http, "half-dead") > before, training)
        enough.touch()
        steps = training.answer(120)

    check_everything_is_there(http, "half-dead", steps)


def wait_for(part: str, instance: LiveServer, seconds: float = 90) -> list[int]:
    """The processes of one part, once it is up (again)."""
    deadline = time.monotonic() + seconds
    while True:
        commands = instance.processes().items()
        found = [pid for pid, words in commands if part in words and "leash.py" not in words]
        if found:
            return found
        assert time.monotonic() < deadline, f"{part} did not start again"
        time.sleep(0.1)


SHORT = """
import wandb
run = wandb.init(project="demo", id=sys.argv[1])
for step in range(60):
    run.log({"loss": 1 / (step + 1), "text": f"at {step}", "nested": {"step": [step, None]}})
    print(f"console line {step}")
run.summary["steps"] = 60
run.finish()
answer(60)
"""


def test_answers_lost_after_the_work_is_done(own_server: LiveServer) -> None:
    """Each server dies when it has handled its fourth request and not yet answered it: done, but unknown to the client."""
    http = Http(own_server.url)
    with Client(own_server.url) as client:
        deaths = _live_through(own_server, client, "unanswered")

    assert deaths >= 3, "too few requests died for this to show anything"
    check_everything_is_there(http, "unanswered", 60)
    assert set(http.files("unanswered")) >= {
        "config.yaml",
        "output.log",
        "requirements.txt",
        "wandb-summary.json",
    }


def _live_through(server: LiveServer, client: Client, run: str) -> int:
    """Run one client against servers that each die after the fourth request; how many died."""
    app, dies = "tests.e2e.durability.mortal:application", "4"
    deaths = 0
    server.kill()
    server.launch(app, OWNLOG_TEST_DIES_AFTER=dies)
    training = client.start(SHORT, run)
    while training.is_running():
        if server.process is not None and server.process.poll() is not None:
            deaths += 1
            server.kill()
            server.launch(app, OWNLOG_TEST_DIES_AFTER=dies)
        time.sleep(0.02)
    training.wait()
    server.restart()
    return deaths
