from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Iterable
from pathlib import Path

from django.conf import settings
from django.test import Client

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.accounts.services import issue_api_key
from apps.teams.models import Entity, Organisation
from apps.teams.services import add_member, add_team, create_account, create_organisation, create_team
from apps.teams.types import MemberRole
from apps.vault.readiness import make_ready

PASSWORD = "correct horse battery"


def make_root() -> None:
    """What `manage.py vault ready` does at the first start. Each test's vault is another one, over the same root key."""
    Path(settings.OWNLOG_KEY_DIR, "vault").unlink(missing_ok=True)
    make_ready()


def person(name: str) -> User:
    return create_account(name, email=f"{name}@example.com", password=PASSWORD)


def actor(user: User) -> Actor:
    return Actor.person(user)


def has_signed_in(client: Client, user: User, *, ago: float) -> None:
    """Note in the session of a browser that they showed by their password who they are, so many seconds ago."""
    session = client.session
    session["account_authentication_methods"] = [{"method": "password", "at": time.time() - ago}]
    session["account_authentication_methods_user"] = str(user.pk)
    session.save()


def api_key(user: User) -> str:
    return issue_api_key(user, by=Actor.person(user))[1]


def team(name: str, *, admin: User, members: Iterable[User] = (), viewers: Iterable[User] = ()) -> Entity:
    entity = create_team(name, admin=admin, by=Actor.person(admin))
    for user in members:
        add_member(entity, user, role=MemberRole.MEMBER)
    for user in viewers:
        add_member(entity, user, role=MemberRole.VIEWER)
    return entity


def organisation(name: str, *, admin: User, teams: Iterable[Entity] = ()) -> Organisation:
    made = create_organisation(name, by=Actor.person(admin))
    for each in teams:
        add_team(made, each, by=Actor.person(admin))
    return made


def basic(key: str) -> str:
    """The header by which a key is sent; every door that takes keys takes it so."""
    return "Basic " + b64encode(f"api:{key}".encode()).decode()
