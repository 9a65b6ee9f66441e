from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class PlansConfig(AppConfig):
    name = "apps.plans"

    def ready(self) -> None:
        from apps.plans.queries import is_entitled
        from apps.teams.founding import entitle_by

        import_module("apps.plans.privacy")
        import_module("apps.plans.signals")
        entitle_by(is_entitled)
