from __future__ import annotations

import io
import re
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from apps.accounts.invitations import invited_email
from apps.accounts.links import is_confirmed
from apps.accounts.models import ApiKey, User
from apps.accounts.queries import actor_for_api_key
from apps.audit.events import EventKind
from apps.audit.models import Event
from apps.teams.models import Entity
from apps.vault.models import Node
from apps.vault.types import NodeKind

pytestmark = pytest.mark.django_db
KEY = "own_" + "k" * 36


def run_command(*arguments: str, **options: Any) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out, **options)
    return out.getvalue()


def username_of(secret: str) -> str | None:
    actor = actor_for_api_key(secret)
    return actor.username if actor else None


def test_create_account_prints_its_key_once() -> None:
    printed = run_command("create_account", "alice", "--email", "alice@example.com")

    shown = re.findall(r"own_\w{36}", printed)
    assert len(shown) == 1
    assert username_of(shown[0]) == "alice"
    assert Entity.objects.get().name == "alice"
    assert User.objects.get().is_superuser


@pytest.mark.parametrize("typed", [KEY, KEY + "\n", f"  {KEY}  \nmore\n"])
def test_create_account_takes_a_key_and_does_not_print_it(
    monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))

    printed = run_command("create_account", "alice", "--email", "alice@example.com", "--api-key-stdin")

    assert KEY not in printed
    assert username_of(KEY) == "alice"


@pytest.mark.parametrize("typed", ["", "\n", "short\n", "no spaces allowed " * 4])
def test_create_account_with_a_bad_key_makes_nothing(monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    nodes = Node.objects.filter(kind=NodeKind.ENTITY)
    before = nodes.count()

    with pytest.raises(CommandError, match="API key"):
        run_command("create_account", "alice", "--email", "alice@example.com", "--api-key-stdin")

    counts = [table.objects.count() for table in (User, ApiKey, Entity, Event)]
    assert (counts, nodes.count()) == ([0, 0, 0, 0], before)


def test_create_account_with_somebody_elses_key_makes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{KEY}\n{KEY}\n"))
    run_command("create_account", "alice", "--email", "alice@example.com", "--api-key-stdin")

    with pytest.raises(CommandError, match="in use already"):
        run_command("create_account", "mallory", "--email", "mallory@example.com", "--api-key-stdin")

    assert [user.username for user in User.objects.all()] == ["alice"]


@pytest.mark.parametrize(
    ("name", "email"),
    [("alice", "b@example.com"), ("admin", "b@example.com"), ("b b", "b@example.com"), ("bob", "no")],
)
def test_create_account_refuses_with_the_reason(alice: User, name: str, email: str) -> None:
    with pytest.raises(CommandError) as caught:
        run_command("create_account", name, "--email", email)

    assert str(caught.value)
    assert User.objects.count() == 1


def test_issue_api_key_prints_one_more(alice: User) -> None:
    printed = run_command("issue_api_key", "alice")

    assert username_of(printed.split()[-1]) == "alice"

    with pytest.raises(CommandError, match="no account"):
        run_command("issue_api_key", "nobody-here")


def test_invite_prints_a_link_that_works(alice: User) -> None:
    printed = run_command("invite", "zoe@example.com")

    token = re.findall(r"invitation=(\S+)", printed)[0].replace("%3A", ":")
    assert invited_email(token) == "zoe@example.com"

    for address, reason in (("no", "not an e-mail"), ("alice@example.com", "already")):
        with pytest.raises(CommandError, match=reason):
            run_command("invite", address)


# ── Links that are handed over where no mail goes out ──


def test_reset_link_prints_a_link_that_sets_a_password_once_and_is_on_the_record(
    alice: User, client: Client
) -> None:
    path = run_command("reset_link", "Alice").strip()

    form = client.get(path, follow=True)
    phrase = {"password1": "quite another phrase", "password2": "quite another phrase"}
    client.post(form.redirect_chain[-1][0], phrase)

    alice.refresh_from_db()
    assert alice.check_password("quite another phrase")
    assert "quite" not in Client().get(path, follow=True).content.decode()
    assert "password1" not in Client().get(path, follow=True).content.decode()
    event = Event.objects.get(kind=EventKind.ADMIN_MADE_LINK)
    assert (event.subject, event.entity, event.by, event.facts) == (
        alice.public_id, alice.public_id, "system", {"what": "password"},
    )  # fmt: skip


def test_confirm_link_confirms_the_address_that_waits(alice: User, client: Client) -> None:
    printed = run_command("confirm_link", "alice")

    assert printed.startswith("for alice@example.com:\n/account/confirm/")
    client.post(printed.splitlines()[1])
    assert is_confirmed(alice)
    with pytest.raises(CommandError, match="confirmed already"):
        run_command("confirm_link", "alice")


@pytest.mark.parametrize("command", ["reset_link", "confirm_link"])
@pytest.mark.parametrize("name", ["nobody-here", "", "service.abc"])
def test_no_link_is_made_for_nobody(alice: User, command: str, name: str) -> None:
    with pytest.raises(CommandError, match="There is no account of this name that can be opened"):
        run_command(command, name)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    with pytest.raises(CommandError, match="There is no account of this name that can be opened"):
        run_command(command, "alice")
