from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.imports.queries import percent_of, words_of
from apps.imports.readers.opening import HANDED_IN
from apps.imports.types import Clash, ImportState, Origin

_LONGEST_NAME = 512


class ImportQuery(serializers.Serializer[Any]):
    """Into what, and what becomes of a project whose name is in use there."""

    entity = serializers.CharField(max_length=_LONGEST_NAME)
    on_clash = serializers.ChoiceField(
        [each.value for each in Clash],
        default=Clash.SKIP.value,
        help_text="Leave it out, or give it the first number that is free.",
    )
    origin = serializers.ChoiceField(
        [each.value for each in HANDED_IN],
        default=Origin.OWNLOG.value,
        help_text="Which program wrote what is handed in: for mlflow a ZIP of its folder `mlruns`, for neptune one of what neptune-exporter left.",
    )


class ImportOut(serializers.Serializer[Any]):
    """An import and how far it is. What it brings is seen once all of it is there."""

    id = serializers.CharField(source="public_id")
    entity = serializers.CharField(source="entity.name")
    origin = serializers.ChoiceField([each.value for each in Origin])
    on_clash = serializers.ChoiceField([each.value for each in Clash], source="clash")
    state = serializers.ChoiceField([each.value for each in ImportState])
    percent = serializers.SerializerMethodField(help_text="Of its runs and versions of artifacts.")
    projects = serializers.IntegerField()
    runs = serializers.IntegerField()
    versions = serializers.IntegerField(help_text="Of artifacts.")
    left_out = serializers.IntegerField(help_text="Things that could not, or may not, be kept here.")
    trouble = serializers.CharField(
        help_text="What kind of error it was given up for, or waits for; mostly empty."
    )
    detail = serializers.SerializerMethodField(help_text="The same in words.")
    asked_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)

    def get_percent(self, job: Any) -> int:
        return percent_of(job)

    def get_detail(self, job: Any) -> str:
        return words_of(job)


class ImportList(serializers.Serializer[Any]):
    items = ImportOut(many=True)
