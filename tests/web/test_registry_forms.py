"""Registries by hand: made, changed, people named in them, versions linked and unlinked; and who is offered which of it."""

from __future__ import annotations

import re

import pytest

from apps.access.policy import Visibility
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.models import Collection, Link, Version
from apps.artifacts.queries import (
    find_collection,
    links_in,
    members_of_registry,
    registry_words,
    teams_of_registry,
)
from apps.artifacts.services import create_registry, link_version, update_registry
from apps.erasure.models import ErasureJob
from apps.projects.models import Project, ProjectMember, ProjectTeam, ShareLink
from apps.projects.queries import open_project
from apps.projects.services import name_in_registry
from apps.projects.types import RegistryRole
from apps.teams.models import Organisation, OrganisationMembership
from apps.teams.services import let_team_go
from tests.erasure.conftest import finish
from tests.factories import artifacts
from tests.web import hostile
from tests.web.conftest import Visit, text_of

NEW = "/organisations/institute/registries/new"
REGISTRY = "/institute/wandb-registry-models"
SETTINGS = f"{REGISTRY}/settings"
VERSION = "/lab/vision/artifacts/model/net/v0"
LINKED = f"{REGISTRY}/artifacts/model/prod/v0"


@pytest.fixture
def by(alice: User) -> Actor:
    return Actor.person(alice)


@pytest.fixture
def models(institute: Organisation, by: Actor) -> Project:
    return create_registry(institute, name="models", by=by)


@pytest.fixture
def net(vision: Project, by: Actor) -> Version:
    return artifacts.version(vision, "net", {"w.bin": b"one"}, by=by, type_name="model")


def seen(visit: Visit, *, by: str = "alice") -> str:
    found = re.search(r'name="seen" value="(\w+)"', visit(SETTINGS, by=by).content.decode())
    assert found is not None
    return found[1]


# ── a registry ──


@pytest.mark.parametrize(("who", "status"), [("alice", 200), ("bob", 403), ("vera", 404), (None, 404)])
def test_a_registry_is_made_by_admins_of_the_organisation(
    visit: Visit, send: Visit, institute: Organisation, bob: User, vera: User, who: str | None, status: int
) -> None:
    OrganisationMembership.objects.create(organisation=institute, user=bob, role="member")

    assert visit(NEW, by=who).status_code == status
    if status != 200:
        assert send(NEW, by=who, name="models", visibility="private").status_code == status
    assert not Project.objects.filter(entity__kind="org").exists()


