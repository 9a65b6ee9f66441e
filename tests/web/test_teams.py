from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.test import Client
from pytest_django.fixtures import Settings

from apps.accounts.models import User
from apps.projects.models import Project
from apps.teams.models import Entity, Invitation, Membership, Organisation
from apps.teams.services import add_member
from apps.teams.types import MemberRole
from tests.factories import people, work
from tests.web.conftest import Visit, text_of

HTMX = {"HX-Request": "true"}


def signed_in(name: str) -> Client:
    client = Client()
    client.force_login(User.objects.get(username=name), backend="django.contrib.auth.backends.ModelBackend")
    return client


def role_of(name: str) -> str | None:
    return (
        Membership.objects.filter(user__username=name, entity__name="lab")
        .values_list("role", flat=True)
        .first()
    )


def link_in(text: str) -> str:
    found = re.search(r"http://testserver(/invitations/[\w-]+)", text)
    assert found is not None
    return found[1]


# ── Who may see and do what ──


@pytest.mark.parametrize(
    ("who", "status"), [("alice", 200), ("bob", 200), ("vera", 200), ("mallory", 404), (None, 404)]
)
def test_the_page_of_a_team_by_role(
    visit: Visit, lab: Entity, mallory: User, who: str | None, status: int
) -> None:
    assert visit("/teams/lab", by=who).status_code == status


@pytest.mark.parametrize(
    "url", ["/teams/alice", "/teams/nothing", "/teams/%00", "/organisations/lab", "/teams/institute"]
)
def test_what_is_no_team_is_not_found_like_one_that_is_not_shared(
    visit: Visit, institute: Organisation, mallory: User, url: str
) -> None:
    assert visit(url, by="alice").status_code == 404

    def page(address: str) -> str:
        return re.sub(
            r'[\w-]{64}|value="[^"]*"|next=[^"]*', "", visit(address, by="mallory").content.decode()
        )

    assert page("/teams/lab") == page("/teams/nothing")
    assert page("/organisations/institute") == page("/organisations/nothing")


ACTS = {
    "people/bob/role": {"role": "viewer"},
    "people/bob/remove": {},
    "hand-over": {"to": "bob"},
    "invitations": {"role": "member"},
    f"invitations/{'a' * 20}/revoke": {},
}


@pytest.mark.parametrize(("act", "form"), ACTS.items())
@pytest.mark.parametrize(("who", "status"), [("bob", 403), ("vera", 403), ("mallory", 404), (None, 404)])
def test_what_admins_do_is_refused_to_others(
    send: Visit, lab: Entity, mallory: User, who: str | None, status: int, act: str, form: dict[str, str]
) -> None:
    assert send(f"/teams/lab/{act}", by=who, **form).status_code == status
    assert (role_of("bob"), Invitation.objects.count()) == ("member", 0)


@pytest.mark.parametrize("who", ["bob", "vera"])
def test_members_see_who_is_in_and_nothing_to_change(
    visit: Visit, send: Visit, lab: Entity, who: str
) -> None:
    send("/teams/lab/invitations", by="alice", role="member", email="zoe@example.com")

    page = visit("/teams/lab", by=who)

    assert "alice" in text_of(page)
    assert "zoe@example.com" not in text_of(page)
    assert "/role" not in page.content.decode()


def test_my_teams_are_listed_with_my_role(visit: Visit, institute: Organisation, bob: User) -> None:
    people.team("attic", admin=bob)

    page = text_of(visit("/settings/teams", by="bob"))

    assert re.search(r"attic Admin 1 – lab Member 3 institute", page)
    assert "You are in no team" in text_of(visit("/settings/teams", by=people.person("zoe").username))


def test_a_teams_projects_lead_to_its_people_for_those_who_are_in_it(
    visit: Visit, lab: Entity, mallory: User
) -> None:
    project = work.project("lab", "shown", by=User.objects.get(username="alice"))
    Project.objects.filter(pk=project.pk).update(visibility="public")

    assert 'href="/teams/lab"' in visit("/lab", by="vera").content.decode()
    assert 'href="/teams/' not in visit("/vera", by="vera").content.decode()
    public = visit("/lab", by="mallory")
    assert (public.status_code, "/teams/lab" in public.content.decode()) == (200, False)


# ── Making one ──


def test_a_team_is_made_by_its_first_admin(send: Visit, visit: Visit, alice: User) -> None:
    answer = send("/settings/teams/new", by="alice", name=" Attic ")

    assert answer["Location"] == "/teams/attic"
    assert "Invite somebody" in text_of(visit("/teams/attic", by="alice"))


