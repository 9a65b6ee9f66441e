from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class WandbProtocolConfig(AppConfig):
    name = "apps.wandb_protocol"

    def ready(self) -> None:
        import_module("apps.wandb_protocol.access")
