from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class ImportsConfig(AppConfig):
    name = "apps.imports"

    def ready(self) -> None:
        from apps.core.waiting import tells_of_work
        from apps.imports.models import Import
        from apps.projects.stored import stores

        import_module("apps.imports.privacy")
        stores(Import, "archive__stored_size", owner="entity")
        tells_of_work("apps.imports.queries.imports_on_their_way")
