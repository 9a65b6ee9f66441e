from __future__ import annotations

import os
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from apps.blobs.models import Blob
from apps.core import clock
from apps.vault import readiness, roots
from apps.vault.errors import KeyStoreError
from apps.vault.models import Node
from apps.vault.tree import create_blob_key, open_key
from apps.vault.types import ROOT_ID
from tests.factories.vault import entity_key, project_key, run_key

pytestmark = pytest.mark.django_db


@pytest.fixture
def instance(settings: Settings, tmp_path: Path) -> Path:
    """An instance of its own: an empty vault and no key yet."""
    Node.objects.all().delete()
    settings.OWNLOG_KEY_DIR = tmp_path / "keys"
    settings.OWNLOG_DATA = tmp_path / "var"
    return tmp_path


def key_file(instance: Path) -> Path:
    return instance / "keys" / "root-1.key"


def test_first_start_makes_the_root_once(instance: Path) -> None:
    assert readiness.make_ready() == 1
    key, row = key_file(instance).read_bytes(), Node.objects.get(pk=ROOT_ID)
    entity = entity_key()

    assert readiness.make_ready() == 1

    assert key_file(instance).read_bytes() == key
    assert bytes(Node.objects.get(pk=ROOT_ID).secrets) == bytes(row.secrets)
    assert open_key(entity).node_id == entity


def test_a_crash_between_key_and_vault_leaves_a_key_that_is_used(instance: Path) -> None:
    roots.provider().rotate()
    key = key_file(instance).read_bytes()

    assert readiness.make_ready() == 1

    assert key_file(instance).read_bytes() == key
    assert sorted(os.listdir(instance / "keys")) == ["root-1.key", "vault"]


def test_a_missing_key_is_not_made_anew(instance: Path) -> None:
    readiness.make_ready()
    entity_key()
    key_file(instance).unlink()

    with pytest.raises(KeyStoreError, match=r"root-1\.key is missing\..* No new key is made"):
        readiness.make_ready()

    assert os.listdir(instance / "keys") == ["vault"]


def test_the_key_of_another_instance_does_not_fit(instance: Path) -> None:
    readiness.make_ready()
    entity = entity_key()
    key_file(instance).unlink()
    roots.provider().rotate()

    with pytest.raises(KeyStoreError) as raised:
        readiness.make_ready()

    assert raised.value.message == (
        f"The root key {key_file(instance)} does not fit the vault {readiness.vault_place()}: it belongs to another instance, "
        f"or the vault was replaced. Point OWNLOG_KEY_DIR at the key folder of this data, or OWNLOG_DATA at the data of this "
        f"key. Nothing was changed."
    )
    assert Node.objects.filter(pk=entity).exists()


def test_an_empty_vault_beside_sealed_data_gets_no_key(instance: Path) -> None:
    Blob.objects.create(vault_node=ROOT_ID, created_at=clock.now())

    with pytest.raises(KeyStoreError) as raised:
        readiness.make_ready()

    assert raised.value.message == (
        f"The vault {readiness.vault_place()} is empty, but the main database holds sealed data (blobs.Blob). "
        f"Put back the newest copy of the vault, or start with an empty main database. No new key is made."
    )
    assert not (instance / "keys").exists()


def test_a_vault_without_its_root_is_left_alone(instance: Path) -> None:
    readiness.make_ready()
    entity_key()
    Node.objects.filter(pk=ROOT_ID).delete()

    with pytest.raises(KeyStoreError, match="has lost its root"):
        readiness.make_ready()


def test_command_ready_says_so_and_warns(instance: Path, settings: Settings) -> None:
    settings.OWNLOG_KEY_DIR = instance / "var" / "keys"
    out, err = StringIO(), StringIO()

    call_command("vault", "ready", stdout=out, stderr=err)

    assert out.getvalue() == "vault: ready, root generation 1\n"
    assert err.getvalue().startswith("warning: The key folder ")


def test_command_stops_with_what_to_do(instance: Path) -> None:
    readiness.make_ready()
    key_file(instance).chmod(0o640)

    with pytest.raises(CommandError, match=r"\(mode 0640\)\. Run: chmod 600") as raised:
        call_command("vault", "ready")

    assert raised.value.returncode == 1


def test_command_status_counts(instance: Path) -> None:
    readiness.make_ready()
    project = project_key()
    run_key(project)
    create_blob_key(run_key(project))
    out = StringIO()

    call_command("vault", "status", stdout=out)

    assert out.getvalue().splitlines() == [
        f"vault: {readiness.vault_place()}",
        f"root key: generation 1, {key_file(instance)}",
        "dirty: 0",
        "entity: 1",
        "grant: 1",
        "project: 1",
        "run: 2",
    ]


def test_command_verify_opens_everything_and_names_what_is_damaged(instance: Path) -> None:
    readiness.make_ready()
    project, erased = project_key(), project_key()
    run, _, below_erased = run_key(project), create_blob_key(run_key(project)), run_key(erased)
    create_blob_key(below_erased)
    Node.objects.filter(pk=erased).delete()
    out, err = StringIO(), StringIO()

    call_command("vault", "verify", stdout=out, stderr=err)
    # The root, two entities, a project, two runs, a grant; below the erased project a run and a grant.
    assert out.getvalue() == "opened: 7\nbelow an erased key: 2\n"

    Node.objects.filter(pk=run).update(secrets=Node.objects.get(pk=project).secrets)
    with pytest.raises(CommandError, match="1 key does not open"):
        call_command("vault", "verify", stdout=out, stderr=err)
    assert err.getvalue() == f"damaged: {run}\n"
