from __future__ import annotations

from apps.core.privacy import declare
from apps.teams.models import Entity, Membership

declare(Entity, personal={"name"}, plain={"id", "public_id", "kind", "user", "vault_node", "created_at"})
declare(Membership, personal={"user"}, plain={"id", "entity", "role", "created_at"}, goes_with="entity")
