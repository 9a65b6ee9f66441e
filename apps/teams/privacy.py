from __future__ import annotations

from apps.core.privacy import declare, owe
from apps.teams.models import (
    Entity,
    Invitation,
    Membership,
    Organisation,
    OrganisationMembership,
    ServiceAccount,
    Setting,
)

declare(
    Entity,
    personal={"name"},
    plain={
        "id",
        "public_id",
        "kind",
        "user",
        "organisation",
        "vault_node",
        "created_at",
        "suspended_at",
        "erased_at",
        "erasure_job",
    },
)
declare(Membership, personal={"user"}, plain={"id", "entity", "role", "created_at"}, goes_with="entity")
declare(
    ServiceAccount,
    sealed={"sealed_name"},
    personal={"made_by"},
    plain={"id", "uuid", "public_id", "entity", "user", "created_at", "removed_at"},
    goes_with="entity",
)
declare(Organisation, personal={"name"}, plain={"id", "public_id", "entity", "created_at", "erased_at"})
declare(
    OrganisationMembership,
    personal={"user"},
    plain={"id", "organisation", "role", "created_at"},
    goes_with="organisation",
)
# A row of an organisation's goes with the organisation: one of the two is always there.
declare(
    Setting,
    personal={"set_by"},
    plain={"id", "entity", "organisation", "name", "value", "is_enforced", "set_at"},
    goes_with="entity",
)
# As above: one to an organisation goes with the organisation.
declare(
    Invitation,
    sealed={"sealed_email"},
    personal={"invited_by", "used_by"},
    plain={
        "id",
        "uuid",
        "public_id",
        "entity",
        "organisation",
        "role",
        "secret_sha256_hex",
        "created_at",
        "expires_at",
        "used_at",
        "revoked_at",
    },
    goes_with="entity",
)

_OF_OTHERS = "it tells of somebody else"
owe(Entity, "own-name", told=("public_id", "name", "created_at"))
owe(Membership, "teams", told=("entity", "role", "created_at"))
owe(OrganisationMembership, "organisations", told=("organisation", "role", "created_at"))
owe(Organisation, person="", withheld={"name": "no person's: it stands where you are in it"})
owe(
    ServiceAccount,
    "service-accounts-made",
    person="made_by",
    told=("public_id", "entity", "created_at", "removed_at"),
)
owe(
    Setting,
    "settings-chosen",
    person="set_by",
    told=("entity", "organisation", "name", "value", "is_enforced", "set_at"),
)
_INVITED = (
    "public_id",
    "entity",
    "organisation",
    "role",
    "created_at",
    "expires_at",
    "used_at",
    "revoked_at",
)
owe(
    Invitation,
    "invitations-made",
    person="invited_by",
    told=_INVITED,
    withheld={"used_by": _OF_OTHERS, "sealed_email": _OF_OTHERS},
)
owe(
    Invitation,
    "invitations-accepted",
    person="used_by",
    told=_INVITED,
    withheld={"invited_by": _OF_OTHERS},
)
