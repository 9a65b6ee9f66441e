"""Django's `migrate`; of the vault's database it asks for the vault's own tables alone.

Django would go through the migrations of all apps there and do nothing in each, which takes as long as to make their tables.
"""

from __future__ import annotations

from typing import Any

from django.core.management.commands import migrate


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        if options["database"] == "vault" and not options["app_label"] and not options["run_syncdb"]:
            options["app_label"] = "vault"
        super().handle(*args, **options)
