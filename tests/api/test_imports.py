"""POST, GET and DELETE on imports, with the archive as the body"""

from __future__ import annotations

import pytest

from apps.accounts.models import User
from apps.imports.models import Import
from apps.imports.tasks import sweep
from apps.imports.types import ImportState
from apps.projects.models import Project
from apps.runs.models import Run
from apps.teams.models import Entity
from tests.api.conftest import API, Ask
from tests.exports.conftest import full_run
from tests.imports.conftest import archive_of

IMPORTS = f"{API}/imports"


@pytest.fixture
def archive(vision: Project, alice: User) -> bytes:
    full_run(vision, "full", by=alice)
    return archive_of(vision, alice)


def handed(ask: Ask, archive: bytes, by: str | None, **query: str) -> tuple[int, dict[str, object]]:
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    answer = ask("POST", f"{IMPORTS}?{asked}", archive, by=by, Content_Type="application/zip")
    return answer.status, answer.json


def test_who_hands_in_an_archive_and_what_comes_of_it(
    ask: Ask, archive: bytes, lab: Entity, mallory: User
) -> None:
    for who, status in [("mallory", 404), (None, 401), ("revoked", 401), ("vera", 403)]:
        assert handed(ask, archive, who, entity="lab")[0] == status, who

    status, told = handed(ask, archive, "bob", entity="lab", on_clash="rename")

    assert (status, told["entity"], told["on_clash"], told["state"]) == (202, "lab", "rename", "queued")
    sweep()
    done = ask("GET", f"{IMPORTS}/{told['id']}", by="bob").json
    assert (done["state"], done["percent"], done["projects"], done["runs"]) == ("done", 100, 1, 1)
    assert Run.objects.filter(project__entity=lab, created_by__username="bob").count() == 1
    assert [each["id"] for each in ask("GET", IMPORTS, by="alice").json["items"]] == [told["id"]]
    assert ask("GET", f"{IMPORTS}/{told['id']}", by="vera").status == 404


@pytest.mark.parametrize("query", [{}, {"entity": "lab", "on_clash": "merge"}])
def test_what_has_to_be_said(ask: Ask, archive: bytes, query: dict[str, str]) -> None:
    assert handed(ask, archive, "bob", **query)[0] == 400
    assert not Import.objects.exists()


def test_what_is_no_archive_is_refused_in_words(ask: Ask, lab: Entity) -> None:
    status, told = handed(ask, b"PK" + bytes(1000), "bob", entity="lab")

    assert (status, told["code"]) == (400, "broken")
    assert "not whole" in str(told["detail"])


def test_one_that_is_called_off_leaves_nothing(ask: Ask, archive: bytes, lab: Entity, mallory: User) -> None:
    _status, told = handed(ask, archive, "bob", entity="lab", on_clash="rename")

    for who, status in [("vera", 404), ("mallory", 404), ("bob", 200)]:
        assert ask("DELETE", f"{IMPORTS}/{told['id']}", by=who).status == status, who

    job = Import.objects.get()
    assert (job.state, job.archive, job.vault_node) == (ImportState.GIVEN_UP, None, None)
    assert Project.objects.filter(entity=lab).count() == 1
