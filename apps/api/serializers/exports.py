from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.api.serializers.fields import Sent
from apps.exports.queries import progress_of
from apps.exports.types import MOST_RUNS, ExportScope, ExportState, Tables

_LONGEST_NAME = 512


class ExportNew(Sent):
    """Without a project everything of the entity that you may export; without runs the whole project. Or your account."""

    scope = serializers.ChoiceField(
        [ExportScope.ACCOUNT.value],
        required=False,
        help_text="Instead of an entity: everything that is held of you. By a key that carries everything.",
    )
    entity = serializers.CharField(max_length=_LONGEST_NAME, required=False)
    project = serializers.CharField(max_length=_LONGEST_NAME, required=False)
    runs = serializers.ListField(
        child=serializers.CharField(max_length=_LONGEST_NAME),
        required=False,
        max_length=MOST_RUNS,
        help_text="Names of runs of the project: the ids in their addresses.",
    )
    tables = serializers.ChoiceField(
        [each.value for each in Tables],
        default=Tables.PARQUET.value,
        help_text="The format of histories. Parquet and JSON Lines keep every value.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "scope" in attrs and attrs.keys() & {"entity", "project", "runs"}:
            raise serializers.ValidationError(
                {"scope": ["An account is exported whole: name nothing beside it."]}
            )
        if attrs.keys().isdisjoint({"scope", "entity"}):
            raise serializers.ValidationError({"entity": ["This field is required."]})
        if "runs" in attrs and "project" not in attrs:
            raise serializers.ValidationError({"project": ["Runs are in a project: name it."]})
        return attrs


class ExportOut(serializers.Serializer[Any]):
    """An export and how far it is. It names nothing of what is in it."""

    id = serializers.CharField(source="public_id")
    entity = serializers.CharField(source="entity.name")
    scope = serializers.ChoiceField([each.value for each in ExportScope])
    tables = serializers.ChoiceField([each.value for each in Tables])
    state = serializers.ChoiceField([each.value for each in ExportState])
    percent = serializers.SerializerMethodField(help_text="Of the bytes to be read, about.")
    seconds_left = serializers.SerializerMethodField(
        help_text="At the pace so far; null while there is nothing to reckon by."
    )
    runs = serializers.IntegerField()
    files = serializers.IntegerField(help_text="In the archive, so far.")
    size = serializers.IntegerField(help_text="Bytes of the archive, so far.")
    trouble = serializers.CharField(help_text="What kind of error broke off the last try; mostly empty.")
    asked_at = serializers.DateTimeField()
    ready_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(
        allow_null=True, help_text="From then on it cannot be fetched, and is erased."
    )

    def get_percent(self, export: Any) -> int:
        return progress_of(export).percent

    def get_seconds_left(self, export: Any) -> int | None:
        return progress_of(export).seconds_left


class ExportList(serializers.Serializer[Any]):
    items = ExportOut(many=True)
