"""What each of many small files costs, by number: a version may have a hundred thousand."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.accounts.actors import Actor
from apps.accounts.models import ApiKey, User
from apps.artifacts.services import announce_files, commit_version
from apps.artifacts.types import WantedFile
from apps.projects.models import Project
from apps.teams.models import Membership
from apps.wandb_protocol import signing
from tests.factories import artifacts, people

pytestmark = pytest.mark.django_db
# One of these asks for the role in the team: what is somebody's own takes one less.
_PUT = ["accounts_apikey", "artifacts_storedfile", "teams_membership", "UPDATE blobs_blob"]
_GET = ["accounts_apikey", "artifacts_version", "teams_membership", "artifacts_storedfile"]
_TABLE = re.compile(r'(?:FROM|UPDATE) "?((?:accounts|artifacts|blobs|teams|vault)_\w+)')
_VAULT = ["vault_node", "vault_grant"]


@pytest.fixture
def ali(alice: User) -> Actor:
    people.api_key(alice)
    return Actor.person(alice, api_key=ApiKey.objects.get(user=alice))


def asked(act: Callable[[], None]) -> tuple[list[str], list[str]]:
    """The first table of each statement to the database and to the vault; UPDATE before one that changes it."""
    with (
        CaptureQueriesContext(connections["default"]) as content,
        CaptureQueriesContext(connections["vault"]) as keys,
    ):
        act()
    return [_first_table(each["sql"]) for each in content], [_first_table(each["sql"]) for each in keys]


def _first_table(sql: str) -> str:
    found = _TABLE.search(sql)
    assert found is not None, sql
    return f"UPDATE {found[1]}" if sql.startswith("UPDATE") else found[1]


def test_each_file_up_and_down_takes_few_statements(vision: Project, alice: User, ali: Actor) -> None:
    files = {"a.txt": b"one", "b.txt": b"two", "c.txt": b"three"}
    begun = artifacts.begin(vision, "ds", files, by=ali)
    rooms = announce_files(begun, [WantedFile(path, artifacts.md5(data)) for path, data in files.items()])
    ids = [room.file.public_id for room in rooms if room.file is not None]
    up = [signing.signed_url(signing.UPLOAD_ENTRY, base="", actor=ali, file_id=each) for each in ids]
    http = Client()

    def put(number: int) -> None:
        data = list(files.values())[number]
        assert http.put(up[number], data, content_type="text/plain").status_code == 200

    put(0)
    assert asked(lambda: put(1)) == (_PUT, _VAULT)
    put(2)
    artifacts.bring_manifest(begun, artifacts.manifest(files), by=ali)
    done = commit_version(begun, by=ali)
    down = signing.signed_url(
        signing.DOWNLOAD_ENTRY, base="", actor=ali, file_id=f"{done.public_id}.{ids[1]}"
    )

    def get() -> None:
        assert http.get(down).getvalue() == b"two"

    get()
    assert asked(get) == (_GET, _VAULT)
    # Few statements, and none of them remembers who may do what.
    Membership.objects.filter(user=alice).delete()
    assert http.get(down).status_code == 404
    ApiKey.objects.filter(user=alice).update(revoked_at=begun.created_at)
    assert http.get(down).status_code == 403
