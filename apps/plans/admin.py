from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

from apps.accounts.actors import Actor
from apps.core.admin import ReadOnlyAdmin
from apps.core.errors import Conflict, Invalid
from apps.plans.models import Entitlement, PlanRequest
from apps.plans.services import (
    approve_request,
    ask_question,
    decline_request,
    read_request,
    withdraw_plan,
)
from apps.plans.words import validate_text


@admin.register(Entitlement)
class EntitlementAdmin(ReadOnlyAdmin):
    list_display = ["user", "plan", "granted_at", "last_day"]
    list_filter = ["plan"]
    list_select_related = ["user"]
    ordering = ["-id"]
    actions = ["withdraw"]

    @admin.display(description=gettext_lazy("Last day"), ordering="until", empty_value="–")
    def last_day(self, row: Entitlement) -> date | None:
        return row.last_day

    @admin.action(description=gettext_lazy("Withdraw: no new teams with it, those that are there stay"))
    def withdraw(self, request: HttpRequest, entitlements: QuerySet[Entitlement]) -> None:
        self.act_on_each(request, entitlements, withdraw_plan, "withdrawn")


def _words(label: _StrPromise, *, required: bool) -> forms.CharField:
    return forms.CharField(
        label=label,
        required=required,
        validators=[validate_text],
        widget=forms.Textarea(attrs={"rows": 4, "class": "vLargeTextField"}),
    )


class ApproveForm(forms.Form):
    until = forms.DateField(
        label=gettext_lazy("Last day"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    reason = _words(gettext_lazy("A word to them"), required=False)

    def act(self, held: PlanRequest, by: Actor) -> str:
        day = self.cleaned_data["until"]
        try:
            # The day itself still counts.
            end = datetime.combine(day + timedelta(days=1), time(), tzinfo=UTC) if day else None
            approve_request(held, by=by, reason=self.cleaned_data["reason"], until=end)
        except Invalid as error:
            self.add_error("until", error.public_message)
        except OverflowError:  # the last day that there is has none after it
            self.add_error("until", _("This is not a day. Write it as 2027-01-31."))
        return "approved"


class DeclineForm(forms.Form):
    reason = _words(gettext_lazy("The reason"), required=False)
    is_sure = forms.BooleanField(
        label=gettext_lazy("Yes, erase what they wrote"),
        error_messages={
            "required": gettext_lazy("Say that you mean it: what they wrote cannot be brought back.")
        },
    )

    def act(self, held: PlanRequest, by: Actor) -> str:
        decline_request(held, by=by, reason=self.cleaned_data["reason"])
        return "declined"


class AskForm(forms.Form):
    question = _words(gettext_lazy("The question"), required=True)

    def act(self, held: PlanRequest, by: Actor) -> str:
        ask_question(held, self.cleaned_data["question"], by=by)
        return "asked"


_FORMS: dict[str, type[ApproveForm | DeclineForm | AskForm]] = {
    "approve": ApproveForm,
    "decline": DeclineForm,
    "ask": AskForm,
}


@admin.register(PlanRequest)
class PlanRequestAdmin(ReadOnlyAdmin):
    """The queue of requests. Lists and the page about a row show states and dates; the words stand on `review` alone."""

    list_display = ["public_id", "user", "plan", "state", "created_at", "closed_at", "review_link"]
    readonly_fields = ["review_link"]
    list_filter = ["state", "plan"]
    list_select_related = ["user"]
    ordering = [F("closed_at").desc(nulls_first=True), "created_at"]  # what waits, the oldest first

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The page about a row leads to where it is read and decided."""
        return ["review_link", *super().get_fields(request, obj)]

    @admin.display(description=gettext_lazy("Review"))
    def review_link(self, row: PlanRequest) -> SafeString:
        words = _("Read and decide") if row.is_open else _("History")
        return format_html('<a href="{}">{}</a>', _review_url(row.pk), words)

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.review)
        # Before the pages about a row, which would take all that begins so.
        return [path("<int:pk>/review", page, name="plans_planrequest_review"), *super().get_urls()]

    def review(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """One request with its words, and the three things that can be done with it."""
        if request.method not in {"GET", "HEAD", "POST"}:
            return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
        by: Actor = request.actor  # type: ignore[attr-defined]
        held, words, steps = read_request(pk, by=by)
        bound = self._done(request, held, by)
        if isinstance(bound, HttpResponse):
            return bound
        return TemplateResponse(
            request,
            "admin/plans/review.html",
            {
                **self.admin_site.each_context(request),
                "title": _("Request for a free team"),
                "opts": self.opts,
                "held": held,
                "words": words,
                "steps": steps,
                "forms": {name: bound.get(name) or made(prefix=name) for name, made in _FORMS.items()},
            },
            status=400 if bound else 200,
        )

    def _done(self, request: HttpRequest, held: PlanRequest, by: Actor) -> HttpResponse | dict[str, Any]:
        """Where to go after the act that a form asked for; otherwise the form with what is wrong in it."""
        made = _FORMS.get(request.POST.get("act", ""))
        if made is None:
            return {}
        name = request.POST["act"]
        form = made(request.POST, prefix=name)
        try:
            word = form.act(held, by) if form.is_valid() else ""
        except Conflict as error:  # somebody else was quicker, or they are suspended
            form.add_error(None, error.public_message)
        if form.errors:
            return {name: form}
        self.log_change(request, held, word)
        messages.success(request, _("Done. They are told by mail, unless their account is suspended."))
        if name == "ask":
            return redirect(_review_url(held.pk))
        return redirect("admin:plans_planrequest_changelist")


def _review_url(pk: int) -> str:
    return reverse("admin:plans_planrequest_review", args=[pk])