@pytest.mark.parametrize("kind", ["teams", "organisations"])
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "needs a name"),
        ("a", "2 to 39 small letters"),
        ("a/b", "2 to 39 small letters"),
        ("<script>", "2 to 39 small letters"),
        ("a\u202eb", "2 to 39 small letters"),
        ("a\x00b", "Null characters"),
        ("x" * 10_000, "200 characters"),
        ("settings", "kept for the instance"),
        ("alice", "taken"),
        ("lab", "taken"),
        ("institute", "taken"),
    ],
)
def test_a_name_that_cannot_be_is_refused_beside_the_field(
    send: Visit, institute: Organisation, kind: str, name: str, reason: str
) -> None:
    answer = send(f"/settings/{kind}/new", by="alice", name=name)

    assert answer.status_code == 400
    field = re.search(r'<p class="error" id="id_name-error">.*?</p>', answer.content.decode())
    assert field is not None
    assert reason in field[0]
    assert "<script>" not in field[0]
    assert (Entity.objects.filter(user=None).count(), Organisation.objects.count()) == (1, 1)


def test_on_a_hosted_instance_the_page_leads_to_the_plans(
    visit: Visit, send: Visit, alice: User, settings: Settings
) -> None:
    settings.OWNLOG_HOSTED = True

    for page in (visit("/settings/teams", by="alice"), visit("/settings/teams/new", by="alice")):
        assert 'href="/pricing"' in page.content.decode()
    assert send("/settings/teams/new", by="alice", name="attic").status_code == 403
    assert send("/settings/organisations/new", by="alice", name="attic").status_code == 403
    assert not Entity.objects.filter(name="attic").exists()


# ── Roles, leaving, removing ──


def test_a_role_is_changed_in_place(lab: Entity) -> None:
    answer = signed_in("alice").post("/teams/lab/people/bob/role", {"role": "viewer"}, headers=HTMX)

    assert answer.status_code == 200
    assert answer.content.decode().lstrip().startswith('<div id="members">')
    assert role_of("bob") == "viewer"


def test_ones_own_role_changes_the_whole_page(lab: Entity, bob: User) -> None:
    add_member(lab, bob, role=MemberRole.ADMIN)

    answer = signed_in("alice").post("/teams/lab/people/alice/role", {"role": "member"}, headers=HTMX)

    assert (answer.status_code, answer["HX-Refresh"]) == (204, "true")
    assert role_of("alice") == "member"


@pytest.mark.parametrize(
    ("url", "form", "status"),
    [
        ("/teams/lab/leave", {}, 409),
        ("/teams/lab/people/alice/remove", {}, 409),
        ("/teams/lab/people/alice/role", {"role": "viewer"}, 409),
    ],
)
def test_the_last_admin_is_told_why_they_stay(
    send: Visit, lab: Entity, url: str, form: dict[str, str], status: int
) -> None:
    answer = send(url, by="alice", **form)

    assert answer.status_code == status
    assert "The team would be without an admin" in text_of(answer)
    assert role_of("alice") == "admin"
    part = signed_in("alice").post("/teams/lab/people/alice/role", {"role": "viewer"}, headers=HTMX)
    assert (part.status_code, "without an admin" in text_of(part)) == (200, True)


def test_the_only_admin_reads_beside_the_button_why_they_stay(visit: Visit, lab: Entity, bob: User) -> None:
    asked = '<button class="btn brick" type="submit" disabled aria-describedby="sole-admin">Leave</button>'

    alone = visit("/teams/lab", by="alice")
    assert "You are the only admin: hand over first" in text_of(alone)
    assert asked in alone.content.decode()
    assert asked not in visit("/teams/lab", by="bob").content.decode()

    add_member(lab, bob, role=MemberRole.ADMIN)
    assert asked not in visit("/teams/lab", by="alice").content.decode()


@pytest.mark.parametrize("role", ["", "owner", "<b>", "x" * 10_000])
def test_a_role_that_is_none_changes_nothing(send: Visit, lab: Entity, role: str) -> None:
    answer = send("/teams/lab/people/bob/role", by="alice", role=role)

    assert "There is no such role" in text_of(answer)
    assert role_of("bob") == "member"


def test_whoever_is_removed_sees_nothing_from_the_next_request_on(lab: Entity) -> None:
    bob = signed_in("bob")
    assert bob.get("/teams/lab").status_code == bob.get("/lab").status_code == 200

    signed_in("alice").post("/teams/lab/people/bob/remove")

    assert bob.get("/teams/lab").status_code == bob.get("/lab").status_code == 404
    assert "lab" not in text_of(bob.get("/settings/teams")).split()


