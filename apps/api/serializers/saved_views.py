from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.api.serializers.fields import Sent
from apps.projects.types import LONGEST_VIEW_NAME

_TABLE = (
    "What the address of the project’s page says of its table, as lists of texts: `q` (conditions), `order`, `col`, `pin`, "
    "`group`, `open`, and what the charts draw (`first`, `hide`, `show`, …). Without `col` those columns that tell the runs apart."
)


def _table(**more: Any) -> serializers.DictField:
    texts = serializers.ListField(child=serializers.CharField(max_length=2000), max_length=400)
    return serializers.DictField(child=texts, help_text=_TABLE, **more)


class ViewOut(serializers.Serializer[Any]):
    id = serializers.CharField(source="public_id")
    name = serializers.CharField()
    table = _table()
    created_at = serializers.DateTimeField(source="view.created_at")
    changed_at = serializers.DateTimeField(source="view.changed_at")


class ViewPage(serializers.Serializer[Any]):
    items = ViewOut(many=True)
    total = serializers.IntegerField()
    next = serializers.CharField(allow_null=True, help_text="`cursor` of the next page; null on the last.")
    unreadable = serializers.ListField(
        child=serializers.CharField(), help_text="Ids of views that are damaged. They can be deleted."
    )


class ViewNew(Sent):
    name = serializers.CharField(max_length=LONGEST_VIEW_NAME)
    table = _table(default=dict)


class ViewChanges(Sent):
    name = serializers.CharField(max_length=LONGEST_VIEW_NAME, required=False)
    table = _table(required=False)
