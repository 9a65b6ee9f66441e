"""/settings/erase-account, /account/closed/{secret} and /organisations/{organisation}/erase"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.audit.models import Event
from apps.core import clock
from apps.core.mail import NO_MAIL
from apps.erasure.accounts import erase_account
from apps.erasure.models import ErasureJob
from apps.erasure.types import Step
from apps.erasure.ways_back import note_handed_over
from apps.runs.models import Run
from apps.teams.models import Entity, Organisation
from tests.erasure.conftest import finish, full_run
from tests.factories import people, work
from tests.web.conftest import Visit, text_of

PAGE = "/settings/erase-account"
HOSTILE = "<b>\u202e" + "x" * 10_000


@pytest.fixture
def own(lab: Entity, bob: User) -> Run:
    return full_run(work.project("bob", "own", by=bob), "mine", by=bob)


def link_in(text: str) -> str:
    found = re.search(r"https?://[^/\s<]+(/account/closed/[\w-]+)", text)
    assert found, text
    return found[1]


def test_what_goes_is_counted_and_its_name_is_typed(visit: Visit, send: Visit, own: Run) -> None:
    words = text_of(visit(PAGE, by="bob"))
    assert "Projects of your own, with everything in them 1" in words
    assert "Places in teams and organisations 1" in words and "You can take it back" in words

    for typed in ("", "alice", HOSTILE):
        refused = send(PAGE, by="bob", name=typed)
        assert refused.status_code == 400 and "This is not your user name" in text_of(refused)
        assert "<b>\u202e" not in refused.content.decode()

    assert not ErasureJob.objects.exists()
    assert visit(PAGE).status_code == 302


def test_it_is_closed_and_comes_back_by_the_mailed_link(own: Run, bob: User) -> None:
    browser = Client()
    browser.force_login(bob, backend="django.contrib.auth.backends.ModelBackend")
    people.has_signed_in(browser, bob, ago=0)

    answer = browser.post(PAGE, {"name": "bob"})

    assert answer.status_code == 200 and "bob@example.com" in text_of(answer)
    assert "/account/closed/" not in answer.content.decode()
    assert browser.get("/settings/security").status_code == 302
    (message,) = mail.outbox
    place = link_in(str(message.body))
    nobody = Client()
    page = nobody.get(place)
    assert "Closed, and not erased yet" in text_of(page) and "Take it back" in text_of(page)
    assert "bob" not in text_of(page).replace("bob@", "")
    assert nobody.get(f"{place}/receipt").status_code == 404
    assert nobody.get(f"{place}/restore").status_code == 405

    assert nobody.post(f"{place}/restore").headers["Location"] == place

    assert "It is as it was: sign in." in text_of(nobody.get(place))
    assert nobody.post(f"{place}/restore").status_code == 409
    assert browser.get("/settings/security").status_code == 302  # devices stay signed out
    assert User.objects.get(pk=bob.pk).is_active
    assert nobody.get("/account/closed/garbage").status_code == 404
    assert nobody.post("/account/closed/garbage/restore").status_code == 404


def test_who_does_not_want_to_wait_has_it_begin_by_the_link_and_the_name(own: Run, bob: User) -> None:
    job, secret = erase_account(bob, by=Actor.person(bob))
    place, nobody = f"/account/closed/{secret}", Client()
    assert nobody.post(f"{place}/now", {"name": "bob"}).status_code == 403  # it came no other way yet
    note_handed_over(secret)
    assert "Erase your account now" in text_of(nobody.get(place))

    for typed in ("", "alice", HOSTILE):
        refused = nobody.post(f"{place}/now", {"name": typed})
        assert refused.status_code == 400 and "This is not the user name" in text_of(refused)
    assert nobody.post("/account/closed/garbage/now", {"name": "bob"}).status_code == 404
    assert nobody.get(f"{place}/now").status_code == 405
    job.refresh_from_db()
    assert job.begins_at > clock.now()

    assert nobody.post(f"{place}/now", {"name": " Bob "}).headers["Location"] == place

    job.refresh_from_db()
    assert job.begins_at <= clock.now()
    assert Event.objects.filter(kind="erasure.hastened", by=bob.public_id, subject=job.public_id).exists()
    assert "Erase your account now" not in text_of(nobody.get(place))
    assert nobody.post(f"{place}/restore").status_code == 409
    assert nobody.post(f"{place}/now", {"name": "bob"}).status_code == 409
    finish(job)
    assert "Download the receipt" in text_of(nobody.get(place))


def test_where_no_mail_goes_out_the_link_is_shown_once_and_leads_to_the_receipt(
    send: Visit, own: Run, settings: Any
) -> None:
    settings.EMAIL_BACKEND = NO_MAIL

    answer = send(PAGE, by="bob", name="bob", now="1")

    place = link_in(answer.content.decode())
    job = ErasureJob.objects.get()
    assert job.step == Step.SHRED
    page = Client().get(place)
    assert "Take it back" not in text_of(page) and 'hx-trigger="every 2s"' in page.content.decode()
    finish(job)
    page = Client().get(place)
    assert "Download the receipt" in text_of(page) and 'hx-trigger="every 2s"' not in page.content.decode()
    receipt = json.loads(Client().get(f"{place}/receipt").content)
    assert receipt["statement"]["asked"]["scope"] == "account"
    assert not User.objects.filter(username="bob").exists()


def test_who_showed_long_ago_who_they_are_is_asked_once_more(own: Run, bob: User) -> None:
    browser = Client()
    browser.force_login(bob, backend="django.contrib.auth.backends.ModelBackend")
    people.has_signed_in(browser, bob, ago=3600)

    answer = browser.post(PAGE, {"name": "bob"})

    assert answer.status_code == 302 and answer.headers["Location"].startswith("/account/again")
    assert User.objects.get(pk=bob.pk).is_active


def test_the_last_admin_reads_what_to_hand_over_first(
    visit: Visit, send: Visit, institute: Organisation, own: Run, alice: User
) -> None:
    page = visit(PAGE, by="alice")
    assert "Only you can look after these" in text_of(page) and 'name="name"' not in page.content.decode()
    assert 'href="/teams/lab#go"' in page.content.decode()
    assert 'href="/organisations/institute#go"' in page.content.decode()

    refused = send(PAGE, by="alice", name="alice")

    assert refused.status_code == 400 and "would be without an admin" in text_of(refused)
    assert User.objects.get(pk=alice.pk).is_active


def test_an_organisation_is_erased_by_its_admins(
    visit: Visit, send: Visit, institute: Organisation, mallory: User
) -> None:
    page = "/organisations/institute/erase"
    assert f'href="{page}"' in visit("/organisations/institute", by="alice").content.decode()
    assert [visit(page, by=who).status_code for who in ("alice", "bob", "mallory", None)] == [
        200,
        404,
        404,
        404,
    ]
    assert "1 team of it finds no organisation" in text_of(visit(page, by="alice"))
    for typed in ("", "lab", HOSTILE):
        assert send(page, by="alice", name=typed).status_code == 400

    answer = send(page, by="alice", name="institute")

    job = ErasureJob.objects.get()
    assert answer.headers["Location"] == f"/settings/erasures/{job.public_id}"
    assert "An organisation with its registries" in text_of(visit(answer.headers["Location"], by="alice"))
    assert visit("/organisations/institute", by="alice").status_code == 404
    assert send(f"{answer.headers['Location']}/restore", by="alice").status_code == 302
    assert visit("/organisations/institute", by="alice").status_code == 200
