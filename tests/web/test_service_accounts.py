from __future__ import annotations

import re

import pytest
from django.test import Client

from apps.access.policy import Role
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.accounts.queries import actor_for_api_key
from apps.audit.events import EventKind
from apps.audit.models import Event
from apps.projects.gate import role_in_project
from apps.projects.models import Project
from apps.teams.models import Entity, ServiceAccount
from apps.teams.services import (
    KeyWanted,
    change_role,
    make_service_account,
    make_service_key,
    remove_member,
)
from apps.teams.types import MemberRole
from tests.factories import people, work
from tests.web.conftest import Visit, text_of

pytestmark = pytest.mark.django_db
PAGE = "/teams/lab/service-accounts"
_SECRET = re.compile(r"own_[A-Za-z0-9]{36}")


@pytest.fixture
def ci(lab: Entity, alice: User) -> ServiceAccount:
    return make_service_account(lab, "Nightly <i>CI</i>", role=MemberRole.MEMBER, by=people.actor(alice))


def test_an_admin_makes_one_and_gives_it_a_key_that_is_shown_once(
    send: Visit, visit: Visit, lab: Entity, alice: User
) -> None:
    made = send(PAGE, by="alice", name="Nightly CI", role="viewer")
    here = made["Location"]
    page = send(here, by="alice", name="cluster", scope="read", lifetime="30").content.decode()
    secret = _SECRET.search(page)
    assert secret is not None

    actor = actor_for_api_key(secret[0])
    assert actor is not None and actor.is_service
    again = visit(here, by="alice").content.decode()
    assert "cluster" in again
    assert secret[0] not in again

    revoke = re.search(rf'action="({here}/keys/[a-z0-9]+/revoke)"', again)
    assert revoke is not None
    assert send(revoke[1], by="alice")["Location"] == here
    assert actor_for_api_key(secret[0]) is None


@pytest.mark.parametrize(
    ("role", "scope", "logs"), [("member", "write", True), ("member", "read", False), ("viewer", "", False)]
)
def test_its_new_key_is_shown_with_lines_that_work(
    send: Visit, lab: Entity, alice: User, role: str, scope: str, logs: bool
) -> None:
    made = make_service_account(lab, "CI", role=MemberRole(role), by=people.actor(alice))

    page = send(f"{PAGE}/{made.public_id}", by="alice", scope=scope).content.decode()

    assert ("wandb.init" in page, "wandb.Api" in page) == (logs, not logs)


def test_its_role_is_changed_and_counts_for_keys_that_it_has(
    send: Visit, visit: Visit, ci: ServiceAccount, alice: User, vision: Project
) -> None:
    _, secret = make_service_key(ci.entity, ci.public_id, KeyWanted(), by=people.actor(alice))
    here = f"{PAGE}/{ci.public_id}"

    assert send(f"{here}/role", by="alice", role="viewer")["Location"] == here
    assert send(f"{here}/role", by="alice", role="owner").status_code == 400

    actor = actor_for_api_key(secret)
    assert actor is not None
    assert role_in_project(actor, vision) is Role.VIEWER
    assert '<option value="viewer" selected>' in visit(here, by="alice").content.decode()
    noted = Event.objects.get(kind=EventKind.MEMBER_ROLE_CHANGED.value)
    assert (noted.facts["before"], noted.facts["after"]) == ("member", "viewer")


def test_removing_one_ends_it(send: Visit, visit: Visit, ci: ServiceAccount, alice: User) -> None:
    _, secret = make_service_key(ci.entity, ci.public_id, KeyWanted(), by=people.actor(alice))

    assert send(f"{PAGE}/{ci.public_id}/remove", by="alice")["Location"] == PAGE
    assert actor_for_api_key(secret) is None
    assert "Nightly" not in visit(PAGE, by="alice").content.decode()
    assert visit(f"{PAGE}/{ci.public_id}", by="alice").status_code == 404


def test_everybody_in_the_team_sees_which_there_are(visit: Visit, ci: ServiceAccount) -> None:
    page = visit(PAGE, by="vera").content.decode()

    assert "Nightly &lt;i&gt;CI&lt;/i&gt;" in page
    assert "<form" not in page.partition('id="main"')[2].partition("</main>")[0]
    assert "1 service account acts here too" in text_of(visit("/teams/lab", by="vera"))


@pytest.mark.parametrize(("who", "status"), [("bob", 403), ("vera", 403), ("mallory", 404), (None, 404)])
def test_who_is_no_admin_changes_nothing(
    send: Visit, visit: Visit, ci: ServiceAccount, alice: User, mallory: User, who: str | None, status: int
) -> None:
    key, secret = make_service_key(ci.entity, ci.public_id, KeyWanted(), by=people.actor(alice))
    here = f"{PAGE}/{ci.public_id}"

    assert visit(here, by=who).status_code == status
    for url in (PAGE, here, f"{here}/role", f"{here}/remove", f"{here}/keys/{key.public_id}/revoke"):
        assert send(url, by=who, name="x", role="admin").status_code == status
    assert actor_for_api_key(secret) is not None
    assert ServiceAccount.objects.count() == 1


