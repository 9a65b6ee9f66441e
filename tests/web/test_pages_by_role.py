from __future__ import annotations

import re

import pytest

from apps.access.policy import Visibility
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.files.services import announce_files, store_file
from apps.projects.models import Project
from apps.projects.services import update_project
from apps.runs.models import Run
from tests.web.conftest import Visit

PEOPLE = ("alice", "bob", "vera", "mallory", None)
PROJECT_PAGES = ("/lab/vision", "/lab/vision/series?key=loss")
RUN = "/lab/vision/runs/told"
RUN_PAGES = (
    RUN,
    f"{RUN}/charts",
    f"{RUN}/system",
    f"{RUN}/console",
    f"{RUN}/files",
    f"{RUN}/files/notes.txt",
    f"{RUN}/live",
    f"{RUN}/series?key=loss",
)


@pytest.fixture
def file(told: Run) -> None:
    (announced,) = announce_files(told, ["notes.txt"])
    assert announced.file is not None
    store_file(announced.file, [b"words"])


@pytest.mark.parametrize("url", ["/lab", *PROJECT_PAGES, *RUN_PAGES])
@pytest.mark.parametrize(
    ("who", "status"), [("alice", 200), ("bob", 200), ("vera", 200), ("mallory", 404), (None, 404)]
)
def test_page_of_a_private_project_by_role(
    visit: Visit, mallory: User, file: None, url: str, who: str | None, status: int
) -> None:
    assert visit(url, by=who).status_code == status


@pytest.mark.parametrize("url", [*PROJECT_PAGES, *RUN_PAGES])
@pytest.mark.parametrize("who", PEOPLE)
def test_page_of_a_public_project_opens_for_all(
    visit: Visit, vision: Project, alice: User, mallory: User, file: None, url: str, who: str | None
) -> None:
    update_project(vision, by=Actor.person(alice), visibility=Visibility.PUBLIC)

    assert visit(url, by=who).status_code == 200


@pytest.mark.parametrize("who", ["mallory", None])
def test_what_is_not_shared_looks_like_what_never_was(
    visit: Visit, mallory: User, told: Run, who: str | None
) -> None:
    def page(url: str) -> str:
        # The form's token, and the way back to the address that was asked for.
        return re.sub(r'[\w-]{64}|value="[^"]*"|next=[^"]*', "", visit(url, by=who).content.decode())

    assert page(RUN) == page("/lab/vision/runs/nothing")
    assert page("/lab/vision") == page("/lab/nothing")
    assert page("/lab") == page("/nobodys")


@pytest.mark.parametrize(
    ("who", "status"), [("alice", 302), ("bob", 302), ("vera", 403), ("mallory", 404), (None, 404)]
)
def test_stop_by_role(send: Visit, mallory: User, told: Run, who: str | None, status: int) -> None:
    assert send(f"{RUN}/stop", by=who).status_code == status

    told.refresh_from_db()
    assert (told.stop_requested_at is not None) == (status == 302)


@pytest.mark.parametrize("url", ["/", "/settings/api-keys", "/settings/password", "/home/first-run"])
def test_own_pages_want_somebody_signed_in(visit: Visit, alice: User, url: str) -> None:
    assert visit(url, by=None).status_code in {204, 302}
    assert visit(url, by="alice").status_code in {200, 204}


@pytest.mark.parametrize("url", ["/sign-in", "/sign-up", "/account/reset", "/account/reset/sent"])
def test_pages_before_sign_in_open_for_all(visit: Visit, alice: User, url: str) -> None:
    assert visit(url).status_code == 200
