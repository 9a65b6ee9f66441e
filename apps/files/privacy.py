from __future__ import annotations

from apps.core.privacy import declare
from apps.files.models import RunFile, Thumbnail, WithheldFile

declare(
    RunFile,
    sealed={"name_index", "sealed_name", "sealed_digests"},
    plain={
        "id",
        "uuid",
        "public_id",
        "run",
        "blob",
        "size",
        "is_code",
        "created_at",
        "updated_at",
        "erased_at",
        "erasure_job",
    },
    goes_with="run",
)
declare(
    Thumbnail,
    plain={"id", "file", "blob", "tried_at"},
    goes_with="file",
)
declare(
    WithheldFile,
    sealed={"name_index", "sealed_name"},
    plain={"id", "uuid", "run", "reason", "created_at"},
    goes_with="run",
)
