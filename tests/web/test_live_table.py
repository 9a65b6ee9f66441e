"""The table while runs go on, and what is done with chosen runs."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import User
from apps.projects.models import Project
from apps.runs import table
from apps.runs.models import Run
from apps.runs.queries import open_run
from tests.factories import work
from tests.web.conftest import Visit
from tests.web.test_project_page import HOSTILE

PAGE = "/lab/vision"


def _version(page: Any) -> str:
    [found] = re.findall(r'data-version="([^"]*)"', page.content.decode())
    return str(found)


def test_nothing_is_told_while_nothing_changes(visit: Visit, vision: Project, alice: User) -> None:
    work.run(vision, "a", by=alice)
    version = _version(visit(PAGE, by="vera"))

    same = visit(f"{PAGE}/live", by="vera", version=version)
    work.run(vision, "b", by=alice, display_name=HOSTILE)
    changed = visit(f"{PAGE}/live", by="vera", version=version)

    assert (same.status_code, same.content) == (204, b"")
    assert changed.status_code == 200
    assert _version(changed) != version
    assert b'data-found="2" data-length="2"' in changed.content
    assert b'<span class="n" id="run-total">2</span>' in changed.content
    assert b"<img" not in changed.content


def test_to_be_told_of_nothing_costs_next_to_nothing(
    visit: Visit, vision: Project, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        work.run(vision, f"r{number}", by=alice)
    version = _version(visit(PAGE, by="vera"))
    monkeypatch.setattr(table._tables, "moment_of", None)  # the table is not looked at
    client = Client()
    client.force_login(User.objects.get(username="vera"))
    client.get(f"{PAGE}/live", {"version": version})

    with CaptureQueriesContext(connections["default"]) as asked:
        answer = client.get(f"{PAGE}/live", {"version": version})

    assert answer.status_code == 204
    assert sum('"runs_run"' in query["sql"] for query in asked) == 1


def test_the_filter_holds_for_what_is_told(visit: Visit, vision: Project, alice: User) -> None:
    runs = [work.run(vision, name, by=alice, tags=[name]) for name in ("a", "b")]

    told = visit(f"{PAGE}/live", by="vera", q="tag = b").content.decode()
    ids = visit(f"{PAGE}/ids", by="vera", q="tag = b")

    assert 'data-found="1"' in told
    assert runs[1].public_id in told
    assert runs[0].public_id not in told
    assert json.loads(ids.content) == {"runs": [runs[1].public_id]}


# ── Chosen runs ──


def _tags(run: Run) -> list[str]:
    return open_run(Run.objects.get(pk=run.pk)).head.tags


def test_chosen_runs_are_given_tags_and_rid_of_them(send: Visit, vision: Project, alice: User) -> None:
    runs = [work.run(vision, name, by=alice, tags=["old", name]) for name in ("a", "b", "c")]
    chosen = f"{runs[0].public_id},{runs[1].public_id}"

    send(f"{PAGE}/tag", by="bob", runs=chosen, tag="new, old")
    send(f"{PAGE}/tag?remove", by="bob", runs=[runs[0].public_id], tag="old")

    assert [_tags(run) for run in runs] == [["a", "new"], ["old", "b", "new"], ["old", "c"]]


def test_chosen_runs_are_asked_to_stop(send: Visit, vision: Project, alice: User) -> None:
    runs = [work.run(vision, name, by=alice) for name in ("a", "b")]

    answer = send(f"{PAGE}/stop", by="bob", runs=runs[0].public_id)

    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    assert [run.stop_requested_at is None for run in Run.objects.order_by("id")] == [False, True]


@pytest.mark.parametrize("act", ["tag", "stop"])
@pytest.mark.parametrize(("who", "status"), [("vera", 403), ("mallory", 404), (None, 404)])
def test_only_who_may_write_changes_chosen_runs(
    send: Visit, told: Run, mallory: User, act: str, who: str | None, status: int
) -> None:
    answer = send(f"{PAGE}/{act}", by=who, runs=told.public_id, tag="x")

    told.refresh_from_db()
    assert answer.status_code == status
    assert (_tags(told), told.stop_requested_at) == (["paper"], None)


def test_runs_of_another_project_are_not_changed(send: Visit, vision: Project, mallory: User) -> None:
    theirs = work.run(work.project("mallory", "own", by=mallory), "theirs", by=mallory)

    send(f"{PAGE}/tag", by="alice", runs=theirs.public_id, tag="mine")

    assert _tags(theirs) == []


def test_too_many_at_once_are_refused(send: Visit, told: Run) -> None:
    answer = send(f"{PAGE}/tag", by="bob", runs=",".join([told.public_id] * 501), tag="x")

    assert answer.status_code == 413
    assert _tags(told) == ["paper"]
