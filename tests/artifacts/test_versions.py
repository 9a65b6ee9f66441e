from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from apps.access.policy import Permission, Visibility
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts import queries, services
from apps.artifacts.models import Collection, StoredFile, Version
from apps.artifacts.types import ChangeKind, ManifestKind, RunRole, VersionPatch, VersionState, WantedFile
from apps.blobs.models import Blob, BlobState
from apps.core import clock
from apps.core.errors import Forbidden, Invalid, NotFound
from apps.projects.models import Project
from apps.projects.services import get_or_create_project
from apps.runs.models import Run
from tests.factories import artifacts, people

pytestmark = pytest.mark.django_db
FILES = {"a.txt": b"one", "deep/b.txt": b"two", "deep/er/c.txt": b"three"}


@pytest.fixture
def ali(alice: User) -> Actor:
    return people.actor(alice)


def read(version: Version, path: str) -> bytes:
    entry = queries.find_entries(version, [path])[0]
    return b"".join(queries.read_stored(version, StoredFile.objects.get(pk=entry.stored)))


def test_version_is_seen_once_it_is_committed(vision: Project, ali: Actor) -> None:
    begun = artifacts.begin(vision, "ds", FILES, by=ali)
    artifacts.upload(begun, FILES, by=ali)

    assert queries.collections_in(ali, vision) == []
    with pytest.raises(NotFound):
        queries.get_version(ali, Permission.FILE_READ, public_id=begun.public_id)

    artifacts.bring_manifest(begun, artifacts.manifest(FILES), by=ali)
    done = services.commit_version(begun, by=ali)

    opened = queries.open_version(
        queries.get_version_in(ali, Permission.FILE_READ, project=vision, name="ds:v0")
    )
    assert (opened.name, opened.file_count, opened.size) == ("ds:v0", 3, 11)
    assert [each.name for each in queries.collections_in(ali, vision)] == ["ds"]
    assert {path: read(done, path) for path in FILES} == FILES
    manifest = b"".join(queries.read_manifest_blob(queries.current_manifest(done)))
    assert b"local_path" not in manifest and b"somewhere" not in manifest
    assert services.commit_version(done, by=ali).number == 0


def test_same_content_is_stored_once_and_the_same_version_is_given(vision: Project, ali: Actor) -> None:
    first = artifacts.version(vision, "ds", FILES, by=ali)
    again = artifacts.begin(vision, "ds", FILES, by=ali, aliases=("best",))
    more = FILES | {"d.txt": b"four"}
    second = artifacts.begin(vision, "other", more, by=ali)

    assert (again.pk, again.state) == (first.pk, VersionState.COMMITTED)
    assert artifacts.upload(second, more, by=ali) == 1
    artifacts.bring_manifest(second, artifacts.manifest(more), by=ali)
    services.commit_version(second, by=ali)
    assert StoredFile.objects.count() == 4
    assert read(second, "a.txt") == b"one"
    assert set(queries.open_version(first).aliases) == {"latest", "best"}


def test_claiming_a_digest_gives_no_bytes_of_another_project(
    vision: Project, ali: Actor, mallory: User
) -> None:
    artifacts.version(vision, "ds", FILES, by=ali)
    mal = people.actor(mallory)
    own = get_or_create_project(mal, entity=None, name="own")
    claimed = artifacts.begin(own, "ds", FILES, by=mal)
    artifacts.bring_manifest(claimed, artifacts.manifest(FILES), by=mal)

    with pytest.raises(Invalid, match="3 files"):
        services.commit_version(claimed, by=mal)
    assert artifacts.upload(claimed, {}, by=mal) == 0
    assert Version.objects.get(pk=claimed.pk).state == VersionState.PENDING


def test_bytes_of_another_digest_are_refused_and_nothing_is_kept(vision: Project, ali: Actor) -> None:
    begun = artifacts.begin(vision, "ds", {"a": b"right"}, by=ali)
    room = services.announce_files(begun, [WantedFile("a", artifacts.md5(b"right"))])[0]
    assert room.file is not None

    with pytest.raises(Invalid, match="MD5"):
        services.receive_file(services.get_upload(ali, public_id=room.file.public_id), [b"wrong"])

    artifacts.bring_manifest(begun, artifacts.manifest({"a": b"right"}), by=ali)
    with pytest.raises(Invalid, match="1 file of"):
        services.commit_version(begun, by=ali)


@pytest.mark.parametrize(
    "path",
    ["../a", "/a", "a/../../b", "C:\\a", "C:a", "a\x00b", "", "a//b", "x" * 1025, "..\\a", "d/" * 70 + "a"],
)
def test_paths_that_lead_elsewhere_are_refused(vision: Project, ali: Actor, path: str) -> None:
    begun = artifacts.begin(vision, "ds", {"a": b"x"}, by=ali)

    with pytest.raises(Invalid):
        artifacts.bring_manifest(begun, artifacts.manifest({path: b"x"}), by=ali)
    with pytest.raises(Invalid):
        services.announce_files(begun, [WantedFile(path, artifacts.md5(b"x"))])


