"""The client's delete calls. They answer once the erasure is recorded: nobody finds the thing from then on."""

from __future__ import annotations

from apps.access.policy import Permission
from apps.artifacts.queries import versions_to_delete_with
from apps.core.errors import NotFound
from apps.erasure.artifacts import erase_run_with
from apps.erasure.queries import files_to_erase
from apps.erasure.services import erase_files, erase_project
from apps.projects.queries import get_project_by_id
from apps.runs.queries import get_run_by_id
from apps.wandb_protocol.graphql.context import Fields, Info, Source, actor_in
from apps.wandb_protocol.ids import from_client, project_number


def delete_run(_: None, info: Info, sent: Source) -> Source:
    actor = actor_in(info)
    public_id = from_client("Run", sent["id"], what="run")
    held = get_run_by_id(actor, Permission.RUN_ERASE, public_id=public_id)
    versions = versions_to_delete_with(actor, held) if sent.get("deleteArtifacts") else []
    erase_run_with(held, versions, by=actor)
    return {"clientMutationId": sent.get("clientMutationId")}


def delete_model(_: None, info: Info, sent: Source) -> Source:
    actor = actor_in(info)
    public_id = from_client("Project", sent["id"], what="project")
    erase_project(get_project_by_id(actor, Permission.PROJECT_ERASE, public_id=public_id), by=actor)
    return {"success": True}


def delete_files(_: None, info: Info, sent: Source) -> Source:
    """All of them or none. The client says which project it thinks they are in; files of another are not there."""
    actor, number = actor_in(info), sent.get("projectId")
    files = files_to_erase(
        actor, public_ids=[from_client("File", each, what="file") for each in sent["files"]]
    )
    if number is not None and {project_number(file.run.project.public_id) for file in files} - {number}:
        raise NotFound("There is no such file in this project, or it is not shared with you.")
    erase_files(files, by=actor)
    return {"success": True}


FIELDS: Fields = {
    "Mutation.deleteRun": delete_run,
    "Mutation.deleteModel": delete_model,
    "Mutation.deleteFiles": delete_files,
}
