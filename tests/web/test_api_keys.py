from __future__ import annotations

import re

from django.test import Client

from apps.accounts.models import ApiKey, User
from apps.accounts.queries import actor_for_api_key
from tests.factories.people import api_key
from tests.web.conftest import Visit

PAGE = "/settings/api-keys"


def _secret(page: bytes) -> str | None:
    found = re.search(r"WANDB_API_KEY=(own_\w+)", page.decode())
    return found[1] if found else None


def test_a_key_is_shown_once_and_works(visit: Visit, send: Visit, alice: User) -> None:
    secret = _secret(send(PAGE, by="alice").content)

    assert secret is not None
    actor = actor_for_api_key(secret)
    assert actor is not None
    assert actor.username == "alice"
    assert secret.encode() not in visit(PAGE, by="alice").content
    assert f"…{secret[-4:]}".encode() in visit(PAGE, by="alice").content


def test_the_lines_name_this_instance(send: Visit, alice: User) -> None:
    assert b"WANDB_BASE_URL=http://testserver" in send(PAGE, by="alice").content


def test_revoking_ends_a_key(send: Visit, alice: User) -> None:
    secret = api_key(alice)
    key = ApiKey.objects.get()

    assert send(f"{PAGE}/{key.public_id}/revoke", by="alice").status_code == 302
    assert actor_for_api_key(secret) is None


def test_nobody_revokes_the_key_of_another(send: Visit, alice: User, mallory: User) -> None:
    secret = api_key(alice)
    key = ApiKey.objects.get()

    assert send(f"{PAGE}/{key.public_id}/revoke", by="mallory").status_code == 404
    assert actor_for_api_key(secret) is not None


def test_a_page_lists_ones_own_keys_only(visit: Visit, alice: User, mallory: User) -> None:
    api_key(alice)

    assert ApiKey.objects.get().hint.encode() not in visit(PAGE, by="mallory").content


def test_making_a_key_wants_the_form_of_this_instance(alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")

    refused = client.post(PAGE)

    assert refused.status_code == 403
    assert b"The form is too old" in refused.content
    assert ApiKey.objects.count() == 0


def test_the_client_is_sent_to_the_keys(visit: Visit, alice: User) -> None:
    assert visit("/authorize", by="alice")["Location"] == PAGE