def test_a_member_leaves_and_an_admin_hands_over(send: Visit, lab: Entity) -> None:
    assert send("/teams/lab/leave", by="vera")["Location"] == "/settings/teams"
    assert send("/teams/lab/hand-over", by="alice", to="bob").status_code == 302

    assert (role_of("alice"), role_of("bob"), role_of("vera")) == ("member", "admin", None)
    answer = send("/teams/lab/hand-over", by="bob", to="mallory")
    assert (answer.status_code, "no such person" in text_of(answer)) == (400, True)


# ── Invitations ──


def test_an_invitation_by_mail_carries_a_link_and_the_teams_name_alone(send: Visit, lab: Entity) -> None:
    answer = send("/teams/lab/invitations", by="alice", email="zoe@example.com", role="viewer")

    (message,) = mail.outbox
    assert message.to == ["zoe@example.com"]
    assert message.subject == "[Ownlog] Invitation to the team lab"
    assert link_in(str(message.body)) == link_in(answer.content.decode())
    for word in ("alice", "viewer", "zoe"):
        assert word not in str(message.body)


def test_the_mail_speaks_the_language_of_whoever_invites(lab: Entity, alice: User) -> None:
    alice.language = "ja"
    alice.save()

    signed_in("alice").post("/teams/lab/invitations", {"email": "zoe@example.com", "role": "viewer"})

    assert "招待" in mail.outbox[0].subject
    assert "招待" in str(mail.outbox[0].body)


def test_inviting_answers_and_writes_the_same_whether_the_address_has_an_account(
    send: Visit, lab: Entity, mallory: User
) -> None:
    def told(address: str) -> tuple[str, str]:
        answer = send("/teams/lab/invitations", by="alice", email=address, role="member")
        made = Invitation.objects.latest("pk")
        words = re.sub(r"/invitations/[\w-]+", "/invitations/…", text_of(answer) + str(mail.outbox[-1].body))
        made.delete()
        return answer.reason_phrase, words.replace(address, "…")

    assert told("mallory@example.com") == told("nobody@example.com")


@pytest.mark.parametrize(
    ("email", "reason"),
    [
        ("nobody", "not an e-mail address"),
        ("a@b.cc\nBcc: x@y.zz", "not an e-mail address"),
        ("<img src=x>@example.com", "not an e-mail address"),
        ("x" * 10_000 + "@example.com", "not an e-mail address"),
        ("a\x00@example.com", "not an e-mail address"),
    ],
)
def test_an_address_that_is_none_is_refused_beside_the_field(
    send: Visit, lab: Entity, email: str, reason: str
) -> None:
    answer = send("/teams/lab/invitations", by="alice", email=email, role="member")

    field = re.search(r'<p class="error" id="id_email-error">.*?</p>', answer.content.decode())
    assert field is not None
    assert reason in field[0]
    assert (answer.status_code, len(mail.outbox), Invitation.objects.count()) == (400, 0, 0)


def test_a_mail_that_fails_loses_no_invitation(
    send: Visit, lab: Entity, mallory: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object) -> int:
        raise ConnectionRefusedError

    monkeypatch.setattr(EmailBackend, "send_messages", refuse)

    answer = send("/teams/lab/invitations", by="alice", email="mallory@example.com", role="member")

    assert answer.status_code == 200
    assert "No mail went out" in text_of(answer)
    assert send(link_in(answer.content.decode()), by="mallory")["Location"] == "/teams/lab"


def test_admins_see_and_revoke_what_is_open(visit: Visit, send: Visit, lab: Entity) -> None:
    sent = send("/teams/lab/invitations", by="alice", email="zoe@example.com", role="viewer")
    for days in (1, 2):
        send("/teams/lab/invitations", by="alice", role="member")
        link = Invitation.objects.latest("pk")
        Invitation.objects.filter(pk=link.pk).update(created_at=link.created_at - timedelta(days=days))

    page = visit("/teams/lab", by="alice")
    assert "zoe@example.com" in text_of(page)
    made = [
        each.replace(microsecond=0).isoformat()
        for each in Invitation.objects.filter(role="member").values_list("created_at", flat=True)
    ]
    assert len(set(made)) == 2 and all(each in page.content.decode() for each in made)
    assert "whoever has the link made" in text_of(page)
    assert link_in(sent.content.decode()).rpartition("/")[2] not in page.content.decode()

    public_id = Invitation.objects.get(role="viewer").public_id
    assert send(f"/teams/lab/invitations/{public_id}/revoke", by="alice").status_code == 302
    assert "zoe@example.com" not in text_of(visit("/teams/lab", by="alice"))


