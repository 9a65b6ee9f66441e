"""What is held of a person beside their projects: a file for each kind of row that the registry of privacy owes them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import Model, QuerySet

from apps.accounts.models import User
from apps.core import clock
from apps.core.privacy import Owed, declared, owed
from apps.exports.contents.texts import json_file, moment
from apps.exports.telling import Opener, beside, opener_of
from apps.exports.types import Content, LeftOut, Member
from apps.teams.models import Entity
from apps.teams.own import own_keys_known
from apps.vault.errors import KeyGone, Moved, Tampered
from apps.vault.keys import keys_in_use

_BATCH = 1000
_OPENED = 200  # of what opens, with all that it says
_ELSEWHERE = {
    "teams, and projects of others": "theirs: your name stands in runs-made.json and the files beside it; whoever is in a team exports it",
    "records of teams and of other people": "theirs: what you did there stands on their record, by your opaque id",
    "backups": "copies of what is here, as old as the operators keep them, and sealed",
}


def account_files(entity: Entity) -> Content:
    """Everything that is held of the person whose own entity this is, but for what the entity's own export has."""
    person, now = person_of(entity), clock.now()
    for each in told():
        yield Member(f"account/{each.file}.json", partial(_array, each, person), now)
    for file, read in beside().items():
        yield json_file(f"account/{file}.json", now, partial(read, person))
    for each in owed():
        for field, why in sorted(each.withheld.items()):
            yield LeftOut(f"account/{each.file or each.model._meta.model_name}.json: {field}", why)
    for what, why in _ELSEWHERE.items():
        yield LeftOut(what, why)


def told() -> list[Owed]:
    return sorted((each for each in owed() if each.file), key=lambda each: each.file)


def person_of(entity: Entity) -> User:
    assert entity.user is not None, "an account is exported from its person's own entity"
    return entity.user


def rows_owed(each: Owed, person: User) -> Iterator[dict[str, Any]]:
    """The rows of one kind that are about this person, the oldest first. What does not open says so, and hides none of the others."""
    who = person.public_id if each.by_id else person.pk
    rows: QuerySet[Any] = each.model._default_manager.filter(**{each.person: who}).order_by("pk")
    sealed = declared()[each.model].sealed
    # Of what they made in teams nothing opens: it may say today what others wrote there.
    opener = opener_of(each.model) if not sealed or sealed & set(each.told) else None
    names = [name for name in each.told if name not in sealed]
    last = 0
    while some := list(
        rows.filter(pk__gt=last).values_list("pk", flat=True)[: _OPENED if opener else _BATCH]
    ):
        yield from _read(rows, some, names, opener)
        last = some[-1]


def _read(
    rows: QuerySet[Any], some: list[int], names: list[str], opener: Opener | None
) -> list[dict[str, Any]]:
    """Some rows, in as many questions as one. Where one does not open each is asked for by itself."""
    links = [name for name in names if rows.model._meta.get_field(name).is_relation]
    bare = rows.filter(pk__in=some).select_related(*links)
    bare = bare.only(*names, *(f"{name}__public_id" for name in links))
    if opener is None:
        return [_plain(row, names) for row in bare]
    try:
        with keys_in_use(), own_keys_known():
            found = list(rows.filter(pk__in=some).select_related(*links, *opener.links))
            opened = opener.read(found)
    except Moved:  # an epoch went by: asked again it is there
        raise
    except (KeyGone, Tampered) as error:
        if len(some) > 1:
            return [said for pk in some for said in _read(rows, [pk], names, opener)]
        why = "erased" if isinstance(error, KeyGone) else "damaged"
        return [_plain(row, names) | {"unreadable": why} for row in bare]
    return [_plain(row, names) | said for row, said in zip(found, opened, strict=True)]


def _plain(row: Model, names: list[str]) -> dict[str, Any]:
    return {name: _value(row, name) for name in names}


def _value(row: Model, name: str) -> Any:
    value = getattr(row, name)
    if isinstance(value, Model):
        return getattr(value, "public_id", None)
    if isinstance(value, datetime):
        return moment(value)
    return str(value) if isinstance(value, UUID | date) else value


def _array(each: Owed, person: User) -> Iterator[bytes]:
    """A row a line."""
    between = b"[\n"
    for row in rows_owed(each, person):
        yield between + json.dumps(row, ensure_ascii=False).encode("utf-8", "backslashreplace")
        between = b",\n"
    yield b"[]\n" if between == b"[\n" else b"\n]\n"
