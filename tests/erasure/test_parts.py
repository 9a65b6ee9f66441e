"""Parts of a run: gone from the rows, from files and from what old copies hold; the rest as it was; nobody writes under the old key."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from copy import copy
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.audit.models import Event
from apps.blobs.errors import ObjectMissing
from apps.blobs.models import Blob
from apps.blobs.services import open_blob, write_blob
from apps.blobs.store import default_store
from apps.code_saving.credentials import Detector
from apps.core.errors import Conflict, Erased, Invalid, NotFound, Unavailable
from apps.core.privacy import declared
from apps.erasure import exchange, replay, services, steps
from apps.erasure.models import ErasureJob, PartErasure, Rewritten
from apps.erasure.parts import erase_parts, parts_would_go, renew_key
from apps.erasure.plan import parts_of
from apps.erasure.receipts import get_receipt
from apps.erasure.services import advance, erase_files, erase_project, erase_run
from apps.erasure.types import Scope, Step
from apps.files import thumbnails
from apps.files.models import RunFile, Thumbnail
from apps.files.queries import find_file, get_file, list_files, read_file, withheld_names
from apps.files.services import announce_files, store_file
from apps.files.thumbnails import make_thumbnail
from apps.leaks import services as leaks
from apps.leaks.models import Finding, Scan
from apps.leaks.notes import note
from apps.leaks.queries import findings_of
from apps.leaks.types import Place, Spot
from apps.projects.models import Project
from apps.runs import resealing
from apps.runs.history import compaction, keys, masking, store
from apps.runs.history.pieces import open_chunk
from apps.runs.models import Chunk, Run, Segment, StreamPosition
from apps.runs.parts import PartKind, RunPart
from apps.runs.queries import get_run, get_run_by_id, open_run, run_key
from apps.runs.services import finish_run, start_run, update_run
from apps.runs.types import Lines, RunPatch, RunState, Stream, StreamRequest
from apps.vault.errors import KeyGone, Moved, Tampered
from apps.vault.keys import opened_keys
from apps.vault.models import Grant, Node, Tombstone
from apps.vault.seal import unseal
from apps.vault.tree import erase_nodes, open_key
from apps.vault.types import NodeId
from tests.erasure.conftest import finish
from tests.factories import people, work
from tests.files.test_thumbnails import noise

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P-09")]

LOSS = RunPart(PartKind.METRIC, "loss")
CONFIG = {
    "lr": {"value": 0.125, "desc": None},
    "model": {"value": {"layers": 3, "name": "small"}},
    "_wandb": {"value": {"m": [{"1": "loss", "7": [1]}, {"1": "acc", "5": 1}]}},
}
SUMMARY = '{"loss":9.75,"acc":1,"big":1180591620717411303424,"nan":NaN,"_step":11}'


@pytest.fixture
def by(alice: User) -> Actor:
    return Actor.person(alice)


def image(step: int, place: int = 0) -> str:
    return f"media/images/pics_{step}_{place}.png"


def row(step: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        "_step": step,
        "loss": step + 0.25,
        "acc": step,
        "deep": {"loss": 1, "other": "x"},
    }
    if step % 4 == 0:
        found["pics"] = {
            "_type": "images/separated",
            "filenames": [image(step, 0), image(step, 1)],
            "captions": ["first of them", "second of them"],
            "count": 2,
        }
    return found


def log(run: Run, first: int, count: int, *, writer: str = "") -> None:
    lines = [json.dumps(row(first + n)) for n in range(count)]
    events = [json.dumps({"system.cpu": first + n, "system.gpu": 1}) for n in range(count)]
    streams = {
        Stream.HISTORY: Lines(first, lines),
        Stream.EVENTS: Lines(first, events),
        Stream.OUTPUT: Lines(first, [f"said {first + n}" for n in range(count)]),
    }
    store.append(run, StreamRequest(streams=streams, writer=writer))


def put(run: Run, name: str, data: bytes) -> RunFile:
    (announced,) = announce_files(run, [name])
    assert announced.file is not None
    return store_file(announced.file, io.BytesIO(data))


@pytest.fixture
def rich(vision: Project, alice: User, by: Actor) -> Run:
    """A run that has ended, with lines in two files and lines as they came, media, notes of others and a finding."""
    run = work.run(
        vision, "rich", by=alice, config_text=json.dumps(CONFIG), summary_text=SUMMARY, notes="noted"
    )
    for first in (0, 4):
        log(run, first, 4)
        store.compact(run)
    log(run, 8, 4)
    for step in (0, 4, 8):
        for place in (0, 1):
            put(run, image(step, place), f"{step} {place}".encode())
    put(run, "out/a.txt", b"out")
    put(run, "wandb-summary.json", SUMMARY.encode())
    put(run, "config.yaml", b"lr:\n  value: 0.125\n")
    announce_files(run, ["code/main.py"])
    note(run, [Spot(Place.CONFIG, Detector.PRIVATE_KEY, path=("lr",))])
    run.refresh_from_db()
    assert leaks.scan(run)
    finish_run(run, state=RunState.FINISHED, by=by)
    run.refresh_from_db()
    return run


def fresh(run: Run) -> Run:
    return Run.objects.select_related("project__entity").get(pk=run.pk)


def everything(run: Run) -> dict[str, Any]:
    """All that a reader can have of a run."""
    run = fresh(run)
    opened = open_run(run)
    return {
        "history": list(store.scan(run, Stream.HISTORY)),
        "events": list(store.scan(run, Stream.EVENTS)),
        "console": store.console(run, 0, 100),
        "config": opened.config_text,
        "summary": opened.summary_text,
        "head": opened.head,
        "files": {each.name: b"".join(read_file(each.file)) for each in list_files(run)},
        "digests": {each.name: (each.md5_base64, each.sha256_hex) for each in list_files(run)},
        "withheld": withheld_names(run),
        "keys": store.key_list(run),
        "acc": store.sample_metric(run, "acc", 100),
        "findings": [each.spot for each in findings_of(run)],
        "state": (run.state, run.exit_code, run.finished_at, run.history_lines, run.output_lines),
    }


def without_loss(before: dict[str, Any]) -> dict[str, Any]:
    after = dict(before)
    after["history"] = [
        {key: value for key, value in each.items() if key != "loss"} for each in before["history"]
    ]
    after["summary"] = SUMMARY.replace('"loss":9.75,', "")
    config = json.loads(before["config"])
    config["_wandb"]["value"]["m"][0] = {}
    after["config"] = json.dumps(config, separators=(",", ":"))
    gone = {"wandb-summary.json", "config.yaml"}
    for name in ("files", "digests"):
        after[name] = {key: value for key, value in before[name].items() if key not in gone}
    keys = {key: value for key, value in before["keys"]["keys"].items() if key != "loss"}
    after["keys"] = before["keys"] | {"keys": keys}
    return after


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


def history_of(run: Run) -> list[Segment]:
    rows = Segment.objects.filter(run=run, stream=Stream.HISTORY.value)
    return list(rows.select_related("blob").order_by("pk"))


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


def sealed_of(thing: Any) -> Iterator[tuple[str, Any]]:
    return (
        (name, getattr(thing, name))
        for name in declared()[type(thing)].sealed
        if (name.startswith("sealed_") or name == "payload") and getattr(thing, name)
    )


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


def left_of(logged: dict[str, Any], part: RunPart) -> dict[str, Any]:
    left: dict[str, Any] = json.loads(json.dumps(logged))
    if part.kind is PartKind.METRIC and part.name == "deep.loss":
        del left["deep"]["loss"]
    elif part.kind is PartKind.METRIC:
        left.pop(part.name, None)
    elif part.kind is PartKind.MEDIA and part.name in left.get("pics", {}).get("filenames", ()):
        del left["pics"]
    return left


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
    with pytest.raises(NotFound):
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


# ── Who writes at that moment ──


def written_under_the_old_key(run: Run) -> set[str]:
    """Models with a row that today's key of the run does not open."""
    key = run_key(fresh(run))
    rows = [each for part in parts_of(Scope.RUNS) for each in part.model._default_manager.all()]
    return {
        each._meta.label for each in rows for _, value in sealed_of(each) if bytes(value)[1:17] != key.key_id
    }


