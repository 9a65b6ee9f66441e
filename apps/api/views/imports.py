from __future__ import annotations

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from apps.api.bodies import body_of, length_of
from apps.api.describe import answers, writes
from apps.api.request import ApiRequest
from apps.api.serializers.imports import ImportList, ImportOut, ImportQuery
from apps.api.views.base import ApiView, asked, signed_in
from apps.imports.handed_in import forget, hand_in
from apps.imports.queries import entity_to_import_into, get_import, get_import_to_end, imports_seen_by
from apps.imports.services import give_up
from apps.imports.types import Clash, Origin


class ImportListView(ApiView):
    @extend_schema(
        operation_id="list_imports",
        summary="The newest imports that you asked for, and those into entities whose admin you are",
        tags=["imports"],
        responses=answers({200: ImportList}),
    )
    def get(self, request: ApiRequest) -> HttpResponseBase:
        return Response({"items": ImportOut(imports_seen_by(signed_in(request)), many=True).data})

    @extend_schema(
        operation_id="create_import",
        summary="Bring the projects of an export, here or from another instance, or of another program",
        description="The body is the ZIP file in the format of docs/export-format.md, or of the program that is named, as it is. What is wrong with it as a whole is "
        "answered at once; the rest is found out while it is brought, and then nothing of it stays.",
        tags=["imports"],
        parameters=[ImportQuery],
        request={"application/zip": OpenApiTypes.BINARY},
        responses=writes({202: ImportOut}, 422),
    )
    def post(self, request: ApiRequest) -> HttpResponseBase:
        actor, query = signed_in(request), asked(request, ImportQuery)
        entity = entity_to_import_into(actor, name=query["entity"])
        source = body_of(request, length_of(request))
        job = hand_in(
            entity, source, clash=Clash(query["on_clash"]), by=actor, origin=Origin(query["origin"])
        )
        return Response(ImportOut(job).data, status=202)


class ImportView(ApiView):
    @extend_schema(
        operation_id="get_import",
        summary="An import, and how far it is",
        tags=["imports"],
        responses=answers({200: ImportOut}),
    )
    def get(self, request: ApiRequest, job: str) -> HttpResponseBase:
        return Response(ImportOut(get_import(signed_in(request), public_id=job)).data)

    @extend_schema(
        operation_id="give_up_import",
        summary="Call an import off: what has come of it is erased, and what was handed in",
        tags=["imports"],
        request=None,
        responses=writes({200: ImportOut}, 409),
    )
    def delete(self, request: ApiRequest, job: str) -> HttpResponseBase:
        actor = signed_in(request)
        held = get_import_to_end(actor, public_id=job)
        give_up(held, by=actor)
        forget(held)
        return Response(ImportOut(get_import(actor, public_id=job)).data)
