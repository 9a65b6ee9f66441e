from __future__ import annotations

from apps.core.privacy import declare
from apps.plans.models import Entitlement

declare(
    Entitlement,
    personal={"granted_by"},
    plain={"id", "user", "plan", "granted_at", "until"},
    goes_with="user",
)
