"""Log every class of data with the real client, visit every page, then search the disk: nothing of it is to be found.

Each field carries a marker of its own. That they arrived is checked as well, by reading them back.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.db.models import JSONField

from tests.e2e.secrecy import people
from tests.e2e.secrecy.browser import Browser
from tests.e2e.secrecy.carried import CARRIED
from tests.e2e.secrecy.door import RUN, Door, history
from tests.e2e.secrecy.held import in_folders, on_servers
from tests.e2e.secrecy.leaks import MAILS, PARTS, all_leaks
from tests.e2e.secrecy.lived import World, live_through
from tests.e2e.secrecy.logged import NOT_READ_BACK, NUMBERS, TEXTS, names_of_many, new_markers
from tests.e2e.secrecy.search import new_text
from tests.e2e.secrecy.writes import NOWHERE, watched
from tests.live import LiveServer
from tests.providers import provider
from tests.turns import turn
from tests.web.mailbox import Mailbox

pytestmark = [pytest.mark.live, pytest.mark.promise("P-08")]


# Each has its turn, the one today and the other tomorrow: OWNLOG_CANARIES=whole asks both.
PLACES = {"folders": in_folders, "servers": on_servers}


def places_of_today() -> list[str]:
    return list(PLACES) if os.environ.get("OWNLOG_CANARIES") == "whole" else [list(PLACES)[turn(len(PLACES))]]


@pytest.fixture(scope="module", params=places_of_today())
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with PLACES[request.param]() as held, Mailbox() as mailbox, provider() as there:
        server = held.server
        made = World(held, tmp_path_factory.mktemp("watch") / "site", mailbox, new_markers())
        temporary = server.folder / "tmp"
        temporary.mkdir()
        server.env |= watched(made.watch) | mailbox.env | there.environment
        server.env |= {"TMPDIR": str(temporary), "OWNLOG_LOG_LEVEL": "DEBUG", "OWNLOG_HOSTED": "1"}
        server.launch()
        server.wait(240)
        live_through(made, there)
        yield made


def test_what_was_logged_arrived(world: World) -> None:
    """Without this, the searches below would pass on an instance that had stored nothing."""
    missing = [name for name in TEXTS if name not in NOT_READ_BACK and world.text(name) not in world.seen]
    missing += [name for name in NUMBERS if repr(world.values[name]) not in world.seen]
    missing = [name for name in missing if name not in {"argument", "branch_config"}]
    assert not missing
    assert world.text("file_bytes") in world.seen
    unread = [name for name in names_of_many() if world.text(name) not in world.read]
    # Told by pages: what the script printed and the cells of its table.
    assert {name.rpartition(" ")[0] for name in unread} <= {"lines", "columns", "cells"}
    assert [name for name in unread if world.text(name) not in world.seen] == []
    assert len(world.markers) > 1_000


def test_what_is_secret_of_people_was_there_to_be_seen(world: World) -> None:
    """Read where it was shown, so that it did come by this instance: the searches below look for it."""
    assert {each.field for each in world.secrets} >= set(people.SECRETS)
    assert [each.field for each in world.secrets if len(str(each.value)) < 8] == []
    assert set(world.fetched) == {"/api/v3/user", "/api/v3/user/emails"}
    assert "Firefox on Linux" in world.seen, "what is kept of what the browser says"


def test_there_is_something_in_each_field_that_is_said_to_carry_a_marker(world: World) -> None:
    empty = []
    for name in CARRIED:
        label, _, column = name.rpartition(".")
        meta = apps.get_model(label)._meta
        is_filled = "" if isinstance(meta.get_field(column), JSONField) else f"AND {column} <> ''"
        if not world.held.rows(
            f"SELECT 1 FROM {meta.db_table} WHERE {column} IS NOT NULL {is_filled} LIMIT 1"
        ):
            empty.append(name)
    assert empty == []


def test_nothing_of_it_is_on_the_disk_while_the_server_is_up(world: World) -> None:
    assert world.held.logs_of_writes, "the search is to see the write-ahead log too"
    assert world.held.objects > 20_000, "a segment and files"
    assert world.hits() == []


@pytest.mark.promise("P-03")
def test_the_log_says_what_happened_and_not_to_what(world: World) -> None:
    log = world.server.log.read_text(errors="replace")
    assert len(log) > 200, "an empty log proves nothing"
    assert "Traceback" not in log and "unforeseen" not in log and "unhandled" not in log, log[-3000:]


def test_it_writes_nowhere_but_in_its_own_folders(world: World) -> None:
    """Python's own account of every file that was opened to be written."""
    written = set((world.watch / "writes.txt").read_text().splitlines())
    assert any(str(world.server.data) in path for path in written), "the watch was on"
    known = (str(world.server.folder), str(world.watch), "/dev/", "/proc/")
    assert [path for path in written if not path.startswith(known)] == []
    left = [
        path for path in (world.server.folder / "tmp").rglob("*") if path.is_file() and path.stat().st_size
    ]
    assert left == [], "temporary files stayed behind"


