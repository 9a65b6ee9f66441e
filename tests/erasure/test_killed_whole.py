"""kill -9 of a whole instance, again and again, while everything that can be erased is: of one tenant, and another keeps logging.

After each the instance starts again. In the end each erasure is complete and has one receipt, in a chain that others can check;
what stays is readable; and nothing of the other tenant is another byte. The moments are chance, others each day: `OWNLOG_KILLS=10`
kills so often, `OWNLOG_KILLS_SEED=number` at those of that day.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import requests

from apps.erasure.types import Scope
from tests.e2e.clients import Http
from tests.e2e.durability import stored
from tests.live import ROOT, LiveServer
from tests.servers import wait_for
from tests.turns import seed

pytestmark = [pytest.mark.live, pytest.mark.enable_socket, pytest.mark.promise("P-09")]

_KILLS = int(os.environ.get("OWNLOG_KILLS", "2"))
_SEED = seed("OWNLOG_KILLS_SEED")
_BOB = "own_" + "b" * 36
_LONGEST_SECONDS = 120.0
_UNFINISHED = "SELECT step, count(*) FROM erasure_erasurejob WHERE done_at IS NULL AND step <> 'wait' GROUP BY step ORDER BY step"
# What a round asks for: runs by one and by two.
_ASKED = Counter(scope for scope in Scope if scope is not Scope.EXPORTS) + Counter([Scope.RUNS])


@pytest.fixture
def instance() -> Iterator[LiveServer]:
    """All that `make up` starts: web server, worker and broker."""
    server = LiveServer(with_worker=True).prepare()
    server.account("alice")
    server.account("bob", key=_BOB)
    yield server
    server.stop()
    server.remove()


def inside(instance: LiveServer, call: str) -> str:
    code = f"import django\ndjango.setup()\nfrom pathlib import Path\nfrom tests.erasure import killed\nkilled.{call}"
    return instance.python("-c", code, timeout=120 + 120 * _KILLS)


class Writer:
    """Logs three lines at a time, and sends them again until they are taken, as the client does."""

    def __init__(self, url: str) -> None:
        self.http = Http(url, key=_BOB, entity="bob", project="live")
        self.is_enough, self.lines, self.refused = Event(), 0, 0
        self.thread = Thread(target=self._write, daemon=True)

    def _write(self) -> None:
        while not self.is_enough.is_set():
            rows = [{"_step": step, "loss": 1 / (step + 1)} for step in range(self.lines, self.lines + 3)]
            try:
                status = self.http.send(
                    "training", history=(self.lines, rows), output=(self.lines, ["said"] * 3)
                )
            except requests.RequestException:
                status = 503
            if status == 200:
                self.lines += 3
            else:
                self.refused += 1
            time.sleep(0.01)

    def ends(self) -> None:
        self.is_enough.set()
        self.thread.join(60)
        assert self.http.send("training", exitcode=0) == 200
        rows = self.http.rows("training")
        assert [(row["_step"], row["loss"]) for row in rows] == [(n, 1 / (n + 1)) for n in range(self.lines)]
        assert len(self.http.console("training")) == self.lines


class Asker:
    """Has the erasures of a round begin, each until there is an answer."""

    def __init__(self, url: str, requests_of_it: list[Any]) -> None:
        self.url, self.left = url, requests_of_it
        self.thread = Thread(target=self._ask, daemon=True)
        self.thread.start()

    def _ask(self) -> None:
        ends = time.monotonic() + _LONGEST_SECONDS
        for method, path, key, words in self.left:
            while time.monotonic() < ends:
                headers = {"Authorization": f"Bearer {key}"}
                try:
                    answer = requests.request(
                        method, f"{self.url}/api/v1/{path}", json=words, headers=headers, timeout=30
                    )
                except requests.RequestException:
                    time.sleep(0.05)
                    continue
                # It may have been taken before it could be said: then it waits no more, or its key is gone.
                if answer.status_code in {202, 401, 404, 409, 410}:
                    break
                time.sleep(0.05)


def begun(instance: LiveServer) -> int:
    """How many erasures a worker has been at."""
    return stored.count(instance, "erasure_erasurejob", "tries > 0")


def has_begun_more(instance: LiveServer, than: int) -> bool:
    return begun(instance) > than


def answers(instance: LiveServer) -> Any:
    """What bob is told of what is his."""
    http = Http(instance.url, key=_BOB, entity="bob", project="theirs")
    return [
        (
            http.rows(run),
            http.console(run),
            {name: http.download(run, name) for name in sorted(http.files(run))},
        )
        for run in ("one", "two")
    ]


def test_an_instance_that_is_killed_again_and_again_erases_all_that_was_asked_and_nothing_else(
    instance: LiveServer, tmp_path: Path
) -> None:
    print(f"OWNLOG_KILLS={_KILLS} OWNLOG_KILLS_SEED={_SEED}")
    chance = random.Random(_SEED)
    inside(instance, f"make(Path({str(tmp_path)!r}), {_KILLS})")
    asked = json.loads((tmp_path / "asked.json").read_text())["requests"]
    instance.start()
    before = answers(instance)
    writer, askers, unfinished = Writer(instance.url), list[Asker](), list[list[tuple[Any, ...]]]()
    writer.http.make_run("training")
    writer.thread.start()

    for number in range(_KILLS):
        already = begun(instance)
        askers.append(Asker(instance.url, asked[number]))
        wait_for(partial(has_begun_more, instance, already), "a worker")
        time.sleep(chance.uniform(0.0, 1.5))
        instance.kill()
        unfinished.append(stored.select(instance, _UNFINISHED))
        # Time goes by: whoever was killed is taken for dead.
        stored.change(instance, "UPDATE erasure_erasurejob SET busy_until = NULL WHERE done_at IS NULL")
        stored.change(
            instance, "UPDATE vault_epoch SET busy_until = NULL WHERE state = 'running'", in_vault=True
        )
        instance.start()
    for asker in askers:
        asker.thread.join(_LONGEST_SECONDS)
    said = inside(instance, f"finish(Path({str(tmp_path)!r}))").splitlines()  # warnings come behind it
    scopes = Counter(json.loads(next(line for line in said if line.startswith("["))))

    assert scopes == {scope.value: count * _KILLS for scope, count in _ASKED.items()}
    print(f"at what they died: {unfinished}")
    assert sum(map(bool, unfinished)) > _KILLS / 2, "hardly anything was under way when they died"
    assert answers(instance) == before
    writer.ends()
    assert writer.refused, "nobody wrote while it was down"
    check_receipts(tmp_path, count=scopes.total())


def check_receipts(folder: Path, *, count: int) -> None:
    """By the program that anybody has, in a process that knows nothing of this one."""
    key = json.loads((folder / "key.json").read_text())
    documents = sorted(map(str, folder.glob("receipt-*.json")))
    command = [sys.executable, "-I", str(ROOT / "apps/erasure/verify_receipt.py"), "--key", key]
    done = subprocess.run(
        [*command, "--log", str(folder / "log.json"), *documents], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"one chain of {count}," in done.stdout
    assert done.stdout.count(": genuine, number ") == count
