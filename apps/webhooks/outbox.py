"""What is to be told, noted in the transaction in which it happens: it is told if and only if that is committed.

Called by the acts themselves, so it costs one question where nobody has a webhook. Nothing is sent here.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection
from django.db.models import Q

from apps.core import background, clock
from apps.projects.models import Project
from apps.teams.models import Entity
from apps.webhooks.models import Delivery, Hook
from apps.webhooks.types import DeliveryState, Happening

Fact = int | str


def note(happening: Happening, project: Project, *also: Project, **facts: Fact) -> None:
    """Something has happened in a project, and concerns others of the same entity. Facts are public ids, states and counts."""
    facts = {"entity": project.entity.public_id, "project": project.public_id, **facts}
    places = [each.pk for each in (project, *also)]
    _insert(_hooks(happening, project.entity_id, places), happening, facts)


def note_by_ids(happening: Happening, *, project_pk: int, entity_pk: int, **facts: Fact) -> None:
    """The same for who has not fetched the project."""
    _insert(_hooks(happening, entity_pk, [project_pk]), happening, dict(facts))


def note_begun(
    happening: Happening, entity: Entity, projects: Iterable[Project], *, of: str, **facts: Fact
) -> None:
    """Something is under way that will have happened when `note_ended` says so; `of` is its public id.

    Noted now, for when it is over nobody knows any more in which projects it was. One that is erased whole takes the
    webhooks of its own with it.
    """
    hooks = _hooks(happening, entity.pk, [each.pk for each in projects])
    _insert(hooks, happening, {"entity": entity.public_id, **facts}, awaits=of)


def note_ended(of: str) -> None:
    """What `note_begun` was told of has happened. Twice changes nothing."""
    held = Delivery.objects.filter(awaits=of, state=DeliveryState.HELD.value)
    ids = list(held.values_list("pk", flat=True))
    if ids:
        now = clock.now()
        held.update(state=DeliveryState.WAITING.value, due_at=now, created_at=now)
    for pk in ids:
        background.enqueue("webhooks.deliver", delivery_id=pk)


def note_taken_back(of: str) -> None:
    """What `note_begun` was told of will not happen: nobody is told."""
    Delivery.objects.filter(awaits=of, state=DeliveryState.HELD.value).delete()


def note_test(hook: Hook) -> Delivery:
    """To see whether it arrives."""
    (made,) = _insert([hook], Happening.TEST, {"webhook": hook.public_id})
    return made


def _hooks(happening: Happening, entity_pk: int, projects: list[int]) -> list[Hook]:
    here = Q(project=None) | Q(project__in=projects)
    rows = Hook.objects.filter(here, entity=entity_pk, is_on=True).only("pk", "happenings")
    return _that_stay([row for row in rows if happening.value in row.happenings.split()])


def _that_stay(hooks: list[Hook]) -> list[Hook]:
    """Those that nobody can remove before this transaction is over.

    One that is being removed right now is told nothing rather than waited for: whoever removes it may be waiting for what
    is held here. SQLite has one writer at a time.
    """
    if not hooks or connection.vendor != "postgresql":
        return hooks
    name = connection.ops.quote_name(Hook._meta.db_table)
    with connection.cursor() as cursor:
        # Weaker than what the ORM has, so that whoever tells them of other things meanwhile holds them as well.
        cursor.execute(
            f"SELECT id FROM {name} WHERE id = ANY(%s) FOR KEY SHARE SKIP LOCKED",  # noqa: S608  (the name of a table)
            [[each.pk for each in hooks]],
        )
        stay = {pk for (pk,) in cursor.fetchall()}
    return [each for each in hooks if each.pk in stay]


def _insert(
    hooks: list[Hook], happening: Happening, facts: dict[str, Fact], *, awaits: str = ""
) -> list[Delivery]:
    now = clock.now()
    made = Delivery.objects.bulk_create(
        Delivery(
            hook=hook,
            happening=happening.value,
            facts=facts,
            state=(DeliveryState.HELD if awaits else DeliveryState.WAITING).value,
            awaits=awaits,
            due_at=None if awaits else now,
        )
        for hook in hooks
    )
    if not awaits:
        for each in made:
            background.enqueue("webhooks.deliver", delivery_id=each.pk)
    return made
