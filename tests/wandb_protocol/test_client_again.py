"""Runs that are taken up again with the real client: resume, fork, rewind, later, and by several at once."""

from __future__ import annotations

import json

import pytest

from tests.wandb_protocol.client import IS_OLDER, WandbClient

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("wandb client")]
FIVE = """
    run = wandb.init(project="{project}", id="{name}", config={{"a": 1}}, settings=FAST)
    for i in range(5):
        run.log({{"loss": i, "part": "first"}}); print("first", i, flush=True)
    run.finish()
"""
MORE = """
    run = wandb.init(project="{project}", {how}, settings=FAST)
    tell(resumed=run.resumed)
    for i in range(2):
        run.log({{"loss": 10 + i, "part": "second"}}); print("second", i, flush=True)
    run.finish()
"""


def steps(client: WandbClient, project: str, name: str) -> list[tuple[int, int]]:
    return [(row["_step"], row["loss"]) for row in client.rows(project, name)]


FIRST = [(i, i) for i in range(5)]


@pytest.mark.parametrize("how", ["must", "allow"])
def test_resumed_run_goes_on_where_it_ended(client_of_alice: WandbClient, how: str) -> None:
    client, project = client_of_alice, f"resume-{how}"
    client.run(FIVE.format(project=project, name="r"))

    finished = client.run(MORE.format(project=project, how=f'id="r", resume="{how}"'))

    assert finished.told["resumed"] is True
    assert steps(client, project, "r") == [*FIRST, (5, 10), (6, 11)]
    texts = [line["line"] for line in client.lines(project, "r")]
    # A resuming client of 0.28 numbers its console lines from 0 again, over the earlier ones.
    assert IS_OLDER or [text for text in texts if text.startswith(("first", "second"))] == [
        *(f"first {i}" for i in range(5)),
        "second 0",
        "second 1",
    ]
    run = client.run_of(project, "r", "config state summaryMetrics")
    assert (json.loads(run["config"])["a"]["value"], run["state"]) == (1, "finished")
    assert json.loads(run["summaryMetrics"])["loss"] == 11


def test_resume_decides_as_asked(client_of_alice: WandbClient) -> None:
    client = client_of_alice

    new = client.run(MORE.format(project="deciding", how='id="fresh", resume="allow"'))
    taken = client.run(MORE.format(project="deciding", how='id="fresh", resume="never"'), code=1)
    missing = client.run(MORE.format(project="deciding", how='id="none", resume="must"'), code=1)

    assert new.told["resumed"] is False
    assert "resume" in taken.text
    assert "resume" in missing.text
    assert steps(client, "deciding", "fresh") == [(0, 10), (1, 11)]


def test_fork_takes_the_history_up_to_its_step(client_of_alice: WandbClient) -> None:
    client = client_of_alice
    client.run(FIVE.format(project="forks", name="parent"))

    client.run(MORE.format(project="forks", how='id="child", fork_from="parent?_step=2"'))

    assert steps(client, "forks", "child") == [(0, 0), (1, 1), (2, 2), (3, 10), (4, 11)]
    assert steps(client, "forks", "parent") == FIRST


def test_rewind_drops_what_came_after(client_of_alice: WandbClient) -> None:
    client = client_of_alice
    client.run(FIVE.format(project="rewinds", name="r"))

    client.run(MORE.format(project="rewinds", how='resume_from="r?_step=2"'))

    assert steps(client, "rewinds", "r") == [(0, 0), (1, 1), (2, 2), (3, 10), (4, 11)]


def test_offline_run_is_synced_later(client_of_alice: WandbClient) -> None:
    client = client_of_alice
    client.run(FIVE.format(project="later", name="r"), WANDB_MODE="offline")
    folder = next((client.home / "wandb").glob("offline-run-*"))

    client.command("sync", str(folder))

    assert steps(client, "later", "r") == FIRST
    assert client.run_of("later", "r", "state") == {"state": "finished"}


def test_several_processes_write_one_run(client_of_alice: WandbClient) -> None:
    client = client_of_alice
    script = """
        number = int(sys.argv[1])
        settings = wandb.Settings(mode="shared", x_primary=number == 0, x_label=f"w{number}",
            x_file_stream_transmit_interval=1)
        run = wandb.init(project="shared", id="r", settings=settings)
        for i in range(10):
            run.log({"i": i, "number": number, f"only{number}": i}); print(f"writer {number} line {i}", flush=True)
        run.finish()
    """

    processes = [client.start(script, str(number)) for number in range(2)]
    for process in processes:
        client.ended(process)

    rows = sorted((row["number"], row["_step"], row["i"]) for row in client.rows("shared", "r"))
    assert rows == [(number, i, i) for number in range(2) for i in range(10)]
    run = client.run_of("shared", "r", "state summaryMetrics")
    summary = json.loads(run["summaryMetrics"])
    assert (run["state"], summary["only0"], summary["only1"]) == ("finished", 9, 9)
    texts = [line["line"] for line in client.lines("shared", "r")]
    for number in range(2):
        own = [text for text in texts if f"writer {number}" in text]
        assert own == [f"[w{number}] writer {number} line {i}" for i in range(10)]


CUT_OFF = """
    run = wandb.init(project="auto", resume="auto", settings=FAST)
    run.log({"loss": 0}); run.log({"loss": 1}); run.log({"loss": 1.5})
    tell(name=run.id)
    reader = wandb.Api()
    while len(list(reader.run(run.path).scan_history())) < 2:
        time.sleep(0.2)
    os._exit(1)
"""
TAKEN_UP = """
    run = wandb.init(project="auto", resume="auto", settings=FAST)
    run.log({"loss": 2})
    tell(name=run.id, resumed=run.resumed)
    run.finish()
"""


def test_resume_auto_finds_the_run_that_was_cut_off(client_of_alice: WandbClient) -> None:
    client = client_of_alice
    cut = client.run(CUT_OFF, code=1)

    finished = client.run(TAKEN_UP)

    assert (finished.told["name"], finished.told["resumed"]) == (cut.told["name"], True)
    found = steps(client, "auto", cut.told["name"])
    # Whether the third row was sent before the cut is a matter of a moment.
    assert found in ([(0, 0), (1, 1), (2, 2)], [(0, 0), (1, 1), (2, 1.5), (3, 2)])
