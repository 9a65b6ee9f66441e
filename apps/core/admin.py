from __future__ import annotations

from typing import Any, TypeVar

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from apps.core.privacy import declared

M = TypeVar("M", bound=Model)


class ReadOnlyAdmin(admin.ModelAdmin[M]):
    """Operators look and change nothing here; fields that hold content are not even listed."""

    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False

    def get_fields(self, request: HttpRequest, obj: M | None = None) -> Any:
        declaration = declared()[self.model]
        return [field.name for field in self.model._meta.fields if field.name not in declaration.sealed]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        return None

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        return None
