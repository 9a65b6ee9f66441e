"""The addresses that no permission stands at and that are nobody's own: the operators', and those for anybody."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle, islice

import pytest
from django.apps import apps
from django.urls import reverse

from apps.access.rules import ANYBODY, OPERATOR, SHARE_LINK, SIGNED_IN, SIGNED_URL, rules_of_url
from tests.e2e.secrecy.test_tenants import ROUTES
from tests.house.test_access import URLS, with_rule
from tests.matrix.asking import Way
from tests.matrix.measure import SHARE, Heard, Measure, measured
from tests.matrix.test_own import OWN, WAYS_IN, is_form, way
from tests.matrix.ways import list_ways, project_ways

# What is asked for elsewhere, by those whom it makes a difference to.
ELSEWHERE = {("invitation", "POST"): "tests/teams/test_invitations.py"}


@pytest.mark.promise("P-24")
def test_each_address_is_asked_for_as_everybody_or_where_it_says() -> None:
    """The ways are made of the declared addresses, but by their rules: one whose rule fits none of them would be in no test."""
    there = {(name, method) for name in URLS for method in rules_of_url(name) if method != "HEAD"}
    asked = {(each.name.partition(" ")[0], each.method) for each in (*project_ways(), *list_ways())}
    asked |= {each for rule in (ANYBODY, OPERATOR, SIGNED_URL, SHARE_LINK) for each in with_rule(rule)}
    asked |= {each for each in with_rule(SIGNED_IN) if each[0] in OWN or is_form(*each)}

    assert there - asked == set(ELSEWHERE), "A way of tests/matrix, or a line in ELSEWHERE, please."


def _operators_ways() -> Iterator[Way]:
    """Each address of theirs, by GET and by POST; those about a row of one that is there, or of none."""
    for name, method in with_rule(OPERATOR):
        path = URLS[name]
        if ROUTES.get(name) == ["object_id"]:
            app, model, _act = name.removeprefix("admin:").split("_")
            row = apps.get_model(app, model)._default_manager.order_by("pk").first()
            path = path if row is None else reverse(name, args=[row.pk])
        if method != "HEAD":
            yield way(name, method, path, OPERATOR)


@pytest.mark.promise("P-03")
def test_operators_addresses_open_to_operators_alone(measure: Measure) -> None:
    """The operator asks at each, and the others in turn, or all: it is one door, whatever lies behind it."""
    ways, wrong = list(_operators_ways()), []
    browsers = [each for each in measure.world.askers if measured(each, ways[0])]
    # The first account owns the instance: alice operates it, too.
    operators = [each for each in browsers if each.actor.username in {"alice", "oscar"}]
    operator = next(each for each in operators if each.is_operator)
    others = [each for each in browsers if each not in operators]
    turn, come = cycle(others), {"admin"}
    for each in ways:
        for asker in (operator, *islice(turn, 3 if SHARE > 1 else len(others))):
            heard = measure.asked(asker, each, measure.world.places[0].target)
            come.add(asker.name)
            if heard.marks or heard.status >= 500:
                wrong.append(f"{asker.name} {each.label}: {heard.status} {', '.join(sorted(heard.marks))}")
            if asker is not operator and each.name != "admin:logout" and not _is_refused(heard):
                wrong.append(f"{asker.name} {each.label}: {heard.status} {heard.place}")
            if asker is operator and _shows_something(each) and not _is_shown(heard):
                wrong.append(f"{asker.name} {each.label}: {heard.status} {heard.place}")

    assert wrong == []
    assert come == {each.name for each in browsers}


def _shows_something(each: Way) -> bool:
    return each.method == "GET" and each.name.endswith(("_changelist", "_change", "_history", "index"))


def _is_shown(heard: Heard) -> bool:
    """Of a row that is not there the admin says so on its first page."""
    return heard.status == 200 or (heard.status == 302 and heard.place == "/admin/")


def _is_refused(heard: Heard) -> bool:
    return heard.status in {403, 404} or (
        heard.status == 302 and heard.place.startswith(("/admin/login/", *WAYS_IN))
    )


@pytest.mark.promise("P-23")
def test_what_is_for_anybody_shows_nothing_of_anybodys(measure: Measure) -> None:
    """No gate stands there, so nobody's words may lie behind it, not even one's own."""
    names = [(name, method) for name, method in with_rule(ANYBODY) if method != "HEAD" and name != "entity"]
    everybody = measure.world.askers
    turn, come, wrong = cycle(everybody), set(), []
    for each in (way(name, method, URLS[name], ANYBODY) for name, method in names):
        askers = [
            asker for asker in islice(turn, 3 if SHARE > 1 else len(everybody)) if measured(asker, each)
        ]
        for asker in (measure.world.asker("nobody"), *askers):
            heard = measure.asked(asker, each, measure.world.places[0].target)
            come.add(asker.name)
            if heard.marks or heard.status >= 500:
                wrong.append(f"{asker.name} {each.label}: {heard.status} {', '.join(sorted(heard.marks))}")

    assert wrong == []
    assert come == {each.name for each in measure.world.askers}
    assert len(names) > 40
