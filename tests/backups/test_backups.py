"""A backup taken while somebody writes, put back elsewhere, also after erasures and by processes that die on the way."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import requests
from pytest_django.fixtures import Settings

from apps.backups import files, keyplace, manifest, taking
from apps.backups.errors import Refused
from tests.backups.everybody import KINDS
from tests.e2e.secrecy.search import new_text, search
from tests.live import API_KEY, LiveServer

pytestmark = [pytest.mark.live, pytest.mark.promise("P-22")]
_INSTALL = Path(__file__).resolve().parents[2] / "docs" / "install.md"
_CONTENT = b"weights " * 4096
STAY, GO = ([new_text(f"{kind} that {ends}") for kind in KINDS] for ends in ("stays", "goes"))


class World:
    """An instance with some runs, one of which is written to meanwhile; its backup; another of later, after erasures."""

    def __init__(self, server: LiveServer, folder: Path) -> None:
        self.first, self.later, self.keys = folder / "first", folder / "later", folder / "keys"
        self.by_hand = folder / "by hand.sqlite3"
        self.rows: Rows = {}  # of the main database when the later one was made
        self.server = server
        ask(self.server, "POST", "projects", json={"entity": "alice", "name": "kept"})
        for name in ("stays", "goes", "busy", "partly", "waits"):
            ask(self.server, "POST", "projects/alice/kept/runs", json={"name": name})
            self.log(name, 0)
        for name in ("stays.bin", "goes.bin"):
            ask(self.server, "PUT", f"{RUN}/stays/files/{name}", data=_CONTENT)
        hook = {"address": "https://hooks.example/in", "events": ["run.finished"]}
        ask(self.server, "POST", "projects/alice/kept/webhooks", json=hook)
        everybody = [str(name.value) for name in (*STAY, *GO)]
        self.waiting = self.server.python("-c", _LET_WAIT, *everybody).split()[-1]

    def as_documented(self, *words: str) -> list[str]:
        """The command of docs/install.md that has these words, with the places of this world."""
        lines = re.findall(r"^ {4}\.venv/bin/python manage\.py (.*)$", _INSTALL.read_text(), re.MULTILINE)
        line = next(line for line in lines if all(word in line for word in words))
        places = {
            "/backups/monday": self.first,
            "/backups/tuesday": self.later,
            "/safe/ownlog-keys": self.keys,
        }
        return [str(places.get(word, word)) for word in line.split()]

    def log(self, run: str, value: int) -> None:
        ask(
            self.server,
            "POST",
            f"{RUN}/{run}/history",
            json={"rows": [{"_step": value, "loss": value, "acc": 1}]},
        )

    def back_up_while_somebody_writes(self) -> int:
        """How many values were acknowledged when the backup began; all of them have to be in it."""
        acknowledged, ended = [0], threading.Event()

        def write() -> None:
            while not ended.is_set():
                self.log("busy", acknowledged[0] + 1)
                acknowledged[0] += 1

        writer = threading.Thread(target=write)
        writer.start()
        while not acknowledged[0]:
            assert writer.is_alive()
        before = acknowledged[0]
        self.server.manage(*self.as_documented("backup", "monday"))
        ended.set()
        writer.join()
        assert acknowledged[0] > before, "it wrote meanwhile"
        return before

    def erase(self) -> None:
        ask(self.server, "DELETE", f"{RUN}/goes")
        ask(self.server, "DELETE", f"{RUN}/stays/files/goes.bin")
        ask(self.server, "PATCH", f"{RUN}/partly", json={"state": "finished"})
        ask(self.server, "DELETE", f"{RUN}/partly/parts?metric=loss")
        self.server.python("-c", _ERASE, *(str(name.value) for name in GO))

    def back_up_later(self) -> None:
        told = self.server.python("-c", _BACK_UP, str(self.later), str(self.keys))
        self.rows = json.loads(told.splitlines()[-1])

    def copy_by_hand(self) -> None:
        with closing(sqlite3.connect(self.server.data / "ownlog.sqlite3")) as there:
            there.execute("VACUUM INTO ?", [str(self.by_hand)])


Rows = dict[str, list[list[str]]]
RUN = "projects/alice/kept/runs"
# Everybody, and a run that is closed, and can be taken back for some days.
_LET_WAIT = """
import sys, django; django.setup()
from tests.backups import everybody
half = len(sys.argv) // 2 + 1
everybody.come(*sys.argv[1:half])
everybody.come(*sys.argv[half:])
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.erasure.services import erase_run
from apps.runs.models import Run
from apps.teams.choices import SettingName
from apps.teams.models import Entity, Setting
from apps.teams.services import choose
from apps.vault.tree import keys_in_use
by = Actor.person(User.objects.get(username="alice"))
with keys_in_use():
    choose(Entity.objects.get(name="alice"), SettingName.GRACE_DAYS, 3, by=by)
    job = erase_run(next(run for run in Run.objects.order_by("-pk")), by=by)
    Setting.objects.filter(name="grace_days").delete()  # what else is erased goes at once
