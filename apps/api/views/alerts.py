from __future__ import annotations

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema

from apps.access.policy import Permission
from apps.api.describe import answers
from apps.api.request import ApiRequest
from apps.api.serializers.alerts import AlertOut, AlertPage
from apps.api.serializers.fields import PageQuery
from apps.api.views.base import ApiView
from apps.api.views.keys import paged
from apps.projects.queries import get_project
from apps.runs.alerts import LastAlerts
from apps.runs.queries import get_run


class RunAlertsView(ApiView):
    @extend_schema(
        operation_id="list_run_alerts",
        summary="What the run’s script said by `run.alert()`, the newest first",
        tags=["runs"],
        parameters=[PageQuery],
        responses=answers({200: AlertPage}),
    )
    def get(self, request: ApiRequest, entity: str, project: str, run: str) -> HttpResponseBase:
        held = get_run(request.actor, Permission.RUN_READ, entity=entity, project=project, name=run)
        return paged(request, LastAlerts(held), AlertOut)


class ProjectAlertsView(ApiView):
    @extend_schema(
        operation_id="list_project_alerts",
        summary="The last thousand alerts of a project’s runs, the newest first",
        tags=["projects"],
        parameters=[PageQuery],
        responses=answers({200: AlertPage}),
    )
    def get(self, request: ApiRequest, entity: str, project: str) -> HttpResponseBase:
        held = get_project(request.actor, Permission.RUN_READ, entity=entity, name=project)
        return paged(request, LastAlerts(held), AlertOut)
