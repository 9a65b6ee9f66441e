"""After an epoch no copy of the vault that was ever made opens what was erased before it, and all else opens."""

from __future__ import annotations

import stat
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as settings_of_django
from pytest_django.fixtures import Settings

from apps.core import clock
from apps.vault import copies, epochs, readiness, roots
from apps.vault.erased import known_until
from apps.vault.errors import CopyFailed, KeyGone, KeyStoreError, Tampered
from apps.vault.grants import open_grant
from apps.vault.keys import OpenedKeys
from apps.vault.models import Epoch, Grant, Head, Node, Receipt, Tombstone
from apps.vault.renewal import Stuck
from apps.vault.rows import Rows
from apps.vault.tree import (
    create_blob_key,
    drop_grants,
    erase_node,
    grant,
    open_blob_key,
    open_key,
    open_keys,
)
from apps.vault.types import PARENTS, UPWARDS, NodeId, NodeKind
from tests.factories.vault import entity_key, project_key, run_key
from tests.vault.attacker import Attacker
from tests.vault.emptied import Died, dying_at, empty_vault, empty_vault_in

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "vault"]),
    pytest.mark.promise("P-09"),
]


@pytest.fixture(autouse=True)
def vault(settings: Settings, tmp_path: Path) -> Path:
    empty_vault_in(tmp_path, settings)
    return tmp_path


def test_kinds_are_renewed_before_what_they_lie_below() -> None:
    for kind, parents in PARENTS.items():
        assert all(UPWARDS.index(kind) < UPWARDS.index(parent) for parent in parents)
    assert set(UPWARDS) | {NodeKind.BLOB} == set(NodeKind)


def test_an_erased_key_opens_from_an_old_copy_until_the_epoch_and_never_after() -> None:
    attacker, project = Attacker(), project_key()
    erased, kept = run_key(project), run_key(project)
    secret = open_key(kept).data
    attacker.copies_the_vault()

    erase_node(erased)
    assert erased in attacker.can_open()
    done = epochs.run()
    attacker.copies_the_vault()

    assert done is not None
    assert (done.renewed, done.rewrapped, done.generation) == (
        3,
        3,
        2,
    )  # project, entity, root; and what lies below each
    assert erased not in attacker.can_open()
    assert open_key(kept).data == secret
    assert roots.provider().generations() == [2]
    assert readiness.verify().damaged == ()


def test_a_blob_taken_from_its_owner_opens_by_no_old_copy_after_the_epoch() -> None:
    attacker, project = Attacker(), project_key()
    first, second = run_key(project), run_key(project)
    shared, alone = create_blob_key(first), create_blob_key(first)
    grant(shared, first, second)
    secret = open_blob_key(shared, second).data
    attacker.copies_the_vault()

    drop_grants(first, [shared, alone])
    epochs.run()

    assert alone not in attacker.can_open()
    assert open_blob_key(shared, second).data == secret
    with pytest.raises(KeyGone):
        open_blob_key(shared, first)


def test_nothing_to_renew_changes_nothing() -> None:
    epochs.run()

    assert roots.provider().generations() == [1]
    assert epochs.run_due() is None


def test_what_is_erased_during_an_epoch_is_the_next_ones() -> None:
    attacker, project = Attacker(), project_key()
    first, second = run_key(project), run_key(project)
    erase_node(first)
    numbers: list[int] = []

    def meanwhile(name: str) -> None:
        attacker.copies_the_vault()
        if name == "batch" and not numbers:
            erase_node(second)
            numbers.append(epochs.demand())

    done = epochs.run(meanwhile)
    assert done is not None
    assert numbers == [done.number + 1]
    assert not epochs.is_done(numbers[0])

    epochs.run()
    assert epochs.is_done(numbers[0])
    assert {first, second}.isdisjoint(attacker.can_open())


def test_what_is_made_and_erased_while_an_epoch_is_broken_off_is_the_next_ones() -> None:
    attacker, project = Attacker(), project_key()
    erase_node(run_key(project))
    with pytest.raises(Died):
        epochs.run(dying_at(0))  # the project has two secrets now
    run = run_key(project)
    attacker.copies_the_vault()

    erase_node(run)
    number = epochs.demand()
    epochs.run()
    epochs.run()

    assert epochs.is_done(number)
    assert run not in attacker.can_open()


