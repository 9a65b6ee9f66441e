"""Finding a run again by what a process remembers: the answer is what `get_run` would give, only with fewer questions."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core import clock
from apps.core.errors import Erased, Forbidden, NotFound
from apps.projects.models import Project
from apps.runs import places
from apps.runs.models import Run
from apps.runs.queries import get_run, get_run_again, open_run
from apps.teams.models import Entity, Membership
from apps.vault.keys import keys_in_use
from apps.vault.tree import discard_node
from apps.vault.types import NodeId
from tests.factories import work

pytestmark = pytest.mark.django_db
WRITE = Permission.RUN_WRITE


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    places._remembered.clear()
    yield
    places._remembered.clear()


def again(user: User, entity: str = "lab", project: str = "vision", name: str = "run1") -> Run:
    with keys_in_use():
        return get_run_again(Actor.person(user), WRITE, entity=entity, project=project, name=name)


def test_it_is_the_same_run_each_time(run: Run, alice: User) -> None:
    for names in (("lab", "vision", "run1"), ("LAB", " vision ", "run1 ")):
        for _ in range(2):
            found = again(alice, *names)
            assert (found, found.project, found.project.entity) == (run, run.project, run.project.entity)
            assert open_run(found).config_text == open_run(run).config_text


def test_who_lost_their_role_is_refused_at_the_next_request(run: Run, lab: Entity, bob: User) -> None:
    assert again(bob) == again(bob) == run

    Membership.objects.filter(entity=lab, user=bob).update(role="viewer")
    with pytest.raises(Forbidden):
        again(bob)
    Membership.objects.filter(entity=lab, user=bob).delete()
    with pytest.raises(NotFound):
        again(bob)


def test_what_one_found_is_nothing_to_another(run: Run, alice: User, mallory: User) -> None:
    again(alice)

    with pytest.raises(NotFound, match="There is no such run, or it is not shared with you"):
        again(mallory)


def test_a_name_that_went_to_another_run_leads_to_that(run: Run, vision: Project, alice: User) -> None:
    again(alice)
    other = work.run(vision, "run2", by=alice)
    taken = run.name_index
    Run.objects.filter(pk=run.pk).update(name_index=uuid.uuid4().bytes)
    Run.objects.filter(pk=other.pk).update(name_index=taken)

    assert [again(alice) for _ in range(2)] == [other, other]


def test_a_project_that_is_called_otherwise_is_not_found_by_its_old_name(
    run: Run, vision: Project, alice: User
) -> None:
    again(alice)
    Project.objects.filter(pk=vision.pk).update(name_index=uuid.uuid4().bytes)

    with pytest.raises(NotFound):
        again(alice)


def test_an_entity_that_is_called_otherwise_is_not_found_by_its_old_name(
    run: Run, lab: Entity, alice: User
) -> None:
    again(alice)
    Entity.objects.filter(pk=lab.pk).update(name="lab2")

    with pytest.raises(NotFound):
        again(alice)
    assert again(alice, "lab2") == run


def test_a_run_that_is_gone_is_gone(run: Run, alice: User) -> None:
    again(alice)
    Run.objects.filter(pk=run.pk).delete()

    with pytest.raises(NotFound):
        again(alice)


@pytest.mark.parametrize("model", [Run, Project])
def test_what_is_being_erased_is_gone_at_the_next_request(
    run: Run, alice: User, model: type[Run] | type[Project]
) -> None:
    again(alice)
    model._default_manager.update(erased_at=clock.now(), erasure_job=uuid.uuid4())

    with pytest.raises((NotFound, Erased)):
        again(alice)


def test_a_run_whose_key_is_erased_is_as_get_run_has_it(run: Run, alice: User) -> None:
    again(alice)
    discard_node(NodeId(run.vault_node))

    assert again(alice) == get_run(Actor.person(alice), WRITE, entity="lab", project="vision", name="run1")


def test_no_name_is_remembered_in_the_clear_and_not_without_end(
    run: Run, vision: Project, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "_MOST_REMEMBERED", 2)
    for name in ("run2", "run3"):
        work.run(vision, name, by=alice)
    for name in ("run1", "run2", "run3"):
        again(alice, name=name)

    assert len(places._remembered) == 1
    assert all(len(digest) == 16 and b"run" not in digest for digest in places._remembered)
