from __future__ import annotations

from typing import Any

from rest_framework import serializers


class FileOut(serializers.Serializer[Any]):
    id = serializers.CharField(source="file.public_id", help_text="Opaque, never changes.")
    name = serializers.CharField(help_text="With / between folders.")
    size = serializers.IntegerField(help_text="In bytes.")
    md5_base64 = serializers.CharField()
    sha256_hex = serializers.CharField()
    created_at = serializers.DateTimeField(source="file.created_at")
    updated_at = serializers.DateTimeField(source="file.updated_at")


class FilePage(serializers.Serializer[Any]):
    items = FileOut(many=True)
    total = serializers.IntegerField()
    next = serializers.CharField(allow_null=True, help_text="`cursor` of the next page; null on the last.")