def test_a_metric_that_is_erased_opens_by_no_copy_made_before_and_the_run_by_its_key_of_today(
    world: World, tmp_path: Path
) -> None:
    """Of the run that the client logged: whoever has the old copies has its old key with none of them, nor the old files."""
    door = Door(world.server.url, str(world.secrets[0].value))
    run = f"/api/v1/projects/carol/{world.text('project')}/runs/{world.text('run_id')}"
    copies, metric = str(tmp_path / "copies"), world.text("metric_name")
    held = [door.ask("GET", f"{run}/{part}").body.decode() for part in ("history", "summary")]
    assert all(metric in each for each in held)
    opened = world.server.python("-c", COPY_THE_VAULT, copies)

    place = f"carol/{world.text('project')}/{world.text('run_id')}"
    said = world.server.manage("erase", "metric", place, metric, "--yes", metric)

    assert "done, " in said
    keys, files, still, others = map(int, world.server.python("-c", OPEN_WHAT_WENT, copies).split())
    assert (keys, files >= 2, int(opened) >= keys + files) == (1, True, True), said
    assert (still, others > 0) == (0, True)
    # Not asked of the config: what the script was started with stays, and this one was told all names.
    left = [door.ask("GET", f"{run}/{part}").body.decode() for part in ("history", "summary")]
    assert not any(metric in each for each in left)
    assert world.text("text_value") in left[0], "what stays is read as before"
    assert world.hits() == []


def test_what_is_erased_opens_by_no_copy_of_the_vault_made_before(world: World, tmp_path: Path) -> None:
    """With the root key of today. The search that follows is that of an instance in which much was erased."""
    copies, named = str(tmp_path / "copies"), f"carol/{world.text('project')}"
    name = str(world.clear[0].value)
    world.server.manage("create_account", name, "--email", f"{name}@example.com")
    world.back_up("before")
    shutil.copytree(world.backup_keys, world.copied_keys)
    opened = world.server.python("-c", COPY_THE_VAULT, copies)

    said = world.server.manage("erase", "project", named, "--yes", named, "--now")

    assert "done, 3 runs, 4 versions" in said
    keys, files, still, others = map(int, world.server.python("-c", OPEN_WHAT_WENT, copies).split())
    assert (int(opened) >= keys + files, keys >= 5, files >= 5) == (True, True, True), said
    assert (still, others > 0) == (0, True)
    assert world.hits() == []


@pytest.mark.promise("P-09")
def test_the_name_and_the_address_of_an_erased_account_are_in_no_byte(world: World) -> None:
    """They stand in the clear as long as it is there; the write-ahead log and free pages are searched as well."""
    name, address = new_text("user name"), new_text("address")
    world.server.manage("create_account", str(name.value), "--email", f"{address.value}@example.com")
    browser = Browser(world.server.url)
    browser.submit("/account/reset", {"email": f"{address.value}@example.com"})
    world.server.manage("issue_api_key", str(name.value))
    assert {hit.field for hit in world.hits_of(name, address)} == {"user name", "address"}

    said = world.server.manage("erase", "account", str(name.value), "--yes", str(name.value), "--now")

    assert "done" in said
    assert world.hits_of(name, address) == []
    assert world.held.is_true_of_the_log(world.held.statement_of(said)["names"])


