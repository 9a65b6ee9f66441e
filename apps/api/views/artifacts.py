"""Erasing artifacts and versions of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema

from apps.access.policy import Permission
from apps.api.describe import writes
from apps.api.request import ApiRequest
from apps.api.serializers.erasures import ALL, UNUSED, ArtifactToErase, ErasureOut, VersionToErase
from apps.api.views.base import ApiView, asked
from apps.api.views.erasures import begun
from apps.artifacts.queries import (
    NUMBERED,
    all_versions,
    find_collection,
    get_collection,
    get_version_named,
    links_of,
    read_by_runs,
)
from apps.core.errors import Conflict
from apps.erasure.artifacts import erase_artifact, erase_versions
from apps.erasure.queries import MOST_AT_ONCE
from apps.projects.queries import find_project
from apps.teams.queries import entity_by_name

if TYPE_CHECKING:
    from apps.accounts.actors import Actor
    from apps.artifacts.models import Version


class ArtifactView(ApiView):
    @extend_schema(
        operation_id="erase_artifact",
        summary="Erase an artifact for good, with all its versions, or those of its versions that nothing uses",
        description="Without `versions` all of it goes while no run has read a version and nothing links one; else it is 409, and "
        f"nothing went. With `unused` at most {MOST_AT_ONCE} versions go at once. Of a portfolio its links go, not what they lead to.",
        tags=["artifacts"],
        parameters=[ArtifactToErase],
        request=None,
        responses=writes({202: ErasureOut}, 409),
    )
    def delete(self, request: ApiRequest, entity: str, project: str, collection: str) -> HttpResponseBase:
        held = get_collection(
            request.actor, Permission.FILE_ERASE, entity=entity, project=project, name=collection
        )
        chosen = asked(request, ArtifactToErase).get("versions", "")
        if chosen != ALL:
            versions = all_versions(held.pk)
            used = _used(request.actor, versions)
            if chosen == UNUSED:
                return begun(erase_versions(_unused(versions, used)[:MOST_AT_ONCE], by=request.actor))
            if used:
                raise Conflict(
                    "Runs have read versions of it, or they are linked. Say `versions`: unused, or all."
                )
        return begun(erase_artifact(held, by=request.actor))


class ArtifactVersionView(ApiView):
    @extend_schema(
        operation_id="erase_version",
        summary="Erase a version of an artifact for good, by its number (`v3`), with the aliases that lead to it",
        description="While a run has read it or something links it, it is 409 unless `even_if_used` says that it goes all the same. "
        "By an alias nothing goes: it is 409 and tells the number. A link is no version: it goes by the name under which it was made.",
        tags=["artifacts"],
        parameters=[VersionToErase],
        request=None,
        responses=writes({202: ErasureOut}, 409),
    )
    def delete(
        self, request: ApiRequest, entity: str, project: str, collection: str, version: str
    ) -> HttpResponseBase:
        held = get_version_named(
            request.actor,
            Permission.FILE_ERASE,
            entity=entity,
            project=project,
            name=f"{collection}:{version}",
        )
        is_for_sure = asked(request, VersionToErase)["even_if_used"]
        place = find_project(entity_by_name(entity), project)
        if place is None or find_collection(place, collection) != held.collection:
            raise Conflict("This is a link. Erase the version by the name under which it was made.")
        # Asked once more, as clients and proxies do by themselves, an alias would lead to the next.
        if not NUMBERED.fullmatch(version):
            raise Conflict(
                f"An alias may lead elsewhere in a moment. Erase it by its number: v{held.number}."
            )
        if not is_for_sure and _used(request.actor, [held]):
            raise Conflict("Runs have read it, or it is linked. Say `even_if_used` if it goes all the same.")
        return begun(erase_versions([held], by=request.actor))


def _used(actor: Actor, versions: Sequence[Version]) -> set[int]:
    """The rows of those that runs have read, which the actor may see, or that something links: what the page says, too."""
    return {each.version_id for each in links_of(versions)} | read_by_runs(actor, versions).keys()


def _unused(versions: Sequence[Version], used: set[int]) -> list[Version]:
    found = [each for each in versions if each.pk not in used]
    if not found:
        raise Conflict("There is no version of it that nothing uses.")
    return found
