"""Who acts: a person (by session or by key), nobody, or the instance itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from apps.core.ids import UserId

if TYPE_CHECKING:
    from apps.accounts.models import ApiKey, User

SYSTEM_ID = "system"
NOBODY_ID = "nobody"


@dataclass(frozen=True, slots=True)
class Actor:
    """The one who asks, as the gate and the audit trail see them."""

    audit_id: str
    user_id: UserId | None = None
    username: str = ""
    api_key: str = ""  # public id of the key that was used, empty for a browser session

    @classmethod
    def nobody(cls) -> Self:
        return cls(audit_id=NOBODY_ID)

    @classmethod
    def system(cls) -> Self:
        return cls(audit_id=SYSTEM_ID)

    @classmethod
    def person(cls, user: User, *, api_key: ApiKey | None = None) -> Self:
        return cls(
            audit_id=user.public_id,
            user_id=UserId(user.pk),
            username=user.username,
            api_key=api_key.public_id if api_key else "",
        )

    @property
    def is_signed_in(self) -> bool:
        return self.user_id is not None
