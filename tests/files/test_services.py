from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from apps.blobs.models import Blob
from apps.core.errors import Forbidden, Invalid, NotFound
from apps.files import services
from apps.files.models import RunFile, WithheldFile
from apps.files.queries import find_file, list_files, read_file, withheld_names
from apps.files.services import announce_files, store_file
from apps.files.types import OpenFile
from apps.runs.models import Run

pytestmark = pytest.mark.django_db
# For what happens after the commit.
commits = pytest.mark.django_db(transaction=True, databases=["default", "vault"])
BIG = bytes(range(256)) * 1024  # some sealed frames


def put(run: Run, name: str, content: bytes) -> RunFile:
    announced = announce_files(run, [name])[0].file
    assert announced is not None
    return store_file(announced, io.BytesIO(content))


def content_of(run: Run, name: str) -> bytes:
    return b"".join(read_file(find_file(run, name).file))


def test_announced_names_are_answered_in_order_and_number(run: Run) -> None:
    names = ["b.txt", "a.txt", "code/train.py", "b.txt", "猫.txt", "e\u0301.txt", "\u00e9.txt"]

    answers = announce_files(run, names)

    assert [answer.name for answer in answers] == names
    assert [answer.file is not None for answer in answers] == [True, True, False, True, True, True, True]
    assert answers[0].file == answers[3].file
    assert answers[5].file == answers[6].file
    assert RunFile.objects.count() == 4
    # Their rows too: what comes first is no matter of chance.
    rows = [answers[at].file.pk for at in (0, 1, 4, 5)]  # type: ignore[union-attr]
    assert rows == sorted(rows)


def test_announcing_again_is_the_same_file(run: Run) -> None:
    first = announce_files(run, ["a.txt"])[0].file
    stored = put(run, "a.txt", b"one")

    assert announce_files(run, ["a.txt"])[0].file == first == stored
    assert content_of(run, "a.txt") == b"one"


def test_nothing_announced_is_no_answer(run: Run) -> None:
    assert announce_files(run, []) == []


@pytest.mark.parametrize("count", [1, 3])
def test_announcing_costs_the_same_for_one_file_and_three(run: Run, count: int) -> None:
    with CaptureQueriesContext(connections["default"]) as main:
        announce_files(run, [f"{n}.txt" for n in range(count)])

    assert len(main) == 5  # a savepoint, whether the run still has its key, insert, read again, release


@commits
def test_two_who_announce_the_same_names_in_two_orders_do_not_wait_for_each_other_for_ever(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"{n}.txt" for n in range(1_500)]  # some statements
    names += [f"code/{n}.py" for n in range(1_500)]
    together, real = Barrier(2), services._refused

    def both_are_there(*args: Any) -> Any:
        found = real(*args)
        together.wait()
        return found

    monkeypatch.setattr(services, "_refused", both_are_there)

    def announced(asked: list[str]) -> dict[str, RunFile | None]:
        try:
            return {each.name: each.file for each in announce_files(run, asked)}
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(announced, [names, names[::-1]])

    assert one == other
    assert (RunFile.objects.count(), WithheldFile.objects.count()) == (1_500, 1_500)


def test_a_bad_name_among_good_ones_announces_nothing(run: Run) -> None:
    with pytest.raises(Invalid):
        announce_files(run, ["a.txt", "../x"])

    assert RunFile.objects.count() == 0


def test_too_many_names_are_refused(run: Run) -> None:
    with pytest.raises(Invalid, match="At most 10000 files"):
        announce_files(run, ["x"] * 10_001)


@pytest.mark.promise("P-21")
@pytest.mark.parametrize("content", [b"", b"x", BIG, BIG[:65_536], BIG[:65_537]])
def test_bytes_come_back_with_their_digests(run: Run, content: bytes) -> None:
    put(run, "a.bin", content)

    opened = find_file(run, "a.bin")
    assert content_of(run, "a.bin") == content
    assert (opened.name, opened.size) == ("a.bin", len(content))
    assert opened.md5_base64 == base64.b64encode(hashlib.md5(content).digest()).decode()
    assert opened.sha256_hex == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(("start", "end"), [(0, 1), (65_530, 65_540), (100, None), (len(BIG) - 1, None)])
