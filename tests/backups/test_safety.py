"""What a backup must not take away from another one, and what a restore refuses though it would open."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as settings_of_django
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.backups import files, keyplace, main, manifest, mark, names, taking
from apps.backups.errors import Refused
from apps.backups.restoring import restore
from apps.blobs.store.local import LocalStore
from apps.erasure.organisations import erase_organisation
from apps.teams.models import Entity, Organisation
from apps.teams.services import entity_of_registries
from apps.vault import copies, readiness
from apps.vault.errors import KeyGone
from apps.vault.tree import create_blob_key
from apps.vault.types import ROOT_ID
from config.launch import prepare
from tests.factories import people
from tests.factories.vault import run_key

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P-22")]
Take = Callable[..., manifest.Manifest]


def made(folder: Path, *, generation: int) -> manifest.Manifest:
    return manifest.Manifest(
        made_at="2026-11-27T21:00:00+00:00",
        database=main.kind(),
        migrations=main.migrations(),
        generation=generation,
        bucket="",
        blobs=0,
        missing=0,
        files=manifest.all_files(folder),
    )


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place of keys, and backups that have nothing in them."""
    monkeypatch.setattr(readiness, "require_fit", lambda: 1)
    monkeypatch.setattr(taking, "_take", lambda folder, *_, **__: made(folder, generation=2))
    return tmp_path / "safe"


def files_in(keys: Path) -> list[str]:
    return sorted(path.name for path in keys.glob("root-*.key"))


def test_a_place_of_keys_is_one_instances_and_anothers_backup_is_refused(
    keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taking.back_up(tmp_path / "monday", keys)
    taking.back_up(tmp_path / "tuesday", keys)
    (keys / "root-1.key").write_text("of the first")
    keys.rename(moved := tmp_path / "elsewhere")
    taking.back_up(tmp_path / "wednesday", moved)
    (moved / "root-1.key").write_text("of the first")

    monkeypatch.setattr(readiness, "vault_id", lambda: "another")
    with pytest.raises(Refused, match="another instance"):
        taking.back_up(tmp_path / "other", moved)

    assert (moved / "root-1.key").read_text() == "of the first"
    assert not (tmp_path / "other").exists()


def test_of_two_backups_at_once_the_second_is_refused(
    keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(folder: Path, *_: Any, **__: Any) -> manifest.Manifest:
        with pytest.raises(Refused, match="is under way"):
            taking.back_up(tmp_path / "second", keys)
        return made(folder, generation=2)

    monkeypatch.setattr(taking, "_take", meanwhile)
    taking.back_up(tmp_path / "first", keys)

    assert manifest.is_there(tmp_path / "first") and not (tmp_path / "second").exists()


def test_the_key_of_the_backup_before_goes_once_this_one_is_on_the_disk_and_no_newer_one_does(
    keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys.mkdir(mode=0o700)
    for generation in (1, 2, 3):
        (keys / f"root-{generation}.key").write_text("key")
    on_the_disk = []

    def sync() -> None:
        on_the_disk.append((manifest.is_there(tmp_path / "backup"), files_in(keys)))

    monkeypatch.setattr(os, "sync", sync)
    taking.back_up(tmp_path / "backup", keys)

    assert on_the_disk == [(True, ["root-1.key", "root-2.key", "root-3.key"])]
    assert files_in(keys) == ["root-2.key", "root-3.key"]


def test_a_disk_that_is_full_is_told_by_whichever_part_met_it(
    keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> manifest.Manifest:
        with closing(sqlite3.connect(tmp_path / "main.sqlite3", isolation_level=None)) as file:
            file.execute("PRAGMA max_page_count=1")
            file.execute("CREATE TABLE word (of_table TEXT)")
        raise AssertionError("it is full")

    monkeypatch.setattr(taking, "_take", full)

    with pytest.raises(CommandError, match=r"cannot be written \(database or disk is full\)"):
        call_command("backup", str(tmp_path / "monday"), keys=keys)


def test_an_organisation_that_is_closed_while_keys_are_given_holds_no_backup_up(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes, stays = (people.organisation(name, admin=alice) for name in ("guild", "union"))

    def meanwhile(organisation: Organisation) -> Entity:
        if organisation == goes:
            erase_organisation(goes, by=Actor.system())
        return entity_of_registries(organisation)

    monkeypatch.setattr("apps.backups.names.entity_of_registries", meanwhile)
    names.give_keys()

    stays.refresh_from_db()
    assert stays.entity is not None


def backup_of_now(folder: Path, keys: Path) -> Path:
    """As if taken of the vault that is here; there are no files."""
    folder.mkdir()
    copies.write_rows(folder / "vault.sqlite3")
    files.settle(LocalStore(folder), folder, [])
    kept = keyplace.texts(Path(settings_of_django.OWNLOG_KEY_DIR), readiness.root_generation())
    keyplace.keep_all(keys, kept)
    manifest.write(folder, made(folder, generation=readiness.root_generation()))
    return folder


def test_a_vault_from_before_the_backup_is_refused_while_the_backups_own_opens(tmp_path: Path) -> None:
    older, keys = tmp_path / "older.sqlite3", tmp_path / "keys"
    create_blob_key(run_key())
    copies.write_rows(older)
    create_blob_key(run_key())
    backup = backup_of_now(tmp_path / "backup", keys)

    with pytest.raises(Refused, match="older than this backup"):
        restore(backup, keys, older)
    # A newer one goes on, up to the instance here, which is none to restore into.
    create_blob_key(run_key())
    copies.write_rows(tmp_path / "newer.sqlite3")
    with pytest.raises(Refused, match="is not empty"):
        restore(backup, keys, tmp_path / "newer.sqlite3")
    # Where it does not, an older one is better than none.
    (keys / keyplace.name_of(readiness.root_generation())).unlink()
    with pytest.raises(Refused, match="Erasures have replaced the key"):
        restore(backup, keys, older)


def test_a_restore_that_broke_off_is_begun_again_only_into_the_places_of_before(
    tmp_path: Path, settings: Settings
) -> None:
    keys = tmp_path / "keys"
    backup = backup_of_now(tmp_path / "backup", keys)
    settings.OWNLOG_DATA, settings.OWNLOG_KEY_DIR = tmp_path, tmp_path / "own"
    mark.begin(backup)
    mark.require_same(backup)
    others = tmp_path / "others"
    others.mkdir()
    (others / "root-7.key").write_text("of a living instance")
    settings.OWNLOG_KEY_DIR = others

    with pytest.raises(Refused, match=f"went to other places: {tmp_path / 'own'}"):
        restore(backup, keys)

    assert [path.name for path in others.iterdir()] == ["root-7.key"]
    assert mark.begun_of() == str(backup)


def test_what_cannot_be_erased_again_keeps_the_instance_from_starting_and_says_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def gone() -> None:
        raise KeyGone(ROOT_ID)

    monkeypatch.setattr(prepare, "_require_whole", gone)
    monkeypatch.setattr("django.setup", lambda: None)

    assert prepare.main() == 1
    assert capsys.readouterr().err == "ownlog: cannot start: This has been erased.\n"