def test_to_outsiders_it_is_like_one_that_never_was(visit: Visit, ci: ServiceAccount, mallory: User) -> None:
    for url in (PAGE, f"{PAGE}/{ci.public_id}"):
        there, nowhere = (visit(each, by="mallory") for each in (url, url.replace("/lab/", "/nothing/")))

        assert there.status_code == nowhere.status_code == 404
        assert text_of(there) == text_of(nowhere)


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ({"name": "", "role": "member"}, "It needs a name."),
        ({"name": "<b>x</b>" * 2_000, "role": "member"}, "A name has no more than 80 characters."),
        ({"name": "a\u202eb", "role": "member"}, "A name has no control characters."),
        ({"name": "a\0b", "role": "member"}, "Null characters are not allowed."),
        ({"name": "ci", "role": "owner"}, "There is no such role."),
    ],
)
def test_what_cannot_be_is_said_beside_the_field(
    send: Visit, lab: Entity, sent: dict[str, str], reason: str
) -> None:
    answer = send(PAGE, by="alice", **sent)

    assert answer.status_code == 400
    assert reason in text_of(answer)
    assert "<b>x</b>" not in answer.content.decode()
    assert not ServiceAccount.objects.exists()


def test_a_run_says_who_logged_it(visit: Visit, ci: ServiceAccount, vision: Project) -> None:
    work.run(vision, "run1", by=ci.user)

    assert "Nightly &lt;i&gt;CI&lt;/i&gt;" in visit("/lab/vision/runs/run1", by="bob").content.decode()


def test_the_record_says_which_was_made(visit: Visit, ci: ServiceAccount) -> None:
    page = visit("/teams/lab/audit", by="alice", kind="service_account.made").content.decode()

    assert "Nightly &lt;i&gt;CI&lt;/i&gt;" in page


def test_a_key_of_somebody_who_is_no_admin_any_more_says_so(
    visit: Visit, lab: Entity, alice: User, bob: User
) -> None:
    by = Actor.person(alice)
    account = make_service_account(lab, "nightly", role=MemberRole.MEMBER, by=by)
    change_role(lab, "bob", MemberRole.ADMIN, by=by)
    make_service_key(lab, account.public_id, KeyWanted(name="one"), by=by)
    make_service_key(lab, account.public_id, KeyWanted(name="two"), by=Actor.person(bob))
    url = f"{PAGE}/{account.public_id}"
    assert "no admin any more" not in visit(url, by="alice").content.decode()

    remove_member(lab, "bob", by=by)

    page = visit(url, by="alice").content.decode()
    assert page.count("<strong>no admin any more</strong>") == 1
    assert "by <bdi>bob</bdi> · <strong>" in page
    assert "may have kept them" in page


@pytest.mark.parametrize("act", ["role", "remove"])
def test_one_button_revokes_what_an_admin_made_who_is_none_any_more(
    send: Visit, visit: Visit, ci: ServiceAccount, alice: User, bob: User, act: str
) -> None:
    change_role(ci.entity, "bob", MemberRole.ADMIN, by=people.actor(alice))
    _, his = make_service_key(ci.entity, ci.public_id, KeyWanted(), by=people.actor(bob))
    _, hers = make_service_key(ci.entity, ci.public_id, KeyWanted(), by=people.actor(alice))
    assert "Revoke these keys" not in text_of(visit("/teams/lab", by="alice"))

    send(f"/teams/lab/people/bob/{act}", by="alice", role="member")

    assert "1 key of a service account was made by somebody who is no admin any more." in text_of(
        visit("/teams/lab", by="alice")
    )
    assert "no admin any more" not in text_of(visit("/teams/lab", by="vera"))
    assert send(f"{PAGE}/left-over-keys/revoke", by="vera").status_code == 403
    assert actor_for_api_key(his) is not None
    assert send(f"{PAGE}/left-over-keys/revoke", by="alice")["Location"] == "/teams/lab"
    assert actor_for_api_key(his) is None
    assert actor_for_api_key(hers) is not None
    assert "no admin any more" not in text_of(visit("/teams/lab", by="alice"))


def test_a_page_of_people_is_loaded_again_when_somebody_may_have_kept_keys(
    ci: ServiceAccount, alice: User, bob: User
) -> None:
    change_role(ci.entity, "bob", MemberRole.ADMIN, by=people.actor(alice))
    make_service_key(ci.entity, ci.public_id, KeyWanted(), by=people.actor(bob))
    client = Client()
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")

    answer = client.post("/teams/lab/people/bob/role", {"role": "member"}, headers={"HX-Request": "true"})

    assert answer.headers["HX-Refresh"] == "true"
