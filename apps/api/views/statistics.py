from __future__ import annotations

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from apps.api.describe import answers
from apps.api.request import ApiRequest
from apps.api.serializers.statistics import OwnContribution, ReleaseList
from apps.api.views.base import ApiView, signed_in
from apps.statistics.queries import is_counted, own_contributions, releases


class StatisticsView(ApiView):
    @extend_schema(
        operation_id="list_statistics",
        summary="About how many people used which library, month by month",
        tags=["statistics"],
        responses=answers({200: ReleaseList}),
    )
    def get(self, request: ApiRequest) -> HttpResponseBase:
        return Response(ReleaseList({"items": releases(signed_in(request))}).data)


class OwnStatisticsView(ApiView):
    @extend_schema(
        operation_id="get_own_statistics",
        summary="What would be counted of you",
        tags=["statistics"],
        responses=answers({200: OwnContribution}),
    )
    def get(self, request: ApiRequest) -> HttpResponseBase:
        actor = signed_in(request)
        told = {"is_counted": is_counted(actor), "items": own_contributions(actor)}
        return Response(OwnContribution(told).data)