@pytest.mark.promise("P-09")
def test_when_teams_and_accounts_are_erased_as_well_nothing_is_left_not_even_a_name_in_old_backups(
    world: World, tmp_path: Path
) -> None:
    server, copies, (name, organisation) = world.server, str(tmp_path / "copies"), world.clear
    found = world.hits_of(*world.clear)
    assert {hit.field for hit in found} == {marker.field for marker in world.clear}, "they are there"
    assert [hit for hit in found if hit.place.startswith(f"{world.backups}/")] == [], "and in no backup"
    opened = server.python("-c", COPY_THE_VAULT, copies)

    for scope, named in (
        ("team", "carols"),
        ("organisation", str(organisation.value)),
        *(("account", each) for each in ("kenji", "dora", str(name.value))),
    ):
        assert "done" in server.manage("erase", scope, named, "--yes", named, "--now"), named

    gone, files, still, others = map(int, server.python("-c", OPEN_WHAT_WENT, copies).split())
    assert (gone >= 5, still, others > 0) == (True, 0, True)
    assert int(opened) >= gone + files
    assert (world.backups / "before" / "backup.json").is_file()
    assert world.hits() + world.hits_of(*world.clear) == []
    world.back_up("after")


COPY_THE_VAULT = """
import django, pickle, sys; django.setup()
from tests.vault.attacker import Attacker
held = Attacker()
held.copies_the_vault()
print(len(held.can_open()))
pickle.dump(held, open(sys.argv[1], "wb"))
"""
OPEN_WHAT_WENT = """
import django, pickle, sys; django.setup()
from apps.vault.models import Grant, Node
held = pickle.load(open(sys.argv[1], "rb"))
keys = {row[0] for row in held.nodes} - set(Node.objects.values_list("pk", flat=True))
files = {row[0] for row in held.grants} - set(Grant.objects.values_list("blob_id", flat=True))
held.copies_the_vault()
opened = held.can_open()
print(len(keys), len(files), len((keys | files) & opened), len(opened))
"""


def test_this_very_search_finds_a_leak_in_each_place(world: World) -> None:
    """Of any kind. What is planted stays: it is of no marker that others look for."""
    leaks = all_leaks(world.held)
    planted = {where: new_text(where) for where in (*leaks, *MAILS)}
    for where, leak in leaks.items():
        leak(world.held, str(planted[where].value))
    for where, mailed in MAILS.items():
        mailed(world.mailbox, str(planted[where].value))

    hits = world.hits_of(*planted.values())

    found = {where: " ".join(hit.place for hit in hits if hit.field == where) for where in leaks}
    assert [where for where, places in found.items() if not places] == []
    assert {hit.field for hit in world.hits_in_mails(*planted.values())} == set(MAILS)
    for where in PARTS.keys() & found:
        assert [part for part in PARTS[where] if part not in found[where]] == [], (where, found[where])


def test_nothing_of_it_is_on_the_disk_once_all_has_stopped(world: World) -> None:
    """Last in this file: the databases are closed, the broker is gone, the logs are complete."""
    world.server.stop()
    assert world.hits() == []


