from __future__ import annotations

from apps.artifacts.models import (
    Alias,
    Collection,
    EntryPage,
    Link,
    Manifest,
    Promotion,
    Registry,
    RunVersion,
    StoredFile,
    Version,
    WithheldArtifact,
)
from apps.core.privacy import declare, owe

declare(
    Collection,
    sealed={"name_index", "type_index", "client_index", "sealed_words"},
    personal={"created_by"},
    plain={
        "id",
        "uuid",
        "public_id",
        "project",
        "vault_node",
        "kind",
        "versions_made",
        "created_at",
        "updated_at",
        "erased_at",
        "erasure_job",
    },
    goes_with="project",
)
declare(
    Version,
    sealed={"digest_index", "client_index", "distributed_index", "sealed_words"},
    personal={"created_by"},
    plain={
        "id", "uuid", "public_id", "collection", "vault_node", "number", "state", "size", "file_count", "ttl_seconds",
        "created_at", "touched_at", "updated_at", "committed_at", "erased_at", "erasure_job",
    },
    goes_with="collection",
)  # fmt: skip
declare(
    Alias,
    sealed={"alias_index", "sealed_alias"},
    plain={"id", "uuid", "collection", "version", "created_at"},
    goes_with="version",
)
declare(
    Link,
    personal={"created_by"},
    plain={"id", "public_id", "collection", "version", "number", "created_at"},
    goes_with="collection",
)
declare(
    Promotion,
    sealed={"sealed_alias"},
    personal={"by"},
    plain={"id", "uuid", "collection", "move", "number", "before", "at"},
    goes_with="collection",
)
declare(
    Registry,
    sealed={"sealed_words"},
    plain={"id", "uuid", "project", "takes_all_types", "updated_at"},
    goes_with="project",
)
declare(
    StoredFile,
    sealed={"digest_index"},
    plain={"id", "public_id", "project", "blob", "birth", "created_at"},
    goes_with="birth",
)
declare(
    Manifest,
    sealed={"sealed_digest"},
    plain={"id", "uuid", "public_id", "version", "kind", "blob", "is_current", "created_at"},
    goes_with="version",
)
declare(
    EntryPage,
    sealed={"sealed_entries"},
    plain={"id", "uuid", "version", "number"},
    goes_with="version",
)
declare(
    RunVersion,
    plain={"id", "run", "version", "role", "created_at"},
    goes_with="run",
)
declare(
    WithheldArtifact,
    sealed={"name_index", "sealed_name"},
    plain={"id", "uuid", "run", "created_at"},
    goes_with="run",
)

_MADE = ("public_id", "project", "created_at")
owe(Collection, "artifacts-made", person="created_by", told=(*_MADE, "kind"))
owe(
    Version,
    "versions-made",
    person="created_by",
    told=("public_id", "collection", "number", "state", "created_at"),
)
owe(Link, "links-made", person="created_by", told=("public_id", "collection", "created_at"))
owe(Promotion, "links-moved", person="by", told=("collection", "move", "at"))
