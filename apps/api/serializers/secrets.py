from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.api.serializers.fields import Sent
from apps.code_saving.credentials import Detector
from apps.leaks.types import Place, State

_MOST_AT_ONCE = 200


class SecretOut(serializers.Serializer[Any]):
    """Where something looks like a secret, and like which. The value is in no answer."""

    id = serializers.CharField(source="public_id")
    decision = serializers.ChoiceField([each.value for each in State], source="state")
    kind = serializers.ChoiceField([each.value for each in Detector], source="spot.detector")
    place = serializers.ChoiceField([each.value for each in Place], source="spot.place")
    path = serializers.SerializerMethodField(help_text="In the config: keys and places in lists.")
    line = serializers.SerializerMethodField(help_text="Of the console or the file, from 0.")
    file = serializers.CharField(source="spot.file", help_text="Empty but for files.")
    version = serializers.CharField(source="spot.version", help_text="Of an artifact, its id; else empty.")
    found_at = serializers.DateTimeField()

    def get_path(self, finding: Any) -> list[str]:
        return [str(part) for part in finding.spot.path]

    def get_line(self, finding: Any) -> int | None:
        return None if finding.spot.place is Place.CONFIG else int(finding.spot.line)


class SecretList(serializers.Serializer[Any]):
    items = SecretOut(many=True)


class NoSecrets(Sent):
    ids = serializers.ListField(
        child=serializers.CharField(max_length=20), max_length=_MOST_AT_ONCE, allow_empty=True
    )
