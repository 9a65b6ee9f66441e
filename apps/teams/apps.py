from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class TeamsConfig(AppConfig):
    name = "apps.teams"

    def ready(self) -> None:
        import_module("apps.teams.privacy")
        import_module("apps.teams.signals")
        import_module("apps.teams.factors")
