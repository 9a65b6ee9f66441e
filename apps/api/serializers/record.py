from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.api.serializers.fields import PageQuery
from apps.audit.events import EventKind


@extend_schema_field({"type": "array", "items": {"type": "string"}})
class Kinds(serializers.MultipleChoiceField):
    """Some of the kinds of docs/glossary.md; the schema does not list them, for they grow."""


class EventOut(serializers.Serializer[Any]):
    """A line of the audit record. Names are looked up as it is read: null for who or what is gone."""

    id = serializers.IntegerField(source="event.pk")
    at = serializers.DateTimeField(source="event.at")
    kind = serializers.CharField(source="event.kind", help_text="From the list in docs/glossary.md.")
    subject = serializers.CharField(source="event.subject", help_text="Opaque id of what it happened to.")
    project_id = serializers.CharField(source="event.project", help_text="Empty where it lies in no project.")
    project = serializers.SerializerMethodField()
    by_id = serializers.CharField(
        source="event.by", help_text="Opaque; or `nobody`, `operator` (on the machine), `system`."
    )
    by = serializers.SerializerMethodField()
    facts = serializers.DictField(source="event.facts", help_text="Counts and states.")
    number = serializers.IntegerField(
        source="link.number",
        allow_null=True,
        default=None,
        help_text="Its place in the chain; null for seconds.",
    )
    previous_sha256 = serializers.CharField(source="link.previous_sha256_hex", allow_null=True, default=None)
    sha256 = serializers.CharField(source="link.sha256_hex", allow_null=True, default=None)

    def get_project(self, line: Any) -> str | None:
        return line.project.name if line.project else None

    def get_by(self, line: Any) -> str | None:
        return line.who or None


class EventPage(serializers.Serializer[Any]):
    items = EventOut(many=True)
    next = serializers.CharField(allow_null=True, help_text="`cursor` of the next page; null on the last.")


class EventQuery(PageQuery):
    kind = Kinds(
        choices=[kind.value for kind in EventKind], required=False, help_text="Only these; may be repeated."
    )
    project = serializers.CharField(
        default="", allow_blank=True, max_length=40, help_text="Only this project, by its id."
    )
    by = serializers.CharField(
        default="",
        allow_blank=True,
        max_length=39,
        help_text="Only this person, by user name; or `nobody`, `operator`, `system`.",
    )
    since = serializers.DateTimeField(default=None, allow_null=True)
    until = serializers.DateTimeField(default=None, allow_null=True, help_text="Not itself.")
