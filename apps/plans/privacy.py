from __future__ import annotations

from apps.core.privacy import declare, owe
from apps.plans.models import Entitlement, PlanRequest, RequestStep

declare(
    Entitlement,
    personal={"granted_by"},
    plain={"id", "user", "plan", "granted_at", "until"},
    goes_with="user",
)
declare(
    PlanRequest,
    sealed={"sealed_address", "sealed_use", "sealed_evidence", "sealed_reason"},
    plain={
        "id",
        "uuid",
        "public_id",
        "user",
        "plan",
        "state",
        "vault_node",
        "created_at",
        "closed_at",
        "words_erased_at",
    },
    goes_with="user",
)
declare(
    RequestStep,
    sealed={"sealed_text"},
    plain={"id", "uuid", "request", "act", "by", "at", "told_at"},
    goes_with="request",
)

owe(
    Entitlement,
    "plans",
    told=("plan", "granted_at", "until"),
    withheld={"granted_by": "somebody else: one of the operators"},
)
owe(
    PlanRequest,
    "plan-requests",
    told=(
        "public_id", "plan", "state", "created_at", "closed_at", "words_erased_at",
        "sealed_address", "sealed_use", "sealed_evidence", "sealed_reason",
    ),
)  # fmt: skip
owe(
    RequestStep,
    "plan-request-steps",
    person="request__user",
    told=("request", "act", "at", "sealed_text", "told_at", "by"),
)
