from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "apps.audit"

    def ready(self) -> None:
        import_module("apps.audit.privacy")
        import_module("apps.core.admin").watch(import_module("apps.audit.watching").note_seen)
