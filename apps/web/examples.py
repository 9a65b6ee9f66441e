"""What the page of components shows: things as real pages have them, of nobody. Names stand as people would give them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.core import clock
from apps.runs.history.store import Line
from apps.runs.types import RunState
from apps.web.colours import swatch_class
from apps.web.columns import Column
from apps.web.figures import figure, lasting
from apps.web.panels import Section
from apps.web.runs_table import Cell
from apps.web.states import StateMark
from apps.web.switches import Rule, SwitchRow

if TYPE_CHECKING:
    from apps.runs.models import Run

METRIC, NOBODY_LOGS, BROKEN = "val/acc", "val/f1", "train/loss"
_STEPS = 120


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    words: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing of which one is chosen."""

    name: str
    title: str
    says: str
    options: list[Option]

    @property
    def chosen(self) -> str:
        return next(option.value for option in self.options if option.is_chosen)


@dataclass(frozen=True, slots=True)
class Curve:
    """A run that the charts of the page draw."""

    public_id: str
    title: str
    colour: int
    ends_at: float
    until: int

    def points(self) -> list[tuple[float, float]]:
        """A metric that rises as they do, each run at its own pace, wavering less and less."""
        pace = 9 + 4 * self.colour
        return [
            (float(step), self.ends_at * (1 - math.exp(-step / pace)) + _waver(step))
            for step in range(self.until)
        ]


@dataclass(frozen=True, slots=True)
class _Drawn:
    """Of a run, what its line is told apart by."""

    public_id: str
    state: RunState


def lines() -> list[Line]:
    """The curves as a store would give them."""
    import numpy as np  # no start should wait for it

    return [
        Line(
            run=cast("Run", _Drawn(curve.public_id, RunState.FINISHED)),
            columns=tuple(np.array(column) for column in zip(*curve.points(), strict=True)),
            cursor="",
        )
        for curve in CURVES
    ]


def _waver(step: int) -> float:
    return 0.05 * math.sin(step * 2.3) / (1 + step / 6)


CURVES = (
    Curve("c1", "convnext-s-384-mixup", 1, 0.871, _STEPS),
    Curve("c2", "swin-s-cutmix-ema", 2, 0.868, _STEPS * 7 // 10),
    Curve("c3", "vit-s16-distil", 3, 0.834, _STEPS),
)


class ExampleForm(forms.Form):
    """A field as it stands, and one that says how to be right."""

    name = forms.CharField()
    address = forms.EmailField(error_messages={"invalid": gettext_lazy("The address stops after the @.")})

    def clean(self) -> dict[str, Any]:
        raise forms.ValidationError(_("What is wrong with the whole form stands above it."))


def example_form() -> ExampleForm:
    return ExampleForm({"name": "vision", "address": "kenji@"}, auto_id="example_%s")


def switches(on: Iterable[str], *, action_of: Callable[[str], str]) -> list[SwitchRow]:
    """The switches by name, those in `on` turned on. One cannot be saved; one is fixed by somebody else."""
    on = set(on)
    is_saved, is_counted = "code" in on, "statistics" in on
    off, is_on = _("off"), _("on")
    chain = [
        Rule("building", "Hokuto University", _("no rule")),
        Rule("people", "kumiko-lab", _("each member decides")),
        Rule("lock", _("You"), is_on if is_saved else off, applies=True),
    ]
    return [
        SwitchRow(
            "code",
            _("Code saving"),
            _("The script and the diff to its last commit are kept with each run.")
            if is_saved
            else _("Of your code, only the latest git commit SHA is kept."),
            is_on if is_saved else off,
            is_saved,
            action_of("code"),
            chain=chain,
        ),
        SwitchRow(
            "statistics",
            _("Library statistics"),
            _("Counted with noise, never below 20 people.") if is_counted else _("Nothing is counted."),
            is_on if is_counted else off,
            is_counted,
            action_of("statistics"),
        ),
        SwitchRow(
            "unanswered",
            _("A switch that cannot be saved"),
            _("It goes back, and says so."),
            off,
            False,
            action_of("unanswered"),
        ),
        SwitchRow(
            "public",
            _("Make projects public"),
            _("Nobody here can."),
            off,
            False,
            action_of("public"),
            fixed_by=_("Fixed by %(who)s since 12 Oct 2026. Its operators can tell you why.")
            % {"who": "Hokuto University"},
        ),
    ]


def example_choice(chosen: str) -> Choice:
    words = {"compact": _("Compact"), "comfortable": _("Comfortable")}
    chosen = chosen if chosen in words else "compact"
    options = [Option(value, text, value == chosen) for value, text in words.items()]
    return Choice("density", _("Density"), _("How high the rows of tables and the charts are."), options)


def example_rows(url: str) -> list[SimpleNamespace]:
    """Rows of the runs table: drawn by the charts, drawn and running, left out, failed."""
    states = (
        StateMark("finished", _("finished"), False),
        StateMark("running", _("running"), True),
        StateMark("finished", _("finished"), False),
    )
    rows = [
        _row(curve.public_id, curve.title, curve.colour, state, curve.ends_at, url)
        for curve, state in zip(CURVES, states, strict=True)
    ]
    failed = StateMark("failed", _("failed"), False)
    rows.append(_row("c4", "resnet50-baseline", 0, failed, 0.412, url))
    return [SimpleNamespace(**row, place=place) for place, row in enumerate(rows, start=1)]


def _row(
    public_id: str, title: str, colour: int, state: StateMark, ends_at: float, url: str
) -> dict[str, Any]:
    last = [Cell(figure(ends_at), is_number=True)]
    return {
        "opened": SimpleNamespace(run=SimpleNamespace(public_id=public_id)),
        "group": None,
        "title": title,
        "choose": _("Choose %(name)s") % {"name": title},
        "show": _("Show %(name)s in charts") % {"name": title},
        "edit": _("Edit %(name)s") % {"name": title},
        "url": url,
        "colour": colour or len(CURVES),
        "swatch": swatch_class(colour) if colour else "none",
        "is_drawn": bool(colour),
        "state": state,
        "cells": last,
        "pinned": [],
        "others": last,
        "created_at": clock.now() - timedelta(minutes=40),
        "duration": lasting(timedelta(minutes=31, seconds=7)),
    }


def heads() -> list[dict[str, Any]]:
    """The heads of the columns, sorted by two of them."""
    sorted_by = {"created_at": ("descending", 2), METRIC: ("descending", 1)}
    columns = [
        Column(_("State"), "state", False),
        Column(METRIC, METRIC, True),
        Column(_("Created"), "created_at", False),
        Column(_("Runtime"), "duration", True),
    ]
    none = ("", 0)
    return [
        {
            "column": each,
            "sorted": sorted_by.get(each.order, none)[0],
            "rank": sorted_by.get(each.order, none)[1],
        }
        for each in columns
    ]


def states() -> list[StateMark]:
    return [
        StateMark("running", _("running"), True),
        StateMark("finished", _("finished"), False),
        StateMark("failed", _("failed"), False),
        StateMark("stopped", _("killed"), False),
        StateMark("", _("pending"), False),
    ]


def conditions(url: str) -> list[dict[str, Any]]:
    """A condition that holds, and one that means nothing."""
    return [
        {"condition": {"text": "state = running", "meaning": {"state": "running"}}, "without": url},
        {"condition": {"text": "config.lr > fast", "meaning": None}, "without": url},
    ]


def example_sections() -> list[Section]:
    return [Section("val", [METRIC, NOBODY_LOGS]), Section("train", [BROKEN])]
