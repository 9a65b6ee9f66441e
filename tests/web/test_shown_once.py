"""Pages that show a secret once: loaded anew, which sends their form again, they make nothing."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections
from django.db.models import Model
from django.test import Client

from apps.accounts.models import ApiKey, User
from apps.projects.models import Project, ShareLink
from apps.teams.models import Invitation
from apps.webhooks.models import Hook
from tests.factories import people

pytestmark = pytest.mark.django_db
FORM, ANEW = {"csrfmiddlewaretoken": "a" * 64}, {"csrfmiddlewaretoken": "b" * 64}
KEY = {"name": "laptop", "scope": "write", "days": ""}
HOOKS = "/lab/vision/settings/webhooks"


@pytest.fixture
def client(alice: User) -> Client:
    client = Client()
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    people.has_signed_in(client, alice, ago=0)
    return client


def test_a_page_with_a_secret_that_is_loaded_anew_makes_no_other(client: Client) -> None:
    before = ApiKey.objects.count()

    answers = [client.post("/settings/api-keys", form | KEY) for form in (FORM, FORM, ANEW)]

    assert [each.status_code for each in answers] == [200, 409, 200]
    assert "It is shown once only" in answers[1].content.decode()
    assert ApiKey.objects.count() == before + 2


def test_so_it_is_of_the_secret_of_a_webhook(client: Client, vision: Project) -> None:
    made = {"address": "https://hooks.example.com/in", "happenings": ["run.finished"]}

    answers = [client.post(HOOKS, FORM | made) for _ in range(2)]
    hook = Hook.objects.get()
    answers += [client.post(f"{HOOKS}/{hook.public_id}", FORM | {"act": "secret"}) for _ in range(2)]

    assert [each.status_code for each in answers] == [200, 409, 200, 409]
    sealed = bytes(hook.sealed_secret)
    hook.refresh_from_db()
    assert bytes(hook.sealed_secret) != sealed


@pytest.mark.parametrize(
    ("page", "words", "made"),
    [
        ("/lab/vision/settings/links", {"label": "", "days": "7"}, ShareLink),
        ("/teams/lab/invitations", {"email": "", "role": "member"}, Invitation),
    ],
)
def test_so_it_is_of_links_that_let_somebody_in(
    client: Client, vision: Project, page: str, words: dict[str, str], made: type[Model]
) -> None:
    answers = [client.post(page, form | words) for form in (FORM, FORM, ANEW)]

    assert [each.status_code for each in answers] == [200, 409, 200]
    assert "It is shown once only" in answers[1].content.decode()
    assert made._default_manager.count() == 2


def test_a_form_that_was_refused_showed_nothing_and_is_sent_again(client: Client, vision: Project) -> None:
    made = {"happenings": ["run.finished"]}

    answers = [
        client.post(HOOKS, FORM | made | {"address": address})
        for address in ("https://10.0.0.1/in", "https://hooks.example.com/in", "https://hooks.example.com/in")
    ]

    assert [each.status_code for each in answers] == [400, 200, 409]


@pytest.mark.django_db(transaction=True, databases=["default", "vault"])
def test_of_the_same_form_sent_twice_at_one_moment_one_makes_a_secret(client: Client) -> None:
    before, gate = ApiKey.objects.count(), threading.Barrier(2)

    def send(_: int) -> int:
        again = Client()
        again.cookies.update(client.cookies)
        try:
            gate.wait(timeout=30)
            return again.post("/settings/api-keys", FORM | KEY).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(send, range(2)))

    assert (answers, ApiKey.objects.count()) == ([200, 409], before + 1)
