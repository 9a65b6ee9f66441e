from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class FilesConfig(AppConfig):
    name = "apps.files"

    def ready(self) -> None:
        import_module("apps.files.privacy")
