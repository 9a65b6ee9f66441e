"""Changing what is said of a version and of an artifact from their pages."""

from __future__ import annotations

from typing import Any

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.models import Version
from apps.artifacts.queries import find_collection, open_collection, open_version
from apps.artifacts.services import add_aliases, update_collection
from apps.artifacts.types import OpenVersion
from apps.projects.models import Project
from apps.web.artifacts.forms import mark_of, mark_of_collection
from tests.factories import artifacts
from tests.web.conftest import Visit, text_of

PAGE = "/lab/vision/artifacts/dataset/animals/v0"
METADATA = '{"rows": 1.50, "deep": {"a": [1, 2]}}'


@pytest.fixture
def animals(vision: Project, alice: User) -> Version:
    return artifacts.version(
        vision,
        "animals",
        {"a": b"1"},
        by=Actor.person(alice),
        aliases=("latest", "best"),
        tags=("old",),
        description="Words.",
        metadata_text=METADATA,
    )


def now(version: Version) -> OpenVersion:
    version.refresh_from_db()
    return open_version(version)


def said(version: Version, **changes: str) -> dict[str, str]:
    """The form as it is sent by somebody who has it before them now."""
    shown = {"aliases": "best", "tags": "old", "description": "Words.", "metadata": METADATA}
    return shown | {"seen": mark_of(now(version))} | changes


@pytest.mark.parametrize("address", [f"{PAGE}/edit", "/lab/vision/artifact/animals/edit"])
def test_who_may_not_write_finds_no_form(
    visit: Visit, animals: Version, bob: User, vera: User, mallory: User, address: str
) -> None:
    people = ("alice", "bob", "vera", "mallory", None)

    assert [visit(address, by=who).status_code for who in people] == [200, 200, 403, 404, 404]


def test_a_version_is_changed_as_a_script_would(
    visit: Visit, send: Visit, animals: Version, bob: User
) -> None:
    answer = send(
        f"{PAGE}/edit",
        by="bob",
        **said(
            animals,
            aliases="good\r\nprod & co",
            tags="new\r\n\r\nnew",
            description="Other\r\nwords",
            metadata='{"x": [1]}',
        ),
    )
    opened = now(animals)

    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    assert set(opened.aliases) == {"latest", "good", "prod & co"}
    assert opened.words.tags == ("new",)
    assert opened.words.description == "Other\nwords"
    assert opened.words.metadata_text == '{"x": [1]}'


def test_what_is_sent_back_as_it_was_shown_stays_to_the_letter(
    visit: Visit, send: Visit, animals: Version
) -> None:
    page = visit(f"{PAGE}/edit", by="alice").content.decode()
    assert "&quot;rows&quot;: 1.5" in page

    shown = '{\r\n  "rows": 1.5,\r\n  "deep": {\r\n    "a": [\r\n      1,\r\n      2\r\n    ]\r\n  }\r\n}'
    assert send(f"{PAGE}/edit", by="alice", **said(animals, metadata=shown)).status_code == 302

    assert now(animals).words.metadata_text == METADATA


