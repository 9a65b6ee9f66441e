from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.api.serializers.fields import Sent
from apps.webhooks.outside import LONGEST_ADDRESS
from apps.webhooks.types import DeliveryState, Happening, Trouble

_CHOSEN = [each.value for each in Happening.chosen_among()]


class HookOut(serializers.Serializer[Any]):
    id = serializers.CharField(source="public_id")
    address = serializers.CharField()
    events = serializers.ListField(source="happenings", child=serializers.ChoiceField(_CHOSEN))
    is_on = serializers.BooleanField(source="hook.is_on")
    failing_since = serializers.DateTimeField(source="hook.failing_since", allow_null=True)
    last_arrived_at = serializers.DateTimeField(source="hook.arrived_at", allow_null=True)
    created_at = serializers.DateTimeField(source="hook.created_at")


class HookPage(serializers.Serializer[Any]):
    items = HookOut(many=True)
    total = serializers.IntegerField()
    next = serializers.CharField(allow_null=True, help_text="`cursor` of the next page; null on the last.")


class HookMade(HookOut):
    secret = serializers.SerializerMethodField(
        help_text="Shown this once: null where the same request was carried out before."
    )

    def get_secret(self, _hook: Any) -> str | None:
        return self.context.get("secret") or None


class HookNew(Sent):
    address = serializers.CharField(max_length=LONGEST_ADDRESS)
    events = serializers.ListField(child=serializers.ChoiceField(_CHOSEN), allow_empty=False, max_length=10)


class HookChange(Sent):
    is_on = serializers.BooleanField()


class DeliveryOut(serializers.Serializer[Any]):
    """What became of one message: `id` came with each try in `Webhook-Id`."""

    id = serializers.CharField(source="public_id")
    type = serializers.ChoiceField([each.value for each in Happening], source="happening")
    delivery = serializers.ChoiceField([each.value for each in DeliveryState], source="state")
    created_at = serializers.DateTimeField()
    tries = serializers.IntegerField()
    tried_at = serializers.DateTimeField(allow_null=True)
    status = serializers.IntegerField(allow_null=True, help_text="Of the last answer.")
    trouble = serializers.SerializerMethodField(
        help_text="Why the last try did not arrive; null when it did."
    )

    def get_trouble(self, delivery: Any) -> str | None:
        return Trouble(delivery.trouble).value if delivery.trouble else None


class DeliveryPage(serializers.Serializer[Any]):
    items = DeliveryOut(many=True)
    total = serializers.IntegerField()
    next = serializers.CharField(allow_null=True, help_text="`cursor` of the next page; null on the last.")
