"""Looks of custom charts that somebody wrote: `api.create_custom_chart` (ADR 0223)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from apps.access.policy import Permission
from apps.artifacts.looks import PLACE, new_look
from apps.artifacts.services import keep_look
from apps.core.errors import Invalid
from apps.projects.gate import visibilities_of
from apps.projects.queries import get_project
from apps.projects.services import get_or_create_project
from apps.projects.types import PUBLISHED
from apps.wandb_protocol.graphql.context import Fields, Info, Source, actor_in

if TYPE_CHECKING:
    from apps.access.policy import Visibility

_TYPE = "vega2"
_PRIVATE, _PUBLIC = "PRIVATE", "PUBLIC"


def create_custom_chart(_: None, info: Info, sent: Source) -> Source:
    """Keep it as the newest version of its name. A look is as visible as the project in which it lies."""
    actor, entity, name = actor_in(info), sent["entity"], sent["name"]
    if sent["type"] != _TYPE:
        raise Invalid(f'A look is written in Vega or Vega-Lite: its type is "{_TYPE}".')
    if sent["access"] not in {_PRIVATE, _PUBLIC}:
        raise Invalid('The access of a look is "private" or "public".')
    look = new_look(name, sent["spec"], description=sent["displayName"])
    as_asked = partial(_require_as_visible, look.place, public=sent["access"] == _PUBLIC)
    if look.place == PLACE:  # made for a look that is kept, not for one that is refused
        get_or_create_project(actor, entity=entity, name=PLACE, before=as_asked)
    project = get_project(actor, Permission.FILE_WRITE, entity=entity, name=look.place)
    as_asked(visibilities_of([project])[project.pk])
    keep_look(project, look, by=actor)
    return {"chart": {"id": f"{entity}/{name}"}}


def _require_as_visible(place: str, visibility: Visibility, *, public: bool) -> None:
    """Kept more or less visible than it was asked for, it would be shown to whom its author did not mean, or to fewer."""
    is_public = visibility in PUBLISHED
    if public == is_public:
        return
    stands, other = ("public", _PUBLIC) if is_public else ("not public", _PRIVATE)
    raise Invalid(
        f'A look is as visible as its project, and "{place}" is {stands}. Name it "project/look" to keep it in '
        f'another one, or say access="{other.lower()}".'
    )


FIELDS: Fields = {"Mutation.createCustomChart": create_custom_chart}
