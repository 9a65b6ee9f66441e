"""Alerts that scripts raise by `run.alert()`: kept sealed under the run, waited between, told to whom it concerns."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.code_saving.masking import lines_masked
from apps.code_saving.queries import kept_in
from apps.core import background, clock, jsontext
from apps.core.address import instance_address
from apps.core.errors import Invalid, NotFound, TooMuch
from apps.core.ids import is_public_id
from apps.projects.models import Project
from apps.projects.past import kept_id
from apps.runs.models import Alert, Run
from apps.runs.queries import gone_or_back_soon, require_run, run_key
from apps.runs.types import AlertLevel, OpenAlert, PastAlert
from apps.vault.damage import leave_out
from apps.vault.errors import Tampered
from apps.vault.keys import OpenKey
from apps.vault.seal import blind_index, seal, unseal
from apps.vault.tree import open_keys
from apps.vault.types import NodeId
from apps.webhooks.outbox import note
from apps.webhooks.types import Happening

WORDS_LABEL = "alert.words"
TITLE_LABEL = "alert.title"
SAME_LABEL = "alert.same"
MOST_OF_A_RUN = 1000  # a script that raises one at each step says no more with the next
LONGEST_TITLE, LONGEST_TEXT = 1000, 20_000
MOST_SHOWN = 100
# Whoever raises one and hears nothing asks again for about so long; the client sends no id by which to know it.
_ASKED_AGAIN = timedelta(minutes=1)
_LONGEST_WAIT = timedelta(days=366)


@transaction.atomic
def raise_alert(
    run: Run, *, title: str, text: str, level: AlertLevel, wait: timedelta, by: Actor
) -> Alert | None:
    """Note what a script says of a run that was fetched with RUN_WRITE, and have it told.

    One of a title that the run has raised within `wait`, and one of the same words within a minute, is counted at that
    one and told to nobody. None where the run has as many as are kept.
    """
    _check(title, text)
    held = _locked(run)
    title, text = _masked(held, title, text)
    key, now = run_key(held), clock.now()
    made = Alert(uuid=uuid.uuid4(), run=held, raised_at=now, last_at=now)
    _seal_into(made, key, title=title, text=text, level=level)
    earlier = _too_soon(made, wait=min(wait, _LONGEST_WAIT), now=now)
    if earlier is not None:
        Alert.objects.filter(pk=earlier.pk).update(repeats=F("repeats") + 1, last_at=now)
        _moved(held)
        return earlier
    if Alert.objects.filter(run=held).count() >= MOST_OF_A_RUN:
        return None
    made.save(force_insert=True)
    _moved(held)
    note(Happening.RUN_ALERT, held.project, run=held.public_id, alert=made.public_id)
    background.enqueue("runs.tell_of_alert", alert_id=made.pk, base=instance_address())
    return made


def _locked(run: Run) -> Run:
    rows = Run.objects.select_for_update(of=("self",)).select_related("project__entity")
    held = rows.filter(pk=run.pk).first()
    if held is None:
        raise gone_or_back_soon(run.pk)
    return held


def _check(title: str, text: str) -> None:
    if len(title) > LONGEST_TITLE or len(text) > LONGEST_TEXT:
        raise Invalid(
            _("The title of an alert has at most %(title)d letters, its text %(text)d.")
            % {"title": LONGEST_TITLE, "text": LONGEST_TEXT}
        )


def _masked(run: Run, title: str, text: str) -> tuple[str, str]:
    """What surely is a credential goes where the owner chose so, as from a console."""
    lines = [title, *text.split("\n")]
    first, *rest = lines_masked(lines, lambda: not kept_in(run.project.entity).secrets)
    return first, "\n".join(rest)


def _too_soon(new: Alert, *, wait: timedelta, now: datetime) -> Alert | None:
    rows = Alert.objects.filter(run=new.run).order_by("-id")
    again = rows.filter(words_index=new.words_index, last_at__gt=now - _ASKED_AGAIN).first()
    return again or rows.filter(title_index=new.title_index, raised_at__gt=now - wait).first()


@transaction.atomic
def bring_alerts(run: Run, alerts: Sequence[PastAlert]) -> None:
    """Keep the alerts of a run that comes from elsewhere, the first raised first. Nobody is told of them. Where some are there,
    all are."""
    if len(alerts) > MOST_OF_A_RUN:
        raise TooMuch(_("A run has at most %(n)d alerts.") % {"n": MOST_OF_A_RUN})
    if not alerts:
        return
    held = _locked(run)
    if not Alert.objects.filter(run=held).exists():
        key = run_key(held)
        for each in alerts:
            _brought(held, key, each).save(force_insert=True)


def _brought(run: Run, key: OpenKey, was: PastAlert) -> Alert:
    _check(was.title, was.text)
    title, text = _masked(run, was.title, was.text)
    made = Alert(
        uuid=uuid.uuid4(),
        public_id=kept_id(Alert, was.public_id),
        run=run,
        raised_at=was.raised_at,
        last_at=was.last_at or was.raised_at,
        repeats=was.repeats,
        told_at=was.raised_at,
    )
    _seal_into(made, key, title=title, text=text, level=was.level)
    return made


def _seal_into(alert: Alert, key: OpenKey, *, title: str, text: str, level: AlertLevel) -> None:
    words = {"title": title, "text": text, "level": level.value}
    said = jsontext.dumps(words)
    alert.title_index = blind_index(key, TITLE_LABEL, title)
    alert.words_index = blind_index(key, SAME_LABEL, said)
    raw = said.encode("utf-8", "surrogatepass")
    alert.sealed_words = seal(key, raw, label=WORDS_LABEL, row=alert.uuid)


def _moved(run: Run) -> None:
    """Pages that follow the run ask by its version."""
    Run.objects.filter(pk=run.pk).update(version=F("version") + 1)


def alerts_of(run: Run, *, most: int = MOST_SHOWN) -> list[OpenAlert]:
    """The last alerts of a run that was fetched with RUN_READ, the newest first."""
    return _opened(Alert.objects.filter(run=run).select_related("run").order_by("-id")[:most])


def alerts_in(project: Project, *, most: int = MOST_SHOWN) -> list[OpenAlert]:
    """The last alerts of the runs of a project that was fetched with RUN_READ, the newest first."""
    rows = Alert.objects.filter(run__project=project, run__erased_at=None).select_related("run")
    return _opened(rows.order_by("-id")[:most])


class LastAlerts:
    """The last of a run, or of a project's runs, that was fetched with RUN_READ: the newest first, opened where looked at."""

    def __init__(self, of: Run | Project) -> None:
        here = Q(run=of) if isinstance(of, Run) else Q(run__project=of, run__erased_at=None)
        self._rows = Alert.objects.filter(here).select_related("run").order_by("-id")[:MOST_OF_A_RUN]

    def __len__(self) -> int:
        return self._rows.count()

    def __getitem__(self, at: slice) -> list[OpenAlert]:
        return _opened(self._rows[at])


