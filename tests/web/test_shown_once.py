"""Pages that show a secret once: loaded anew, which sends their form again, they make nothing."""

from __future__ import annotations

import pytest
from django.test import Client

from apps.accounts.models import ApiKey, User
from apps.projects.models import Project
from apps.webhooks.models import Hook
from tests.factories import people

pytestmark = pytest.mark.django_db
FORM, ANEW = {"csrfmiddlewaretoken": "a" * 64}, {"csrfmiddlewaretoken": "b" * 64}
KEY = {"name": "laptop", "scope": "write", "days": ""}


def test_a_page_with_a_secret_that_is_loaded_anew_makes_no_other(alice: User) -> None:
    client = Client()
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    people.has_signed_in(client, alice, ago=0)
    before = ApiKey.objects.count()

    answers = [client.post("/settings/api-keys", form | KEY) for form in (FORM, FORM, ANEW)]

    assert [each.status_code for each in answers] == [200, 409, 200]
    assert "It is shown once only" in answers[1].content.decode()
    assert ApiKey.objects.count() == before + 2


def test_so_it_is_of_the_secret_of_a_webhook(alice: User, vision: Project) -> None:
    client = Client()
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    people.has_signed_in(client, alice, ago=0)
    made = {"address": "https://hooks.example.com/in", "happenings": ["run.finished"]}

    answers = [client.post("/lab/vision/settings/webhooks", form | made) for form in (FORM, FORM)]

    assert ([each.status_code for each in answers], Hook.objects.count()) == ([200, 409], 1)
