"""…/artifacts/{type}/{artifact}/{version}/erase and …/artifact/{artifact}/erase"""

from __future__ import annotations

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.models import Collection, Version
from apps.artifacts.services import link_version, use_version
from apps.erasure import queries as erasure
from apps.erasure.models import ErasureJob
from apps.erasure.services import advance
from apps.projects.models import Project
from apps.runs.models import Run
from tests.factories import artifacts, people, work
from tests.web.conftest import Visit, text_of

VERSION = "/lab/vision/artifacts/dataset/ds/v0"
ARTIFACT = "/lab/vision/artifact/ds"


@pytest.fixture
def pair(vision: Project, alice: User) -> tuple[Version, Version]:
    """Two versions that share one of three files."""
    by = Actor.person(alice)
    first = artifacts.version(vision, "ds", {"a": b"one", "b": b"two"}, by=by)
    return first, artifacts.version(vision, "ds", {"a": b"one", "c": b"three"}, by=by)


def words(visit: Visit, url: str, who: str = "alice") -> str:
    return text_of(visit(url, by=who))


def test_a_version_is_counted_first_and_its_erasure_has_a_page(
    visit: Visit, send: Visit, pair: tuple[Version, Version]
) -> None:
    assert f'href="{VERSION}/erase"' in visit(VERSION, by="alice").content.decode()
    asked = words(visit, f"{VERSION}/erase")
    assert "Erase this version" in asked
    assert "lists of files and aliases 1 Files that nothing else holds 1 Bytes as they are stored" in asked
    assert "1 file stays: another version holds the same bytes." in asked
    assert "has read it" not in asked and "linked elsewhere" not in asked
    assert Version.objects.count() == 2

    answer = send(f"{VERSION}/erase", by="alice")

    job = ErasureJob.objects.get()
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/settings/erasures/{job.public_id}")
    assert "1 version of an artifact" in words(visit, answer.headers["Location"])
    assert (visit(VERSION, by="alice").status_code, send(f"{VERSION}/erase", by="alice").status_code) == (
        404,
        404,
    )
    advance(job.pk)
    page = words(visit, answer.headers["Location"])
    assert "Versions of artifacts 1 Files 1" in page and "ds" not in page.split()
    assert visit("/lab/vision/artifacts/dataset/ds/v1", by="alice").status_code == 200
    assert visit(answer.headers["Location"], by="vera").status_code == 404


def test_an_alias_leads_to_the_page_of_the_version_itself(
    visit: Visit, send: Visit, pair: tuple[Version, Version]
) -> None:
    """What it means may be another version by the time somebody has read the page."""
    address = "/lab/vision/artifacts/dataset/ds"
    for ask in (visit, send):
        answer = ask(f"{address}/latest/erase", by="alice")
        assert (answer.status_code, answer.headers["Location"]) == (302, f"{address}/v1/erase")
    assert not ErasureJob.objects.exists()


def test_who_uses_it_is_said_and_what_the_asker_may_not_see_is_not(
    visit: Visit, pair: tuple[Version, Version], vision: Project, run: Run, alice: User, mallory: User
) -> None:
    by = Actor.person(alice)
    use_version(run, pair[0])
    use_version(work.run(work.project("mallory", "secret", by=mallory), "r", by=mallory), pair[0])
    link_version(pair[0], vision, name="shipped", aliases=[], by=by)

    asked = words(visit, f"{VERSION}/erase")

    assert "1 run has read it." in asked
    assert "1 version is linked elsewhere." in asked
    assert "secret" not in asked


def test_an_artifact_goes_when_its_name_was_typed(
    visit: Visit, send: Visit, pair: tuple[Version, Version]
) -> None:
    assert (
        f'href="{ARTIFACT}/erase"' in visit("/lab/vision/artifacts/dataset/ds", by="alice").content.decode()
    )
    assert "lists of files and aliases 2 Files that nothing else holds 3" in words(visit, f"{ARTIFACT}/erase")
    hostile = "<b>d\u202es</b>" * 100 + "\x00"
    wrong = send(f"{ARTIFACT}/erase", by="alice", name=hostile, what="all")
    assert wrong.status_code == 400 and "This is not the name of the artifact." in text_of(wrong)
    assert "<b>d" not in wrong.content.decode()

    assert send(f"{ARTIFACT}/erase", by="alice", name=" ds ", what="all").status_code == 302

    assert visit("/lab/vision/artifacts/dataset/ds", by="alice").status_code == 404
    assert not Collection.objects.exists()
    assert "An artifact with all its versions" in words(visit, "/settings/erasures")


