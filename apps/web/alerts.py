"""Alerts in words: their level, what they say, and on a page of many which run said it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from apps.runs.alerts import alerts_in, alerts_of
from apps.runs.queries import heads_of
from apps.runs.types import AlertLevel, OpenAlert
from apps.vault.damage import leaving_out_damaged
from apps.web.colours import run_colour, swatch_class
from apps.web.links import run_url

if TYPE_CHECKING:
    from apps.projects.types import OpenProject
    from apps.runs.models import Run

_AT_A_GLANCE = 3


@dataclass(frozen=True, slots=True)
class Raised:
    """One alert as pages show it. `run` is empty where all are of one run."""

    alert: OpenAlert
    level: str
    kind: str  # of the note: how loud it is
    run: str = ""
    url: str = ""
    swatch: str = ""


def newest_of(run: Run) -> list[Raised]:
    """The last few, for the run's first page. What is damaged among them is said on the page of all."""
    with leaving_out_damaged():
        return shown(alerts_of(run, most=_AT_A_GLANCE))


def shown(alerts: Iterable[OpenAlert]) -> list[Raised]:
    return [Raised(each, level_words(each.level), _KINDS[each.level]) for each in alerts]


def shown_in(place: OpenProject) -> list[Raised]:
    """The last alerts of a project's runs, each with its run."""
    alerts = alerts_in(place.project)
    runs = {each.run.pk: each.run for each in alerts}
    heads = heads_of(runs.values())
    return [
        Raised(
            each,
            level_words(each.level),
            _KINDS[each.level],
            run=heads[each.run.pk].display_name or heads[each.run.pk].name,
            url=run_url(place.entity, place.name, heads[each.run.pk].name, "alerts"),
            swatch=swatch_class(run_colour(each.run.number)),
        )
        for each in alerts
        if each.run.pk in heads
    ]


_KINDS = {AlertLevel.INFO: "seal", AlertLevel.WARN: "brass", AlertLevel.ERROR: "brick"}


def level_words(level: AlertLevel) -> str:
    return {
        AlertLevel.INFO: _("Info"),
        AlertLevel.WARN: _("Warning"),
        AlertLevel.ERROR: _("Error"),
    }[level]
