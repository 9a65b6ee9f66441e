"""Writes that are sent again by somebody who has been put out meanwhile: what they made is not told to them once more."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from django.conf import settings
from django.test import Client
from django.urls import reverse

from apps.accounts.actors import Actor
from apps.core import jsontext
from apps.teams.services import remove_member
from tests.factories.people import basic

if TYPE_CHECKING:
    from tests.mutations.direct import Scene


def _by_rest(s: Scene, client: Client) -> int:
    return client.post(
        reverse("api:projects"),
        jsontext.dumps({"entity": "lab", "name": "sent twice"}).encode(),
        content_type="application/json",
        headers={"Authorization": basic(s.world.asker("member").key), "Idempotency-Key": "one"},
    ).status_code


def _by_form(s: Scene, client: Client) -> int:
    """The form offers the team to those who may make projects there; what it made, to those who may see it."""
    client.cookies[settings.SESSION_COOKIE_NAME] = s.world.asker("member").cookies
    form = {"entity": "lab", "name": "sent twice", "description": "", "once": "o" * 24}
    return client.post(reverse("project-new"), form).status_code


SENT: dict[str, tuple[Callable[[Scene, Client], int], int]] = {
    "REST": (_by_rest, 404),
    "form": (_by_form, 400),
}


def sent_again(s: Scene, name: str) -> str:
    send, refused = SENT[name]
    client = Client(raise_request_exception=False)
    first = send(s, client)
    remove_member(s.world.lab, "bob", by=Actor.person(s.user("alice")))
    second = send(s, client)
    return "" if first < 400 and second == refused else f"first {first}, then {second}, not {refused}"


def key_made_again(s: Scene) -> str:
    """A key that was given less is not told of one that another key of the same person made."""
    body = jsontext.dumps({"name": "x", "scope": "read", "expires_at": None}).encode()

    def send(asker: str) -> int:
        headers = {"Authorization": basic(s.world.asker(asker).key), "Idempotency-Key": "one"}
        return (
            Client()
            .post(reverse("api:keys"), body, content_type="application/json", headers=headers)
            .status_code
        )

    came = send("admin"), send("admin"), send("read-only key of an admin")
    return "" if came == (201, 201, 403) else f"came {came}"


def teams_offered(s: Scene, name: str, view: str) -> str:
    """Whoever makes a project, or brings one, chooses among the teams in which they may."""
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = s.world.asker(name).cookies
    page = client.get(reverse(view)).content.decode()
    is_offered = 'value="lab"' in page
    return "" if is_offered == (name in {"member", "admin"}) else f"lab is offered: {is_offered}"
