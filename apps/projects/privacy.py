from __future__ import annotations

from apps.core.privacy import declare, owe
from apps.projects.models import Project, ProjectMember, ProjectTeam, SavedView, ShareLink

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
        "run_retention",
        "runs_made",
        "created_at",
        "last_activity_at",
        "brought_at",
        "erased_at",
        "erasure_job",
    },
    goes_with="entity",
)
declare(
    ProjectMember,
    personal={"user"},
    plain={"id", "project", "role", "is_outsider", "created_at"},
    goes_with="project",
)
declare(ProjectTeam, plain={"id", "project", "team", "role", "created_at"}, goes_with="project")
declare(
    ShareLink,
    sealed={"sealed_label"},
    personal={"created_by"},
    plain={
        "id",
        "uuid",
        "public_id",
        "project",
        "secret_sha256_hex",
        "created_at",
        "expires_at",
        "revoked_at",
    },
    goes_with="project",
)
declare(
    SavedView,
    sealed={"sealed_name", "sealed_table"},
    plain={"id", "uuid", "public_id", "project", "created_at", "changed_at"},
    goes_with="project",
)

owe(Project, "projects-made", person="created_by", told=("public_id", "entity", "created_at"))
owe(ProjectMember, "projects-named-in", told=("project", "role", "created_at"))
owe(
    ShareLink,
    "share-links-made",
    person="created_by",
    told=("public_id", "project", "created_at", "expires_at", "revoked_at"),
)
