from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.audit.models import Event
from apps.blobs.models import Blob
from apps.blobs.store import default_store
from apps.code_saving.credentials import MASK, Detector
from apps.core import clock
from apps.core.errors import NotFound
from apps.erasure.models import ErasureJob
from apps.erasure.services import erase_files, erase_run
from apps.exports.models import Export
from apps.exports.services import export_runs
from apps.files.models import RunFile
from apps.files.queries import find_file, read_file
from apps.files.services import announce_files, store_file
from apps.leaks import queries, scanning, services
from apps.leaks.models import Finding, Scan
from apps.leaks.notes import MOST_FINDINGS
from apps.leaks.queries import count_open, find_finding, findings_of, open_in_project
from apps.leaks.types import OpenFinding, Place, State
from apps.projects.models import Project
from apps.runs.history import masking, store
from apps.runs.models import Chunk, Run, Segment
from apps.runs.queries import open_run, run_key
from apps.runs.services import finish_run, update_run
from apps.runs.types import Lines, RunPatch, RunState, Stream, StreamRequest
from apps.teams.choices import SettingName
from apps.teams.models import Entity
from apps.teams.services import choose
from apps.vault.errors import KeyGone, Tampered
from apps.vault.keys import opened_keys
from apps.vault.models import Node
from apps.vault.seal import unseal
from tests.erasure.conftest import finish
from tests.factories import work
from tests.questions import questions

KEY = "hf" + "_" + "Ab" * 17
OTHER = "ghp" + "_" + "c3D4" * 9
ARGS = {"_wandb": {"value": {"e": {"w": {"args": ["--hub", KEY], "os": "Linux"}}}}}
CONFIG = {"lr": {"value": 0.1}, "hub": {"value": {"鍵": KEY}}, **ARGS}


@pytest.fixture
def leaky(vision: Project, alice: User) -> Run:
    return work.run(vision, "leaky", by=alice, config_text=json.dumps(CONFIG))


def say(run: Run, first: int, *lines: str, writer: str = "") -> None:
    store.append(run, StreamRequest(streams={Stream.OUTPUT: Lines(first, lines)}, writer=writer))
    run.refresh_from_db()


def put(run: Run, name: str, data: bytes) -> RunFile:
    (announced,) = announce_files(run, [name])
    assert announced.file is not None
    return store_file(announced.file, io.BytesIO(data))


def content(run: Run, name: str) -> bytes:
    return b"".join(read_file(find_file(run, name).file))


def looked(run: Run) -> list[OpenFinding]:
    run.refresh_from_db()
    assert services.scan(run)
    return findings_of(run)


def test_exports_that_were_made_before_go_with_the_value(leaky: Run, alice: User) -> None:
    export = export_runs([leaky], by=Actor.person(alice))

    erase(leaky, looked(leaky)[0], alice)

    assert not Export.objects.exists()
    assert Export.everything.get(pk=export.pk).erasure_job is not None


def erase(run: Run, finding: OpenFinding, by: User) -> None:
    held = find_finding(run, finding.public_id)
    assert held is not None
    services.erase_value(held, by=Actor.person(by))
    run.refresh_from_db()


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


def test_erasing_a_value_of_the_config_takes_it_out_wherever_it_stands(
    leaky: Run, alice: User, django_capture_on_commit_callbacks: Any
) -> None:
    put(leaky, "wandb-metadata.json", json.dumps({"args": ["--hub", KEY], "os": "Linux"}).encode())
    put(leaky, "output.log", f"token {KEY}\nepoch 1\n".encode())
    before = set(Blob.objects.values_list("object_name", flat=True))
    found = [each for each in looked(leaky) if each.spot.place is Place.CONFIG]

    with django_capture_on_commit_callbacks(execute=True):
        erase(leaky, found[0], alice)

    config = json.loads(open_run(leaky).config_text)
    assert config["hub"] == {"value": {"鍵": MASK}}
    assert config["_wandb"]["value"]["e"]["w"]["args"] == ["--hub", MASK]
    assert config["lr"] == {"value": 0.1}
    assert json.loads(content(leaky, "wandb-metadata.json"))["args"] == ["--hub", MASK]
    assert content(leaky, "output.log") == f"token {MASK}\nepoch 1\n".encode()
    assert not before & set(Blob.objects.values_list("object_name", flat=True))
    assert {each.state for each in findings_of(leaky) if each.spot.place is Place.CONFIG} == {State.ERASED}
    assert Event.objects.filter(kind="run.secret_erased").count() == 1


