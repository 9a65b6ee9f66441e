"""Lists of what is linked, by the client's door: as many questions of several as of one; and how long what is listed lives."""

from __future__ import annotations

import base64

import pytest
from django.test import Client

from apps.access.policy import Visibility
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.models import Version
from apps.artifacts.queries import inherited_ttls, read_version
from apps.artifacts.services import create_registry, link_version, update_version
from apps.artifacts.types import VersionPatch
from apps.core.errors import NotFound
from apps.projects.models import Project
from apps.teams.choices import SettingName
from apps.teams.models import Entity, Organisation
from apps.teams.services import add_member, add_team, choose
from apps.teams.types import MemberRole
from apps.wandb_protocol.graphql.budget import Budget
from tests.factories import artifacts, people, work
from tests.questions import questions
from tests.wandb_protocol.asking import Asker, Json

pytestmark = pytest.mark.django_db
DAY = 24 * 60 * 60
LISTED = """query($f: JSONString) { organization(name: "institute") { orgEntity {
  artifactMemberships(filters: $f) { edges { node { versionIndex aliases { alias }
    artifact { id ttlDurationSeconds ttlIsInherited } } } } } } }"""
OF_A_VERSION = """query($id: ID!) { artifact(id: $id) {
  artifactMemberships { edges { node { artifactCollection { name project { name } } } } } } }"""


@pytest.fixture
def by(alice: User) -> Actor:
    return Actor.person(alice)


@pytest.fixture
def institute(lab: Entity, alice: User) -> Organisation:
    return people.organisation("institute", admin=alice, teams=[lab])


@pytest.fixture
def models(institute: Organisation, by: Actor) -> Project:
    return create_registry(institute, name="models", by=by)


@pytest.fixture
def model(vision: Project, models: Project, by: Actor) -> Version:
    made = artifacts.version(vision, "net", {"w": b"1"}, by=by, type_name="model")
    link_version(made, models, name="prod", aliases=["best"], by=by)
    return made


@pytest.fixture
def elsewhere(institute: Organisation, by: Actor, alice: User) -> Project:
    """A project of another team of the organisation."""
    team = people.team("elsewhere", admin=people.person("olga"))
    add_member(team, alice, role=MemberRole.ADMIN)
    add_team(institute, team, by=by)
    return work.project("elsewhere", "other", by=alice)


def id_of(version: Version) -> str:
    return base64.b64encode(f"Artifact:{version.public_id}".encode()).decode()


def asked(who: Asker, query: str, **variables: str) -> tuple[int, list[Json]]:
    """How many questions the answer took, and the nodes of the one list that is in it."""
    count, found = questions(lambda: who.data(query, **variables))
    while "artifactMemberships" not in found:
        (found,) = found.values()
    return count, [each["node"] for each in found["artifactMemberships"]["edges"]]


@pytest.mark.parametrize("filters", ["", '{"alias": "best"}'])
def test_what_is_linked_is_listed_in_as_many_questions_of_several_collections_as_of_one(
    model: Version, models: Project, elsewhere: Project, by: Actor, ann: Asker, filters: str
) -> None:
    asked(ann, LISTED, f=filters)  # what is noted of a key once a while, and of a reader once a day
    before, one = asked(ann, LISTED, f=filters)
    for number in range(4):
        for place in (model.collection.project, elsewhere):
            more = artifacts.version(place, "net", {"w": b"no %d" % number}, by=by, type_name="model")
            link_version(more, models, name=f"c{number % 2}", aliases=["best"], by=by)
    asked(ann, LISTED, f=filters)
    after, several = asked(ann, LISTED, f=filters)

    assert len(one) == 1
    if filters:  # the alias is moved from one to the next
        assert [each["versionIndex"] for each in several] == [3, 3, 0]
    else:
        assert [each["versionIndex"] for each in several] == [3, 2, 1, 0, 3, 2, 1, 0, 0]
    assert after == before


