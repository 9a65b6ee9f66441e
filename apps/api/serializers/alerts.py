from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.runs.types import AlertLevel


class AlertOut(serializers.Serializer[Any]):
    """What a script said by `run.alert()`."""

    id = serializers.CharField(source="public_id")
    run = serializers.CharField(source="run.public_id", help_text="The run’s own id, as in its answers.")
    level = serializers.ChoiceField([each.value for each in AlertLevel])
    title = serializers.CharField()
    text = serializers.CharField()
    raised_at = serializers.DateTimeField()
    repeats = serializers.IntegerField(help_text="How often it was raised again too soon to be told.")
    last_at = serializers.DateTimeField(help_text="The last of these; without one, when it was raised.")


class AlertPage(serializers.Serializer[Any]):
    items = AlertOut(many=True)
    total = serializers.IntegerField()
    next = serializers.CharField(allow_null=True, help_text="`cursor` of the next page; null on the last.")
