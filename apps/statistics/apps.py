from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class StatisticsConfig(AppConfig):
    name = "apps.statistics"

    def ready(self) -> None:
        from apps.exports.telling import tells_beside

        import_module("apps.statistics.privacy")
        tells_beside("statistics", "apps.statistics.queries.contributions_to_tell")
