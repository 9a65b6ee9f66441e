from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.core import jsontext


@extend_schema_field({"type": "object", "additionalProperties": {}})
class JsonObject(serializers.Field[str, Any, Any, Any]):
    """An object that is kept as its JSON text: numbers of any size, NaN and infinities stay what they are."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, dict):
            raise serializers.ValidationError("This has to be a JSON object.")
        return jsontext.dumps(data)

    def to_representation(self, value: str) -> Any:
        return jsontext.loads(value)


class Sent(serializers.Serializer[Any]):
    """What a client sends. A field that does not exist is refused: a slip of the pen would pass in silence."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            unknown = sorted(set(map(str, data)) - set(self.fields))
            if unknown:
                raise serializers.ValidationError(
                    {name[:100]: ["There is no such field."] for name in unknown[:20]}
                )
        return super().to_internal_value(data)


class PageQuery(serializers.Serializer[Any]):
    limit = serializers.IntegerField(min_value=1, max_value=500, default=50, help_text="Entries in a page.")
    cursor = serializers.CharField(
        default="",
        allow_blank=True,
        max_length=100,
        help_text="`next` of the page before; the first page without.",
    )
