from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from copy import copy
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import connections, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from apps.core import clock
from apps.vault import tree
from apps.vault.errors import KeyGone, Tampered
from apps.vault.keys import OpenedKeys, OpenKey
from apps.vault.models import Grant, Node, Tombstone
from apps.vault.orphans import find_orphans
from apps.vault.rows import DATABASE, Rows
from apps.vault.tree import (
    create_blob_key,
    create_node,
    discard_blob_key,
    discard_node,
    drop_grants,
    erase_node,
    forget_nodes,
    keys_in_use,
    open_key,
    open_keys,
    operator_node,
)
from apps.vault.types import OPERATOR_ID, PARENTS, ROOT_ID, NodeId, NodeKind
from apps.vault.wraps import SECRET_BYTES, node_place, wrap
from tests.factories.vault import entity_key, project_key, run_key

pytestmark = pytest.mark.django_db


def secrets_of(key: OpenKey) -> tuple[bytes, bytes, bytes]:
    return key.key_id, key.data, key.index


def test_key_is_the_same_each_time_it_is_opened() -> None:
    run = run_key()

    first, second = open_key(run), open_key(run)

    assert secrets_of(first) == secrets_of(second)
    assert len(first.data) == len(first.index) == 32
    assert first.data != first.index


def test_every_node_has_secrets_of_its_own() -> None:
    project = project_key()
    keys = open_keys([project, run_key(project), run_key(project)]).values()

    assert len({key.data for key in keys}) == 3
    assert len({key.index for key in keys}) == 3
    assert len({key.key_id for key in keys}) == 3


@pytest.mark.parametrize("kind", PARENTS)
def test_create_node_below_each_parent_it_may_have(kind: NodeKind) -> None:
    for parent_kind in PARENTS[kind]:
        node = create_node(kind, parent=_node_of(parent_kind))

        assert open_key(node).node_id == node


def _node_of(kind: NodeKind) -> NodeId:
    if kind == NodeKind.ROOT:
        return ROOT_ID
    return create_node(kind, parent=_node_of(sorted(PARENTS[kind])[0]))


def test_create_node_below_the_wrong_kind_is_refused() -> None:
    run = run_key()

    with pytest.raises(ValueError, match="A project key cannot lie below a run key"):
        create_node(NodeKind.PROJECT, parent=run)


def test_create_node_below_a_gone_parent() -> None:
    project = project_key()
    discard_node(project)

    with pytest.raises(KeyGone):
        run_key(project)


def test_create_node_inside_a_vault_transaction_is_refused() -> None:
    with transaction.atomic(using="vault"), pytest.raises(RuntimeError):
        entity_key()


