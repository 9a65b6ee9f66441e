from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    name = "apps.webhooks"

    def ready(self) -> None:
        from apps.core.waiting import tells_of_work

        import_module("apps.webhooks.privacy")
        tells_of_work("apps.webhooks.queries.deliveries_that_wait")
