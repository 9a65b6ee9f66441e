from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class ErasureConfig(AppConfig):
    name = "apps.erasure"

    def ready(self) -> None:
        from apps.core.waiting import tells_of_work
        from apps.erasure.models import ErasureJob, Rewritten
        from apps.exports.telling import opens
        from apps.projects.stored import stores

        import_module("apps.erasure.privacy")
        stores(Rewritten, "blob__stored_size", owner="part__run__project__entity")
        opens(ErasureJob, "apps.erasure.receipts.receipts_to_tell")
        tells_of_work("apps.erasure.queries.erasures_on_their_way")
