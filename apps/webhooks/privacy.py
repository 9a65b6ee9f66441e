from __future__ import annotations

from apps.core.privacy import declare, owe
from apps.webhooks.models import Delivery, Hook

# One of a whole entity has no project, and ends with the entity or by hand.
declare(
    Hook,
    sealed={"sealed_address", "sealed_secret"},
    personal={"created_by"},
    plain={
        "id",
        "uuid",
        "public_id",
        "entity",
        "project",
        "happenings",
        "is_on",
        "created_at",
        "failures",
        "failing_since",
        "waits_until",
        "told_at",
        "arrived_at",
    },
    goes_with="project",
)
declare(
    Delivery,
    plain={
        "id",
        "public_id",
        "hook",
        "happening",
        "facts",
        "state",
        "awaits",
        "created_at",
        "due_at",
        "busy_until",
        "tries",
        "tried_at",
        "status",
        "trouble",
        "done_at",
    },
    goes_with="hook",
)

owe(
    Hook,
    "webhooks",
    person="entity__user",
    told=(
        "public_id", "project", "happenings", "is_on", "sealed_address", "created_at", "failing_since", "arrived_at",
    ),
    withheld={"sealed_secret": "whoever has it can tell your program anything"},
)  # fmt: skip
owe(Hook, "webhooks-made", person="created_by", told=("public_id", "entity", "project", "created_at"))
