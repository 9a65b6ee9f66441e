from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection

from apps.access.policy import Role, Visibility
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.accounts.services import KeyTerms, issue_api_key
from apps.audit.models import Event
from apps.core import clock
from apps.core.errors import Invalid, NotFound, OwnlogError
from apps.projects.errors import KeptPrivate
from apps.projects.gate import role_in_project
from apps.projects.models import Project, ProjectMember, ShareLink
from apps.projects.queries import find_share_link, named_people, open_links, share_links
from apps.projects.services import (
    create_project,
    get_or_create_project,
    make_share_link,
    name_person,
    revoke_share_link,
    sharing,
    unname_person,
    update_project,
)
from apps.projects.types import LINK_DAYS, NamedRole
from apps.teams.choices import SettingName
from apps.teams.models import Entity, Organisation, OrganisationMembership
from apps.teams.queries import default_entity
from apps.teams.services import add_member, change_role, choose, make_service_account, remove_member
from apps.teams.types import MemberRole, OrganisationRole
from tests.factories import people, work

pytestmark = pytest.mark.django_db
NOBODY = "Nobody of this user name can be added."
KEPT = "The organisation group keeps the projects of its teams to their own people."


@pytest.fixture
def by(alice: User) -> Actor:
    return Actor.person(alice)


@pytest.fixture
def kept_private(lab: Entity, alice: User, by: Actor) -> Organisation:
    group = Organisation.objects.create(name="group")
    OrganisationMembership.objects.create(organisation=group, user=alice, role=OrganisationRole.ADMIN)
    lab.organisation = group
    lab.save()
    choose(group, SettingName.PRIVATE_ONLY, True, by=by)
    return group


def events(*kinds: str) -> list[tuple[str, dict[str, object]]]:
    return [(each.kind, each.facts) for each in Event.objects.filter(kind__in=kinds).order_by("id")]


# ── by name ──


def test_naming_changing_and_taking_out(vision: Project, by: Actor, bob: User, mallory: User) -> None:
    name_person(vision, username=" Mallory ", role=NamedRole.VIEWER, by=by)
    name_person(vision, username="mallory", role=NamedRole.MEMBER, by=by)
    name_person(vision, username="bob", role=NamedRole.VIEWER, by=by)

    assert [(each.username, each.role, each.is_outsider) for each in named_people(vision)] == [
        ("bob", NamedRole.VIEWER, False),
        ("mallory", NamedRole.MEMBER, True),
    ]

    unname_person(vision, username="mallory", by=by)
    unname_person(vision, username="mallory", by=by)
    unname_person(vision, username="\x00\ud800", by=by)

    assert [each.username for each in named_people(vision)] == ["bob"]
    assert events("sharing.person_named", "sharing.person_removed") == [
        ("sharing.person_named", {"person": mallory.public_id, "role": "viewer"}),
        ("sharing.person_named", {"person": mallory.public_id, "role": "member"}),
        ("sharing.person_named", {"person": bob.public_id, "role": "viewer"}),
        ("sharing.person_removed", {"person": mallory.public_id}),
    ]


def refused(project: Project, username: str, *, by: Actor) -> str:
    with pytest.raises(OwnlogError) as caught:
        name_person(project, username=username, role=NamedRole.VIEWER, by=by)
    assert not ProjectMember.objects.exists()
    return caught.value.message


@pytest.mark.parametrize(
    "typed", ["", "nobody-here", "lab", "\x00", "\ud800", "a" * 10_000, "\u202ebob", "m@x.com"]
)
def test_what_is_nobodys_name_is_refused_in_one_way(vision: Project, by: Actor, typed: str) -> None:
    assert refused(vision, typed, by=by) == NOBODY


def test_whoever_hides_is_refused_like_nobody(vision: Project, by: Actor, mallory: User, bob: User) -> None:
    for user in (mallory, bob):
        actor = Actor.person(user)
        choose(default_entity(actor), SettingName.HIDDEN, True, by=actor)

    assert refused(vision, "mallory", by=by) == NOBODY
    # One's own team knows its people.
    assert name_person(vision, username="bob", role=NamedRole.VIEWER, by=by).is_outsider is False


def test_accounts_that_are_closed_are_nobodys(vision: Project, by: Actor, mallory: User) -> None:
    User.objects.filter(pk=mallory.pk).update(is_active=False)

    assert refused(vision, "mallory", by=by) == NOBODY


def test_admins_need_no_name(vision: Project, by: Actor) -> None:
    assert refused(vision, "alice", by=by) == "Admins see every project. They need not be named."


def test_where_outsiders_are_kept_out_none_is_named_and_none_betrayed(
    vision: Project, by: Actor, mallory: User, bob: User, kept_private: Organisation
) -> None:
    project = Project.objects.select_related("entity").get(pk=vision.pk)

    assert refused(project, "mallory", by=by) == KEPT
    assert refused(project, "nobody-here", by=by) == KEPT
    assert name_person(project, username="bob", role=NamedRole.VIEWER, by=by).user == bob


