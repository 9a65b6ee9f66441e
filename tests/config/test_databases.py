from __future__ import annotations

from pathlib import Path

import pytest

from config import databases, env


def test_without_an_address_both_are_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("OWNLOG_DATABASE_URL", raising=False)
    monkeypatch.delenv("OWNLOG_VAULT_URL", raising=False)

    found = databases.from_environment(tmp_path)

    assert {alias: each["NAME"] for alias, each in found.items()} == {
        "default": tmp_path / "ownlog.sqlite3",
        "vault": tmp_path / "vault.sqlite3",
    }


def test_an_address_is_read_with_its_options(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OWNLOG_DATABASE_URL", "postgresql://ann:p%40ss@db:5433/content?sslmode=require")
    monkeypatch.setenv("OWNLOG_VAULT_URL", "postgres://bob@/keys?host=/run/postgresql")
    monkeypatch.setenv("OWNLOG_DATABASE_PASSWORD", "shared")

    found = databases.from_environment(tmp_path)

    names = ("NAME", "USER", "PASSWORD", "HOST", "PORT", "OPTIONS")
    assert [found["default"][name] for name in names] == [
        "content",
        "ann",
        "p@ss",
        "db",
        "5433",
        {"connect_timeout": 5, "sslmode": "require"},
    ]
    assert [found["vault"][name] for name in names] == [
        "keys",
        "bob",
        "shared",
        "/run/postgresql",
        "",
        {"connect_timeout": 5},
    ]


@pytest.mark.parametrize(
    "url",
    ["mysql://ann:secret@db/content", "postgresql://ann:secret@db", "postgresql://ann:secret@db/c?ssl=1"],
)
def test_an_address_that_is_none_is_refused_without_its_password(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str
) -> None:
    monkeypatch.setenv("OWNLOG_VAULT_URL", url)

    with pytest.raises(env.BadSetting, match="OWNLOG_VAULT_URL") as raised:
        databases.from_environment(tmp_path)
    assert "secret" not in str(raised.value)


def test_keys_and_content_may_not_share_a_database(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("OWNLOG_DATABASE_URL", "OWNLOG_VAULT_URL"):
        monkeypatch.setenv(name, "postgresql://ann@db/same")

    with pytest.raises(env.BadSetting, match="keys lie apart"):
        databases.from_environment(tmp_path)
