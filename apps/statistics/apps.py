from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class StatisticsConfig(AppConfig):
    name = "apps.statistics"

    def ready(self) -> None:
        import_module("apps.statistics.privacy")
