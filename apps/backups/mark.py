"""There while a restore has begun and not ended; it holds where the backup is, and the places into which it goes."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.db import connections

from apps.backups.errors import Refused


def mark() -> Path:
    return Path(settings.OWNLOG_DATA) / "restore-unfinished"


def begin(folder: Path) -> None:
    mark().write_text("".join(f"{line}\n" for line in _lines(folder)), encoding="utf-8")


def begun_of() -> str:
    """Where the backup is of which a restore was broken off here."""
    return next(iter(_kept()), "")


def require_same(folder: Path) -> None:
    """What a restore that broke off has left may be replaced, as it had begun with nothing. Refused for any other backup, and where
    keys or databases are named that are not those of then: they may be another instance's."""
    if begun_of() != str(folder):
        raise Refused(
            f"A restore of {begun_of()} was broken off here. Run that again, or begin with an empty instance."
        )
    if _kept() != _lines(folder):
        raise Refused(
            f"The restore that was broken off here went to other places: {', '.join(_kept()[1:])}. Name the same ones again "
            f"(OWNLOG_KEY_DIR, OWNLOG_DATABASE_URL, OWNLOG_VAULT_URL), or begin with an empty instance."
        )


def _kept() -> list[str]:
    return mark().read_text(encoding="utf-8").splitlines()


def _lines(folder: Path) -> list[str]:
    keys = Path(settings.OWNLOG_KEY_DIR).absolute()
    return [str(folder), str(keys), *(_address(alias) for alias in ("default", "vault"))]


def _address(alias: str) -> str:
    named = connections[alias].settings_dict
    return " ".join(str(named[part]) for part in ("NAME", "HOST", "PORT") if named.get(part))
