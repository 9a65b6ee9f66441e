"""/{entity}/{project}/erase, …/settings/erase, …/runs/{run}/erase and /settings/erasures"""

from __future__ import annotations

import re

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.erasure.models import ErasureJob
from apps.projects.models import Project
from apps.runs.models import Run
from apps.teams.choices import SettingName
from apps.teams.services import choose
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
    assert f'<li><a href="{RUN}" title="' in visit(f"{RUN}/erase", by="alice").content.decode()
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


def test_a_project_can_be_taken_back_from_the_page_of_its_erasure(
    visit: Visit, send: Visit, full: Run, bob: User
) -> None:
    asked = words(visit, "/lab/vision/settings/erase", "alice")
    assert "Whoever could erase it can take it back on the page of the erasure until" in asked
    assert "Erase it for good now" in asked
    place = send("/lab/vision/settings/erase", by="alice", name="vision").headers["Location"]
    page = words(visit, place, "alice")
    assert "Closed, and not erased yet" in page and "Take it back" in page
    assert 'hx-trigger="every 2s"' not in visit(place, by="alice").content.decode()
    assert "can be taken back" in words(visit, "/settings/erasures", "alice")
    assert visit("/lab/vision", by="alice").status_code == 404
    assert send(f"{place}/restore", by="bob").status_code == 404

    assert send(f"{place}/restore", by="alice").headers["Location"] == place

    assert "Nothing was erased. All of it is where it was." in words(visit, place, "alice")
    assert "Take it back" not in words(visit, place, "alice")
    assert visit(RUN, by="alice").status_code == 200
    for act in ("restore", "now"):
        assert send(f"{place}/{act}", by="alice").status_code == 409


def test_what_waits_is_named_where_it_can_be_taken_back_and_nowhere_afterwards(
    visit: Visit, send: Visit, full: Run, vision: Project, alice: User, mallory: User
) -> None:
    """Of three one knows which. Its old address leads there whoever may take it back, and tells others what it told them before."""
    choose(vision.entity, SettingName.GRACE_DAYS, 3, by=Actor.person(alice))
    work.run(vision, "tuned", by=alice, display_name="the tuned one")
    places = [
        send(f"/lab/vision/runs/{name}/erase", by="alice").headers["Location"] for name in ("full", "tuned")
    ]
    pages = [*places, "/settings/erasures", "/"]
    old = "/lab/vision/runs/tuned"

    assert ["the tuned one" in words(visit, url, "alice") for url in pages] == [False, True, True, True]
    assert "Name Id Project the tuned one tuned vision" in words(visit, places[1], "alice")
    assert [visit(places[1], by=who).status_code for who in ("bob", "vera", "mallory")] == [404] * 3
    for who in ("bob", "vera"):
        assert all("the tuned one" not in words(visit, url, who) for url in (old, *pages[2:]))
        assert "Waiting to be erased" not in words(visit, old, who)
        assert "This has been erased" in words(visit, old, who)
    assert visit(old, by="mallory").status_code == visit(old).status_code == 404
    led = visit(old, by="alice")
    assert led.status_code == 410 and "Waiting to be erased Nobody finds it any more." in text_of(led)
    assert f'href="{places[1]}"' in led.content.decode()

    def named() -> list[str]:
        return [url for url in (*pages, old) if "the tuned one" in words(visit, url, "alice")]

    send(f"{places[1]}/now", by="alice")
    assert named() == []
    finish(ErasureJob.objects.latest("pk"))
    assert named() == []
    assert "This has been erased" in words(visit, old, "alice")


def test_who_does_not_want_to_wait_presses_the_other_button(visit: Visit, send: Visit, full: Run) -> None:
    place = send("/lab/vision/settings/erase", by="alice", name="vision").headers["Location"]
    send(f"{place}/now", by="alice")
    job = ErasureJob.objects.get()
    finish(job)
    assert (job.step, "Take it back" in words(visit, place, "alice")) == ("done", False)


def test_at_once_from_the_preview(visit: Visit, send: Visit, full: Run) -> None:
    send("/lab/vision/settings/erase", by="alice", name="vision", now="1")

    assert ErasureJob.objects.get().step == "shred"


def test_a_team_goes_when_its_name_was_typed(visit: Visit, send: Visit, full: Run, mallory: User) -> None:
    for who, status in (("bob", 403), ("vera", 403), ("mallory", 404), (None, 404)):
        assert visit("/teams/lab/erase", by=who).status_code == status
        assert send("/teams/lab/erase", by=who, name="lab").status_code == status
    assert visit("/teams/alice/erase", by="alice").status_code == 404
    assert "Erase the team." in words(visit, "/teams/lab", "alice")
    assert "Erase the team." not in words(visit, "/teams/lab", "bob")
    asked = words(visit, "/teams/lab/erase", "alice")
    assert "Projects, with everything in them 1" in asked and "people are in the team." in asked
    wrong = send("/teams/lab/erase", by="alice", name="<b>l\u202eab</b>" * 100)
    assert wrong.status_code == 400 and "<b>l" not in wrong.content.decode()

    place = send("/teams/lab/erase", by="alice", name=" lab ").headers["Location"]

    assert "A team with everything in it" in words(visit, place, "alice")
    assert [visit(url, by="bob").status_code for url in ("/lab", "/teams/lab", RUN)] == [404, 404, 404]
    send(f"{place}/restore", by="alice")
    assert visit(RUN, by="bob").status_code == 200
