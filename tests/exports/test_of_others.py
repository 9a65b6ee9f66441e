"""What an archive tells of other people and of other projects: no more than pages tell whoever asked for it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from apps.access.policy import Visibility
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.models import Link
from apps.artifacts.services import create_registry, link_version, use_version
from apps.audit.events import EventKind
from apps.audit.models import Event
from apps.audit.services import record
from apps.erasure.artifacts import erase_versions
from apps.exports.contents.artifacts import collection_files, version_files
from apps.exports.contents.entities import entity_files
from apps.exports.contents.projects import project_files
from apps.exports.contents.runs import run_words
from apps.exports.types import Content, Member, Tables
from apps.projects.models import Project
from apps.teams.choices import SettingName
from apps.teams.models import Entity
from apps.teams.services import choose
from tests.factories import artifacts, people, work

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P-24")]


def said(content: Content, name: str) -> Any:
    """What stands in the file of this name, of a thing's files."""
    (data,) = [
        b"".join(each.read()) for each in content if isinstance(each, Member) and each.path.endswith(name)
    ]
    return [json.loads(line) for line in data.splitlines()] if name.endswith("l") else json.loads(data)


def links_told(link: Link, actor: Actor) -> list[str]:
    told = said(collection_files(link.collection_id, actor), "collection.json")
    return [each["name"] for each in told["links"]]


@pytest.fixture
def elsewhere(lab: Entity, alice: User) -> Project:
    return work.project("lab", "elsewhere", by=alice)


@pytest.fixture
def hides(bob: User) -> User:
    choose(Entity.objects.get(user=bob), SettingName.HIDDEN, True, by=Actor.person(bob))
    return bob


def test_a_link_tells_nothing_of_a_project_that_whoever_asked_may_not_read(
    vision: Project, elsewhere: Project, alice: User, bob: User
) -> None:
    by = Actor.person(alice)
    version = artifacts.version(elsewhere, "unreleased", {"a": b"a"}, by=by)
    link = link_version(version, vision, name="chosen", aliases=["best"], by=by)
    assert links_told(link, Actor.person(bob)) == ["unreleased:v0"]

    Project.objects.filter(pk=elsewhere.pk).update(visibility=Visibility.RESTRICTED.value)

    assert links_told(link, Actor.person(bob)) == []
    assert links_told(link, by) == links_told(link, Actor.operator()) == ["unreleased:v0"]


def test_what_a_registry_tells_is_seen_by_those_whose_it_is(
    lab: Entity, vision: Project, alice: User
) -> None:
    by, olga = Actor.person(alice), people.person("olga")
    institute = people.organisation("institute", admin=alice, teams=[lab])
    others = people.team("others", admin=olga)
    Entity.objects.filter(pk=others.pk).update(organisation=institute)
    registry = create_registry(institute, name="models", by=by)
    version = artifacts.version(vision, "net", {"a": b"a"}, by=by, type_name="model")
    link = link_version(version, registry, name="prod", aliases=[], by=by)

    assert links_told(link, Actor.person(olga)) == ["net:v0"]

    seen = Event.objects.filter(kind="project.read", project=vision.public_id, by=olga.public_id)
    assert [each.facts["via"] for each in seen] == ["registry"]


def test_who_added_a_run_is_told_as_pages_tell_it(
    vision: Project, hides: User, vera: User, mallory: User
) -> None:
    run = work.run(vision, "theirs", by=hides)

    told = {
        actor.username: said(run_words(run.pk, Tables.JSONL, actor, []), "run.json")["created_by"]
        for actor in (Actor.person(vera), Actor.person(mallory), Actor.operator())
    }

    assert told == {"vera": "bob", "mallory": None, "": "bob"}


def test_the_record_names_those_who_hide_only_where_they_looked(
    lab: Entity, alice: User, mallory: User
) -> None:
    choose(Entity.objects.get(user=mallory), SettingName.HIDDEN, True, by=Actor.person(mallory))
    for kind in (EventKind.PROJECT_READ, EventKind.PERSON_UNNAMED):
        record(kind, subject="s", entity=lab.public_id, by=Actor.person(mallory))

    def by_kind(actor: Actor) -> dict[str, str]:
        lines = said(entity_files(lab, actor), "audit.jsonl")
        return {line["kind"]: line["by"] for line in lines if line["subject"] == "s"}

    hidden, looked = EventKind.PERSON_UNNAMED.value, EventKind.PROJECT_READ.value
    assert by_kind(Actor.person(alice)) == {hidden: mallory.public_id, looked: "mallory"}
    assert by_kind(Actor.operator()) == {hidden: "mallory", looked: "mallory"}


def test_the_record_of_a_person_has_what_concerns_their_account(alice: User) -> None:
    people.api_key(alice)

    lines = said(entity_files(Entity.objects.get(user=alice), Actor.person(alice)), "audit.jsonl")

    assert [(line["kind"], line["by"]) for line in lines if line["kind"].startswith("api_key.")] == [
        ("api_key.issued", "alice")
    ]


def test_on_the_machine_nothing_is_left_out(
    vision: Project, elsewhere: Project, alice: User, bob: User
) -> None:
    by, operator = Actor.person(alice), Actor.operator()
    for each in (vision, elsewhere):
        Project.objects.filter(pk=each.pk).update(visibility=Visibility.RESTRICTED.value)
    made, read = work.run(vision, "made", by=alice), work.run(elsewhere, "read", by=alice)
    version = artifacts.version(vision, "set", {"a": b"a"}, by=by, run=made)
    use_version(read, version)

    of_project = said(project_files(vision.pk, operator), "project.json")
    of_version = said(version_files(version.pk, 0, 1, operator), "version.json")
    of_run = said(run_words(read.pk, Tables.JSONL, operator, []), "run.json")

    assert of_project["people"] == [] and "people" not in said(
        project_files(vision.pk, Actor.nobody()), "project.json"
    )
    assert (of_version["made_by"]["id"], [each["id"] for each in of_version["used_by"]]) == ("made", ["read"])
    assert [each["name"] for each in of_run["artifacts"]["input"]] == ["set:v0"]


def test_an_alias_of_a_version_that_is_being_erased_is_not_told(
    lab: Entity, vision: Project, alice: User
) -> None:
    by = Actor.person(alice)
    choose(lab, SettingName.GRACE_DAYS, 3, by=by)
    artifacts.version(vision, "set", {"a": b"a"}, by=by, aliases=("first",))
    second = artifacts.version(vision, "set", {"a": b"b"}, by=by, aliases=("secret",))

    erase_versions([second], by=by)

    told = said(collection_files(second.collection_id, by), "collection.json")
    assert (told["versions"], told["aliases"]) == (["v0"], ["first"])
