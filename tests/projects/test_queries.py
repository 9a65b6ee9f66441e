from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from apps.access.policy import Permission, Visibility
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core.errors import Forbidden, NotFound
from apps.projects.models import Project
from apps.projects.queries import get_project, get_project_by_id, my_projects, open_project, projects_of
from apps.projects.services import get_or_create_project, update_project
from apps.teams.models import Entity
from apps.teams.queries import default_entity
from apps.vault.errors import Tampered
from apps.vault.tree import discard_node
from apps.vault.types import NodeId
from tests.factories import people, work

pytestmark = pytest.mark.django_db
READ = Permission.PROJECT_READ
NO_PROJECT = "There is no such project, or it is not shared with you."


def test_insiders_find_it_by_its_name(vision: Project, alice: User, bob: User, vera: User) -> None:
    for user in (alice, bob, vera):
        assert get_project(Actor.person(user), READ, entity="LAB", name=" vision ") == vision
        assert get_project_by_id(Actor.person(user), READ, public_id=vision.public_id) == vision


def test_names_count_their_case_and_not_their_form(lab: Entity, alice: User) -> None:
    project = work.project("lab", "e\u0301tude", by=alice)

    assert get_project(Actor.person(alice), READ, entity="lab", name="\u00e9tude") == project
    with pytest.raises(NotFound):
        get_project(Actor.person(alice), READ, entity="lab", name="\u00c9tude")


def test_viewers_may_look_and_no_more(vision: Project, vera: User) -> None:
    with pytest.raises(Forbidden):
        get_project(Actor.person(vera), Permission.PROJECT_WRITE, entity="lab", name="vision")


ASKED: dict[str, Callable[[Actor, Permission, Project], object]] = {
    "the project": lambda actor, p, _vision: get_project(actor, p, entity="lab", name="vision"),
    "no project": lambda actor, p, _vision: get_project(actor, p, entity="lab", name="nothing"),
    "no entity": lambda actor, p, _vision: get_project(actor, p, entity="nothing", name="vision"),
    "no name": lambda actor, p, _vision: get_project(actor, p, entity="lab", name=""),
    "NUL": lambda actor, p, _vision: get_project(actor, p, entity="lab\x00", name="vision\x00"),
    "half a letter": lambda actor, p, _vision: get_project(actor, p, entity="\ud800", name="\ud800"),
    "its id": lambda actor, p, vision: get_project_by_id(actor, p, public_id=vision.public_id),
    "no id": lambda actor, p, _vision: get_project_by_id(actor, p, public_id="a" * 20),
    "its row number": lambda actor, p, vision: get_project_by_id(actor, p, public_id=str(vision.pk)),
    "an id of garbage": lambda actor, p, _vision: get_project_by_id(actor, p, public_id="\ud800\x00"),
    "on first use": lambda actor, _p, _vision: get_or_create_project(actor, entity="lab", name="vision"),
    "on first use of another": lambda actor, _p, _vision: get_or_create_project(
        actor, entity="lab", name="new"
    ),
    "on first use nowhere": lambda actor, _p, _vision: get_or_create_project(
        actor, entity="nothing", name="vision"
    ),
}


@pytest.mark.promise("P-23")
@pytest.mark.parametrize("who", ["mallory", "nobody", "system"])
@pytest.mark.parametrize("asked", ASKED)
def test_outsiders_hear_one_answer(vision: Project, mallory: User, who: str, asked: str) -> None:
    actor = {"mallory": Actor.person(mallory), "nobody": Actor.nobody(), "system": Actor.system()}[who]

    for permission in (READ, Permission.PROJECT_WRITE, Permission.RUN_CREATE, Permission.PROJECT_ADMIN):
        with pytest.raises(NotFound) as caught:
            ASKED[asked](actor, permission, vision)
        assert (caught.value.code, caught.value.message) == ("not_found", NO_PROJECT)

    assert Project.objects.count() == 1


def test_a_project_restricted_to_its_admins_is_not_there_for_members(
    vision: Project, alice: User, bob: User
) -> None:
    update_project(vision, by=Actor.person(alice), visibility=Visibility.RESTRICTED)

    with pytest.raises(NotFound, match="no such project"):
        get_project(Actor.person(bob), READ, entity="lab", name="vision")
    assert projects_of(Actor.person(bob), vision.entity) == []
    assert my_projects(Actor.person(bob)) == []
    assert [each.name for each in my_projects(Actor.person(alice))] == ["vision"]


def test_a_public_project_is_read_by_all_and_changed_by_none_of_them(
    vision: Project, alice: User, mallory: User
) -> None:
    update_project(vision, by=Actor.person(alice), visibility=Visibility.PUBLIC)

    for actor in (Actor.person(mallory), Actor.nobody()):
        assert get_project(actor, READ, entity="lab", name="vision") == vision
        assert [each.name for each in projects_of(actor, vision.entity)] == ["vision"]
        with pytest.raises(Forbidden):
            get_project(actor, Permission.PROJECT_WRITE, entity="lab", name="vision")


def test_the_same_name_in_two_entities_is_two_projects(vision: Project, alice: User) -> None:
    own = work.project("alice", "vision", by=alice)

    assert own != vision
    assert bytes(own.name_index) != bytes(vision.name_index)


def test_lists_hold_what_the_asker_may_see(vision: Project, alice: User, bob: User, mallory: User) -> None:
    work.project("alice", "diary", by=alice)
    work.project("mallory", "plans", by=mallory)

    def names(user: User) -> list[str]:
        return sorted(each.name for each in my_projects(Actor.person(user)))

    assert (names(alice), names(bob), names(mallory)) == (["diary", "vision"], ["vision"], ["plans"])
    assert my_projects(Actor.nobody()) == []
    assert projects_of(Actor.person(bob), default_entity(Actor.person(alice))) == []


@pytest.mark.parametrize("count", [1, 3])
def test_lists_cost_the_same_for_one_row_and_three(alice: User, count: int) -> None:
    for n in range(count):
        people.team(f"team{n}", admin=alice)
        work.project(f"team{n}", "vision", by=alice)

    with (
        CaptureQueriesContext(connections["default"]) as main,
        CaptureQueriesContext(connections["vault"]) as vault,
    ):
        found = my_projects(Actor.person(alice))

    assert len(found) == count
    assert (len(main), len(vault)) == (2, 1)


def test_words_that_were_changed_do_not_open(vision: Project) -> None:
    sealed = bytearray(vision.sealed_name)
    sealed[-1] ^= 1
    Project.objects.filter(pk=vision.pk).update(sealed_name=bytes(sealed))

    with pytest.raises(Tampered, match=rf"project\.name of {vision.uuid}"):
        open_project(Project.objects.get())


def test_words_of_another_project_do_not_open(vision: Project, alice: User) -> None:
    other = work.project("lab", "speech", by=alice)
    Project.objects.filter(pk=vision.pk).update(sealed_name=other.sealed_name)

    with pytest.raises(Tampered):
        open_project(Project.objects.get(pk=vision.pk))


def test_a_project_whose_key_is_gone_is_left_out(vision: Project, alice: User) -> None:
    work.project("lab", "speech", by=alice)

    discard_node(NodeId(vision.vault_node))

    assert [each.name for each in my_projects(Actor.person(alice))] == ["speech"]
    with pytest.raises(NotFound):
        open_project(vision)
