from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.access.policy import Scope
from apps.api.serializers.fields import Sent
from apps.teams.types import MemberRole

_NAME = 80


class KeyOut(serializers.Serializer[Any]):
    """An API key. Its secret is in the answer that makes it, and nowhere else."""

    id = serializers.CharField(source="public_id", help_text="Opaque, never changes.")
    name = serializers.CharField(help_text="Empty without one.")
    hint = serializers.CharField(help_text="The last four letters of the secret.")
    scope = serializers.ChoiceField(choices=[scope.value for scope in Scope])
    entity = serializers.CharField(
        source="only",
        allow_null=True,
        help_text="The one it is good for; null for all, empty when that is gone.",
    )
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True, help_text="To the minute.")
    expires_at = serializers.DateTimeField(allow_null=True)
    is_expired = serializers.BooleanField()


class KeyPage(serializers.Serializer[Any]):
    items = KeyOut(many=True)
    total = serializers.IntegerField()
    next = serializers.CharField(allow_null=True, help_text="`cursor` of the next page; null on the last.")


class KeyMade(KeyOut):
    secret = serializers.SerializerMethodField(
        help_text="Shown this once: null where the same request was carried out before."
    )

    def get_secret(self, key: Any) -> str | None:
        return str(self.context["secret"]) or None


class ServiceKeyNew(Sent):
    name = serializers.CharField(default="", allow_blank=True, max_length=_NAME, help_text="Is sealed.")
    scope = serializers.ChoiceField(default=Scope.WRITE.value, choices=[scope.value for scope in Scope])
    expires_at = serializers.DateTimeField(
        default=None, allow_null=True, help_text="Null for one that is good until it is revoked."
    )


class KeyNew(ServiceKeyNew):
    entity = serializers.CharField(
        default="",
        allow_blank=True,
        max_length=100,
        help_text="The one that it is to be good for; all without it.",
    )


class ServiceOut(serializers.Serializer[Any]):
    """A team's own account for scripts."""

    id = serializers.CharField(source="public_id", help_text="Opaque, never changes.")
    name = serializers.CharField()
    handle = serializers.CharField(help_text="What stands for it where user names stand.")
    role = serializers.ChoiceField(choices=[role.value for role in MemberRole])
    key_count = serializers.IntegerField(source="keys", help_text="Keys that are not revoked.")
    made_by = serializers.CharField(help_text="A user name; empty when the account is gone.")
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True, help_text="To the minute.")


class ServicePage(serializers.Serializer[Any]):
    items = ServiceOut(many=True)
    total = serializers.IntegerField()
    next = serializers.CharField(allow_null=True, help_text="`cursor` of the next page; null on the last.")


class ServiceNew(Sent):
    name = serializers.CharField(max_length=_NAME, help_text="Is sealed.")
    role = serializers.ChoiceField(
        default=MemberRole.MEMBER.value, choices=[role.value for role in MemberRole]
    )
