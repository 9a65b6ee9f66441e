"""The store in a bucket, against an S3 server over HTTP, versioned and not."""

from __future__ import annotations

import json
import os
import secrets
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.client import Config

from apps.blobs.errors import ObjectMissing, StoreDenied, StoreUnreachable
from apps.blobs.store import s3
from apps.blobs.store.s3 import BadStorageUrl, S3Store
from apps.core import clock
from tests import servers
from tests.erasure.proxy import AS_IF_WELL, Fault, Proxy, Tells, proxy, tells_all

pytestmark = pytest.mark.enable_socket
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    found = servers.present()
    if found is not None:
        yield found.s3
        return
    with servers.s3(tmp_path_factory.mktemp("s3")) as url:
        yield url


@pytest.fixture(params=["", "versioned", "folder"])
def store(endpoint: str, request: pytest.FixtureRequest) -> S3Store:
    bucket = f"bucket-{secrets.token_hex(6)}"
    folder = "/some/where" if request.param == "folder" else ""
    made = S3Store(
        f"s3://{bucket}{folder}?endpoint={endpoint}&region=us-east-1", access_key="a", secret_key="b"
    )
    made.client.create_bucket(Bucket=bucket)
    if request.param == "versioned":
        made.client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return made


def new_name() -> str:
    return secrets.token_hex(16)


def everything_in(store: S3Store) -> list[dict[str, Any]]:
    """Each version, delete marker and unfinished upload, asked of the server without the store's code."""
    versions = store.client.list_object_versions(Bucket=store.bucket)
    uploads = store.client.list_multipart_uploads(Bucket=store.bucket)
    return [*versions.get("Versions", ()), *versions.get("DeleteMarkers", ()), *uploads.get("Uploads", ())]


@pytest.mark.parametrize("size", [0, 1, 3_000_000, 33 * MIB])
def test_an_object_is_read_back_whole_and_in_parts(store: S3Store, size: int) -> None:
    name, content = new_name(), os.urandom(size)

    assert store.put(name, [content[:1], b"", content[1:]]) == size

    assert b"".join(store.read_range(name, 0, size)) == content
    assert b"".join(store.read_range(name, 100, size - 50)) == content[100 : max(0, size - 50)]
    assert b"".join(store.read_range(name, max(0, size - 1), size + 9_000_000)) == content[-1:]
    assert b"".join(store.read_range(name, 5, 5)) == b""


def test_list_tells_every_whole_object(store: S3Store) -> None:
    assert list(store.list()) == []
    names = {new_name(): size for size in (0, 1, 70_000)}
    for name, size in names.items():
        store.put(name, [bytes(size)])

    assert {found.name: found.size for found in store.list()} == names
    assert all(abs(found.stored_at - clock.now()) < timedelta(minutes=1) for found in store.list())


def test_a_missing_object_is_told_by_its_name(store: S3Store) -> None:
    with pytest.raises(ObjectMissing):
        next(store.read_range(new_name(), 0, 10))