def stale_append(run: Run) -> None:
    line = json.dumps({"_step": 12, "loss": 5, "acc": 12})
    store.append(run, StreamRequest(streams={Stream.HISTORY: Lines(12, [line])}))


def stale_announce(run: Run) -> None:
    announce_files(run, ["late.txt", "code/late.py"])


def stale_compaction(run: Run) -> None:
    compaction.compact(run)


def stale_masking(run: Run) -> None:
    masking.change_lines(run, b"", range(2), lambda _: "masked")


def stale_note(run: Run) -> None:
    note(run, [Spot(Place.CONSOLE, Detector.PRIVATE_KEY, line=3)])


def stale_scan(run: Run) -> None:
    leaks.scan(run)


def stale_patch(run: Run) -> None:
    update_run(run, RunPatch(notes="late"), by=Actor.system())


WRITERS: list[Callable[[Run], None]] = [
    stale_append,
    stale_announce,
    stale_compaction,
    stale_masking,
    stale_note,
    stale_scan,
    stale_patch,
]


@pytest.mark.parametrize("when", ["while it is closed", "when it is back", "before its old key is gone"])
def test_who_had_the_run_before_writes_nothing_under_its_old_key(
    rich: Run, by: Actor, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    stale = fresh(rich)
    open_run(stale)
    job = erase_parts(rich, [LOSS], by=by)
    came: list[str] = []

    def late() -> None:
        for write in WRITERS:
            came.append(write.__name__)
            try:
                write(copy(stale))
            except (Unavailable, NotFound, Erased, Conflict, Tampered):
                pass

    if when == "while it is closed":
        late()
    elif when == "before its old key is gone":

        def erase_nodes_late(nodes: Any) -> int:
            late()
            return erase_nodes(nodes)

        monkeypatch.setattr(steps, "erase_nodes", erase_nodes_late)
    finish(job)
    if when == "when it is back":
        late()

    assert len(came) == len(WRITERS)
    assert written_under_the_old_key(rich) == set()
    assert all("loss" not in each for each in list(store.scan(fresh(rich), Stream.HISTORY))[:12])
    rewritten = {each.blob.vault_node for each in Segment.objects.filter(run=rich).select_related("blob")}
    mine = Grant.objects.filter(owner_id=fresh(rich).vault_node).values_list("blob_id", flat=True)
    assert rewritten <= set(mine)
    compaction.compact(fresh(rich))
    assert len(list(store.scan(fresh(rich), Stream.HISTORY))) >= 12


def test_a_compaction_that_began_before_does_not_bring_the_metric_back(
    rich: Run, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has read the lines, and is about to put its file in their place."""
    real = write_blob

    def meanwhile(*args: Any, **kwargs: Any) -> Any:
        stored = real(*args, **kwargs)
        monkeypatch.setattr(compaction, "write_blob", real)
        finish(erase_parts(rich, [LOSS], by=by))
        return stored

    monkeypatch.setattr(compaction, "write_blob", meanwhile)
    compaction.compact(fresh(rich))

    assert all("loss" not in each for each in store.scan(fresh(rich), Stream.HISTORY))


def test_an_upload_that_began_before_is_sent_again(
    rich: Run, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = find_file(rich, "out/a.txt").file
    file.run = fresh(rich)

    def slowly() -> Iterator[bytes]:
        yield b"new "
        finish(erase_parts(rich, [LOSS], by=by))
        yield b"bytes"

    with pytest.raises(Unavailable):
        store_file(file, slowly())

    assert b"".join(read_file(find_file(fresh(rich), "out/a.txt").file)) == b"out"
    store_file(find_file(fresh(rich), "out/a.txt").file, [b"new bytes"])
    assert b"".join(read_file(find_file(fresh(rich), "out/a.txt").file)) == b"new bytes"


def test_a_small_picture_that_was_being_made_is_made_again(
    rich: Run, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = noise(400, 400)
    file = put(fresh(rich), image(0), picture)
    real = write_blob

    def meanwhile(*args: Any, **kwargs: Any) -> Any:
        stored = real(*args, **kwargs)
        finish(erase_parts(fresh(rich), [LOSS], by=by))
        return stored

    with monkeypatch.context() as patch:
        patch.setattr(thumbnails, "write_blob", meanwhile)
        make_thumbnail(file.pk)

    assert Thumbnail.objects.get(file=file).blob is None
    make_thumbnail(file.pk)
    small = thumbnails.small_bytes(find_file(fresh(rich), image(0)).file)
    assert small


def test_a_named_writer_goes_on_where_it_was(vision: Project, alice: User, by: Actor) -> None:
    """What it was known by went with the key: it is taken at its word where it goes on, and its first line cannot come again."""
    run = work.run(vision, "shared", by=alice)
    for writer in ("one", "two"):
        log(run, 0, 3, writer=writer)
    run.refresh_from_db()
    finish_run(run, state=RunState.CRASHED, by=by)
    finish(erase_parts(fresh(run), [LOSS], by=by))

    lines = [json.dumps({"_step": 3, "acc": 3})]
    store.append(fresh(run), StreamRequest(streams={Stream.HISTORY: Lines(3, lines)}, writer="one"))
    store.append(fresh(run), StreamRequest(streams={Stream.HISTORY: Lines(3, lines)}, writer="one"))

    rows = list(store.scan(fresh(run), Stream.HISTORY))
    assert sorted(each["_step"] for each in rows) == [0, 0, 1, 1, 2, 2, 3]


# ── Breaking off, twice at once, and what comes in between ──


def test_a_turn_that_is_over_goes_on_where_it_was(
    rich: Run, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = everything(rich)
    monkeypatch.setattr(services, "_TURN_SECONDS", -1.0)
    job = erase_parts(rich, [LOSS], by=by)
    for _turn in range(60):
        advance(job.pk)
        job.refresh_from_db()
        if job.step == Step.EPOCH:
            break
    monkeypatch.undo()

    finish(job)

    assert everything(rich) == without_loss(before)
    assert job.values == 12


# The other places: test_faults.
@pytest.mark.parametrize("place", ["write_blob", "carry_out"])
def test_who_breaks_off_is_carried_on(
    rich: Run, by: Actor, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    before = everything(rich)
    owner: Any = exchange if hasattr(exchange, place) else exchange._Exchange

    class Died(Exception):
        pass

    real = getattr(owner, place)

    def dies(*args: Any, **kwargs: Any) -> Any:
        real(*args, **kwargs)
        raise Died

    job = erase_parts(rich, [LOSS], by=by)
    for _ in range(2):
        with monkeypatch.context() as patch:
            patch.setattr(owner, place, dies)
            try:
                advance(job.pk)
            except Died:
                continue
    finish(job)

    job.refresh_from_db()
    assert (job.step, job.values) == (Step.DONE, 12)
    assert everything(rich) == without_loss(before)
    assert not Rewritten.objects.exists() and not PartErasure.objects.exists()


def test_a_second_worker_at_the_same_moment_changes_nothing(
    rich: Run, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = everything(rich)
    job = erase_parts(rich, [LOSS], by=by)
    real = exchange._Exchange.make_ready

    def both(work: Any, beat: Any) -> None:
        monkeypatch.setattr(exchange._Exchange, "make_ready", real)
        real(work, beat)
        exchange.exchange(ErasureJob.objects.get(pk=job.pk), lambda: None)  # the other is done before

    monkeypatch.setattr(exchange._Exchange, "make_ready", both)
    finish(job)

    assert everything(rich) == without_loss(before)
    assert Tombstone.objects.filter(kind="run").count() == 1


@pytest.mark.parametrize("is_shredded", [False, True], ids=["its key still there", "its key gone"])
def test_a_project_that_is_erased_meanwhile_takes_the_run_along(
    rich: Run, vision: Project, by: Actor, monkeypatch: pytest.MonkeyPatch, is_shredded: bool
) -> None:
    """The part's own job is not done, and says nothing is gone, before the key that the run had is."""
    job, real, old = erase_parts(rich, [LOSS], by=by), exchange._Exchange.carry_out, NodeId(rich.vault_node)
    whole: list[ErasureJob] = []

    def meanwhile(work: Any) -> None:
        monkeypatch.setattr(exchange._Exchange, "carry_out", real)
        whole.append(erase_project(vision, by=by, at_once=True))
        if is_shredded:
            steps.shred(whole[0], lambda: None)
            opened_keys().keys.clear()
        real(work)

    monkeypatch.setattr(exchange._Exchange, "carry_out", meanwhile)
    advance(job.pk)

    job.refresh_from_db()
    with pytest.raises(NotFound, match="no such run"):
        get_run_by_id(by, Permission.RUN_READ, public_id=rich.public_id)
    with pytest.raises(KeyGone):
        open_key(old)
    if is_shredded:
        assert (job.step, job.trouble, job.busy_until) == (Step.SHRED, "", None)
    else:
        assert Tombstone.objects.filter(node_id=old).exists()
        assert Run.everything.get(pk=rich.pk).erasure_job == whole[0].uuid
    finish(whole[0])
    finish(job)
    assert [Step(each) for each in ErasureJob.objects.values_list("step", flat=True)] == [Step.DONE] * 2
    assert not Run.everything.exists() and not Blob.objects.exists()
    assert not Node.objects.filter(kind__in=["run", "project"]).exists()


def test_a_run_that_goes_whole_leaves_a_tombstone_of_the_key_it_had_before(
    rich: Run, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup of before has the run by that key: without the tombstone nobody would erase it again."""
    old, job = NodeId(rich.vault_node), erase_parts(rich, [LOSS], by=by)

    def dies(_: Any) -> None:
        raise OSError("died")

    with monkeypatch.context() as patch:
        patch.setattr(steps, "node_to_destroy", dies)
        with pytest.raises(OSError, match="died"):
            advance(job.pk)
    finish(erase_run(fresh(rich), by=by))

    assert Tombstone.objects.filter(node_id=old).exists()
    finish(job)
    assert ErasureJob.objects.filter(step=Step.DONE).count() == 2


def test_files_that_are_being_erased_stay_erased(rich: Run, by: Actor) -> None:
    files = erase_files([find_file(rich, "out/a.txt").file], by=by)
    finish(erase_parts(rich, [LOSS], by=by))
    finish(files)

    assert "out/a.txt" not in everything(rich)["files"]
    assert ErasureJob.objects.exclude(step=Step.DONE).count() == 0


def test_a_segment_that_is_damaged_keeps_nobody_waiting(rich: Run, by: Actor) -> None:
    damaged, whole = history_of(rich)
    name = damaged.blob.object_name
    size = damaged.blob.stored_size or 0
    data = b"".join(default_store().read_range(name, 0, size))
    default_store().put(name, [data[: size // 2] + b"\0\1" + data[size // 2 + 2 :]])

    job = finish(erase_parts(rich, [LOSS], by=by))

    assert job.step == Step.DONE
    mine = Grant.objects.filter(owner_id=fresh(rich).vault_node).values_list("blob_id", flat=True)
    held = {each.pk: each.blob.vault_node for each in history_of(rich)}
    assert held[damaged.pk] not in set(mine) and held[whole.pk] in set(mine)


PASSING: list[Exception] = [ObjectMissing("x"), Moved("key", uuid4())]


@pytest.mark.parametrize("error", PASSING, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("at", [0, 2], ids=["while it is written anew", "while what stays is looked through"])
def test_what_cannot_be_read_only_now_is_waited_for_and_not_lost(
    rich: Run, by: Actor, monkeypatch: pytest.MonkeyPatch, error: Exception, at: int
) -> None:
    before, part = everything(rich), RunPart(PartKind.METRIC, "pics")
    opened: list[Any] = []
    job = erase_parts(rich, [part], by=by)

    def fails(*args: Any) -> Any:
        opened.append(args)
        if len(opened) > at:
            raise error
        return open_blob(*args)

    with monkeypatch.context() as patch:
        patch.setattr(exchange, "open_blob", fails)
        with pytest.raises(type(error)):
            advance(job.pk)
    assert Run.everything.get(pk=rich.pk).is_back_soon
    finish(job)

    assert everything(rich)["history"] == [left_of(each, part) for each in before["history"]]


def test_what_is_missing_for_good_keeps_the_run_closed_for_an_hour(rich: Run, by: Actor) -> None:
    lost, whole = history_of(rich)
    default_store().delete_all_versions(lost.blob.object_name)
    job = erase_parts(rich, [LOSS], by=by)
    for tries, hours in ((30, 0), (1, 2)):
        asked = job.asked_at - timedelta(hours=hours)
        ErasureJob.objects.filter(pk=job.pk).update(tries=tries, asked_at=asked)
        with pytest.raises(ObjectMissing):
            advance(job.pk)
    ErasureJob.objects.filter(pk=job.pk).update(tries=30)

    assert finish(job).step == Step.DONE

    assert fresh(rich).vault_node != rich.vault_node
    mine = Grant.objects.filter(owner_id=fresh(rich).vault_node).values_list("blob_id", flat=True)
    assert {each.blob.vault_node in set(mine) for each in history_of(rich) if each.pk == whole.pk} == {True}


def test_a_file_whose_key_is_damaged_keeps_nobody_waiting(rich: Run, by: Actor) -> None:
    file = find_file(rich, "out/a.txt").file
    assert file.blob is not None
    (held,) = Grant.objects.filter(blob_id=file.blob.vault_node)
    secret = bytes(held.secret)
    Grant.objects.filter(pk=held.pk).update(secret=secret[:-1] + bytes([secret[-1] ^ 1]))
    opened_keys().granted.clear()

    job = finish(erase_parts(rich, [LOSS], by=by))

    assert (job.step, job.trouble) == (Step.DONE, "")
    after = fresh(rich)
    mine = set(Grant.objects.filter(owner_id=after.vault_node).values_list("blob_id", flat=True))
    assert file.blob.vault_node not in mine
    assert b"".join(read_file(find_file(after, image(0)).file)) == b"0 0"
    assert all("loss" not in each for each in store.scan(after, Stream.HISTORY))


def test_a_run_may_lose_one_part_after_the_other_and_then_go_whole(rich: Run, by: Actor) -> None:
    finish(erase_parts(rich, [LOSS], by=by))
    finish(erase_parts(fresh(rich), [RunPart(PartKind.METRIC, "acc")], by=by))
    assert {name for each in store.scan(fresh(rich), Stream.HISTORY) for name in each} == {
        "_step",
        "deep",
        "pics",
    }

    finish(erase_run(fresh(rich), by=by))

    assert not Run.everything.exists() and not Blob.objects.exists()
    with pytest.raises(Erased):
        get_run(by, Permission.RUN_READ, entity="lab", project="vision", name="rich")


def test_a_key_is_renewed_and_nothing_else_changes(rich: Run, by: Actor) -> None:
    before, old = everything(rich), rich.vault_node

    job = finish(renew_key(rich, by=by))

    assert everything(rich) == before and fresh(rich).vault_node != old
    assert (job.step, job.values, job.files) == (Step.DONE, 0, 0)


@pytest.mark.parametrize("when", ["before it was asked", "while it was closed"])
def test_a_backup_of_before_does_not_bring_the_run_back(rich: Run, by: Actor, when: str) -> None:
    """The main database of then under the vault of now: what the run is sealed with is gone."""
    job = erase_parts(rich, [LOSS], by=by)
    if when == "before it was asked":
        finish(job)
        Run.objects.filter(pk=rich.pk).update(vault_node=rich.vault_node)
    else:
        erase_nodes({NodeId(rich.vault_node): None})

    replay.erase_again()
    for each in ErasureJob.objects.exclude(step=Step.DONE):
        finish(each)

    assert not Run.everything.exists() and not Blob.objects.exists() and not PartErasure.objects.exists()
    assert not Node.objects.filter(kind="run").exists() or when == "before it was asked"
    assert not ErasureJob.objects.exclude(step=Step.DONE).exists()
