from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.api.serializers.erasures import ErasureOut


class AccountErase(serializers.Serializer[Any]):
    """The word and the proof."""

    name = serializers.CharField(
        max_length=39, help_text="Your user name, so that it is this account that is meant."
    )
    password = serializers.CharField(
        max_length=4096,
        trim_whitespace=False,
        required=False,
        default="",
        allow_blank=True,
        write_only=True,
        help_text="Your password, where an API key asks.",
    )


class AccountClosed(serializers.Serializer[Any]):
    erasure = ErasureOut(source="job")
    link = serializers.CharField(
        allow_null=True,
        help_text="What takes the account back and leads to the receipt, shown this once; null where it was mailed.",
    )
