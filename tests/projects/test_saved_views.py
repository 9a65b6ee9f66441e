from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from django.db import connection

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.services import create_registry
from apps.audit.models import Event
from apps.core.errors import Conflict, Invalid, NotFound, OwnlogError, TooMuch
from apps.projects.models import Project, SavedView
from apps.projects.saved_views import get_view, named_views, names_of_views, open_view, views_of
from apps.projects.services import change_view, delete_view, save_view, views
from apps.teams.models import Entity, Organisation
from apps.vault.damage import leaving_out_damaged
from apps.vault.tree import erase_node
from apps.vault.types import NodeId
from tests.factories import people, work

pytestmark = pytest.mark.django_db
TABLE = {"q": ["config.lr > 0.1", "canary"], "order": ["-summary_metrics.loss"], "col": ["config.lr"]}


@pytest.fixture
def by(alice: User) -> Actor:
    return Actor.person(alice)


@pytest.fixture
def view(vision: Project, by: Actor) -> SavedView:
    return save_view(vision, name="  of the paper ✓ ", table=TABLE, by=by)


def test_one_is_saved_changed_and_deleted_on_the_record(vision: Project, by: Actor, view: SavedView) -> None:
    (opened,) = views_of(vision)
    assert (opened.name, opened.table) == ("of the paper ✓", TABLE)
    before = opened.view.changed_at

    change_view(view, name="renamed", by=by)
    change_view(view, table={"group": ["state"], "q": [""]}, by=by)
    change_view(view, by=by)

    (opened,) = views_of(vision)
    assert (opened.name, opened.table) == ("renamed", {"group": ["state"]})
    assert opened.view.created_at <= before < opened.view.changed_at
    delete_view(view, by=by)
    delete_view(view, by=by)
    assert views_of(vision) == []
    told = Event.objects.filter(kind__startswith="view.").order_by("pk")
    kinds = ["view.saved", "view.changed", "view.changed", "view.deleted"]
    assert [(each.kind, each.subject, each.facts) for each in told] == [
        (kind, vision.public_id, {"view": view.public_id}) for kind in kinds
    ]


def test_its_name_and_what_it_shows_lie_sealed_under_the_projects_key(view: SavedView) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM projects_savedview")
        (row,) = cursor.fetchall()

    kept = b"".join(bytes(each) for each in row if isinstance(each, bytes | memoryview))
    assert kept and not any(word in kept for word in (b"canary", b"paper", b"config.lr"))


@pytest.mark.parametrize(
    ("name", "table", "error", "says"),
    [
        (" ", {}, Invalid, "needs a name"),
        ("x" * 101, {}, Invalid, "at most 100 characters"),
        ("a\nb", {}, Invalid, "no control characters"),
        ("half \ud800", {}, Invalid, "no control characters"),
        ("of the paper ✓", {}, Conflict, "of this name already"),
        ("v", {"colour": ["red"]}, Invalid, "says nothing of “colour”"),
        ("v", {"q": ["half \ud800"]}, Invalid, "not valid Unicode"),
        ("v", {"q": ["nul \0"]}, Invalid, "not valid Unicode"),
        ("v", {"q": ["x" * 2000] * 9}, TooMuch, "at most 16 KiB"),
        ("v", {"q": ["損" * 800]}, TooMuch, "at most 7 KiB"),
    ],
)
def test_what_no_view_may_be_is_refused_in_words(
    vision: Project,
    by: Actor,
    view: SavedView,
    name: str,
    table: Mapping[str, Sequence[str]],
    error: type[OwnlogError],
    says: str,
) -> None:
    with pytest.raises(error, match=says):
        save_view(vision, name=name, table=table, by=by)

    assert views_of(vision) == [open_view(view)]


def test_a_project_has_so_many_and_no_more(
    vision: Project, by: Actor, view: SavedView, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "MOST_VIEWS", 2)
    save_view(vision, name="Another", table={}, by=by)

    with pytest.raises(TooMuch, match="at most 2 saved views"):
        save_view(vision, name="one too many", table={}, by=by)

    assert [each.name for each in views_of(vision)] == ["Another", "of the paper ✓"]
    change_view(view, name="another", by=by)  # another letter is another name
    with pytest.raises(Conflict):
        change_view(view, name="Another", by=by)


def test_that_of_another_project_is_not_found(
    vision: Project, alice: User, by: Actor, view: SavedView
) -> None:
    other = work.project("lab", "other", by=alice)

    for public_id in (view.public_id, "x", "y" * 20):
        with pytest.raises(NotFound):
            get_view(other, public_id)
    assert views_of(other) == []
    save_view(other, name="of the paper ✓", table=TABLE, by=by)  # a name is free elsewhere


def test_one_that_was_deleted_meanwhile_does_not_come_back(by: Actor, view: SavedView) -> None:
    SavedView.objects.all().delete()

    with pytest.raises(NotFound):
        change_view(view, name="again", by=by)
    assert not SavedView.objects.exists()


def test_one_that_does_not_open_keeps_nobody_from_the_others(
    vision: Project, by: Actor, view: SavedView
) -> None:
    sound = save_view(vision, name="sound", table={}, by=by)
    SavedView.objects.filter(pk=view.pk).update(sealed_name=bytes(sound.sealed_name))

    with leaving_out_damaged() as damaged:
        assert [each.name for each in views_of(vision)] == ["sound"]

    assert [error.row for error in damaged] == [view.uuid]
    save_view(vision, name="of the paper ✓", table={}, by=by)
    delete_view(get_view(vision, view.public_id), by=by)
    assert len(views_of(vision)) == 2


def test_its_name_is_known_where_what_it_shows_is_not(vision: Project, view: SavedView) -> None:
    SavedView.objects.update(sealed_table=b"damaged")

    assert [each.name for each in named_views(vision)] == ["of the paper ✓"]
    assert list(names_of_views([vision], [view.public_id])) == [(view.public_id, vision.pk, "of the paper ✓")]


def test_that_of_a_project_which_goes_in_between_keeps_nobody_from_the_names_of_others(
    vision: Project, alice: User, by: Actor, view: SavedView
) -> None:
    other = work.project("lab", "other", by=alice)
    sound = save_view(other, name="sound", table={}, by=by)
    erase_node(NodeId(vision.vault_node))

    found = list(names_of_views([vision, other], [view.public_id, sound.public_id]))

    assert found == [(sound.public_id, other.pk, "sound")]


def test_a_registry_has_none(lab: Entity, alice: User, by: Actor) -> None:
    institute: Organisation = people.organisation("institute", admin=alice, teams=[lab])
    registry = create_registry(institute, name="models", by=by)

    with pytest.raises(Invalid, match="no table of runs"):
        save_view(registry, name="v", table={}, by=by)
