"""Somebody with a hand on the disk changes what is stored: an error that names the object, never wrong content.

Each test damages one thing behind the server's back and puts it back afterwards.
"""

from __future__ import annotations

import re
import secrets
from uuid import UUID

import pytest

from tests.e2e.secrecy.conftest import Instance
from tests.e2e.secrecy.damage import CHANGES, SECRET, Runs, flip, told
from tests.e2e.secrecy.door import PROJECTS, RUNS, history

pytestmark = [pytest.mark.live, pytest.mark.promise("P-28")]


@pytest.fixture(scope="module")
def runs(instance: Instance) -> Runs:
    return Runs(instance)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(
    ("column", "label"),
    [("sealed_head", "run.head"), ("sealed_config", "run.config"), ("sealed_summary", "run.summary")],
)
def test_a_changed_value_of_a_run_is_named_and_not_shown(
    column: str, label: str, change: str, instance: Instance, runs: Runs
) -> None:
    with runs.disk.changed("ownlog.sqlite3", "runs_run", column, runs.hurt["id"], CHANGES[change]):
        answered = runs.read("hurt")
        assert told(answered, label, runs.hurt["uuid"]), answered.body[:500]
        assert SECRET.encode() not in answered.body or column != "sealed_head"
        runs.check_whole()
    assert not runs.read("hurt").messages, "once put back, all is well"


@pytest.mark.parametrize("column", ["sealed_head", "sealed_config", "sealed_summary"])
def test_a_script_is_told_rather_than_given_a_list_with_a_run_missing(
    column: str, instance: Instance, runs: Runs
) -> None:
    """Decided: whoever counts or compares runs by a script must not be given fewer without a word. Pages show the rest."""
    runs.touch("hurt")
    with runs.disk.changed("ownlog.sqlite3", "runs_run", column, runs.hurt["id"], flip(-1)):
        answered = runs.list()
        assert told(answered, "run.", runs.hurt["uuid"]), answered.body[:500]
    runs.touch("hurt")
    listed = runs.list().json["data"]["project"]["runs"]["edges"]
    assert {edge["node"]["name"] for edge in listed} == {"hurt", "whole"}


def test_values_of_one_run_do_not_open_in_another(instance: Instance, runs: Runs) -> None:
    """The same field, the same length, authentic bytes: but of another row."""
    other = runs.whole["sealed_head"]
    with runs.disk.changed("ownlog.sqlite3", "runs_run", "sealed_head", runs.hurt["id"], lambda _: other):
        answered = runs.read("hurt")
        assert told(answered, "run.head", runs.hurt["uuid"]), answered.body[:300]


def test_a_value_does_not_open_as_another_field_of_its_row(instance: Instance, runs: Runs) -> None:
    head = runs.hurt["sealed_head"]
    with runs.disk.changed("ownlog.sqlite3", "runs_run", "sealed_config", runs.hurt["id"], lambda _: head):
        assert told(runs.read("hurt"), "run.config", runs.hurt["uuid"])


def test_a_run_that_is_moved_to_another_key_does_not_open(instance: Instance, runs: Runs) -> None:
    other = runs.whole["vault_node"]
    runs.disk.query("ownlog.sqlite3", "UPDATE runs_run SET vault_node = 'x' WHERE id = ?", runs.whole["id"])
    try:
        with runs.disk.changed("ownlog.sqlite3", "runs_run", "vault_node", runs.hurt["id"], lambda _: other):
            answered = runs.read("hurt")
            assert answered.messages and SECRET.encode() not in answered.body
    finally:
        runs.disk.query(
            "ownlog.sqlite3", "UPDATE runs_run SET vault_node = ? WHERE id = ?", other, runs.whole["id"]
        )
    runs.check_whole()


# ── lines ──


def chunk_of(runs: Runs, stream: str) -> tuple[int, str]:
    found = runs.disk.query(
        "ownlog.sqlite3",
        "SELECT id, uuid FROM runs_chunk WHERE run_id = ? AND stream = ? ORDER BY first_line",
        runs.hurt["id"],
        stream,
    )
    return found[0][0], found[0][1]


@pytest.mark.parametrize("change", ["version", "key id", "nonce", "first letter", "tag", "half", "empty"])
@pytest.mark.parametrize("stream", ["history", "output"])
def test_a_changed_chunk_is_named_and_nothing_is_invented(
    stream: str, change: str, instance: Instance, runs: Runs
) -> None:
    row, uuid = chunk_of(runs, stream)
    with runs.disk.changed("ownlog.sqlite3", "runs_chunk", "payload", row, CHANGES[change]):
        answered = runs.read("hurt")
        assert told(answered, "chunk", uuid), answered.body[:500]
        shown = (answered.json["data"] or {}).get("project", {}).get("run") or {}
        assert not shown.get("history" if stream == "history" else "logLines")
        runs.check_whole()


def test_a_chunk_of_another_place_does_not_open(instance: Instance, runs: Runs) -> None:
    """Authentic bytes at a wrong line number would be wrong content."""
    runs.door.stream(runs.owner, runs.project, "hurt", history('{"loss": 9, "_step": 51}', offset=51))
    row, _ = chunk_of(runs, "history")
    with runs.disk.changed("ownlog.sqlite3", "runs_chunk", "first_line", row, lambda _: 3):  # type: ignore[arg-type, return-value]
        answered = runs.read("hurt")
        assert answered.messages, "shifted lines are not shown as if nothing had been"


