"""Requests for a free team in words: plans, states, acts, and the form that asks for one."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from apps.plans.types import FREE_PLANS, Act, Plan, RequestState, RequestWords
from apps.plans.words import validate_address, validate_text

PLANS: dict[str, Promise] = {
    Plan.TEAM: gettext_lazy("Team"),
    Plan.ACADEMIC: gettext_lazy("Academic"),
    Plan.OPEN_SOURCE: gettext_lazy("Open source"),
}
STATES: dict[str, Promise] = {
    RequestState.OPEN: gettext_lazy("waits for the operators"),
    RequestState.ASKED: gettext_lazy("waits for an answer"),
    RequestState.APPROVED: gettext_lazy("approved"),
    RequestState.DECLINED: gettext_lazy("declined"),
    RequestState.WITHDRAWN: gettext_lazy("withdrawn"),
}
ACTS: dict[str, Promise] = {
    Act.SENT: gettext_lazy("asked for a free team"),
    Act.ASKED: gettext_lazy("had a question"),
    Act.ANSWERED: gettext_lazy("answered"),
    Act.APPROVED: gettext_lazy("approved the request"),
    Act.DECLINED: gettext_lazy("declined the request"),
    Act.WITHDRAWN: gettext_lazy("withdrew the request"),
}


class RequestForm(forms.Form):
    """What the operators need to know in order to decide."""

    plan = forms.ChoiceField(
        choices=[(each.value, PLANS[each]) for each in FREE_PLANS],
        error_messages={"invalid_choice": gettext_lazy("There is no such plan.")},
    )
    address = forms.CharField(
        validators=[validate_address],
        widget=forms.URLInput(),
        error_messages={"required": gettext_lazy("It needs an address that the operators can look at.")},
    )
    use = forms.CharField(
        validators=[validate_text],
        widget=forms.Textarea(attrs={"rows": 4}),
        error_messages={"required": gettext_lazy("Say what the team is for.")},
    )
    evidence = forms.CharField(
        validators=[validate_text],
        widget=forms.Textarea(attrs={"rows": 4}),
        error_messages={"required": gettext_lazy("Say how the operators can see that you belong there.")},
    )

    @property
    def words(self) -> RequestWords:
        said: dict[str, Any] = self.cleaned_data
        return RequestWords(said["address"], said["use"], said["evidence"])


class AnswerForm(forms.Form):
    answer = forms.CharField(
        validators=[validate_text],
        widget=forms.Textarea(attrs={"rows": 4}),
        error_messages={"required": gettext_lazy("The answer has no words yet.")},
    )
