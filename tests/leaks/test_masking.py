"""With masking chosen: what is stored, what is said of it, and what stays as it came."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.code_saving import masking
from apps.code_saving.credentials import Detector, mark_of
from apps.core.errors import Forbidden
from apps.leaks.queries import count_masked, count_open, findings_of
from apps.leaks.types import Place, State
from apps.projects.models import Project
from apps.runs.history import store
from apps.runs.models import Run
from apps.runs.queries import open_run
from apps.runs.services import update_run
from apps.runs.types import Lines, RunPatch, Stream, StreamRequest
from apps.teams.choices import SettingName
from apps.teams.models import Entity
from apps.teams.services import choose
from tests.factories import people, work
from tests.leaks.leaking import CONFIG, KEY, content, looked, put, say

MARK = mark_of(Detector.HUGGING_FACE)


@pytest.fixture
def masking_lab(lab: Entity, alice: User) -> Entity:
    choose(lab, SettingName.MASK_SECRETS, True, by=Actor.person(alice))
    choose(lab, SettingName.CODE_SAVING, True, by=Actor.person(alice))
    return lab


@pytest.fixture
def run(masking_lab: Entity, vision: Project, alice: User) -> Run:
    return work.run(vision, "leaky", by=alice, config_text=json.dumps(CONFIG))


def test_a_run_is_stored_without_them_and_says_where_they_were(run: Run) -> None:
    row = {"_step": 0, "loss": 0.125, "note": KEY}
    streams = {Stream.OUTPUT: Lines(0, ["one", f"key {KEY}"]), Stream.HISTORY: Lines(0, [json.dumps(row)])}
    store.append(run, StreamRequest(streams=streams))
    put(run, "code/main.py", f"KEY = '{KEY}'\n".encode())
    put(run, "output.log", f"key {KEY}\n".encode())
    put(run, "model.bin", KEY.encode())

    found = looked(run)

    config = json.loads(open_run(run).config_text)
    assert config["hub"] == {"value": {"鍵": MARK}} and KEY not in json.dumps(config)
    assert store.console(run, 0, 9) == ["one", f"key {MARK}"]
    assert content(run, "code/main.py") == f"KEY = '{MARK}'\n".encode()
    assert content(run, "output.log") == f"key {MARK}\n".encode()
    assert content(run, "model.bin") == KEY.encode()  # saved by name: as it is
    assert {each.state for each in found} == {State.MASKED}
    assert sorted((each.spot.place, each.spot.line) for each in found) == [
        (Place.CODE, 0), (Place.CONFIG, 0), (Place.CONFIG, 0), (Place.CONSOLE, 1),
    ]  # fmt: skip
    assert (count_open(run), count_masked(run)) == (0, 4)


def test_a_config_is_searched_before_anything_is_locked(
    run: Run, vision: Project, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside: list[int] = []

    def noted(text: str, wanted: Any) -> str:
        inside.append(len(connection.savepoint_ids))
        return masking.config_masked(text, wanted)

    monkeypatch.setattr("apps.runs.services.config_masked", noted)
    update_run(run, RunPatch(config_text=json.dumps(CONFIG)), by=Actor.person(alice))
    made = work.run(vision, "another", by=alice, config_text=json.dumps(CONFIG))

    assert inside == [len(connection.savepoint_ids)] * 2
    assert KEY not in open_run(run).config_text + open_run(made).config_text


def test_what_came_before_stays_open_until_it_is_masked(vision: Project, lab: Entity, alice: User) -> None:
    by = Actor.person(alice)
    run = work.run(vision, "before", by=alice, config_text=json.dumps(CONFIG))
    say(run, 0, KEY)
    looked(run)
    choose(lab, SettingName.MASK_SECRETS, True, by=by)

    update_run(run, RunPatch(config_text=json.dumps(CONFIG)), by=by)
    looked(run)

    states = {(each.spot.place, each.state) for each in findings_of(run)}
    assert states == {(Place.CONFIG, State.MASKED), (Place.CONSOLE, State.OPEN)}


def test_a_detector_that_fails_loses_nothing_and_the_sweep_tells(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(masking, "find", broken)
        say(run, 0, f"key {KEY}")

    assert store.console(run, 0, 9) == [f"key {KEY}"]
    assert [each.state for each in looked(run) if each.spot.place is Place.CONSOLE] == [State.OPEN]


def test_a_file_too_long_to_be_held_goes_in_as_it_came(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.files.services._MOST_WHOLE", 8)

    put(run, "code/long.py", f"KEY = '{KEY}'\n".encode() * 3)

    assert content(run, "code/long.py") == f"KEY = '{KEY}'\n".encode() * 3
    assert (Place.CODE, State.OPEN) in {(each.spot.place, each.state) for each in looked(run)}


def test_masked_ones_leave_room_for_those_that_are_open(run: Run) -> None:
    say(run, 0, *[KEY] * 300)
    say(run, 300, "-----BEGIN " + "PRIVATE KEY-----")

    looked(run)

    assert (count_open(run), count_masked(run)) == (1, 200)


def test_an_organisation_that_wants_it_is_obeyed(vision: Project, lab: Entity, alice: User) -> None:
    by, institute = Actor.person(alice), people.organisation("institute", admin=alice, teams=[lab])
    choose(institute, SettingName.MASK_SECRETS, False, by=by, enforce=True)
    choose(lab, SettingName.MASK_SECRETS, True, by=by)  # stricter than it must be
    choose(institute, SettingName.MASK_SECRETS, True, by=by, enforce=True)

    with pytest.raises(Forbidden):
        choose(lab, SettingName.MASK_SECRETS, False, by=by)

    assert KEY not in open_run(work.run(vision, "r", by=alice, config_text=json.dumps(CONFIG))).config_text
