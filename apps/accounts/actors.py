"""Who acts: a person (by session or by key), nobody, or the instance itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from apps.access.policy import Scope
from apps.core.ids import UserId

if TYPE_CHECKING:
    from apps.accounts.models import ApiKey, User

SYSTEM_ID = "system"
NOBODY_ID = "nobody"
OPERATOR_ID = "operator"


@dataclass(frozen=True, slots=True)
class Actor:
    """The one who asks, as the gate and the audit trail see them."""

    audit_id: str
    user_id: UserId | None = None
    username: str = ""
    api_key: str = ""  # public id of the key that was used, empty for a browser session
    scope: Scope = Scope.ADMIN  # how much of the person's rights the key carries; a session carries all
    only_entity: int | None = None  # the one entity that the key is good for; elsewhere it is as nobody's
    shares: frozenset[str] = frozenset()  # public ids of the share links that this browser came by
    is_service: bool = False  # a team's own account, for scripts

    @classmethod
    def nobody(cls, *, shares: frozenset[str] = frozenset()) -> Self:
        return cls(audit_id=NOBODY_ID, shares=shares)

    @classmethod
    def system(cls) -> Self:
        return cls(audit_id=SYSTEM_ID)

    @classmethod
    def operator(cls) -> Self:
        """Whoever has a shell on the instance's machine. No gate lets them in: what they may do, they do there."""
        return cls(audit_id=OPERATOR_ID)

    @classmethod
    def person(
        cls, user: User, *, api_key: ApiKey | None = None, shares: frozenset[str] = frozenset()
    ) -> Self:
        return cls(
            audit_id=user.public_id,
            user_id=UserId(user.pk),
            username=user.username,
            api_key=api_key.public_id if api_key else "",
            scope=Scope(api_key.scope) if api_key else Scope.ADMIN,
            only_entity=api_key.only_entity if api_key else None,
            shares=shares,
            is_service=user.is_service,
        )

    @property
    def has_all_rights(self) -> bool:
        """Do they carry everything that the person may do? Not by a key that was given less."""
        return self.scope is Scope.ADMIN and self.only_entity is None

    @property
    def is_at_the_machine(self) -> bool:
        """The instance itself, or an operator: no gate is asked for them, for none would know them."""
        return self.audit_id in {SYSTEM_ID, OPERATOR_ID}

    @property
    def is_signed_in(self) -> bool:
        return self.user_id is not None
