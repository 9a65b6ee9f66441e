"""Who may do what by every way in, measured and compared with the one table."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from django.conf import settings
from django.test import Client
from django.urls import resolve

from apps.access.policy import Permission
from apps.access.rules import SIGNED_URL, graphql_rules, url_rules
from apps.accounts.actors import Actor
from apps.core import clock
from apps.projects.models import Project, ShareLink
from apps.projects.readings import READING
from apps.projects.services import make_share_link, revoke_share_link
from apps.teams.models import Membership
from apps.teams.types import MemberRole
from tests.matrix.asking import Door, Level
from tests.matrix.fields import ELSEWHERE
from tests.matrix.measure import YES, Measure, expected, measured, seen_by
from tests.matrix.ways import list_ways, project_ways, signed_ways
from tests.matrix.world import GHOST, Asker, World, undone

ROOT = Path(__file__).parents[2]


@pytest.mark.promise("P-24")
@pytest.mark.parametrize("door", Door)
def test_everybody_may_by_each_way_in_what_the_table_says(measure: Measure, door: Door) -> None:
    cells = list(measure.cells(way for way in project_ways() if way.door is door))
    wrong = [str(mismatch) for cell in cells for mismatch in measure.cell(*cell)]

    assert not wrong, f"{len(wrong)} wrong answers\n" + "\n".join(wrong)
    assert len(cells) > 1000
    assert {name for name, _ in measure.headed} == {way.label for _, way, _ in cells if way.method == "GET"}


@pytest.mark.promise("P-24")
def test_each_kind_of_signed_address_is_a_way_in() -> None:
    nowhere, nobody = cast("World", None), Asker("nobody", Actor.nobody())
    tried = {
        (resolve(ask.path, urlconf="config.urls").view_name, ask.method)
        for ask in (way.ask(nowhere, GHOST, nobody) for way in signed_ways())
    }

    assert tried == {each for each, rule in url_rules().items() if rule == SIGNED_URL and each[1] != "HEAD"}


@pytest.mark.promise("P-24")
def test_each_field_under_a_permission_is_asked_for_as_everybody_or_where_it_says() -> None:
    under = {field for field, rule in graphql_rules().items() if isinstance(rule, Permission)}
    asked = {field for way in project_ways() for field in way.fields}
    elsewhere = {field: file for file, fields in ELSEWHERE.items() for field in fields.split()}

    assert under - asked == set(elsewhere), "A way of tests/matrix/fields.py, or a line in ELSEWHERE, please."
    unasked = [
        field
        for field, file in elsewhere.items()
        if not re.search(rf"\b{field.partition('.')[2]}\b", (ROOT / file).read_text())
    ]
    assert unasked == []


@pytest.mark.promise("P-23")
def test_what_lists_many_things_shows_nobody_the_words_of_others(measure: Measure) -> None:
    shown, wrong = set(), []
    for way in list_ways():
        for asker in (each for each in measure.world.askers if measured(each, way)):
            target = measure.world.places[0].target
            heard = measure.asked(asker, way, target)
            shown |= (marks := heard.marks)
            if differs := measure.head(asker, way, target, heard):
                wrong.append(f"{asker.name} {way.label} answers to HEAD {differs}")
            if others := marks - seen_by(measure.world, asker, way):
                wrong.append(f"{asker.name} {way.label} shows {', '.join(sorted(others))}")

    assert not wrong, "\n".join(wrong)
    assert {"mark-private", "mark-restricted", "mark-public"} <= shown


def _revoke(link: ShareLink, by: Actor) -> None:
    revoke_share_link(link.project, public_id=link.public_id, by=by)


def _expire(link: ShareLink, by: Actor) -> None:
    ShareLink.objects.filter(pk=link.pk).update(expires_at=clock.now())


def _lose_its_maker(link: ShareLink, by: Actor) -> None:
    admins = Membership.objects.filter(entity=link.project.entity, user=link.created_by)
    admins.update(role=MemberRole.MEMBER.value)


@pytest.mark.promise("P-24")
def test_a_browser_that_came_by_a_link_is_refused_from_the_links_end_on(measure: Measure) -> None:
    world = measure.world
    place, alice = world.place("private project"), Actor.person(world.users["alice"])
    project = Project.objects.select_related("entity").get(public_id=place.target.project_id)
    link, secret = make_share_link(project, label="", days=7, by=alice)
    browser = Client()
    browser.get(f"/share/{secret}")
    cookies = browser.cookies[settings.SESSION_COOKIE_NAME].value
    guest = replace(world.asker("holder of links"), name="guest", cookies=cookies)
    ways = [
        way
        for way in project_ways()
        if way.level is Level.PROJECT and way.rule in READING and expected(guest, way, place) == YES
    ]

    wrong = [str(each) for way in ways for each in measure.cell(guest, way, place)]
    late = replace(guest, name="guest whose link has ended", has_link=False)
    for end in (_revoke, _expire, _lose_its_maker):
        with undone():
            end(link, alice)
            wrong += [f"{end.__name__} {each}" for way in ways for each in measure.cell(late, way, place)]

    assert not wrong, "\n".join(wrong)
    assert len(ways) > 40
    assert {way.door for way in ways} == {Door.WEB, Door.REST}
