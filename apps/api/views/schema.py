from __future__ import annotations

from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiYamlRenderer
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from apps.api.request import ApiRequest
from apps.api.views.base import ApiView
from apps.core.errors import NotFound


@cache
def schema() -> dict[str, Any]:
    """The OpenAPI document of this door; the same for everybody."""
    return dict(SchemaGenerator().get_schema(request=None, public=True))  # type: ignore[no-untyped-call]


class SchemaView(ApiView):
    renderer_classes = [OpenApiYamlRenderer, OpenApiJsonRenderer]

    @extend_schema(exclude=True)
    def get(self, request: ApiRequest) -> HttpResponseBase:
        return Response(schema())


class NothingHere(ApiView):
    """Any other address of this door: a problem, where the web would answer with a page."""

    @extend_schema(exclude=True)
    def get(self, request: ApiRequest, url: str) -> HttpResponseBase:
        raise NotFound("There is nothing at this address.")

    post = put = patch = get


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """The schema as a page that any browser reads: no scripts, nothing from elsewhere."""
    return render(request, "api/docs.html", {"groups": _groups(schema())})


def _groups(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The operations under their tags, in the schema's order."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            facts = _operation(path, method, operation)
            groups.setdefault(operation["tags"][0], []).append(facts)
    return [{"name": name, "operations": operations} for name, operations in groups.items()]


def _operation(path: str, method: str, operation: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "summary": operation.get("summary", ""),
        "parameters": [each for each in operation.get("parameters", []) if each["in"] != "path"],
        "sends": sorted(operation.get("requestBody", {}).get("content", {})),
        "answers": [
            {
                "status": status,
                "words": answer.get("description", ""),
                "types": sorted(answer.get("content", {})),
            }
            for status, answer in operation["responses"].items()
        ],
    }
