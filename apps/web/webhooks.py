"""Webhooks in words: what one tells of, how it is doing, what became of each delivery; and the form that makes one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.webhooks.outside import LONGEST_ADDRESS
from apps.webhooks.types import DeliveryState, Happening, OpenHook, Trouble

if TYPE_CHECKING:
    from apps.webhooks.models import Delivery


@dataclass(frozen=True, slots=True)
class Told:
    """One delivery as its list says it: never what it was about in words."""

    delivery: Delivery
    says: str
    state: str
    why: str
    kind: str  # of the mark: good, waits or bad


def happening_words(happening: Happening) -> str:
    return {
        Happening.RUN_FINISHED: _("A run has ended"),
        Happening.RUN_ALERT: _("A run raised an alert"),
        Happening.ARTIFACT_LINKED: _("A version of an artifact was linked"),
        Happening.ERASURE_DONE: _("An erasure is done"),
        Happening.TEST: _("A test"),
    }[happening]


def told(deliveries: Iterable[Delivery]) -> list[Told]:
    return [
        Told(
            each,
            happening_words(Happening(each.happening)),
            _STATES[DeliveryState(each.state)](),
            _why(each),
            _KINDS[DeliveryState(each.state)],
        )
        for each in deliveries
    ]


_KINDS = {
    DeliveryState.HELD: "waits",
    DeliveryState.WAITING: "waits",
    DeliveryState.DELIVERED: "good",
    DeliveryState.GIVEN_UP: "bad",
}
_STATES = {
    DeliveryState.HELD: lambda: _("not yet"),
    DeliveryState.WAITING: lambda: _("on its way"),
    DeliveryState.DELIVERED: lambda: _("arrived"),
    DeliveryState.GIVEN_UP: lambda: _("given up"),
}


def _why(delivery: Delivery) -> str:
    if not delivery.trouble:
        return ""
    return {
        Trouble.NAME: _("Nobody knows this host."),
        Trouble.INSIDE: _("The address leads into a network that this instance sends nothing to."),
        Trouble.CONNECT: _("Nothing answers there."),
        Trouble.TLS: _("Its certificate does not hold."),
        Trouble.TIME: _("It took longer than ten seconds."),
        Trouble.ANSWER: _("What came back was no answer."),
        Trouble.REDIRECT: _("It led on to another address; that is not followed."),
        Trouble.STATUS: _("It answered with an error."),
        Trouble.GONE: _("It answered that it wants no more, and was switched off."),
        Trouble.OFF: _("The webhook was switched off."),
        Trouble.UNREADABLE: _("Its address cannot be read."),
    }[Trouble(delivery.trouble)]


def standing(hook: OpenHook) -> tuple[str, str]:
    """How a webhook is doing in a word, and how good that is."""
    row = hook.hook
    if not row.is_on:
        return _("off"), "bad"
    if row.failures:
        return _("does not answer"), "bad"
    return (_("works"), "good") if row.arrived_at else (_("nothing sent yet"), "waits")


class HookForm(forms.Form):
    """Where to and what of. What an address may be is said by the service that takes it."""

    address = forms.CharField(
        max_length=LONGEST_ADDRESS,
        error_messages={
            "required": gettext_lazy("Give an address that begins with https://."),
            "max_length": gettext_lazy("An address has at most %(limit_value)d letters."),
        },
    )
    happenings = forms.MultipleChoiceField(
        error_messages={
            "required": gettext_lazy("Choose at least one thing to be told of."),
            "invalid_choice": gettext_lazy("There is no such choice."),
        },
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["happenings"].choices = self.options  # type: ignore[attr-defined]

    @property
    def options(self) -> list[tuple[str, str]]:
        return [(each.value, happening_words(each)) for each in Happening.chosen_among()]

    @property
    def ticked(self) -> list[tuple[str, str, bool]]:
        """With what is ticked: all of it before anything was sent."""
        sent = set(self["happenings"].value() or ()) if self.is_bound else dict(self.options).keys()
        return [(value, words, value in sent) for value, words in self.options]

    @property
    def chosen(self) -> list[Happening]:
        return [Happening(each) for each in self.cleaned_data["happenings"]]