@pytest.mark.parametrize(("beside", "left"), [("", 0), ("other: hf" + "_" + "Zz" * 17, 1)])
def test_a_value_that_the_client_wrote_beside_the_config_needs_no_click_of_its_own(
    leaky: Run, alice: User, beside: str, left: int
) -> None:
    put(leaky, "config.yaml", f"hub:\n  value: {KEY}\n{beside}".encode())
    found = looked(leaky)
    assert [each.spot.place for each in found] == [Place.CONFIG, Place.CONFIG, Place.FILE]

    erase(leaky, found[0], alice)

    assert KEY.encode() not in content(leaky, "config.yaml")
    assert count_open(leaky) == Finding.objects.filter(state=State.OPEN.value).count() == left


def test_a_line_of_the_console_takes_the_one_of_the_file_along(vision: Project, alice: User) -> None:
    run = work.run(vision, "said", by=alice)
    put(run, "wandb-metadata.json", json.dumps({"args": [KEY]}).encode())
    say(run, 0, f"token {KEY}")
    found = {each.spot.place: each for each in looked(run)}

    erase(run, found[Place.CONSOLE], alice)

    assert (set(found), count_open(run)) == ({Place.CONSOLE, Place.FILE}, 0)


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


def test_erasing_twice_changes_nothing(leaky: Run, alice: User) -> None:
    found = looked(leaky)[0]
    erase(leaky, found, alice)
    text = open_run(leaky).config_text

    erase(leaky, found, alice)

    assert open_run(leaky).config_text == text
    assert Event.objects.filter(kind="run.secret_erased").count() == 1