def test_a_registry_is_made_with_what_the_form_says(
    visit: Visit, send: Visit, institute: Organisation
) -> None:
    answer = send(
        NEW,
        by="alice",
        name="models",
        description="We\r\nship",
        visibility="restricted",
        types="model\n\nmodel",
    )
    made = Project.objects.select_related("entity").get(entity__kind="org")

    assert (answer.status_code, answer["Location"]) == (302, SETTINGS)
    assert (open_project(made).description, made.visibility) == ("We\nship", "restricted")
    words = registry_words(made)
    assert (words.takes_all_types, words.types) == (False, ("model",))
    assert f'href="{NEW}"' in visit("/organisations/institute", by="alice").content.decode()
    assert f'href="{NEW}"' in visit("/institute", by="alice").content.decode()
    assert send(NEW, by="alice", name="other", visibility="private").status_code == 302
    assert registry_words(Project.objects.exclude(pk=made.pk).get(entity__kind="org")).takes_all_types


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"name": ""}, "It needs a name."),
        ({"name": "models"}, "There is a registry of this name already."),
        ({"name": "\x00"}, "Null characters are not allowed."),
        ({"name": "x" * 10_000}, "at most 200"),
        ({"name": hostile.NAMES["markup"]}, "The name of a registry has 1 to 100"),
        ({"visibility": "public"}, "There is no such choice."),
        ({"types": "a/b"}, "The type of an artifact has 1 to"),
        ({"description": "x" * 10_001}, "at most 10000"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field(
    send: Visit, models: Project, form: dict[str, str], says: str
) -> None:
    answer = send(NEW, by="alice", **{"name": "other", "visibility": "private"} | form)

    assert answer.status_code == 400
    assert says in text_of(answer)
    assert hostile.NAMES["markup"] not in answer.content.decode()
    assert Project.objects.filter(entity__kind="org").count() == 1


@pytest.mark.parametrize(
    ("who", "status"), [("alice", 200), ("bob", 403), ("vera", 403), ("mallory", 404), (None, 404)]
)
def test_its_settings_are_for_its_admins(
    visit: Visit, send: Visit, models: Project, bob: User, vera: User, mallory: User, by: Actor,
    who: str | None, status: int,
) -> None:  # fmt: skip
    name_in_registry(models, bob, role=RegistryRole.MEMBER, by=by)

    assert visit(SETTINGS, by=who).status_code == status
    assert (f'href="{SETTINGS}"' in visit(REGISTRY, by=who).content.decode()) == (status == 200)
    if status != 200:
        for act, form in (("registry", {}), ("people", {"name": "vera", "role": "admin"}), ("people/remove", {"name": "bob"})):  # fmt: skip
            assert send(f"{SETTINGS}/{act}", by=who, **form).status_code == status
    assert [each.user for each in ProjectMember.objects.filter(project=models)] == [bob]
    name_in_registry(models, bob, role=RegistryRole.ADMIN, by=by)
    assert visit(SETTINGS, by="bob").status_code == 200


def test_what_it_takes_and_protects_is_changed_and_not_over_what_somebody_changed_meanwhile(
    send: Visit, visit: Visit, models: Project, by: Actor
) -> None:
    form = {"types": "model\ndataset", "protected": "production\nlatest", "seen": seen(visit)}
    assert send(f"{SETTINGS}/registry", by="alice", **form)["Location"] == f"{SETTINGS}#rules"
    words = registry_words(models)
    assert (words.takes_all_types, words.types, words.protected) == (
        False, ("model", "dataset"), ("production",),
    )  # fmt: skip

    stale = seen(visit)
    update_registry(models, by=by, protected=["production", "gold"])
    answer = send(f"{SETTINGS}/registry", by="alice", types="", protected="", seen=stale)
    assert (answer.status_code, registry_words(models).protected) == (400, ("production", "gold"))
    assert "The registry has changed since you read it." in text_of(answer)

    assert (
        send(f"{SETTINGS}/registry", by="alice", types="", protected="", seen=seen(visit)).status_code == 302
    )
    assert (registry_words(models).takes_all_types, registry_words(models).protected) == (True, ())
    for wrong in ({"types": "a:b"}, {"protected": "v1"}, {"protected": "\x00"}):
        assert send(f"{SETTINGS}/registry", by="alice", seen=seen(visit), **wrong).status_code == 400


def test_a_project_that_is_no_registry_has_no_such_rules(send: Visit, vision: Project) -> None:
    assert send("/lab/vision/settings/registry", by="alice", types="", protected="").status_code == 404


def test_who_sees_it_and_what_it_is_about_are_changed_and_it_is_never_public(
    send: Visit, visit: Visit, models: Project
) -> None:
    assert send(SETTINGS, by="alice", visibility="restricted").status_code == 302
    assert visit(REGISTRY, by="vera").status_code == 404
    assert send(SETTINGS, by="alice", visibility="private").status_code == 302
    answer = send(SETTINGS, by="alice", visibility="public")
    assert (answer.status_code, "A registry is for the people of its organisation." in text_of(answer)) == (
        400,
        True,
    )
    assert send(f"{SETTINGS}/description", by="alice", description="Shipped").status_code == 302
    models.refresh_from_db()
    assert (open_project(models).description, models.visibility) == ("Shipped", Visibility.PRIVATE)


@pytest.mark.parametrize(
    ("act", "form"),
    [
        ("links", {"days": "7"}),
        ("links/revoke", {"link": "x"}),
        ("retention", {"days": "1"}),
        ("publish", {"visibility": "public", "agreed": "yes"}),
    ],
)
def test_what_is_of_runs_and_for_people_of_elsewhere_is_not_there(
    send: Visit, models: Project, act: str, form: dict[str, str]
) -> None:
    assert send(f"{SETTINGS}/{act}", by="alice", **form).status_code == 404
    models.refresh_from_db()
    assert (models.visibility, models.run_retention, ShareLink.objects.count()) == ("private", "", 0)


def test_a_registry_is_erased_by_its_name_and_what_is_linked_stays_where_it_was_made(
    send: Visit, visit: Visit, models: Project, net: Version
) -> None:
    send(f"{VERSION}/link", by="alice", registry="models", collection="prod", aliases="best")
    address = f"{SETTINGS}/erase"
    assert f'href="{address}"' in visit(SETTINGS, by="alice").content.decode()
    words = text_of(visit(address, by="alice"))
    assert "Collections, with their words and aliases 1 Links to versions 1" in words
    assert "stays where it was made" in words
    wrong = send(address, by="alice", name=hostile.NAMES["markup"] * 1_000)
    assert (wrong.status_code, hostile.NAMES["markup"] in wrong.content.decode()) == (400, False)
    assert "This is not the name of the registry." in text_of(wrong)
    assert (send(address, by="vera", name="models").status_code, visit(address, by=None).status_code) == (
        403,
        404,
    )

    assert "can take it back" in words
    assert send(address, by="alice", name=" models ", now="1").status_code == 302

    assert visit(REGISTRY, by="alice").status_code == 404
    finish(ErasureJob.objects.get())
    assert not Project.objects.filter(pk=models.pk).exists() and not Link.objects.exists()
    assert visit(VERSION, by="alice").status_code == 200
    assert visit(f"{VERSION}/files/w.bin", by="alice").status_code == 200
    assert send(NEW, by="alice", name="models", visibility="private").status_code == 302


def test_people_and_teams_are_named_with_a_role_and_taken_out(
    send: Visit, visit: Visit, models: Project, bob: User, alice: User
) -> None:
    def named() -> set[tuple[str, str]]:
        return {
            (each.user.username, each.role) for each in members_of_registry(Actor.person(alice), models)
        } | {(each.team.name, each.role) for each in teams_of_registry(models)}

    url = f"{SETTINGS}/people"
    assert send(url, by="alice", name=" Bob ", role="member")["Location"] == f"{SETTINGS}#named"
    assert send(url, by="alice", name="lab", role="viewer").status_code == 302
    assert named() == {("bob", "member"), ("lab", "viewer")}
    assert send(url, by="alice", name="bob", role="admin").status_code == 302
    assert named() == {("bob", "admin"), ("lab", "viewer")}
    words = text_of(visit(SETTINGS, by="alice"))
    assert "bob" in words and "lab Team" in words

    bob.is_active = False
    bob.save()
    for name in ("bob", "lab", "nobody-at-all", "\x00"):
        assert send(f"{url}/remove", by="alice", name=name).status_code == 302
    assert (ProjectMember.objects.count(), ProjectTeam.objects.count()) == (0, 0)


@pytest.mark.parametrize("name", ["mallory", "nobody-at-all", "x" * 150, "<b>bob", "institute"])
def test_who_is_not_of_the_organisation_and_who_is_not_there_is_the_same(
    send: Visit, models: Project, mallory: User, name: str
) -> None:
    answer = send(f"{SETTINGS}/people", by="alice", name=name, role="viewer")

    assert answer.status_code == 400
    assert "Only people and teams of the organisation can be in its registries." in text_of(answer)
    assert not ProjectMember.objects.exists()


# ── a version in one ──


@pytest.mark.parametrize(
    ("who", "status"), [("alice", 200), ("bob", 200), ("vera", 403), ("mallory", 404), (None, 404)]
)
def test_the_form_that_links_is_for_who_writes_where_the_version_was_made(
    visit: Visit, send: Visit, net: Version, models: Project, bob: User, vera: User, mallory: User,
    who: str | None, status: int,
) -> None:  # fmt: skip
    page = visit(f"{VERSION}/link", by=who)

    assert page.status_code == status
    if who in {"alice", "bob"}:
        assert f'href="{VERSION}/link"' in visit(VERSION, by=who).content.decode()
    # bob is no member of the registry: he is offered none.
    assert ("There is none into which you may link." in text_of(page)) == (who == "bob")
    if who != "alice":
        answer = send(f"{VERSION}/link", by=who, registry="models", collection="prod")
        assert answer.status_code == (400 if who == "bob" else status)
        assert not Link.objects.exists()


def test_a_version_is_linked_promoted_and_unlinked(
    send: Visit, visit: Visit, net: Version, models: Project, by: Actor, bob: User
) -> None:
    name_in_registry(models, bob, role=RegistryRole.MEMBER, by=by)
    update_registry(models, by=by, protected=["production"])
    form = {"registry": "models", "collection": "prod"}
    linked = send(f"{VERSION}/link", by="bob", **form, aliases="staging")
    assert (linked.status_code, linked["Location"]) == (302, LINKED)

    protected = send(f"{VERSION}/link", by="bob", **form, aliases="production")
    assert (protected.status_code, "it is protected" in text_of(protected)) == (400, True)
    assert send(f"{VERSION}/link", by="alice", **form, aliases="production")["Location"] == LINKED
    page = visit(LINKED, by="alice").content.decode()
    assert "production" in page and "staging" in page and f'action="{LINKED}/unlink"' in page
    assert f'href="{LINKED}/link"' not in page

    assert f"{LINKED}/unlink" not in visit(LINKED, by="bob").content.decode()
    assert send(f"{LINKED}/unlink", by="bob").status_code == 403
    assert send(f"{LINKED}/unlink", by="alice")["Location"] == f"{REGISTRY}/artifacts/model/prod"
    assert not Link.objects.exists()
    history = text_of(visit(REGISTRY, by="alice"))
    assert "linked v0" in history and "unlinked v0" in history
    assert visit(VERSION, by="alice").status_code == 200
    assert send(f"{LINKED}/unlink", by="alice").status_code == 404


@pytest.mark.parametrize(("who", "status"), [("vera", 403), ("mallory", 404), (None, 404)])
def test_who_may_not_write_in_the_registry_unlinks_nothing(
    send: Visit,
    net: Version,
    models: Project,
    by: Actor,
    vera: User,
    mallory: User,
    who: str | None,
    status: int,
) -> None:
    send(f"{VERSION}/link", by="alice", registry="models", collection="prod")

    assert send(f"{LINKED}/unlink", by=who).status_code == status
    assert Link.objects.count() == 1


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"registry": "other"}, "There is no such choice."),
        ({"registry": "\x00"}, "There is no such choice."),
        ({"collection": ""}, "A collection needs a name."),
        ({"collection": "a/b"}, "The name of an artifact has 1 to"),
        ({"collection": "x" * 10_000}, "The name of an artifact has 1 to"),
        ({"aliases": "v3"}, "An alias has 1 to"),
        ({"aliases": "a/b"}, "An alias has 1 to"),
    ],
)
def test_what_cannot_be_linked_is_said(
    send: Visit, net: Version, models: Project, form: dict[str, str], says: str
) -> None:
    answer = send(f"{VERSION}/link", by="alice", **{"registry": "models", "collection": "prod"} | form)

    assert (answer.status_code, Link.objects.count()) == (400, 0)
    assert says in text_of(answer)


