from __future__ import annotations

from graphql import GraphQLResolveInfo

from apps.access.policy import Permission
from apps.projects.services import get_or_create_project
from apps.runs.queries import get_run_by_id
from apps.runs.services import start_run, update_run
from apps.wandb_protocol import translate
from apps.wandb_protocol.graphql.context import Source, actor_in
from apps.wandb_protocol.ids import from_client


def upsert_bucket(_: None, info: GraphQLResolveInfo, input: Source) -> Source:
    """Start a run, making its project on first use, or change the one that an id or a name means."""
    actor = actor_in(info)
    patch = translate.run_patch(input)
    if input.get("id"):
        public_id = from_client("Run", input["id"], what="run")
        held = get_run_by_id(actor, Permission.RUN_WRITE, public_id=public_id)
        return {"bucket": translate.run_facts(update_run(held, patch, by=actor)), "inserted": False}
    project = get_or_create_project(actor, entity=input.get("entityName"), name=input.get("modelName"))
    opened, inserted = start_run(project, name=input.get("name"), by=actor, patch=patch)
    return {"bucket": translate.run_facts(opened), "inserted": inserted}


FIELDS = {"Mutation.upsertBucket": upsert_bucket}
