from apps.teams.founding import may_create_team
from apps.teams.services.entities import (
    add_member,
    create_account,
    create_account_with_key,
    create_team,
    found_team,
    register,
)
from apps.teams.services.invitations import (
    accept_invitation,
    forget_ended,
    invite,
    invite_by_mail,
    revoke_invitation,
    withdraw_all_to,
)
from apps.teams.services.keys import KeyWanted, make_key
from apps.teams.services.members import change_role, hand_over, leave, remove_member, role_named
from apps.teams.services.organisations import (
    add_team,
    create_organisation,
    entity_of_registries,
    let_all_teams_go,
    let_team_go,
)
from apps.teams.services.service_accounts import (
    change_service_role,
    forget_services_without_a_team,
    make_service_account,
    make_service_key,
    remove_service_account,
    revoke_left_over_keys,
    revoke_service_key,
)
from apps.teams.services.settings import choose, unset

__all__ = [
    "KeyWanted",
    "accept_invitation",
    "add_member",
    "add_team",
    "change_role",
    "change_service_role",
    "choose",
    "create_account",
    "create_account_with_key",
    "create_organisation",
    "create_team",
    "entity_of_registries",
    "forget_ended",
    "forget_services_without_a_team",
    "found_team",
    "hand_over",
    "invite",
    "invite_by_mail",
    "leave",
    "let_all_teams_go",
    "let_team_go",
    "make_key",
    "make_service_account",
    "make_service_key",
    "may_create_team",
    "register",
    "remove_member",
    "remove_service_account",
    "revoke_invitation",
    "revoke_left_over_keys",
    "revoke_service_key",
    "role_named",
    "unset",
    "withdraw_all_to",
]