# Of what was erased after the backup, in a project, a team and accounts.
WENT = {
    *names_of_many(), "project", "run_id", "metric_name", "artifact_path", "plan_use", "link_label", "invited_name", "service_name",
    "webhook_address", "name and address", "organisation",
}  # fmt: skip
TRY = """
import django, json, sys; django.setup()
from pathlib import Path
from tests.e2e.secrecy.opening import try_all, try_with_both
from tests.e2e.secrecy.search import Marker
markers = [Marker(*each) for each in json.load(sys.stdin)]
before, after, now, place, copied = map(Path, sys.argv[1:])
tried = {
    "backup, today's root": try_all(markers, before.parent, vault=before, keys=now),
    "backup, keys of its place": try_all(markers, before.parent, vault=before, keys=place),
    "backup, a root that somebody copied": try_all(markers, before.parent, vault=before, keys=copied),
    "today's vault and root": try_all(markers, before.parent, vault=after, keys=now),
    "both vaults, today's root": try_with_both(markers, before.parent, [before, after], keys=now),
}
print(json.dumps({name: [len(each.opened), sorted(each.shut), sorted(each.told)] for name, each in tried.items()}))
"""


@pytest.mark.promise("P-09")
def test_what_a_backup_of_before_holds_opens_with_no_key_that_there_still_is(world: World) -> None:
    """Neither with its own vault, the root key being another since, nor with the vault of today. Whoever had copied the root key of
    then opens all of it, as docs/install.md says: so the same attempt does open what there is."""
    world.become_the_backup("before")
    vaults = [world.backups / name / "vault.sqlite3" for name in ("before", "after")]
    places = [*vaults, world.server.keys, world.backup_keys, world.copied_keys]
    markers = json.dumps([(each.field, each.value) for each in (*world.markers.values(), *world.clear)])

    told = json.loads(world.server.python("-c", TRY, *map(str, places), stdin=markers).splitlines()[-1])

    for held in ("backup, today's root", "backup, keys of its place"):
        opened, shut, words = told[held]
        assert (opened, len(shut) > 100, words) == (0, True, []), held
    opened, shut, words = told["backup, a root that somebody copied"]
    # A bucket is no part of a backup, and what was erased is gone from it: on servers the files stay shut.
    assert opened > len(shut)
    assert {
        "config keys 7",
        "run_id",
        "plan_use",
        "team_project",
        "key_name",
        "name and address",
        "organisation",
    } <= set(words)
    for held in ("today's vault and root", "both vaults, today's root"):
        opened, shut, words = told[held]
        assert (WENT & set(words), "key_name" in words, len(shut) > 100) == (set(), True, True), held


COMPACT = """
import django; django.setup()
from apps.runs.models import Run, Segment
from apps.runs.history.store import compact
for run in Run.objects.all():
    compact(run)
assert Segment.objects.exists()
"""


def test_everything_works_without_a_temporary_folder(tmp_path: Path) -> None:
    """Nothing may be written out in passing: large bodies, large uploads, large answers, compaction, pages."""
    server = LiveServer()
    server.env |= watched(tmp_path / "site", no_temporary_folder=True)
    with server:
        server.account("alice", "own_" + "k" * 36)
        door = Door(server.url, "own_" + "k" * 36)
        door.start_run("p", "r")
        lines = [json.dumps({"_step": step, "loss": step / 7, "text": "x" * 3000}) for step in range(2000)]
        assert door.stream("alice", "p", "r", history(*lines)).status == 200
        door.upload("alice", "p", "r", "large.bin", b"0123456789abcdef" * 512 * 1024)
        found = door.data(RUN, {"entity": "alice", "project": "p", "run": "r"})["project"]["run"]
        got = door.ask("GET", found["files"]["edges"][0]["node"]["directUrl"].removeprefix(server.url))
        assert len(got.body) == 8 * 1024 * 1024
        assert door.stream("alice", "p", "r", {"complete": True, "exitcode": 0}).status == 200
        server.python("-c", COMPACT)
        assert (
            len(door.data(RUN, {"entity": "alice", "project": "p", "run": "r"})["project"]["run"]["history"])
            == 500
        )
        browser = Browser(server.url)
        browser.sign_up("dave")
        assert browser.submit("/settings/api-keys", {"x": "y" * 3_000_000}).status_code < 500
        assert browser.get("/").status_code == 200
        log = server.log.read_text(errors="replace")
        assert "Traceback" not in log and NOWHERE not in log, log[-2000:]
