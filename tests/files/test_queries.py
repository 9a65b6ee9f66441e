from __future__ import annotations

import io
import time

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.blobs.store import default_store
from apps.core.errors import Forbidden, Invalid, NotFound
from apps.files.models import RunFile
from apps.files.queries import find_file, get_file, like_pattern, list_files, open_file, read_file
from apps.files.services import announce_files, store_file
from apps.runs.models import Run
from apps.vault.errors import Tampered
from tests.factories import work

pytestmark = pytest.mark.django_db
READ = Permission.FILE_READ
NO_FILE = "There is no such file, or it is not shared with you."


def put(run: Run, name: str, content: bytes = b"x") -> RunFile:
    announced = announce_files(run, [name])[0].file
    assert announced is not None
    return store_file(announced, io.BytesIO(content))


def test_insiders_get_it_by_id(run: Run, alice: User, bob: User, vera: User) -> None:
    file = put(run, "a.txt")

    for user in (alice, bob, vera):
        assert get_file(Actor.person(user), READ, public_id=file.public_id) == file
    with pytest.raises(Forbidden):
        get_file(Actor.person(vera), Permission.FILE_WRITE, public_id=file.public_id)


@pytest.mark.promise("P-23")
@pytest.mark.parametrize("asked", ["the file", "a" * 20, "1", "", "\x00", "\ud800"])
def test_outsiders_hear_one_answer(run: Run, mallory: User, asked: str) -> None:
    public_id = put(run, "a.txt").public_id if asked == "the file" else asked

    for actor in (Actor.person(mallory), Actor.nobody(), Actor.system()):
        for permission in (READ, Permission.FILE_WRITE):
            with pytest.raises(NotFound) as caught:
                get_file(actor, permission, public_id=public_id)
            assert caught.value.message == NO_FILE


def test_a_file_belongs_to_its_run(run: Run, alice: User) -> None:
    other = work.run(run.project, "run2", by=alice)
    put(run, "a.txt")

    with pytest.raises(NotFound):
        find_file(other, "a.txt")
    assert list_files(other) == []


def test_an_announced_file_has_no_bytes_yet(run: Run) -> None:
    announced = announce_files(run, ["a.txt"])[0].file
    assert announced is not None

    with pytest.raises(NotFound):
        find_file(run, "a.txt")
    with pytest.raises(NotFound):
        list(read_file(announced))


@pytest.mark.parametrize("name", ["\ud800", "\x00", "../a.txt", "", "x" * 5000])
def test_asking_for_hostile_names_finds_nothing(run: Run, name: str) -> None:
    put(run, "a.txt")

    with pytest.raises(NotFound):
        find_file(run, name)
    assert list_files(run, names=[name]) == []


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("%", ["a.txt", "a/b.txt", "a_b\\c.txt", "über.log"]),
        ("a%", ["a.txt", "a/b.txt", "a_b\\c.txt"]),
        ("_.txt", ["a.txt"]),
        ("_ber.log", ["über.log"]),
        ("%.txt", ["a.txt", "a/b.txt", "a_b\\c.txt"]),
        ("a.txt", ["a.txt"]),
        ("A.TXT", []),
        ("a.*", []),
        ("%b\\c%", ["a_b\\c.txt"]),
        ("", ["a.txt", "a/b.txt", "a_b\\c.txt", "über.log"]),
    ],
)
def test_patterns_are_sqls(run: Run, pattern: str, found: list[str]) -> None:
    for name in ("a.txt", "a/b.txt", "a_b\\c.txt", "über.log"):
        put(run, name)

    assert [file.name for file in list_files(run, like=pattern)] == found


def test_names_that_are_asked_for(run: Run) -> None:
    for name in ("a.txt", "b.txt", "c.txt"):
        put(run, name)

    assert [file.name for file in list_files(run, names=["c.txt", "a.txt", "a.txt", "nothing"])] == [
        "a.txt",
        "c.txt",
    ]
    assert list_files(run, names=[]) == []


def test_hostile_patterns_cost_little() -> None:
    started = time.perf_counter()

    matches = like_pattern("%a" * 500 + "b").fullmatch("a" * 1024)

    assert matches is None
    assert time.perf_counter() - started < 2


@pytest.mark.parametrize("pattern", ["x" * 1025, "\ud800"])
def test_patterns_are_bounded(pattern: str) -> None:
    with pytest.raises(Invalid):
        like_pattern(pattern)


def test_names_are_bounded(run: Run) -> None:
    with pytest.raises(Invalid):
        list_files(run, names=[str(n) for n in range(10_001)])


@pytest.mark.parametrize("count", [1, 3])
def test_lists_cost_the_same_for_one_file_and_three(run: Run, count: int) -> None:
    for n in range(count):
        put(run, f"{n}.txt")

    with (
        CaptureQueriesContext(connections["default"]) as main,
        CaptureQueriesContext(connections["vault"]) as vault,
    ):
        found = list_files(run)

    assert len(found) == count
    assert (len(main), len(vault)) == (1, 1)


@pytest.mark.parametrize("field", ["sealed_name", "sealed_digests"])
@pytest.mark.parametrize("place", [0, 1, 20, -1])
def test_words_that_were_changed_do_not_open(run: Run, field: str, place: int) -> None:
    file = put(run, "a.txt")
    sealed = bytearray(bytes(getattr(RunFile.objects.get(), field)))
    sealed[place] ^= 1
    RunFile.objects.update(**{field: bytes(sealed)})

    with pytest.raises(Tampered, match=str(file.uuid)):
        open_file(RunFile.objects.get())


def test_a_name_from_another_file_does_not_open(run: Run) -> None:
    put(run, "a.txt")
    other = RunFile.objects.get(pk=put(run, "b.txt").pk)
    RunFile.objects.exclude(pk=other.pk).update(sealed_name=bytes(other.sealed_name))

    with pytest.raises(Tampered):
        list_files(run)


@pytest.mark.promise("P-28")
@pytest.mark.parametrize("place", [0, 40, 100, -1])
def test_bytes_that_were_changed_are_never_served_as_they_are(run: Run, place: int) -> None:
    file = put(run, "a.txt", b"some content that matters" * 10)
    assert file.blob is not None
    name = file.blob.object_name
    store = default_store()
    sealed = bytearray(b"".join(store.read_range(name, 0, file.blob.stored_size or 0)))
    sealed[place] ^= 1
    store.delete_all_versions(name)
    store.put(name, iter([bytes(sealed)]))

    with pytest.raises(Tampered):
        list(read_file(file))
