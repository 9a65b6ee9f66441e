from __future__ import annotations

from typing import Any


class VaultRouter:
    """Keys live in a database of their own, so that a backup of the content never carries them."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return "vault" if model._meta.app_label == "vault" else None

    db_for_write = db_for_read

    def allow_relation(self, obj1: Any, obj2: Any, **hints: Any) -> bool:
        return bool((obj1._meta.app_label == "vault") == (obj2._meta.app_label == "vault"))

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return (db == "vault") == (app_label == "vault")
