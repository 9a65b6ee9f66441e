"""What a link to set a new password is good for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allauth.account.utils import user_email
from django.contrib.auth.tokens import PasswordResetTokenGenerator

if TYPE_CHECKING:
    from apps.accounts.models import User


class ResetTokens(PasswordResetTokenGenerator):
    """For the address that it was mailed to, and for an account that can be opened: neither one that is suspended nor one that
    waits to be erased is given another password meanwhile."""

    def _make_hash_value(self, user: Any, timestamp: int) -> str:
        return f"{super()._make_hash_value(user, timestamp)}{user_email(user)}"

    def check_token(self, user: User | None, token: str | None) -> bool:
        return user is not None and user.is_active and super().check_token(user, token)
