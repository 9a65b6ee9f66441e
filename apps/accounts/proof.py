"""When somebody last showed in this browser who they are: by signing in or up, or by being asked once more."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from allauth.account import app_settings
from allauth.account.internal.flows.login import get_authentication_records

if TYPE_CHECKING:
    from django.http import HttpRequest

    from apps.accounts.models import User


def was_proven_lately(request: HttpRequest, user: User, *, method: str = "") -> bool:
    """Did they show it within the last minutes, by this method if one is named?"""
    records = get_authentication_records(request, user)
    times = [each["at"] for each in records if method in ("", each["method"])]
    return bool(times) and time.time() - times[-1] < app_settings.REAUTHENTICATION_TIMEOUT