def get_alert(actor: Actor, *, public_id: str) -> Alert:
    """The alert with this opaque id, for who may read its run."""
    alert = None
    if is_public_id(public_id):
        rows = Alert.objects.select_related("run__project__entity")
        alert = rows.filter(public_id=public_id, run__erased_at=None).first()
    if alert is None:
        raise NotFound("There is no such run, or it is not shared with you.")
    require_run(actor, Permission.RUN_READ, alert.run)
    return alert


def count_alerts(run: Run) -> int:
    return Alert.objects.filter(run=run).count()


def open_alert(alert: Alert) -> OpenAlert:
    return _open(alert, run_key(alert.run))


def _opened(rows: Iterable[Alert]) -> list[OpenAlert]:
    """With one question to the vault; those whose run's key is erased are left out."""
    rows = list(rows)
    keys = open_keys(NodeId(row.run.vault_node) for row in rows)
    found = []
    for row in rows:
        if (key := keys.get(NodeId(row.run.vault_node))) is None:
            continue
        try:
            found.append(_open(row, key))
        except Tampered as error:
            leave_out(error)
    return found


def _open(row: Alert, key: OpenKey) -> OpenAlert:
    words = jsontext.loads(unseal(key, bytes(row.sealed_words), label=WORDS_LABEL, row=row.uuid))
    return OpenAlert(
        run=row.run,
        public_id=row.public_id,
        level=AlertLevel(words["level"]),
        title=words["title"],
        text=words["text"],
        raised_at=row.raised_at,
        repeats=row.repeats,
        last_at=row.last_at,
    )


def title_in(opened: Mapping[str, bytes]) -> str:
    """What the index of a title is of."""
    return str(jsontext.loads(opened["sealed_words"])["title"])