print(job.public_id)
"""
_ERASE = """
import sys, django; django.setup()
from tests.backups import everybody
everybody.go(*sys.argv[1:])
from apps.erasure.tasks import sweep; sweep()
from apps.vault import epochs; assert epochs.run()
"""
_SPENT = """
import django; django.setup()
from apps.core import clock
from apps.statistics.queries import is_spent
from apps.statistics.types import month_before, month_of
print("spent:", is_spent(month_before(month_before(month_of(clock.now())))))
"""
_ROWS = """
import json, django; django.setup()
from tests.backups import everybody
print(json.dumps(everybody.all_rows()))
"""
# An epoch comes to its end while the main database and the files are being written.
_BACK_UP = """
import json, sys, django; django.setup()
from tests.backups import everybody
from pathlib import Path
from apps.backups.taking import back_up
from apps.core import clock
from apps.vault import epochs
from apps.vault.models import Node
def step(name):
    if name == "written":
        Node.objects.filter(parent_id=None).update(dirty_at=clock.now())
        assert epochs.run()
back_up(Path(sys.argv[1]), Path(sys.argv[2]), step)
print(json.dumps(everybody.all_rows()))
"""
# Somebody's erasure begins and ends between the moment of a backup and the sealing of their name: at each try, or at the first.
_BACK_UP_MEANWHILE = """
import sqlite3, sys, django; django.setup()
from pathlib import Path
from apps.accounts.actors import Actor
from apps.backups.taking import back_up
from apps.erasure.accounts import close_account
from apps.erasure.tasks import sweep
from apps.teams.models import Entity
from apps.teams.services import create_account
from tests.factories import people
folder, going = Path(sys.argv[1]), sys.argv[3:]
for name in going:
    create_account(name, email=f"{name}@example.com", password=people.PASSWORD)
nodes = {str(node).replace("-", "") for node in Entity.objects.filter(name__in=going).values_list("vault_node", flat=True)}
held = []
def step(name):
    if name == "held":
        held.append(name)
        if going:
            close_account(Entity.objects.get(name=going.pop()), by=Actor.system(), at_once=True)
            sweep()
back_up(folder, Path(sys.argv[2]), step)
with sqlite3.connect(folder / "vault.sqlite3") as vault:
    there = {str(row[0]).replace("-", "") for row in vault.execute("SELECT id FROM vault_node")}
