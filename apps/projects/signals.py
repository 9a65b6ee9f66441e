"""Joining a team is the teams' doing, and they know nothing of projects: what follows here is told by a signal."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_save
from django.dispatch import receiver

from apps.projects.models import ProjectMember
from apps.teams.models import Membership


@receiver(post_save, sender=Membership, dispatch_uid="projects.no_outsider_any_more")
def no_outsider_any_more(sender: object, instance: Membership, created: bool, **kwargs: Any) -> None:
    """Whoever was named from outside is named as one of the team from now on: when they go, they are out."""
    if created:
        named = ProjectMember.objects.filter(project__entity=instance.entity_id, user=instance.user_id)
        named.filter(is_outsider=True).update(is_outsider=False)
