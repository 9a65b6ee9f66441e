from __future__ import annotations

from django.apps import AppConfig


class CodeSavingConfig(AppConfig):
    name = "apps.code_saving"
