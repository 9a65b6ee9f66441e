from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.erasure.types import Cause, Scope, Step


class ErasureOut(serializers.Serializer[Any]):
    """An erasure and how far it is. It names nothing of what is erased."""

    id = serializers.CharField(source="public_id")
    entity = serializers.CharField(source="entity.name")
    kind = serializers.ChoiceField([each.value for each in Scope], source="scope")
    cause = serializers.ChoiceField([each.value for each in Cause])
    step = serializers.ChoiceField(
        [each.value for each in Step], help_text="The step that comes next; done when it is proven and no old copy opens it."
    )
    asked = serializers.IntegerField(
        help_text="How many files, runs, versions, artifacts or projects it is about."
    )
    runs = serializers.IntegerField(help_text="Deleted so far.")
    files = serializers.IntegerField()
    versions = serializers.IntegerField(help_text="Of artifacts.")
    stored_bytes = serializers.IntegerField()
    asked_at = serializers.DateTimeField()
    shredded_at = serializers.DateTimeField(
        allow_null=True, help_text="Since when the keys are destroyed: nobody reads it since."
    )
    bytes_gone_at = serializers.DateTimeField(allow_null=True)
    rows_gone_at = serializers.DateTimeField(allow_null=True)
    proven_at = serializers.DateTimeField(
        allow_null=True, help_text="When each store was asked again and had nothing of it."
    )
    renewed_at = serializers.DateTimeField(
        allow_null=True, help_text="Since when no earlier copy of the key database opens it."
    )
    done_at = serializers.DateTimeField(allow_null=True)


class ErasureList(serializers.Serializer[Any]):
    items = ErasureOut(many=True)
