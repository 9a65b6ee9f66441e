"""Django's `migrate`; of the vault's database it asks for the vault's own tables alone.

Django would go through the migrations of all apps there and do nothing in each, which takes as long as to make their tables.
"""

from __future__ import annotations

from typing import Any

from django.core.management.commands import migrate
from django.db.migrations.loader import MigrationLoader


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        is_whole = not options["app_label"] and not options["run_syncdb"]
        has_any = (
            MigrationLoader.migrations_module("vault")[0] is not None
        )  # a test's tables may be made without
        if options["database"] == "vault" and is_whole and has_any:
            options["app_label"] = "vault"
        super().handle(*args, **options)
