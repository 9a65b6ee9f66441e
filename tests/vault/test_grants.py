from __future__ import annotations

from threading import Thread
from typing import Any

import pytest
from django.db import OperationalError, connections, transaction
from pytest_django import DjangoAssertNumQueries

from apps.vault import grants
from apps.vault.errors import KeyGone, Tampered
from apps.vault.models import Grant, Node
from apps.vault.rows import DATABASE
from apps.vault.tree import (
    create_blob_key,
    discard_blob_key,
    discard_node,
    grant,
    grant_all,
    keys_in_use,
    open_blob_key,
    open_blob_keys,
)
from tests.factories.vault import project_key, run_key

pytestmark = pytest.mark.django_db


def test_a_blob_opens_for_its_owner_alone() -> None:
    owner, other = run_key(), run_key()
    blob = create_blob_key(owner)

    assert open_blob_key(blob, owner).data == open_blob_key(blob, owner).data
    with pytest.raises(KeyGone):
        open_blob_key(blob, other)


def test_a_granted_blob_opens_for_both_and_outlives_one() -> None:
    project = project_key()
    first, second = run_key(project), run_key(project)
    blob = create_blob_key(first)
    before = open_blob_key(blob, first).data

    grant(blob, first, second)
    grant(blob, first, second)
    discard_node(first)

    assert open_blob_key(blob, second).data == before
    with pytest.raises(KeyGone):
        open_blob_key(blob, first)


def test_granting_what_the_giver_cannot_open_is_refused() -> None:
    owner, other, third = run_key(), run_key(), run_key()
    blob = create_blob_key(owner)

    with pytest.raises(KeyGone):
        grant(blob, other, third)
    assert Grant.objects.count() == 1


def test_a_discarded_blob_opens_for_nobody_and_marks_its_owners() -> None:
    project = project_key()
    first, second = run_key(project), run_key(project)
    blob = create_blob_key(first)
    grant(blob, first, second)

    discard_blob_key(blob)
    discard_blob_key(blob)

    for owner in (first, second):
        with pytest.raises(KeyGone):
            open_blob_key(blob, owner)
    assert set(Node.objects.filter(dirty_at__isnull=False).values_list("pk", flat=True)) == {first, second}


def test_many_blobs_of_one_owner_take_two_queries(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    owner = run_key()
    blobs = [create_blob_key(owner) for _ in range(5)]
    foreign = create_blob_key(run_key())

    with django_assert_num_queries(2, using="vault"):
        assert open_blob_keys([*blobs, foreign], owner).keys() == set(blobs)


def test_inside_a_block_a_blob_is_remembered_for_its_owner_only() -> None:
    owner, other = run_key(), run_key()
    with keys_in_use():
        blob = create_blob_key(owner)
        assert open_blob_key(blob, owner) is open_blob_key(blob, owner)
        with pytest.raises(KeyGone):
            open_blob_key(blob, other)
        discard_blob_key(blob)
        with pytest.raises(KeyGone):
            open_blob_key(blob, owner)


def test_a_grant_that_was_changed_anywhere_does_not_open() -> None:
    owner = run_key()
    blob = create_blob_key(owner)
    wrapped = bytes(Grant.objects.get(blob_id=blob).secret)

    for at in range(len(wrapped)):
        changed = bytearray(wrapped)
        changed[at] ^= 0x80
        Grant.objects.filter(blob_id=blob).update(secret=bytes(changed))
        with pytest.raises(Tampered) as raised:
            open_blob_key(blob, owner)
        assert raised.value.row == blob


def test_a_grant_does_not_open_for_another_blob_or_owner() -> None:
    project = project_key()
    owner, thief = run_key(project), run_key(project)
    blob, other = create_blob_key(owner), create_blob_key(owner)

    Grant.objects.filter(blob_id=other).update(secret=Grant.objects.get(blob_id=blob).secret)
    Grant.objects.filter(blob_id=blob).update(owner_id=thief)

    with pytest.raises(Tampered):
        open_blob_key(other, owner)
    with pytest.raises(Tampered):
        open_blob_key(blob, thief)


def test_a_grant_does_not_open_for_another_owner_though_both_are_open() -> None:
    project = project_key()
    owner, thief = run_key(project), run_key(project)
    blob = create_blob_key(owner)

    Grant.objects.filter(blob_id=blob).update(owner_id=thief)

    with keys_in_use():
        create_blob_key(owner)
        with pytest.raises(Tampered):
            open_blob_key(blob, thief)


@pytest.mark.skipif(connections[DATABASE].vendor == "sqlite", reason="SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True, databases=["default", "vault"])
def test_who_gives_a_blob_is_held_until_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else its eraser sees nobody else who holds the blob, and deletes what was just promised to another."""
    project = project_key()
    first, second = run_key(project), run_key(project)
    blob = create_blob_key(first)
    add = grants._add_grants
    refused = []

    def erase_meanwhile() -> None:
        try:
            with transaction.atomic(using=DATABASE):
                list(Node.objects.select_for_update(nowait=True).filter(pk=first))
        except OperationalError as error:
            refused.append(error)
        finally:
            connections.close_all()

    def in_between(*args: Any) -> None:
        thread = Thread(target=erase_meanwhile)
        thread.start()
        thread.join()
        add(*args)

    monkeypatch.setattr(grants, "_add_grants", in_between)
    grant_all([(blob, first)], second)

    assert len(refused) == 1
    assert open_blob_key(blob, second).data == open_blob_key(blob, first).data