@pytest.mark.parametrize("after", [0, 40 * MIB])
def test_a_source_that_breaks_off_leaves_nothing(store: S3Store, after: int) -> None:
    def breaking() -> Iterator[bytes]:
        for _ in range(after // MIB):
            yield bytes(MIB)
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        store.put(new_name(), breaking())

    assert everything_in(store) == []


def test_delete_takes_every_version_and_only_of_this_object(store: S3Store) -> None:
    name, other = new_name(), new_name()
    for content in (b"first", b"second"):
        store.put(name, [content])
    store.client.delete_object(
        Bucket=store.bucket, Key=store._key(name)
    )  # leaves a marker where versions are kept
    store.put(name, [b"third"])
    store.put(name + "0", [b"begins with the same letters"])
    store.put(other, [b"other"])

    store.delete_all_versions(name)
    store.delete_all_versions(name)

    assert sorted(found.name for found in store.list()) == sorted([name + "0", other])
    assert len(everything_in(store)) == 2


def test_uploads_that_broke_off_long_ago_are_cleared_away(store: S3Store) -> None:
    store.put(new_name(), [b"whole"])
    store.client.create_multipart_upload(Bucket=store.bucket, Key=store._key(new_name()))

    # This server dates every upload to a day in 2010.
    assert store.abort_uploads(before=datetime(2009, 1, 1, tzinfo=UTC)) == 0
    assert store.abort_uploads(before=clock.now() + timedelta(hours=1)) == 1
    assert len(everything_in(store)) == 1


def test_an_upload_that_is_not_to_be_cleared_away_keeps_none_of_the_others(
    store: S3Store, endpoint: str
) -> None:
    for _ in range(3):
        store.client.create_multipart_upload(Bucket=store.bucket, Key=store._key(new_name()))

    with proxy(endpoint) as server:
        asked = count()
        server.rule = lambda each: Fault.DENIED if each.is_deletion and next(asked) == 0 else None
        refusing = behind(server, store, tells_all)

        assert refusing.abort_uploads(before=clock.now() + timedelta(hours=1)) == 2
        assert len(everything_in(store)) == 1


def test_a_part_that_was_uploaded_goes_with_its_object(store: S3Store) -> None:
    name = new_name()
    store.client.create_multipart_upload(Bucket=store.bucket, Key=store._key(name))

    store.delete_all_versions(name)

    assert everything_in(store) == []


def test_a_bucket_that_is_not_there_is_told_in_words(endpoint: str) -> None:
    store = S3Store(
        f"s3://no-such-bucket?endpoint={endpoint}&region=us-east-1", access_key="a", secret_key="b"
    )

    with pytest.raises(StoreUnreachable, match="404"):
        store.check()
    with pytest.raises(StoreUnreachable, match="NoSuchBucket"):
        store.put(new_name(), [b"x"])


def test_a_store_that_does_not_answer_asks_to_come_again(tmp_path: Path) -> None:
    closed = servers.free_port()
    store = S3Store(
        f"s3://bucket?endpoint=http://127.0.0.1:{closed}&region=us-east-1", access_key="a", secret_key="b"
    )

    with pytest.raises(StoreUnreachable, match="does not answer") as raised:
        store.put(new_name(), [b"x"])
    assert str(closed) not in raised.value.message


@pytest.mark.parametrize(
    "url", ["https://bucket", "s3://", "s3:bucket", "s3://bucket?region_name=http://127.0.0.1", "bucket"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(BadStorageUrl):
        S3Store(url)


def test_versions_marks_and_parts_of_uploads_are_told_as_what_remains(store: S3Store) -> None:
    name = new_name()
    store.put(name + "0", [b"begins with the same letters"])
    assert not store.remains(name)
    store.put(name, [b"x"])
    assert store.remains(name)
    store.client.delete_object(Bucket=store.bucket, Key=store._key(name))
    assert bool(store.remains(name)) is bool(
        store.client.get_bucket_versioning(Bucket=store.bucket).get("Status")
    )  # where versions are kept a mark is left, and what it hides
    store.delete_all_versions(name)
    assert not store.remains(name)

    store.client.create_multipart_upload(Bucket=store.bucket, Key=store._key(name))

    assert store.remains(name)
    store.delete_all_versions(name)
    assert not store.remains(name)


def counted(store: S3Store) -> Counter[str]:
    """The requests by their kinds, from now on."""
    asked = Counter[str]()
    store.client.meta.events.register(
        "before-send.s3", lambda event_name, **_: asked.update([event_name.split(".")[-1]])
    )
    return asked


def in_pages_of(store: S3Store, most: int) -> None:
    def shorter(params: dict[str, Any], **_: object) -> dict[str, Any]:
        return params | {"MaxKeys": most}

    for listing in ("ListObjectVersions", "ListObjectsV2"):
        store.client.meta.events.register(f"provide-client-params.s3.{listing}", shorter)


def test_many_objects_are_asked_for_and_taken_away_by_few_requests(store: S3Store) -> None:
    names = [new_name() for _ in range(30)]
    for name in names:
        store.put(name, [b"x"])
    going, staying = names[:20], names[20:]
    store.client.create_multipart_upload(Bucket=store.bucket, Key=store._key(going[0]))
    asked = counted(store)

    assert store.remains(*going) == set(going)
    store.delete_all_versions(*going)
    assert store.remains(*names) == set(staying)

    assert asked == {
        "ListObjectVersions": 3,
        "ListObjectsV2": 3,
        # Name by name: in two questions of what is left, and in the deletion.
        "ListMultipartUploads": len(going) + len(going) + len(names),
        "DeleteObjects": 1,
        "AbortMultipartUpload": 1,
    }
    assert sorted(found.name for found in store.list()) == sorted(staying)
    assert store.remains() == set()


@pytest.mark.parametrize("most", [2, 7])
def test_in_a_bucket_of_more_than_a_page_each_is_found_all_the_same(store: S3Store, most: int) -> None:
    names = [new_name() for _ in range(20)]
    for name in names:
        for content in (b"first", b"second"):
            store.put(name, [content])
    in_pages_of(store, most)
    going, asked = names[::2], counted(store)

    assert store.remains(*going) == set(going)
    assert asked["ListObjectVersions"] <= 4 * len(going)
    assert asked["ListObjectsV2"] <= 4 * len(going) and asked["ListMultipartUploads"] == len(going)
    store.delete_all_versions(*going)

    assert store.remains(*names) == set(names[1::2])
    assert asked["DeleteObjects"] == 1


def test_what_is_refused_of_many_is_told_and_the_others_are_gone(store: S3Store) -> None:
    names = [new_name() for _ in range(3)]
    for name in names:
        store.put(name, [b"x"])
    kept = f"arn:aws:s3:::{store.bucket}/{store._key(names[1])}"
    policy = {"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject", "Resource": kept}
    store.client.put_bucket_policy(
        Bucket=store.bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [policy]})
    )

    with pytest.raises(StoreDenied):
        store.delete_all_versions(*names)

    assert store.remains(*names) == {names[1]}


def behind(server: Proxy, store: S3Store, tells: Tells) -> S3Store:
    """The same bucket at a store whose listings tell no more than this."""
    server.tells = tells
    return S3Store(
        f"s3://{store.bucket}/{store._folder}?endpoint={server.url}&region=us-east-1",
        access_key="a",
        secret_key="b",
    )


def test_where_uploads_are_listed_by_whole_names_only_their_parts_are_found_and_go(
    store: S3Store, endpoint: str
) -> None:
    names = [new_name() for _ in range(3)]
    for name in names:
        store.client.create_multipart_upload(Bucket=store.bucket, Key=store._key(name))

    with proxy(endpoint) as server:
        as_minio = behind(server, store, lambda kind, key, prefix: kind != "Upload" or key == prefix)

        assert as_minio.remains(*names) == set(names)
        as_minio.delete_all_versions(*names[1:])
        assert as_minio.remains(*names) == {names[0]}

    assert [found["Key"] for found in everything_in(store)] == [store._key(names[0])]


def test_what_the_listing_of_versions_leaves_out_is_found_and_goes(store: S3Store, endpoint: str) -> None:
    names = sorted(new_name() for _ in range(5))
    for name in names:
        for content in (b"first", b"second"):
            store.put(name, [content])
    first = {store._key(name) for name in names[:2]}

    with proxy(endpoint) as server:
        forgetful = behind(server, store, lambda _kind, key, _prefix: key in first)

        assert forgetful.remains(*names) == set(names)
        forgetful.delete_all_versions(*names[1:])
        assert forgetful.remains(*names) == {names[0]}

    assert {found["Key"] for found in everything_in(store)} == {store._key(names[0])}


def test_what_will_not_go_and_is_in_no_listing_of_versions_remains(store: S3Store, endpoint: str) -> None:
    name = new_name()
    store.put(name, [b"x"])

    with proxy(endpoint) as server:
        forgetful = behind(server, store, lambda _kind, _key, _prefix: False)
        server.rule = lambda asked: Fault.LIES if asked.is_deletion else None
        forgetful.delete_all_versions(name)

        assert forgetful.remains(name) == {name}


@pytest.mark.promise("P-09")
@pytest.mark.parametrize("fault", AS_IF_WELL)
@pytest.mark.parametrize("store", [""], indirect=True)
def test_who_answers_in_the_place_of_a_store_is_not_believed(
    store: S3Store, endpoint: str, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty answer were a listing of nothing, and a file that was taken and is nowhere."""
    small, large, kept = new_name(), new_name(), new_name()
    store.put(kept, [b"x"])
    in_small_parts = TransferConfig(
        multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB, use_threads=False
    )
    with proxy(endpoint) as server:
        monkeypatch.setattr(s3, "_TRANSFER", in_small_parts)
        monkeypatch.setattr(s3, "Config", partial(Config, retries={"total_max_attempts": 1}))
        behind_it = behind(server, store, tells_all)
        server.rule = lambda _: fault
        for ask in (
            lambda: behind_it.put(small, [b"x"]),
            lambda: behind_it.put(large, [bytes(6 * MIB)]),
            lambda: b"".join(behind_it.read_range(kept, 0, 1)),
            lambda: behind_it.remains(kept),
            lambda: list(behind_it.list()),
            lambda: behind_it.delete_all_versions(kept),
            lambda: behind_it.abort_uploads(before=clock.now()),
        ):
            with pytest.raises(StoreUnreachable):
                ask()
        server.rule = lambda asked: fault if asked.ends_an_upload else None
        with pytest.raises(StoreUnreachable):
            behind_it.put(large, [bytes(6 * MIB)])

    assert [found["Key"] for found in everything_in(store)] == [store._key(kept)]