def test_wrong_sizes_and_wrong_digests_of_the_whole_are_refused(vision: Project, ali: Actor) -> None:
    begun = artifacts.begin(vision, "ds", {"a": b"x"}, by=ali)
    artifacts.upload(begun, {"a": b"x"}, by=ali)
    artifacts.bring_manifest(
        begun, artifacts.manifest({"a": b"x"}).replace(b'"size": 1', b'"size": 7'), by=ali
    )
    with pytest.raises(Invalid, match="size"):
        services.commit_version(begun, by=ali)

    artifacts.bring_manifest(begun, artifacts.manifest({"other": b"x"}), by=ali)
    with pytest.raises(Invalid, match="digest"):
        services.commit_version(begun, by=ali)


def test_incremental_version_goes_on_from_the_latest(vision: Project, ali: Actor) -> None:
    artifacts.version(vision, "ds", FILES, by=ali)
    part = {"a.txt": b"changed", "new.txt": b"new"}
    begun = artifacts.begin(vision, "ds", part, by=ali, aliases=("latest",))
    artifacts.upload(begun, part, by=ali)
    artifacts.bring_manifest(begun, artifacts.manifest(part), ManifestKind.INCREMENTAL, by=ali)

    done = services.commit_version(begun, by=ali)

    assert (done.number, done.file_count) == (1, 4)
    assert {path: read(done, path) for path in FILES | part} == FILES | part
    again = artifacts.begin(vision, "ds", FILES | part, by=ali)
    assert again.pk == done.pk


def test_writers_of_one_version_bring_their_parts(vision: Project, ali: Actor) -> None:
    parts: list[dict[str, bytes]] = [{"a": b"1"}, {"b": b"2"}, {"c": b"1"}]
    for part in parts:
        begun = artifacts.begin(vision, "ds", part, by=ali, distributed_id="d1")
        artifacts.upload(begun, part, by=ali)
        artifacts.bring_manifest(begun, artifacts.manifest(part), ManifestKind.PATCH, by=ali)

    done = services.commit_version(begun, by=ali)

    assert [entry.path for entry in queries.list_entries(done)] == ["a", "b", "c"]
    assert Version.objects.count() == 1


def test_folders_pages_and_differences(vision: Project, ali: Actor) -> None:
    many = {f"part{n % 3}/f{n:04}.bin": b"%d" % (n % 7) for n in range(2500)} | {"read.me": b"0"}
    first = artifacts.version(vision, "ds", many, by=ali)
    second = artifacts.version(vision, "ds", many | {"read.me": b"1", "z": b"2"}, by=ali)

    root = queries.list_folder(first)
    assert [(each.name, each.files) for each in root.folders] == [
        ("part0", 834),
        ("part1", 833),
        ("part2", 833),
    ]
    assert [each.path for each in root.files] == ["read.me"]
    inside = queries.list_folder(first, "part1", start=800, count=100)
    assert (len(inside.files), inside.file_total, inside.files[0].path) == (33, 833, "part1/f2401.bin")
    with pytest.raises(NotFound):
        queries.list_folder(first, "part9")
    pages = [queries.list_entries(first, start=at, count=600) for at in range(0, 2501, 600)]
    assert sorted(each.path for page in pages for each in page) == sorted(many)
    assert [each.path for each in queries.find_entries(first, ["part2/f0002.bin", "none", "read.me"])] == [
        "part2/f0002.bin",
        "read.me",
    ]
    found = queries.diff_versions(first, second)
    assert (found.added, found.changed, found.removed, found.same) == (1, 1, 0, 2500)
    assert [(each.kind, each.path) for each in found.changes] == [
        (ChangeKind.CHANGED, "read.me"),
        (ChangeKind.ADDED, "z"),
    ]


def test_lineage_words_and_aliases(vision: Project, ali: Actor, run: Run) -> None:
    done = artifacts.version(
        vision,
        "ds",
        FILES,
        by=ali,
        run=run,
        aliases=("latest", "best"),
        tags=("t",),
        metadata_text='{"a":NaN}',
    )
    services.use_version(run, done)
    services.use_version(run, done)

    opened = services.update_version(
        done, VersionPatch(description="words", add_tags=["u"], remove_tags=["t"]), by=ali
    )

    assert (opened.words.description, opened.words.tags, opened.words.metadata_text) == (
        "words",
        ("u",),
        '{"a":NaN}',
    )
    assert opened.aliases == ("latest", "best")
    services.remove_aliases(done, ["best", "latest"], by=ali)
    services.add_aliases(done, ["good"], by=ali)
    assert queries.open_version(done).aliases == ("latest", "good")
    assert queries.made_by(ali, done) == run
    assert queries.used_by(ali, done) == [run]
    assert [each.name for each in queries.versions_of_run(ali, run, RunRole.OUTPUT)] == ["ds:v0"]
    with pytest.raises(Invalid):
        services.add_aliases(done, ["v7"], by=ali)


