"""Versions of artifacts and whole artifacts: gone at once for everybody, their keys first; what others hold as well stays."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models.signals import post_init

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts import queries, services
from apps.artifacts.models import Alias, Collection, Link, Promotion, RunVersion, StoredFile, Version
from apps.artifacts.queries.links import links_in
from apps.artifacts.types import Move, RunRole, VersionPatch
from apps.audit.models import Event
from apps.blobs.models import Blob
from apps.core import clock
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound
from apps.erasure import artifacts as acts
from apps.erasure import services as jobs
from apps.erasure import steps
from apps.erasure.artifacts import erase_artifact, erase_run_with, erase_versions
from apps.erasure.models import ErasureJob
from apps.erasure.services import advance, due_jobs, erase_project
from apps.erasure.types import Scope, Step
from apps.projects.models import Project
from apps.runs.models import Run
from apps.vault.errors import KeyGone
from apps.vault.models import Grant, Node, Tombstone
from apps.vault.tree import open_key
from apps.vault.types import NodeId
from tests.erasure.conftest import finish
from tests.erasure.test_services import dies_at, everything_left, objects, rows_below
from tests.factories import artifacts, people, work
from tests.factories.vault import end_epochs
from tests.questions import questions

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P-09")]
FILES = {"a.txt": b"one", "deep/b.txt": b"two"}


@pytest.fixture
def by(alice: User) -> Actor:
    return Actor.person(alice)


@pytest.fixture
def pair(vision: Project, by: Actor) -> tuple[Version, Version]:
    """Two versions that share a file, which came with the first."""
    first = artifacts.version(vision, "ds", FILES, by=by, aliases=("latest", "old"))
    return first, artifacts.version(vision, "ds", {"a.txt": b"one", "c.txt": b"three"}, by=by)


def read(version: Version, path: str) -> bytes:
    entry = queries.find_entries(version, [path])[0]
    return b"".join(queries.read_stored(version, StoredFile.objects.get(pk=entry.stored)))


def object_of(version: Version, path: str) -> str:
    entry = queries.find_entries(version, [path])[0]
    return StoredFile.objects.get(pk=entry.stored).blob.object_name


def stored() -> set[str]:
    return set(Blob.objects.values_list("object_name", flat=True))


def test_a_version_goes_with_its_key_its_bytes_and_its_rows_and_nothing_else(
    vision: Project, by: Actor, pair: tuple[Version, Version], run: Run
) -> None:
    first, second = pair
    services.use_version(run, first)
    own, shared = object_of(first, "deep/b.txt"), object_of(first, "a.txt")
    assert {own, shared} <= objects()

    job = erase_versions([first], by=by)
    finish(job)

    job.refresh_from_db()
    assert (job.scope, job.step, job.versions, job.files, job.runs) == (Scope.VERSIONS, Step.DONE, 1, 1, 0)
    assert job.stored_bytes > 0 and job.shredded_at is not None
    assert set(rows_below(Scope.VERSIONS, [first.pk]).values()) == {0}
    assert not RunVersion.objects.filter(version=first.pk).exists()
    assert own not in objects() and shared in objects()
    assert not Node.objects.filter(pk=first.vault_node).exists()
    assert not Grant.objects.filter(owner_id=first.vault_node).exists()
    assert Tombstone.objects.filter(node_id=first.vault_node).count() == 1
    with pytest.raises(KeyGone):
        open_key(NodeId(first.vault_node))
    assert StoredFile.objects.get(blob__object_name=shared).birth_id == second.pk
    assert {path: read(second, path) for path in ("a.txt", "c.txt")} == {"a.txt": b"one", "c.txt": b"three"}
    assert Run.objects.filter(pk=run.pk).exists()


def test_nobody_finds_a_version_from_the_moment_it_is_asked(
    vision: Project, by: Actor, pair: tuple[Version, Version], run: Run
) -> None:
    first, second = pair
    services.use_version(run, second)

    erase_versions([second], by=by)

    def named(alias: str) -> Version:
        return queries.get_version_in(by, Permission.FILE_READ, project=vision, name=f"ds:{alias}")

    for ask in (
        lambda: named("v1"),
        lambda: queries.get_version(by, Permission.FILE_READ, public_id=second.public_id),
        lambda: services.update_version(second, VersionPatch(description="late"), by=by),
        lambda: services.link_version(second, vision, name="kept", aliases=[], by=by),
        lambda: erase_versions([second], by=by),
    ):
        with pytest.raises(NotFound):
            ask()
    assert [each.version.pk for each in queries.versions_of(first.collection)] == [first.pk]
    assert (named("latest"), named("old")) == (first, first)
    assert queries.versions_of_run(by, run, RunRole.INPUT) == []
    assert queries.count_links(run) == 0
    assert Version.everything.filter(pk=second.pk, erased_at__isnull=False).exists()


def test_its_number_is_not_given_again_and_its_digest_comes_as_a_new_version(
    vision: Project, by: Actor, pair: tuple[Version, Version]
) -> None:
    _first, second = pair
    content = {"a.txt": b"one", "c.txt": b"three"}
    job = erase_versions([second], by=by)

    again = artifacts.version(vision, "ds", content, by=by)  # while the job has not begun
    finish(job)

    assert (again.number, again.pk != second.pk) == (2, True)
    assert {path: read(again, path) for path in content} == content
    finish(erase_versions([again], by=by))
    last = artifacts.version(vision, "ds", content, by=by)
    assert (last.number, read(last, "c.txt")) == (3, b"three")


def test_a_file_that_came_with_what_is_erased_goes_with_its_last_holder(
    vision: Project, by: Actor, pair: tuple[Version, Version]
) -> None:
    shared = object_of(pair[0], "a.txt")
    for each in pair:
        assert shared in objects()
        finish(erase_versions([each], by=by))

    assert shared not in objects()
    assert not StoredFile.objects.exists()
    assert not Grant.objects.exists()


def test_both_holders_at_once_leave_nothing(by: Actor, pair: tuple[Version, Version]) -> None:
    before = stored()
    several = [erase_versions([each], by=by) for each in pair]
    for job in several:
        finish(job)

    assert set(ErasureJob.objects.values_list("step", flat=True)) == {Step.DONE}
    assert not Version.everything.exists() and not StoredFile.objects.exists()
    assert (Blob.objects.count(), before & objects()) == (0, set())


def test_aliases_go_with_it_only_when_somebody_said_so(by: Actor, pair: tuple[Version, Version]) -> None:
    with pytest.raises(Conflict):
        erase_versions([pair[0]], by=by, with_aliases=False)
    assert not ErasureJob.objects.exists()

    erase_versions([pair[0]], by=by)

    assert Alias.objects.count() == 1
    assert queries.open_version(pair[1]).aliases == ("latest",)


def test_links_are_cut_at_once_and_the_history_of_the_portfolio_says_so(
    vision: Project, by: Actor, pair: tuple[Version, Version]
) -> None:
    for each in pair:
        link = services.link_version(each, vision, name="chosen", aliases=["best"], by=by)
    portfolio = link.collection

    erase_versions([pair[1]], by=by)

    assert [each.version_id for each in links_in(portfolio)] == [pair[0].pk]
    assert Promotion.objects.latest("id").move == Move.CUT
    assert queries.open_member(Link.objects.get()).aliases == ("latest",)


def test_links_of_many_portfolios_are_cut_in_as_many_questions_as_of_one(
    vision: Project, by: Actor, pair: tuple[Version, Version]
) -> None:
    """Anybody may link what is public, a thousand times, and whoever else writes waits while it is cut."""
    asked = []
    for names in ("a", "bcd"):
        for name in names:
            for each in pair:
                services.link_version(each, vision, name=name, aliases=[], by=by)
        asked.append(questions(lambda: services.cut_links([pair[1]], by=by))[0])

    assert asked[1] - asked[0] == 2, "of each of two more its line in the record"
    assert {each.version_id for each in Link.objects.all()} == {pair[0].pk}
    assert [queries.open_member(each).aliases for each in Link.objects.all()] == [("latest",)] * 4
    assert Promotion.objects.filter(move=Move.CUT).count() == 4


def test_however_many_links_stay_where_one_is_cut_one_of_them_is_read(
    vision: Project, by: Actor, pair: tuple[Version, Version]
) -> None:
    """Whoever links ten thousand things of their own beside it takes no memory from the eraser."""
    own = [artifacts.version(vision, f"own-{n}", {"x": b"%d" % n}, by=by) for n in range(3)]
    links = [
        services.link_version(each, vision, name="many", aliases=[], by=by)
        for each in (*own, pair[0], pair[1])
    ]
    read: list[Link] = []

    def note(instance: Link, **_: Any) -> None:
        read.append(instance)

    post_init.connect(note, sender=Link)
    try:
        services.cut_links([pair[1]], by=by)
    finally:
        post_init.disconnect(note, sender=Link)

    assert {each.pk for each in read} == {links[4].pk, links[3].pk}, "what is cut, and the newest that stays"
    assert [queries.open_member(each).aliases for each in links_in(links[0].collection)] == [
        *[()] * 3,
        ("latest",),
    ]


def test_an_artifact_goes_whole_and_its_name_is_free(
    vision: Project, by: Actor, pair: tuple[Version, Version]
) -> None:
    held = pair[0].collection
    other = artifacts.version(vision, "other", {"x": b"one"}, by=by)  # a file of the first
    late = {"new": b"new"}
    begun = artifacts.begin(vision, "ds", late, by=by)
    artifacts.upload(begun, late, by=by)
    artifacts.bring_manifest(begun, artifacts.manifest(late), by=by)
    own = {object_of(pair[0], "deep/b.txt"), object_of(pair[1], "c.txt")}

    job = erase_artifact(held, by=by)

    assert queries.find_collection(vision, "ds") is None
    assert [each.name for each in queries.collections_in(by, vision)] == ["other"]
    with pytest.raises(NotFound):
        erase_artifact(held, by=by)
    with pytest.raises(NotFound):
        services.update_collection(held, by=by, description="late")
    with pytest.raises(NotFound):
        services.commit_version(begun, by=by)
    anew = artifacts.version(vision, "ds", {"y": b"anew"}, by=by)
    finish(job)
    job.refresh_from_db()
    assert (job.step, job.versions, everything_left(job)) == (Step.DONE, 3, 0)
    assert set(rows_below(Scope.ARTIFACT, [held.pk]).values()) == {0}
    assert not own & objects()
    nodes = {held.vault_node, *(each.vault_node for each in (*pair, begun))}
    assert not Node.objects.filter(pk__in=nodes).exists()
    assert not Grant.objects.filter(owner_id__in=nodes).exists()
    assert (anew.number, read(anew, "y"), read(other, "x")) == (0, b"anew", b"one")


def test_what_another_job_was_erasing_goes_with_its_artifact(
    by: Actor, pair: tuple[Version, Version]
) -> None:
    before = stored()
    several = [erase_versions([pair[0]], by=by), erase_artifact(pair[0].collection, by=by)]
    for job in several:
        finish(job)

    assert set(ErasureJob.objects.values_list("step", flat=True)) == {Step.DONE}
    assert not Collection.everything.exists()
    assert (Blob.objects.count(), before & objects()) == (0, set())


def test_what_is_being_erased_goes_with_its_project(
    vision: Project, by: Actor, pair: tuple[Version, Version]
) -> None:
    before = stored()
    several = [erase_versions([pair[0]], by=by), erase_project(vision, by=by, at_once=True)]
    for job in reversed(several):
        finish(job)

    assert set(ErasureJob.objects.values_list("step", flat=True)) == {Step.DONE}
    assert not Version.everything.exists()
    assert (Blob.objects.count(), before & objects()) == (0, set())


def test_of_a_collection_of_links_what_they_lead_to_stays(
    vision: Project, by: Actor, pair: tuple[Version, Version]
) -> None:
    portfolio = services.link_version(pair[0], vision, name="chosen", aliases=["best"], by=by).collection

    job = erase_artifact(portfolio, by=by)

    assert not Link.objects.exists()
    assert services.link_version(pair[0], vision, name="chosen", aliases=[], by=by).number == 0
    finish(job)
    assert not Collection.everything.filter(pk=portfolio.pk).exists()
    assert not Node.objects.filter(pk=portfolio.vault_node).exists()
    assert read(pair[0], "deep/b.txt") == b"two"
    assert Event.objects.filter(kind="artifact.unlinked").count() == 1


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("scope", [Scope.VERSIONS, Scope.ARTIFACT])
@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (steps, "erase_nodes"),
        (steps, "hand_on_files"),
        (steps, "delete_with_rows"),
        (steps, "give_back_files"),
        (steps, "forget_nodes"),
        (steps, "_count"),
        (jobs, "_note_done"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_worker_that_dies_anywhere_is_carried_on(
    vision: Project,
    by: Actor,
    pair: tuple[Version, Version],
    monkeypatch: pytest.MonkeyPatch,
    scope: Scope,
    owner: Any,
    name: str,
    after: bool,
) -> None:
    other = artifacts.version(vision, "other", {"x": b"one", "y": b"own"}, by=by)
    kept = {object_of(other, path) for path in ("x", "y")}
    went = {object_of(pair[0], "deep/b.txt"), object_of(pair[1], "c.txt")}
    job = (
        erase_versions(list(pair), by=by)
        if scope is Scope.VERSIONS
        else erase_artifact(pair[0].collection, by=by)
    )

    assert dies_at(monkeypatch, job, owner, name, after=after, call=1)
    assert list(due_jobs()) == []  # as far as anybody knows a worker is at it
    ErasureJob.objects.filter(pk=job.pk).update(busy_until=clock.now() - timedelta(seconds=1))
    if due_jobs() and dies_at(monkeypatch, job, owner, name, after=after, call=2):
        ErasureJob.objects.filter(pk=job.pk).update(busy_until=clock.now() - timedelta(seconds=1))
    for job_id in due_jobs():
        advance(job_id)

    finish(job)
    assert (job.step, everything_left(job)) == (Step.DONE, 0)
    assert not Version.everything.filter(pk__in=[each.pk for each in pair]).exists()
    assert (went & objects(), kept - objects()) == (set(), set())
    assert (read(other, "x"), read(other, "y")) == (b"one", b"own")


def test_a_long_job_gives_others_their_turn(
    by: Actor, pair: tuple[Version, Version], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = erase_artifact(pair[0].collection, by=by)
    monkeypatch.setattr(jobs, "_TURN_SECONDS", -1.0)
    turns = 0
    while job.step != Step.DONE:
        advance(job.pk)
        end_epochs()
        job.refresh_from_db()
        turns += 1
        assert turns < 60

    assert turns > 3
    assert not Collection.everything.exists()


def test_what_was_asked_is_on_the_record_with_it(by: Actor, pair: tuple[Version, Version]) -> None:
    one = erase_versions([pair[0]], by=by)
    whole = erase_artifact(pair[0].collection, by=by)

    event = Event.objects.get(kind="artifact.deleted")
    assert (event.subject, event.by) == (pair[0].public_id, by.audit_id)
    assert event.facts == {"job": one.public_id, "cause": "asked"}
    event = Event.objects.get(kind="artifact.erased")
    assert event.subject == pair[0].collection.public_id
    assert event.facts == {"job": whole.public_id, "versions": 1}


def test_none_and_those_of_several_owners_are_refused(
    by: Actor, pair: tuple[Version, Version], mallory: User
) -> None:
    mal = Actor.person(mallory)
    theirs = artifacts.version(work.project("mallory", "own", by=mallory), "x", {"a": b"1"}, by=mal)
    with pytest.raises(Invalid):
        erase_versions([], by=by)
    with pytest.raises(Invalid):
        erase_versions([pair[0], theirs], by=by)
    assert not ErasureJob.objects.exists()


def test_a_run_and_what_it_made_go_together_or_not_at_all(
    vision: Project, run: Run, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = artifacts.version(vision, "set", {"a": b"1"}, by=by, run=run)

    def broken(*_: object, **__: object) -> ErasureJob:
        raise NotFound("gone")

    with monkeypatch.context() as patch:
        patch.setattr(acts, "erase_run", broken)
        with pytest.raises(NotFound):
            erase_run_with(run, [made], by=by)
    assert Version.objects.filter(pk=made.pk).exists() and not ErasureJob.objects.exists()

    erase_run_with(run, [made], by=by)

    assert not Version.objects.exists() and not Run.objects.exists()
    assert set(ErasureJob.objects.values_list("scope", flat=True)) == {Scope.RUNS, Scope.VERSIONS}


def test_who_may_erase_all_of_an_artifact(
    vision: Project, by: Actor, bob: User, vera: User, mallory: User
) -> None:
    bobs = people.actor(bob)
    own = artifacts.version(vision, "bobs", {"a": b"1"}, by=bobs)
    assert queries.versions_to_erase(bobs, own.collection_id) == [own]
    artifacts.version(vision, "bobs", {"a": b"2"}, by=by)

    assert len(queries.versions_to_erase(by, own.collection_id)) == 2
    for who, refusal in ((bob, Forbidden), (vera, Forbidden), (mallory, NotFound)):
        with pytest.raises(refusal):
            queries.versions_to_erase(people.actor(who), own.collection_id)
