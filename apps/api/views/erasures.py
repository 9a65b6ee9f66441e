from __future__ import annotations

from typing import TYPE_CHECKING

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from apps.api.describe import answers, writes
from apps.api.request import ApiRequest
from apps.api.serializers.erasures import (
    ErasureList,
    ErasureOut,
    LogQuery,
    NamedErasureOut,
    ReceiptKey,
    ReceiptLog,
    ReceiptOut,
)
from apps.api.views.base import ApiView, asked, signed_in
from apps.erasure.called import names_of
from apps.erasure.queries import get_job, jobs_seen_by
from apps.erasure.receipts import get_receipt
from apps.erasure.taking_back import erase_now, take_back
from apps.vault.receipts import links
from apps.vault.signing import public_key

if TYPE_CHECKING:
    from apps.erasure.models import ErasureJob


class ErasureListView(ApiView):
    @extend_schema(
        operation_id="list_erasures",
        summary="The newest erasures that you asked for, and those of entities whose admin you are",
        tags=["erasures"],
        responses=answers({200: ErasureList}),
    )
    def get(self, request: ApiRequest) -> HttpResponseBase:
        actor = signed_in(request)
        jobs = jobs_seen_by(actor)
        named = NamedErasureOut(jobs, many=True, context={"names": names_of(actor, jobs)})
        return Response({"items": named.data})


class ErasureView(ApiView):
    @extend_schema(
        operation_id="get_erasure",
        summary="An erasure, and how far it is",
        tags=["erasures"],
        responses=answers({200: NamedErasureOut}),
    )
    def get(self, request: ApiRequest, erasure: str) -> HttpResponseBase:
        actor = signed_in(request)
        job = get_job(actor, public_id=erasure)
        return Response(NamedErasureOut(job, context={"names": names_of(actor, [job])}).data)


class ErasureRestoreView(ApiView):
    @extend_schema(
        operation_id="restore_erasure",
        summary="Take an erasure back that waits: all that it closed is there again",
        tags=["erasures"],
        request=None,
        responses=writes({200: ErasureOut}, 409),
    )
    def post(self, request: ApiRequest, erasure: str) -> HttpResponseBase:
        return Response(ErasureOut(take_back(signed_in(request), public_id=erasure)).data)


class ErasureNowView(ApiView):
    @extend_schema(
        operation_id="hasten_erasure",
        summary="Have an erasure begin that waits: it cannot be taken back any more",
        tags=["erasures"],
        request=None,
        responses=writes({202: ErasureOut}, 409),
    )
    def post(self, request: ApiRequest, erasure: str) -> HttpResponseBase:
        return begun(erase_now(signed_in(request), public_id=erasure))


class ReceiptView(ApiView):
    @extend_schema(
        operation_id="get_receipt",
        summary="The signed receipt of an erasure that is done",
        tags=["erasures"],
        responses=answers({200: ReceiptOut}),
    )
    def get(self, request: ApiRequest, erasure: str) -> HttpResponseBase:
        return Response(get_receipt(signed_in(request), public_id=erasure))


class ReceiptLogView(ApiView):
    @extend_schema(
        operation_id="list_receipts",
        summary="The chain of all receipts of this instance, without what they state",
        tags=["erasures"],
        parameters=[LogQuery],
        responses=answers({200: ReceiptLog}),
    )
    def get(self, request: ApiRequest) -> HttpResponseBase:
        signed_in(request)
        query = asked(request, LogQuery)
        return Response({"items": links(after=query["after"], count=query["limit"])})


class ReceiptKeyView(ApiView):
    @extend_schema(
        operation_id="get_receipt_key",
        summary="The public key that receipts are checked against",
        tags=["erasures"],
        responses=answers({200: ReceiptKey}),
    )
    def get(self, request: ApiRequest) -> HttpResponseBase:
        return Response({"key": public_key()})


def begun(job: ErasureJob) -> Response:
    """The answer to a request to erase: it is recorded, nobody finds the thing any more, the rest follows."""
    return Response(ErasureOut(job).data, status=202)