def test_what_could_not_be_taken_out_is_not_said_to_be_gone(
    leaky: Run, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = looked(leaky)[0]
    monkeypatch.setattr(services, "without", lambda config, _held: config)

    erase(leaky, found, alice)

    assert count_open(leaky) == 2
    assert not Event.objects.filter(kind="run.secret_erased").exists()


def test_a_secret_that_is_sent_again_is_open_again(leaky: Run, alice: User) -> None:
    found = looked(leaky)
    for each in found:
        erase(leaky, each, alice)
    looked(leaky)
    assert count_open(leaky) == 0

    update_run(leaky, RunPatch(config_text=json.dumps(CONFIG)), by=Actor.person(alice))
    looked(leaky)

    assert count_open(leaky) == 2


@pytest.mark.parametrize("is_compacted", [False, True])
def test_a_console_line_is_erased_in_chunks_and_in_segments(
    vision: Project, alice: User, is_compacted: bool
) -> None:
    run = work.run(vision, "said", by=alice)
    say(run, 0, "one", f"token {KEY}", "two")
    say(run, 1, f"トークン {KEY} です")  # the same line, written again
    say(run, 3, "three")
    if is_compacted:
        store.compact(run)
    objects = {each.blob.object_name for each in Segment.objects.filter(run=run).select_related("blob")}
    (found,) = looked(run)
    assert (found.spot.place, found.spot.line, found.spot.last) == (Place.CONSOLE, 1, 1)

    erase(run, found, alice)

    assert store.console(run, 0, 10) == ["one", f"トークン {MASK} です", "two", "three"]
    assert not Chunk.objects.filter(run=run, stream=Stream.OUTPUT.value).exists()
    assert not objects & {each.name for each in default_store().list()}
    everywhere = [
        text
        for each in masking.console_segments(run, 0)
        for _, text in masking.lines_of_segment(run, each, 0)
    ]
    assert KEY not in "".join(everywhere)


def test_a_private_key_of_several_lines_goes_whole(vision: Project, alice: User) -> None:
    run = work.run(vision, "pem", by=alice)
    head, end = "-----BEGIN " + "PRIVATE KEY-----", "-----END " + "PRIVATE KEY-----"
    say(
        run,
        0,
        "before",
        f"2026-11-27T10:00:00.1 {head}",
        "2026-11-27T10:00:00.2 MIIEabc",
        f"x {end}",
        "after",
    )
    (found,) = looked(run)
    assert (found.spot.line, found.spot.last) == (1, 3)

    erase(run, found, alice)

    assert store.console(run, 0, 10) == ["before", MASK, MASK, MASK, "after"]


def test_a_private_key_with_an_empty_line_leaves_what_lies_beside_it(vision: Project, alice: User) -> None:
    run = work.run(vision, "sealed", by=alice)
    put(run, "config.yaml", b"lr: 0.1\nmodel: resnet\n")
    body = ["Proc-Type: 4,ENCRYPTED", "", "MIIE" * 16, "abc="]
    say(run, 0, "-----BEGIN " + "RSA PRIVATE KEY-----", *body, "-----END " + "RSA PRIVATE KEY-----")
    put(run, "output.log", ("MIIE" * 16 + "\nepoch 1\n").encode())
    (found,) = looked(run)

    erase(run, found, alice)

    assert content(run, "config.yaml") == b"lr: 0.1\nmodel: resnet\n"
    assert content(run, "output.log") == f"{MASK}\nepoch 1\n".encode()
    assert store.console(run, 0, 10) == [MASK] * 6


@pytest.mark.parametrize("ascii_only", [False, True])
def test_a_value_goes_in_whatever_spelling_it_stands_beside(
    vision: Project, alice: User, ascii_only: bool
) -> None:
    password = 'ein "langes" Paßwort 1'
    config = {"password": password}
    run = work.run(vision, "spelled", by=alice, config_text=json.dumps(config))
    metadata = json.dumps({"args": ["--pass", password]}, ensure_ascii=ascii_only)
    put(run, "wandb-metadata.json", metadata.encode())
    found = [each for each in looked(run) if each.spot.place is Place.CONFIG]

    erase(run, found[0], alice)

    assert json.loads(content(run, "wandb-metadata.json"))["args"] == ["--pass", MASK]


def test_a_file_that_is_no_text_is_erased_all_the_same(vision: Project, alice: User) -> None:
    run = work.run(vision, "bytes", by=alice)
    put(run, "config.yaml", b"\xff\xfe " + KEY.encode() + b"\n")
    (found,) = looked(run)

    erase(run, found, alice)

    assert content(run, "config.yaml") == b"\xff\xfe " + MASK.encode() + b"\n"


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


def test_writers_of_a_shared_run_are_told_apart(vision: Project, alice: User) -> None:
    run = work.run(vision, "shared", by=alice)
    say(run, 0, f"a {KEY}", writer="a")
    say(run, 0, f"b {OTHER}", writer="b")
    found = {each.spot.detector: each for each in looked(run)}

    erase(run, found[Detector.GITHUB], alice)

    assert sorted(store.console(run, 0, 10)) == [f"a {KEY}", f"b {MASK}"]


def test_code_is_erased_whole(vision: Project, lab: Entity, alice: User) -> None:
    choose(lab, SettingName.CODE_SAVING, True, by=Actor.person(alice))
    run = work.run(vision, "coded", by=alice)
    put(run, "code/main.py", f"import os\nKEY = '{KEY}'\nSAME = '{KEY}'\n".encode())
    put(run, "code/clean.py", b"import os\n")
    (found,) = looked(run)
    assert (found.spot.place, found.spot.file, found.spot.line) == (Place.CODE, "code/main.py", 1)

    erase(run, found, alice)

    with pytest.raises(NotFound):
        find_file(run, "code/main.py")
    assert content(run, "code/clean.py") == b"import os\n"


def damage(file: RunFile) -> None:
    assert file.blob is not None
    name, size = file.blob.object_name, file.blob.stored_size or 0
    data = b"".join(default_store().read_range(name, 0, size))
    default_store().delete_all_versions(name)
    default_store().put(name, [data[:-1], bytes([data[-1] ^ 1])])


@pytest.fixture
def coded(vision: Project, lab: Entity, alice: User) -> Run:
    """A run with a secret in its code and another one in a file that the client wrote."""
    choose(lab, SettingName.CODE_SAVING, True, by=Actor.person(alice))
    run = work.run(vision, "coded", by=alice)
    put(run, "code/main.py", f"KEY = '{KEY}'\n".encode())
    put(run, "config.yaml", f"other: {OTHER}\n".encode() + b"# more\n" * 400_000)
    return run


def test_a_file_that_is_damaged_fails_no_erasing_of_what_stands_elsewhere(coded: Run, alice: User) -> None:
    found = {each.spot.place: each for each in looked(coded)}
    damage(find_file(coded, "config.yaml").file)

    erase(coded, found[Place.CODE], alice)

    assert {each.spot.place: each.state for each in findings_of(coded)} == {
        Place.CODE: State.ERASED,
        Place.FILE: State.OPEN,
    }


def test_of_a_file_no_more_is_read_than_is_looked_at(
    coded: Run, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {each.spot.place: each for each in looked(coded)}
    read: list[int] = []

    def noted(file: RunFile) -> Iterator[bytes]:
        for part in read_file(file):
            read.append(len(part))
            yield part

    monkeypatch.setattr(services, "read_file", noted)
    monkeypatch.setattr(scanning, "MOST_OF_A_FILE", 1_000)

    erase(coded, found[Place.CODE], alice)

    assert 0 < sum(read) < 2_000_000 < find_file(coded, "config.yaml").file.size
    assert count_open(coded) == 1


@pytest.mark.parametrize("place", [Place.CONFIG, Place.FILE])
def test_a_damaged_file_beside_the_value_goes_whole(leaky: Run, alice: User, place: Place) -> None:
    file = put(leaky, "wandb-metadata.json", json.dumps({"args": [KEY]}).encode())
    found = next(each for each in looked(leaky) if each.spot.place is place)
    damage(file)

    erase(leaky, found, alice)

    with pytest.raises(NotFound):
        find_file(leaky, "wandb-metadata.json")
    assert count_open(leaky) == (0 if place is Place.CONFIG else 2)


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


def test_a_run_has_another_key_once_it_has_ended_and_nobody_erases_more(
    leaky: Run, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    (finding, *_rest) = [each for each in looked(leaky) if each.spot.place is Place.CONFIG]
    old, before = leaky.vault_node, bytes(leaky.sealed_config or b"")
    erase(leaky, finding, alice)
    later = clock.now() + timedelta(minutes=2)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert services.renew_due() == 0  # it goes on
    finish_run(leaky, state=RunState.FINISHED, by=Actor.person(alice))

    assert (services.renew_due(), services.renew_due()) == (1, 0)
    finish(ErasureJob.objects.get())

    leaky.refresh_from_db()
    assert leaky.vault_node != old and Scan.objects.get(run=leaky).new_key_wanted_at is None
    assert KEY not in open_run(leaky).config_text
    with pytest.raises(Tampered):
        unseal(run_key(leaky), before, label="run.config", row=leaky.uuid)
    assert findings_of(leaky)[-1].state is State.ERASED
    assert Event.objects.get(kind="run.key_renewed").by == Actor.system().audit_id


def test_a_key_is_not_renewed_while_somebody_erases_one_value_after_the_other(
    leaky: Run, alice: User
) -> None:
    finish_run(leaky, state=RunState.FINISHED, by=Actor.person(alice))
    erase(leaky, looked(leaky)[0], alice)

    assert services.renew_due() == 0 and not ErasureJob.objects.filter(scope="part").exists()


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
