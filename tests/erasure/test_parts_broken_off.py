"""Parts of a run, broken off, twice at once, with damage, and with erasures that come in between: what a fault leaves is carried on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.api.views import runs
from apps.blobs.errors import ObjectMissing
from apps.blobs.models import Blob
from apps.blobs.services import open_blob
from apps.blobs.store import default_store
from apps.core.errors import Erased, NotFound
from apps.erasure import cuts, exchange, replay, services, steps
from apps.erasure.models import ErasureJob, PartErasure, Rewritten
from apps.erasure.named import Kind, named
from apps.erasure.parts import erase_parts, renew_key
from apps.erasure.queries import runs_to_erase
from apps.erasure.services import advance, erase_files, erase_project, erase_run, erase_runs
from apps.erasure.types import Step
from apps.files.models import RunFile
from apps.files.queries import file_as_io, find_file, read_file
from apps.projects.models import Project
from apps.runs.errors import BackSoon
from apps.runs.history import store
from apps.runs.history.pieces import pieces_of
from apps.runs.models import Run
from apps.runs.parts import Cut, PartKind, RunPart
from apps.runs.queries import get_run, get_run_by_id, open_run
from apps.runs.types import Stream
from apps.vault.errors import KeyGone, Moved
from apps.vault.keys import opened_keys
from apps.vault.models import Grant, Node, Tombstone
from apps.vault.tree import erase_nodes, open_key
from apps.vault.types import NodeId
from tests.erasure.conftest import finish
from tests.erasure.rich import (
    LOSS,
    everything,
    fresh,
    history_of,
    image,
    left_of,
    put,
    without_loss,
)
from tests.factories import people, work

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P-09")]


@pytest.fixture
def by(alice: User) -> Actor:
    return Actor.person(alice)


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


@pytest.mark.parametrize("is_shredded", [False, True], ids=["its key still there", "its key gone"])
def test_a_second_worker_at_the_same_moment_changes_nothing(
    rich: Run, by: Actor, monkeypatch: pytest.MonkeyPatch, is_shredded: bool
) -> None:
    before, old = everything(rich), NodeId(rich.vault_node)
    job = erase_parts(rich, [LOSS], by=by)
    real = cuts.files_of_summary

    def both(run: Run, cut: Cut) -> tuple[set[str], set[str]]:
        monkeypatch.setattr(exchange, "files_of_summary", real)
        exchange.exchange(ErasureJob.objects.get(pk=job.pk), lambda: None)  # the other is done before
        if is_shredded:
            erase_nodes({old: None})
            opened_keys().keys.clear()
        return real(run, cut)

    monkeypatch.setattr(exchange, "files_of_summary", both)
    advance(job.pk)
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


def test_who_had_read_the_run_before_it_got_another_key_is_told_to_ask_again(
    rich: Run, by: Actor, client: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that is told that its run was erased stops for good."""
    pieces, held = pieces_of(rich, Stream.HISTORY), find_file(rich, "out/a.txt").file
    file = RunFile.objects.select_related("run", "blob").get(pk=held.pk)
    address = "/api/v1/projects/lab/vision/runs/rich"
    key = people.api_key(alice)

    def late(*args: Any, **more: Any) -> Run:
        found = get_run(*args, **more)
        finish(renew_key(found, by=by))
        opened_keys().keys.clear()
        opened_keys().granted.clear()
        return found

    with monkeypatch.context() as patch:
        patch.setattr(runs, "get_run", late)
        answer = client.get(address, headers={"Authorization": f"Bearer {key}"})
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer["Retry-After"] and "back in a moment" in answer.json()["detail"]
    for read in (
        lambda: open_run(rich),
        lambda: [row for piece in pieces for row in piece.rows()],
        lambda: b"".join(read_file(file)),
        lambda: file_as_io(file),
    ):
        with pytest.raises(BackSoon):
            read()
    assert client.get(address, headers={"Authorization": f"Bearer {key}"}).status_code == 200


def test_a_run_that_is_closed_for_a_moment_is_not_left_out_of_those_that_are_chosen(
    rich: Run, vision: Project, by: Actor, alice: User
) -> None:
    chosen = [rich.public_id, work.run(vision, "other", by=alice).public_id]
    job = renew_key(rich, by=by)

    with pytest.raises(BackSoon):
        runs_to_erase(by, vision, public_ids=chosen)
    finish(job)

    assert [run.public_id for run in runs_to_erase(by, vision, public_ids=chosen)] == chosen


def test_a_run_that_closes_for_a_moment_once_it_was_chosen_is_left_out_of_no_erasure(
    rich: Run, vision: Project, by: Actor, alice: User
) -> None:
    other = work.run(vision, "other", by=alice)
    files = [find_file(rich, "out/a.txt").file, put(other, "a.txt", b"a")]
    job = renew_key(rich, by=by)

    with pytest.raises(BackSoon):
        erase_files(files, by=by)
    with pytest.raises(BackSoon):
        erase_runs([rich, other], by=by)
    with pytest.raises(BackSoon):
        named(Kind.RUN, "lab/vision", ["other", "rich"])
    assert Run.objects.filter(pk=other.pk).exists() and RunFile.objects.filter(pk=files[1].pk).exists()
    finish(job)

    assert erase_runs([rich, other], by=by).asked == 2


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