@pytest.mark.parametrize(
    ("field", "wrong", "words"),
    [
        ("aliases", "v7", "v0, v1 and so on are given by the server"),
        ("aliases", "a/b", "no / or : in it"),
        ("aliases", "x" * 10_000, "1 to 128 letters"),
        ("tags", "a:b", "no / or : in it"),
        ("description", "x" * 250_001, "at most 250000 letters"),
        ("metadata", "[1]", "the JSON text of an object"),
        ("metadata", "{", "JSON"),
        ("description", "a\x00b", "Null characters are not allowed."),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_changes_nothing(
    send: Visit, animals: Version, field: str, wrong: str, words: str
) -> None:
    answer = send(f"{PAGE}/edit", by="alice", **said(animals, **({"tags": "new"} | {field: wrong})))
    page = answer.content.decode()
    at = page.index(f'id="id_{field}-error"')

    assert answer.status_code == 400
    assert words in page[at : at + 400]
    assert now(animals).words.tags == ("old",)


@pytest.mark.parametrize("seen", [None, "", "x" * 10_000, "<i>\x00"])
def test_what_somebody_changed_since_it_was_shown_is_not_taken_back(
    visit: Visit, send: Visit, animals: Version, vision: Project, alice: User, seen: str | None
) -> None:
    form = said(animals, description="Other words.")
    assert f'name="seen" value="{form["seen"]}"' in visit(f"{PAGE}/edit", by="bob").content.decode()
    by = Actor.person(alice)
    second = artifacts.version(vision, "animals", {"a": b"2"}, by=by)
    add_aliases(second, ["best"], by=by)

    answer = send(f"{PAGE}/edit", by="bob", **(form if seen is None else form | {"seen": seen}))

    assert answer.status_code == 400
    assert "The version has changed since you read it." in text_of(answer)
    assert "Other words." in answer.content.decode()
    assert b"<i>" not in answer.content
    assert set(now(second).aliases) == {"latest", "best"}
    assert now(animals).words.description == "Words."


def test_hostile_words_are_words(visit: Visit, send: Visit, animals: Version) -> None:
    hostile = "<script>alert(1)</script>\u202e"

    send(f"{PAGE}/edit", by="alice", **said(animals, description=hostile, tags="<i>x<i>"))
    shown, form = (visit(each, by="vera" if each == PAGE else "alice") for each in (PAGE, f"{PAGE}/edit"))

    for answer in (shown, form):
        assert b"<script>alert" not in answer.content and b"<i>" not in answer.content


def changed(version: Version, **words: str) -> dict[str, Any]:
    """The form of the artifact as it is sent by somebody who has it before them now."""
    shown = {"name": "animals", "type_name": "dataset", "description": "", "tags": ""}
    return shown | {"seen": mark_of_collection(open_collection(version.collection))} | words


@pytest.mark.parametrize("seen", [None, "", "x" * 10_000, "<i>\x00"])
def test_what_somebody_changed_of_an_artifact_since_it_was_shown_is_not_taken_back(
    visit: Visit, send: Visit, animals: Version, alice: User, seen: str | None
) -> None:
    page, form = "/lab/vision/artifact/animals/edit", changed(animals, tags="mine")
    assert f'name="seen" value="{form["seen"]}"' in visit(page, by="bob").content.decode()
    update_collection(animals.collection, by=Actor.person(alice), description="Theirs")

    answer = send(page, by="bob", **(form if seen is None else form | {"seen": seen}))

    assert answer.status_code == 400
    assert "The artifact has changed since you read it." in text_of(answer)
    assert "mine" in answer.content.decode() and b"<i>" not in answer.content
    animals.collection.refresh_from_db()
    now = open_collection(animals.collection)
    assert (now.description, now.tags) == ("Theirs", ())


def test_an_artifact_is_renamed_and_its_versions_go_along(
    visit: Visit, send: Visit, animals: Version, vision: Project
) -> None:
    answer = send(
        "/lab/vision/artifact/animals/edit",
        by="alice",
        **changed(animals, name="beasts", type_name="raw data", description="All of them", tags="a\nb"),
    )
    found = find_collection(vision, "beasts")
    assert found is not None
    opened = open_collection(found)

    assert answer["Location"] == "/lab/vision/artifacts/raw%20data/beasts"
    assert (opened.type_name, opened.description, opened.tags) == ("raw data", "All of them", ("a", "b"))
    assert visit("/lab/vision/artifacts/x/beasts/best", by="vera").status_code == 200
    assert visit("/lab/vision/artifacts/x/animals", by="vera").status_code == 404


@pytest.mark.parametrize(
    ("words", "field", "says"),
    [
        ({"name": "net"}, "name", "The project has an artifact of this name already."),
        ({"name": "a b"}, "name", "letters, digits, dots, dashes and underscores"),
        ({"name": "x" * 10_000}, "name", "1 to 128"),
        ({"type_name": "a/b"}, "type_name", "no / or : in it"),
        ({"name": ""}, "name", "An artifact needs a name."),
    ],
)
def test_a_name_that_cannot_be_is_said_beside_its_field(
    send: Visit, animals: Version, vision: Project, alice: User, words: dict[str, str], field: str, says: str
) -> None:
    artifacts.version(vision, "net", {"w": b"1"}, by=Actor.person(alice))

    answer = send("/lab/vision/artifact/animals/edit", by="alice", **changed(animals, **words))
    page = answer.content.decode()
    at = page.index(f'id="id_{field}-error"')

    assert answer.status_code == 400
    assert says in page[at : at + 400]
    assert find_collection(vision, "animals") is not None


def test_the_pages_offer_it_to_those_who_may(visit: Visit, animals: Version, bob: User, vera: User) -> None:
    collection = "/lab/vision/artifacts/dataset/animals"

    def offered(who: str) -> list[bool]:
        return ["Edit" in text_of(visit(each, by=who)) for each in (PAGE, collection)]

    assert (offered("bob"), offered("vera")) == ([True, True], [False, False])
