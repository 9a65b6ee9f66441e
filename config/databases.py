"""Which databases the content and the keys lie in: SQLite files, or PostgreSQL where its address is set."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from config import env

FILES = {"default": "ownlog.sqlite3", "vault": "vault.sqlite3"}


def sqlite(path: Path, *, synchronous: str = "FULL") -> dict[str, object]:
    return {
        "ENGINE": "config.sqlite",
        "NAME": path,
        # One connection a thread for as long as the process lives: opening one costs more than most queries.
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            "timeout": 20,
            # A writer takes its lock at BEGIN, so that no transaction fails half-way on a lock upgrade.
            "transaction_mode": "IMMEDIATE",
            # What is deleted is overwritten: names in the clear are in no free page of the file (apps.erasure.clearing).
            "init_command": f"PRAGMA journal_mode=WAL;PRAGMA synchronous={synchronous};PRAGMA cache_size=-16000;"
            "PRAGMA secure_delete=ON;",
        },
    }


def postgresql(url: str, *, variable: str, password: str = "") -> dict[str, object]:
    """Django's words for postgresql://user@host:port/name?option=value, read by libpq's own rules.

    `password` is used where the address has none, so that it can come from a file of its own.
    """
    # Imported only where PostgreSQL is used: it takes longer than all else here.
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    if urlsplit(url).scheme not in {"postgresql", "postgres"}:
        raise env.BadSetting(f"{variable} must be an address like postgresql://user@host:5432/name.")
    try:
        parts = conninfo_to_dict(url)
    except ProgrammingError:
        # The reason would quote the address, and with it the password.
        raise env.BadSetting(f"{variable} is not an address that PostgreSQL understands.") from None
    if not parts.get("dbname"):
        raise env.BadSetting(f"{variable} names no database: postgresql://user@host:5432/NAME.")
    return {
        "ENGINE": "config.postgresql",
        "NAME": parts.pop("dbname"),
        "USER": parts.pop("user", "") or "",
        "PASSWORD": parts.pop("password", "") or password,
        "HOST": parts.pop("host", "") or "",
        "PORT": str(parts.pop("port", "") or ""),
        "CONN_MAX_AGE": None,
        # A restarted server, or a pooler in between, closes connections: the next request opens its own. Seen without a
        # question (config.postgresql).
        "CONN_HEALTH_CHECKS": True,
        # A pooler in transaction mode gives each transaction another session.
        "DISABLE_SERVER_SIDE_CURSORS": True,
        "OPTIONS": {"connect_timeout": 5, **parts},
    }


def from_environment(data: Path) -> dict[str, dict[str, object]]:
    # Where SQLite sorts or writes anew more than fits into memory: what is in its files is in no folder that others clear away,
    # nor on a disk that is not theirs. It asks once, before it opens anything.
    os.environ.setdefault("SQLITE_TMPDIR", str(data))
    password = env.secret("OWNLOG_DATABASE_PASSWORD")
    urls = {"default": env.secret("OWNLOG_DATABASE_URL"), "vault": env.secret("OWNLOG_VAULT_URL")}
    variables = {"default": "OWNLOG_DATABASE_URL", "vault": "OWNLOG_VAULT_URL"}
    if urls["default"] and urls["default"] == urls["vault"]:
        raise env.BadSetting(
            "OWNLOG_VAULT_URL must name another database than OWNLOG_DATABASE_URL: keys lie apart."
        )
    return {
        alias: postgresql(url, variable=variables[alias], password=password)
        if url
        else sqlite(data / FILES[alias])
        for alias, url in urls.items()
    }