def test_part_of_a_file(run: Run, start: int, end: int | None) -> None:
    file = put(run, "a.bin", BIG)

    assert b"".join(read_file(file, start=start, end=end)) == BIG[start:end]


@commits
def test_storing_again_replaces_and_the_old_bytes_go(run: Run) -> None:
    put(run, "a.txt", b"one")
    old = Blob.objects.get()

    put(run, "a.txt", b"three")

    assert content_of(run, "a.txt") == b"three"
    assert find_file(run, "a.txt").size == 5
    assert not Blob.objects.filter(pk=old.pk).exists()
    assert (RunFile.objects.count(), Blob.objects.count()) == (1, 1)


@commits
def test_an_upload_that_breaks_off_changes_nothing(run: Run) -> None:
    put(run, "a.txt", b"one")
    announced = announce_files(run, ["a.txt"])[0].file
    assert announced is not None

    def broken() -> Iterator[bytes]:
        yield b"tw"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        store_file(announced, broken())

    assert content_of(run, "a.txt") == b"one"
    assert Blob.objects.count() == 1


@commits
def test_a_row_that_cannot_be_written_leaves_no_bytes(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    put(run, "a.txt", b"one")
    announced = announce_files(run, ["a.txt"])[0].file
    assert announced is not None

    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(services, "seal", refuse)
    with pytest.raises(OSError, match="disk full"):
        store_file(announced, io.BytesIO(b"two"))

    assert content_of(run, "a.txt") == b"one"
    assert Blob.objects.count() == 1


@commits
def test_old_bytes_that_cannot_go_now_do_not_fail_the_upload(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(run, "a.txt", b"one")

    def refuse(blob: Blob) -> None:
        raise OSError("store is away")

    monkeypatch.setattr(services, "delete_blob", refuse)
    put(run, "a.txt", b"two")

    assert content_of(run, "a.txt") == b"two"
    assert Blob.objects.count() == 2


def test_a_file_whose_run_is_gone_is_not_stored(run: Run) -> None:
    announced = announce_files(run, ["a.txt"])[0].file
    assert announced is not None
    RunFile.objects.all().delete()

    with pytest.raises(NotFound):
        store_file(announced, io.BytesIO(b"one"))

    assert Blob.objects.count() == 0


# ── Code ──


@pytest.mark.promise("P-05")
def test_code_is_withheld_and_the_run_says_so(run: Run) -> None:
    answers = announce_files(run, ["code/train.py", "diff.patch", "a.txt", "code/train.py"])

    assert [answer.file is None for answer in answers] == [True, True, False, True]
    assert withheld_names(run) == ["code/train.py", "diff.patch"]

    announce_files(run, ["code/train.py"])
    assert WithheldFile.objects.count() == 2


@pytest.mark.promise("P-05")
def test_code_with_a_place_from_elsewhere_is_refused_before_a_byte_is_kept(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "keeps_file", lambda *_, **__: True)
    announced = announce_files(run, ["code/train.py"])[0].file
    assert announced is not None
    monkeypatch.undo()

    with pytest.raises(Forbidden, match="Code saving is off"):
        store_file(announced, io.BytesIO(b"print()"))

    assert Blob.objects.count() == 0


@pytest.mark.promise("P-08")
def test_no_word_of_a_file_lies_open(run: Run) -> None:
    put(run, "canary-name.txt", b"canary-content")
    announce_files(run, ["code/canary.py", "canary-announced.txt"])

    stored = ""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            stored += repr(cursor.fetchall())

    assert "canary" not in stored
    assert hashlib.sha256(b"canary-content").hexdigest() not in stored
    assert base64.b64encode(hashlib.md5(b"canary-content").digest()).decode() not in stored


def test_an_opened_file_shows_no_content_in_logs(run: Run) -> None:
    put(run, "canary.txt", b"x")

    assert "canary" not in repr(find_file(run, "canary.txt").file)
    assert isinstance(find_file(run, "canary.txt"), OpenFile)


def test_lists_hold_what_is_stored_by_name(run: Run) -> None:
    put(run, "b.txt", b"b")
    put(run, "a.txt", b"a")
    announce_files(run, ["c.txt"])

    assert [file.name for file in list_files(run)] == ["a.txt", "b.txt"]
