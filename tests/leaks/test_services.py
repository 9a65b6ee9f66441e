from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.audit.models import Event
from apps.code_saving.credentials import Detector
from apps.core import clock
from apps.erasure.services import erase_files, erase_run
from apps.files.queries import find_file
from apps.leaks import queries, scanning, services
from apps.leaks.models import Finding, Scan
from apps.leaks.notes import MOST_FINDINGS
from apps.leaks.queries import count_open, find_finding, findings_of, open_in_project
from apps.leaks.types import Place, State
from apps.projects.models import Project
from apps.runs.history import store
from apps.runs.models import Run
from apps.runs.queries import run_key
from apps.runs.services import finish_run, update_run
from apps.runs.types import RunPatch, RunState
from apps.teams.choices import SettingName
from apps.teams.services import choose
from apps.vault.errors import KeyGone
from apps.vault.keys import opened_keys
from apps.vault.models import Node
from tests.factories import work
from tests.leaks.leaking import ARGS, CONFIG, KEY, OTHER, looked, put, say
from tests.questions import questions


def test_a_run_without_credentials_has_no_findings(vision: Project, alice: User) -> None:
    run = work.run(vision, "clean", by=alice, config_text='{"lr": {"value": 1}}')
    say(run, 0, "epoch 1", "完了")

    assert looked(run) == []
    assert services.scan_due() == 0


def test_the_config_and_its_command_line_are_looked_at(leaky: Run) -> None:
    found = looked(leaky)

    assert [(each.spot.place, each.spot.detector, each.spot.path) for each in found] == [
        (Place.CONFIG, Detector.HUGGING_FACE, ("hub", "value", "鍵")),
        (Place.CONFIG, Detector.HUGGING_FACE, ("_wandb", "value", "e", "w", "args", 1)),
    ]
    assert looked(leaky) == found


def test_neither_the_value_nor_where_it_stood_is_in_a_row(leaky: Run) -> None:
    looked(leaky)

    rows = [*Finding.objects.values_list(), *Scan.objects.values_list()]
    stored = b"".join(
        bytes(x) if isinstance(x, bytes | memoryview) else str(x).encode() for row in rows for x in row
    )
    assert [KEY.encode() in stored, "鍵".encode() in stored, b"hugging" in stored] == [False] * 3


def test_what_stood_in_a_file_or_a_value_that_is_gone_went_with_it(leaky: Run, alice: User) -> None:
    by = Actor.person(alice)
    put(leaky, "config.yaml", f"token: {OTHER}\n".encode())
    assert (len(looked(leaky)), count_open(leaky)) == (3, 3)

    erase_files([find_file(leaky, "config.yaml").file], by=by, at_once=True)
    assert count_open(leaky) == 2

    update_run(leaky, RunPatch(config_text=json.dumps(ARGS)), by=by)
    assert count_open(leaky) == 1
    assert [each.state for each in findings_of(leaky)] == [State.OPEN, State.ERASED, State.ERASED]


def test_the_findings_of_a_project_are_counted_in_as_many_questions_as_those_of_a_run(
    leaky: Run, vision: Project, alice: User
) -> None:
    put(leaky, "config.yaml", KEY.encode())
    looked(leaky)
    asked, found = questions(lambda: open_in_project(vision))
    assert found.of_run == {leaky: 3}
    for name in ("second", "third", "clean"):
        run = work.run(vision, name, by=alice, config_text=json.dumps({} if name == "clean" else ARGS))
        looked(run)
    erased = work.run(vision, "erased", by=alice, config_text=json.dumps(ARGS))
    looked(erased)
    erase_run(erased, by=Actor.person(alice))

    assert questions(lambda: list(open_in_project(vision).of_run.values())) == (asked, [3, 1, 1])


