from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class ProjectsConfig(AppConfig):
    name = "apps.projects"

    def ready(self) -> None:
        from apps.projects.services import close_published
        from apps.teams.keeping import follow_when_kept_no_more

        import_module("apps.projects.privacy")
        import_module("apps.projects.signals")
        follow_when_kept_no_more(close_published)
