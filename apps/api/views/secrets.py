from __future__ import annotations

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from apps.access.policy import Permission
from apps.api.describe import answers, writes
from apps.api.request import ApiRequest
from apps.api.serializers.secrets import NoSecrets, SecretList, SecretOut
from apps.api.views.base import ApiView, sent
from apps.leaks.queries import findings_of
from apps.leaks.services import dismiss_findings
from apps.runs.queries import get_run


class SecretListView(ApiView):
    @extend_schema(
        operation_id="list_secrets",
        summary="What of a run looks like a secret, for who may write it: open ones first, never the value",
        tags=["runs"],
        responses=answers({200: SecretList}),
    )
    def get(self, request: ApiRequest, entity: str, project: str, run: str) -> HttpResponseBase:
        held = get_run(request.actor, Permission.RUN_WRITE, entity=entity, project=project, name=run)
        return Response({"items": SecretOut(findings_of(held), many=True).data})


class SecretDismissView(ApiView):
    @extend_schema(
        operation_id="dismiss_secrets",
        summary="Say that these are no secrets. Those that are decided about or not there are passed over",
        tags=["runs"],
        request=NoSecrets,
        responses=writes({204: None}),
    )
    def post(self, request: ApiRequest, entity: str, project: str, run: str) -> HttpResponseBase:
        held = get_run(request.actor, Permission.RUN_WRITE, entity=entity, project=project, name=run)
        dismiss_findings(held, sent(request, NoSecrets).validated_data["ids"], by=request.actor)
        return HttpResponse(status=204)