def test_a_type_that_it_does_not_take_and_a_restricted_project_are_said(
    send: Visit, net: Version, models: Project, by: Actor, bob: User
) -> None:
    form = {"registry": "models", "collection": "prod"}
    update_registry(models, by=by, takes_all_types=False, add_types=["dataset"])
    assert "does not take artifacts of the type" in text_of(send(f"{VERSION}/link", by="alice", **form))

    update_registry(models, by=by, takes_all_types=True)
    name_in_registry(models, bob, role=RegistryRole.MEMBER, by=by)
    Project.objects.filter(pk=net.collection.project_id).update(visibility=Visibility.RESTRICTED)
    ProjectMember.objects.create(project=net.collection.project, user=bob, role="member", is_outsider=False)
    assert send(f"{VERSION}/link", by="bob", **form).status_code == 400
    assert send(f"{VERSION}/link", by="alice", **form).status_code == 302
    assert Link.objects.count() == 1


def test_a_team_that_is_in_no_organisation_is_offered_nothing(
    visit: Visit, send: Visit, net: Version, models: Project, by: Actor, institute: Organisation
) -> None:
    let_team_go(institute, "lab", by=by)

    assert f"{VERSION}/link" not in visit(VERSION, by="alice").content.decode()
    page = visit(f"{VERSION}/link", by="alice")
    assert (page.status_code, "This one’s owner is in no organisation." in text_of(page)) == (200, True)
    assert f'<a class="btn" href="{VERSION}">Cancel</a>' in page.content.decode()
    assert send(f"{VERSION}/link", by="alice", registry="models", collection="prod").status_code == 400


