from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.api.serializers.fields import JsonObject, Sent

# Beyond these a double no longer tells one step from the next.
_STEPS: dict[str, Any] = {"min_value": -(2**53), "max_value": 2**53}


class HistoryQuery(serializers.Serializer[Any]):
    key = serializers.ListField(
        child=serializers.CharField(max_length=2_000, trim_whitespace=False),
        default=list,
        max_length=1_000,
        help_text="Only these, by dotted name; rows that have none of them are left out. Whole rows without it.",
    )
    first_step = serializers.IntegerField(default=None, help_text="From this step on.", **_STEPS)
    last_step = serializers.IntegerField(default=None, help_text="Up to this step, included.", **_STEPS)
    samples = serializers.IntegerField(
        default=None,
        min_value=1,
        max_value=10_000,
        help_text="So many rows, evenly spread, with the last; with `key`, of the rows that have all of them.",
    )


class Rows(Sent):
    rows = serializers.ListField(
        child=JsonObject(),
        default=list,
        help_text="In their order. A row without `_step` is given the next one, without `_timestamp` the present.",
    )


class Added(serializers.Serializer[Any]):
    first_line = serializers.IntegerField(help_text="The number of the first row that was added.")
    line_count = serializers.IntegerField()


class Key(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="Dotted.")
    types = serializers.DictField(child=serializers.IntegerField(), help_text="How many values of each type.")
    count = serializers.IntegerField()
    last_step = serializers.JSONField(allow_null=True)


class Keys(serializers.Serializer[Any]):
    keys = Key(many=True)
    last_step = serializers.JSONField(allow_null=True)


class ConsoleQuery(serializers.Serializer[Any]):
    first = serializers.IntegerField(
        default=0, min_value=0, max_value=2**40, help_text="The first line, from 0."
    )
    count = serializers.IntegerField(
        default=None, min_value=0, max_value=2**40, help_text="How many lines; all that follow without it."
    )
