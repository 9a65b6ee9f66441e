from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from django.forms.models import model_to_dict
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from apps.accounts.models import User
from apps.core import clock
from apps.core.rows import change_row, find_row, find_rows, insert_row, sum_of, update_row
from apps.runs.models import Chunk, Run, StreamPosition
from apps.runs.types import Stream


def _chunk(run: Run, first_line: int) -> Chunk:
    return Chunk(
        uuid=uuid4(), run=run, stream=Stream.HISTORY, writer=b"\0\xff", first_line=first_line,
        line_count=2, stored_bytes=3, payload=b"\0'\xff",
    )  # fmt: skip


def _everything(row: Run | User | Chunk) -> dict[str, object]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def test_a_row_is_what_a_queryset_makes_of_it(alice: User, run: Run) -> None:
    for same in (
        find_row(Run, project=run.project_id, name_index=run.name_index),
        find_row(Run, uuid=run.uuid),
    ):
        assert same is not None
        assert _everything(same) == _everything(Run.objects.get(pk=run.pk))
        assert {name: type(value) for name, value in model_to_dict(same).items()} == {
            name: type(value) for name, value in model_to_dict(Run.objects.get(pk=run.pk)).items()
        }
        assert same._state.db == "default"
        assert not same._state.adding
    found = find_row(User, pk=alice.pk)
    assert found is not None
    assert _everything(found) == _everything(User.objects.get(pk=alice.pk))


def test_what_is_not_there_is_none(run: Run) -> None:
    assert find_row(Run, pk=run.pk + 1) is None
    assert find_row(Run, project=run.project_id, name_index=b"' OR 1=1 --") is None
    assert find_rows(Chunk, run=run.pk) == []


def test_a_field_left_out_is_read_when_it_is_used(
    run: Run, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    found = find_row(Run, lock=True, without=("sealed_head",), pk=run.pk)
    assert found is not None

    with django_assert_num_queries(1):
        sealed = bytes(found.sealed_head)
    assert sealed == bytes(run.sealed_head)


def test_a_new_row_is_stored_whole(run: Run) -> None:
    for first_line in (0, 2):
        insert_row(_chunk(run, first_line))

    stored = list(Chunk.objects.filter(run=run).order_by("first_line"))
    assert [(one.first_line, bytes(one.writer), bytes(one.payload)) for one in stored] == [
        (0, b"\0\xff", b"\0'\xff"), (2, b"\0\xff", b"\0'\xff"),
    ]  # fmt: skip
    assert {one.uuid for one in stored} == {one.uuid for one in find_rows(Chunk, run=run.pk)}


def test_only_the_named_fields_are_changed(run: Run) -> None:
    later = clock.now() + timedelta(days=1, microseconds=5)
    run.heartbeat_at, run.sealed_keys, run.exit_code, run.state = later, b"\0", None, "failed"

    update_row(run, ["heartbeat_at", "sealed_keys", "exit_code"])

    stored = Run.objects.get(pk=run.pk)
    assert (stored.heartbeat_at, bytes(stored.sealed_keys or b""), stored.exit_code) == (later, b"\0", None)
    assert stored.state == "running"


def test_a_row_that_is_gone_is_not_changed_in_silence(run: Run) -> None:
    run.pk += 1

    with pytest.raises(DatabaseError):
        update_row(run, ["heartbeat_at"])


def test_a_sum_is_of_the_rows_asked_for(run: Run) -> None:
    other = _chunk(run, 0)
    other.stream = Stream.EVENTS
    for chunk in (_chunk(run, 0), _chunk(run, 2), other):
        insert_row(chunk)

    sums = [sum_of(Chunk, "stored_bytes", run=run.pk, stream=each) for each in Stream]

    assert dict(zip(Stream, sums, strict=True)) == {Stream.HISTORY: 6, Stream.EVENTS: 3, Stream.OUTPUT: 0}
    assert sum_of(Chunk, "stored_bytes", run=run.pk) == 9


def test_rows_along_its_keys_come_by_the_same_statement(
    run: Run, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        found = find_row(Run, along=("project", "project__entity"), without=("sealed_head",), uuid=run.uuid)
        assert found is not None
        project, entity = found.project, found.project.entity

    expected = Run.objects.select_related("project__entity").get(pk=run.pk)
    assert model_to_dict(project) == model_to_dict(expected.project)
    assert model_to_dict(entity) == model_to_dict(expected.project.entity)
    assert (project.pk, entity.pk, project._state.adding) == (run.project_id, run.project.entity_id, False)
    assert find_row(Run, along=("project",), pk=run.pk + 1) is None


def test_only_its_own_row_is_locked(run: Run) -> None:
    with transaction.atomic():
        found = find_row(Run, lock=True, along=("project",), pk=run.pk)

    assert found == run


def test_a_row_is_changed_with_new_ones_or_not_at_all(run: Run) -> None:
    alone = (StreamPosition, "run")
    run.state, run.sealed_summary = "crashed", b"'\xff"

    def change(version: int, state: str = "running") -> bool:
        was = {"version": version, "state": state, "stop_requested_at": None}
        new = [_chunk(run, 0), _chunk(run, 2)]
        return change_row(run, ["state", "sealed_summary"], was=was, alone=alone, new=new)

    assert not change(version=run.version + 1)
    assert not change(version=run.version, state="failed")
    position = StreamPosition.objects.create(run=run, stream=Stream.HISTORY, writer=b"w")
    assert not change(version=run.version)
    position.delete()
    Run.objects.update(stop_requested_at=clock.now())
    assert not change(version=run.version)
    Run.objects.update(stop_requested_at=None)
    assert (Run.objects.get(pk=run.pk).state, Chunk.objects.count()) == ("running", 0)

    assert change(version=run.version)

    stored = Run.objects.get(pk=run.pk)
    assert (stored.state, bytes(stored.sealed_summary or b"")) == ("crashed", b"'\xff")
    assert {(one.first_line, bytes(one.payload)) for one in find_rows(Chunk, run=run.pk)} == {
        (0, b"\0'\xff"), (2, b"\0'\xff"),
    }  # fmt: skip


def test_a_row_alone_is_changed_by_one_statement_as_long_as_it_is_as_it_was(run: Run) -> None:
    run.state = "crashed"

    with CaptureQueriesContext(connection) as asked:
        assert not change_row(run, ["state"], was={"state": "failed"})
        assert change_row(run, ["state"], was={"state": "running"})
        assert not change_row(run, ["state"], was={"state": "running"})

    assert len(asked) == 3
    assert Run.objects.get(pk=run.pk).state == "crashed"


def test_what_is_left_out_along_a_key_is_read_when_it_is_used(run: Run) -> None:
    chunk = _chunk(run, 0)
    insert_row(chunk)

    found = find_row(Chunk, along=("run",), without=("run__sealed_head",), uuid=chunk.uuid)

    assert found is not None and bytes(found.payload) == b"\0'\xff"
    assert found.run.get_deferred_fields() == {"sealed_head"}
    assert found.run.sealed_head == Run.objects.get(pk=run.pk).sealed_head
