from __future__ import annotations

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from apps.accounts.names import as_stored
from apps.api.describe import answers
from apps.api.paging import cursor, place_of
from apps.api.request import ApiRequest
from apps.api.serializers.record import EventOut, EventPage, EventQuery
from apps.api.views.base import ApiView, asked
from apps.audit.queries import Asked
from apps.projects.seen import asked_by_name, audited_entity, page_of


class RecordView(ApiView):
    @extend_schema(
        operation_id="list_audit_events",
        summary="Who did what to an entity’s things, and who of elsewhere saw them: the newest first, for its admins",
        tags=["audit"],
        parameters=[EventQuery],
        responses=answers({200: EventPage}, 403),
    )
    def get(self, request: ApiRequest, entity: str) -> HttpResponseBase:
        held = audited_entity(request.actor, entity)
        query = asked(request, EventQuery)
        wanted = Asked(
            kinds=frozenset(query.get("kind", ())),
            project=query["project"],
            since=query["since"],
            until=query["until"],
        )
        if query["by"]:
            wanted = asked_by_name(request.actor, wanted, as_stored(query["by"]))
        before = place_of(query["cursor"]) or None
        page = page_of(request.actor, held, wanted, before=before, most=query["limit"])
        following = cursor(page.older) if page.older else None
        return Response({"items": EventOut(page.lines, many=True).data, "next": following})
