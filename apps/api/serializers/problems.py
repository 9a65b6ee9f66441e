from __future__ import annotations

from typing import Any

from rest_framework import serializers


class FieldProblem(serializers.Serializer[Any]):
    field = serializers.CharField()
    detail = serializers.CharField()


class Problem(serializers.Serializer[Any]):
    """RFC 9457."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField(help_text="Stable, for programs.")
    detail = serializers.CharField(help_text="For people.")
    errors = FieldProblem(many=True, required=False)  # type: ignore[assignment]  # a field of this name is meant
