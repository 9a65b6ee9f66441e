from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class RunsConfig(AppConfig):
    name = "apps.runs"

    def ready(self) -> None:
        from apps.projects.stored import stores
        from apps.runs.models import Chunk, Segment

        import_module("apps.runs.privacy")
        stores(Chunk, "stored_bytes", owner="run__project__entity")
        stores(Segment, "blob__stored_size", owner="run__project__entity")
