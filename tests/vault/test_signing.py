"""The key of receipts is made once, and what does not fit the receipts that there are is refused."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from apps.vault.errors import KeyStoreError
from apps.vault.receipts import append
from apps.vault.signing import public_key

pytestmark = pytest.mark.django_db


@pytest.fixture
def file(settings: Settings, tmp_path: Path) -> Path:
    settings.OWNLOG_KEY_DIR = tmp_path / "keys"
    return tmp_path / "keys" / "receipts.key"


def test_it_is_made_once_for_the_servers_user_only(file: Path) -> None:
    key = public_key()

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in file.parent.iterdir()] == ["receipts.key"]
    append("a" * 20, {"form": "x"})
    assert public_key() == key


def test_of_two_that_make_it_at_once_both_use_the_same(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = public_key()
    exists = Path.exists
    monkeypatch.setattr(Path, "exists", lambda path: path != file and exists(path))  # it came a moment later

    assert public_key() == key


def test_a_lost_key_is_not_made_anew_over_receipts(file: Path) -> None:
    append("a" * 20, {"form": "x"})
    kept = file.read_bytes()
    file.unlink()

    with pytest.raises(KeyStoreError, match="is missing"):
        append("b" * 20, {"form": "x"})

    assert not file.exists()
    file.write_bytes(kept)
    file.chmod(0o600)
    append("b" * 20, {"form": "x"})


def test_another_key_than_that_of_the_receipts_is_refused(file: Path, settings: Settings) -> None:
    append("a" * 20, {"form": "x"})
    place, settings.OWNLOG_KEY_DIR = settings.OWNLOG_KEY_DIR, file.parent / "other"
    with pytest.raises(KeyStoreError):
        public_key()
    settings.OWNLOG_KEY_DIR = place
    file.unlink()
    file.write_bytes(b"ownlog-receipt-key-1:AAAA:00000000\n")
    file.chmod(0o600)

    with pytest.raises(KeyStoreError, match="is not a whole signing key"):
        public_key()


def test_a_key_that_others_can_open_is_refused(file: Path) -> None:
    public_key()
    file.chmod(0o644)

    with pytest.raises(KeyStoreError, match="chmod 600"):
        public_key()