def test_a_damaged_collection_is_named_and_costs_its_registry_no_page(
    send: Visit, visit: Visit, net: Version, models: Project
) -> None:
    for name in ("prod", "hurt"):
        send(f"{VERSION}/link", by="alice", registry="models", collection=name)
    hurt = find_collection(models, "hurt")
    assert hurt is not None
    Collection.objects.filter(pk=hurt.pk).update(sealed_words=b"\0" * 64)

    for page in (visit(REGISTRY, by="vera"), visit("/institute", by="vera")):
        assert page.status_code == 200
        assert f"of {hurt.uuid} was changed or damaged" in text_of(page)
    assert f'href="{REGISTRY}/artifacts/model/prod"' in visit(REGISTRY, by="vera").content.decode()
    assert visit(f"{SETTINGS}/erase", by="alice").status_code == 200
    assert send(f"{SETTINGS}/erase", by="alice", name="models", now="1").status_code == 302


def test_a_link_in_a_project_is_ended_from_its_page(
    send: Visit, visit: Visit, net: Version, vision: Project, by: Actor
) -> None:
    link_version(net, vision, name="chosen", aliases=["best"], by=by)
    address = "/lab/vision/artifacts/model/chosen/v0"
    assert f'action="{address}/unlink"' in visit(address, by="alice").content.decode()
    assert f"{address}/unlink" not in visit(address, by="vera").content.decode()

    assert send(f"{address}/unlink", by="alice")["Location"] == "/lab/vision/artifacts/model/chosen"
    chosen = find_collection(vision, "chosen")
    assert chosen is not None and not links_in(chosen).exists()


