"""What waits to be erased for good: nobody reads a word of it by any way in, though its keys and its bytes are there.

But for the erasure itself, which is called by name to whoever could read it: tests/erasure/test_called.py.
"""

from __future__ import annotations

import re

import pytest
from django.db.models import F

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.erasure.accounts import erase_account
from apps.erasure.models import ErasureJob
from apps.erasure.services import erase_project, erase_run
from apps.erasure.teams import erase_team
from apps.erasure.types import Scope, Step
from apps.projects.models import Project
from apps.runs.models import Run
from apps.teams.choices import SettingName
from apps.teams.models import Entity
from apps.teams.services import choose
from tests.matrix.asking import Door, Way
from tests.matrix.measure import YES, Heard, Measure, outcome
from tests.matrix.ways import list_ways, project_ways
from tests.matrix.world import Target, World, undone

_LISTS = [way for way in list_ways() if not way.name.startswith("admin:")]  # she is no operator


def closed(world: World, scope: Scope, target: Target) -> ErasureJob:
    by = Actor.person(world.users["alice"])
    choose(world.lab, SettingName.GRACE_DAYS, 3, by=by)
    if scope is Scope.RUNS:
        return erase_run(Run.objects.get(public_id=target.run_id), by=by)
    if scope is Scope.PROJECT:
        return erase_project(Project.objects.get(public_id=target.project_id), by=by)
    return erase_team(Entity.objects.get(pk=world.lab.pk), by=by)


def is_read(way: Way) -> bool:
    """Does it answer with what is there?"""
    return way.method == "GET" or any(field.startswith("Query.") for field in way.fields)


def is_of_run(way: Way) -> bool:
    return way.is_run and not way.name.endswith((" entry", " manifest"))  # that is an artifact's


@pytest.mark.promise("P-09")
def test_nobody_reads_what_waits_by_any_way_in(measure: Measure) -> None:
    """As one who may do everything there, so that nothing else keeps the words from them."""
    world = measure.world
    # Its words stand nowhere else.
    place, admin, wrong = world.place("restricted project"), world.asker("admin"), []

    def ask(way: Way) -> Heard:
        return measure.asked(admin, way, place.target)

    # What was asked for before may be remembered somewhere: the answers after it have to forget it.
    ways = [way for way in [*project_ways(), *_LISTS] if is_read(way)]
    read = [way for way in ways if place.mark in ask(way).marks]
    assert {way.door for way in read} == set(Door) and len(read) > 30
    for scope in (Scope.RUNS, Scope.PROJECT, Scope.TEAM):
        with undone():
            assert closed(world, scope, place.target).step == Step.WAIT
            for way in (each for each in read if scope is not Scope.RUNS or is_of_run(each)):
                heard = ask(way)
                if place.mark in heard.marks:
                    wrong.append(f"{scope} that waits: {way.label} shows it")
                if outcome(way, heard) == YES and way not in _LISTS:
                    wrong.append(f"{scope} that waits: {way.label} answers as if it were there")

    assert not wrong, "\n".join(wrong)


_NAME = re.compile(rb"(?<![\w.~-])bob(?![\w-])")


@pytest.mark.promise("P-09")
def test_nobody_reads_the_name_of_whose_account_waits_by_any_way_in(measure: Measure) -> None:
    """As an admin of the team that they were in, after each way was asked while it showed the name."""
    world, admin = measure.world, measure.world.asker("admin")
    place = world.place("private project")
    bob = world.users["bob"]
    Run.objects.filter(public_id=place.target.run_id).update(created_by=bob, version=F("version") + 1)

    def says_it(way: Way) -> bool:
        return _NAME.search(measure.asked(admin, way, place.target).body) is not None

    shown = [way for way in [*project_ways(), *_LISTS] if is_read(way) and says_it(way)]
    assert {way.door for way in shown} >= {Door.WEB, Door.REST}, [way.label for way in shown]
    with undone():
        erase_account(User.objects.get(pk=bob.pk), by=Actor.person(bob))
        wrong = [way.label for way in shown if says_it(way)]

    assert not wrong, "\n".join(wrong)