def test_the_client_keeps_what_it_could_not_add_to_a_damaged_run(instance: Instance, runs: Runs) -> None:
    """A 4xx would make the client throw the rest of its run away; the damage may be mended."""
    keys = "sealed_keys"
    with runs.disk.changed("ownlog.sqlite3", "runs_run", keys, runs.hurt["id"], flip(-1)):
        answered = runs.door.stream(
            runs.owner, runs.project, "hurt", history('{"loss": 1, "_step": 99}', offset=60)
        )
        assert answered.status in {200, 503}, (answered.status, answered.body[:200])


# ── keys ──


@pytest.mark.parametrize("change", ["version", "nonce", "tag", "half", "empty"])
def test_a_changed_key_closes_its_run_only(change: str, instance: Instance, runs: Runs) -> None:
    node = runs.hurt["vault_node"]
    with runs.disk.changed("vault.sqlite3", "vault_node", "secrets", node, CHANGES[change]):
        answered = runs.read("hurt")
        assert told(answered, "key", node), answered.body[:500]
        assert SECRET.encode() not in answered.body
        runs.check_whole()


def test_a_key_of_another_run_does_not_serve(instance: Instance, runs: Runs) -> None:
    (other,) = runs.disk.query(
        "vault.sqlite3", "SELECT secrets FROM vault_node WHERE id = ?", runs.whole["vault_node"]
    )[0]
    with runs.disk.changed(
        "vault.sqlite3", "vault_node", "secrets", runs.hurt["vault_node"], lambda _: other
    ):
        assert told(runs.read("hurt"), "key", runs.hurt["vault_node"])


def test_a_changed_project_key_closes_that_project_only(instance: Instance, runs: Runs) -> None:
    other = f"other-{secrets.token_hex(4)}"
    runs.door.start_run(other, "r")
    (node,) = runs.disk.query(
        "ownlog.sqlite3", "SELECT vault_node FROM projects_project WHERE id = ?", runs.hurt["project_id"]
    )[0]
    with runs.disk.changed("vault.sqlite3", "vault_node", "secrets", node, flip(-1)):
        answered = runs.read("hurt")
        assert answered.messages and SECRET.encode() not in answered.body
        found = runs.door.data(RUNS, {"entity": runs.owner, "project": other})
        assert found["project"]["runCount"] == 1, "the neighbour is as it was"
        listed = runs.door.graphql(PROJECTS, {"entity": runs.owner})
        names = [
            edge["node"]["name"]
            for edge in ((listed.json["data"] or {}).get("models") or {}).get("edges", [])
        ]
        assert other in names or listed.messages


# ── pages ──


@pytest.mark.parametrize("column", ["sealed_head", "sealed_config", "sealed_summary"])
def test_a_projects_page_shows_the_other_runs_and_what_is_missing(
    column: str, instance: Instance, runs: Runs
) -> None:
    runs.touch("hurt")
    with runs.disk.changed("ownlog.sqlite3", "runs_run", column, runs.hurt["id"], flip(-1)):
        page = runs.browser.get(f"/{runs.owner}/{runs.project}")
        assert page.status_code == 200, page.text[-800:]
        assert "shown whole" in page.text and "shown hurt" not in page.text
        assert (
            str(UUID(runs.hurt["uuid"])) in page.text
            and SECRET not in page.text.split("<main")[1].split("shown whole")[0]
        )
    runs.touch("hurt")
    assert "shown hurt" in runs.browser.get(f"/{runs.owner}/{runs.project}").text


def test_a_projects_page_survives_a_damaged_key(instance: Instance, runs: Runs) -> None:
    with runs.disk.changed("vault.sqlite3", "vault_node", "secrets", runs.hurt["vault_node"], flip(-1)):
        page = runs.browser.get(f"/{runs.owner}/{runs.project}")
        assert page.status_code == 200 and "shown whole" in page.text
        assert str(UUID(runs.hurt["vault_node"])) in page.text


@pytest.mark.parametrize("rest", ["", "/charts", "/system", "/console", "/files", "/live"])
@pytest.mark.parametrize("column", ["sealed_head", "sealed_config", "sealed_summary", "sealed_keys"])
def test_a_damaged_runs_pages_say_so(column: str, rest: str, instance: Instance, runs: Runs) -> None:
    with runs.disk.changed("ownlog.sqlite3", "runs_run", column, runs.hurt["id"], flip(-1)):
        page = runs.browser.get(f"/{runs.owner}/{runs.project}/runs/hurt{rest}")
        assert page.status_code == 500 and str(UUID(runs.hurt["uuid"])) in page.text, page.text[-600:]
        assert SECRET not in page.text


@pytest.mark.parametrize("address", ["/", "/{owner}"])
def test_home_shows_the_other_projects_and_what_is_missing(
    address: str, instance: Instance, runs: Runs
) -> None:
    other = f"other-{secrets.token_hex(4)}"
    runs.door.start_run(other, "r")
    row = runs.hurt["project_id"]
    (uuid,) = runs.disk.query("ownlog.sqlite3", "SELECT uuid FROM projects_project WHERE id = ?", row)[0]
    with runs.disk.changed("ownlog.sqlite3", "projects_project", "sealed_name", row, flip(-1)):
        page = runs.browser.get(address.format(owner=runs.owner))
        assert page.status_code == 200 and other in page.text
        assert runs.project not in page.text and str(UUID(uuid)) in page.text


def test_no_damage_made_the_server_fall(instance: Instance, runs: Runs) -> None:
    runs.check_whole()
    log = instance.log()
    assert SECRET not in log
    assert not re.search(r"Traceback|panicked", log), "a damaged row is told in one line, not in a traceback"
