"""/{entity}/{project}/views and one below it, and their menu above the table"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from apps.access.policy import Visibility
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.projects.models import Project, SavedView
from apps.projects.saved_views import views_of
from apps.projects.services import save_view, update_project, views
from apps.projects.types import TABLE_WORDS
from tests.factories import work
from tests.web.conftest import Visit, text_of

PAGE = "/lab/vision"
HOSTILE = "<img src=x onerror=alert(1)>\u202e/'\"&amp;{{ 7*7 }}"
TABLE = {
    "q": ["config.lr > 0.005", HOSTILE],
    "order": ["-config.lr"],
    "col": ["config.lr", "config.gone"],
    "smooth": ["0.5"],
}


@pytest.fixture
def by(alice: User) -> Actor:
    return Actor.person(alice)


@pytest.fixture
def view(vision: Project, by: Actor) -> SavedView:
    return save_view(vision, name=HOSTILE, table=TABLE, by=by)


def test_what_the_table_shows_is_saved_from_its_page_and_comes_again_by_a_link(
    visit: Visit, send: Visit, vision: Project, bob: User
) -> None:
    work.run(vision, "one", by=bob, config_text='{"lr": {"value": 0.1}}')
    page = visit(PAGE, by="bob", **TABLE).content.decode()
    (form,) = re.findall(rf'<form [^>]*action="{PAGE}/views".*?</form>', page, re.DOTALL)
    assert 'type="hidden" name="col" value="config.gone"' in form and 'name="smooth" value="0.5"' in form
    assert "&lt;img src=x" in form and "<img" not in page

    saved = send(f"{PAGE}/views", by="bob", name=HOSTILE, **TABLE)

    (opened,) = views_of(vision)
    assert (opened.name, opened.table) == (HOSTILE, TABLE)
    link = f"{PAGE}/views/{opened.public_id}"
    assert (saved.status_code, saved["Location"]) == (302, link)
    led = visit(link, by="vera")
    asked = urlsplit(led["Location"])
    assert led.status_code == 302 and asked.path == PAGE
    said = [(word, text) for word in TABLE for text in TABLE[word]]
    assert sorted(parse_qsl(asked.query)) == sorted([*said, ("view", opened.public_id)])
    # A column that no run has any more is empty, and everything else is as it was.
    shown = visit(led["Location"], by="vera")
    assert shown.status_code == 200 and "gone" in text_of(shown)
    assert f'href="{link}" aria-current="true"' in shown.content.decode()


def test_who_may_write_saves_to_it_renames_and_deletes(
    visit: Visit, send: Visit, vision: Project, view: SavedView
) -> None:
    link = f"{PAGE}/views/{view.public_id}"
    page = visit(f"{PAGE}?q=loss&view={view.public_id}", by="bob").content.decode()
    assert re.search(rf'action="{link}"[^>]*>.*?name="q" value="loss".*?value="save"', page, re.DOTALL)
    assert f'name="view" value="{view.public_id}"' in page  # forms of the table lead back to the view

    assert send(link, by="bob", act="save", q=["loss < 1"], view=view.public_id)["Location"] == link
    assert send(link, by="bob", act="rename", name="calm")["Location"] == f"{PAGE}/views"
    assert send(link, by="bob", act="dance").status_code == 302

    (opened,) = views_of(vision)
    assert (opened.name, opened.table) == ("calm", {"q": ["loss < 1"]})
    assert "calm" in text_of(visit(f"{PAGE}/views", by="bob"))
    send(link, by="bob", act="delete")
    assert "There is none." in text_of(visit(f"{PAGE}/views", by="bob"))
    assert visit(link, by="bob").status_code == 404


@pytest.mark.parametrize(
    ("name", "says"), [("", "needs a name"), ("taken", "of this name already"), ("x" * 150, "at most 100")]
)
def test_what_is_refused_says_why_and_keeps_what_was_typed(
    send: Visit, vision: Project, by: Actor, view: SavedView, name: str, says: str
) -> None:
    save_view(vision, name="taken", table={}, by=by)

    new = send(f"{PAGE}/views", by="bob", name=name, q="canary")
    other = send(f"{PAGE}/views/{view.public_id}", by="bob", act="rename", name=name)

    for answer in (new, other):
        assert answer.status_code == 400 and says in text_of(answer)
    html = new.content.decode()
    assert 'name="q" value="canary"' in html and f'name="name" value="{name}"' in html
    assert {each.name for each in views_of(vision)} == {"taken", HOSTILE}


def test_a_full_list_says_so(
    send: Visit, vision: Project, view: SavedView, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "MOST_VIEWS", 1)

    answer = send(f"{PAGE}/views", by="bob", name="more")

    assert answer.status_code == 400 and "at most 1 saved views" in text_of(answer)


@pytest.mark.parametrize(
    ("who", "reads", "writes"),
    [("bob", 200, 302), ("vera", 200, 403), ("mallory", 404, 404), (None, 404, 404)],
)
def test_who_may_read_sees_them_and_who_may_write_saves(
    visit: Visit,
    send: Visit,
    vision: Project,
    mallory: User,
    view: SavedView,
    who: str | None,
    reads: int,
    writes: int,
) -> None:
    link = f"{PAGE}/views/{view.public_id}"

    listed, led = visit(f"{PAGE}/views", by=who), visit(link, by=who)
    sent = [send(url, by=who, name="x", act="save") for url in (f"{PAGE}/views", link)]

    assert listed.status_code == reads
    assert led.status_code == (302 if reads == 200 else reads)
    assert [each.status_code for each in sent] == [writes] * 2
    assert len(views_of(vision)) == (2 if who == "bob" else 1)
    if reads == 200:
        assert ("Rename" in text_of(listed)) == (who == "bob")


def test_of_a_public_project_everybody_sees_them_and_publishing_counts_them(
    visit: Visit, vision: Project, by: Actor, view: SavedView
) -> None:
    asked = text_of(visit(f"{PAGE}/settings/publish", by="alice", visibility="public"))
    assert "Saved views 1" in asked

    update_project(vision, visibility=Visibility.PUBLIC, by=by)

    page = visit(PAGE)
    assert f'href="{PAGE}/views/{view.public_id}"' in page.content.decode()
    assert "Save as a new view" not in text_of(page) and "Save as a new view" in text_of(
        visit(PAGE, by="bob")
    )


def test_what_looks_like_a_secret_in_one_is_asked_about_before_it_is_published(
    visit: Visit, send: Visit, vision: Project, by: Actor
) -> None:
    save_view(vision, name="v", table={"q": [f'config.token = "{"hf" + "_" + "Ab" * 17}"']}, by=by)
    page = f"{PAGE}/settings/publish"

    asked = visit(page, by="alice", visibility="public")

    assert "Values that look like secrets 1" in text_of(asked)
    assert f'href="{PAGE}/views"' in asked.content.decode()
    assert send(page, by="alice", visibility="public").status_code == 400
    assert send(page, by="alice", visibility="public", agreed_secrets="1").status_code == 302


def test_without_a_view_who_may_only_look_has_no_menu(visit: Visit, vision: Project) -> None:
    assert "Saved views" not in visit(PAGE, by="vera").content.decode()


def test_one_that_does_not_open_can_be_deleted(
    visit: Visit, send: Visit, vision: Project, by: Actor, view: SavedView
) -> None:
    SavedView.objects.update(sealed_table=view.sealed_name)
    save_view(vision, name="sound", table={}, by=by)

    assert "sound" in text_of(visit(PAGE, by="bob"))
    page = visit(f"{PAGE}/views", by="bob")
    assert "Delete this view" in text_of(page) and "sound" in text_of(page)
    assert visit(f"{PAGE}/views/{view.public_id}", by="bob").headers["Location"] == f"{PAGE}/views"
    send(f"{PAGE}/views/{view.public_id}", by="bob", act="delete")

    assert [each.name for each in views_of(vision)] == ["sound"]


def test_the_record_names_what_was_saved(visit: Visit, vision: Project, by: Actor) -> None:
    save_view(vision, name="of the paper", table={}, by=by)

    told = text_of(visit("/teams/lab/audit", by="alice", kind="view.saved"))

    assert re.search(r"alice saved a view.*the view of the paper", told)


def test_a_view_says_all_that_the_address_of_the_page_says() -> None:
    """But for the place in the list, and which view was opened."""
    script = Path("static/js/view.js").read_text()
    (names,) = re.findall(r"const NAMES = \[(.*?)\]", script)

    listed = set(re.findall(r'GET\.get(?:list)?\("(\w+)"', Path("apps/web/listing.py").read_text())) - {
        "from"
    }
    assert listed | set(re.findall(r'"(\w+)"', names)) == set(TABLE_WORDS)
