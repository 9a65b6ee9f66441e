from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class LeaksConfig(AppConfig):
    name = "apps.leaks"

    def ready(self) -> None:
        from apps.leaks.models import Finding, Scan
        from apps.leaks.notes import PROGRESS_LABEL, SPOT_LABEL, spot_name
        from apps.leaks.queries import count_open_in
        from apps.projects.showing import shows_secrets
        from apps.runs.resealing import Index, lies_under_a_run

        import_module("apps.leaks.privacy")
        shows_secrets(count_open_in)
        lies_under_a_run(Finding, {"sealed_spot": SPOT_LABEL}, Index("spot_index", SPOT_LABEL, spot_name))
        lies_under_a_run(Scan, {"sealed_progress": PROGRESS_LABEL})
