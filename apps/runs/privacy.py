from __future__ import annotations

from apps.core.privacy import declare, owe
from apps.runs.models import Alert, Chunk, Run, Segment, StreamPosition

declare(
    Run,
    sealed={"name_index", "sealed_head", "sealed_config", "sealed_summary", "sealed_keys"},
    personal={"created_by"},
    plain={
        "id",
        "uuid",
        "public_id",
        "project",
        "number",
        "vault_node",
        "state",
        "exit_code",
        "version",
        "history_lines",
        "event_lines",
        "output_lines",
        "created_at",
        "heartbeat_at",
        "finished_at",
        "stop_requested_at",
        "erased_at",
        "erasure_job",
        "is_back_soon",
        "renewed_at",
    },
    goes_with="project",
)
declare(
    Alert,
    sealed={"title_index", "words_index", "sealed_words"},
    personal={"reached"},
    plain={"id", "uuid", "public_id", "run", "raised_at", "repeats", "last_at", "told_at"},
    goes_with="run",
)
declare(
    StreamPosition,
    sealed={"writer"},
    plain={"id", "run", "stream", "next_line", "is_complete"},
    goes_with="run",
)
_LINES = {"id", "uuid", "run", "stream", "first_line", "line_count"}
declare(Chunk, sealed={"writer", "payload"}, plain=_LINES | {"stored_bytes"}, goes_with="run")
declare(Segment, sealed={"writer", "sealed_facts"}, plain=_LINES | {"blob"}, goes_with="run")

owe(
    Alert,
    person="",
    withheld={"reached": "a note of a day at most, so that nobody is mailed twice of one alert"},
)
owe(Run, "runs-made", person="created_by", told=("public_id", "project", "state", "created_at"))
