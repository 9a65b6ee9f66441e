"""An account that waits to be erased: it opens nothing at once, nobody reads its name, and its link brings it back as it stood."""

from __future__ import annotations

import pytest
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from django.contrib.sessions.models import Session
from django.test import Client

from apps.access.policy import Permission
from apps.accounts import closing
from apps.accounts.actors import Actor
from apps.accounts.hand_over import make_reset_link
from apps.accounts.models import BrowserSession, User
from apps.accounts.queries import actor_for_api_key, names_of
from apps.accounts.services import reactivate_account
from apps.audit.models import Event
from apps.core.errors import Conflict, Forbidden, NotFound
from apps.erasure.accounts import erase_account
from apps.erasure.models import WayBack
from apps.erasure.taking_back import take_back, take_back_by_link
from apps.erasure.types import Scope, Step
from apps.erasure.ways_back import way_back_for
from apps.projects.gate import working_links
from apps.projects.models import Project
from apps.projects.queries import open_links
from apps.projects.services import make_share_link
from apps.runs.models import Run
from apps.runs.queries import get_run
from apps.teams.choices import SettingName
from apps.teams.models import Entity, Membership
from apps.teams.queries import people_in
from apps.teams.queries.counting import next_counted
from apps.teams.services import (
    choose,
    create_account,
    create_organisation,
    create_team,
)
from apps.teams.types import MemberRole
from tests.factories import people

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P-09")]


def test_it_opens_nothing_at_once_and_nobody_reads_its_name(
    lab: Entity, own: Run, alice: User, bob: User
) -> None:
    secret = people.api_key(bob)
    browser, by = Client(), Actor.person(bob)
    browser.force_login(bob, backend="django.contrib.auth.backends.ModelBackend")
    assert browser.get("/settings/security").status_code == 200
    choose(Entity.objects.get(user=bob), SettingName.STATISTICS, True, by=by)
    assert next_counted(0) == bob

    job, _link = erase_account(bob, by=by)

    assert (job.scope, job.step) == (Scope.ACCOUNT, Step.WAIT)
    assert actor_for_api_key(secret) is None
    assert browser.get("/settings/security").status_code == 302
    assert not BrowserSession.objects.filter(user=bob).exists() and not Session.objects.exists()
    assert [each.name for each in people_in(lab)] == ["alice", "vera"]
    assert names_of([bob.pk]) == {bob.pk: f"~{bob.public_id}"}
    assert next_counted(0) is None
    with pytest.raises(NotFound):
        get_run(Actor.person(alice), Permission.RUN_READ, entity="bob", project="own", name="mine")
    with pytest.raises(NotFound):
        get_run(by, Permission.RUN_READ, entity="bob", project="own", name="mine")
    for name, address in (("bob", "new@example.com"), ("robert", "bob@example.com")):
        with pytest.raises(Conflict):
            create_account(name, email=address)
    reactivate_account(bob, by=Actor.person(alice))
    assert not User.objects.get(pk=bob.pk).is_active
    with pytest.raises(NotFound):
        erase_account(bob, by=by)


def test_its_link_takes_it_back_once_as_it_stood(lab: Entity, own: Run, bob: User) -> None:
    key = people.api_key(bob)
    job, link = erase_account(bob, by=Actor.person(bob))
    assert WayBack.objects.get().secret_sha256_hex != link

    back = take_back_by_link(link)

    assert (back.pk, back.step) == (job.pk, Step.TAKEN_BACK)
    again = User.objects.get(pk=bob.pk)
    assert (again.username, again.is_active, again.erased_at) == ("bob", True, None)
    actor = actor_for_api_key(key)
    assert actor is not None
    assert get_run(actor, Permission.RUN_READ, entity="bob", project="own", name="mine") == own
    assert [each.name for each in people_in(lab)] == ["alice", "bob", "vera"]
    assert Event.objects.get(kind="erasure.taken_back").by == bob.public_id
    with pytest.raises(Conflict):
        take_back_by_link(link)
    with pytest.raises(NotFound):
        take_back_by_link("garbage")


def test_who_signed_in_at_the_moment_of_closing_is_signed_out_when_it_comes_back(own: Run, bob: User) -> None:
    _job, link = erase_account(bob, by=Actor.person(bob))
    late = Client()
    late.force_login(
        bob, backend="django.contrib.auth.backends.ModelBackend"
    )  # their password was looked at before
    assert late.get("/settings/security").status_code == 302

    take_back_by_link(link)

    assert late.get("/settings/security").status_code == 302


