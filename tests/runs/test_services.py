from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import timedelta
from importlib import import_module
from threading import Barrier
from typing import Any

import pytest
from django.apps import apps as django_apps
from django.db import connection, connections, transaction

from apps.access.policy import Visibility
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.audit.models import Event
from apps.core import clock, jsontext
from apps.core.errors import Erased, Forbidden, Invalid, NotFound
from apps.projects.models import Project
from apps.projects.services import update_project
from apps.runs import services
from apps.runs.history import store
from apps.runs.models import Run
from apps.runs.queries import find_run, open_run
from apps.runs.services import (
    finish_run,
    request_stop,
    rewind_run,
    start_run,
    update_run,
)
from apps.runs.silence import mark_silent_runs
from apps.runs.types import BranchPoint, Lines, RunPatch, RunState, Stream, StreamRequest
from apps.vault.models import Node
from tests.factories import people, work

pytestmark = pytest.mark.django_db

ALL_KINDS = (
    '{"lr": 1e-3, "big": 1180591620717411303424, "exact": 9007199254740993, "nan": NaN, "inf": [Infinity, -Infinity],\n'
    ' "größe.x": null, "": "", "deep": {"a": [[], {}]}, "half": "\\ud800", "b": 1, "b": 2, "neg": -0.0, "猫": "😀\u202e"}'
)


@pytest.fixture
def by(alice: User) -> Actor:
    return Actor.person(alice)


def again(run: Run) -> Run:
    return Run.objects.get(pk=run.pk)


def run_nodes() -> set[object]:
    return set(Node.objects.filter(kind="run").values_list("pk", flat=True))


# ── Starting ──


def test_a_new_run_has_a_key_a_name_and_a_number(vision: Project, alice: User, by: Actor) -> None:
    opened, is_new = start_run(vision, name="run1", by=by, patch=RunPatch())

    assert is_new
    assert (opened.head.name, opened.config_text, opened.summary_text) == ("run1", "{}", "{}")
    assert opened.head.display_name.endswith("-1")
    assert (opened.run.state, opened.run.created_by, opened.run.version) == ("running", alice, 1)
    assert Node.objects.get(pk=opened.run.vault_node).parent_id == vision.vault_node


def test_starting_twice_is_one_run(vision: Project, by: Actor) -> None:
    first, _ = start_run(vision, name="run1", by=by, patch=RunPatch(notes="a"))
    second, is_new = start_run(vision, name=" run1 ", by=by, patch=RunPatch(group="g"))

    assert not is_new
    assert second.run.public_id == first.run.public_id
    assert (second.head.notes, second.head.group) == ("a", "g")
    assert Event.objects.filter(kind="run.created").count() == 1


@pytest.mark.parametrize("name", [None, ""])
def test_a_run_without_a_name_gets_one(vision: Project, by: Actor, name: str | None) -> None:
    names = {start_run(vision, name=name, by=by, patch=RunPatch())[0].head.name for _ in range(3)}

    assert len(names) == 3
    assert {len(each) for each in names} == {8}


def test_invented_display_names_count_the_runs(vision: Project, by: Actor) -> None:
    made = [start_run(vision, name=f"run{n}", by=by, patch=RunPatch())[0].head.display_name for n in range(3)]

    assert [name.rsplit("-", 1)[1] for name in made] == ["1", "2", "3"]
    assert (
        start_run(vision, name="mine", by=by, patch=RunPatch(display_name="猫"))[0].head.display_name == "猫"
    )


@pytest.mark.parametrize("name", ["../x", "a/b", "a\\b", "a\x00", "..", "\ud800", "x" * 129, "a:b"])
def test_hostile_names_are_refused(vision: Project, by: Actor, name: str) -> None:
    with pytest.raises(Invalid):
        start_run(vision, name=name, by=by, patch=RunPatch())

    assert (Run.objects.count(), run_nodes()) == (0, set())


@pytest.mark.parametrize("name", ["猫 1", "\u202eabc", "a b", "quote\"'", "😀"])
def test_names_of_all_scripts_are_kept(vision: Project, by: Actor, name: str) -> None:
    start_run(vision, name=name, by=by, patch=RunPatch())

    found = find_run(vision, name)
    assert found is not None
    assert open_run(found).head.name == name


