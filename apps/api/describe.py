"""Words of the OpenAPI schema that many operations share."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from apps.api.errors import MEDIA_TYPE, TITLES
from apps.api.serializers.problems import Problem

IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="Entity tags you have; 304 when it is one.",
)
IF_MATCH = OpenApiParameter(
    "If-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="Change it only while it has this entity tag.",
)
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="The request is carried out once however often it is sent with this key, for 24 hours.",
)
RANGE = OpenApiParameter(
    "Range", OpenApiTypes.STR, OpenApiParameter.HEADER, description="Such as bytes=0-1023."
)
PROOF = (
    "A browser's session makes one only within minutes of its person having shown who they are; later it is refused with "
    "`proof_needed`, and `proof_at` is the page on which to show it again."
)


def answers(success: dict[Any, Any], *problems: int) -> dict[Any, Any]:
    """The answers of an operation: its own, and those that any may give."""
    codes = sorted({400, 401, 404, 406, 429, 503, *problems})
    return success | {
        (code, MEDIA_TYPE): OpenApiResponse(Problem, description=TITLES[code]) for code in codes
    }


def writes(success: dict[Any, Any], *problems: int) -> dict[Any, Any]:
    return answers(success, 403, 411, 413, 415, *problems)