def test_of_very_many_runs_so_many_are_counted_as_have_any(
    leaky: Run, vision: Project, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [leaky, *(work.run(vision, name, by=alice, config_text=json.dumps(ARGS)) for name in "abc")]
    for run in runs:
        looked(run)
    update_run(runs[1], RunPatch(config_text="{}"), by=Actor.person(alice))
    monkeypatch.setattr(queries, "_RUNS_AT_ONCE", 1)
    monkeypatch.setattr(queries, "_MOST_RUNS", 2)

    found = open_in_project(vision)

    assert (found.of_run, found.count, found.is_partial) == ({leaky: 2, runs[2]: 1}, 3, True)
    monkeypatch.setattr(queries, "_MOST_RUNS", 3)
    assert not open_in_project(vision).is_partial


def test_lines_are_looked_at_once_also_when_they_are_compacted_between(vision: Project, alice: User) -> None:
    run = work.run(vision, "long", by=alice)
    say(run, 0, "one", KEY)
    assert [each.spot.line for each in looked(run)] == [1]
    store.compact(run)
    say(run, 2, "two", OTHER)
    store.compact(run)

    assert [each.spot.line for each in looked(run)] == [1, 3]


def test_a_turn_that_is_over_is_gone_on_with(vision: Project, alice: User) -> None:
    run = work.run(vision, "turns", by=alice, config_text=json.dumps(CONFIG))
    say(run, 0, KEY)
    run.refresh_from_db()

    turns = 0
    while not services.scan(run, ends=0):
        turns += 1

    assert turns >= 2
    assert [each.spot.place for each in findings_of(run)] == [Place.CONFIG, Place.CONFIG, Place.CONSOLE]
    assert services.scan_due() == 0


def test_runs_that_cannot_be_opened_do_not_keep_the_others_waiting(
    vision: Project, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead, alive = (work.run(vision, name, by=alice, config_text=json.dumps(CONFIG)) for name in ("a", "b"))

    def opened(run: Run) -> Any:
        if run == dead:
            raise KeyGone(uuid4())
        return run_key(run)

    monkeypatch.setattr(services, "_RUNS_AT_ONCE", 1)
    monkeypatch.setattr(services, "run_key", opened)

    assert [services.scan_due(), services.scan_due()] == [0, 1]
    assert count_open(alive) == 2


def test_files_that_hold_none_by_their_name_are_not_asked_for(
    leaky: Run, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    look_at_file = scanning._look_at_file

    def noted(run: Run, pk: int) -> None:
        asked.append(pk)
        look_at_file(run, pk)

    monkeypatch.setattr(scanning, "_look_at_file", noted)
    for n in range(5):
        put(leaky, f"media/images/{n}.png", KEY.encode())
    held = put(leaky, "wandb-metadata.json", json.dumps({"args": [KEY]}).encode())

    found = looked(leaky)

    assert asked == [held.pk]
    assert [each.spot.file for each in found if each.spot.place is Place.FILE] == ["wandb-metadata.json"]


def test_many_are_said_to_be_no_secrets_in_as_many_questions_as_one(leaky: Run, alice: User) -> None:
    actor = Actor.person(alice)
    say(leaky, 0, f"a {KEY}", f"b {KEY}", f"c {KEY}")
    first, second, *rest = [each.public_id for each in looked(leaky)]
    services.dismiss_findings(leaky, [first], by=actor)  # whose the run is, is known then
    one = questions(lambda: services.dismiss_findings(leaky, [second], by=actor))[0]

    assert len(rest) == 3
    assert questions(lambda: services.dismiss_findings(leaky, rest, by=actor))[0] == one
    assert count_open(leaky) == 0
    told = Event.objects.filter(kind="run.secret_dismissed").order_by("pk")
    assert [each.facts for each in told] == [{"findings": 1}, {"findings": 1}, {"findings": 3}]


def test_what_is_said_to_be_no_secret_stays_so(leaky: Run, alice: User) -> None:
    actor, first = Actor.person(alice), looked(leaky)[0]
    for _twice in range(2):
        services.dismiss_findings(leaky, [first.public_id, "no such"], by=actor)
    update_run(leaky, RunPatch(config_text=json.dumps(CONFIG, indent=1)), by=actor)
    looked(leaky)

    assert count_open(leaky) == 1
    assert Event.objects.filter(kind="run.secret_dismissed").count() == 1


def test_a_thousand_secrets_are_not_a_thousand_rows(vision: Project, alice: User) -> None:
    run = work.run(vision, "many", by=alice)
    say(run, 0, *[KEY] * 1000)

    assert len(looked(run)) == MOST_FINDINGS


def test_a_finding_of_another_run_is_not_found_by_this_one(leaky: Run, vision: Project, alice: User) -> None:
    found = looked(leaky)[0]

    assert find_finding(work.run(vision, "other", by=alice), found.public_id) is None
    assert find_finding(leaky, "x" * 20) is None


@pytest.mark.parametrize("why", ["files of it wait", "its key is damaged"])
def test_a_run_that_can_have_no_other_key_now_keeps_no_other_waiting(
    leaky: Run, vision: Project, alice: User, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    """It was asked for first, and would be first in turn for ever."""
    by, other = Actor.person(alice), work.run(vision, "other", by=alice)
    finish_run(leaky, state=RunState.FINISHED, by=by)
    finish_run(other, state=RunState.FINISHED, by=by)
    asked = clock.now() - timedelta(hours=1)
    Scan.objects.create(run=leaky, new_key_wanted_at=asked)
    Scan.objects.create(run=other, new_key_wanted_at=asked + timedelta(minutes=1))
    if why == "files of it wait":
        choose(vision.entity, SettingName.GRACE_DAYS, 3, by=by)
        erase_files([put(leaky, "kept.txt", b"kept")], by=by)
    else:
        Node.objects.filter(pk=leaky.vault_node).update(secrets=b"\x01" + bytes(91))
        opened_keys().keys.clear()
    monkeypatch.setattr(services, "_RENEWED_AT_ONCE", 1)

    assert [services.renew_due(), services.renew_due()] == [0, 1]

    other.refresh_from_db()
    waiting = Scan.objects.get(run=leaky).new_key_wanted_at
    assert other.is_back_soon and waiting is not None and waiting > asked + timedelta(minutes=2)
