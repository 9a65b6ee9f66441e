from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class ErasureConfig(AppConfig):
    name = "apps.erasure"

    def ready(self) -> None:
        from apps.core.waiting import tells_of_work

        import_module("apps.erasure.privacy")
        tells_of_work("apps.erasure.queries.erasures_on_their_way")