@pytest.mark.parametrize("dies_at", [0, 3, 6])
def test_what_is_known_of_the_last_moment_is_never_less_than_it_was(dies_at: int) -> None:
    """A key goes while an epoch is broken off, which takes its mark as well: a backup of before it went on knows of that moment."""
    project = project_key()
    owner = run_key(project)
    blob = create_blob_key(owner)
    erase_node(run_key(project))
    with pytest.raises(Died):
        epochs.run(dying_at(dies_at))
    drop_grants(owner, [blob])
    before = known_until()

    epochs.run()

    after = known_until()
    assert before is not None
    assert after is not None
    assert after >= before
    assert not Node.objects.filter(dirty_at__isnull=False, kind=NodeKind.ROOT).exists()


def test_an_epoch_goes_on_when_a_key_above_was_erased_while_it_was_broken_off() -> None:
    entity = entity_key()
    project, kept = project_key(entity), run_key()
    others = run_key(project)
    erase_node(run_key(project))
    with pytest.raises(Died):
        epochs.run(dying_at(0))

    erase_node(entity)
    epochs.run()
    epochs.run()

    assert not Node.objects.filter(next_wrap_id__isnull=False).exists()
    assert open_keys([others, kept]).keys() == {kept}
    assert len(roots.provider().generations()) == 1


def test_a_worker_whose_lease_ran_out_changes_nothing_more() -> None:
    erase_node(run_key())

    def another_takes_over(name: str) -> None:
        if name == "copied":
            Epoch.objects.filter(state="running").update(tries=9)

    with pytest.raises(Stuck):
        epochs.run(lambda name: another_takes_over("copied" if name == "verified" else name))

    assert roots.provider().generations() == [1, 2]
    assert Epoch.objects.get(state="running").trouble == ""


def test_keys_that_go_without_an_erasure_wait_longer() -> None:
    erase_node(run_key())
    epochs.run()
    drop_grants(owner := run_key(), [create_blob_key(owner)])
    later = clock.now() - timedelta(minutes=1)
    Node.objects.filter(dirty_at__isnull=False).update(dirty_at=later)

    assert epochs.run_due() is None
    ended = clock.now() - timedelta(minutes=6)
    Epoch.objects.update(started_at=ended - timedelta(minutes=1), finished_at=ended)
    assert epochs.run_due() is None, "less than ten times as long as it took"
    Epoch.objects.update(started_at=ended - timedelta(seconds=1))
    assert epochs.run_due() is not None


def test_a_run_made_during_an_epoch_opens_after_it() -> None:
    project = project_key()
    erase_node(run_key(project))
    made: list[NodeId] = []

    epochs.run(lambda _: made.append(run_key(project)))

    assert len(made) > 5
    assert len(open_keys(made)) == len(made)
    assert readiness.verify().damaged == ()


def test_an_epoch_waits_for_others_and_is_due_once() -> None:
    erase_node(run_key())
    assert epochs.run_due() is None

    Node.objects.filter(dirty_at__isnull=False).update(dirty_at=clock.now() - timedelta(minutes=1))

    assert epochs.run_due() is not None
    assert epochs.run_due() is None


def test_no_copy_no_destruction(vault: Path, settings: Settings) -> None:
    kept = run_key()
    erase_node(run_key())
    settings.OWNLOG_VAULT_COPY = (
        vault / "keys" / "root-1.key" / "vault.sqlite3"
    )  # below a file: no folder can be made

    with pytest.raises(CopyFailed, match="Make room there, or set OWNLOG_VAULT_COPY"):
        epochs.run()
    assert roots.provider().generations() == [1, 2]
    assert Epoch.objects.get().trouble == "CopyFailed"
    assert open_key(kept).node_id == kept

    settings.OWNLOG_VAULT_COPY = vault / "copy" / "vault.sqlite3"
    assert epochs.run_due() is not None
    assert roots.provider().generations() == [2]
    assert stat.S_IMODE(copies.place().stat().st_mode) == 0o600


