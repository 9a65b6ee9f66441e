from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

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
from apps.exports.models import Export
from apps.exports.services import export_runs
from apps.files.models import RunFile
from apps.files.queries import find_file, read_file
from apps.leaks import scanning, services
from apps.leaks.models import Finding, Scan
from apps.leaks.queries import count_open, findings_of
from apps.leaks.types import Place, State
from apps.projects.models import Project
from apps.runs.history import masking, store
from apps.runs.models import Chunk, Run, Segment
from apps.runs.queries import open_run, run_key
from apps.runs.services import finish_run, update_run
from apps.runs.types import RunPatch, RunState, Stream
from apps.teams.choices import SettingName
from apps.teams.models import Entity
from apps.teams.services import choose
from apps.vault.errors import Tampered
from apps.vault.seal import unseal
from tests.erasure.conftest import finish
from tests.factories import work
from tests.leaks.leaking import CONFIG, KEY, OTHER, content, erase, looked, put, say


def test_exports_that_were_made_before_go_with_the_value(leaky: Run, alice: User) -> None:
    export = export_runs([leaky], by=Actor.person(alice))

    erase(leaky, looked(leaky)[0], alice)

    assert not Export.objects.exists()
    assert Export.everything.get(pk=export.pk).erasure_job is not None


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