def test_of_two_starts_at_once_one_makes_the_run(
    vision: Project, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def late(project: Project, name: str) -> Run | None:
        found = find_run(project, name)
        if not asked:
            asked.append(name)
            start_run(vision, name="run1", by=by, patch=RunPatch(notes="first"))
        return found

    monkeypatch.setattr(services, "find_run", late)
    opened, is_new = start_run(vision, name="run1", by=by, patch=RunPatch(group="second"))

    assert not is_new
    assert (opened.head.notes, opened.head.group) == ("first", "second")
    assert run_nodes() == {Run.objects.get().vault_node}


@pytest.mark.django_db(transaction=True, databases=["default", "vault"])
def test_starts_in_threads_make_one_run() -> None:
    alice = people.person("alice")
    project = work.project("alice", "vision", by=alice)
    together = Barrier(4)

    def start(_: int) -> bool:
        together.wait()
        try:
            return start_run(project, name="run1", by=Actor.person(alice), patch=RunPatch())[1]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(start, range(4)))

    assert sorted(made) == [False, False, False, True]
    assert run_nodes() == {Run.objects.get().vault_node}
    assert Project.objects.get().runs_made == 1


def test_a_run_that_cannot_be_stored_leaves_no_key(
    vision: Project, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(services, "record", refuse)
    with pytest.raises(OSError, match="disk full"):
        start_run(vision, name="run1", by=by, patch=RunPatch())

    assert (Run.objects.count(), run_nodes()) == (0, set())
    assert Project.objects.get().runs_made == 0


@pytest.mark.promise("P-23")
def test_nobody_changes_anothers_run_by_starting_it(
    vision: Project, run: Run, alice: User, vera: User
) -> None:
    update_project(vision, by=Actor.person(alice), visibility=Visibility.OPEN)

    with pytest.raises(Forbidden):
        start_run(vision, name="run1", by=Actor.person(vera), patch=RunPatch(notes="mine"))

    assert open_run(again(run)).head.notes == ""


# ── Changing ──


@pytest.mark.promise("P-21")
@pytest.mark.parametrize("text", ["{}", " { } ", '{"a":1}', ALL_KINDS, '{"x": "' + "long " * 100_000 + '"}'])
def test_config_and_summary_are_kept_to_the_letter(run: Run, by: Actor, text: str) -> None:
    update_run(run, RunPatch(config_text=text, summary_text=text), by=by)

    opened = open_run(again(run))
    assert opened.config_text == text
    assert opened.summary_text == text


def test_what_was_kept_reads_as_it_was_meant(run: Run, by: Actor) -> None:
    update_run(run, RunPatch(config_text=ALL_KINDS), by=by)

    value = jsontext.loads(open_run(again(run)).config_text)
    assert (value["big"], value["exact"], value["b"]) == (2**70, 2**53 + 1, 2)
    assert math.isnan(value["nan"])
    assert value["inf"] == [math.inf, -math.inf]


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "1", "{", '{"a": 1} x', '{"a":' + "[" * 200 + "]" * 200 + "}"]
)
def test_a_config_that_is_no_object_is_refused_and_nothing_changes(run: Run, by: Actor, text: str) -> None:
    before = again(run)

    for patch in (RunPatch(config_text=text, notes="new"), RunPatch(summary_text=text, notes="new")):
        with pytest.raises(Invalid):
            update_run(run, patch, by=by)

    assert again(run).version == before.version
    assert open_run(again(run)).head.notes == ""


def test_none_leaves_a_field_and_a_value_sets_it(run: Run, by: Actor) -> None:
    words = RunPatch(display_name="猫", notes="n", description="d", tags=["a", "b", "a"], group="g", job_type="j",
                     commit="c", program="p", sweep="s", config_text='{"a":1}')  # fmt: skip
    update_run(run, words, by=by)
    update_run(run, RunPatch(), by=by)

    head = open_run(again(run)).head
    kept = (head.display_name, head.notes, head.description, head.tags, head.group, head.job_type, head.commit,
            head.program, head.sweep)  # fmt: skip
    assert kept == ("猫", "n", "d", ["a", "b", "a"], "g", "j", "c", "p", "s")
    assert open_run(again(run)).config_text == '{"a":1}'

    update_run(run, RunPatch(notes="", tags=[]), by=by)
    head = open_run(again(run)).head
    assert (head.notes, head.tags, head.group) == ("", [], "g")


def test_words_survive_whatever_they_are(run: Run, by: Actor) -> None:
    words = 'quote " back\\slash \x00 \u202e😀 \ud800 </script> NaN'

    update_run(run, RunPatch(notes=words, tags=[words]), by=by)

    head = open_run(again(run)).head
    assert (head.notes, head.tags) == (words, [words])


def test_too_many_tags_are_refused(run: Run, by: Actor) -> None:
    with pytest.raises(Invalid, match="at most 1000 tags"):
        update_run(run, RunPatch(tags=["t"] * 1001), by=by)