def test_only_so_many_are_named(
    vision: Project, by: Actor, bob: User, mallory: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "MOST_NAMED", 1)
    name_person(vision, username="bob", role=NamedRole.VIEWER, by=by)
    name_person(vision, username="bob", role=NamedRole.MEMBER, by=by)

    with pytest.raises(Invalid, match="at most 1 people"):
        name_person(vision, username="mallory", role=NamedRole.VIEWER, by=by)


def test_whoever_was_named_from_outside_and_joined_is_out_when_they_are_removed(
    vision: Project, lab: Entity, by: Actor, mallory: User
) -> None:
    update_project(vision, by=by, visibility=Visibility.RESTRICTED)
    vision.refresh_from_db()
    name_person(vision, username="mallory", role=NamedRole.MEMBER, by=by)
    add_member(lab, mallory, role=MemberRole.MEMBER)
    assert role_in_project(Actor.person(mallory), vision) is Role.MEMBER

    remove_member(lab, "mallory", by=by)

    assert role_in_project(Actor.person(mallory), vision) is Role.STRANGER


def test_whoever_has_left_is_listed_as_that(vision: Project, by: Actor, bob: User, lab: Entity) -> None:
    name_person(vision, username="bob", role=NamedRole.VIEWER, by=by)
    lab.memberships.filter(user=bob).delete()

    assert [(each.username, each.has_left) for each in named_people(vision)] == [("bob", True)]


# ── by link ──


@pytest.mark.promise("P-08")
def test_a_link_is_kept_as_a_hash_and_a_sealed_label(vision: Project, by: Actor) -> None:
    link, secret = make_share_link(vision, label="canary for the reviewers", days=7, by=by)

    assert len(secret) == 43
    assert find_share_link(secret) == link
    assert [(each.link, each.label) for each in open_links(vision)] == [(link, "canary for the reviewers")]
    assert timedelta(days=6) < link.expires_at - clock.now() <= timedelta(days=7)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM projects_sharelink")
        rows = repr(
            [[bytes(v) if isinstance(v, memoryview) else v for v in row] for row in cursor.fetchall()]
        )
    assert "canary" not in rows
    assert secret not in rows


def test_a_link_ends_by_itself_and_by_revoking(vision: Project, by: Actor) -> None:
    (first, one), (second, two) = (make_share_link(vision, label="", days=1, by=by) for _ in range(2))
    ShareLink.objects.filter(pk=first.pk).update(expires_at=clock.now())
    revoke_share_link(vision, public_id=second.public_id, by=by)
    revoke_share_link(vision, public_id=second.public_id, by=by)

    for secret in (one, two, "", "\x00", "\ud800", "x" * 43):
        with pytest.raises(NotFound):
            find_share_link(secret)
    assert list(share_links(vision)) == []
    assert events("sharing.link_made", "sharing.link_revoked") == [
        ("sharing.link_made", {"link": first.public_id, "days": 1}),
        ("sharing.link_made", {"link": second.public_id, "days": 1}),
        ("sharing.link_revoked", {"link": second.public_id}),
    ]


@pytest.mark.parametrize("now", [None, MemberRole.MEMBER])
def test_a_link_ends_with_its_maker_being_an_admin(
    vision: Project, lab: Entity, by: Actor, mallory: User, now: MemberRole | None
) -> None:
    add_member(lab, mallory, role=MemberRole.ADMIN)
    link, secret = make_share_link(vision, label="mine", days=30, by=Actor.person(mallory))
    reader = Actor.nobody(shares=frozenset({link.public_id}))
    assert role_in_project(reader, vision) is Role.GUEST

    if now is None:
        remove_member(lab, "mallory", by=by)
    else:
        change_role(lab, "mallory", now, by=by)

    assert role_in_project(reader, vision) is Role.NOBODY
    assert list(share_links(vision)) == []
    with pytest.raises(NotFound):
        find_share_link(secret)


def test_a_link_to_a_project_of_ones_own_works(alice: User, by: Actor) -> None:
    own = create_project(by, entity=None, name="own")

    link, _ = make_share_link(own, label="", days=30, by=by)

    assert role_in_project(Actor.nobody(shares=frozenset({link.public_id})), own) is Role.GUEST


def test_a_link_of_another_project_is_not_revoked_here(vision: Project, by: Actor, alice: User) -> None:
    other = work.project("lab", "speech", by=alice)
    link, secret = make_share_link(other, label="", days=1, by=by)

    for public_id in (link.public_id, "\x00", ""):
        with pytest.raises(NotFound):
            revoke_share_link(vision, public_id=public_id, by=by)
    assert find_share_link(secret) == link