print(len(nodes), len(held), len(nodes & there))
"""
_DIE = """
import os, sys, django; django.setup()
from pathlib import Path
from apps.backups.restoring import restore
restore(Path(sys.argv[1]), Path(sys.argv[2]), None, lambda name: name == sys.argv[3] and os._exit(9))
"""


def ask(
    server: LiveServer, method: str, path: str, *, expects: int | None = None, **more: object
) -> requests.Response:
    headers = {"Authorization": f"Bearer {API_KEY}"}
    answer = requests.request(method, f"{server.url}/api/v1/{path}", headers=headers, timeout=60, **more)  # type: ignore[arg-type]
    assert answer.status_code == expects if expects else answer.ok, answer.text
    return answer


def losses(server: LiveServer, run: str) -> list[int]:
    return [row["loss"] for row in ask(server, "GET", f"{RUN}/{run}/history").json()]


# In the clear in the database; an address that somebody is invited by is not.
CLEAR = {f"{kind} that {ends}" for kind in KINDS[:-1] for ends in ("stays", "goes")}
# By a restore: a webhook is switched off, what waited for it given up, and nobody is told to whom an invitation was sent.
CHANGED = {
    "teams_invitation.sealed_email", "webhooks_delivery.done_at", "webhooks_delivery.state", "webhooks_delivery.trouble",
    "webhooks_hook.is_on",
}  # fmt: skip


def differing(here: Rows, there: Rows) -> set[str]:
    """Columns in which two main databases differ, or tables in which one has other rows."""
    found = {
        table for table in here.keys() | there.keys() if len(here.get(table, [])) != len(there.get(table, []))
    }
    for table in here.keys() - found:
        for one, other in zip(here[table], there[table], strict=True):
            found |= {f"{table}.{a.partition('=')[0]}" for a, b in zip(one, other, strict=True) if a != b}
    return found


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    server = LiveServer(threads=2).prepare()
    server.account("alice")
    with server:
        yield World(server, tmp_path_factory.mktemp("backups"))


@pytest.fixture
def empty(world: World) -> Iterator[LiveServer]:
    """Where nothing was ever started; a bucket is the one of before."""
    server = LiveServer(threads=2)
    if server.remote:
        server.remote.make()
        server.env["OWNLOG_STORAGE_URL"] = world.server.env["OWNLOG_STORAGE_URL"]
    server.is_prepared = True
    try:
        yield server
    finally:
        server.stop()
        server.remove()


def test_a_backup_comes_back_whole_and_what_was_erased_since_does_not(
    world: World, empty: LiveServer
) -> None:
    before = world.back_up_while_somebody_writes()
    if not world.server.remote:
        world.copy_by_hand()
        assert {hit.field for hit in search([world.by_hand], STAY + GO)} == set(CLEAR), (
            "the search finds those that are there"
        )
    world.erase()
    world.back_up_later()
    assert search([world.first, world.later], STAY + GO) == []
    if not world.server.remote:
        with closing(sqlite3.connect(world.first / "main.sqlite3")) as there:
            assert there.execute("PRAGMA auto_vacuum").fetchone() == (2,), "as the living one is"
    first, keys = str(world.first), str(world.keys)

    told = empty.manage("restore", first, "--keys", keys, check=False)
    assert "Erasures have replaced the key since" in told
    told = empty.manage(*world.as_documented("restore", "--vault"))

    assert "erased again: 6" in told
    rows = empty.python("-c", _ROWS)
    assert {name.field: str(name.value) in rows for name in STAY + GO} == {
        name.field: name in STAY and name.field in CLEAR for name in STAY + GO
    }
    assert search([empty.folder], GO) == []
    with empty:
        assert losses(empty, "stays") == [0]
        assert losses(empty, "busy")[: before + 1] == list(range(before + 1))
        assert ask(empty, "GET", f"{RUN}/stays/files/stays.bin").content == _CONTENT
        ask(empty, "GET", f"{RUN}/goes", expects=410)
        ask(empty, "GET", f"{RUN}/stays/files/goes.bin", expects=404)
        ask(empty, "GET", f"{RUN}/partly", expects=410)  # the key that it had then opened its loss as well
        ask(empty, "GET", f"{RUN}/waits", expects=410)
        job, before_it = (
            ask(each, "GET", f"erasures/{world.waiting}").json() for each in (empty, world.server)
        )
        assert (job["step"], job["due_at"]) == ("wait", before_it["due_at"])
        ask(empty, "POST", f"erasures/{world.waiting}/restore")
        assert losses(empty, "waits") == [0]
        assert "is not empty" in empty.manage(*world.as_documented("restore", "--vault"), check=False)
        # One may have been removed meanwhile, and tells nobody before somebody wants it.
        both = (ask(each, "GET", "projects/alice/kept/webhooks").json() for each in (empty, world.server))
        assert [each["items"][0]["is_on"] for each in both] == [False, True]
        # What may have been released meanwhile is not released with other noise once more.
        assert "spent: True" in empty.python("-c", _SPENT)


def test_a_restore_that_dies_begins_anew_and_nothing_starts_meanwhile(
    world: World, empty: LiveServer
) -> None:
    backup, keys = str(world.later), str(world.keys)
    for step in ("vault", "main"):
        empty.python("-c", _DIE, backup, keys, step, check=False)
        assert (empty.data / "restore-unfinished").exists(), step
    assert "was broken off here" in empty.manage(*world.as_documented("restore", "--vault"), check=False)
    assert "was broken off" in empty.python("-m", "config.launch.prepare", check=False)

    assert "erased again: 0" in empty.manage(*world.as_documented("restore", "tuesday"))
    assert differing(world.rows, json.loads(empty.python("-c", _ROWS).splitlines()[-1])) == CHANGED

    with empty:
        assert losses(empty, "stays") == [0]
        (row,) = ask(empty, "GET", f"{RUN}/partly/history").json()
        assert row["acc"] == 1 and "loss" not in row
        assert "opened" in empty.manage(*world.as_documented("vault"))


@pytest.mark.parametrize(("number", "tries", "left"), [(2, 3, 0), (5, 4, 1)], ids=["twice", "each time"])
def test_a_backup_is_taken_once_more_where_somebody_was_erased_before_their_name_was_sealed(
    world: World, tmp_path: Path, number: int, tries: int, left: int
) -> None:
    """Its own vault has their key, and by it they would come back without a name. It ends at some time, whoever goes."""
    names = [f"late-{number}-{each}" for each in range(number)]

    told = world.server.python(
        "-c", _BACK_UP_MEANWHILE, str(tmp_path / "backup"), str(tmp_path / "keys"), *names
    )

    # Of five one is not erased at all, and one in the last try.
    assert told.split()[-3:] == [str(number), str(tries), str(left and left + 1)]


def test_a_main_database_that_somebody_put_back_by_hand_is_made_true_at_the_start(world: World) -> None:
    server = world.server
    if server.remote:
        pytest.skip("by hand it is a file; the rest is the same code")
    server.stop()
    shutil.copy(world.by_hand, server.data / "ownlog.sqlite3")
    for left in ("-wal", "-shm"):
        (server.data / f"ownlog.sqlite3{left}").unlink(missing_ok=True)

    assert "6 things that were erased are erased again" in server.python("-m", "config.launch.prepare")
    assert "erased again" not in server.python("-m", "config.launch.prepare")
    server.start()
    ask(server, "GET", f"{RUN}/goes", expects=410)
    assert losses(server, "stays") == [0]


def test_a_broken_backup_is_refused(world: World, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(world.later, tmp_path / "copy"))
    assert "vault.sqlite3" in manifest.read(copy).files
    (copy / "vault.sqlite3").write_bytes((copy / "vault.sqlite3").read_bytes()[:-1] + b"!")
    with pytest.raises(Refused, match="missing, cut short or changed"):
        manifest.read(copy)
    (copy / "backup.json").write_text("{")
    with pytest.raises(Refused, match="cannot be read"):
        manifest.read(copy)
    (copy / "backup.json").unlink()
    with pytest.raises(Refused, match="no whole backup"):
        manifest.read(copy)
    if not world.server.remote:
        files.require_whole(copy)
        some = next(path for path in (copy / "blobs").rglob("*") if path.is_file())
        some.write_bytes(some.read_bytes()[:-1])
        with pytest.raises(Refused, match="missing or cut short"):
            files.require_whole(copy)


def test_keys_never_lie_with_what_they_open_and_a_backup_is_never_written_over(
    tmp_path: Path, settings: Settings
) -> None:
    settings.OWNLOG_DATA, settings.OWNLOG_KEY_DIR = tmp_path / "var", tmp_path / "keys"
    backup = tmp_path / "backup"
    for keys, whom in (
        (backup / "keys", "the backup"),
        (tmp_path, "the backup"),
        (tmp_path / "var" / "keys", "the data folder"),
        (tmp_path / "keys", "the key folder of this instance"),
    ):
        with pytest.raises(Refused, match=f"would lie together with {whom}"):
            keyplace.refuse_together(backup, keys)
    keyplace.refuse_together(backup, tmp_path / "safe")

    backup.mkdir()
    (backup / "something").touch()
    with pytest.raises(Refused, match="is not empty"):
        taking.begin(backup)
    assert (backup / "something").exists()
