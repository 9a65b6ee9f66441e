"""The request for a free team, on an instance where teams take a plan. Elsewhere these pages do not exist."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from apps.core.errors import Conflict, Invalid, TooMuch
from apps.plans.queries import (
    entitlement_of,
    newest_request,
    open_request_of,
    reason_of,
    require_hosted,
    steps_of,
    words_of,
)
from apps.plans.services import answer_question, ask_for_plan, withdraw_request
from apps.plans.types import Plan
from apps.web.plan_words import AnswerForm, RequestForm
from apps.web.rendering import render
from apps.web.request import Request

_REFUSALS = (Conflict, Invalid, TooMuch)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def plan_request(request: Request) -> HttpResponseBase:
    """What one's plan is, what became of one's request, or the form for one."""
    require_hosted()
    if request.method != "POST":
        return _page(request, RequestForm(initial={"plan": request.GET.get("plan", "")}))
    form = RequestForm(request.POST)
    try:
        if form.is_valid():
            ask_for_plan(Plan(form.cleaned_data["plan"]), form.words, by=request.actor)
            return redirect("plan-request")
    except _REFUSALS as error:
        form.add_error(None, error.public_message)
    return _page(request, form)


@login_required
@require_POST
def answer(request: Request) -> HttpResponseBase:
    held = open_request_of(request.actor)
    form = AnswerForm(request.POST)
    try:
        if form.is_valid():
            answer_question(held, form.cleaned_data["answer"], by=request.actor)
            return redirect("plan-request")
    except _REFUSALS as error:
        form.add_error("answer", error.public_message)
    return _page(request, RequestForm(), answering=form)


@login_required
@require_POST
def withdraw(request: Request) -> HttpResponseBase:
    withdraw_request(open_request_of(request.actor), by=request.actor)
    return redirect("plan-request")


def _page(request: Request, form: forms.Form, *, answering: AnswerForm | None = None) -> HttpResponse:
    held = newest_request(request.actor)
    context: dict[str, Any] = {
        "entitlement": entitlement_of(request.actor),
        "held": held,
        "form": form,
        "answering": answering or AnswerForm(),
    }
    if held is not None:
        context |= {"words": words_of(held), "steps": steps_of(held), "reason": reason_of(held)}
    is_wrong = bool(form.errors or (answering and answering.errors))
    return render(request, "settings/plan_request.html", context, status=400 if is_wrong else 200)
