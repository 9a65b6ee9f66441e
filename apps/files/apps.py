from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class FilesConfig(AppConfig):
    name = "apps.files"

    def ready(self) -> None:
        from apps.files.models import RunFile, Thumbnail
        from apps.projects.stored import stores

        import_module("apps.files.privacy")
        stores(RunFile, "blob__stored_size", owner="run__project__entity", are_files=True)
        stores(Thumbnail, "blob__stored_size", owner="file__run__project__entity")
