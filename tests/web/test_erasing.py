"""/{entity}/{project}/erase, …/settings/erase, …/runs/{run}/erase and /settings/erasures"""

from __future__ import annotations

import re

import pytest

from apps.accounts.models import User
from apps.erasure.models import ErasureJob
from apps.projects.models import Project
from apps.runs.models import Run
from tests.erasure.conftest import finish, full_run
from tests.factories import work
from tests.web.conftest import Visit, text_of

RUN = "/lab/vision/runs/full"


@pytest.fixture
def full(vision: Project, alice: User) -> Run:
    return full_run(vision, "full", by=alice)


def words(visit: Visit, url: str, who: str) -> str:
    return text_of(visit(url, by=who))


def test_a_run_is_counted_first_and_its_erasure_has_a_page(visit: Visit, send: Visit, full: Run) -> None:
    asked = words(visit, f"{RUN}/erase", "alice")
    assert (
        "What goes Runs, with config, values, history and console 1 Files 2 Bytes as they are stored" in asked
    )
    assert "1 run is still being written." in asked
    assert "opens it only together with the root key of that time" in asked
    assert Run.objects.filter(pk=full.pk).exists()

    answer = send(f"{RUN}/erase", by="alice")

    job = ErasureJob.objects.get()
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/settings/erasures/{job.public_id}")
    page = visit(answer.headers["Location"], by="alice").content.decode()
    assert 'hx-trigger="every 2s"' in page and "Look again how far it is" in page
    assert re.search(r'<li class="is-now" aria-current="step"><b>Keys destroyed</b>', page)
    assert (visit(RUN, by="alice").status_code, send(f"{RUN}/erase", by="alice").status_code) == (410, 410)
    finish(job)
    page = visit(answer.headers["Location"], by="alice").content.decode()
    assert 'hx-trigger="every 2s"' not in page and "Look again" not in page
    assert page.count('<li class="is-done">') == 7
    assert "full" not in words(visit, answer.headers["Location"], "alice")
    assert "1 run" in words(visit, "/settings/erasures", "alice")
    receipt = f"/settings/erasures/{job.public_id}/receipt"
    assert f'href="{receipt}"' in page
    assert "Nothing was erased" in words(visit, "/settings/erasures", "vera")
    assert visit(answer.headers["Location"], by="vera").status_code == 404


@pytest.mark.parametrize(
    ("who", "status"), [("alice", 200), ("bob", 403), ("vera", 403), ("mallory", 404), (None, 404)]
)
def test_who_may_erase_what(
    visit: Visit, send: Visit, full: Run, mallory: User, who: str | None, status: int
) -> None:
    for url in (f"{RUN}/erase", "/lab/vision/settings/erase", f"/lab/vision/erase?runs={full.public_id}"):
        assert visit(url, by=who).status_code == status, url
        if status != 200:
            assert send(url, by=who, name="vision", runs=full.public_id).status_code == status
    assert ("/erase" in visit(RUN, by=who).content.decode()) is (status == 200)
    assert not ErasureJob.objects.exists()


def test_chosen_runs_go_together_and_members_erase_their_own_only(
    visit: Visit, send: Visit, full: Run, vision: Project, bob: User
) -> None:
    own = [work.run(vision, name, by=bob).public_id for name in ("b1", "b2")]
    assert "Erase…" in words(visit, "/lab/vision", "bob")
    assert send("/lab/vision/erase", by="bob", runs=",".join([*own, full.public_id])).status_code == 403
    assert "Erase the chosen runs" in words(visit, f"/lab/vision/erase?runs={','.join(own)}", "bob")

    assert send("/lab/vision/erase", by="bob", runs=",".join(own)).status_code == 302

    assert [run.pk for run in Run.objects.all()] == [full.pk]
    assert send("/lab/vision/erase", by="alice", runs="nothing").headers["Location"] == "/lab/vision"
    assert visit("/lab/vision/erase", by="alice", runs=",".join(["x" * 20] * 1)).status_code == 302


def test_a_project_goes_when_its_name_was_typed(visit: Visit, send: Visit, full: Run) -> None:
    assert "Erase this project." in words(visit, "/lab/vision/settings", "alice")
    wrong = send("/lab/vision/settings/erase", by="alice", name="<b>visio\u202en</b>" * 100)
    assert wrong.status_code == 400 and "This is not the name of the project." in text_of(wrong)
    assert "<b>visio" not in wrong.content.decode()

    assert send("/lab/vision/settings/erase", by="alice", name=" vision ").status_code == 302

    assert visit("/lab/vision", by="alice").status_code == 404
    assert not Project.objects.exists()
    assert "A project with everything in it" in words(visit, "/settings/erasures", "alice")


def test_a_job_that_broke_off_says_so(visit: Visit, send: Visit, full: Run) -> None:
    send(f"{RUN}/erase", by="alice")
    ErasureJob.objects.update(trouble="OSError")

    job = ErasureJob.objects.get()
    assert "The last try broke off." in words(visit, f"/settings/erasures/{job.public_id}", "alice")
