from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class ExportsConfig(AppConfig):
    name = "apps.exports"

    def ready(self) -> None:
        from apps.core.waiting import tells_of_work
        from apps.exports.models import ExportPiece
        from apps.projects.stored import stores

        import_module("apps.exports.privacy")
        stores(ExportPiece, "blob__stored_size", owner="export__entity")
        tells_of_work("apps.exports.queries.exports_on_their_way")