def test_outsiders_find_nothing_and_viewers_change_nothing(
    vision: Project, ali: Actor, mallory: User, vera: User
) -> None:
    done = artifacts.version(vision, "ds", FILES, by=ali)

    with pytest.raises(NotFound):
        queries.get_version(people.actor(mallory), Permission.FILE_READ, public_id=done.public_id)
    with pytest.raises(NotFound):
        queries.get_version_in(people.actor(mallory), Permission.FILE_READ, project=vision, name="ds")
    assert queries.get_version(people.actor(vera), Permission.FILE_READ, public_id=done.public_id) == done
    with pytest.raises(Forbidden):
        queries.get_version(people.actor(vera), Permission.FILE_WRITE, public_id=done.public_id)


def test_who_adds_runs_to_an_open_project_adds_to_no_collection_of_others(
    vision: Project, ali: Actor, mallory: User
) -> None:
    artifacts.version(vision, "ds", FILES, by=ali)
    Project.objects.filter(pk=vision.pk).update(visibility=Visibility.OPEN.value)
    vision.refresh_from_db()

    with pytest.raises(Forbidden):
        artifacts.begin(vision, "ds", {"a": b"mine"}, by=people.actor(mallory))


def test_code_is_withheld_unless_it_is_chosen(vision: Project, ali: Actor, run: Run) -> None:
    with pytest.raises(Forbidden):
        artifacts.begin(vision, "source-p-train.py", FILES, by=ali, run=run, type_name="code")
    with pytest.raises(Forbidden):
        artifacts.begin(vision, "any", FILES, by=ali, run=run, type_name="job")

    assert queries.withheld_artifacts(run) == ["any", "source-p-train.py"]
    assert not Collection.objects.exists()
    assert artifacts.version(vision, "mine", FILES, by=ali, type_name="code").number == 0


def test_uploads_that_broke_off_are_swept(vision: Project, ali: Actor) -> None:
    kept = artifacts.version(vision, "ds", {"a": b"kept"}, by=ali)
    begun = artifacts.begin(vision, "ds", FILES, by=ali)
    artifacts.upload(begun, FILES, by=ali)
    artifacts.begin(vision, "never", FILES, by=ali)
    long_ago = clock.now() - timedelta(days=3)
    Version.objects.filter(state=VersionState.PENDING).update(touched_at=long_ago)
    Collection.objects.update(updated_at=long_ago)

    services.sweep_versions()
    services.sweep_versions()

    assert list(Version.objects.all()) == [kept]
    assert [file.birth_id for file in StoredFile.objects.all()] == [kept.pk]
    assert Collection.objects.count() == 1


def test_room_for_a_file_that_a_version_was_committed_without_is_given_back(
    vision: Project, ali: Actor
) -> None:
    begun = artifacts.begin(vision, "ds", {"a": b"1"}, by=ali)
    services.announce_files(begun, [WantedFile("b", artifacts.md5(b"never sent"))])
    artifacts.upload(begun, {"a": b"1"}, by=ali)
    artifacts.bring_manifest(begun, artifacts.manifest({"a": b"1"}), by=ali)
    done = services.commit_version(begun, by=ali)

    services.sweep_versions()
    assert StoredFile.objects.count() == 2  # its bytes may be on their way
    Blob.objects.update(created_at=clock.now() - timedelta(days=3))
    services.sweep_versions()

    assert StoredFile.objects.count() == 1
    assert not Blob.objects.filter(state=BlobState.UPLOADING).exists()
    assert read(done, "a") == b"1"


def test_an_upload_that_ends_while_broken_off_ones_are_swept_stays(vision: Project, ali: Actor) -> None:
    slow = artifacts.begin(vision, "ds", FILES, by=ali)
    artifacts.upload(slow, FILES, by=ali)
    artifacts.bring_manifest(slow, artifacts.manifest(FILES), by=ali)
    Version.objects.filter(pk=slow.pk).update(touched_at=clock.now() - timedelta(days=3))

    def commit_first(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("UPDATE") and "artifacts_version" in sql and not done:
            done.append(sql)
            services.commit_version(slow, by=ali)
        return execute(sql, params, many, context)

    done: list[str] = []
    with connection.execute_wrapper(commit_first):
        services.sweep_versions()

    assert done
    assert Version.objects.get().state == VersionState.COMMITTED
