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
from apps.projects.services import update_project
from apps.runs.models import Run
from apps.runs.queries import get_run, get_run_by_id, get_run_in, open_run, open_runs, run_version
from apps.vault.errors import Tampered
from apps.vault.tree import discard_node
from apps.vault.types import NodeId
from tests.factories import work

pytestmark = pytest.mark.django_db
READ = Permission.RUN_READ
NO_RUN = "There is no such run, or it is not shared with you."


def test_insiders_find_it_by_name_and_by_id(run: Run, alice: User, bob: User, vera: User) -> None:
    for user in (alice, bob, vera):
        actor = Actor.person(user)
        assert get_run(actor, READ, entity="lab", project="vision", name="run1") == run
        assert get_run_by_id(actor, READ, public_id=run.public_id) == run
        assert get_run_in(actor, READ, project=run.project, name="run1") == run


def test_viewers_may_look_and_no_more(run: Run, vera: User) -> None:
    actor = Actor.person(vera)

    with pytest.raises(Forbidden):
        get_run(actor, Permission.RUN_WRITE, entity="lab", project="vision", name="run1")
    with pytest.raises(Forbidden):
        get_run_by_id(actor, Permission.RUN_WRITE, public_id=run.public_id)


ASKED: dict[str, Callable[[Actor, Permission, Run], object]] = {
    "the run": lambda actor, p, _: get_run(actor, p, entity="lab", project="vision", name="run1"),
    "no run": lambda actor, p, _: get_run(actor, p, entity="lab", project="vision", name="nothing"),
    "no project": lambda actor, p, _: get_run(actor, p, entity="lab", project="nothing", name="run1"),
    "no entity": lambda actor, p, _: get_run(actor, p, entity="nothing", project="vision", name="run1"),
    "garbage": lambda actor, p, _: get_run(actor, p, entity="\x00", project="\ud800", name="../run1"),
    "its id": lambda actor, p, run: get_run_by_id(actor, p, public_id=run.public_id),
    "no id": lambda actor, p, _: get_run_by_id(actor, p, public_id="a" * 20),
    "its row number": lambda actor, p, run: get_run_by_id(actor, p, public_id=str(run.pk)),
    "an id of garbage": lambda actor, p, _: get_run_by_id(actor, p, public_id="\x00\ud800"),
    "in the project": lambda actor, p, run: get_run_in(actor, p, project=run.project, name="run1"),
    "none in the project": lambda actor, p, run: get_run_in(actor, p, project=run.project, name="nothing"),
}


@pytest.mark.promise("P-23")
@pytest.mark.parametrize("who", ["mallory", "nobody", "system"])
@pytest.mark.parametrize("asked", ASKED)
def test_outsiders_hear_one_answer(run: Run, mallory: User, who: str, asked: str) -> None:
    actor = {"mallory": Actor.person(mallory), "nobody": Actor.nobody(), "system": Actor.system()}[who]

    for permission in (READ, Permission.RUN_WRITE, Permission.FILE_READ):
        with pytest.raises(NotFound) as caught:
            ASKED[asked](actor, permission, run)
        assert (caught.value.code, caught.value.message) == ("not_found", NO_RUN)


def test_a_run_of_the_same_name_elsewhere_is_another(run: Run, alice: User, mallory: User) -> None:
    own = work.run(work.project("mallory", "vision", by=mallory), "run1", by=mallory)

    assert get_run(Actor.person(mallory), READ, entity="mallory", project="vision", name="run1") == own
    assert get_run(Actor.person(alice), READ, entity="lab", project="vision", name="run1") == run


def test_a_public_run_is_read_by_all_and_changed_by_none_of_them(
    run: Run, alice: User, mallory: User
) -> None:
    update_project(run.project, by=Actor.person(alice), visibility=Visibility.PUBLIC)

    for actor in (Actor.person(mallory), Actor.nobody()):
        assert get_run_by_id(actor, READ, public_id=run.public_id) == run
        with pytest.raises(Forbidden):
            get_run_by_id(actor, Permission.RUN_WRITE, public_id=run.public_id)


def test_whoever_may_add_runs_may_write_the_ones_they_added(run: Run, alice: User, mallory: User) -> None:
    by = Actor.person(mallory)
    update_project(run.project, by=Actor.person(alice), visibility=Visibility.OPEN)
    added = work.run(run.project, "mine", by=mallory)

    for permission in (Permission.RUN_WRITE, Permission.FILE_WRITE):
        assert get_run(by, permission, entity="lab", project="vision", name="mine") == added
        assert get_run_by_id(by, permission, public_id=added.public_id) == added
        with pytest.raises(Forbidden):
            get_run(by, permission, entity="lab", project="vision", name="run1")
        with pytest.raises(NotFound):
            get_run(by, permission, entity="lab", project="vision", name="nothing")

    update_project(run.project, by=Actor.person(alice), visibility=Visibility.PUBLIC)
    with pytest.raises(Forbidden):
        get_run_by_id(by, Permission.RUN_WRITE, public_id=added.public_id)

    update_project(run.project, by=Actor.person(alice), visibility=Visibility.PRIVATE)
    with pytest.raises(NotFound):
        get_run_by_id(by, Permission.RUN_WRITE, public_id=added.public_id)


@pytest.mark.parametrize("count", [1, 3])
def test_opening_costs_the_same_for_one_run_and_three(vision: Project, alice: User, count: int) -> None:
    for n in range(count):
        work.run(vision, f"run{n}", by=alice, config_text='{"n": 1}')
    rows = list(Run.objects.all())

    with (
        CaptureQueriesContext(connections["default"]) as main,
        CaptureQueriesContext(connections["vault"]) as vault,
    ):
        opened = open_runs(rows)

    assert [each.head.name for each in opened] == [f"run{n}" for n in range(count)]
    assert (len(main), len(vault)) == (0, 1)


@pytest.mark.promise("P-28")
@pytest.mark.parametrize(
    ("field", "label"),
    [("sealed_head", "run.head"), ("sealed_config", "run.config"), ("sealed_summary", "run.summary")],
)
@pytest.mark.parametrize("place", [0, 1, 20, -1])
def test_bytes_that_were_changed_do_not_open(
    vision: Project, alice: User, field: str, label: str, place: int
) -> None:
    run = work.run(vision, "run1", by=alice, config_text='{"a": 1}', summary_text='{"a": 1}')
    sealed = bytearray(getattr(run, field))
    sealed[place] ^= 1
    Run.objects.update(**{field: bytes(sealed)})

    with pytest.raises(Tampered, match=rf"{label} of {run.uuid}"):
        open_run(Run.objects.get())


@pytest.mark.parametrize(
    ("source", "target"), [("sealed_config", "sealed_summary"), ("sealed_head", "sealed_config")]
)
def test_a_field_copied_to_another_does_not_open(
    vision: Project, alice: User, source: str, target: str
) -> None:
    run = work.run(vision, "run1", by=alice, config_text='{"a": 1}', summary_text='{"a": 1}')
    Run.objects.update(**{target: getattr(run, source)})

    with pytest.raises(Tampered):
        open_run(Run.objects.get())


def test_a_run_whose_key_is_gone_is_left_out_of_lists(vision: Project, run: Run, alice: User) -> None:
    work.run(vision, "run2", by=alice)

    discard_node(NodeId(run.vault_node))

    assert [each.head.name for each in open_runs(Run.objects.all())] == ["run2"]


def test_version_of_a_run(run: Run) -> None:
    assert run_version(run) == 1

    Run.objects.all().delete()
    assert run_version(run) is None
