from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.http import HttpRequest

from apps.core.errors import OwnlogError
from apps.core.privacy import declared

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin


class ReadOnlyAdmin(ModelAdmin):
    """Operators look and change nothing here; fields that hold content are not even listed."""

    hidden: frozenset[str] = frozenset()  # secrets that are no content: hashes of passwords and keys
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        kept_back = declared()[self.model].sealed | self.hidden
        return [field.name for field in self.model._meta.fields if field.name not in kept_back]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Only the filters that the page offers: `?password__startswith=` would tell a hash letter by letter."""
        return lookup.split("__")[0] in self.list_filter

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    # ── What operators do is noted: in their own log by opaque ids, and for the owner by whoever watches ──

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Each page about one row fetches it here."""
        found = super().get_object(request, object_id, from_field)
        if found is not None:
            _tell(request, [found], is_list=False)
        return found

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        answer = super().changelist_view(request, extra_context)
        shown = getattr(answer, "context_data", None) or {}
        if "cl" in shown:
            _tell(request, list(shown["cl"].result_list), is_list=True)
        return answer

    def act_on_each(
        self, request: HttpRequest, rows: Iterable[Any], act: Callable[..., None], word: str
    ) -> None:
        """Carry out an operator's act on the rows that they chose; what is refused is told and stops none of the others."""
        for row in rows:
            try:
                act(row, by=request.actor)  # type: ignore[attr-defined]
            except OwnlogError as error:
                self.message_user(request, error.public_message, messages.ERROR)
            else:
                self.log_change(request, row, word)

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        """`message` is a word of ours. The row's own words stay out, the name that it prints too."""
        return LogEntry.objects.create(
            user_id=request.actor.user_id,  # type: ignore[attr-defined]
            content_type=ContentType.objects.get_for_model(obj),
            object_id=obj.pk,
            object_repr=opaque(obj),
            action_flag=CHANGE,
            change_message=str(message),
        )

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        raise TypeError("Nothing is added in the admin.")

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        raise TypeError("Nothing is deleted in the admin.")


def opaque(row: Model) -> str:
    """What names a row without a word of anybody's."""
    return str(getattr(row, "public_id", row.pk))


Watcher = Callable[[HttpRequest, "list[Model]", bool], None]
_watchers: list[Watcher] = []


def watch(watcher: Watcher) -> None:
    """Have `watcher` told which rows an operator looks at, and whether in a list. For apps above this one."""
    _watchers.append(watcher)


def _tell(request: HttpRequest, rows: list[Model], *, is_list: bool) -> None:
    for watcher in _watchers:
        watcher(request, rows, is_list)
