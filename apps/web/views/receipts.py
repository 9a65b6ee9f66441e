"""Receipts of erasures: one's own to take away, and a page on which anybody checks one."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from apps.erasure.receipts import get_receipt
from apps.vault.signing import public_key
from apps.web.downloads import attachment
from apps.web.receipts import MOST_BYTES, as_file, checked, script
from apps.web.rendering import render
from apps.web.request import Request

PROGRAM = "verify_receipt.py"


@require_http_methods(["GET", "HEAD", "POST"])
def receipts(request: Request) -> HttpResponse:
    """The public key, the program, and a form that says of a receipt whether it is ours. Nothing that is sent is kept."""
    key = public_key()
    context: dict[str, object] = {"key": key, "algorithm": "Ed25519", "program": PROGRAM}
    status = 200
    if request.method == "POST":
        file = request.FILES.get("receipt")
        if file is None or not file.size:
            context["error"] = _("Choose the file of a receipt.")
        else:
            found = checked(file.read(MOST_BYTES + 1), key)
            context |= {"error": found.doubt} if found.doubt else {"found": found}
        status = 400 if "error" in context else 200
    return render(request, "erasing/receipts.html", context, status=status)


@require_safe
def key(request: Request) -> HttpResponse:
    return HttpResponse(f"{public_key()}\n", content_type="text/plain")


@require_safe
def program(request: Request) -> HttpResponse:
    """verify_receipt.py: what this instance checks with, for who does not want to ask it."""
    headers = {"Content-Disposition": attachment(PROGRAM)}
    return HttpResponse(script(), content_type="text/x-python; charset=utf-8", headers=headers)


@login_required
@require_safe
def receipt(request: Request, erasure: str) -> HttpResponse:
    """The receipt of an erasure that the asker may see."""
    found = get_receipt(request.actor, public_id=erasure)
    headers = {"Content-Disposition": attachment(f"receipt-{erasure}.json"), "Cache-Control": "no-store"}
    return HttpResponse(as_file(found), content_type="application/json", headers=headers)
