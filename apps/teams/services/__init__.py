from apps.teams.services.entities import (
    add_member,
    create_account,
    create_account_with_key,
    create_team,
    register,
)
from apps.teams.services.settings import choose

__all__ = [
    "add_member",
    "choose",
    "create_account",
    "create_account_with_key",
    "create_team",
    "register",
]
