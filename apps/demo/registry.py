"""The registry of the demo's organisation: a model of its team in two versions, of which one is in production."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.accounts.actors import Actor
from apps.artifacts.services import add_link_aliases, create_registry, link_version, update_registry
from apps.artifacts.types import NewVersion
from apps.core import jsontext
from apps.demo.artifacts import log_version
from apps.projects.services import get_or_create_project, name_in_registry
from apps.projects.types import RegistryRole

if TYPE_CHECKING:
    from apps.teams.models import Entity, Organisation


def add_registry(institute: Organisation, team: Entity, *, project: str, by: Actor) -> None:
    """By the admin of both, as scripts do it: linked as staged, then promoted."""
    registry = create_registry(
        institute,
        name="models",
        by=by,
        description="What is deployed, and what is about to be.",
        types=["model"],
    )
    update_registry(registry, by=by, protected=["production"])
    name_in_registry(registry, team, role=RegistryRole.MEMBER, by=by)
    source = get_or_create_project(by, entity=team.name, name=project)
    for number in range(2):
        new = NewVersion(type_name="model", collection="lora", digest="", aliases=("latest",), tags=("ja",))
        files = {
            "adapter.json": jsontext.dumps({"rank": 8 << number}).encode(),
            "adapter.bin": bytes(range(256)) * (8 + number),
        }
        version = log_version(source, new, files, by=by)
        link = link_version(version, registry, name="legal-ja", aliases=["staging"], by=by)
        add_link_aliases(link, ["production"], by=by)
