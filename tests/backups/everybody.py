"""People, teams and organisations by names that stand nowhere else, half of whom go; and all rows of a main database.

Run inside an instance, by its Python.
"""

from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.db import connection

from apps.accounts.actors import Actor
from apps.erasure.accounts import close_account
from apps.erasure.organisations import erase_organisation
from apps.erasure.teams import erase_team
from apps.teams.models import Entity, Organisation
from apps.teams.services import create_account, invite, make_service_account
from apps.teams.types import MemberRole
from apps.vault.tree import keys_in_use
from tests.factories import people

KINDS = ("person", "address", "number", "team", "organisation", "invited")  # by what each of them is called


@keys_in_use()
def come(person: str, address: str, number: str, team: str, organisation: str, invited: str) -> None:
    user = create_account(person, email=f"{address}@example.com", password=people.PASSWORD)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    SocialAccount.objects.create(
        user=user, provider="github", uid=number, extra_data={"login": [number, None]}
    )
    founded, by = people.team(team, admin=user), Actor.person(user)
    make_service_account(founded, "robot", role=MemberRole.MEMBER, by=by)
    invite(founded, role=MemberRole.VIEWER, by=by, email=f"{invited}@example.com")
    people.organisation(organisation, admin=user)


@keys_in_use()
def go(person: str, _: str, __: str, team: str, organisation: str, *___: str) -> None:
    by = Actor.system()
    erase_organisation(Organisation.objects.get(name=organisation), by=by, at_once=True)
    erase_team(Entity.objects.get(name=team), by=by, at_once=True)
    close_account(Entity.objects.get(name=person), by=by, at_once=True)


def all_rows() -> dict[str, list[list[str]]]:
    """Of each table, in an order of their own."""
    found = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            names = [about[0] for about in cursor.description]
            found[table] = sorted(
                [f"{name}={_said(value)}" for name, value in zip(names, row, strict=True)] for row in cursor
            )
    return found


def _said(value: Any) -> str:
    return bytes(value).hex() if isinstance(value, (bytes, memoryview)) else repr(value)
