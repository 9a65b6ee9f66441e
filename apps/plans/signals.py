"""A request goes with its person, by a cascade of Django's that calls no service: its key goes first then, too."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import pre_delete
from django.dispatch import receiver

from apps.plans.models import PlanRequest
from apps.vault.tree import erase_node
from apps.vault.types import NodeId


@receiver(pre_delete, sender=PlanRequest, dispatch_uid="plans.key_first")
def key_first(sender: object, instance: PlanRequest, **kwargs: Any) -> None:
    erase_node(NodeId(instance.vault_node))