def test_whoever_is_invited_joins_with_a_button(
    visit: Visit, send: Visit, lab: Entity, mallory: User
) -> None:
    link = link_in(send("/teams/lab/invitations", by="alice", role="viewer").content.decode())

    page = visit(link, by="mallory")
    assert page.status_code == 200
    assert "mallory@example.com" in text_of(page)
    assert role_of("mallory") is None

    assert send(link, by="mallory")["Location"] == "/teams/lab"
    assert role_of("mallory") == "viewer"
    assert visit(link, by="mallory")["Location"] == "/teams/lab"


def test_every_secret_that_opens_nothing_is_answered_alike(
    visit: Visit, send: Visit, lab: Entity, mallory: User
) -> None:
    link = link_in(send("/teams/lab/invitations", by="alice", role="viewer").content.decode())
    send(link, by="mallory")

    def words(url: str, by: str | None) -> tuple[int, str]:
        answer = visit(url, by=by)
        return answer.status_code, text_of(answer)

    for by in (None, "bob"):
        assert words(link, by) == words("/invitations/nothing", by)
        assert words(link, by)[0] == 404
    assert send("/invitations/nothing", by="bob").status_code == 404
    assert send("/invitations/%00", by=None).status_code == 404


def test_whoever_is_in_already_is_told_so(send: Visit, lab: Entity) -> None:
    link = link_in(send("/teams/lab/invitations", by="alice", role="admin").content.decode())

    answer = send(link, by="vera")

    assert (answer.status_code, "You are in already" in text_of(answer)) == (409, True)
    assert role_of("vera") == "viewer"


def test_joining_wants_the_form_of_this_instance(send: Visit, lab: Entity, mallory: User) -> None:
    link = link_in(send("/teams/lab/invitations", by="alice", role="viewer").content.decode())
    client = Client(enforce_csrf_checks=True)
    client.force_login(mallory, backend="django.contrib.auth.backends.ModelBackend")

    assert client.post(link).status_code == 403
    assert role_of("mallory") is None


# ── With a new account ──

NEW = {"username": "zoe", "email": "zoe@example.com", "password1": "a long pass phrase"}


def test_without_an_account_one_makes_it_first_and_joins_then(send: Visit, lab: Entity) -> None:
    link = link_in(send("/teams/lab/invitations", by="alice", role="viewer").content.decode())
    client = Client()
    assert client.post(link).status_code == 200  # nobody is signed in: the page says how to go on
    ways = re.findall(r'href="(/sign-[^"]+[?][^"]+)"', client.get(link).content.decode())
    assert len(ways) == 2

    up = next(way for way in ways if way.startswith("/sign-up")).replace("&amp;", "&")
    made = client.post(up, NEW | {"next": link})

    assert made["Location"] == link
    assert role_of("zoe") is None  # sign-up is open: nothing is used up unasked
    assert client.post(link)["Location"] == "/teams/lab"
    assert role_of("zoe") == "viewer"


def test_where_sign_up_takes_an_invitation_one_to_a_team_is_one(
    send: Visit, lab: Entity, settings: Settings
) -> None:
    settings.OWNLOG_SIGN_UP = "invited"
    link = link_in(send("/teams/lab/invitations", by="alice", role="viewer").content.decode())
    secret = link.rpartition("/")[2]
    assert Client().post("/sign-up", NEW).status_code == 200
    assert not User.objects.filter(username="zoe").exists()

    client = Client()
    made = client.post("/sign-up", NEW | {"invitation": secret, "next": link})

    assert made["Location"] == link
    assert role_of("zoe") == "viewer"  # one invitation, one account
    assert client.get(link)["Location"] == "/teams/lab"
    again = Client().post(
        "/sign-up", NEW | {"username": "eve", "email": "eve@example.com", "invitation": secret}
    )
    assert again.status_code == 200
    assert not User.objects.filter(username="eve").exists()


def test_where_sign_up_is_closed_an_invitation_makes_no_account(
    visit: Visit, send: Visit, lab: Entity, settings: Settings
) -> None:
    settings.OWNLOG_SIGN_UP = "closed"
    link = link_in(send("/teams/lab/invitations", by="alice", role="viewer").content.decode())

    assert "/sign-up" not in visit(link).content.decode()
    Client().post("/sign-up", NEW | {"invitation": link.rpartition("/")[2]})
    assert not User.objects.filter(username="zoe").exists()
