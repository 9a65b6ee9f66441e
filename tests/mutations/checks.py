"""Every check by its name: a cell of the matrix, a list, a call of a service, what a page offers. Each says what is wrong, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property, partial
from typing import Any

from django.test import override_settings

from apps.access.policy import Permission
from tests.matrix.asking import Door, Level, Way
from tests.matrix.measure import YES, Measure, expected, measured, seen_by, visibilities
from tests.matrix.ways import list_ways, project_ways
from tests.matrix.world import Asker, Place, Target, undone
from tests.mutations.again import SENT, key_made_again, sent_again, teams_offered
from tests.mutations.answers import ANSWERS, Answer
from tests.mutations.direct import ACTS, Act, Scene, outcome, scene
from tests.mutations.offers import ASKERS, PLACES, refused
from tests.mutations.told import NOTED, TOLD, noted, told
from tests.turns import of_each_kind

Check = Callable[[], str]


class Checks:
    """The checks of one world. A name says what is asked, by whom, and of what."""

    def __init__(self, measure: Measure) -> None:
        self.measure = measure
        self.scene: Scene = scene(measure.world)

    def wrong(self, name: str) -> str:
        """What is wrong with it now, or nothing."""
        self.measure.forget_ghosts()
        with undone():
            return self.all[name]()

    @cached_property
    def all(self) -> dict[str, Check]:
        return {
            **self.direct(),
            **self.answers(),
            **self.told(),
            **self.besides(),
            **self.offers(),
            **self.lists(),
            **self.cells(),
        }

    def cells(self) -> dict[str, Check]:
        measure, found = self.measure, dict[str, Check]()
        for way in project_ways():
            for asker in (each for each in measure.world.askers if measured(each, way)):
                for place in visibilities(way, measure.world):
                    check = partial(self._cell, asker, way, place)
                    found[f"matrix | {way.label} | {asker.name} | {place.name}"] = check
        return found

    def _cell(self, *cell: Any) -> str:
        return str(next(self.measure.cell(*cell), ""))

    def told(self) -> dict[str, Check]:
        return {
            f"told | {each.name} | {asker.name} | {place.name}": partial(
                told, self.measure, self.scene, each, asker, place
            )
            for each in TOLD
            for asker in self.measure.world.askers
            if asker.key and not asker.is_refused_key
            for place in self._places
            if asker.may(Permission.PROJECT_READ, place)
        }

    def offers(self, *, days: int = 1) -> dict[str, Check]:
        """Each page as each asker who sees it in one of these projects, within so many days in all."""
        world, found = self.measure.world, dict[str, Check]()
        pages = [way for way in project_ways() if way.door is Door.WEB and way.method == "GET"]
        for number, way in enumerate(pages):
            for who, asker in enumerate(world.asker(name) for name in ASKERS):
                places = [
                    place
                    for place in visibilities(way, world)
                    if (way.level is not Level.PROJECT or place.name in PLACES)
                    and expected(asker, way, place) == YES
                ]
                for place in of_each_kind(places, lambda _: "", days=days, begin=number + who):
                    check = partial(refused, self.measure, way, asker, place)
                    found[f"offers | {way.label} | {asker.name} | {place.name}"] = check
        return found

    def besides(self) -> dict[str, Check]:
        s = self.scene
        return {
            **{f"again | {name}": partial(sent_again, s, name) for name in SENT},
            "again | key": partial(key_made_again, s),
            **{
                f"offered | {view} | {name}": partial(teams_offered, s, name, view)
                for view in ("project-new", "imports")
                for name in ("viewer", "member")
            },
            **{f"noted | {name}": partial(noted, self.measure, s, fields) for name, fields in NOTED.items()},
        }

    def searched(self) -> list[str]:
        """Those that tell most: who may, may; of the matrix, where somebody is refused."""
        refusing = [
            f"matrix | {way.label} | {asker.name} | {place.name}"
            for asker, way, place in self.measure.cells(project_ways(), everywhere=True)
            if expected(asker, way, place) != YES
        ]
        others = (name for name in self.all if not name.startswith("matrix"))
        return [*in_turn(others, every=25), *refusing]

    def lists(self) -> dict[str, Check]:
        measure, found = self.measure, dict[str, Check]()
        target = measure.world.places[0].target
        for way in list_ways():
            for asker in (each for each in measure.world.askers if measured(each, way)):
                found[f"list | {way.label} | {asker.name}"] = partial(self._list, asker, way, target)
        return found

    def _list(self, asker: Asker, way: Way, target: Target) -> str:
        marks = self.measure.asked(asker, way, target).marks
        return ", ".join(sorted(marks - seen_by(self.measure.world, asker, way)))

    @cached_property
    def _places(self) -> list[Place]:
        """But the one that is as a private one, of another team: the gate behind all of these is one."""
        return [each for each in self.scene.world.places if not each.is_kept]

    def direct(self, *, days: int = 1) -> dict[str, Check]:
        """Of places in which somebody is answered the same, each within so many days."""
        found = dict[str, Check]()
        for number, act in enumerate(ACTS):
            places = self._places if act.level == "project" else self._places[:1]
            if not act.is_run:  # it makes no difference who added the run
                places = [each for each in places if "run" not in each.name]
            same = sum(each.name == act.name for each in ACTS[:number]) + 1
            for who, asker in enumerate(self.scene.askers):

                def kind(place: Place, asker: Asker = asker, act: Act = act) -> tuple[str, str]:
                    own = place.name if act.is_run and place.added_by == asker.actor.user_id else ""
                    return act.expected(asker, place), own

                for place in of_each_kind(places, kind, days=days, begin=number + who):
                    name = f"call | {act.name} {same} | {asker.name} | {place.name}"
                    found[name] = partial(self._call, act, asker, place)
        return found

    def answers(self, *, days: int = 1) -> dict[str, Check]:
        """As `direct`; of what the client asks `in_turn` chooses."""
        found = dict[str, Check]()
        for number, answer in enumerate(ANSWERS):
            for who, asker in enumerate(self.scene.askers):
                places = self._places if answer.is_each else self._places[:1]
                if days > 1 and len(places) > 1 and not answer.name.startswith("client "):
                    kind = partial(self._wanted, answer, asker)
                    places = of_each_kind(places, kind, days=days, begin=number + who)
                for place in places:
                    name = f"answer | {answer.name} | {asker.name} | {place.name}"
                    found[name] = partial(self._answer, answer, asker, place)
        return found

    def _wanted(self, answer: Answer, asker: Asker, place: Place) -> str:
        with undone():
            return repr(answer.expected(self.scene, place, asker))

    def _answer(self, answer: Answer, asker: Asker, place: Place) -> str:
        wanted, got = answer.expected(self.scene, place, asker), answer.call(self.scene, place, asker)
        return "" if got == wanted else f"expected {wanted!r}, got {got!r}"

    @override_settings(OWNLOG_HOSTED=True)
    def _call(self, act: Act, asker: Asker, place: Place) -> str:
        wanted, got = act.expected(asker, place), outcome(act, self.scene, place, asker.actor)
        return "" if got == wanted else f"expected {wanted}, got {got}"


def in_turn(names: Iterable[str], *, every: int, begin: int = 0) -> list[str]:
    """These, but of what the client asks of each project beyond the first a few: each field, asker and project has its turn."""
    found, come = [], begin
    for name in names:
        is_one_of_many = name.startswith("answer | client ") and not name.endswith(" | private project")
        come += is_one_of_many
        if not is_one_of_many or come % every == 0:
            found.append(name)
    return found


def red(checks: Checks, name: str) -> str:
    """Why this check is red, or nothing. Whoever was let in further than the code expects has been let in."""
    try:
        return str(checks.wrong(name))
    except Exception as error:
        return f"{type(error).__name__}: {error}"


__all__ = ["Checks", "in_turn", "red"]