@pytest.mark.parametrize("days", [0, -1, 2, 366, 10**9])
def test_no_link_works_for_ever(vision: Project, by: Actor, days: int) -> None:
    with pytest.raises(Invalid):
        make_share_link(vision, label="", days=days, by=by)
    assert max(LINK_DAYS) == 365


def test_labels_and_links_are_bounded(vision: Project, by: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Invalid, match="at most 200 characters"):
        make_share_link(vision, label="x" * 201, days=1, by=by)
    monkeypatch.setattr(sharing, "MOST_LINKS", 1)
    make_share_link(vision, label="x" * 200, days=1, by=by)
    with pytest.raises(Invalid, match="at most 1 links"):
        make_share_link(vision, label="", days=1, by=by)


def test_where_outsiders_are_kept_out_there_are_no_links(
    vision: Project, by: Actor, kept_private: Organisation
) -> None:
    with pytest.raises(KeptPrivate) as caught:
        make_share_link(Project.objects.select_related("entity").get(), label="", days=1, by=by)
    assert caught.value.message == KEPT


# ── visibility ──


def test_a_change_of_visibility_is_recorded_with_what_was(vision: Project, by: Actor) -> None:
    update_project(vision, by=by, visibility=Visibility.PUBLIC)
    update_project(vision, by=by, visibility=Visibility.PUBLIC)
    update_project(vision, by=by, visibility=Visibility.PRIVATE)

    assert events("sharing.visibility_changed") == [
        ("sharing.visibility_changed", {"before": "private", "after": "public"}),
        ("sharing.visibility_changed", {"before": "public", "after": "private"}),
    ]


@pytest.mark.parametrize("visibility", [Visibility.PUBLIC, Visibility.OPEN])
def test_where_outsiders_are_kept_out_nothing_is_published(
    vision: Project, by: Actor, kept_private: Organisation, visibility: Visibility
) -> None:
    with pytest.raises(KeptPrivate):
        update_project(vision, by=by, visibility=visibility)
    with pytest.raises(KeptPrivate):
        create_project(by, entity="lab", name="new", visibility=visibility)
    with pytest.raises(KeptPrivate):
        get_or_create_project(by, entity="lab", name="new", visibility=visibility)

    assert [each.visibility for each in Project.objects.all()] == ["private"]
    assert update_project(vision, by=by, visibility=Visibility.RESTRICTED).visibility == "restricted"


@pytest.mark.promise("P-10")
@pytest.mark.parametrize("chosen", Visibility)
def test_new_projects_are_as_visible_as_their_entity_has_chosen(
    lab: Entity, by: Actor, bob: User, chosen: Visibility
) -> None:
    choose(lab, SettingName.DEFAULT_VISIBILITY, chosen.value, by=by)

    made = [
        get_or_create_project(Actor.person(bob), entity="lab", name="by-its-first-run"),
        create_project(Actor.person(bob), entity="lab", name="by-hand"),
    ]

    assert {each.visibility for each in made} == {chosen.value}
    # Whoever makes a project can log to it.
    assert {role_in_project(Actor.person(bob), each) for each in made} == {Role.MEMBER}


def test_a_member_departs_from_what_was_chosen_only_if_they_may_share(
    lab: Entity, by: Actor, bob: User
) -> None:
    with pytest.raises(OwnlogError, match="does not allow to change who sees projects"):
        create_project(Actor.person(bob), entity="lab", name="new", visibility=Visibility.PUBLIC)
    assert not Project.objects.exists()

    same = create_project(Actor.person(bob), entity="lab", name="new", visibility=Visibility.PRIVATE)
    assert same.visibility == "private"
    made = create_project(by, entity="lab", name="open", visibility=Visibility.OPEN)
    assert made.visibility == "open"


def test_a_service_account_of_the_team_is_named_by_its_handle_and_one_of_elsewhere_is_nobody(
    lab: Entity, vision: Project, alice: User, mallory: User, by: Actor
) -> None:
    vision = update_project(vision, by=by, visibility=Visibility.RESTRICTED)
    ours = make_service_account(lab, "nightly", role=MemberRole.MEMBER, by=by).user
    other = people.team("other", admin=mallory)
    theirs = make_service_account(other, "spy", role=MemberRole.MEMBER, by=Actor.person(mallory)).user
    key, _ = issue_api_key(ours, by=by, terms=KeyTerms(only_entity=lab.pk))
    acting = Actor.person(ours, api_key=key)
    assert role_in_project(acting, vision) is Role.STRANGER

    name_person(vision, username=ours.username, role=NamedRole.MEMBER, by=by)
    assert role_in_project(acting, vision) is Role.MEMBER
    with pytest.raises(Invalid, match=NOBODY):
        name_person(vision, username=theirs.username, role=NamedRole.VIEWER, by=by)
    unname_person(vision, username=ours.username, by=by)
    assert role_in_project(acting, vision) is Role.STRANGER