def test_open_keys_takes_one_query_for_any_number(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    runs = [run_key(project_key()) for _ in range(3)]

    with django_assert_num_queries(1, using="vault"):
        assert open_keys(runs).keys() == set(runs)
    with django_assert_num_queries(1, using="vault"):
        assert open_keys([NodeId(uuid4()) for _ in range(40_000)]) == {}


def test_a_key_more_costs_the_same_however_many_are_open(monkeypatch: pytest.MonkeyPatch) -> None:
    project = project_key()
    runs = [run_key(project) for _ in range(20)]
    looked_at: list[UUID] = []
    look = UUID.__hash__

    def counted(node: UUID) -> int:
        looked_at.append(node)
        return look(node)

    with keys_in_use():
        open_keys(runs)
        with monkeypatch.context() as patched:
            patched.setattr(UUID, "__hash__", counted)
            open_keys(runs[:1])

    assert set(looked_at) == {runs[0]}


def test_a_key_is_opened_without_reading_all_keys() -> None:
    run, vault = run_key(), connections["vault"]
    with vault.cursor() as cursor:
        # As many others that an index is worth it, and the database knows: copies of a row, which nobody opens.
        copied = [uuid4() for _ in range(3000)]
        row = Node.objects.get(pk=run)
        Node.objects.bulk_create(_copy(row, each) for each in copied)
        cursor.execute("ANALYZE vault_node")
    plans = list[str]()

    def explained(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        with vault.cursor() as cursor:
            cursor.cursor.execute(f"{_EXPLAIN[vault.vendor]} {sql}", params)
            plans.extend(str(line) for line in cursor.cursor.fetchall())
        return execute(sql, params, many, context)

    with vault.execute_wrapper(explained):
        open_key(run)

    assert any("pkey" in line or "sqlite_autoindex_vault_node_1" in line for line in plans)
    assert [line for line in plans if "Seq Scan on vault_node" in line or "SCAN vault_node" in line] == []


_EXPLAIN = {"sqlite": "EXPLAIN QUERY PLAN", "postgresql": "EXPLAIN"}


def _copy(row: Node, pk: UUID) -> Node:
    copied = copy(row)
    copied.pk = pk
    return copied


def test_open_keys_of_nothing_asks_nothing(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0, using="vault"):
        assert open_keys([]) == {}


def test_gone_keys_are_absent_from_many_and_an_error_alone() -> None:
    project = project_key()
    here, gone = run_key(project), run_key(project)
    discard_node(gone)

    assert open_keys([here, gone]).keys() == {here}
    with pytest.raises(KeyGone) as raised:
        open_key(gone)
    assert raised.value.node_id == gone


@pytest.mark.parametrize("above", ["entity", "project"])
def test_deleting_one_row_ends_all_below_it(above: str) -> None:
    entity = entity_key()
    project = project_key(entity)
    runs = [run_key(project) for _ in range(3)]
    elsewhere = run_key()

    Node.objects.filter(pk={"entity": entity, "project": project}[above]).delete()

    assert open_keys([*runs, elsewhere]).keys() == {elsewhere}
    for run in runs:
        with pytest.raises(KeyGone):
            open_key(run)


def test_a_key_whose_secrets_were_changed_anywhere_does_not_open() -> None:
    run = run_key()
    wrapped = bytes(Node.objects.get(pk=run).secrets)

    for at in range(len(wrapped)):
        changed = bytearray(wrapped)
        changed[at] ^= 0x01
        Node.objects.filter(pk=run).update(secrets=bytes(changed))
        with pytest.raises(Tampered) as raised:
            open_key(run)
        assert raised.value.row == run
    Node.objects.filter(pk=run).update(secrets=wrapped)
    assert open_key(run).node_id == run


@pytest.mark.parametrize("column", ["kind", "lies_under", "wrap_id", "content_id"])
def test_a_key_does_not_open_with_another_keys_facts(column: str) -> None:
    run, other = run_key(), run_key()
    value = "export" if column == "kind" else getattr(Node.objects.get(pk=other), column)

    Node.objects.filter(pk=run).update(**{column: value})

    with pytest.raises(Tampered):
        open_key(run)


def test_a_key_does_not_open_at_another_place() -> None:
    project = project_key()
    run, other = run_key(project), run_key(project)
    elsewhere = project_key()

    Node.objects.filter(pk=run).update(secrets=Node.objects.get(pk=other).secrets)
    with pytest.raises(Tampered):
        open_key(run)
    Node.objects.filter(pk=other).update(parent_id=elsewhere)
    with pytest.raises(Tampered):
        open_key(other)


def test_a_key_does_not_open_below_another_parent_though_both_are_open() -> None:
    project, elsewhere = project_key(), project_key()
    run = run_key(project)

    Node.objects.filter(pk=run).update(parent_id=elsewhere)

    with keys_in_use():
        run_key(project)
        with pytest.raises(Tampered):
            open_key(run)


def test_parents_in_a_circle_are_an_error() -> None:
    one, two = project_key(), project_key()
    Node.objects.filter(pk=one).update(parent_id=two)
    Node.objects.filter(pk=two).update(parent_id=one)

    with pytest.raises(Tampered):
        open_key(one)


def test_keys_are_remembered_inside_a_block_only(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    run = run_key()

    with django_assert_num_queries(2, using="vault"):
        open_key(run)
        open_key(run)
    with keys_in_use(), django_assert_num_queries(1, using="vault"):
        open_key(run)
        with keys_in_use():
            open_key(run)
        assert open_keys([run])[run] is open_key(run)
    with django_assert_num_queries(1, using="vault"):
        open_key(run)


def test_a_key_made_in_a_block_is_open_already(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    project = project_key()

    with keys_in_use():
        run = run_key(project)
        with django_assert_num_queries(0, using="vault"):
            key = open_key(run)

    assert secrets_of(key) == secrets_of(open_key(run))


def test_a_block_forgets_what_it_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[OpenedKeys] = []

    class Watched(OpenedKeys):
        def __init__(self) -> None:
            super().__init__()
            made.append(self)

    monkeypatch.setattr("apps.vault.keys.OpenedKeys", Watched)
    run = run_key()
    made.clear()
    with keys_in_use():
        open_key(run)
        assert made[0].keys
        assert made[0].wraps

    assert (made[0].keys, made[0].granted, made[0].wraps) == ({}, {}, {})


def test_an_open_key_shows_and_gives_away_nothing() -> None:
    run = run_key()
    key = open_key(run)

    assert repr(key) == f"<OpenKey of {run}>"
    with pytest.raises(TypeError, match="never written"):
        pickle.dumps(key)


def test_during_an_epoch_old_children_open_and_new_ones_go_under_the_new_wrap() -> None:
    project = project_key()
    old = run_key(project)
    before = open_key(old).data
    new_wrap = _begin_epoch(project)

    new = run_key(project)

    assert Node.objects.get(pk=new).lies_under == new_wrap
    assert Node.objects.get(pk=old).lies_under != new_wrap
    assert open_keys([old, new]).keys() == {old, new}
    assert open_key(old).data == before


def _begin_epoch(node_id: NodeId) -> object:
    """What the first step of an epoch will do: a second wrap secret, the content secret kept."""
    row = Node.objects.get(pk=node_id)
    assert row.parent_id is not None
    parent = NodeId(row.parent_id)
    above = Rows([parent], OpenedKeys()).wrap_of(parent, row.lies_under.hex)
    wrap_id, content_id = uuid4(), row.content_id
    place = node_place(row.id.hex, row.kind, parent.hex, row.lies_under.hex, wrap_id.hex, content_id.hex)
    pair = AESGCM.generate_key(256) + b"\0" * SECRET_BYTES
    Node.objects.filter(pk=node_id).update(
        next_wrap_id=wrap_id, next_content_id=content_id, next_secrets=wrap(above, pair, place)
    )
    return wrap_id


def test_discarding_marks_the_former_parent_and_can_be_repeated() -> None:
    project = project_key()
    run = run_key(project)

    discard_node(run)
    discard_node(run)

    assert not Node.objects.filter(pk=run).exists()
    assert list(Node.objects.filter(dirty_at__isnull=False).values_list("pk", flat=True)) == [project]


def test_the_root_is_never_discarded() -> None:
    discard_node(ROOT_ID)

    assert Node.objects.filter(pk=ROOT_ID).exists()


def test_the_operators_node_is_one_and_made_at_first_use() -> None:
    assert operator_node() == operator_node() == OPERATOR_ID
    assert tree._add_node(OPERATOR_ID, NodeKind.OPERATOR, ROOT_ID) == OPERATOR_ID  # two at the same moment

    assert Node.objects.filter(kind=NodeKind.OPERATOR).count() == 1
    assert find_orphans(NodeKind.OPERATOR, before=clock.now()) == []


def test_an_erased_key_is_gone_with_all_below_it_and_leaves_a_tombstone() -> None:
    project = project_key()
    run = run_key(project)
    parent = Node.objects.get(pk=project).parent_id

    with keys_in_use():
        open_key(project)
        erase_node(project)
        with pytest.raises(KeyGone):
            open_key(project)
    erase_node(project)

    with pytest.raises(KeyGone):
        open_key(run)
    assert list(Tombstone.objects.values_list("node_id", "kind", "scope_id")) == [
        (project, "project", parent)
    ]
    assert Node.objects.filter(pk=parent or ROOT_ID, dirty_at=None).count() == 0


def test_the_root_cannot_be_erased() -> None:
    erase_node(ROOT_ID)

    assert Node.objects.filter(pk=ROOT_ID).exists()


def test_nodes_are_changed_before_grants_in_the_order_in_which_a_backup_holds_the_tables() -> None:
    owner = run_key()
    create_blob_key(owner)
    other = run_key()
    acts: list[Callable[[], None]] = [
        lambda: forget_nodes([owner]),
        lambda: discard_blob_key(create_blob_key(other)),
        lambda: drop_grants(other, [create_blob_key(other)]),
    ]
    for act in acts:
        with CaptureQueriesContext(connections[DATABASE]) as asked:
            act()
        written = [
            found[2] for each in asked if (found := re.match(r'(UPDATE|DELETE FROM) "(\w+)"', each["sql"]))
        ]
        assert "vault_grant" in written and written.index("vault_node") < written.index("vault_grant")

    assert not Grant.objects.exists()
