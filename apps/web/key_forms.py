"""The form for an API key: what it is called, what it may do, where, and for how long."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.access.policy import Scope
from apps.core import clock
from apps.teams.services import KeyWanted
from apps.teams.services.keys import LONGEST_LIFE
from apps.teams.types import MemberRole

_DAYS = ("30", "90", "365")
_ON_A_DAY = "day"
_LONGEST_NAME = 80


class KeyForm(forms.Form):
    """Sent empty, as by the button on a page that waits for a first run, it is a key that logs and reads, for good."""

    name = forms.CharField(
        required=False,
        max_length=_LONGEST_NAME,
        error_messages={"max_length": gettext_lazy("A name has no more than %(limit_value)d characters.")},
    )
    scope = forms.ChoiceField(
        required=False, error_messages={"invalid_choice": gettext_lazy("There is no such scope.")}
    )
    only = forms.ChoiceField(
        required=False, error_messages={"invalid_choice": gettext_lazy("This is no entity of yours.")}
    )
    lifetime = forms.ChoiceField(
        required=False, error_messages={"invalid_choice": gettext_lazy("There is no such choice.")}
    )
    day = forms.DateField(
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        input_formats=["%Y-%m-%d"],
        error_messages={"invalid": gettext_lazy("This is not a day. Write it as 2027-01-31.")},
    )

    def __init__(
        self,
        *args: Any,
        entities: Iterable[str] = (),
        scopes: Iterable[Scope] = (Scope.WRITE, Scope.READ, Scope.ADMIN),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        says = {
            Scope.WRITE: _("Write: logs runs and reads"),
            Scope.READ: _("Read: reads only"),
            Scope.ADMIN: _("Admin: also keys, people, visibility and settings"),
        }
        choices = {
            "scope": [(scope.value, says[scope]) for scope in scopes],
            "only": [("", _("Everything of yours")), *((name, name) for name in entities)],
            "lifetime": [
                ("", _("Until it is revoked")),
                ("30", _("30 days")),
                ("90", _("90 days")),
                ("365", _("A year")),
                (_ON_A_DAY, _("Until the end of a day (UTC)")),
            ],
        }
        for name, offered in choices.items():
            self.fields[name].choices = offered  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        day = cleaned.get("day")
        if "day" in self.errors or "lifetime" in self.errors or cleaned.get("lifetime") != _ON_A_DAY:
            return cleaned
        if day is None:
            self.add_error("day", _("Which day?"))
        elif day < clock.now().astimezone(UTC).date():
            self.add_error("day", _("Choose a day that is still to come."))
        elif day >= (clock.now() + LONGEST_LIFE).astimezone(UTC).date():
            self.add_error("day", _("A key that ends does so within ten years."))
        return cleaned

    def wanted(self) -> KeyWanted:
        """What a form without errors asks for."""
        data = self.cleaned_data
        return KeyWanted(
            name=data["name"],
            scope=Scope(data["scope"] or Scope.WRITE),
            only=data.get("only", ""),
            expires_at=_end_of(data["lifetime"], data["day"]),
        )


def scopes_of(role: str) -> list[Scope]:
    """The scopes that take something away from this role or leave it whole, what is proposed first."""
    if role == MemberRole.VIEWER.value:
        return [Scope.READ]
    return [Scope.WRITE, Scope.READ, *([Scope.ADMIN] if role == MemberRole.ADMIN.value else [])]


def scope_words(value: str) -> str:
    """A scope in a word or two."""
    return {
        Scope.READ: _("reading"),
        Scope.WRITE: _("logging and reading"),
        Scope.ADMIN: _("all you may do"),
    }[Scope(value)]


def _end_of(lifetime: str, day: Any) -> datetime | None:
    if lifetime in _DAYS:
        return clock.now() + timedelta(days=int(lifetime))
    if lifetime == _ON_A_DAY:
        return datetime.combine(day, time(23, 59, 59), tzinfo=UTC)
    return None
