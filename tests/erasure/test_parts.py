"""Parts of a run: gone from the rows, from files and from what old copies hold; the rest as it was; who may, and when."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.audit.models import Event
from apps.blobs.models import Blob
from apps.blobs.store import default_store
from apps.core.errors import Conflict, Invalid, NotFound, Unavailable
from apps.core.privacy import declared
from apps.erasure.models import ErasureJob, PartErasure, Rewritten
from apps.erasure.parts import erase_parts, parts_would_go, renew_key
from apps.erasure.plan import parts_of
from apps.erasure.receipts import get_receipt
from apps.erasure.services import erase_run
from apps.erasure.types import Scope, Step
from apps.files.models import RunFile
from apps.files.queries import find_file, get_file, list_files, read_file
from apps.files.services import announce_files, store_file
from apps.leaks.models import Finding, Scan
from apps.projects.models import Project
from apps.runs import resealing
from apps.runs.history import keys, store
from apps.runs.history.pieces import open_chunk
from apps.runs.models import Chunk, Run, Segment, StreamPosition
from apps.runs.parts import PartKind, RunPart
from apps.runs.queries import get_run, open_run, run_key
from apps.runs.services import finish_run, start_run
from apps.runs.types import Lines, RunPatch, RunState, Stream, StreamRequest
from apps.vault.errors import KeyGone, Tampered
from apps.vault.models import Grant, Node, Tombstone
from apps.vault.seal import unseal
from apps.vault.tree import open_key
from apps.vault.types import NodeId
from tests.erasure.conftest import finish
from tests.erasure.rich import (
    CONFIG,
    LOSS,
    everything,
    fresh,
    history_of,
    image,
    left_of,
    put,
    sealed_of,
    without_loss,
)
from tests.factories import people, work

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P-09")]


@pytest.fixture
def by(alice: User) -> Actor:
    return Actor.person(alice)


def objects_without_a_row() -> set[str]:
    return {found.name for found in default_store().list()} - set(
        Blob.objects.values_list("object_name", flat=True)
    )


def test_a_metric_goes_and_the_rest_of_the_run_is_as_it_was(rich: Run, by: Actor) -> None:
    before = everything(rich)
    assert sum("loss" in each for each in before["history"]) == 12
    old, segments = NodeId(rich.vault_node), {each.blob.object_name for each in history_of(rich)}
    of_others = objects_without_a_row()  # what tests before stored

    job = finish(erase_parts(rich, [LOSS], by=by))

    assert (job.step, job.values, job.files, job.runs) == (Step.DONE, 12, 2, 0)
    assert everything(rich) == without_loss(before)
    after = fresh(rich)
    assert after.vault_node != old and after.renewed_at is not None and after.version > rich.version
    with pytest.raises(KeyGone):
        open_key(old)
    assert not Node.objects.filter(pk=old).exists() and not Grant.objects.filter(owner_id=old).exists()
    assert Tombstone.objects.filter(node_id=old, name_index=None).exists()
    assert not segments & {found.name for found in default_store().list()}
    assert objects_without_a_row() == of_others
    assert not PartErasure.objects.exists() and not Rewritten.objects.exists()
    assert not RunFile.everything.filter(erased_at__isnull=False).exists()


def test_what_an_old_copy_of_the_database_holds_opens_with_no_key_of_today(rich: Run, by: Actor) -> None:
    rows = [each for part in parts_of(Scope.RUNS) for each in part.model._base_manager.all()]
    before = {(type(each), each.pk, name): bytes(value) for each in rows for name, value in sealed_of(each)}
    assert {model for model, _, _ in before} >= {Run, Chunk, Segment, RunFile, Finding, Scan}

    finish(erase_parts(rich, [LOSS], by=by))

    key = run_key(fresh(rich))
    for sealed in before.values():
        assert sealed[1:17] != key.key_id
    with pytest.raises(Tampered):
        unseal(key, before[Run, rich.pk, "sealed_summary"], label="run.summary", row=rich.uuid)
    now = [each for part in parts_of(Scope.RUNS) for each in part.model._base_manager.all()]
    assert {bytes(value)[1:17] for each in now for _, value in sealed_of(each)} == {key.key_id}


def test_every_model_under_a_run_is_sealed_again() -> None:
    """A new one says so, or fails here."""
    own = {Run: {"name_index"}, StreamPosition: {"writer"}, Chunk: {"writer"}, Segment: {"writer"}}
    made_anew = {each.model: each.fields for each in resealing.under_a_run()}
    made_anew |= {model: set(labels) for model, labels in resealing.OWN.items()}
    for part in parts_of(Scope.RUNS):
        sealed = set(declared()[part.model].sealed) - own.get(part.model, set())
        if part.model not in {PartErasure, Rewritten}:  # what these hold goes with the old key
            assert sealed == set(made_anew.get(part.model, set())), part.model._meta.label


@pytest.mark.parametrize(
    ("part", "values"),
    [
        (RunPart(PartKind.METRIC, "deep.loss"), 12),
        (RunPart(PartKind.METRIC, "deep"), 12),
        (RunPart(PartKind.METRIC, "pics"), 3),
        (RunPart(PartKind.SYSTEM, "system.cpu"), 12),
        (RunPart(PartKind.CONFIG, "lr"), 0),
        (RunPart(PartKind.CONFIG, "model.layers"), 0),
        (RunPart(PartKind.SUMMARY, "big"), 0),
        (RunPart(PartKind.MEDIA, image(4)), 1),
    ],
    ids=lambda each: f"{each.kind}-{each.name}" if isinstance(each, RunPart) else "",
)
def test_what_was_counted_goes_and_nothing_else(rich: Run, by: Actor, part: RunPart, values: int) -> None:
    before = everything(rich)
    went = parts_would_go(rich, [part])

    job = finish(erase_parts(rich, [part], by=by))

    assert went.values == job.values == values
    assert went.files == job.files
    after = everything(rich)
    for what in ("console", "head", "withheld", "findings", "state"):
        assert after[what] == before[what]
    assert after["history"] == [left_of(each, part) for each in before["history"]]
    if part.kind is PartKind.SYSTEM:
        assert {name for each in after["events"] for name in each} == {"system.gpu"}
    else:
        assert after["events"] == before["events"]
    if part.kind is not PartKind.CONFIG:
        assert after["config"] == before["config"]
    if part.kind not in {PartKind.SUMMARY, PartKind.METRIC}:
        assert after["summary"] == before["summary"]


def test_a_config_value_goes_by_its_name_and_its_neighbours_stay(rich: Run, by: Actor) -> None:
    finish(erase_parts(rich, [RunPart(PartKind.CONFIG, "model.layers")], by=by))

    config = json.loads(open_run(fresh(rich)).config_text)
    assert config["model"] == {"value": {"name": "small"}} and config["lr"] == CONFIG["lr"]
    assert "config.yaml" not in {each.name for each in list_files(fresh(rich))}


def test_media_go_with_their_captions_and_all_that_was_shown_with_them(rich: Run, by: Actor) -> None:
    file = find_file(rich, image(4)).file

    finish(erase_parts(rich, [RunPart(PartKind.MEDIA, image(4))], by=by))

    after = everything(rich)
    assert {name for name in after["files"] if name.startswith("media/")} == {
        image(step, place) for step in (0, 8) for place in (0, 1)
    }
    assert "captions" in str(after["history"][0]) and "pics" not in after["history"][4]
    counts = after["keys"]["keys"]["pics"]["typeCounts"]
    assert counts == [{"type": "images/separated", "count": 2}]
    assert not RunFile.everything.filter(pk=file.pk).exists()


def test_a_file_that_another_value_shows_stays(vision: Project, alice: User, by: Actor) -> None:
    run = work.run(vision, "twice", by=alice)
    shown = {"_type": "image-file", "path": image(0)}
    lines = [json.dumps({"one": shown, "_step": 0}), json.dumps({"two": shown, "_step": 1})]
    store.append(run, StreamRequest(streams={Stream.HISTORY: Lines(0, lines)}))
    put(run, image(0), b"bytes")
    finish_run(run, state=RunState.FINISHED, by=by)

    assert parts_would_go(fresh(run), [RunPart(PartKind.METRIC, "one")]).files == 0
    job = finish(erase_parts(fresh(run), [RunPart(PartKind.METRIC, "one")], by=by))

    assert job.files == 0
    assert b"".join(read_file(find_file(fresh(run), image(0)).file)) == b"bytes"


def shows(name: str) -> dict[str, Any]:
    return {"_type": "image-file", "path": name}


@pytest.mark.parametrize("why", ["it has no room for them", "it is damaged"])
def test_media_of_which_the_list_of_keys_does_not_tell_are_looked_for_in_the_history(
    vision: Project, alice: User, by: Actor, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    first, second = shows(image(0)), shows(image(1))
    run, parts = work.run(vision, "wide", by=alice), [RunPart(PartKind.MEDIA, image(0))]
    rows = [{"_step": 0, "one": second}, {"_step": 1, "late": first, "later": second}]
    if why == "it has no room for them":
        monkeypatch.setattr(keys, "MOST_KEYS", 2)
        parts.append(RunPart(PartKind.METRIC, "one"))
    store.append(run, StreamRequest(streams={Stream.HISTORY: Lines(0, [json.dumps(each) for each in rows])}))
    store.compact(run)
    for name in (image(0), image(1)):
        put(run, name, name.encode())
    finish_run(run, state=RunState.FINISHED, by=by)
    if why == "it is damaged":
        Run.objects.filter(pk=run.pk).update(sealed_keys=b"\0" * 99)
    went = parts_would_go(fresh(run), parts)

    job = finish(erase_parts(fresh(run), parts, by=by))

    assert (went.values, went.files) == (job.values, job.files) == (len(parts), 1)
    kept = {"_step": 0} if len(parts) == 2 else rows[0]
    assert list(store.scan(fresh(run), Stream.HISTORY)) == [kept, {"_step": 1, "later": second}]
    assert [each.name for each in list_files(fresh(run))] == [image(1)]


def test_files_that_the_summary_shows_go_and_stay_with_its_values(
    vision: Project, alice: User, by: Actor
) -> None:
    summary = {"best": shows(image(0)), "worst": shows(image(1)), "last": shows(image(2))}
    run = work.run(vision, "summed up", by=alice, summary_text=json.dumps(summary))
    row = json.dumps({"_step": 0, "one": shows(image(1)), "two": shows(image(2))})
    store.append(run, StreamRequest(streams={Stream.HISTORY: Lines(0, [row])}))
    for place in range(3):
        put(run, image(place), b"bytes")
    finish_run(run, state=RunState.FINISHED, by=by)
    own = [RunPart(PartKind.SUMMARY, name) for name in ("best", "worst")]

    for parts, left in (
        (own, {image(1), image(2)}),
        ([RunPart(PartKind.METRIC, "two")], {image(1), image(2)}),
    ):
        went = parts_would_go(fresh(run), parts).files
        assert finish(erase_parts(fresh(run), parts, by=by)).files == went
        assert {each.name for each in list_files(fresh(run))} == left
    assert json.loads(open_run(fresh(run)).summary_text) == {"last": shows(image(2))}


def test_lines_of_which_nothing_goes_stay_to_the_letter(vision: Project, alice: User, by: Actor) -> None:
    run = work.run(vision, "letters", by=alice)
    lines = ['{"_step":0, "x":1.50,"big":36893488147419103232}', '{"_step":1,"loss":1,"y":NaN}']
    store.append(run, StreamRequest(streams={Stream.HISTORY: Lines(0, lines)}))
    finish_run(run, state=RunState.FINISHED, by=by)

    finish(erase_parts(fresh(run), [LOSS], by=by))

    after = fresh(run)
    (chunk,) = Chunk.objects.filter(run=after, stream=Stream.HISTORY.value)
    assert open_chunk(chunk, run_key(after)).decode().split("\n") == [
        lines[0],
        '{"_step":1,"y":NaN}',
    ]


# ── Who may, and when ──


def test_a_run_that_goes_on_is_refused(rich: Run, by: Actor) -> None:
    Run.objects.filter(pk=rich.pk).update(state=RunState.RUNNING.value)

    with pytest.raises(Conflict, match="still going on"):
        erase_parts(fresh(rich), [LOSS], by=by)
    with pytest.raises(Conflict):
        renew_key(fresh(rich), by=by)

    assert not ErasureJob.objects.exists() and fresh(rich).erased_at is None


NOT_TO_BE_ERASED: list[tuple[RunPart, type[Exception]]] = [
    (RunPart(PartKind.METRIC, "nothing"), NotFound),
    (RunPart(PartKind.METRIC, "los"), NotFound),
    (RunPart(PartKind.METRIC, "\0" * 10_000), NotFound),
    (RunPart(PartKind.METRIC, "_step"), Invalid),
    (RunPart(PartKind.CONFIG, "_wandb.m"), Invalid),
    (RunPart(PartKind.CONFIG, "lr.desc.x"), NotFound),
    (RunPart(PartKind.MEDIA, "out/a.txt"), NotFound),
    (RunPart(PartKind.MEDIA, "media/../../x"), NotFound),
    (RunPart(PartKind.SUMMARY, "lr"), NotFound),
    (RunPart(PartKind.SYSTEM, "loss"), NotFound),
]


def test_what_is_not_in_the_run_or_holds_it_together_is_not_erased(rich: Run, by: Actor) -> None:
    for part, error in NOT_TO_BE_ERASED:
        with pytest.raises(error):
            erase_parts(rich, [part], by=by)
    with pytest.raises(Invalid, match="Nothing was chosen"):
        erase_parts(rich, [], by=by)

    assert not ErasureJob.objects.exists()


def test_from_the_moment_it_is_asked_nobody_finds_it_and_who_writes_is_told_to_ask_again(
    rich: Run, vision: Project, by: Actor
) -> None:
    file = find_file(rich, "out/a.txt").file
    job = erase_parts(rich, [LOSS], by=by)

    for act in (
        lambda: get_run(by, Permission.RUN_READ, entity="lab", project="vision", name="rich"),
        lambda: start_run(vision, name="rich", by=by, patch=RunPatch()),
        lambda: store.append(rich, StreamRequest(streams={Stream.OUTPUT: Lines(12, ["late"])})),
        lambda: get_file(by, Permission.RUN_WRITE, public_id=file.public_id),
        lambda: announce_files(rich, ["late.txt"]),
        lambda: store_file(file, io.BytesIO(b"late")),
        lambda: erase_parts(rich, [LOSS], by=by),
    ):
        with pytest.raises(Unavailable):
            act()
    with pytest.raises(NotFound):
        get_run(Actor.person(stranger()), Permission.RUN_READ, entity="lab", project="vision", name="rich")
    with pytest.raises(Unavailable):
        erase_run(rich, by=by)
    finish(job)

    store.append(fresh(rich), StreamRequest(streams={Stream.OUTPUT: Lines(12, ["late"])}))
    store_file(find_file(fresh(rich), "out/a.txt").file, io.BytesIO(b"late"))
    assert b"".join(read_file(find_file(fresh(rich), "out/a.txt").file)) == b"late"


def stranger() -> User:
    return people.person("eve")


def test_it_is_on_the_record_with_a_receipt_that_names_nothing(rich: Run, by: Actor) -> None:
    job = finish(erase_parts(rich, [LOSS, RunPart(PartKind.CONFIG, "lr")], by=by))

    event = Event.objects.get(kind="run.part_erased")
    assert (event.subject, event.facts["parts"], event.facts["job"]) == (rich.public_id, 2, job.public_id)
    stated = json.loads(json.dumps(get_receipt(by, public_id=job.public_id)))
    text = json.dumps(stated)
    assert "loss" not in text and '"part"' in text and '"values": 12' in text
