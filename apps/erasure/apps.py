from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class ErasureConfig(AppConfig):
    name = "apps.erasure"

    def ready(self) -> None:
        from apps.erasure.queries import erasures_on_their_way
        from apps.files.backlog import tells_of_work

        import_module("apps.erasure.privacy")
        tells_of_work(erasures_on_their_way)