@pytest.mark.parametrize(
    ("address", "leads_to"),
    [
        ("orgs/institute/registry/models?selectionPath=institute%2Fwandb-registry-models%2Fprod&view=membership&version=v0", LINKED),
        ("orgs/institute/registry/models?selectionPath=institute%2Fwandb-registry-models%2Fprod", LINKED),
        ("lab/registry/model?selectionPath=lab%2Fvision%2Fchosen&view=membership&version=v0", "/lab/vision/artifacts/model/chosen/v0"),
        ("orgs/institute/registry/models?selectionPath=institute%2Fwandb-registry-models%2Fprod&version=v1", None),
        ("orgs/institute/registry/models?selectionPath=institute%2Fwandb-registry-models%2Fnone", None),
        ("orgs/institute/registry/models", None),
    ],
)  # fmt: skip
def test_the_addresses_that_the_client_gives_lead_to_what_is_linked(
    visit: Visit,
    models: Project,
    net: Version,
    vision: Project,
    by: Actor,
    address: str,
    leads_to: str | None,
) -> None:
    for place, name in ((models, "prod"), (vision, "chosen")):
        link_version(net, place, name=name, aliases=[], by=by)

    answer = visit(f"/{address}", by="alice")

    assert (answer.status_code, answer.get("Location")) == ((302, leads_to) if leads_to else (404, None))
    assert visit(f"/{address}").status_code == 404