def test_a_copy_with_a_changed_key_is_no_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    erase_node(run_key())
    whole = copies._write

    def damaged(draft: Path) -> None:
        whole(draft)
        import sqlite3

        with sqlite3.connect(draft) as copy:
            copy.execute("UPDATE vault_node SET secrets = zeroblob(93) WHERE kind = 'project'")

    monkeypatch.setattr(copies, "_write", damaged)

    with pytest.raises(CopyFailed, match="does not open"):
        epochs.run()
    assert roots.provider().generations() == [1, 2]
    assert not copies.place().exists()


def test_a_copy_put_back_opens_everything() -> None:
    runs = [run_key() for _ in range(3)]
    blob = create_blob_key(runs[0])
    erase_node(runs[2])
    epochs.run()
    before = {run: key.data for run, key in open_keys(runs).items()}, open_blob_key(blob, runs[0]).data
    for model in (Node, Grant, Tombstone, Head, Epoch, Receipt):
        model._base_manager.all().delete()

    rows = copies.restore(copies.place())

    assert (
        rows
        == Node.objects.count() + Grant.objects.count() + Tombstone.objects.count() + Epoch.objects.count()
    )
    assert (
        {run: key.data for run, key in open_keys(runs).items()},
        open_blob_key(blob, runs[0]).data,
    ) == before
    assert readiness.verify().damaged == ()
    with pytest.raises(CopyFailed, match="not empty"):
        copies.restore(copies.place())
    create_blob_key(runs[0])
    drop_grants(runs[0], [blob])
    assert epochs.is_done(epochs.demand()) is False  # numbers go on after those that were put back


def test_what_is_no_copy_is_not_put_back(vault: Path) -> None:
    with pytest.raises(CopyFailed, match="There is no copy"):
        copies.restore(vault / "nothing")
    (vault / "words").write_text("no database at all " * 100)
    with pytest.raises(CopyFailed, match="does not open"):
        copies.restore(vault / "words")


def test_keys_read_before_an_epoch_and_grants_after_it_are_asked_for_again() -> None:
    owner = run_key()
    blob = create_blob_key(owner)
    stale = Rows([owner], OpenedKeys())
    drop_grants(owner, [create_blob_key(owner)])
    epochs.run()

    with pytest.raises(Tampered):
        open_grant(Grant.objects.get(blob_id=blob), stale)
    assert open_blob_key(blob, owner).node_id == blob


def test_a_root_read_before_its_key_was_destroyed_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_key()
    erase_node(run_key())
    get = type(roots.provider()).get
    went_by: list[int] = []

    def after_an_epoch(self: object, generation: int) -> bytes:
        if not went_by:
            went_by.append(generation)
            epochs.run()
        return get(self, generation)  # type: ignore[arg-type]

    monkeypatch.setattr(type(roots.provider()), "get", after_an_epoch)

    assert open_key(run).node_id == run
    assert went_by == [1]


def test_one_key_folder_serves_one_vault(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    Node.objects.all().delete()
    with pytest.raises(
        KeyStoreError, match=r"is that of another\. Give this instance a key folder of its own"
    ):
        readiness.make_ready()
    assert not Node.objects.exists()

    empty_vault()
    monkeypatch.setattr(readiness, "vault_place", lambda: "/elsewhere/vault.sqlite3")
    with pytest.raises(
        KeyStoreError, match=r"If you moved it, run: manage\.py vault adopt\. If it is a copy"
    ):
        epochs.run()
    readiness.adopt_keys()
    epochs.run()

    monkeypatch.setattr(readiness, "vault_place", lambda: "/moved/vault.sqlite3")
    keys = Path(settings_of_django.OWNLOG_KEY_DIR)
    settings.OWNLOG_KEY_DIR = keys.rename(keys.with_name("moved along"))
    readiness.require_fit()

    Path(settings_of_django.OWNLOG_KEY_DIR, "vault").write_text(f"{'0' * 32}\n/moved/vault.sqlite3\n")
    with pytest.raises(KeyStoreError, match="belong to another instance"):
        readiness.require_fit()


def test_a_root_key_that_is_really_missing_is_told() -> None:
    run = run_key()
    roots.provider().destroy(1)

    with pytest.raises(KeyStoreError, match="is missing"):
        open_key(run)
