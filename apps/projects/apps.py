from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class ProjectsConfig(AppConfig):
    name = "apps.projects"

    def ready(self) -> None:
        import_module("apps.projects.privacy")
        import_module("apps.projects.signals")
