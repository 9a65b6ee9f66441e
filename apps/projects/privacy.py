from __future__ import annotations

from apps.core.privacy import declare
from apps.projects.models import Project

declare(
    Project,
    sealed={"name_index", "sealed_name", "sealed_description"},
    personal={"created_by"},
    plain={
        "id",
        "uuid",
        "public_id",
        "entity",
        "vault_node",
        "visibility",
        "runs_made",
        "created_at",
        "last_activity_at",
    },
    goes_with="entity",
)
