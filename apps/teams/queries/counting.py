"""Who chose to be counted in the instance's statistics. It is off until its owner says so, and nobody above them can switch it on."""

from __future__ import annotations

from django.db.models import QuerySet

from apps.accounts.models import User
from apps.teams.choices import ON, SettingName
from apps.teams.models import Entity


def counted_entities() -> QuerySet[Entity]:
    """Those whose owner has it on, but for what the operators closed."""
    return Entity.objects.filter(settings__name=SettingName.STATISTICS, settings__value=ON, suspended_at=None)


def next_counted(after: int) -> User | None:
    """The next one who has it on for themselves, by primary keys, behind this one."""
    own = counted_entities().filter(user__is_active=True, user__is_service=False, user_id__gt=after)
    found = own.select_related("user").order_by("user_id").first()
    return None if found is None else found.user
