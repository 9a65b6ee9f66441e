"""Links and registries by the client's door: who reaches what by them, and what is told to whom."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest

from apps.access.policy import Visibility
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.models import Collection, Link, Promotion, Version
from apps.artifacts.queries import open_collection, promotions_of, registries_of
from apps.artifacts.queries.links import read_version
from apps.artifacts.services import (
    add_link_aliases,
    create_registry,
    link_version,
    remove_link_aliases,
    unlink_version,
    update_registry,
)
from apps.artifacts.services.collections import portfolio_to_link_to
from apps.audit.models import Event
from apps.core.errors import NotFound
from apps.erasure.artifacts import erase_versions
from apps.erasure.models import ErasureJob
from apps.erasure.services import advance, erase_project
from apps.projects.models import Project
from apps.projects.services import name_in_registry, update_project
from apps.projects.types import RegistryRole
from apps.teams.models import Entity, Organisation
from apps.teams.services import add_member, add_team, let_team_go
from apps.teams.types import MemberRole
from apps.vault.errors import KeyGone
from apps.vault.tree import erase_node, open_key
from apps.vault.types import NodeId
from tests.factories import artifacts, people, work
from tests.wandb_protocol.asking import Asker, Json

pytestmark = pytest.mark.django_db
FILES = {"w.bin": b"weights"}
LINK = (
    "mutation($i: LinkArtifactInput!) { linkArtifact(input: $i) { versionIndex artifactMembership { id } } }"
)
ALIASES = "mutation($i: AddAliasesInput!) { addAliases(input: $i) { success } }"
READ = """query($e: String, $p: String, $n: String!, $id: ID!) {
  project(entityName: $e, name: $p) { artifactCollectionMembership(name: $n) { versionIndex aliases { alias }
    artifact { id versionIndex artifactSequence { name project { name } latestArtifact { versionIndex } } currentManifest { file { directUrl } }
      artifactMemberships { edges { node { artifactCollection { name project { name } } } } }
      files { edges { node { name directUrl } } } } } }
  artifact(id: $id) { id artifactSequence { name project { name } } } }"""


@pytest.fixture
def model(vision: Project, alice: User) -> Version:
    return artifacts.version(vision, "net", FILES, by=Actor.person(alice), type_name="model")


@pytest.fixture
def institute(lab: Entity, alice: User) -> Organisation:
    return people.organisation("institute", admin=alice, teams=[lab])


@pytest.fixture
def models(institute: Organisation, alice: User) -> Project:
    return create_registry(institute, name="models", by=Actor.person(alice))


@pytest.fixture
def olga() -> User:
    """In a team of the organisation that has nothing to do with the lab."""
    return people.person("olga")


@pytest.fixture
def elsewhere(olga: User, institute: Organisation, alice: User) -> Entity:
    team = people.team("elsewhere", admin=olga)
    add_member(team, alice, role=MemberRole.ADMIN)
    add_team(institute, team, by=Actor.person(alice))
    return team


def key_of(user: User) -> Asker:
    return Asker(people.api_key(user))


def id_of(version: Version) -> str:
    return base64.b64encode(f"Artifact:{version.public_id}".encode()).decode()


def linking(
    version: Version, *aliases: str, entity: str = "institute", project: str = "wandb-registry-models"
) -> Json:
    names = [{"alias": each, "artifactCollectionName": "prod"} for each in aliases]
    return {
        "artifactID": id_of(version), "artifactPortfolioName": "prod", "entityName": entity, "projectName": project, "aliases": names,
    }  # fmt: skip


def reading(who: Asker, version: Version, name: str = "prod:v0") -> Json:
    return who.data(READ, e="institute", p="wandb-registry-models", n=name, id=id_of(version))


def test_whoever_reads_the_registry_reads_what_is_linked_and_nothing_else_of_its_project(
    model: Version, models: Project, elsewhere: Entity, olga: User, ann: Asker, mal: Asker
) -> None:
    reader = key_of(olga)
    before = reading(reader, model)
    assert ann.data(LINK, i=linking(model, "best"))["linkArtifact"]["versionIndex"] == 0

    found = reading(reader, model)["project"]["artifactCollectionMembership"]

    assert before == {"project": {"artifactCollectionMembership": None}, "artifact": None}
    assert {each["alias"] for each in found["aliases"]} == {"latest", "best"}
    version = found["artifact"]
    assert version["artifactSequence"]["project"] is None and version["artifactSequence"]["name"] == "prod"
    assert [
        each["node"]["artifactCollection"]["name"] for each in version["artifactMemberships"]["edges"]
    ] == ["prod"]
    url = version["files"]["edges"][0]["node"]["directUrl"]
    assert b"".join(reader.get(url, with_key=False).streaming_content) == b"weights"
    assert reader.get(version["currentManifest"]["file"]["directUrl"], with_key=False).status_code == 200
    assert reading(mal, model) == {"project": None, "artifact": None}
    seen = Event.objects.filter(kind="project.read", project=model.collection.project.public_id)
    assert seen.count() == 1
    assert ann.data(READ, e="lab", p="vision", n="net:v0", id=id_of(model))["project"]
    assert reader.data(READ, e="lab", p="vision", n="net:v0", id=id_of(model))["project"] is None


def test_a_teams_key_for_scripts_that_reads_by_the_registry_is_seen_by_whose_version_it_is(
    model: Version, models: Project, elsewhere: Entity, olga: User, alice: User, ann: Asker
) -> None:
    name_in_registry(models, elsewhere, role=RegistryRole.VIEWER, by=Actor.person(alice))
    ann.data(LINK, i=linking(model))
    script = replace(Actor.person(olga), only_entity=elsewhere.pk)

    assert read_version(script, public_id=model.public_id)[1] is not None

    seen = Event.objects.filter(kind="project.read", project=model.collection.project.public_id)
    assert [each.facts.get("via") for each in seen] == ["registry"]


def test_a_team_sees_who_of_elsewhere_has_listed_its_versions(
    model: Version, models: Project, elsewhere: Entity, olga: User, ann: Asker
) -> None:
    ann.data(LINK, i=linking(model))
    query = """query($e: String, $p: String) { project(entityName: $e, name: $p) {
      artifactCollection(name: "prod") { artifacts { edges { node { id } } } } } }"""

    for who in (ann, key_of(olga)):
        found = who.data(query, e="institute", p="wandb-registry-models")["project"]["artifactCollection"]
        assert [each["node"]["id"] for each in found["artifacts"]["edges"]] == [id_of(model)]

    told = Event.objects.filter(kind="project.read", project=model.collection.project.public_id)
    assert [(each.by, each.facts["via"]) for each in told] == [(olga.public_id, "registry")]


def test_who_is_told_of_anothers_place_with_a_version_is_on_that_places_record(
    model: Version, alice: User, mallory: User, ann: Asker
) -> None:
    theirs, by = work.project("mallory", "theirs", by=mallory), Actor.person(mallory)
    update_project(theirs, by=by, visibility=Visibility.PUBLIC)
    Link.objects.create(
        collection=portfolio_to_link_to(theirs, name="shelf", type_name="model", by=by),
        version=model,
        number=0,
    )
    query = """query($id: ID!) { artifact(id: $id) { artifactMemberships { edges { node { artifactCollection { name } } } } } }"""

    found = ann.data(query, id=id_of(model))["artifact"]["artifactMemberships"]["edges"]

    assert {each["node"]["artifactCollection"]["name"] for each in found} == {"net", "shelf"}
    told = Event.objects.filter(kind="project.read")
    assert [(each.by, each.subject, each.facts["via"]) for each in told] == [
        (alice.public_id, theirs.public_id, "public")
    ]


def test_to_link_takes_a_member_of_the_registry_who_writes_where_the_version_was_made(
    model: Version, models: Project, elsewhere: Entity, olga: User, bob: User, vera: User, alice: User
) -> None:
    for user, role in ((olga, RegistryRole.MEMBER), (vera, RegistryRole.MEMBER)):
        name_in_registry(models, user, role=role, by=Actor.person(alice))

    assert "does not allow to store files" in key_of(bob).error(LINK, i=linking(model))
    assert "There is no such artifact" in key_of(olga).error(LINK, i=linking(model))
    assert "does not allow to store files" in key_of(vera).error(LINK, i=linking(model))
    name_in_registry(models, bob, role=RegistryRole.MEMBER, by=Actor.person(alice))
    assert key_of(bob).data(LINK, i=linking(model))["linkArtifact"]["versionIndex"] == 0
    Project.objects.filter(pk=model.collection.project_id).update(visibility=Visibility.RESTRICTED)
    Link.objects.all().delete()
    assert key_of(bob).ask(LINK, i=linking(model)).get("errors")
    assert Link.objects.count() == 0


def test_a_registry_holds_what_is_of_its_organisations_teams_and_as_long_as_it_is(
    model: Version,
    models: Project,
    institute: Organisation,
    alice: User,
    olga: User,
    elsewhere: Entity,
    ann: Asker,
) -> None:
    own = artifacts.version(work.project("alice", "mine", by=alice), "mine", FILES, by=Actor.person(alice))
    assert "organisation’s teams only" in ann.error(LINK, i=linking(own))
    ann.data(LINK, i=linking(model))

    let_team_go(institute, "lab", by=Actor.person(alice))

    assert reading(key_of(olga), model)["project"] == {"artifactCollectionMembership": None}
    assert reading(key_of(olga), model)["artifact"] is None


def test_protected_aliases_are_moved_by_admins_of_the_registry_alone(
    model: Version, models: Project, alice: User, bob: User, ann: Asker
) -> None:
    update_registry(models, by=Actor.person(alice), protected=["production"])
    name_in_registry(models, bob, role=RegistryRole.MEMBER, by=Actor.person(alice))
    member = key_of(bob)
    place = {
        "entityName": "institute",
        "projectName": "wandb-registry-models",
        "artifactCollectionName": "prod",
    }
    move = {"artifactID": id_of(model), "aliases": [place | {"alias": "production"}]}
    unlink = {"artifactID": id_of(model), "artifactPortfolioID": ""}

    assert "it is protected" in member.error(LINK, i=linking(model, "production"))
    member.data(LINK, i=linking(model, "good"))
    assert "it is protected" in member.error(ALIASES, i=move)
    assert ann.data(ALIASES, i=move)["addAliases"]["success"]
    portfolio = Link.objects.get().collection
    unlink["artifactPortfolioID"] = base64.b64encode(
        f"ArtifactPortfolio:{portfolio.public_id}".encode()
    ).decode()
    query = "mutation($i: UnlinkArtifactInput!) { unlinkArtifact(input: $i) { success } }"
    assert "it is protected" in member.error(query, i=unlink)
    assert ann.data(query, i=unlink)["unlinkArtifact"]["success"]

    told = promotions_of(Actor.person(alice), [open_collection(portfolio)])
    assert [(each.promotion.move, each.alias, each.by) for each in reversed(told)] == [
        ("linked", "", "bob"),
        ("alias_moved", "good", "bob"),
        ("alias_moved", "production", "alice"),
        ("alias_dropped", "good", "alice"),
        ("alias_dropped", "production", "alice"),
        ("unlinked", "", "alice"),
    ]


def test_a_collection_in_which_a_protected_alias_stands_is_deleted_by_admins_of_the_registry_alone(
    model: Version, models: Project, alice: User, bob: User, ann: Asker
) -> None:
    update_registry(models, by=Actor.person(alice), protected=["production"])
    name_in_registry(models, bob, role=RegistryRole.MEMBER, by=Actor.person(alice))
    member = key_of(bob)
    member.data(LINK, i=linking(model, "good"))  # the collection is bob's own
    portfolio = Link.objects.get().collection
    node = base64.b64encode(f"ArtifactPortfolio:{portfolio.public_id}".encode()).decode()
    query = "mutation($i: DeleteArtifactPortfolioInput!) { deleteArtifactPortfolio(input: $i) { artifactCollection { id } } }"
    ann.data(LINK, i=linking(model, "production"))

    assert "it is protected" in member.error(query, i={"artifactPortfolioID": node})
    assert Link.objects.count() == 1
    assert ann.data(query, i={"artifactPortfolioID": node})["deleteArtifactPortfolio"]
    assert not Collection.objects.filter(pk=portfolio.pk).exists()
    told = Event.objects.filter(kind="artifact.unlinked", subject=model.public_id)
    assert {each.project for each in told} == {models.public_id, model.collection.project.public_id}
    advance(ErasureJob.objects.get().pk)
    assert not Collection.everything.filter(pk=portfolio.pk).exists()
    with pytest.raises(KeyGone):
        open_key(NodeId(portfolio.vault_node))
    assert ann.data(LINK, i=linking(model))["linkArtifact"]["versionIndex"] == 0


def test_what_is_deleted_while_somebody_links_it_is_linked_nowhere(
    model: Version, models: Project, vision: Project, alice: User, ann: Asker
) -> None:
    by = Actor.person(alice)
    link = link_version(model, vision, name="chosen", aliases=["best"], by=by)
    held = Version.objects.select_related("collection__project__entity").get(pk=model.pk)  # as it was before
    erase_versions([model], by=by)

    with pytest.raises(NotFound):
        link_version(held, models, name="prod", aliases=["best"], by=by)
    for act in (add_link_aliases, remove_link_aliases):
        with pytest.raises(NotFound):
            act(link, ["best"], by=by)
    with pytest.raises(NotFound):
        unlink_version(link, by=by)
    assert Link.objects.count() == 0
    assert [each.move for each in Promotion.objects.order_by("id")] == ["linked", "alias_moved", "cut"]


def test_a_portfolio_whose_key_is_gone_keeps_nobody_from_deleting_a_version(
    model: Version, models: Project, alice: User, ann: Asker
) -> None:
    by = Actor.person(alice)
    second = artifacts.version(model.collection.project, "net", {"a": b"2"}, by=by, type_name="model")
    for each in (model, second):
        ann.data(LINK, i=linking(each))
    erase_node(NodeId(Link.objects.all()[0].collection.vault_node))

    erase_versions([second], by=by)

    second.refresh_from_db()
    assert (second.state, Link.objects.get().version) == ("deleted", model)


def test_what_is_erased_where_it_was_made_is_gone_from_the_registry_which_says_so(
    model: Version, models: Project, elsewhere: Entity, olga: User, alice: User, ann: Asker
) -> None:
    by = Actor.person(alice)
    second = artifacts.version(model.collection.project, "net", {"w.bin": b"more"}, by=by, type_name="model")
    for each in (model, second):
        ann.data(LINK, i=linking(each, "best"))

    erase_versions([second], by=by)

    reader = key_of(olga)
    assert reading(reader, second, "prod:v1") == {
        "project": {"artifactCollectionMembership": None},
        "artifact": None,
    }
    assert reading(reader, model, "prod:latest")["artifact"]["id"] == id_of(model)
    assert Promotion.objects.latest("id").move == "cut"
    ann.data(
        LINK,
        i=linking(artifacts.version(model.collection.project, "net", {"a": b"3"}, by=by, type_name="model")),
    )
    assert Link.objects.latest("id").number == 2


def test_what_a_project_that_is_erased_had_in_a_registry_is_gone_from_there_at_once(
    model: Version, models: Project, alice: User, ann: Asker
) -> None:
    by = Actor.person(alice)
    other = artifacts.version(work.project("lab", "other", by=alice), "net", FILES, by=by, type_name="model")
    for each in (other, model):
        ann.data(LINK, i=linking(each))

    erase_project(model.collection.project, by=by, at_once=True)

    assert Promotion.objects.latest("id").move == "cut"
    assert Link.objects.get().version == other
    assert reading(ann, other, "prod:latest")["project"]["artifactCollectionMembership"]["versionIndex"] == 0
    told = Event.objects.filter(kind="artifact.unlinked", subject=model.public_id)
    assert models.public_id in {each.project for each in told}


def test_a_restricted_registry_is_there_for_those_who_are_named_and_their_teams(
    institute: Organisation, elsewhere: Entity, olga: User, alice: User
) -> None:
    secret = create_registry(
        institute, name="secret", by=Actor.person(alice), visibility=Visibility.RESTRICTED
    )
    create_registry(institute, name="open", by=Actor.person(alice))
    names = (
        '{ organization(name: "institute") { orgEntity { projects { edges { node { name access } } } } } }'
    )
    keyed = Actor.person(olga)
    scoped = replace(keyed, only_entity=elsewhere.pk)

    def seen(who: Actor) -> list[str]:
        return [
            each.name.removeprefix("wandb-registry-")
            for each in registries_of(who, Organisation.objects.get())
        ]

    assert (seen(keyed), seen(scoped)) == (["open"], [])
    name_in_registry(secret, elsewhere, role=RegistryRole.VIEWER, by=Actor.person(alice))
    assert (seen(keyed), seen(scoped)) == (["open", "secret"], ["secret"])
    found = key_of(olga).data(names)["organization"]["orgEntity"]["projects"]["edges"]
    assert [each["node"]["access"] for each in found] == ["PRIVATE", "RESTRICTED"]
    let_team_go(institute, "elsewhere", by=Actor.person(alice))
    assert (seen(keyed), seen(scoped)) == ([], [])


def test_nothing_runs_in_a_registry_and_nobody_of_elsewhere_is_let_in(models: Project, ann: Asker) -> None:
    place = {"entityName": "institute", "name": "wandb-registry-models"}
    upsert = "mutation($i: UpsertModelInput!) { upsertModel(input: $i) { project { access } } }"
    new = {
        "entityName": "institute",
        "projectName": "wandb-registry-models",
        "artifactTypeName": "t",
        "artifactCollectionName": "c",
        "digest": "d",
    }
    made = "mutation($i: CreateArtifactInput!) { createArtifact(input: $i) { artifact { id } } }"

    run = "mutation($i: UpsertBucketInput!) { upsertBucket(input: $i) { bucket { id } } }"
    assert ann.ask(run, i={"name": "r1", "modelName": "wandb-registry-models", "entityName": "institute"})[
        "errors"
    ]
    assert ann.ask(run, i={"name": "r1", "modelName": "other", "entityName": "institute"})["errors"]
    assert "Nothing is uploaded to a registry" in ann.error(made, i=new)
    assert "for the people of its organisation" in ann.error(upsert, i=place | {"access": "USER_READ"})
    assert (
        ann.data(upsert, i=place | {"access": "RESTRICTED"})["upsertModel"]["project"]["access"]
        == "RESTRICTED"
    )


def test_a_registry_is_made_for_the_people_of_its_organisation_and_a_row_that_says_more_opens_it_to_nobody(
    model: Version, models: Project, ann: Asker, mal: Asker
) -> None:
    upsert = "mutation($i: UpsertModelInput!) { upsertModel(input: $i) { inserted } }"
    new = {"entityName": "institute", "name": "wandb-registry-shown"}
    ann.data(LINK, i=linking(model))

    for access in ("USER_READ", "USER_WRITE"):
        assert "for the people of its organisation" in ann.error(upsert, i=new | {"access": access})
    assert ann.data(upsert, i=new | {"access": "PRIVATE"})["upsertModel"]["inserted"]
    for published in (Visibility.PUBLIC, Visibility.OPEN):
        Project.objects.filter(pk=models.pk).update(visibility=published)
        assert reading(mal, model) == {"project": None, "artifact": None}
        assert reading(ann, model)["project"]["artifactCollectionMembership"]


def test_a_link_in_a_project_shows_nothing_to_who_may_not_read_the_version(
    model: Version, alice: User, ann: Asker, mal: Asker
) -> None:
    shown = work.project("lab", "shown", by=alice)
    Project.objects.filter(pk=shown.pk).update(visibility=Visibility.PUBLIC)
    link = link_version(model, shown, name="prod", aliases=["best"], by=Actor.person(alice))
    asked: dict[str, Any] = {"e": "lab", "p": "shown", "n": "prod:best", "id": id_of(model)}

    assert ann.data(READ, **asked)["project"]["artifactCollectionMembership"]["artifact"]["id"] == id_of(
        model
    )
    assert mal.data(READ, **asked) == {"project": {"artifactCollectionMembership": None}, "artifact": None}
    assert link.number == 0
