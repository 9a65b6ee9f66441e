"""Two real client processes write one run, each counting from zero."""

from __future__ import annotations

import pytest

from tests.e2e.clients import Client, Http, read_run
from tests.e2e.durability.stored import fall_silent, inside, newest_run
from tests.live import LiveServer

pytestmark = [pytest.mark.live, pytest.mark.enable_socket]

WRITE = """
import os, time, wandb
run_id, label, primary, ends_run = sys.argv[1:5]
settings = wandb.Settings(
    mode="shared", x_label=label, x_primary=primary == "yes", x_update_finish_state=ends_run == "yes"
)
run = wandb.init(project="demo", id=run_id, config={label: label.upper(), "by": {label: 1}}, settings=settings)
for step in range(120):
    run.log({f"{label}/loss": step / 8, "epoch": step // 10}, step=step)
    print(f"{label} line {step}")
    time.sleep(0.005)
run.summary[label] = "done"
for _ in range(600):
    if len(sys.argv) < 6 or os.path.exists(sys.argv[5]):
        break
    time.sleep(0.05)
run.finish()
answer("done")
"""
STEPS = 120


def check_both_are_there(http: Http, client: Client, run: str) -> None:
    rows = http.rows(run)
    assert [row["_step"] for row in rows] == sorted([*range(STEPS), *range(STEPS)])
    for label in ("first", "second"):
        mine = [row for row in rows if f"{label}/loss" in row]
        assert [row[f"{label}/loss"] for row in mine] == [step / 8 for step in range(STEPS)]
        assert [row["epoch"] for row in mine] == [step // 10 for step in range(STEPS)]
        lines = [line for line in http.console(run) if f"{label} line " in line]
        assert [int(line.rsplit(" ", 1)[1]) for line in lines] == list(range(STEPS))
    read = read_run(client, f"alice/demo/{run}")
    assert read["summary"]["first"] == read["summary"]["second"] == "done"
    assert read["scanned"] == rows
    assert read["config"]["first"] == "FIRST"
    assert read["config"]["second"] == "SECOND"


def test_two_processes_write_one_run(client: Client, http: Http) -> None:
    first = client.start(WRITE, "shared-two", "first", "yes", "yes")
    second = client.start(WRITE, "shared-two", "second", "no", "yes")

    first.wait()
    second.wait()

    check_both_are_there(http, client, "shared-two")
    assert http.read("shared-two", "state")["state"] == "finished"


def test_run_goes_on_until_its_last_writer_ends(client: Client, http: Http) -> None:
    go = client.folder / "go"
    first = client.start(WRITE, "shared-later", "first", "yes", "yes")
    second = client.start(WRITE, "shared-later", "second", "no", "yes", str(go))

    first.wait()
    before = http.read("shared-later", "state")["state"]
    go.touch()
    second.wait()

    assert before == "running"
    assert http.read("shared-later", "state")["state"] == "finished"
    check_both_are_there(http, client, "shared-later")


def test_helpers_that_do_not_end_the_run_do_not_keep_it_open(
    server: LiveServer, client: Client, http: Http
) -> None:
    """wandb's own recipe for many processes: helpers never say that they are complete; only the first process does.

    Its word counts once the helpers have been silent for a while.
    """
    first = client.start(WRITE, "shared-helper", "first", "yes", "yes")
    second = client.start(WRITE, "shared-helper", "second", "no", "no")
    first.wait()
    second.wait()
    run = newest_run(server)

    inside(server, "task", "runs.sweep", "{}")
    before = http.read("shared-helper", "state")["state"]
    fall_silent(server, run, seconds=100)
    inside(server, "task", "runs.sweep", "{}")

    assert before == "running"
    assert http.read("shared-helper", "state exitcode") == {"state": "finished", "exitcode": 0}
    check_both_are_there(http, client, "shared-helper")
