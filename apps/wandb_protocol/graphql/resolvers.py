"""Every field that is more than a key of its source, gathered from the files of this folder."""

from __future__ import annotations

from apps.wandb_protocol.graphql import (
    api_keys,
    artifact_acts,
    artifact_uploads,
    artifacts,
    entities,
    erasing,
    files,
    history,
    linking,
    log_lines,
    members,
    projects,
    registries,
    registry_acts,
    resume,
    run_acts,
    run_lists,
    runs,
    server_info,
    team_acts,
    upsert_bucket,
    viewer,
)
from apps.wandb_protocol.graphql.context import Fields

RESOLVERS: Fields = {
    **api_keys.FIELDS,
    **artifact_acts.FIELDS,
    **artifact_uploads.FIELDS,
    **artifacts.FIELDS,
    **entities.FIELDS,
    **erasing.FIELDS,
    **files.FIELDS,
    **history.FIELDS,
    **linking.FIELDS,
    **log_lines.FIELDS,
    **members.FIELDS,
    **projects.FIELDS,
    **registries.FIELDS,
    **registry_acts.FIELDS,
    **resume.FIELDS,
    **run_acts.FIELDS,
    **run_lists.FIELDS,
    **runs.FIELDS,
    **server_info.FIELDS,
    **team_acts.FIELDS,
    **upsert_bucket.FIELDS,
    **viewer.FIELDS,
}