def test_a_session_that_the_closing_did_not_see_yet_does_not_outlive_it(
    own: Run, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = Client()
    late.force_login(bob, backend="django.contrib.auth.backends.ModelBackend")
    with monkeypatch.context() as unseen:
        unseen.setattr(closing, "_end_sessions", lambda _user_id: None)
        _job, link = erase_account(bob, by=Actor.person(bob))
    assert BrowserSession.objects.filter(user=bob).exists()

    take_back_by_link(link)

    assert late.get("/settings/security").status_code == 302


def test_links_that_were_mailed_before_change_nothing_while_it_is_closed(own: Run, bob: User) -> None:
    EmailAddress.objects.filter(user=bob).delete()
    waiting = EmailAddress.objects.create(user=bob, email="other@example.com", verified=False)
    password = make_reset_link(bob, by=Actor.operator())
    address, before = f"/account/confirm/{EmailConfirmationHMAC(waiting).key}", bob.password
    _job, link = erase_account(bob, by=Actor.person(bob))
    new = {"password1": "another horse battery", "password2": "another horse battery"}

    browser = Client()
    page = browser.get(password, follow=True)
    browser.post(page.redirect_chain[-1][0] if page.redirect_chain else password, new)
    browser.post(address)

    kept = User.objects.get(pk=bob.pk)
    assert (kept.password, kept.email) == (before, "bob@example.com")
    take_back_by_link(link)
    page = browser.get(password, follow=True)
    browser.post(page.redirect_chain[-1][0], new)
    assert User.objects.get(pk=bob.pk).password != before


def test_operators_read_no_name_of_who_is_being_erased(own: Run, bob: User, alice: User) -> None:
    job, _link = erase_account(bob, by=Actor.person(bob))
    browser = Client()
    browser.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")

    for page in ("", f"{job.pk}/change/"):
        words = browser.get(f"/admin/erasure/erasurejob/{page}")
        assert words.status_code == 200 and "bob" not in words.content.decode()


def test_who_is_closed_founds_nothing(own: Run, bob: User) -> None:
    """By a request that was let in before: nobody could look after it."""
    by = Actor.person(bob)
    erase_account(bob, by=by)

    with pytest.raises(NotFound):
        create_team("orphans", admin=bob, by=by)
    with pytest.raises(NotFound):
        create_organisation("orphanage", by=by)


def test_who_was_suspended_comes_back_suspended(own: Run, bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)
    _job, link = erase_account(bob, by=Actor.operator())

    take_back_by_link(link)

    assert User.objects.values_list("username", "is_active").get(pk=bob.pk) == ("bob", False)


def test_nobody_takes_it_back_without_the_link(lab: Entity, own: Run, alice: User, bob: User) -> None:
    with pytest.raises(Forbidden):
        erase_account(bob, by=Actor.person(alice))  # an operator by her browser is somebody else too
    job, link = erase_account(bob, by=Actor.person(bob))

    with pytest.raises(Forbidden):
        take_back(Actor.person(bob), public_id=job.public_id)  # who asked for it
    with pytest.raises(NotFound):
        take_back(Actor.person(User.objects.get(username="vera")), public_id=job.public_id)
    again = way_back_for("bob", by=Actor.operator())
    with pytest.raises(NotFound):
        take_back_by_link(link)
    take_back_by_link(again)

    assert User.objects.get(pk=bob.pk).is_active


def test_a_link_that_they_made_to_a_project_of_a_team_opens_nothing_while_their_account_waits(
    lab: Entity, vision: Project, own: Run, bob: User
) -> None:
    Membership.objects.filter(user=bob, entity=lab).update(role=MemberRole.ADMIN.value)
    made, _secret = make_share_link(vision, label="", days=7, by=Actor.person(bob))
    assert list(working_links()) == [made]

    _job, link = erase_account(bob, by=Actor.person(bob))
    assert not working_links().exists()
    assert [(each.link, each.is_shut) for each in open_links(vision)] == [(made, True)]

    take_back_by_link(link)
    assert list(working_links()) == [made]
    assert [each.is_shut for each in open_links(vision)] == [False]


def test_other_admins_see_that_link_and_revoke_it_so_that_it_comes_back_with_nobody(
    lab: Entity, vision: Project, own: Run, alice: User, bob: User
) -> None:
    Membership.objects.filter(user=bob, entity=lab).update(role=MemberRole.ADMIN.value)
    made, _secret = make_share_link(vision, label="for the reviewers", days=7, by=Actor.person(bob))
    _job, way_back = erase_account(bob, by=Actor.person(bob))
    browser = Client()
    browser.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    page = browser.get("/lab/vision/settings").content.decode()
    assert "for the reviewers" in page and "opens nothing now" in page and "0 links work" in page
    assert User.objects.get(pk=bob.pk).username not in page

    assert browser.post("/lab/vision/settings/links/revoke", {"link": made.public_id}).status_code == 302

    assert open_links(vision) == []
    take_back_by_link(way_back)
    assert not working_links().exists()
