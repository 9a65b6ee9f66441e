from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class ArtifactsConfig(AppConfig):
    name = "apps.artifacts"

    def ready(self) -> None:
        import_module("apps.artifacts.privacy")
