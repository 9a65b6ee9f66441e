"""Two versions of an artifact side by side."""

from __future__ import annotations

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.models import Version
from apps.artifacts.services import commit_version
from apps.projects.models import Project
from apps.runs.models import Run
from tests.factories import artifacts, work
from tests.web.conftest import Visit, text_of

PAGE = "/lab/vision/artifacts/dataset/animals/v1/compare"
OLD = {"same.txt": b"x", "README.md": b"# Words\none\ntwo\n", "gone.bin": b"\0" * 2048}
NEW = {"same.txt": b"x", "README.md": b"# Words\none\nthree\n", "new/a.csv": b"a,b\n"}


@pytest.fixture
def two(vision: Project, alice: User, told: Run) -> list[Version]:
    by = Actor.person(alice)
    made = [
        artifacts.version(
            vision, "animals", OLD, by=by, run=told, metadata_text='{"rows": 1, "split": {"train": 0.8}}',
            description="<b>first</b>",
        ),
        artifacts.version(
            vision, "animals", NEW, by=by, metadata_text='{"rows": "1", "split": {"train": 0.8, "val": 0.2}}',
            tags=("good",),
        ),
    ]  # fmt: skip
    artifacts.version(vision, "net", {"w": b"1"}, by=by, type_name="model")
    return made


def test_outsiders_find_nothing(visit: Visit, two: list[Version], mallory: User) -> None:
    assert [visit(PAGE, by=who).status_code for who in ("vera", "mallory", None)] == [200, 404, 404]


def test_files_metadata_and_facts_are_beside_each_other(visit: Visit, two: list[Version]) -> None:
    words = text_of(visit(PAGE, by="vera"))

    assert "1 added, 1 changed, 1 removed, 1 the same" in words
    assert "README.md changed 16 B 18 B" in words
    assert "gone.bin removed 2.0 kB –" in words
    assert "new/a.csv added – 4 B" in words
    # A number is not its text, and what is the same is counted alone.
    assert "1 value is the same" in words and "rows 1 1 split.val – 0.2" in words
    assert "a run that tells" in words
    assert "Tags differs – good" in words and "&lt;b&gt;first&lt;/b&gt;" in words


def test_a_text_is_compared_line_by_line_and_what_is_none_is_not(visit: Visit, two: list[Version]) -> None:
    text = text_of(visit(PAGE, by="vera", file="README.md"))
    inline = visit(PAGE, by="vera", file="README.md", view="inline").content.decode()
    binary = text_of(visit(PAGE, by="vera", file="gone.bin"))

    assert "two" in text and "three" in text
    assert 'class="line removed"' in inline and 'class="line added"' in inline
    assert "The file is not text" in binary
    assert visit(PAGE, by="vera", file="nothing").status_code == 404


def test_with_which_version_is_asked_by_number_alias_or_name(visit: Visit, two: list[Version]) -> None:
    first = "/lab/vision/artifacts/dataset/animals/v0/compare"

    assert "Nothing to compare with" in text_of(visit(first, by="vera"))
    assert "1 added, 1 changed, 1 removed" in text_of(visit(first, by="vera", **{"with": "latest"}))
    assert "3 added, 0 changed, 1 removed, 0 the same" in text_of(
        visit(first, by="vera", **{"with": "net:v0"})
    )


@pytest.mark.parametrize("wanted", ["v9", "<script>", "x" * 10_000, "a\x00b", "nothing:v0", "v\u202e0"])
def test_a_version_that_is_not_there_is_said_beside_the_field(
    visit: Visit, two: list[Version], wanted: str
) -> None:
    answer = visit(PAGE, by="vera", **{"with": wanted})

    assert answer.status_code == 404
    assert "There is no such version in this project." in text_of(answer)
    assert b'aria-invalid="true"' in answer.content and b"<script>" not in answer.content


def test_a_version_of_another_project_cannot_be_named(visit: Visit, two: list[Version], alice: User) -> None:
    other = work.project("alice", "hidden", by=alice)
    artifacts.version(other, "secret", {"s": b"1"}, by=Actor.person(alice))

    assert visit(PAGE, by="alice", **{"with": "secret:v0"}).status_code == 404
    assert visit(PAGE, by="alice", **{"with": "alice/hidden/secret:v0"}).status_code == 404


def test_many_differing_files_come_in_pages(visit: Visit, vision: Project, alice: User) -> None:
    by = Actor.person(alice)
    artifacts.version(vision, "animals", {"a": b"1"}, by=by)
    artifacts.version(vision, "animals", {f"f{n:03d}": b"x" for n in range(230)}, by=by)

    first, second = (visit(PAGE, by="vera", page=page).content.decode() for page in ("", "1"))

    assert "1 to 200 of 231" in " ".join(first.split())
    assert ">f198<" in first and ">f199<" not in first
    assert ">f199<" in second and ">f229<" in second


def test_what_a_reference_points_at_is_not_fetched(visit: Visit, vision: Project, alice: User) -> None:
    by = Actor.person(alice)
    for where in ("s3://bucket/one", "s3://bucket/two"):
        _with_reference(vision, where, by)

    assert "A reference: what it points at does not lie here." in text_of(visit(PAGE, by="vera", file="far"))


def _with_reference(vision: Project, where: str, by: Actor) -> Version:
    begun = artifacts.begin(vision, "animals", {}, by=by, refs={"far": where})
    artifacts.bring_manifest(begun, artifacts.manifest({}, refs={"far": where}), by=by)
    return commit_version(begun, by=by)
