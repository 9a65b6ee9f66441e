from __future__ import annotations

from dataclasses import replace

from apps.access.policy import Permission
from apps.projects.services import get_or_create_project
from apps.runs.queries import get_run_by_id
from apps.runs.services import check_start, start_run, update_run
from apps.wandb_protocol import translate
from apps.wandb_protocol.graphql.context import Fields, Info, Source, actor_in
from apps.wandb_protocol.ids import from_client


def upsert_bucket(_: None, info: Info, sent: Source) -> Source:
    """Start a run, making its project on first use, or change the one that an id or a name means."""
    actor = actor_in(info)
    patch = replace(translate.run_patch(sent), is_part_of_config=info.context.is_shared)
    if sent.get("id"):
        public_id = from_client("Run", sent["id"], what="run")
        held = get_run_by_id(actor, Permission.RUN_WRITE, public_id=public_id)
        return {"bucket": translate.run_facts(update_run(held, patch, by=actor)), "inserted": False}
    check_start(sent.get("name"), patch)
    project = get_or_create_project(actor, entity=sent.get("entityName"), name=sent.get("modelName"))
    opened, inserted = start_run(project, name=sent.get("name"), by=actor, patch=patch)
    bucket = translate.run_facts(opened)
    if info.context.is_shared:
        # The client would number its lines from here on, but each writer of a shared run counts for itself.
        bucket["historyLineCount"] = 0
    return {"bucket": bucket, "inserted": inserted}


FIELDS: Fields = {"Mutation.upsertBucket": upsert_bucket}
