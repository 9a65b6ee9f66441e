"""A segment that nobody can open is said to be damaged; that it was erased is said only of what was."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.blobs.services import write_blob
from apps.core.errors import Unavailable
from apps.runs.history import store
from apps.runs.history.pieces import pieces_of
from apps.runs.models import Run, Segment
from apps.runs.queries import open_run
from apps.runs.types import Stream
from apps.vault.errors import KeyGone, Tampered
from apps.vault.models import Grant, Node
from apps.vault.tree import create_node, discard_blob_key, erase_node
from apps.vault.types import NodeId, NodeKind
from tests.factories import people
from tests.runs.history.sending import rows_from, send

pytestmark = pytest.mark.django_db
Damage = Callable[[Run], object]


@pytest.fixture
def compacted(run: Run) -> Run:
    send(run, 0, rows_from(0, 5))
    send(run, 0, ["said"], stream=Stream.OUTPUT)
    store.compact(run)
    return run


def blob_keys(run: Run) -> list[NodeId]:
    return [NodeId(each.blob.vault_node) for each in Segment.objects.filter(run=run).select_related("blob")]


def lose_its_key(run: Run) -> None:
    for key in blob_keys(run):
        discard_blob_key(key)


def grant_it_to_another(run: Run) -> None:
    other = create_node(NodeKind.RUN, parent=NodeId(run.project.vault_node))
    Grant.objects.filter(blob_id__in=blob_keys(run)).update(owner_id=other)


def exchange_its_file(run: Run) -> None:
    """For one that is sealed under the key of another run."""
    other = create_node(NodeKind.RUN, parent=NodeId(run.project.vault_node))
    for segment in Segment.objects.filter(run=run):
        Segment.objects.filter(pk=segment.pk).update(blob=write_blob(other, [b"another"]).blob)


READINGS: list[Callable[[Run], object]] = [
    lambda run: list(store.scan(run, Stream.HISTORY)),
    lambda run: store.sample_metric(run, "loss", 10),
    lambda run: store.last_row(run, Stream.HISTORY),
    lambda run: store.rows_since(run, Stream.HISTORY),
]


@pytest.mark.parametrize("damage", [lose_its_key, grant_it_to_another, exchange_its_file])
def test_a_segment_without_its_key_is_damaged_and_nobody_says_that_it_was_erased(
    compacted: Run, damage: Damage, client: Client, alice: User
) -> None:
    damage(compacted)

    for read in READINGS:
        with pytest.raises(Tampered) as caught:
            read(compacted)
        assert "damaged" in str(caught.value)
    with pytest.raises(Tampered):
        store.console(compacted, 0, 5)
    with pytest.raises(Tampered):
        store.mean_lines([compacted], "loss", 10)
    key = people.api_key(alice)
    answer = client.get(
        "/api/v1/projects/lab/vision/runs/run1/history?samples=3", headers={"Authorization": f"Bearer {key}"}
    )
    assert (answer.status_code, answer.json()["code"]) == (500, "tampered")
    assert "erased" not in answer.content.decode()


def test_a_run_whose_own_key_is_missing_is_damaged(compacted: Run) -> None:
    Node.objects.filter(pk=compacted.vault_node).delete()

    with pytest.raises(Tampered):
        open_run(compacted)


@pytest.mark.parametrize("above", ["run", "project", "entity"])
def test_what_went_with_a_key_that_has_a_tombstone_was_erased(compacted: Run, above: str) -> None:
    pieces = pieces_of(compacted, Stream.HISTORY)
    place = compacted.project
    node = {"run": compacted.vault_node, "project": place.vault_node, "entity": place.entity.vault_node}[
        above
    ]
    erase_node(NodeId(node))

    with pytest.raises(KeyGone):
        list(pieces[0].rows())
    # Its rows are cleared away after those above it, and have no tombstone of their own.
    Node.objects.filter(pk=compacted.vault_node).delete()
    Grant.objects.filter(owner_id=compacted.vault_node).delete()
    for read in READINGS:
        with pytest.raises(KeyGone):
            read(compacted)


def test_what_is_being_erased_meanwhile_is_not_called_damaged(compacted: Run) -> None:
    pieces = pieces_of(compacted, Stream.HISTORY)
    Run.objects.filter(pk=compacted.pk).update(erased_at=compacted.created_at, erasure_job=uuid4())
    lose_its_key(compacted)

    with pytest.raises(KeyGone):
        list(pieces[0].rows())


def test_what_was_written_anew_meanwhile_is_asked_for_again(compacted: Run) -> None:
    pieces = pieces_of(compacted, Stream.HISTORY)
    before = blob_keys(compacted)
    store.rewind(compacted, last_step=2)
    for key in before:
        discard_blob_key(key)

    with pytest.raises(Unavailable):
        list(pieces[0].rows())
