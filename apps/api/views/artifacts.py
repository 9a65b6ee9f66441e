"""Erasing artifacts and versions of them."""

from __future__ import annotations

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
)
from apps.core.errors import Conflict
from apps.erasure.artifacts import erase_artifact, erase_unused, erase_versions
from apps.erasure.errors import InUse
from apps.erasure.queries import MOST_AT_ONCE
from apps.projects.queries import find_project
from apps.teams.queries import entity_by_name


class ArtifactView(ApiView):
    @extend_schema(
        operation_id="erase_artifact",
        summary="Erase an artifact for good, with all its versions, or those of its versions that nothing uses",
        description="Without `versions` all of it goes while no run that you may see has read a version and nothing links one; else it "
        f"is 409, and nothing went. With `unused` at most {MOST_AT_ONCE} versions go at once. Of a portfolio its links go, not what they lead to.",
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
        if chosen == UNUSED:
            (job,) = erase_unused(all_versions(held.pk), by=request.actor, most=MOST_AT_ONCE)
            return begun(job)
        try:
            return begun(erase_artifact(held, by=request.actor, even_if_used=chosen == ALL))
        except InUse as error:
            raise Conflict(f"{error.message} Say `versions`: unused, or all.") from None


class ArtifactVersionView(ApiView):
    @extend_schema(
        operation_id="erase_version",
        summary="Erase a version of an artifact for good, by its number (`v3`), with the aliases that lead to it",
        description="While a run that you may see has read it or something links it, it is 409 unless `even_if_used` says that it goes all the same. "
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
        try:
            return begun(erase_versions([held], by=request.actor, even_if_used=is_for_sure))
        except InUse as error:
            raise Conflict(f"{error.message} Say `even_if_used` if it goes all the same.") from None
