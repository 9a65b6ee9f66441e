"""Old attacks on pages, over every page that there is: forms of other sites, frames, foreign hosts, planted sessions, ways out."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import URLPattern, reverse
from pytest_django.fixtures import Settings

from apps.access.rules import rules_of_url
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.files.models import RunFile
from apps.projects.models import Project
from apps.projects.services import make_share_link
from apps.runs.models import Run
from apps.teams.models import Entity, Organisation
from apps.teams.services import invite
from apps.teams.types import MemberRole
from apps.web.urls import urlpatterns
from tests.factories.people import PASSWORD
from tests.web.conftest import Visit, text_of

pytestmark = pytest.mark.django_db
# Written out for each kind of page; that every page has its headers follows from the middleware.
PAGES = (
    "/teams/lab",
    "/teams/lab/audit",
    "/teams/lab/service-accounts",
    "/organisations/institute",
    "/organisations/institute/audit",
    "/settings/teams",
    "/settings/security",
    "/settings/notifications",
    "/settings/profile",
    "/settings/retention",
    "/lab/vision/settings",
    "/invitations/nothing",
    "/share/nothing",
    "/sign-in/cancelled",
    "/pricing",
)
COOKIE = django_settings.SESSION_COOKIE_NAME
AWAY = (
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example",
    "javascript:alert(1)",
    "http:///evil.example",
)


# Patterns without converters, and the page that looks for its token itself, once it has found the run.
_APART = {"account_confirm_email", "account_reset_password_from_key", "artifact-new", "run-upload"}


def _filled(pattern: URLPattern) -> str:
    given: dict[str, Any] = dict.fromkeys(pattern.pattern.converters, "lab")
    given |= {name: 1 for name, each in pattern.pattern.converters.items() if "Int" in type(each).__name__}
    return reverse(pattern.name or "", kwargs=given)


FORMS = sorted(
    {
        _filled(each)
        for each in urlpatterns
        if each.pattern.converters is not None
        and "POST" in rules_of_url(each.name or "")
        and each.name not in _APART
    }
)


def signed_in() -> Client:
    client = Client(enforce_csrf_checks=True)
    client.force_login(
        User.objects.get(username="alice"), backend="django.contrib.auth.backends.ModelBackend"
    )
    return client


def test_no_form_of_another_site_is_taken(run: Run) -> None:
    client = signed_in()

    of_patterns = ["/account/confirm/nothing", "/account/reset/1-nothing"]
    uploads = ["/lab/vision/runs/run1/upload", "/lab/vision/new-artifact"]

    taken = {url for url in [*FORMS, *of_patterns] if client.post(url, {"name": "x"}).status_code != 403}
    sent = [client.post(url, {"file": SimpleUploadedFile("a.txt", b"x")}).status_code for url in uploads]

    assert len(FORMS) > 50
    assert taken == set()
    assert (sent, RunFile.objects.count()) == ([403, 403], 0)


def test_a_token_is_good_from_this_site_alone(lab: Entity) -> None:
    client = signed_in()
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', client.get("/teams/lab").content.decode())
    assert found is not None
    form = {"csrfmiddlewaretoken": found[1], "role": "member"}

    foreign = client.post("/teams/lab/invitations", form, headers={"origin": "https://evil.example"})
    own = client.post("/teams/lab/invitations", form, headers={"origin": "http://testserver"})

    assert (foreign.status_code, own.status_code) == (403, 200)


@pytest.mark.parametrize("url", PAGES)
def test_no_page_stands_in_a_frame(visit: Visit, institute: Organisation, vision: Project, url: str) -> None:
    answer = visit(url, by="alice")

    assert answer["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]


@pytest.mark.parametrize("url", PAGES)
def test_a_foreign_host_gets_nothing(institute: Organisation, vision: Project, url: str) -> None:
    client = signed_in()

    answer = client.get(url, headers={"host": "evil.example"})

    assert answer.status_code == 400
    assert b"evil.example" not in answer.content


def test_links_in_mails_and_on_pages_are_the_instances_own(lab: Entity, settings: Settings) -> None:
    """Also where a proxy lets any host through."""
    settings.OWNLOG_BASE_URL, settings.ALLOWED_HOSTS = "https://logs.example.org", ["*"]
    client = Client(headers={"host": "evil.example"})
    client.force_login(
        User.objects.get(username="alice"), backend="django.contrib.auth.backends.ModelBackend"
    )

    page = client.post("/teams/lab/invitations", {"role": "member", "email": "new@example.com"})
    linked = client.post("/teams/lab/invitations", {"role": "member"})

    assert "https://logs.example.org/invitations/" in str(mail.outbox[0].body)
    assert "https://logs.example.org/invitations/" in linked.content.decode()
    for text in (str(mail.outbox[0].body), page.content.decode(), linked.content.decode()):
        assert "evil.example" not in text


def _with_a_planted_session(client: Client, visited: str) -> str:
    """The key of a session that began before sign-in; whoever planted it knows it."""
    client.get(visited)
    assert COOKIE in client.cookies
    return str(client.cookies[COOKIE].value)


def test_a_session_from_before_sign_in_is_worth_nothing_after(vision: Project, alice: User) -> None:
    link = make_share_link(vision, label="", days=1, by=Actor.person(alice))
    client = Client()
    planted = _with_a_planted_session(client, f"/share/{link[1]}")

    client.post("/sign-in", {"login": "alice", "password": PASSWORD})

    assert client.get("/settings/sessions").status_code == 200
    attacker = Client()
    attacker.cookies[COOKIE] = planted
    assert attacker.get("/settings/sessions").status_code == 302
    assert attacker.get("/lab/vision").status_code == 404


def test_signing_up_and_out_change_the_session_too(vision: Project, alice: User) -> None:
    link = make_share_link(vision, label="", days=1, by=Actor.person(alice))
    client = Client()
    planted = _with_a_planted_session(client, f"/share/{link[1]}")

    client.post(
        "/sign-up", {"username": "kenji", "email": "kenji@example.com", "password1": "a long way to Kyoto"}
    )
    inside = str(client.cookies[COOKIE].value)
    assert client.get("/settings/sessions").status_code == 200
    client.post("/sign-out")

    for key in (planted, inside):
        attacker = Client()
        attacker.cookies[COOKIE] = key
        assert attacker.get("/settings/sessions").status_code == 302


@pytest.mark.parametrize("where", AWAY)
def test_no_way_onward_leads_to_another_site(lab: Entity, alice: User, mallory: User, where: str) -> None:
    _, secret = invite(lab, role=MemberRole.VIEWER, by=Actor.person(alice))
    anon, client = Client(), Client()
    credentials = {"login": "mallory", "password": PASSWORD}
    joined = {"username": "kenji", "email": "kenji@example.com", "password1": "a long way to Kyoto"}

    answers = [
        client.post("/sign-in", credentials | {"next": where}),
        client.post("/account/again", {"password": PASSWORD, "next": where}),
        client.post(f"/invitations/{secret}", {"next": where}),
        client.post("/settings/notifications", {"name": "mail_keys", "next": where}),
        client.post("/sign-out", {"next": where}),
        anon.post("/account/language", {"language": "ja", "next": where}),
        anon.post("/sign-up", joined | {"next": where}),
    ]

    for answer in answers:
        assert answer.status_code == 302
        assert answer["Location"].startswith("/")
        assert not answer["Location"].startswith(("//", "/\\"))
    for page in ("/sign-in", "/sign-up"):
        shown = Client().get(page, {"next": where})
        assert f'href="{where}"' not in shown.content.decode()
    assert "evil" not in text_of(Client().get("/invitations/nothing", {"next": where}))