def test_what_a_filter_looks_through_in_registries_counts(
    model: Version, by: Actor, ann: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    update_version(model, VersionPatch(metadata_text='{"text": "%s"}' % ("y" * 6_000)), by=by)
    asked(ann, LISTED, f='{"alias": "none"}')
    monkeypatch.setattr(Budget.__init__, "__defaults__", (50_000, 6_000))

    assert "too much for one answer" in ann.error(LISTED, f='{"alias": "none"}')


def test_where_a_version_is_linked_is_told_in_as_many_questions_of_several_places_as_of_one(
    model: Version, institute: Organisation, by: Actor, ann: Asker
) -> None:
    asked(ann, OF_A_VERSION, id=id_of(model))
    before, one = asked(ann, OF_A_VERSION, id=id_of(model))
    for name in ("second", "third", "fourth"):
        link_version(model, create_registry(institute, name=name, by=by), name="prod", aliases=[], by=by)
    after, several = asked(ann, OF_A_VERSION, id=id_of(model))

    assert [len(one), len(several)] == [2, 5]
    assert after == before


def test_a_version_is_found_by_a_registry_in_as_many_questions_of_several_as_of_one(
    model: Version, models: Project, institute: Organisation, elsewhere: Project, by: Actor
) -> None:
    """Its reader is of another team, and may look into the last of these registries alone."""
    olga = Actor.person(User.objects.get(username="olga"))
    read_version(olga, public_id=model.public_id)  # what is noted of a reader once in a while
    before, (_found, first) = questions(lambda: read_version(olga, public_id=model.public_id))
    Project.objects.filter(pk=models.pk).update(visibility=Visibility.RESTRICTED)
    for name, visibility in (("second", Visibility.RESTRICTED), ("third", Visibility.PRIVATE)):
        place = create_registry(institute, name=name, by=by, visibility=visibility)
        link_version(model, place, name="prod", aliases=[], by=by)
    after, (_found, last) = questions(lambda: read_version(olga, public_id=model.public_id))

    assert first is not None and last is not None
    assert (first.collection.project, last.collection.project) == (models, place)
    assert after == before
    Project.objects.filter(pk=place.pk).update(visibility=Visibility.RESTRICTED)
    with pytest.raises(NotFound):
        read_version(olga, public_id=model.public_id)


def test_the_page_of_a_registry_asks_as_many_questions_of_several_collections_as_of_one(
    model: Version, models: Project, by: Actor, alice: User, client: Client
) -> None:
    def page() -> bool:
        return b"best" in client.get("/institute/wandb-registry-models").content

    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    questions(page)
    before = questions(page)
    for name in ("second", "third", "fourth"):
        link_version(model, models, name=name, aliases=["best", "other"], by=by)

    assert before[1]
    assert questions(page) == before


def test_the_list_of_registries_asks_as_many_questions_of_several_as_of_one(
    model: Version, institute: Organisation, by: Actor, alice: User, ann: Asker, client: Client
) -> None:
    def page() -> int:
        return client.get("/institute").content.count(b'href="/institute/wandb-registry-')

    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    asked(ann, LISTED, f=""), page()
    before, one = questions(page), asked(ann, LISTED, f="")
    for name in ("second", "third", "fourth"):
        link_version(model, create_registry(institute, name=name, by=by), name="prod", aliases=[], by=by)
    after, several = questions(page), asked(ann, LISTED, f="")

    assert [before[1], after[1], len(one[1]), len(several[1])] == [1, 4, 1, 4]
    assert (after[0], several[0]) == (before[0], one[0])


def test_how_long_a_version_lives_is_told_as_whoever_made_it_said_or_else_as_its_owner_has_it(
    model: Version, models: Project, elsewhere: Project, by: Actor, ann: Asker
) -> None:
    choose(elsewhere.entity, SettingName.ARTIFACT_TTL_DAYS, 30, by=by)
    for name, ttl in (("own", 7 * DAY), ("inherited", None), ("never", -2)):
        made = artifacts.version(
            elsewhere, name, {"w": name.encode()}, by=by, type_name="model", ttl_seconds=ttl
        )
        link_version(made, models, name=name, aliases=[], by=by)

    told = [(each["ttlDurationSeconds"], each["ttlIsInherited"]) for each in
            (node["artifact"] for node in asked(ann, LISTED, f="")[1])]  # fmt: skip

    assert told == [(30 * DAY, True), (-2, False), (7 * DAY, False), (-2, True)]
    choose(model.collection.project.entity, SettingName.ARTIFACT_TTL_DAYS, 1, by=by)
    assert asked(ann, LISTED, f="")[1][-1]["artifact"]["ttlDurationSeconds"] == DAY


def test_how_long_versions_of_many_owners_live_is_one_question(
    model: Version, elsewhere: Project, by: Actor
) -> None:
    owners = [model.collection.project.entity, elsewhere.entity]
    choose(elsewhere.entity, SettingName.ARTIFACT_TTL_DAYS, 30, by=by)

    assert questions(lambda: inherited_ttls(owners)) == (1, {owners[0].pk: None, owners[1].pk: 30 * DAY})