def test_what_runs_read_and_what_is_linked_stays_unless_its_owner_says_otherwise(
    visit: Visit, send: Visit, pair: tuple[Version, Version], vision: Project, run: Run, alice: User
) -> None:
    by = Actor.person(alice)
    free = artifacts.version(vision, "ds", {"d": b"four"}, by=by)
    use_version(run, pair[0])
    link_version(pair[1], vision, name="shipped", aliases=[], by=by)
    page = visit(f"{ARTIFACT}/erase", by="alice").content.decode()
    assert 'value="unused" checked' in page and 'value="all" checked' not in page

    assert send(f"{ARTIFACT}/erase", by="alice", name="ds", what="unused").status_code == 302
    assert set(Version.objects.values_list("pk", flat=True)) == {each.pk for each in pair}
    assert Version.everything.filter(pk=free.pk).exists()
    nothing = send(f"{ARTIFACT}/erase", by="alice", name="ds", what="unused")
    assert nothing.status_code == 400 and "Every version is used." in text_of(nothing)

    assert send(f"{ARTIFACT}/erase", by="alice", name="ds", what="all").status_code == 302
    assert not Version.objects.exists()


def test_who_presses_the_button_is_told_of_a_run_that_has_read_it_since_the_page_was_shown(
    visit: Visit, send: Visit, pair: tuple[Version, Version], run: Run
) -> None:
    shown = [visit(f"{each}/erase", by="alice").content.decode() for each in (VERSION, ARTIFACT)]
    assert 'name="what" value="whole"' in shown[1] and 'name="used"' not in shown[0]
    use_version(run, pair[0])

    one = send(f"{VERSION}/erase", by="alice")
    whole = send(f"{ARTIFACT}/erase", by="alice", name="ds", what="whole")

    for answer in (one, whole):
        assert answer.status_code == 409
        told = text_of(answer)
        assert "Since you opened this page a run has read it" in told and "1 run has read it." in told
    assert 'name="used" value="yes"' in one.content.decode()
    assert 'value="unused" checked' in whole.content.decode()
    assert not ErasureJob.objects.exists()
    assert send(f"{VERSION}/erase", by="alice", used="yes").status_code == 302
    assert send(f"{ARTIFACT}/erase", by="alice", name="ds", what="whole").status_code == 302
    assert not Version.objects.exists()


@pytest.mark.parametrize(
    ("who", "status"), [("alice", 200), ("bob", 403), ("vera", 403), ("mallory", 404), (None, 404)]
)
def test_who_may_erase_what(
    visit: Visit,
    send: Visit,
    pair: tuple[Version, Version],
    mallory: User,
    who: str | None,
    status: int,
) -> None:
    for url in (f"{VERSION}/erase", f"{ARTIFACT}/erase"):
        assert visit(url, by=who).status_code == status, url
        if status != 200:
            assert send(url, by=who, name="ds", what="all").status_code == status
    for page in (VERSION, "/lab/vision/artifacts/dataset/ds"):
        assert ("/erase" in visit(page, by=who).content.decode()) is (status == 200)
    assert not ErasureJob.objects.exists()
    assert visit("/lab/vision/artifacts/dataset/ds/v9/erase", by=who).status_code == 404


def test_members_erase_the_versions_that_they_brought(
    visit: Visit, send: Visit, pair: tuple[Version, Version], vision: Project, bob: User
) -> None:
    artifacts.version(vision, "ds", {"bobs": b"x"}, by=people.actor(bob))
    own = "/lab/vision/artifacts/dataset/ds/v2"
    assert f"{own}/erase" in visit(own, by="bob").content.decode()

    assert send(f"{own}/erase", by="bob").status_code == 302
    assert Version.objects.count() == 2


def test_of_very_many_files_it_says_how_much_at_most(
    visit: Visit, pair: tuple[Version, Version], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "_FILES_A_ROUND", 1)
    monkeypatch.setattr(erasure, "_MOST_ROUNDS", 1)

    asked = words(visit, f"{ARTIFACT}/erase")

    assert "Files that nothing else holds 3 Bytes as they are stored, at most" in asked