@pytest.mark.parametrize("words", [{"notes": "x" * 250_001}, {"tags": ["x" * 999] * 251}])
def test_too_many_words_are_refused(run: Run, by: Actor, words: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        update_run(run, RunPatch(**words), by=by)


def test_each_change_counts_the_version(run: Run, by: Actor) -> None:
    start = run.version

    update_run(run, RunPatch(notes="a"), by=by)
    update_run(run, RunPatch(notes="b"), by=by)
    request_stop(run, by=by)
    finish_run(run, state=RunState.FINISHED, by=by)

    assert again(run).version == start + 4


def test_a_run_that_is_gone_was_erased(run: Run, by: Actor) -> None:
    Run.objects.all().delete()

    for act in (
        lambda: update_run(run, RunPatch(), by=by),
        lambda: finish_run(run, state=RunState.FAILED, by=by),
        lambda: request_stop(run, by=by),
        lambda: rewind_run(run, last_step=1, by=by),
    ):
        with pytest.raises(Erased):
            act()


@pytest.mark.promise("P-08")
def test_no_word_of_a_run_lies_open(vision: Project, by: Actor) -> None:
    words = RunPatch(display_name="canary-a", notes="canary-b", tags=["canary-c"], group="canary-d", job_type="canary-e",
                     commit="canary-f", program="canary-g", config_text='{"canary-h":"canary-i"}',
                     summary_text='{"canary-j":1}')  # fmt: skip
    opened, _ = start_run(vision, name="canary-run", by=by, patch=words)
    row = '{"canary-k": "canary-l", "_step": 0}'
    store.append(
        opened.run,
        StreamRequest(streams={Stream.HISTORY: Lines(0, [row]), Stream.OUTPUT: Lines(0, ["canary-m"])}),
    )

    stored = ""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            stored += repr(cursor.fetchall())

    assert "canary" not in stored


# ── Ending ──


@pytest.mark.parametrize("state", sorted(RunState.closed()))
def test_finishing_twice_is_finishing_once(run: Run, by: Actor, state: RunState) -> None:
    finish_run(run, state=state, by=by)
    first = again(run)
    finish_run(run, state=state, by=by)

    assert first.finished_at is not None
    assert (again(run).state, again(run).finished_at, again(run).version) == (
        state,
        first.finished_at,
        first.version,
    )
    assert [event.facts for event in Event.objects.filter(kind="run.finished")] == [{"state": state}]


def test_a_run_that_goes_on_has_not_finished(run: Run, by: Actor) -> None:
    finish_run(run, state=RunState.FAILED, by=by)
    update_run(run, RunPatch(state=RunState.RUNNING), by=by)

    assert (again(run).state, again(run).finished_at) == ("running", None)


def test_a_run_that_begins_finished_has_its_moment(vision: Project, by: Actor) -> None:
    opened, _ = start_run(vision, name="old", by=by, patch=RunPatch(state=RunState.FINISHED))

    assert again(opened.run).finished_at is not None


def test_stop_is_asked_for_once_and_not_of_the_dead(run: Run, by: Actor) -> None:
    assert request_stop(run, by=by)
    first = again(run).stop_requested_at
    assert request_stop(run, by=by)

    assert again(run).stop_requested_at == first
    assert Event.objects.filter(kind="run.stop_requested").count() == 1

    finish_run(run, state=RunState.FINISHED, by=by)
    assert not request_stop(run, by=by)


@pytest.mark.parametrize(
    ("state", "silence", "becomes"),
    [
        ("running", timedelta(minutes=4, seconds=50), "running"),
        ("running", timedelta(minutes=5, seconds=10), "crashed"),
        ("preempting", timedelta(days=6), "preempting"),
        ("preempting", timedelta(days=8), "preempted"),
        ("finished", timedelta(days=99), "finished"),
        ("failed", timedelta(days=99), "failed"),
        ("pending", timedelta(days=99), "pending"),
    ],
)
def test_silent_runs_have_crashed(run: Run, state: str, silence: timedelta, becomes: str) -> None:
    heard = clock.now() - silence
    Run.objects.update(state=state, heartbeat_at=heard)

    marked = mark_silent_runs()

    assert again(run).state == becomes
    assert marked == (0 if state == becomes else 1)
    assert again(run).finished_at == (None if state == becomes else heard)
    assert again(run).version == run.version + marked
    assert [event.by for event in Event.objects.filter(kind="run.finished")] == ["system"] * marked
    assert mark_silent_runs() == 0


def test_a_heartbeat_during_the_sweep_saves_the_run(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Run.objects.update(heartbeat_at=clock.now() - timedelta(hours=1))
    real = transaction.atomic

    def heartbeat_first() -> AbstractContextManager[None]:
        Run.objects.update(heartbeat_at=clock.now())
        return real()

    monkeypatch.setattr(transaction, "atomic", heartbeat_first)

    assert mark_silent_runs() == 0
    assert again(run).state == "running"


# ── Going back and branching off ──


def log_steps(run: Run, count: int) -> None:
    lines = [f'{{"_step": {n}, "loss": {n / 2}}}' for n in range(count)]
    store.append(run, StreamRequest(streams={Stream.HISTORY: Lines(0, lines)}))


def steps(run: Run) -> list[int]:
    return [row["_step"] for row in store.scan(again(run), Stream.HISTORY)]


def test_rewind_drops_what_came_after_and_wakes_the_run(run: Run, by: Actor) -> None:
    log_steps(run, 6)
    finish_run(run, state=RunState.FINISHED, by=by)

    opened = rewind_run(run, last_step=2, by=by)

    assert steps(run) == [0, 1, 2]
    assert (opened.run.state, opened.run.finished_at, again(run).history_lines) == ("running", None, 3)
    assert Event.objects.filter(kind="run.rewound").count() == 1


def test_of_a_rewound_run_neither_the_end_nor_a_wish_to_stop_is_left(run: Run, by: Actor) -> None:
    """Told by the old exit code, the sweep would take a crash after the rewind for a good end."""
    Run.objects.update(state="finished", exit_code=0, stop_requested_at=clock.now())

    rewind_run(run, last_step=2, by=by)
    assert (again(run).exit_code, again(run).stop_requested_at) == (None, None)

    Run.objects.update(heartbeat_at=clock.now() - timedelta(minutes=2))
    assert mark_silent_runs() == 0
    Run.objects.update(heartbeat_at=clock.now() - timedelta(minutes=6))
    assert (mark_silent_runs(), again(run).state) == (1, "crashed")


def test_a_run_that_is_opened_again_has_no_exit_code(run: Run, by: Actor) -> None:
    Run.objects.update(state="failed", exit_code=1)

    update_run(run, RunPatch(state=RunState.RUNNING), by=by)

    assert (again(run).state, again(run).exit_code) == ("running", None)


def test_whoever_takes_up_a_crashed_run_is_not_told_to_stop(run: Run, by: Actor) -> None:
    request_stop(run, by=by)
    Run.objects.update(heartbeat_at=clock.now() - timedelta(hours=1))
    mark_silent_runs()

    resumed = store.append(run, StreamRequest(streams={Stream.HISTORY: Lines(0, ['{"_step": 0}'])}))

    assert (resumed.state, resumed.is_stop_requested) == (RunState.RUNNING, False)


def test_fork_begins_with_its_parents_history(vision: Project, run: Run, by: Actor) -> None:
    log_steps(run, 6)

    child, is_new = start_run(
        vision, name="child", by=by, patch=RunPatch(branch_point=BranchPoint("run1", 3))
    )
    retried, is_new_again = start_run(
        vision, name="child", by=by, patch=RunPatch(branch_point=BranchPoint("run1", 3))
    )

    assert (is_new, is_new_again, retried.run.pk) == (True, False, child.run.pk)
    assert steps(child.run) == [0, 1, 2, 3]
    assert steps(run) == [0, 1, 2, 3, 4, 5]


def test_fork_of_nothing_makes_nothing(vision: Project, alice: User, by: Actor) -> None:
    elsewhere = work.project("alice", "diary", by=alice)
    work.run(elsewhere, "secret", by=alice)

    for parent in ("nothing", "secret"):
        with pytest.raises(NotFound, match="does not exist in this project"):
            start_run(vision, name="child", by=by, patch=RunPatch(branch_point=BranchPoint(parent, 1)))

    assert Run.objects.filter(project=vision).count() == 0
    assert len(run_nodes()) == 1


def test_runs_are_numbered_as_they_are_made(vision: Project, alice: User) -> None:
    other = work.project("lab", "other", by=alice)

    made = [work.run(place, name, by=alice) for place, name in ((vision, "a"), (other, "b"), (vision, "c"))]

    assert [run.number for run in made] == [1, 1, 2]


def test_runs_from_before_there_were_numbers_are_numbered_by_age(vision: Project, alice: User) -> None:
    runs = [work.run(vision, name, by=alice) for name in ("a", "b", "c")]
    Run.objects.update(number=0)

    import_module("apps.runs.migrations.0003_numbers_of_earlier_runs").number_by_age(django_apps, None)

    assert list(Run.objects.order_by("id").values_list("number", flat=True)) == [1, 2, 3]
    assert runs[2].number == 3
